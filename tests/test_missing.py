"""Samples that are missing: y = (k ∗ (f m)) / w with w = (|k| ∗ m) / Σ|k|, on every engine."""

from fractions import Fraction

import numpy as np
import oracle
import pytest
from cases import ENGINES, GENERAL
from hypothesis import given
from hypothesis import strategies as st

import fftconv
from fftconv import image

BOUNDARIES = (*oracle.BOUNDARIES, "missing")


def definition(signal, kernel, mask, *, boundary="zero", fill_value=0, **options):
    """Numerator and weights as exact numbers, straight from the formula, and where windows are empty."""
    valid = np.asarray(mask) != 0
    values = np.where(valid, signal, 0) * np.asarray(mask, float)
    inside = "zero" if boundary == "missing" else boundary
    fill = fill_value if boundary == "constant" else 0
    numerator = oracle.convolve(values, kernel, boundary=inside, fill_value=fill, **options)
    beyond = {"boundary": boundary}
    if boundary in ("zero", "constant", "missing"):
        beyond = {"boundary": "constant", "fill_value": int(boundary != "missing")}
    magnitudes = np.abs(np.asarray(kernel))
    total = sum(oracle.exact(tap) for tap in magnitudes.flat)
    weights = oracle.convolve(np.asarray(mask, float), magnitudes, **beyond, **options) / total
    count = oracle.convolve(valid.astype(int), (magnitudes != 0).astype(int), **beyond, **options)
    return numerator, weights, count == 0


def assert_is_the_definition(result, weight, expected, error):
    numerator, weights, empty = expected
    assert np.array_equal(np.isnan(result), empty)
    assert (weight[empty] == 0).all()
    assert ((weight >= 0) & (weight <= 1)).all()
    assert np.abs(weight - weights.astype(float)).max() <= error
    for value, above, below, hole in zip(
        result.flat, numerator.flat, weights.flat, empty.flat, strict=True
    ):
        if not hole:
            assert abs(value - float(above / below)) <= error * (1 + abs(float(above / below))) / float(
                below
            )


