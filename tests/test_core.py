"""The native core on every instruction set of this machine, against NumPy and exact numbers.

Samples and taps are small whole numbers here, so that every sum is exact in every dtype and order: results
must be equal, at every size around the edges of a tile, for every layout of memory.
"""

import itertools
import multiprocessing
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import numpy as np
import pytest
from cases import FAMILIES, GRID, assert_within_bound, case, naming, refuses

import fftconv
from fftconv import _native, image, planning
from fftconv._engines import direct

core = _native.core
LEVELS = core.levels() if core is not None else []
needs_core = pytest.mark.skipif(core is None, reason="there is no native core")


@pytest.fixture(params=LEVELS)
def level(request):
    core.use_level(request.param)
    yield request.param
    core.use_level(_native.level_or_reason)


@pytest.fixture
def in_numpy(monkeypatch):
    """Convolve by the NumPy paths of `direct`."""

    def convolve(*arrays, **options):
        planning._plan.cache_clear()
        with monkeypatch.context() as patch:
            patch.setattr(direct.core, "core", None)
            result = fftconv.convolve(*arrays, method="direct", **options)
        planning._plan.cache_clear()
        return result

    return convolve


def whole(shape, dtype, seed=0, low=-9):
    values = np.random.default_rng(seed).integers(0 if np.dtype(dtype).kind == "u" else low, 10, shape)
    if np.dtype(dtype).kind == "c":
        values = values + 1j * np.random.default_rng(seed + 1).integers(-9, 10, shape)
    return values.astype(dtype)


@needs_core
@pytest.mark.parametrize(("shapes", "mode", "boundary"), GRID[::3], ids=str)
def test_every_level_gives_the_definition(level, mode, boundary, shapes):
    for engine, dtype in itertools.product(
        ["direct", "separable", "running_sum"], ["float32", "float64", "complex64", "int16"]
    ):
        if refuses(engine, shapes, dtype):
            continue
        family = FAMILIES.get(engine, "any")
        signal, kernel, options, expected = case(shapes, mode, boundary, dtype, family)
        with naming(engine, dtype):
            plan = fftconv.explain(signal, kernel, method=engine, **options)
            result = fftconv.convolve(signal, kernel, method=engine, **options)
            assert_within_bound(result, expected, plan)


BOUNDARIES = ["zero", "constant", "nearest", "reflect", "mirror", "wrap"]
WIDTHS = [1, 2, 3, 7, 15, 16, 17, 31, 33, 63, 64, 65, 127, 128, 129, 191, 193, 257, 511, 513, 1030, 1400]
KERNELS = [(1, 1), (1, 3), (3, 1), (3, 3), (5, 5), (2, 7), (9, 4), (12, 12)]


@needs_core
@pytest.mark.parametrize("kernel_shape", KERNELS, ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "int64"])
def test_sizes_around_every_edge_of_a_tile(level, in_numpy, kernel_shape, dtype):
    kernel = whole(kernel_shape, dtype, 2)
    for width, height in zip(WIDTHS, itertools.cycle([1, 2, 3, 4, 5, 8, 9, 13]), strict=False):
        signal = whole((height, width), dtype)
        for mode, boundary in (("full", "zero"), ("same", "mirror"), ("same", "wrap")):
            options = {"mode": mode, "boundary": boundary}
            result = fftconv.convolve(signal, kernel, method="direct", **options)
            assert np.array_equal(result, in_numpy(signal, kernel, **options)), (width, height, options)


@needs_core
@pytest.mark.parametrize(
    "options",
    [{"stride": (2, 3)}, {"stride": (1, 2)}, {"dilation": (3, 2)}, {"stride": 2, "dilation": (2, 3)}],
)
@pytest.mark.parametrize("shape", [(41, 150), (40, 67, 3), (40, 9, 20)])
@pytest.mark.parametrize("dtype", ["float32", "complex64"])
def test_strides_dilations_and_channels(level, in_numpy, dtype, shape, options):
    for columns in range(1, 8):
        signal, kernel = whole(shape, dtype), whole((4, columns), dtype, 2)
        given = options | {"axes": (0, 1), "mode": "same", "boundary": "reflect"}
        result = fftconv.convolve(signal, kernel, method="direct", **given)
        assert np.array_equal(result, in_numpy(signal, kernel, **given)), columns


