"""Integer images: exact quotients rounded half to even where taps are fractions, small errors elsewhere.

The oracle pads the pixels and adds up whole products, in Python's integers if int64 is too short.
"""

import itertools
import math
import os
import subprocess
import sys
from fractions import Fraction

import dask.array as da
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import fftconv
from fftconv import _native, image, kernels, planning
from fftconv._quotients import common_divisor
from fftconv.image import again
from fftconv.image.bands import plan_banding
from fftconv.image.pixels import Sketch

core = _native.core
DTYPES = [np.uint8, np.uint16, np.int32]
PADDING = {
    "reflect": "symmetric",
    "mirror": "reflect",
    "nearest": "edge",
    "wrap": "wrap",
    "zero": "constant",
    "constant": "constant",
}
EXACT_METHODS = ["auto", "direct", "separable", "running_sum"]
LINE = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1])
DISC = (np.add.outer(np.arange(-15, 16) ** 2, np.arange(-15, 16) ** 2) <= 225).astype(int)


def ones(*size):
    return np.ones(size, int)


# A filter of the package, and its taps as integers over a divisor.
FILTERS = {
    "box 1x6": (lambda x, **o: image.box_blur(x, (1, 6), **o), ones(1, 6), 6),
    "box 3": (lambda x, **o: image.box_blur(x, 3, **o), ones(3, 3), 9),
    "box 4": (lambda x, **o: image.box_blur(x, 4, **o), ones(4, 4), 16),
    "box 2x15": (lambda x, **o: image.box_blur(x, (2, 15), **o), ones(2, 15), 30),
    "box 12x11": (lambda x, **o: image.box_blur(x, (12, 11), **o), ones(12, 11), 132),
    "motion 4": (
        lambda x, **o: image.motion_blur(x, 4, 0, **o),
        np.pad([[1, 2, 2, 2, 1]], ((2, 2), (0, 0))),
        8,
    ),
    "sharpen": (lambda x, **o: image.sharpen(x, **o), np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]]), 1),
    "sharpen 0.3": (
        lambda x, **o: image.sharpen(x, 0.3, **o),
        np.array([[0, -3, 0], [-3, 22, -3], [0, -3, 0]]),
        10,
    ),
    "emboss 0.5": (
        lambda x, **o: image.emboss(x, 0.5, **o),
        np.array([[-2, -1, 0], [-1, 2, 1], [0, 1, 2]]),
        2,
    ),
    "laplace": (lambda x, **o: image.edges(x, "laplace", **o), kernels.laplace(8).astype(int), 1),
    "laplace 1/6": (
        lambda x, **o: image.edges(x, "laplace", gain=1 / 6, **o),
        kernels.laplace(8).astype(int),
        6,
    ),
    "binomial": (lambda x, **o: image.apply_kernel(x, LINE / 256, **o), LINE, 256),
    "mean of a line": (
        lambda x, **o: image.apply_kernel(x, kernels.moving_average(10)[None], flip=False, **o),
        ones(1, 10),
        10,
    ),
    "difference": (
        lambda x, **o: image.apply_kernel(x, kernels.difference(1, 2) * 0.5, flip=False, **o),
        np.array([[-1, 1]]),
        2,
    ),
}
GRADIENTS = {
    "sobel": (kernels.sobel, 4),
    "prewitt": (kernels.prewitt, 3),
    "scharr": (kernels.scharr, 16),
    "difference": (lambda axis: kernels.difference(axis, 2), 1),
}