@pytest.mark.parametrize("engine", [*GENERAL, "separable"])
@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("mode", oracle.MODES)
@pytest.mark.parametrize("kind", ["bool", "weights"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int16"])
def test_every_engine_gives_the_formula(engine, boundary, mode, kind, dtype):
    if mode == "valid" and boundary != "zero":
        return
    rng = np.random.default_rng(0)
    signal = (100 * rng.standard_normal((9, 11))).astype(dtype)
    kernel = np.outer([1, 2, 1], [1, 0, 3, -1]).astype(dtype)
    mask = rng.random((9, 11)) < 0.5
    mask[:5, :7] = False
    if kind == "weights":
        mask = np.where(mask, rng.integers(1, 9, mask.shape) / 8, 0)
    options = {"mode": mode, "boundary": boundary}
    if boundary == "constant":
        options["fill_value"] = 3
    result, weight = fftconv.convolve(
        signal, kernel, mask=mask, method=engine, return_weight=True, **options
    )
    assert result.dtype == (np.float32 if dtype == "float32" else np.float64)
    error = 2e-4 if dtype == "float32" else 1e-11
    assert_is_the_definition(result, weight, definition(signal, kernel, mask, **options), error)


@pytest.mark.parametrize("engine", GENERAL)
@given(data=st.data(), boundary=st.sampled_from(BOUNDARIES), mode=st.sampled_from(["full", "same"]))
def test_nan_is_left_out_and_infinity_is_not(engine, data, boundary, mode):
    numbers = st.sampled_from([-2.0, -1.0, 0.0, 1.0, 3.0, np.nan, np.nan])
    signal = np.array(data.draw(st.lists(numbers, min_size=1, max_size=12)))
    kernel = np.array(data.draw(st.lists(st.sampled_from([-1.0, 0.0, 1.0, 2.0]), min_size=1, max_size=5)))
    if not kernel.any():
        return
    options = {"mode": mode, "boundary": boundary}
    result, weight = fftconv.convolve(
        signal, kernel, nan_policy="omit", method=engine, return_weight=True, **options
    )
    assert_is_the_definition(
        result, weight, definition(signal, kernel, ~np.isnan(signal), **options), 1e-12
    )


@pytest.mark.parametrize("engine", GENERAL)
def test_infinities_follow_the_sum(engine):
    """astropy's two functions disagree on this one (#8099)."""
    signal = np.array([1.0, np.inf, 2.0, np.nan, 5.0, 6.0, -np.inf])
    result = fftconv.convolve(
        signal, np.ones(3) / 3, mode="same", boundary="missing", nan_policy="omit", method=engine
    )
    assert np.array_equal(result[[0, 1, 2, 5, 6]], [np.inf, np.inf, np.inf, -np.inf, -np.inf])
    assert abs(result[3] - 3.5) < 1e-15
    assert abs(result[4] - 5.5) < 1e-15
    hidden = fftconv.convolve(signal, np.ones(3), mask=np.isfinite(signal), mode="same", method=engine)
    assert np.isfinite(hidden).all()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
def test_a_mask_that_is_all_valid_changes_nothing(engine, dtype):
    rng = np.random.default_rng(0)
    signal = rng.standard_normal((30, 40)).astype(dtype)
    kernel = np.full((5, 3), 0.3, dtype)
    for boundary in oracle.BOUNDARIES:
        options = {"mode": "same", "boundary": boundary, "method": engine}
        plain = fftconv.convolve(signal, kernel, **options)
        bound = fftconv.explain(signal, kernel, **options).error_bound
        for mask in (np.ones((30, 40), bool), np.ones((30, 40)), True, np.ones(40, int)):
            masked, weight = fftconv.convolve(signal, kernel, mask=mask, return_weight=True, **options)
            assert np.abs(masked - plain).max() <= 2 * bound
            assert np.abs(weight - 1).max() <= 15 * bound
        omitted = fftconv.convolve(signal, kernel, nan_policy="omit", **options)
        assert np.array_equal(omitted, plain)


def test_kernels_of_both_signs_agree_on_every_engine():
    """astropy's two functions give 26.7 and 0 for this hole (#20403): its weights do not add up to much."""
    image = np.arange(49.0).reshape(7, 7)
    image[3, 3] = np.nan
    kernel = np.array([[1, -2, 1], [-2, 5, -2], [1, -2, 2.0]]) / 2
    options = {"mode": "same", "boundary": "wrap", "nan_policy": "omit"}
    weight = (np.abs(kernel).sum() - 2.5) / np.abs(kernel).sum()
    around = sum(
        kernel[2 - i, 2 - j] * image[2 + i, 2 + j] for i in range(3) for j in range(3) if (i, j) != (1, 1)
    )
    for engine in [*GENERAL, "auto"]:
        result = fftconv.convolve(image, kernel, method=engine, **options)
        assert abs(result[3, 3] - around / weight) < 1e-12
        assert not np.isnan(result).any()


def test_edges_that_are_missing_do_not_sag():
    ones = np.ones(50)
    smooth = fftconv.convolve(ones, fftconv.kernels.gaussian(3), mode="same", boundary="missing")
    assert np.abs(smooth - 1).max() < 1e-15
    assert fftconv.convolve(ones, fftconv.kernels.gaussian(3), mode="same")[0] < 0.6


@pytest.mark.parametrize("engine", GENERAL)
def test_empty_windows_are_counted_and_not_guessed(engine):
    """Rounding leaves weights of 1e-17 where there is nothing, and tiny taps leave some that are real."""
    signal, mask = np.ones(400), np.zeros(400, bool)
    mask[200] = True
    kernel = np.exp(-0.5 * np.linspace(-8, 8, 41) ** 2)  # down to 1e-14
    result, weight = fftconv.convolve(
        signal, kernel, mask=mask, mode="same", method=engine, return_weight=True
    )
    beyond = np.r_[0:20, 380:400]  # windows that reach over the edge, where everything counts
    inner = np.setdiff1d(np.arange(400), beyond)
    assert np.array_equal(np.isnan(result[inner]), np.abs(inner - 200) > 20)
    assert np.array_equal(weight[inner] == 0, np.abs(inner - 200) > 20)


def test_objects_are_exact():
    signal = np.array([1, 2, 3, 4], object)
    result, weight = fftconv.convolve(
        signal, [1, 2, 1], mask=[1, 0, 1, 0], mode="same", boundary="missing", return_weight=True
    )
    assert result.tolist() == [4, 8, 12, 12]
    assert weight.tolist() == [Fraction(1, 2), Fraction(1, 2), Fraction(1, 2), Fraction(1, 4)]
    assert all(isinstance(number, Fraction) for number in result)
    thirds = np.array([Fraction(1, 3), 5], object)
    assert fftconv.convolve(thirds, [1, 1], mask=[True, False], mode="valid").tolist() == [Fraction(2, 3)]


def test_every_slice_has_its_own_kernel_and_weights():
    rng = np.random.default_rng(0)
    signal, kernel = rng.random((3, 20)), rng.random((3, 4))
    mask = rng.random((3, 20)) < 0.6
    together = fftconv.convolve(signal, kernel, axes=1, mask=mask, boundary="missing")
    for row in range(3):
        alone = fftconv.convolve(signal[row], kernel[row], mask=mask[row], boundary="missing")
        assert np.allclose(together[row], alone, rtol=1e-12, equal_nan=True)


def test_correlate_filters_and_banks_take_masks():
    rng = np.random.default_rng(0)
    signal, kernel, mask = rng.random(50), rng.random(5), rng.random(50) < 0.7
    options = {"mode": "same", "boundary": "reflect"}
    expected = fftconv.convolve(signal, kernel, mask=mask, **options)
    assert np.array_equal(fftconv.correlate(signal, kernel[::-1], mask=mask, **options), expected)
    assert np.array_equal(fftconv.Filter(kernel)(signal, mask=mask), expected)
    out = np.empty(50)
    assert fftconv.Filter(kernel)(signal, mask=mask, out=out) is out
    assert np.array_equal(out, expected)
    for method in ("auto", "direct", "fft"):
        bank = fftconv.FilterBank([kernel, kernel[::-1]], method=method)
        both = bank(signal, mask=mask)
        assert np.abs(both[0] - expected).max() < 1e-13
        assert np.array_equal(both, bank(signal, mask=mask, out=np.empty((2, 50))))
    boxes = fftconv.FilterBank([np.ones(5), np.full(5, 2.0)], method="running_sum")(signal, mask=mask)
    assert np.abs(boxes[1] - 2 * boxes[0]).max() < 1e-13
    omit = fftconv.Filter(kernel, nan_policy="omit")
    assert np.array_equal(omit(np.where(mask, signal, np.nan)), expected)


def test_holes_are_filled_and_the_rest_is_left_alone():
    rng = np.random.default_rng(0)
    whole = np.add.outer(np.arange(30.0), 2 * np.arange(40.0))
    holes = rng.random(whole.shape) < 0.3
    filled = fftconv.interpolate_missing(
        np.where(holes, np.nan, whole), fftconv.kernels.gaussian((1.5, 1.5))
    )
    assert np.array_equal(filled[~holes], whole[~holes])
    assert np.abs(filled - whole)[5:-5, 5:-5].max() < 3
    by_mask = fftconv.interpolate_missing(whole, fftconv.kernels.gaussian((1.5, 1.5)), mask=~holes)
    assert np.array_equal(by_mask, filled)
    assert np.isnan(fftconv.interpolate_missing([np.nan] * 9 + [1.0], np.ones(3) / 3)[:8]).all()
    assert fftconv.interpolate_missing([1, 0, 3], np.ones(3) / 3, mask=[1, 0, 1]).tolist() == [1, 2, 3]


def test_a_weighted_mean_lies_between_its_samples():
    """A constant stays constant whatever is missing, as long as there is anything (astropy #16497)."""
    rng = np.random.default_rng(0)
    for kernel in (fftconv.kernels.gaussian((2.0, 2.0)), np.ones((5, 5)) / 25):
        mask = rng.random((60, 60)) < 0.1
        result = fftconv.convolve(
            np.full((60, 60), 7.5), kernel, mask=mask, mode="same", boundary="missing"
        )
        assert np.nanmax(np.abs(result - 7.5)) < 1e-12


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: fftconv.convolve(x, [1], mask=[1, 2, 1]), ValueError, "mask holds 2 at index .1,."),
        (lambda x: fftconv.convolve(x, [1], mask=[1, np.nan, 1]), ValueError, "mask holds nan at"),
        (lambda x: fftconv.convolve(x, [1], mask=["a"]), TypeError, "mask has dtype <U1, accepted"),
        (lambda x: fftconv.convolve(x, [1], mask=[1, 1]), ValueError, "mask has shape .2,. and signal"),
        (lambda x: fftconv.convolve(x, [0.0], mask=[1, 0, 1]), ValueError, "kernel is all zeros"),
        (lambda x: fftconv.convolve(x, [np.nan], mask=[1, 0, 1]), ValueError, "gives no weights"),
        (lambda x: fftconv.convolve(x, [1], nan_policy="drop"), ValueError, "nan_policy='drop' is not"),
        (lambda x: fftconv.convolve(x, [1], mode="valid", boundary="missing"), ValueError, "has no effect"),
        (lambda x: fftconv.convolve([1, np.nan, np.nan], [1], nan_policy="raise"), ValueError,
         "signal holds 2 NaN, the first at index .1,., and nan_policy='raise'"),
        (lambda x: fftconv.convolve(x, [np.nan], nan_policy="raise"), ValueError, "kernel holds 1 NaN"),
        (lambda x: fftconv.convolve(np.ma.array(x), [1]), TypeError, "signal.data and mask=~signal.mask"),
    ],
)  # fmt: skip
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call(np.ones(3))