@needs_core
@pytest.mark.parametrize("method", ["separable", "running_sum"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint8"])
@pytest.mark.parametrize("size", [(1, 3), (4, 1), (3, 5), (5, 4), (6, 10), (13, 27)])
def test_wide_rows_with_whatever_stands_beyond_them(level, method, dtype, size):
    """Powers of two for taps, so that factors and sums are exact."""
    factors = [np.minimum(2 ** np.arange(n), 4 if method == "separable" else 1) for n in size]
    kernel = np.outer(*factors).astype(dtype)
    for width, channels in ((129, 1), (150, 1), (64, 3), (700, 1)):
        signal = whole((20, width, channels), dtype)
        for boundary in BOUNDARIES:
            given = {"mode": "same", "boundary": boundary, "axes": (0, 1)}
            given |= {"fill_value": 3} if boundary == "constant" else {}
            result = fftconv.convolve(signal, kernel, method=method, **given)
            expected = fftconv.convolve(signal, kernel, method="direct", **given)
            assert np.array_equal(result, expected), (width, channels, boundary)


@needs_core
@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows_too_long_to_be_copied(level, in_numpy, dtype, boundary):
    """Of which only the ends are, with what stands beyond them."""
    beyond = {"boundary": boundary} | ({"fill_value": 3} if boundary == "constant" else {})
    for shape, taps, options in (
        ((9, 899), (3, 3), {}),
        ((9, 900), (3, 3), {}),
        ((6, 1601), (1, 5), {}),
        ((6, 1601), (2, 4), {"dilation": (2, 9)}),
        ((5, 2049), (4, 70), {}),
        ((5, 600, 3), (3, 3), {"axes": (0, 1)}),
        ((3, 4, 1700), (2, 3, 3), {}),
    ):
        signal, kernel = whole(shape, dtype), whole(taps, dtype, 2)
        for mode in ("same", "full"):
            given = beyond | options | {"mode": mode}
            expected = in_numpy(signal, kernel, **given)
            for offset in range(0, 64, 20):
                memory = np.zeros(expected.nbytes + offset, np.uint8)
                out = memory[offset:].view(dtype).reshape(expected.shape)
                fftconv.convolve(signal, kernel, method="direct", out=out, **given)
                assert np.array_equal(out, expected), (shape, taps, mode, offset)


@needs_core
@pytest.mark.parametrize("method", ["direct", "separable", "running_sum"])
@pytest.mark.parametrize("boundary", BOUNDARIES[:3])
def test_strips_and_bands_change_no_bit(level, method, boundary):
    random = np.random.default_rng(0)
    for shape, taps in (
        ((5, 9001), (3, 5)),
        ((70, 2100), (5, 31)),
        ((300, 40), (9, 3)),
        ((1, 30000), (1, 300)),
    ):
        signal = random.random(shape, np.float32)
        factors = [random.random(n, np.float32) if method != "running_sum" else np.ones(n) for n in taps]
        options = {"mode": "same", "boundary": boundary, "method": method}
        expected = fftconv.convolve(signal, np.outer(*factors), workers=1, **options)
        for workers in (2, 3, 8):
            result = fftconv.convolve(signal, np.outer(*factors), workers=workers, **options)
            assert np.array_equal(result, expected), (shape, taps, workers)


def unaligned(array):
    raw = np.empty(array.nbytes + 1, np.uint8)
    view = raw[1:].view(array.dtype).reshape(array.shape)
    view[...] = array
    return view


LAYOUTS = {
    "negative strides": lambda a: np.ascontiguousarray(a[::-1, ::-1])[::-1, ::-1],
    "Fortran order": np.asfortranarray,
    "every other": lambda a: np.repeat(np.repeat(a, 2, 0), 3, 1)[::2, ::3],
    "one repeated": lambda a: np.broadcast_to(a[:1], a.shape),
    "big-endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
    "unaligned": unaligned,
    "read-only": lambda a: np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape),
}


@needs_core
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128", "uint8", "int16", "int64"])
@pytest.mark.parametrize("engine", ["direct", "separable", "running_sum"])
def test_layout_of_memory_does_not_matter(engine, dtype, layout):
    signal = whole((37, 150), dtype)
    kernel = (
        np.ones((3, 5), dtype)
        if engine == "running_sum"
        else np.outer([1, 2, 1], [1, 0, 3, 0, 1]).astype(dtype)
    )
    laid = LAYOUTS[layout](signal)
    plain = np.ascontiguousarray(laid).astype(dtype)
    for boundary in ("zero", "reflect"):
        options = {"mode": "same", "boundary": boundary, "method": engine}
        expected = fftconv.convolve(plain, kernel, **options)
        assert np.array_equal(
            fftconv.convolve(
                laid, LAYOUTS[layout](kernel) if layout != "one repeated" else kernel, **options
            ),
            expected,
        )
        out = np.zeros((2 * 37, 150), expected.dtype)[::-2, ::-1]
        fftconv.convolve(laid, kernel, out=out, **options)
        assert np.array_equal(out, expected)


@needs_core
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_long_kernels_on_lines_of_every_length(level, in_numpy, dtype):
    for taps in (15, 16, 31, 32, 33, 64, 127, 128, 129, 200, 300):
        kernel = whole(taps, dtype, 2)
        for size in (taps, 255, 256, 257, 600, 1023, 5000):
            signal = whole(size, dtype)
            for mode in ("full", "valid") if size >= taps else ("full",):
                result = fftconv.convolve(signal, kernel, mode=mode, method="direct")
                assert np.array_equal(result, in_numpy(signal, kernel, mode=mode)), (taps, size, mode)


@needs_core
@pytest.mark.parametrize("boundary", ["constant", "nearest", "reflect", "mirror", "wrap"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (3, 1), (2, 3)])
def test_kernels_many_times_as_large_as_the_signal(level, in_numpy, shape, boundary):
    signal, kernel = whole(shape, "float64"), whole((17, 40), "float64", 2)
    options = {"mode": "same", "boundary": boundary}
    if boundary == "constant":
        options["fill_value"] = 3
    result = fftconv.convolve(signal, kernel, method="direct", **options)
    assert np.array_equal(result, in_numpy(signal, kernel, **options))


@needs_core
def test_windows_with_gaps_far_beyond_the_signal_need_no_memory_for_them():
    assert fftconv.convolve([1.0, 2, 3], [1.0, 2], dilation=2**45, mode="same").tolist() == [0, 0, 0]


@needs_core
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("shape", [(9, 5), (5, 150), (6, 50, 3)])
@pytest.mark.parametrize("method", ["direct", "separable"])
def test_pixels_are_rounded_half_to_even_and_saturated(level, method, dtype, shape):
    """Taps and factors are eighths, so the exact sums have ties, and some are beyond the range."""
    high = np.iinfo(dtype).max
    pixels = np.random.default_rng(0).integers(0, high + 1, shape).astype(dtype)
    kernel = np.array([[1, -2, 3], [5, 0, -1], [2, 2, 1]]) / 8
    if method == "separable":
        kernel = np.outer([1, 2, -1], [1, 4, 2]) / 8
    padded = np.pad(pixels.astype(object), [(1, 1), (1, 1)] + [(0, 0)] * (len(shape) - 2), "symmetric")
    expected = np.zeros(shape, object)
    for i, j in np.ndindex(3, 3):
        expected += Fraction(kernel[i, j]) * padded[2 - i : 2 - i + shape[0], 2 - j : 2 - j + shape[1]]
    rounded = np.array([min(max(round(value), 0), high) for value in expected.flat]).reshape(shape)
    assert np.array_equal(image.apply_kernel(pixels, kernel, method=method), rounded)


@needs_core
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("taps", [33, 70, 131, 300])
def test_long_kernels_of_one_row_do_not_mix_rows_of_pixels(level, dtype, taps):
    """Rows of a picture wait to be rounded while the next ones are added up."""
    rng = np.random.default_rng(0)
    kernel = (rng.random(taps) < 0.03).astype(float)
    kernel[-1] = 2
    for width in (40, 65, 131, 300):
        pixels = rng.integers(0, 20, (11, width)).astype(dtype)
        padded = np.pad(pixels, [(0, 0), (taps // 2, (taps - 1) // 2)], "edge")
        expected = [np.convolve(row, kernel, "valid") for row in padded]
        result = image.apply_kernel(pixels, kernel[np.newaxis], boundary="nearest", method="direct")
        assert np.array_equal(result, np.clip(expected, 0, np.iinfo(dtype).max))


@needs_core
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("size", [(1, 2), (2, 1), (4, 4), (16, 16), (8, 64), (32, 64)])
@pytest.mark.parametrize("value", ["random", "largest"])
def test_sums_of_pixels_are_exact(level, dtype, size, value):
    """Boxes of powers of two have taps that no float rounds; the largest fill 16 and 32 bits."""
    high = np.iinfo(dtype).max
    pixels = (
        np.full((70, 90), high)
        if value == "largest"
        else np.random.default_rng(0).integers(0, high + 1, (70, 90))
    )
    pixels = pixels.astype(dtype)
    taps = np.full(size, 1 / (size[0] * size[1]))
    result = image.apply_kernel(pixels, taps, method="running_sum", flip=True)
    sums = np.lib.stride_tricks.sliding_window_view(
        np.pad(pixels.astype(np.int64), [(n // 2, (n - 1) // 2) for n in size], "symmetric"), size
    ).sum(axis=(2, 3))
    expected = [round(Fraction(int(total), size[0] * size[1])) for total in sums.flat]
    assert result.ravel().tolist() == expected


@needs_core
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_boxes_of_few_rows_round_the_same_wherever_a_picture_begins(level, dtype):
    pixels = np.random.default_rng(0).random((45, 131)).astype(dtype)
    for rows in range(1, 9):
        box = np.full((rows, 5), 1 / (5 * rows), dtype)
        whole = fftconv.convolve(pixels, box, mode="valid", method="running_sum", workers=1)
        for begin, end in ((1, 45), (2, 44), (3, 43), (7, 38)):
            part = fftconv.convolve(pixels[begin:end], box, mode="valid", method="running_sum", workers=1)
            np.testing.assert_array_equal(part, whole[begin : end - rows + 1])


@needs_core
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("method", ["direct", "separable", "running_sum"])
def test_a_single_tap_scales_pixels(level, method, dtype):
    pixels = np.arange(0, np.iinfo(dtype).max, 7).astype(dtype).reshape(1, -1)
    result = image.apply_kernel(pixels, [[0.5]], method=method)
    assert np.array_equal(result, np.rint(pixels / 2))


@needs_core
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_the_fast_path_of_short_lines_is_the_planned_one(level, dtype, mode):
    for n, m in itertools.product((1, 2, 7, 16, 17, 300, 5000), (1, 2, 3, 8, 65, 128)):
        if mode == "valid" and m > n:
            continue
        signal = np.random.default_rng(n).standard_normal(n).astype(dtype)
        kernel = np.random.default_rng(m).standard_normal(m).astype(dtype)
        planned = fftconv.convolve(signal, kernel, mode=mode, method="direct")
        fast = fftconv.convolve(signal, kernel, mode=mode)
        assert fast.dtype == planned.dtype
        assert np.array_equal(fast, planned)
        apart = np.repeat(signal, 2)[::-2]
        assert np.array_equal(
            fftconv.convolve(apart, kernel, mode=mode),
            fftconv.convolve(signal[::-1].copy(), kernel, mode=mode),
        )


@needs_core
@pytest.mark.parametrize("tap", [np.nan, np.inf])
def test_the_fast_path_leaves_other_cases_to_the_plan(tap):
    kernel = np.array([1.0, tap, 1.0])
    expected = fftconv.convolve([1.0, 2.0], [1.0, tap, 1.0])
    assert np.array_equal(fftconv.convolve(np.array([1.0, 2.0]), kernel), expected, equal_nan=True)
    assert np.isfinite(expected[[0, -1]]).all()  # terms outside are absent, not 0 * inf

    class Signal(np.ndarray):
        pass

    assert fftconv.convolve(np.ones(3).view(Signal), np.ones(2)).tolist() == [1, 2, 2, 1]


def run(code, **environment):
    return subprocess.run(
        [sys.executable, "-P", "-c", code],
        capture_output=True,
        text=True,
        env=os.environ | environment,
        check=False,
    )


def test_the_environment_chooses_the_core():
    code = "import fftconv; fftconv.show_config(); print(fftconv.convolve([1.0, 2.0], [1.0, 1.0]))"
    for name in LEVELS:
        done = run(code, FFTCONV_CORE=name)
        assert f"native, {name} of" in done.stdout
        assert "[1. 3. 2.]" in done.stdout
    done = run(code, FFTCONV_CORE="python")
    assert "pure Python with NumPy (FFTCONV_CORE=python)" in done.stdout
    assert "[1. 3. 2.]" in done.stdout
    done = run(code, FFTCONV_CORE="mmx")
    assert done.returncode == 1
    assert "FFTCONV_CORE='mmx' is not accepted; choose one of" in done.stderr


@needs_core
@pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="threads are counted there")
def test_no_thread_is_started_for_small_work():
    code = (
        "import os, numpy as np, fftconv\n"
        "count = lambda: len(os.listdir('/proc/self/task'))\n"
        "before = count()\n"
        "fftconv.convolve(np.ones((99, 99), 'f4'), np.eye(3, dtype='f4'), workers=4)\n"
        "print(count() - before)\n"
        "fftconv.convolve(np.ones((2000, 2000), 'f4'), np.eye(9, dtype='f4'), method='direct', workers=2)\n"
        "print(count() - before)"
    )
    assert run(code).stdout.split() == ["0", "1"]


@needs_core
@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_process_has_threads_of_its_own():
    signal, kernel = whole((900, 1100), "float32"), whole((9, 9), "float32", 2)
    expected = fftconv.convolve(signal, kernel, method="direct", workers=2)
    context = multiprocessing.get_context("fork")
    with context.Pool(2) as pool:
        results = [
            pool.apply_async(fftconv.convolve, (signal, kernel), {"method": "direct", "workers": 2})
            for _ in range(4)
        ]
        assert all(np.array_equal(result.get(timeout=60), expected) for result in results)


@needs_core
def test_many_threads_may_convolve_at_once():
    signals = [whole((500, 700), "float32", seed) for seed in range(8)]
    kernel = whole((7, 7), "float32", 2)
    options = {"method": "direct", "mode": "same", "workers": 3}
    expected = [fftconv.convolve(signal, kernel, **options) for signal in signals]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            results = pool.map(lambda signal: fftconv.convolve(signal, kernel, **options), signals)
            assert all(np.array_equal(*pair) for pair in zip(results, expected, strict=True))


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("size", [1, 2, 7, 64, 500, 600, 3000])  # up to where lines are planned, and beyond
def test_short_lines_of_int64(size, mode):
    generator = np.random.default_rng(size)
    largest = 2**62 // (min(size, 128) * 2**20)
    memory = generator.integers(-largest, largest, 3 * size)
    for signal in (memory[:size], memory[::3], memory[::-3], memory.astype(">i8")[:size]):
        for taps in (1, min(size, 5), min(size, 128)):
            kernel = generator.integers(-(2**20), 2**20, 2 * taps)[::2]
            result = fftconv.convolve(signal, kernel, mode=mode)
            assert result.dtype == np.int64
            expected = np.convolve(signal.astype(object), kernel.astype(object), mode)
            assert result.tolist() == expected.tolist()