def whole_sums(pixels, numerators, boundary):
    """Sums of a kernel laid on pixels as it is written, whose middle is (side - 1) // 2 from the end."""
    rows, columns = numerators.shape
    around = [(rows // 2, (rows - 1) // 2), (columns // 2, (columns - 1) // 2)]
    around += [(0, 0)] * (pixels.ndim - 2)
    fits = sum(map(abs, numerators.ravel().tolist())) * 2**31 < 2**62
    padded = np.pad(pixels, around, mode=PADDING[boundary]).astype(np.int64 if fits else object)
    sums = np.zeros(pixels.shape, padded.dtype)
    for i, j in np.ndindex(numerators.shape):
        sums += (
            np.array(int(numerators[i, j]), padded.dtype)
            * padded[i : i + pixels.shape[0], j : j + pixels.shape[1]]
        )
    return sums


def half_even(sums, divisor):
    quotient, rest = sums // divisor, sums % divisor
    return quotient + ((2 * rest > divisor) | ((2 * rest == divisor) & (quotient % 2 == 1)))


def saturated(values, dtype):
    return np.clip(values, np.iinfo(dtype).min, np.iinfo(dtype).max).astype(dtype)


def quotients(pixels, numerators, divisor, boundary):
    return saturated(half_even(whole_sums(pixels, numerators, boundary), divisor), pixels.dtype)


def pictures(dtype, shape, seed=0):
    """All values, few values, which make many ties, and the two ends of the range."""
    rng = np.random.default_rng(seed)
    limits = np.iinfo(dtype)
    yield rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)
    yield rng.integers(0, 4, shape).astype(dtype)
    yield rng.choice([limits.min, limits.max], shape).astype(dtype)


def is_accepted(method, numerators):
    return method != "running_sum" or len(np.unique(numerators)) == 1


def forget_plans():
    planning._plan.cache_clear()
    fftconv.convolution.prepared.cache_clear()
    again._known.cache_clear()


@pytest.fixture(params=core.levels() if core is not None else [])
def level(request):
    core.use_level(request.param)
    forget_plans()
    yield request.param
    core.use_level(_native.level_or_reason)
    forget_plans()


# --------------------------------------------------------------------------------------- exact quotients


@pytest.mark.parametrize("boundary", PADDING)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", FILTERS)
def test_filters_of_fractions_give_the_exact_quotient(name, dtype, boundary):
    function, numerators, divisor = FILTERS[name]
    for shape in [(13, 17), (15, 70, 3)]:
        for pixels in pictures(dtype, shape):
            expected = quotients(pixels, numerators, divisor, boundary)
            for method in EXACT_METHODS:
                if is_accepted(method, numerators):
                    result = function(pixels, boundary=boundary, method=method)
                    assert np.array_equal(result, expected), (shape, method)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("operator", GRADIENTS)
def test_magnitudes_of_gradients_are_rounded_roots(operator, dtype):
    """The nearest integer to sqrt(a^2 + b^2) / d, by comparing squares."""
    kernel, weight = GRADIENTS[operator]
    highest = int(np.iinfo(dtype).max)
    ramp = (2 * np.arange(9)[:, None] + np.arange(14)).astype(dtype)  # gradients that are whole, or ties
    for gain in (Fraction(1), Fraction(1, 2), Fraction(3, 7)):
        for pixels in [*pictures(dtype, (9, 14)), ramp]:
            scale = (gain / weight).denominator
            taps = [np.rint(kernel(axis) * (gain / weight).numerator).astype(int) for axis in (0, 1)]
            down, along = (whole_sums(pixels, each, "mirror").astype(object) for each in taps)
            expected = [
                rounded_root(a**2 + b**2, scale) for a, b in zip(down.flat, along.flat, strict=True)
            ]
            for method in ("auto", "direct", "separable"):
                result = image.edges(pixels, operator, gain=float(gain), boundary="mirror", method=method)
                assert result.ravel().tolist() == [min(value, highest) for value in expected], method


def rounded_root(square, divisor):
    square = int(square)
    below = math.isqrt(square) // divisor
    excess = 4 * square - ((2 * below + 1) * divisor) ** 2
    return below + (excess > 0 or (excess == 0 and below % 2 == 1))


@pytest.mark.parametrize("dtype", DTYPES)
def test_signs_and_bias_come_before_the_one_rounding(dtype):
    taps = kernels.laplace(8).astype(int)
    middle = {1: 128, 2: 32768, 4: 0}[np.dtype(dtype).itemsize]
    for pixels in pictures(dtype, (13, 12, 3)):
        sums = whole_sums(pixels, taps, "reflect")
        for method in ("auto", "direct"):
            offset = image.edges(pixels, "laplace", gain=0.25, signed="offset", method=method)
            assert np.array_equal(offset, saturated(half_even(sums + 4 * middle, 4), dtype))
            magnitude = image.edges(pixels, "laplace", gain=0.1, signed="abs", method=method)
            assert np.array_equal(magnitude, saturated(half_even(np.abs(sums), 10), dtype))
            half = image.apply_kernel(pixels, taps / 3, bias=0.5, method=method)
            assert np.array_equal(half, saturated(half_even(2 * sums + 3, 6), dtype))


@st.composite
def fractions(draw):
    """Taps n / d, each up to two units in the last place off, as divisions and products leave them."""
    shape = draw(st.tuples(st.integers(1, 6), st.integers(1, 6)))
    divisor = draw(st.one_of(st.integers(1, 40), st.integers(1, 2**16)))
    most = draw(st.sampled_from([1, 9, 1000, 2**16]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    numerators = rng.integers(-most // 2, most, shape, endpoint=True)
    if draw(st.booleans()):  # of one outer product
        numerators = np.outer(numerators[:, 0], numerators[0])
    taps = numerators / divisor
    return numerators, divisor, taps + rng.integers(-2, 3, shape) * np.spacing(taps) * (taps != 0)


@given(
    fractions(),
    st.sampled_from(DTYPES),
    st.sampled_from(["auto", "direct", "separable"]),
    st.sampled_from(["reflect", "nearest", "zero"]),
    st.integers(0, 100),
)
@settings(max_examples=150)
def test_any_taps_with_a_common_divisor_are_exact(kernel, dtype, method, boundary, seed):
    numerators, divisor, taps = kernel
    for pixels in pictures(dtype, (11, 19), seed):
        result = image.apply_kernel(pixels, taps, flip=False, boundary=boundary, method=method)
        assert np.array_equal(result, quotients(pixels, numerators, divisor, boundary))


@pytest.mark.parametrize("dtype", DTYPES)
def test_large_kernels_stay_exact_whatever_engine_is_chosen(dtype):
    many = np.random.default_rng(1).integers(0, 1000, (48, 48))
    for numerators, divisor in ((DISC, int(DISC.sum())), (DISC, 710), (many, 65534), (ones(70, 60), 4200)):
        for pixels in pictures(dtype, (80, 90)):
            expected = quotients(pixels, numerators, divisor, "reflect")
            for method in ("auto", "direct"):
                result = image.apply_kernel(pixels, numerators / divisor, flip=False, method=method)
                assert np.array_equal(result, expected)


def test_sums_beyond_64_bits_are_exact():
    pixels = next(pictures(np.int32, (6, 9)))
    for low, high, divisor in ((3, -3, 1), (3, -4, 7), (300, -301, 6)):
        taps = np.array([[low * 1e11 + 1, high * 1e11]]) / divisor
        numerators = [round(Fraction(float(tap)) * divisor) for tap in taps.flat]
        padded = np.pad(pixels, [(0, 0), (1, 0)]).tolist()
        expected = [
            round(Fraction(numerators[0] * a + numerators[1] * b, divisor))
            for row in padded
            for a, b in itertools.pairwise(row)
        ]
        for method in ("auto", "direct", "separable"):
            result = image.apply_kernel(pixels, taps, flip=False, boundary="zero", method=method)
            assert result.ravel().tolist() == [min(max(value, -(2**31)), 2**31 - 1) for value in expected]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [2, 4])
def test_full_opacity_changes_nothing(dtype, channels):
    for pixels in pictures(dtype, (14, 15, channels)):
        pixels[..., -1] = np.iinfo(dtype).max
        for name in ("box 1x6", "sharpen 0.3", "laplace 1/6"):
            function, numerators, divisor = FILTERS[name]
            for boundary in ("reflect", "wrap") if name != "laplace 1/6" else ("reflect", "zero"):
                result = function(pixels, boundary=boundary)
                assert np.array_equal(
                    result[..., :-1], quotients(pixels[..., :-1], numerators, divisor, boundary)
                )
                assert np.array_equal(result[..., -1], pixels[..., -1])


CUT = {
    "box": lambda x: image.box_blur(x, (1, 6)),
    "large box": lambda x: image.box_blur(x, (30, 4)),
    "sobel": lambda x: image.edges(x),
    "offset": lambda x: image.edges(x, "laplace", signed="offset"),
    "gaussian": lambda x: image.gaussian_blur(x, 2),
    "disk": lambda x: image.disk_blur(x, 9),
    "random": lambda x: image.apply_kernel(x, np.random.default_rng(0).integers(0, 9, (21, 21)) / 700),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CUT)
def test_bands_chunks_and_pictures_give_the_pixels_of_the_whole(name, dtype):
    function = CUT[name]
    for shape in [(61, 33), (50, 21, 3), (45, 22, 4)]:
        for pixels in list(pictures(dtype, shape))[:2]:
            if shape[-1] == 4:
                pixels[..., -1] = np.iinfo(dtype).max
            whole = function(pixels)
            banding = plan_banding(function(Sketch(shape, np.dtype(dtype))), Sketch(shape, np.dtype(dtype)))
            rows = max(8 // banding.step, 1) * banding.step
            bands = banding.run(lambda first, last, pixels=pixels: pixels[first:last], rows)
            assert np.array_equal(np.concatenate(list(bands)), whole)
            lazy = function(da.from_array(pixels, chunks=(16, 20, *shape[2:])))
            assert np.array_equal(lazy.compute(scheduler="synchronous"), whole)
            if len(shape) == 2 or dtype == np.uint8:
                picture = function(Image.fromarray(pixels))
                assert np.array_equal(np.asarray(picture).astype(dtype), whole)


def test_boxes_of_every_size_and_weight_round_to_even(level):
    """Means, and multiples of them that go beyond the range, on noise, nearly white and nearly black."""
    for dtype in (np.uint8, np.uint16):
        highest = np.iinfo(dtype).max
        rng = np.random.default_rng(0)
        for low, high in ((0, highest), (highest - 3, highest), (0, 3)):
            pixels = rng.integers(low, high, (5, 150), dtype, endpoint=True)
            for size in [(1, width) for width in range(1, 60, 3)] + [
                (2, 33),
                (5, 4),
                (7, 20),
                (12, 25),
                (31, 30),
            ]:
                taps = size[0] * size[1]
                sums = whole_sums(pixels, ones(*size), "nearest")
                for multiple, divisor, bias in (
                    (1, taps, 0),
                    (1, taps + 1, 0),
                    (3, 2 * taps + 2, 0),
                    (1, taps, 1),
                ):
                    expected = saturated(half_even(multiple * sums + bias * divisor, divisor), dtype)
                    kernel = np.full(size, multiple / divisor)
                    given = {"boundary": "nearest", "method": "running_sum", "bias": bias}
                    result = image.apply_kernel(pixels, kernel, **given)
                    assert np.array_equal(result, expected), (dtype, size, multiple, divisor, bias)


def test_every_level_of_the_core_gives_exact_quotients(level):
    """Rows of many lengths, around those of vectors, and pixels that do not lie side by side."""
    for dtype in DTYPES:
        for width in (1, 7, 16, 31, 33, 64, 65, 130):
            for pixels in pictures(dtype, (7, width, 3), width):
                for view in (pixels, pixels[..., 0], pixels[:, ::-1, :2]):
                    for numerators, divisor in (
                        (ones(1, 6), 6),
                        (ones(2, 2), 4),
                        (ones(5, 20), 100),
                        (ones(5, 60), 300),
                        (LINE[:, 1:], 240),
                        (np.array([[1, 2], [-3, 6]]), 7),
                    ):
                        expected = quotients(view, numerators, divisor, "nearest")
                        for method in EXACT_METHODS:
                            if is_accepted(method, numerators):
                                result = image.apply_kernel(
                                    view,
                                    numerators / divisor,
                                    flip=False,
                                    boundary="nearest",
                                    method=method,
                                    alpha=False,
                                )
                                assert np.array_equal(result, expected), (dtype, width, divisor, method)


@pytest.mark.skipif(core is None, reason="there is no native core")
def test_the_build_in_pure_python_is_as_exact():
    chosen = "filters_of_fractions and wrap and not int32 or sobel or signs or large_kernels and uint8"
    done = subprocess.run(
        [
            sys.executable,
            "-P",
            "-m",
            "pytest",
            "-q",
            "-n",
            "0",
            "-p",
            "no:cacheprovider",
            __file__,
            "-k",
            chosen,
        ],
        env=os.environ | {"FFTCONV_CORE": "python"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


# ------------------------------------------------------------------------------------------- divisors


@given(st.lists(st.fractions(-40, 40, max_denominator=3000), min_size=1, max_size=6))
def test_the_divisor_is_the_least_common_denominator(numbers):
    least = math.lcm(*(number.denominator for number in numbers))
    taps = np.array([[float(number) for number in numbers]])
    if least <= 2**16:
        assert common_divisor([taps]) == least
    elif len({abs(number) for number in numbers}) > 1:
        assert common_divisor([taps]) is None


@pytest.mark.parametrize(
    "taps",
    [
        kernels.gaussian((1, 1)),
        kernels.disk(3.0),
        kernels.laplacian_of_gaussian(1.0),
        np.array([[1, math.pi]]),
        np.array([[1.0, 6e-17]]),
        np.array([[1 / 65537, 1.0]]),
        np.array([[0.5, 1 / 3 + 5e-16]]),
    ],
    ids=str,
)
def test_other_taps_have_no_divisor(taps):
    assert common_divisor([taps]) is None


def test_single_precision_taps_are_read_with_their_own_precision():
    third = np.array([[1, 2]], np.float32) / np.float32(3)
    assert common_divisor([third]) == 3
    assert common_divisor([third.astype(np.float64), np.array([[1.0]])]) is None
    assert common_divisor([third], bias=0.5) == 6
    assert common_divisor([kernels.box((300, 400))]) == 120_000  # a mean of more than 65536 pixels


# --------------------------------------------------------------------------------------- errors elsewhere


def other_kernels():
    rng = np.random.default_rng(4)
    high = -kernels.gaussian((5, 5))
    high[high.shape[0] // 2, high.shape[1] // 2] += 1
    return {
        "gaussian 1": kernels.gaussian((1, 1)),
        "gaussian 8": kernels.gaussian((8, 8)),
        "disk 3": kernels.disk(3.0),
        "disk 15": kernels.disk(15.0),
        "high pass": high,
        "unsharp 1": kernels.sharpen(1.0, 2.0),
        "unsharp 3": kernels.sharpen(3.0, 2.0),
        "log": kernels.laplacian_of_gaussian(2.0),
        "normal 5": rng.normal(size=(5, 5)),
        "normal 21": rng.normal(size=(21, 21)),
        "uniform 9": rng.random((9, 9)),
    }


def hard_pictures(dtype, shape):
    """Those whose rounding errors are largest: noise, black and white, halves, and nearly white."""
    highest = np.iinfo(dtype).max
    rng = np.random.default_rng(3)
    yield rng.integers(0, highest, shape, dtype, endpoint=True)
    yield rng.choice([0, highest], shape).astype(dtype)
    yield np.where(np.add.outer(-np.arange(shape[0]), np.arange(shape[1])) > 0, highest, 0).astype(dtype)
    yield (highest - rng.integers(0, 20, shape)).astype(dtype)


def check_errors(result, exact, dtype):
    """No value is further from the exact number than half and the error that is allowed."""
    limits = np.iinfo(dtype)
    expected = np.clip(exact, limits.min, limits.max)
    allowed = 1e-2 if dtype == np.uint16 else 1e-3
    assert np.abs(result.astype(np.float64) - expected).max() <= 0.5 + allowed
    if dtype == np.uint16:
        assert (result != np.rint(expected)).mean() <= 0.01


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", other_kernels())
def test_errors_before_rounding_are_small_where_quotients_are_not_exact(name, dtype):
    taps = other_kernels()[name]
    for size in (24, 100):
        for pixels in hard_pictures(dtype, (size, size + 7)):
            exact = fftconv.correlate(pixels.astype(float), taps, mode="same", boundary="nearest")
            for method in ("auto", "direct", "separable", "overlap_save", "fft"):
                if method != "separable" or taps.shape[0] < 20 or name[0] in "gu":
                    result = image.apply_kernel(pixels, taps, flip=False, boundary="nearest", method=method)
                    check_errors(result, exact, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_transforms_that_are_asked_for_are_as_near(dtype):
    for pixels in hard_pictures(dtype, (60, 70)):
        for name in ("box 12x11", "sharpen 0.3", "binomial"):
            function, numerators, divisor = FILTERS[name]
            exact = whole_sums(pixels, numerators, "wrap") / divisor
            for method in ("overlap_save", "fft"):
                check_errors(function(pixels, boundary="wrap", method=method), exact, dtype)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("amount", [-1.0, 0.7, 3.0])
def test_errors_stay_small_in_light_and_next_to_opacity_and_masks(dtype, amount):
    """Held against the same filter of float64 pixels; an amount below 0 is a blur."""
    highest = np.iinfo(dtype).max
    rng = np.random.default_rng(2)

    def filtered(pixels, **options):
        if amount < 0:
            return image.gaussian_blur(pixels, 3, **options)
        return image.sharpen(pixels, amount, 1.5, **options)

    mask = rng.random((40, 50)) < (0.6 if amount < 0 else 0.99)
    for pixels in hard_pictures(dtype, (40, 50)):
        for options in ({"linear": True}, {"mask": mask}):
            exact = filtered(pixels / highest, **options) * highest
            known = ~np.isnan(exact)
            check_errors(filtered(pixels, **options)[known], exact[known], dtype)
        opacity = np.where(mask, highest, rng.integers(0, 3, mask.shape)).astype(dtype)
        both = np.stack([pixels, opacity], axis=-1)
        exact = filtered(both / highest, alpha=True) * highest
        visible = exact[..., 1] >= 0.51
        result = filtered(both)
        check_errors(result[visible, 0], exact[visible, 0], dtype)