def test_raise_leaves_clean_data_and_infinities_alone():
    assert fftconv.convolve([1.0, np.inf], [1.0], nan_policy="raise")[1] == np.inf


def test_plans_say_that_outputs_are_weighted():
    plan = fftconv.explain([1.0, np.nan], [1.0, 1.0], nan_policy="omit")
    assert plan.weighted
    assert "by one more convolution" in repr(plan)
    assert np.isfinite(plan.error_bound)
    missing = fftconv.plan_convolution(100, 5, boundary="missing", mode="same")
    assert missing.weighted
    assert missing.boundary == "missing"
    assert not fftconv.explain([1.0], [1.0]).weighted


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("channels", [None, 3])
def test_image_filters_take_masks(dtype, channels):
    rng = np.random.default_rng(0)
    shape = (20, 24) if channels is None else (20, 24, channels)
    pixels = (200 * rng.random(shape)).astype(dtype)
    mask = np.ones((20, 24), bool)
    mask[5:15, 6:18] = False
    spoilt = np.where(mask if channels is None else mask[..., None], pixels, 255).astype(dtype)
    blurs = {
        "gaussian": lambda im: image.gaussian_blur(im, 1.0, mask=mask),
        "box": lambda im: image.box_blur(im, 3, mask=mask),
        "disk": lambda im: image.disk_blur(im, 2.0, mask=mask),
        "motion": lambda im: image.motion_blur(im, 5, mask=mask),
        "sharpen": lambda im: image.sharpen(im, mask=mask),
        "edges": lambda im: image.edges(im, mask=mask),
        "emboss": lambda im: image.emboss(im, mask=mask),
        "own": lambda im: image.apply_kernel(im, [[1, 2, 1]], mask=mask),
    }
    for name, blur in blurs.items():
        one, other = blur(pixels), blur(spoilt)
        assert one.dtype == dtype
        valid = mask if channels is None else np.broadcast_to(mask[..., None], shape)
        assert np.array_equal(one[valid], other[valid], equal_nan=True), name  # what is masked has no say
    inside = blurs["box"](pixels)[9, 11]
    assert np.isnan(inside).all() if dtype == "float32" else np.array_equal(inside, pixels[9, 11])
    lines = blurs["edges"](pixels)
    assert np.isnan(lines[5, 6]).all() if dtype == "float32" else (lines[5, 6] == 0).all()
    missing = image.box_blur(np.full(shape, 90).astype(dtype), 5, boundary="missing")
    assert (np.abs(missing - 90.0) < 1e-4).all()


def test_masks_go_with_opacity():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (12, 12, 4)).astype(np.uint8)
    mask = rng.random((12, 12)) < 0.7
    mask[:6, :6] = False
    spoilt = np.where(mask[..., None], pixels, 7).astype(np.uint8)
    one, other = (image.box_blur(im, 3, mask=mask) for im in (pixels, spoilt))
    assert np.array_equal(one[mask], other[mask])
    assert np.array_equal(one[2, 2], pixels[2, 2])  # nothing in the window
