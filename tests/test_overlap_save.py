"""Tiles of every size, by the native core on every level and by FFT providers, against exact sums."""

import dataclasses
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from cases import tilings
from test_core import LEVELS, level, needs_core, whole  # noqa: F401  # level is a fixture

import fftconv
from fftconv import _native, image
from fftconv._arguments import read_problem
from fftconv._engines import overlap_save
from fftconv._error_bound import tile_error_factor
from fftconv.convolution import follow
from fftconv.planning import plan_problem

SIDES = [16, 32, 48, 64, 96, 128, 192, 256]
LINES = [256, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 12288, 16384, 24576]


def convolve_with(tile, signal, kernel, tiling=None, **options):
    """The result and the plan with tiles of this shape, that lie in this way."""
    given = {
        "mode": "full", "boundary": "zero", "fill_value": 0.0, "axes": None, "stride": 1, "dilation": 1,
        "nan_policy": "propagate", "mask": None, "accuracy": "normwise", "workers": None,
        "max_memory": None, "fft_provider": None, "out": None, **options,
    }  # fmt: skip
    problem = read_problem(signal, kernel, method="overlap_save", **given)
    plan = plan_problem(problem)
    way = {"folded": False, "in_lanes": False} | (tiling or {})
    plan = dataclasses.replace(plan, schedule=dataclasses.replace(plan.schedule, fft_shape=tile, **way))
    return follow(problem, plan), plan


def assert_near(result, signal, kernel, tile, **options):
    exact = fftconv.convolve(signal.astype(complex), kernel.astype(complex), method="direct", **options)
    norms = np.linalg.norm(signal) * np.linalg.norm(kernel)
    if options.get("boundary", "zero") != "zero":
        norms = abs(signal).max() * np.sqrt(result.size + 4 * sum(kernel.shape) * max(signal.shape)) * norms
        norms /= np.linalg.norm(signal)
    assert abs(result - exact).max() <= tile_error_factor(int(np.prod(tile)), result.dtype) * norms


@needs_core
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize("rows", SIDES)
@pytest.mark.parametrize("columns", SIDES)
def test_tiles_of_every_shape(level, rows, columns, dtype):  # noqa: F811
    if max(rows, columns) > 64 and level != LEVELS[0] and rows != columns:
        return
    signal, kernel = whole((rows + 11, columns + 23), dtype), whole((9, 14), dtype, 2)
    for tiling in tilings((rows, columns), dtype):
        result, plan = convolve_with((rows, columns), signal, kernel, tiling)
        assert plan.path == "overlap save plane core"
        assert_near(result, signal, kernel, (rows, columns))


