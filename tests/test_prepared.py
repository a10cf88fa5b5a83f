"""What is kept of convolutions: the next call gets what it would have got without."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import fftconv
from fftconv import _prepared, convolution, image
from fftconv._arguments import read_problem
from fftconv._engines import DEFINITIONS, ENGINES
from fftconv._profile import shipped_profile, use_profile
from fftconv._recording import recorded_plans
from fftconv.image import again
from fftconv.planning import _plan, plan_problem


@pytest.fixture(autouse=True)
def _nothing_kept():
    convolution.prepared.cache_clear()
    again._known.cache_clear()


def pixels(dtype, *shape):
    return (255 * np.random.default_rng(3).random(shape)).astype(dtype)


FILTERS = {
    "gaussian_blur": lambda a, **more: image.gaussian_blur(a, 1.5, **more),
    "box_blur": lambda a, **more: image.box_blur(a, (3, 5), **more),
    "disk_blur": lambda a, **more: image.disk_blur(a, 2.5, **more),
    "motion_blur": lambda a, **more: image.motion_blur(a, 4.0, 30.0, **more),
    "sharpen": lambda a, **more: image.sharpen(a, 0.5, **more),
    "emboss": image.emboss,
    "apply_kernel": lambda a, **more: image.apply_kernel(a, np.array([[1, 2, 0.5]]), scale=0.3, **more),
    "apply_kernel by name": lambda a, **more: image.apply_kernel(a, kernel=np.eye(3, dtype=int), **more),
    "high_pass": lambda a, **more: image.high_pass(a, 2.0, **more),
    "edges": image.edges,
    "edges in grey": lambda a, **more: image.edges(a[..., :3], "sobel", channel="luminance", **more),
    "edges with signs": lambda a, **more: image.edges(a, "log", signed="offset", **more),
    "difference_of_gaussians": lambda a, **more: image.difference_of_gaussians(a, 1.0, 2.0, **more),
}


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "float16", "float32", "float64", ">f4"])
@pytest.mark.parametrize("name", FILTERS)
def test_filters_give_the_same_again_as_without(name, dtype, monkeypatch):
    for shape in ((9, 13), (9, 13, 3), (9, 13, 4), (1, 1)):
        given = pixels(dtype, *shape)
        if name == "edges in grey" and given.dtype == np.int32:
            continue
        results = [FILTERS[name](given) for _ in range(3)]
        with monkeypatch.context() as patched:
            patched.setattr(again, "_known", lambda *_, **__: None)
            patched.setattr(_prepared, "MOST_TAPS", -1)
            expected = FILTERS[name](given)
        for result in results:
            assert result.dtype == expected.dtype
            np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("name", ["gaussian_blur", "apply_kernel"])
def test_filters_keep_what_they_have_found_out(name):
    for _ in range(3):
        FILTERS[name](pixels("uint8", 9, 13, 3))
    found = again._known.cache_info()
    assert (found.misses, found.hits) == (1, 2)


@pytest.mark.parametrize("function", [fftconv.convolve, fftconv.correlate])
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128", "int16", ">f8"])
@pytest.mark.parametrize("boundary", ["zero", "reflect", "wrap"])
def test_convolutions_give_the_same_again_as_without(function, dtype, boundary, monkeypatch):
    signal, kernel = pixels(dtype, 20, 7), np.random.default_rng(4).random((3, 4))
    options = {"mode": "same", "boundary": boundary, "stride": (1, 2)}
    results = [function(signal, kernel, **options) for _ in range(3)]
    monkeypatch.setattr(_prepared, "MOST_TAPS", -1)
    expected = function(signal, kernel, **options)
    for result in results:
        assert result.dtype == expected.dtype
        np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "uint16", "int32", "uint64"])
def test_integers_come_out_the_same_again(dtype, monkeypatch):
    generator = np.random.default_rng(5)
    kernel = generator.integers(0, 9, (3, 4)).astype(dtype)
    for _ in range(3):
        signal = generator.integers(0, 2 if dtype == "bool" else 100, (20, 7)).astype(dtype)
        with monkeypatch.context() as patched:
            patched.setattr(_prepared, "MOST_TAPS", -1)
            expected = fftconv.convolve(signal, kernel)
        result = fftconv.convolve(signal, kernel)
        assert result.dtype == expected.dtype
        np.testing.assert_array_equal(result, expected)
    assert convolution.prepared.cache_info().hits == 2
    largest = np.full((20, 7), np.iinfo(dtype).max if dtype != "bool" else 1).astype(dtype)
    if dtype in ("int32", "uint64"):  # looked at each time
        kernel = np.full((3, 4), 2**40 if dtype == "int32" else 2).astype(
            "u8" if dtype == "uint64" else "i8"
        )
        with pytest.raises(OverflowError):
            fftconv.convolve(largest, kernel)
    else:
        total = int(largest[0, 0]) * int(kernel.astype(int).sum())
        assert fftconv.convolve(largest, kernel).max() == total


@pytest.mark.parametrize("top", [100, 2**20, 2**31, 2**45, 2**58])
def test_integers_that_are_much_alike_have_one_plan(top):
    generator, kernel = np.random.default_rng(6), np.array([[1, 2], [-3, 4]])
    signals = [generator.integers(-top, top, (40, 50)) for _ in range(20)]
    fftconv.convolve(signals[0], kernel)
    before = _plan.cache_info().misses
    for signal in signals:
        fftconv.convolve(signal, kernel)
    assert _plan.cache_info().misses - before <= 2  # one for those of a size just above or below


def test_equal_values_of_other_types_are_other_arguments():
    given = pixels("uint8", 9, 13)
    image.box_blur(given, 3)
    image.box_blur(given, (3, 1))
    for size in (3.0, (3.0, 1), (3, True)):
        with pytest.raises(TypeError, match="whole number"):
            image.box_blur(given, size)
    signal, kernel = np.arange(9.0).reshape(3, 3), np.ones((1, 2))
    fftconv.convolve(signal, kernel, stride=(1, 2), mode="same", boundary="wrap")
    with pytest.raises(TypeError, match="stride"):
        fftconv.convolve(signal, kernel, stride=(1.0, 2), mode="same", boundary="wrap")


def test_a_kernel_that_has_changed_is_another_one():
    signal, kernel = np.arange(9.0), np.array([1.0, 2.0])
    first = fftconv.convolve(signal, kernel, mode="same", boundary="wrap")
    kernel *= 2
    np.testing.assert_array_equal(fftconv.convolve(signal, kernel, mode="same", boundary="wrap"), 2 * first)
    given, taps = pixels("float32", 9, 13), np.ones((3, 3))
    before = image.apply_kernel(given, taps)
    taps[1, 1] = 5
    np.testing.assert_allclose(image.apply_kernel(given, taps), before + 4 * given, rtol=1e-5)
    swapped = taps.astype(taps.dtype.newbyteorder())
    np.testing.assert_array_equal(image.apply_kernel(given, swapped), image.apply_kernel(given, taps))


def test_nan_of_one_call_is_not_that_of_the_next():
    signal, kernel = np.arange(30.0), np.ones(3)
    options = {"mode": "same", "boundary": "reflect", "method": "overlap_save"}
    clean = fftconv.convolve(signal, kernel, **options)
    signal[4] = np.nan
    spoilt = fftconv.convolve(signal, kernel, **options)
    assert np.flatnonzero(np.isnan(spoilt)).tolist() == [3, 4, 5]
    signal[4] = 4
    np.testing.assert_array_equal(fftconv.convolve(signal, kernel, **options), clean)
    with pytest.raises(ValueError, match="NaN"):
        fftconv.convolve(np.array([1.0, np.nan]), kernel, nan_policy="raise")


def test_tiny_samples_after_ordinary_ones_keep_their_digits():
    kernel = np.ones(3, np.float32)
    for scale in (1.0, 1e-30):
        signal = np.arange(1, 31, dtype=np.float32) * np.float32(scale)
        result = fftconv.convolve(signal, kernel, boundary="reflect", mode="same", method="overlap_save")
        exact = np.convolve(np.pad(signal, 1, mode="symmetric").astype(float), np.ones(3), "valid")
        np.testing.assert_allclose(result, exact, rtol=1e-4)


def test_each_call_records_its_plan_and_follows_the_profile_in_use():
    given = pixels("float32", 9, 13)
    profile = shipped_profile()
    try:
        image.box_blur(given, 3)
        use_profile(profile)
        for _ in range(2):
            with recorded_plans() as plans:
                image.box_blur(given, 3)
                fftconv.convolve(given, given[:2, :2], mode="same", boundary="wrap")
            assert [plan.profile for plan in plans] == [profile.source] * 2
        assert again._known.cache_info().misses == 2
    finally:
        use_profile(None)


@pytest.mark.parametrize("make", ["convolve", "Filter"])
def test_out_is_written_and_checked_again(make):
    signal, kernel = np.arange(12.0).reshape(3, 4), np.ones((2, 2))
    options = {"mode": "same", "boundary": "wrap"}
    one = fftconv.Filter(kernel, **options)

    def convolved(signal, out):
        return (
            one(signal, out=out)
            if make == "Filter"
            else fftconv.convolve(signal, kernel, out=out, **options)
        )

    expected = convolved(signal, None)
    for _ in range(2):
        strided, turned = np.empty((3, 8))[:, ::2], np.empty((3, 4), order="F")
        for out in (np.empty((3, 4)), strided, turned, np.empty((3, 4), ">f8")):
            assert convolved(signal, out) is out
            np.testing.assert_array_equal(out, expected)
        for wrong in (np.empty((3, 5)), np.empty((3, 4), "f4"), np.empty((3, 4), ">f4")):
            with pytest.raises(ValueError, match="out has shape"):
                convolved(signal, wrong)
        with pytest.raises(TypeError, match="out is a list"):
            convolved(signal, [])
        own = signal.copy()
        assert convolved(own, own) is own
        np.testing.assert_array_equal(own, expected)


def test_large_kernels_are_not_kept():
    given, kernel = pixels("float32", 9, 13), np.ones((33, 33))
    fftconv.convolve(given, kernel, mode="same", boundary="wrap")
    image.apply_kernel(given, kernel)
    assert again._known.cache_info().currsize == convolution.prepared.cache_info().currsize == 0


@pytest.mark.parametrize("name", [name for name in ENGINES if name != "fft"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64"])
def test_an_engine_that_is_prepared_takes_any_signal(name, dtype):
    """However it lies in memory, and in several threads at once."""
    if name == "running_sum" and dtype == "complex64":
        pytest.skip("the core adds up windows of real numbers")
    kernel = np.ones((3, 4, 1), dtype)
    problem = read_problem(np.zeros((30, 20, 3), dtype), kernel, mode="same", axes=(0, 1), method=name)
    schedule = plan_problem(problem).schedule
    convolve = ENGINES[name](problem.kernel, problem.options, schedule)
    rng = np.random.default_rng(5)
    signals = [rng.integers(-9, 9, (30, 20, 3)).astype(dtype) for _ in range(8)]
    signals += [np.repeat(signals[0], 2, 1)[:, ::-2], np.asfortranarray(signals[1])]

    def run(signal, order):
        out = np.empty(signal.shape, dtype, order=order)
        assert convolve(signal, out)
        return out

    with ThreadPoolExecutor(4) as pool:
        orders = ["C", "F"] * len(signals)
        results = list(pool.map(run, [signal for signal in signals for _ in "CF"], orders))
    for signal, c, f in zip(signals, results[::2], results[1::2], strict=True):
        expected = fftconv.convolve(signal, kernel, mode="same", axes=(0, 1), method="direct")
        np.testing.assert_array_equal(c, f)
        np.testing.assert_allclose(c, expected, rtol=0, atol=0 if name in DEFINITIONS else 1e-3)


def test_errors_are_those_of_the_arrays_at_hand():
    with pytest.raises(ValueError, match=r"scalar \(5.0\)"):
        fftconv.convolve(np.array(5.0), np.ones(3))
    with pytest.raises(ValueError, match="signal holds a NaN|signal.*NaN"):
        fftconv.convolve(np.array([[np.nan]]), np.array([[np.nan]]), nan_policy="raise")
    with pytest.raises(TypeError, match="2 required positional arguments: 'image' and 'sigma'"):
        image.gaussian_blur()


def test_filters_of_large_kernels_keep_one_kernel():
    kernel = np.ones(_prepared.MOST_TAPS + 1, np.float32)
    one = fftconv.Filter(kernel)
    for size in range(2000, 2010):
        one(np.zeros(size))
    assert not one._prepared


def test_results_of_two_calls_share_no_memory():
    given = pixels("float32", 9, 13)
    assert not np.shares_memory(image.box_blur(given, 3), image.box_blur(given, 3))
    assert not np.shares_memory(image.box_blur(given, 1), given)
