"""dask arrays: the same as in memory, whatever the chunks; on workers that die, and within their memory."""

import itertools
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fftconv
from fftconv import image
from fftconv._names import BOUNDARIES
from fftconv._native import core

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")
MODES = ("full", "same", "valid")


def close(measured, expected):
    """Within rounding of the largest, and where NaN and infinities are, exactly."""
    assert measured.dtype == expected.dtype
    assert measured.shape == expected.shape
    if expected.dtype.kind in "iub":
        assert np.array_equal(measured, expected)
        return
    finite = np.isfinite(expected)
    assert np.array_equal(np.isnan(measured), np.isnan(expected))
    assert np.array_equal(measured[~finite], expected[~finite], equal_nan=True)
    largest = np.abs(expected[finite]).max(initial=1)
    error = np.abs(measured[finite] - expected[finite]).max(initial=0)
    assert error <= 100 * np.finfo(expected.dtype).eps * largest


@st.composite
def cut(draw, size):
    """Chunks of any sizes that add up to it."""
    ends = sorted(draw(st.sets(st.integers(1, size - 1), max_size=5))) if size > 1 else []
    return tuple(b - a for a, b in itertools.pairwise([0, *ends, size]))


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_the_same_whatever_the_chunks(data):
    draw = data.draw
    ndim = draw(st.integers(1, 3))
    axes = tuple(sorted(draw(st.sets(st.integers(0, ndim - 1), min_size=1, max_size=2))))
    shape = draw(st.tuples(*[st.integers(1, {1: 40, 2: 16, 3: 9}[ndim])] * ndim))
    taps = [draw(st.integers(1, 7)) for _ in axes]
    mode = draw(st.sampled_from(MODES))
    dilation = draw(st.integers(1, 2))
    boundary = "zero"
    if mode == "valid":
        taps = [min(t, (shape[a] - 1) // dilation + 1) for t, a in zip(taps, axes, strict=True)]
    else:
        boundary = draw(st.sampled_from(BOUNDARIES))
    if draw(st.booleans()) and len(axes) < ndim:  # one kernel for each slice
        taps = [
            taps[axes.index(a)] if a in axes else draw(st.sampled_from([1, shape[a]])) for a in range(ndim)
        ]
    dtype = draw(st.sampled_from(["float32", "float64", "complex128", "int16", "uint8"]))
    rng = np.random.default_rng(draw(st.integers(0, 9999)))
    x = (rng.normal(size=shape) * 50).astype(dtype)
    k = (rng.normal(size=taps) * 9 + 1).astype(dtype)
    options = {
        "mode": mode, "boundary": boundary, "axes": axes, "dilation": dilation,
        "stride": draw(st.integers(1, 3)),
        "method": draw(st.sampled_from(["auto", "direct", "fft", "overlap_save"])),
    }  # fmt: skip
    if boundary == "constant":
        options["fill_value"] = 3
    policy = draw(st.sampled_from(["propagate", "omit"]))
    if dtype.startswith("float") and draw(st.booleans()):
        x[tuple(draw(st.integers(0, n - 1)) for n in shape)] = draw(st.sampled_from([np.nan, np.inf]))
    if policy == "omit" or boundary == "missing":
        k = np.where(k == 0, 1, k).astype(dtype)
    options["nan_policy"] = policy
    mask = None
    if draw(st.integers(0, 3)) == 0:
        k = np.where(k == 0, 1, k).astype(dtype)
        mask = rng.random(shape) < 0.7
    lazy = da.from_array(x, chunks=tuple(draw(cut(n)) for n in shape))
    call = draw(st.sampled_from([fftconv.convolve, fftconv.correlate]))
    expected = call(x, k, mask=mask, return_weight=True, **options)
    found = call(lazy, k, mask=mask, return_weight=True, **options)
    for each, wanted in zip(found, expected, strict=True):
        assert isinstance(each, da.Array)
        computed = each.compute(scheduler="sync")
        assert tuple(sum(sizes) for sizes in each.chunks) == computed.shape
        close(computed, wanted)


def test_nothing_is_computed_before_it_is_asked_for():
    def fail(block):
        raise AssertionError("computed")

    lazy = da.ones((100, 100), chunks=10).map_blocks(fail, dtype=float, meta=np.empty((0, 0)))
    result = fftconv.convolve(lazy, da.ones((5, 5), chunks=1).map_blocks(fail, dtype=float), mode="same")
    assert result.shape == (100, 100)
    assert result.chunks[0] == (10,) * 10
    with pytest.raises(AssertionError, match="computed"):
        result.compute()


def test_the_graph_grows_with_the_chunks_alone():
    def tasks(side):
        lazy = da.zeros((side, side), chunks=20)
        return len(fftconv.convolve(lazy, np.ones((3, 3)), mode="same").__dask_graph__())

    def bytes_of_a_task(side):
        lazy = da.zeros((side, side), chunks=20)
        graph = fftconv.convolve(lazy, np.ones((19, 19)), mode="same").__dask_graph__()
        return max(len(pickle.dumps(task)) for key, task in graph.items() if "compute_chunk" in str(key))

    assert bytes_of_a_task(800) < 1.2 * bytes_of_a_task(100) < 10_000
    assert tasks(400) < 14 * 400  # a chunk, and what it reads of its eight neighbours
    assert tasks(800) < 14 * 1600


def test_halos_do_not_hold_their_chunks():
    from fftconv._arrays.lazy import _as_chunk

    chunk = np.zeros((1000, 1000))
    assert not np.shares_memory(_as_chunk(chunk)[:1], chunk)
    result = fftconv.convolve(da.from_array(np.eye(50), chunks=20), np.ones((3, 3)), mode="same")
    assert type(result.blocks[0, 0].compute()) is np.ndarray


def test_small_chunks_are_taken_together():
    x = np.arange(100.0)
    lazy = da.from_array(x, chunks=1)
    result = fftconv.convolve(lazy, np.ones(9), mode="same")
    assert min(result.chunks[0]) > 9
    assert np.allclose(result, fftconv.convolve(x, np.ones(9), mode="same"))
    long = fftconv.convolve(lazy, np.ones(80), mode="same", boundary="wrap")
    assert long.chunks == ((100,),)
    assert np.allclose(long, fftconv.convolve(x, np.ones(80), mode="same", boundary="wrap"))


def test_kernels_and_masks_may_be_lazy():
    x, k = np.arange(30.0), np.array([1.0, 2.0, 3.0])
    lazy, taps = da.from_array(x, chunks=7), da.from_array(k, chunks=2)
    expected = fftconv.convolve(x, k)
    assert np.array_equal(fftconv.convolve(lazy, taps).compute(), expected)
    assert np.array_equal(fftconv.convolve(x, taps).compute(), expected)
    there = x % 4 != 0
    for mask in (there, da.from_array(there, chunks=4)):
        assert np.allclose(
            fftconv.convolve(lazy, k, mask=mask), fftconv.convolve(x, k, mask=there), equal_nan=True
        )


def test_filters_take_them_too():
    x = np.random.default_rng(0).normal(size=(40, 50))
    lazy = da.from_array(x, chunks=(15, 20))
    smooth = fftconv.Filter(fftconv.kernels.gaussian((1, 1)), boundary="mirror")
    found = smooth(lazy)
    assert isinstance(found, da.Array)
    assert np.allclose(found, smooth(x))
    bank = fftconv.FilterBank([[[1.0, 1.0]], [[1.0, -1.0]]])
    assert isinstance(bank(lazy), da.Array)
    assert np.allclose(bank(lazy), bank(x))


def test_what_is_refused():
    lazy = da.from_array(np.arange(20.0), chunks=5)
    unknown = lazy[lazy > 3]
    with pytest.raises(
        ValueError, match=r"signal has chunks of unknown size .* signal.compute_chunk_sizes\(\) first"
    ):
        fftconv.convolve(unknown, [1.0])
    with pytest.raises(ValueError, match="out= is not accepted for dask arrays"):
        fftconv.convolve(lazy, [1.0], out=np.empty(20))
    with pytest.raises(TypeError, match="dask array of objects"):
        fftconv.convolve(lazy.astype(object), [1.0])
    with pytest.raises(ValueError, match=r"mask has shape \(3,\) and signal \(20,\)"):
        fftconv.convolve(lazy, [1.0], mask=np.ones(3, bool))
    with pytest.raises(TypeError, match="signal is an array of dask, and would be computed"):
        fftconv.explain(lazy, [1.0])
    with pytest.raises(ValueError, match="axes=5 does not fit"):
        fftconv.convolve(lazy, [1.0], axes=5)
    late = fftconv.convolve(lazy.astype(np.int64) + 2**61, [7], mode="same")
    with pytest.raises(OverflowError, match="does not fit int64"):
        late.compute()
    with pytest.raises(ValueError, match="signal holds 1 NaN"):
        fftconv.convolve(da.from_array([1.0, np.nan], chunks=1), [1.0], nan_policy="raise").compute()


@pytest.mark.parametrize("shape", [(90, 70), (90, 70, 3), (90, 70, 4)])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_images_are_filtered_band_by_band(shape, dtype):
    rng = np.random.default_rng(9)
    picture = (rng.random(shape) * (255 if dtype == "uint8" else 1)).astype(dtype)
    lazy = da.from_array(picture, chunks=(25, 30, -1)[: len(shape)])
    colour = "luminance" if shape[2:] == (3,) else "each"
    for name, filtered in {
        "blur": lambda im: image.gaussian_blur(im, 2),
        "edges": lambda im: image.edges(im, "scharr", channel=colour),
        "pipeline": lambda im: image.pipeline(im, "blur 1 | sharpen 0.5"),
        "light": lambda im: image.box_blur(im, 5, linear=True, boundary="mirror"),
    }.items():
        expected, found = filtered(picture), filtered(lazy)
        assert isinstance(found, da.Array)
        assert found.dtype == expected.dtype
        assert found.numblocks[0] > 1, name
        if core is not None:
            assert np.array_equal(found.compute(scheduler="sync"), expected), name
    slopes = image.gradient(lazy, channel=colour)
    for each, expected in zip(slopes, image.gradient(picture, channel=colour), strict=True):
        assert isinstance(each, da.Array)
        np.testing.assert_allclose(each.compute(scheduler="sync"), expected, rtol=1e-6)
    with pytest.raises(
        ValueError, match="boundary='wrap' needs the whole image in memory, and this one is a dask"
    ):
        image.gaussian_blur(lazy, 2, boundary="wrap")


@pytest.mark.parametrize("taps", [2, 3, 7, 8])
@pytest.mark.parametrize("mode", ["full", "same"])
@pytest.mark.parametrize("method", ["direct", "fft", "overlap_save"])
def test_edges_that_wrap(taps, mode, method):
    x, k = np.arange(1.0, 41), np.arange(1.0, taps + 1)
    found = fftconv.convolve(da.from_array(x, chunks=10), k, mode=mode, boundary="wrap", method=method)
    np.testing.assert_allclose(found, fftconv.convolve(x, k, mode=mode, boundary="wrap"), rtol=1e-12)


def test_every_nan_is_refused_that_is_asked_to_be():
    for place in range(40):
        x = np.ones(40)
        x[place] = np.nan
        lazy = fftconv.convolve(da.from_array(x, chunks=8), [1.0, 1.0], stride=5, nan_policy="raise")
        with pytest.raises(ValueError, match="signal holds 1 NaN"):
            lazy.compute()
    kernel = da.from_array(np.array([1.0, np.nan]))
    with pytest.raises(ValueError, match="kernel holds 1 NaN"):
        fftconv.convolve(da.ones(9), kernel, nan_policy="raise").compute()


def test_options_are_those_of_weighted_means():
    x, mask = np.arange(30), np.arange(30) % 3 > 0
    lazy = da.from_array(x, chunks=7)
    options = {"mode": "same", "boundary": "constant", "fill_value": 0.5}
    found = fftconv.convolve(lazy, [1, 2], mask=mask, **options)
    np.testing.assert_allclose(found, fftconv.convolve(x, [1, 2], mask=mask, **options))
    with pytest.raises(ValueError, match="accuracy=1e-30 is not accepted"):
        fftconv.convolve(lazy, [1, 2], mask=mask, accuracy=1e-30)
    with pytest.raises(ValueError, match="method='nonsense' is not accepted"):
        fftconv.convolve(lazy, [1, 2], method="nonsense")
    with pytest.raises(TypeError, match="mask has dtype complex128"):
        fftconv.convolve(lazy, [1, 2], mask=np.ones(30, complex))
    with pytest.raises(TypeError, match="is a masked dask array, whose mask would be lost"):
        fftconv.convolve(da.ma.masked_array(lazy, mask=lazy > 20), [1, 2])
    for wanted in (lazy, lazy + 0j):
        weight = fftconv.convolve(wanted, [1.0, 2.0], return_weight=True)[1]
        assert weight.dtype == weight.compute().dtype


def test_images_of_any_bytes_and_chunks():
    picture = (np.random.default_rng(1).random((60, 40, 4)) * 65535).astype(">u2")
    for chunks in ((60, 5, 1), (7, 40, 4)):
        found = image.gaussian_blur(da.from_array(picture, chunks=chunks), 2)
        assert np.array_equal(found.compute(scheduler="sync"), image.gaussian_blur(picture, 2))
        assert found.numblocks[0] > 1
    beyond = np.random.default_rng(2).random((12, 12, 4)).astype("f4")
    beyond[..., 3] = 1.5
    found = image.gaussian_blur(da.from_array(beyond, chunks=5), 1, alpha=True)
    np.testing.assert_allclose(found, image.gaussian_blur(beyond, 1, alpha=True), rtol=1e-5)
    faint = np.full((60, 40, 4), (9001, 14002, 60003, 0), np.uint16)
    faint[20:40:3, 10:30:4, 3] = 1
    for call in (lambda x: image.sharpen(x, 2), lambda x: image.pipeline(x, "box 3 | sharpen 3")):
        found = call(da.from_array(faint, chunks=9))
        assert np.array_equal(found.compute(scheduler="sync"), call(faint))
    with pytest.raises(ValueError, match=r"image has dtype int64 and shape \(9, 9\)"):
        image.pipeline(da.ones((9, 9), dtype=int), "blur 1 | blur 2")
    with pytest.raises(TypeError, match="mask is an array of dask"):
        image.gaussian_blur(np.ones((9, 9)), 1, mask=da.ones((9, 9)))


class Metres(np.ndarray):
    unit = "m"


@pytest.mark.parametrize("name", ["signal", "kernel", "mask"])
@pytest.mark.parametrize("chunks", [2, 3, 9])
@pytest.mark.parametrize("change", [lambda x: np.ma.masked_equal(x, 1), lambda x: x.view(Metres)])
def test_chunks_that_turn_out_to_lose_something_raise(name, chunks, change):
    hidden = da.ones(9, chunks=chunks).map_blocks(change, dtype=float, meta=np.empty(0))
    given = {"signal": da.ones(9, chunks=chunks), "kernel": [1.0, 2.0, 3.0], "boundary": "wrap"}
    result = fftconv.convolve(**given | {name: hidden}, mode="same")
    with pytest.raises(TypeError, match=f"a chunk of {name} (is a masked array|has the unit 'm')"):
        result.compute(scheduler="sync")
    given[name] = hidden.map_blocks(np.asarray)
    fftconv.convolve(**given, mode="same").compute(scheduler="sync")


def test_masked_kernels_and_masks_have_cures_of_their_own():
    masked = da.ma.masked_array(np.ones(2), mask=[True, False])
    for name, fill in (("kernel", 0), ("mask", False)):
        given = {"signal": da.ones(2), "kernel": [1.0]}
        with pytest.raises(TypeError, match=rf"{name} is .*dask\.array\.ma\.filled\({name}, {fill}\)"):
            fftconv.convolve(**given | {name: masked})
        fftconv.convolve(**given | {name: da.ma.filled(masked, fill)}).compute(scheduler="sync")