@needs_core
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64"])
@pytest.mark.parametrize("length", LINES)
def test_lines_of_every_length(level, length, dtype):  # noqa: F811
    signal, kernel = whole((2 * length + 77,), dtype), whole((length // 3,), dtype, 2)
    for tiling in tilings((length,), dtype):
        result, plan = convolve_with((length,), signal, kernel, tiling)
        assert plan.path == "overlap save line core"
        assert_near(result, signal, kernel, (length,))


@needs_core
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize("length", overlap_save.lane_lengths())
def test_more_tiles_than_lanes(level, length, dtype):  # noqa: F811
    """At last a few that do not fill all lanes, and one that is not full."""
    taps = min(length // 3, 90)
    lanes = 64 // np.empty(0, dtype).real.itemsize
    signal, kernel = whole((5 * lanes * (length - taps) + 13,), dtype), whole((taps,), dtype, 2)
    result, _ = convolve_with((length,), signal, kernel, {"in_lanes": True})
    assert_near(result, signal, kernel, (length,))


OPTIONS = [
    {"mode": "same", "boundary": "reflect"},
    {"mode": "same", "boundary": "wrap", "stride": 3},
    {"mode": "full", "boundary": "mirror", "dilation": 2},
    {"mode": "same", "boundary": "constant", "fill_value": 2.0, "stride": 2, "dilation": 3},
    {"mode": "valid"},
    {"mode": "full", "boundary": "nearest"},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("dtype", ["float32", "complex128"])
@pytest.mark.parametrize(
    ("shape", "kernel_shape", "tile"),
    [
        ((1000,), (31,), (256,)),
        ((1000,), (100,), (512,)),
        ((5000,), (20,), (64,)),
        ((7000,), (31,), (96,)),
        ((70, 200), (5, 9), (48, 64)),
        ((33, 130), (11, 2), (64, 32)),
        ((20, 25, 30), (3, 4, 5), (16, 18, 20)),
    ],
    ids=str,
)
def test_options_across_the_seams_of_tiles(options, dtype, shape, kernel_shape, tile):
    signal, kernel = whole(shape, dtype), whole(kernel_shape, dtype, 2)
    for tiling in tilings(tile, dtype):
        result, _ = convolve_with(tile, signal, kernel, tiling, **options)
        assert_near(result, signal, kernel, tile, **options)


@needs_core
@pytest.mark.parametrize("layout", ["reversed", "fortran", "strided", "swapped", "unaligned"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64"])
@pytest.mark.parametrize(
    ("tile", "taps", "axes"), [((64, 64), (7, 12), None), ((64,), (1, 12), 1), ((64,), (7, 1), 0)]
)
def test_any_layout_in_memory(level, layout, dtype, tile, taps, axes):  # noqa: F811
    plain, kernel = whole((90, 140), dtype), whole(taps, dtype, 2)
    out = np.empty((90, 280), dtype)[:, ::2]
    if layout == "reversed":
        signal = np.ascontiguousarray(plain[::-1, ::-1])[::-1, ::-1]
    elif layout == "fortran":
        signal, out = np.asfortranarray(plain), np.empty((90, 140), dtype, order="F")
    elif layout == "strided":
        signal = np.repeat(plain, 3, axis=1)[:, ::3]
    elif layout == "swapped":
        signal = plain.astype(plain.dtype.newbyteorder())
    else:
        raw = np.empty(plain.nbytes + 1, np.uint8)[1:]
        signal = raw.view(dtype).reshape(plain.shape)
        signal[...] = plain
        out = np.empty(plain.nbytes + 1, np.uint8)[1:].view(dtype).reshape(plain.shape)
    options = {"mode": "same", "boundary": "reflect", "axes": axes}
    tiling = {"in_lanes": len(tile) == 1}
    expected, _ = convolve_with(tile, plain, kernel, tiling, **options)
    assert_near(expected, plain, kernel, tile, **options)
    result, _ = convolve_with(tile, signal, kernel, tiling, out=out, **options)
    assert result is out
    assert np.array_equal(result, expected)


@needs_core
@pytest.mark.parametrize("dtype", ["uint8", "int16", "int64", "bool"])
def test_integers_come_out_exact(level, dtype):  # noqa: F811
    rng = np.random.default_rng(0)
    signal, kernel = rng.integers(0, 2, (150, 90)).astype(dtype), rng.integers(0, 2, (40, 40)).astype(dtype)
    assert np.array_equal(
        fftconv.convolve(signal, kernel, method="overlap_save"),
        fftconv.convolve(signal, kernel, method="direct"),
    )


@needs_core
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("shape", [(200, 150), (120, 90, 3), (120, 90, 4)])
def test_pixels_are_rounded_and_saturated(level, dtype, shape):  # noqa: F811
    rng = np.random.default_rng(0)
    highest = np.iinfo(dtype).max
    pixels = rng.integers(0, highest + 1, shape).astype(dtype)
    kernel = rng.standard_normal((21, 21)) / 20
    kernel += (1 - kernel.sum()) / kernel.size
    options = {"boundary": "mirror", "alpha": False}
    result = image.apply_kernel(pixels, kernel, method="overlap_save", **options)
    exact = image.apply_kernel(pixels.astype(float), kernel, method="direct", **options).clip(0, highest)
    assert abs(result - exact).max() <= 0.5 + 1e-5 * highest
    assert 0.01 < (result == 0).mean() < 0.5
    assert 0.01 < (result == highest).mean() < 0.5


@needs_core
@pytest.mark.parametrize("axes", [0, 1, (0, 2), (1, 2)])
@pytest.mark.parametrize("kernels", [1, 5])
@pytest.mark.parametrize("signals", [1, 5])
def test_slices_with_kernels_of_their_own(level, axes, kernels, signals):  # noqa: F811
    shape = [40, 50, 60]
    taps = [7, 8, 9]
    beside = next(axis for axis in range(3) if axis not in np.atleast_1d(axes))
    for axis in range(3):
        if axis not in np.atleast_1d(axes):
            shape[axis] = signals if axis == beside else 3
            taps[axis] = kernels if axis == beside else 1
    signal, kernel = whole(shape, "float64"), whole(taps, "float64", 2)
    options = {"axes": axes, "mode": "same"}
    plan = fftconv.explain(signal, kernel, method="overlap_save", **options)
    assert plan.path.endswith("core")
    result = fftconv.convolve(signal, kernel, method="overlap_save", **options)
    exact = fftconv.convolve(signal, kernel, method="direct", **options)
    assert abs(result - exact).max() <= plan.error_bound
    if isinstance(axes, int):
        in_lanes, _ = convolve_with((96,), signal, kernel, {"in_lanes": True}, **options)
        assert abs(in_lanes - exact).max() <= plan.error_bound


@needs_core
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64"])
def test_nothing_passes_from_lane_to_lane(dtype):
    """Outputs are the same to the last bit in whichever lane their pair is, beside whatever others."""
    length, taps = 128, 20
    outputs = (length - taps + 1) // 16 * 16
    signal, kernel = np.random.default_rng(3).standard_normal((2, 5000)).astype(dtype)
    kernel = kernel[:taps]
    given = {"mode": "valid", "tiling": {"in_lanes": True}}
    result, _ = convolve_with((length,), signal, kernel, **given)
    for pairs in (1, 2, 5, 11):
        fewer, _ = convolve_with((length,), signal[2 * outputs * pairs :], kernel, **given)
        assert np.array_equal(fewer, result[2 * outputs * pairs :])


@needs_core
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_in_a_lane_is_found(bad):
    kernel = np.random.default_rng(4).standard_normal(20)
    for at in (0, 700, 1999):
        signal = np.ones(2000)
        signal[at] = bad
        for options in ({}, {"stride": 3}, {"mode": "same", "boundary": "wrap"}):
            result, plan = convolve_with((64,), signal, kernel, {"in_lanes": True}, **options)
            exact = fftconv.convolve(signal, kernel, method="direct", **options)
            assert plan.schedule.in_lanes
            assert np.array_equal(np.isfinite(result), np.isfinite(exact))
            assert np.array_equal(np.isnan(result), np.isnan(exact))


@pytest.mark.parametrize("shape", [(5000,), (300, 400), (40, 50, 60)])
@pytest.mark.parametrize("dtype", ["float32", "complex128"])
@pytest.mark.parametrize("part", [9, 70])
def test_results_do_not_depend_on_threads(shape, dtype, part):
    rng = np.random.default_rng(0)
    signal = rng.standard_normal(shape).astype(dtype)
    kernel = rng.standard_normal([max(size // part, 2) for size in shape]).astype(dtype)
    alone, *others = (
        fftconv.convolve(signal, kernel, method="overlap_save", workers=workers) for workers in (1, 2, 3, 7)
    )
    assert all(np.array_equal(alone, other) for other in others)


def test_many_calls_at_once_are_as_one_after_the_other():
    rng = np.random.default_rng(0)
    signals = [rng.standard_normal((200 + n, 150)) for n in range(16)]
    kernel = rng.standard_normal((25, 25))

    def call(signal):
        return fftconv.convolve(signal, kernel, method="overlap_save", mode="same", boundary="wrap")

    expected = [call(signal) for signal in signals]
    with ThreadPoolExecutor(8) as pool:
        for result, wanted in zip(pool.map(call, signals), expected, strict=True):
            assert np.array_equal(result, wanted)


@needs_core
def test_one_nan_stays_where_it_belongs():
    signal, kernel = np.ones((300, 300)), np.ones((20, 20)) + np.eye(20)
    signal[150, 170] = np.nan
    signal[10, 290] = np.inf
    options = {"mode": "same", "boundary": "mirror"}
    result = fftconv.convolve(signal, kernel, method="overlap_save", **options)
    exact = fftconv.convolve(signal, kernel, method="direct", **options)
    assert np.array_equal(np.isnan(result), np.isnan(exact))
    assert np.array_equal(np.isinf(result), np.isinf(exact))
    assert np.isnan(result).sum() == 400


@needs_core
def test_memory_does_not_grow_with_the_signal():
    kernel = 1000
    held = [
        fftconv.plan_convolution(n, kernel, dtype="f4", method="overlap_save").bytes for n in (10**6, 10**8)
    ]
    assert held[0] == held[1] < 2**21


@needs_core
@pytest.mark.parametrize("options", [{}, *OPTIONS], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", "int64"])
@pytest.mark.parametrize(
    ("shape", "kernel_shape", "axes"),
    [
        ((900,), (300,), None),
        ((150, 140), (40, 51), None),
        ((3, 900), (3, 300), (1,)),
        ((1, 900), (3, 300), (1,)),
    ],
    ids=str,
)
def test_a_folded_tile_of_everything(options, dtype, shape, kernel_shape, axes):
    generator = np.random.default_rng(5)
    signal, kernel = (generator.integers(0, 100, size).astype(dtype) for size in (shape, kernel_shape))
    whole_numbers = signal.dtype.kind in "iu"
    given = {"axes": axes, **options}
    given["fill_value"] = type(signal.item(0))(options.get("fill_value", 0))
    tile = (512, 512) if shape[0] > 3 and len(shape) == 2 else (4096,)
    result, _plan = convolve_with(tile, signal, kernel, {"folded": True}, **given)
    exact = fftconv.convolve(signal.astype(float), kernel.astype(float), method="direct", **given)
    if whole_numbers:
        assert (result == exact).all()
    else:
        norms = np.linalg.norm(kernel) * 100 * np.sqrt(np.prod(tile))
        assert abs(result - exact).max() <= tile_error_factor(int(np.prod(tile)), result.dtype) * norms


@needs_core
def test_a_tile_that_is_alone_is_folded():
    for shape, kernel_shape, axes in (
        ((900,), (300,), None),
        ((100, 90), (51, 40), None),
        ((3, 900), (3, 300), (1,)),
    ):
        plan = fftconv.explain(np.ones(shape), np.ones(kernel_shape), axes=axes, method="overlap_save")
        assert plan.schedule.folded
        assert plan.schedule.transformed == (*plan.fft_shape[:-1], plan.fft_shape[-1] // 2)
        assert "one tile, folded, of" in repr(plan)


@needs_core
def test_tiles_with_others_to_go_with_are_not_folded():
    for shape, axes in (((2, 900), (1,)), ((100_000,), None), ((150, 140, 3), (0, 1))):
        kernel = np.ones((40, 41) if len(shape) == 3 else 300)
        assert not fftconv.explain(np.ones(shape), kernel, axes=axes, method="overlap_save").schedule.folded
    assert not fftconv.explain(np.ones(900) + 0j, np.ones(300), method="overlap_save").schedule.folded


def test_a_kernel_beyond_the_largest_tile_is_refused():
    with pytest.raises(ValueError, match="the kernel does not fit the largest tile"):
        fftconv.plan_convolution(10**8, 10**7, method="overlap_save")


@needs_core
def test_the_core_and_a_provider_agree():
    code = (
        "import numpy as np, fftconv\n"
        "rng = np.random.default_rng(0)\n"
        "x, k = rng.standard_normal((150, 170)), rng.standard_normal((19, 12))\n"
        "options = dict(mode='same', boundary='reflect', method='overlap_save')\n"
        "print(fftconv.explain(x, k, **options).path)\n"
        "np.save(__import__('sys').argv[1], fftconv.convolve(x, k, **options))\n"
    )
    import os
    import tempfile

    results = []
    for chosen, path in (("", "overlap save plane core"), ("python", "overlap save tiles")):
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(
                [sys.executable, "-P", "-c", code, f"{folder}/result.npy"],
                env=os.environ | {_native.ENVIRONMENT_VARIABLE: chosen},
                capture_output=True, text=True, check=True,
            )  # fmt: skip
            assert done.stdout.strip() == path
            results.append(np.load(f"{folder}/result.npy"))
    assert np.allclose(*results, rtol=0, atol=1e-12)


@pytest.mark.parametrize("length", overlap_save.native_lengths(True))
def test_a_line_has_two_sides_of_lanes(length):
    rows, columns = overlap_save.sides((length,))
    assert rows * columns == length
    assert rows % 16 == columns % 16 == 0
    assert columns / 4 <= rows <= columns
