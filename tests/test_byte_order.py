"""The same numbers in the other byte order give the same bits, in the byte order of this machine."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fftconv
from fftconv import audio, image, layers, probability
from fftconv._engines import ENGINES
from fftconv.cli.main import run

RNG = np.random.default_rng(17)
REAL = ["f2", "f4", "f8", "i2", "i4", "i8", "u2", "u4", "u8"]
ALL = [*REAL, "c8", "c16"]


def numbers(kind, shape, seed=0):
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 200, shape)
    return (values + 1j * values[::-1] if kind[0] == "c" else values).astype(kind)


def native(array):
    return array


def swapped(array):
    """The same numbers in the other byte order."""
    return array.astype(array.dtype.newbyteorder("S"))


def check(call):
    """Whether `call` gives the same with arrays as they are and with swapped ones."""
    expected, found = call(native), call(swapped)
    assert_same(found, expected)


def assert_same(found, expected):
    if dataclasses.is_dataclass(expected):
        found, expected = vars_of(found), vars_of(expected)
    if isinstance(expected, (tuple, list)):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_same(one, other)
    elif isinstance(expected, np.ndarray):
        assert found.dtype == expected.dtype
        assert found.dtype.isnative
        np.testing.assert_array_equal(found, expected)
    else:
        assert found == expected or (found != found and expected != expected)


def vars_of(value):
    return [getattr(value, field.name) for field in dataclasses.fields(value)]


@pytest.mark.parametrize("method", ["auto", *ENGINES])
@pytest.mark.parametrize("kind", ALL)
def test_convolutions_take_signals_kernels_and_out_in_either_byte_order(kind, method):
    signal, kernel = numbers(kind, (30, 20)), np.ones((4, 3), kind)
    if method != "running_sum":
        kernel = np.outer([1, 2, 3, 5], [4, 3, 2]).astype(kind)  # of rank 1, for separable
    options = {"mode": "same", "method": method, "boundary": "zero"}
    check(lambda order: fftconv.convolve(order(signal), order(kernel), **options))
    check(lambda order: fftconv.convolve(order(signal), kernel, **options))
    check(lambda order: fftconv.correlate(signal, order(kernel), **options))
    check(lambda order: fftconv.Filter(order(kernel), **options)(order(signal)))
    expected = fftconv.convolve(signal, kernel, **options)
    for function in (
        lambda out: fftconv.convolve(signal, kernel, out=out, **options),
        lambda out: fftconv.correlate(signal, kernel[::-1, ::-1].conj(), out=out, **options),
        lambda out: fftconv.Filter(kernel, **options)(swapped(signal), out=out),
    ):
        out = swapped(np.zeros_like(expected))
        for _ in range(2):  # the second time as a call that is known
            out[...] = 0
            assert function(out) is out
            np.testing.assert_array_equal(out, expected)


@given(
    st.sampled_from(ALL),
    st.sampled_from(ALL),
    st.sampled_from(["zero", "reflect", "wrap", "constant", "missing"]),
    st.sampled_from(["propagate", "omit"]),
    st.sampled_from(["normwise", "componentwise"]),
    st.sampled_from([None, "u1", "f4", "f8"]),
    st.booleans(),
)
def test_every_option_of_a_convolution_does(kind, other, boundary, policy, accuracy, weights, holes):
    signal, kernel = numbers(kind, (9, 8)), numbers(other, (3, 2), 1) + np.ones((), other)
    if holes and signal.dtype.kind in "fc":
        signal[2, 3] = np.nan
    mask = None if weights is None else (numbers("f4", (9, 8), 2) / 200).round().astype(weights)
    options = {"boundary": boundary, "nan_policy": policy, "accuracy": accuracy, "mode": "same"}

    def call(order):
        given_mask = None if mask is None else order(mask)
        return fftconv.convolve(
            order(signal), order(kernel), mask=given_mask, return_weight=True, **options
        )

    check(call)


@pytest.mark.parametrize("kind", ALL)
def test_plans_and_banks_do(kind):
    signal, kernel = numbers(kind, 90), numbers(kind, 7, 1)
    check(lambda order: fftconv.explain(order(signal), order(kernel)).to_dict())
    check(lambda order: fftconv.plan_convolution(90, 7, dtype=order(signal).dtype).to_dict())
    pair = [kernel, kernel[::-1].copy()]
    for given_kernels in (pair, np.stack(pair)):

        def call(order, kernels=given_kernels):
            kernels = order(kernels) if isinstance(kernels, np.ndarray) else [order(k) for k in kernels]
            return fftconv.FilterBank(kernels)(order(signal))

        check(call)
    out = swapped(np.zeros_like(fftconv.FilterBank(pair)(signal)))
    assert fftconv.FilterBank(pair)(signal, out=out) is out
    np.testing.assert_array_equal(out, fftconv.FilterBank(pair)(signal))
    if signal.dtype.kind in "iu":
        result = fftconv.convolve(signal, kernel)
        assert fftconv.verify_convolution(swapped(result), swapped(signal), swapped(kernel))
    if signal.dtype.kind == "f":
        signal[5:8] = np.nan
        mask = np.r_[np.ones(80), np.zeros(10)].astype("f4")
        check(lambda order: fftconv.interpolate_missing(order(signal), order(kernel + 1)))
        check(lambda order: fftconv.interpolate_missing(order(signal), kernel + 1, mask=order(mask)))


@pytest.mark.parametrize("kind", REAL)
@pytest.mark.parametrize("taps", [3, 400])
def test_streams_do(kind, taps):
    signal, kernel = numbers(kind, (500, 2)), numbers(kind, (taps, 2), 1)

    def call(order):
        live = fftconv.StreamingConvolver(order(kernel), block_size=64, channels=2)
        first = live.process(order(signal[:100]))
        live.set_kernel(order(kernel[::-1].copy()), crossfade=20)
        return live.dtype, first, live.process(order(signal[100:])), live.flush()

    check(call)
    live, like = (
        fftconv.StreamingConvolver(kernel, block_size=64, channels=2, dtype=">f4") for _ in range(2)
    )
    assert live.dtype == np.float32
    assert live.dtype.isnative
    out = swapped(np.zeros((500, 2), np.float32))
    assert live.process(signal, out=out) is out
    np.testing.assert_array_equal(out, like.process(signal))


@pytest.mark.parametrize("kind", REAL)
def test_sounds_do(kind, tmp_path):
    sound, taps = numbers(kind, (600, 2)), numbers(kind, (9, 2), 1)
    check(lambda order: audio.smooth(order(sound), 5, window="hann"))
    check(lambda order: audio.echo(order(sound), 1000, 0.01, 0.5))
    check(lambda order: audio.reverb(order(sound), order(taps)))
    check(lambda order: audio.reverb(order(sound), order(taps), sample_rate=441, response_rate=480))
    check(lambda order: audio.fir(order(sound), 1000, 200))
    check(lambda order: audio.detect(order(sound), order(sound[20:60]), 1000))
    source, target = tmp_path / "in.wav", tmp_path / "out.wav"
    audio.write(source, RNG.normal(0, 0.1, (600, 2)), 8000, subtype="DOUBLE")

    def filtered(order):
        audio.filter_file(source, target, order(taps), subtype="DOUBLE")
        return audio.read(target)

    check(filtered)
    if kind in ("f2", "f4", "f8", "i2", "i4"):

        def written(order):
            audio.write(target, order((sound / 256).astype(kind)), 8000, subtype="PCM_24")
            return audio.read(target)

        check(written)


FILTERS = {
    "box_blur": (3,),
    "gaussian_blur": (1.5,),
    "disk_blur": (2,),
    "motion_blur": (5, 30),
    "sharpen": (),
    "emboss": (),
    "high_pass": (2,),
    "difference_of_gaussians": (1, 2),
    "edges": (),
    "edge_directions": (),
    "gradient": (),
}


@pytest.mark.parametrize("kind", ["u1", "u2", "i4", "f4", "f8"])
@pytest.mark.parametrize("channels", [(), (3,)])
def test_images_do(kind, channels):
    pixels = numbers(kind, (20, 24, *channels))
    for name, arguments in FILTERS.items():
        if name == "edge_directions" and kind == "i4":  # which it does not take
            continue
        check(lambda order, name=name, rest=arguments: getattr(image, name)(order(pixels), *rest))
    kernel, mask = np.array([[1, 2], [3, 4]], "f4"), (numbers("f4", (20, 24), 3) > 30).astype("f4")
    check(lambda order: image.apply_kernel(order(pixels), order(kernel), mask=order(mask)))
    check(lambda order: image.pipeline(order(pixels), "box 3 | sharpen 0.5"))
    check(lambda order: image.match_template(order(pixels), order(pixels[3:8, 4:9])))
    check(lambda order: image.match_template(order(pixels), pixels[3:8, 4:9], mask=order(mask[:5, :5])))
    for algorithm in ("wiener", "richardson_lucy"):
        check(lambda order, way=algorithm: image.deconvolve(order(pixels), order(kernel), algorithm=way))


@pytest.mark.parametrize(
    ("kind", "channels", "suffix"),
    [("u2", (), "png"), ("u2", (), "tif"), ("u2", (3,), "tif"), ("u2", (3,), "png"), ("f4", (), "tif")],
)
def test_pictures_on_disk_do(tmp_path, kind, channels, suffix):
    pixels = numbers(kind, (20, 24, *channels))
    path = tmp_path / f"picture.{suffix}"

    def call(order):
        image.write(path, order(pixels))
        return image.read(path)

    check(call)


@pytest.mark.parametrize("kind", ["f2", "f4", "f8", "i2", "i8", "u4", "c8", "c16"])
def test_layers_do(kind):
    x, weights = numbers(kind, (2, 3, 9, 8)), numbers(kind, (4, 3, 3, 2), 1)
    bias = numbers(kind, 4, 2)
    check(lambda order: layers.conv_layer(order(x), order(weights), bias=order(bias), padding=1))
    check(lambda order: layers.conv_layer(order(x), weights))
    check(lambda order: layers.conv_layer(x, order(weights)))
    if kind[0] != "c":
        check(lambda order: layers.pool(order(x), 2))
        check(lambda order: layers.pool(order(x), 2, kind="average"))
        y = layers.conv_layer(x, weights)
        check(lambda order: layers.conv_layer_backward(order(y), order(x), order(weights)))
    check(lambda order: layers.toeplitz_matrix(order(weights[0, 0]), (5, 6)).toarray())


def test_distributions_do():
    weights = np.array([0.4, 0.3, 0.2, 0.1])
    places = np.array([0, 1, 5, 2], "i4")
    one = probability.Pmf(weights)

    def entries(pmf):
        return [pmf.pmf(place) for place in range(12)]

    for kind in ("f4", "f8", "i2", "u4", "i8"):
        given_weights = (10 * weights).round().astype(kind)
        check(lambda order, w=given_weights: entries(probability.Pmf(order(w), normalise=True)))
    check(lambda order: entries(probability.poisson_binomial(order(weights))))
    check(lambda order: entries(probability.mixture([one, one + 1], order(np.array([0.25, 0.75])))))
    check(lambda order: [function(order(places)) for function in (one.pmf, one.cdf, one.sf)])
    density = probability.Density.from_pdf(lambda x: 1.0 + 0 * x, 0, 1, step=0.1)
    points = np.array([0.1, 0.45])
    check(lambda order: [function(order(points)) for function in (density.cdf, density.quantile)])
    samples = RNG.normal(size=200)
    check(lambda order: probability.Density.from_samples(order(samples)).masses)


@pytest.mark.parametrize("kind", ["f4", "f8", "i2", "c8"])
def test_arrays_of_dask_and_xarray_do(kind):
    dask, xarray = pytest.importorskip("dask.array"), pytest.importorskip("xarray")
    signal, kernel = numbers(kind, (40, 30)), numbers(kind, (3, 2), 1)
    mask = (numbers("f4", (40, 30), 2) > 50).astype("f4")

    def chunks(array):
        return dask.from_array(array, chunks=17)

    def computed(lazy):
        result = lazy.compute()
        assert result.dtype == lazy.dtype
        return result

    check(lambda order: computed(fftconv.convolve(chunks(order(signal)), order(kernel))))
    check(lambda order: computed(fftconv.convolve(chunks(order(signal)), chunks(order(kernel)))))
    check(lambda order: computed(fftconv.convolve(chunks(signal), kernel, mask=order(mask))))
    check(lambda order: computed(fftconv.convolve(chunks(signal), kernel, mask=chunks(order(mask)))))
    check(lambda order: computed(fftconv.correlate(order(signal), chunks(order(kernel)))))
    labelled = xarray.DataArray
    check(lambda order: fftconv.convolve(labelled(order(signal)), order(kernel)).data)
    check(lambda order: fftconv.Filter(order(kernel))(labelled(order(signal))).data)
    if kind[0] != "c":
        pixels = signal.astype("u2" if kind == "i2" else kind)
        check(lambda order: computed(image.gaussian_blur(chunks(order(pixels)), 2)))


def test_files_of_kernels_and_big_endian_pictures_do(tmp_path):
    tifffile = pytest.importorskip("tifffile")
    pixels = numbers("u2", (20, 24))

    def filtered(order):
        np.save(tmp_path / "kernel.npy", order(np.array([[1.0, 2], [3, 4]])))
        byteorder = "<" if order is native else ">"
        tifffile.imwrite(tmp_path / "in.tif", pixels, byteorder=byteorder)
        command = ["image", "convolve", str(tmp_path / "in.tif"), "-o", str(tmp_path / "out.tif")]
        assert run([*command, "--kernel", str(tmp_path / "kernel.npy"), "--normalize"]) == 0
        return image.read(tmp_path / "in.tif"), image.read(tmp_path / "out.tif")

    check(filtered)
