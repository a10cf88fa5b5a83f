"""A NaN or an infinity reaches the outputs whose window holds it, and no others, on every engine."""

import numpy as np
import oracle
import pytest
from cases import GENERAL
from hypothesis import given
from hypothesis import strategies as st
from strategies import floats_with_holes

import fftconv


def assert_same_pattern(result, expected):
    """NaN, +inf and -inf at the same places, and the numbers between them near."""
    rounded = oracle.rounded(expected)
    assert np.array_equal(np.isnan(result), np.isnan(rounded))
    finite = np.isfinite(rounded)
    assert np.array_equal(result[~finite], rounded[~finite], equal_nan=True)
    assert np.abs(result[finite] - rounded[finite]).max(initial=0) < 1e-12


@pytest.mark.parametrize("engine", GENERAL)
@pytest.mark.parametrize("boundary", oracle.BOUNDARIES)
@given(signal=floats_with_holes(), kernel=floats_with_holes(5), mode=st.sampled_from(["full", "same"]))
def test_pattern_is_that_of_the_definition(engine, boundary, signal, kernel, mode):
    options = {"mode": mode, "boundary": boundary}
    if boundary == "constant":
        options["fill_value"] = np.inf
    result = fftconv.convolve(signal, kernel, method=engine, **options)
    assert_same_pattern(result, oracle.convolve(signal, kernel, **options))


@pytest.mark.parametrize("engine", GENERAL)
def test_one_nan_in_an_image_spoils_one_window(engine):
    image = np.random.default_rng(0).random((40, 50))
    kernel = np.ones((3, 5))
    clean = fftconv.convolve(image, kernel, mode="same", method=engine)
    image[20, 30] = np.nan
    result = fftconv.convolve(image, kernel, mode="same", method=engine)
    assert np.isnan(result).sum() == 15
    assert np.isnan(result[19:22, 28:33]).all()
    kept = ~np.isnan(result)
    assert np.abs(result[kept] - clean[kept]).max() < 1e-12


@pytest.mark.parametrize("engine", GENERAL)
def test_a_slice_without_nan_is_not_touched(engine):
    rows = np.random.default_rng(0).random((3, 40))
    clean = fftconv.convolve(rows, np.ones(3), axes=1, method=engine)
    rows[1, 7] = np.inf
    result = fftconv.convolve(rows, np.ones(3), axes=1, method=engine)
    assert np.abs(result[[0, 2]] - clean[[0, 2]]).max() < 1e-12
    assert np.isinf(result).sum() == 3


@pytest.mark.parametrize("engine", GENERAL)
@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_complex_parts_follow_the_product_rule(engine, dtype):
    signal = np.array([1, 2j, complex(np.nan, 1), 3, 4, 5, 6], dtype)
    kernel = np.array([1, 2], dtype)
    result = fftconv.convolve(signal, kernel, method=engine)
    assert np.array_equal(np.isnan(result.real), [False, False, True, True, *[False] * 4])
    # (nan + i) * 1 has the imaginary part nan * 0 + 1 * 1: NaN too.
    assert np.array_equal(np.isnan(result.imag), [False, False, True, True, *[False] * 4])


@pytest.mark.parametrize("engine", GENERAL)
@pytest.mark.parametrize("shape", [(5,), (4, 3)])
def test_complex_infinities_follow_the_product_rule(engine, shape):
    signal, kernel = np.ones(shape, complex), np.ones((2,) * len(shape)) * (1 + 1j)
    signal.flat[1] = complex(np.inf, 0)
    signal[(-1,) * len(shape)] = complex(1, -np.inf)
    for boundary in ("zero", "reflect"):
        options = {"mode": "same", "boundary": boundary}
        real, imag = oracle.convolve(signal, kernel, **options)
        result = fftconv.convolve(signal, kernel, method=engine, **options)
        assert_same_pattern(result.real, real)
        assert_same_pattern(result.imag, imag)


@pytest.mark.parametrize("engine", GENERAL)
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128", "longdouble"])
def test_what_the_definition_does_not_overflow_does_not(engine, dtype):
    """Sums near the largest float: spectra and their products are far beyond it."""
    largest = np.finfo(dtype).max / 4
    signal = np.full((40, 50), largest, dtype)
    kernel = np.full((7, 5), 1 / 35, dtype)
    result = fftconv.convolve(signal, kernel, mode="valid", method=engine)
    assert np.abs(result / largest - 1).max() < 1e-5


@pytest.mark.parametrize("engine", GENERAL)
def test_an_overflow_of_the_definition_stays_local(engine):
    signal, kernel = np.ones(1000), np.ones(300)
    signal[500], kernel[3] = 1e300, 1e300
    result = fftconv.convolve(signal, kernel, method=engine)
    assert np.flatnonzero(np.isinf(result)).tolist() == [503]
    assert not np.isnan(result).any()


@pytest.mark.parametrize("engine", GENERAL)
def test_strided_and_dilated_windows(engine):
    signal = np.arange(30.0)
    signal[11] = np.nan
    options = {"stride": 2, "dilation": 3, "mode": "same"}
    result = fftconv.convolve(signal, np.ones(4), method=engine, **options)
    assert_same_pattern(result, oracle.convolve(signal, np.ones(4), **options))


SPECIAL_KERNELS = {
    "sobel": ("separable", np.outer([1.0, 2.0, 1.0], [1.0, 0.0, -1.0])),
    "rank 2": ("separable", np.array([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]])),
    "equal taps": ("running_sum", np.full((3, 4), -0.5)),
    "zeros": ("running_sum", np.zeros((2, 2))),
}


@pytest.mark.parametrize("name", SPECIAL_KERNELS)
@pytest.mark.parametrize("boundary", oracle.BOUNDARIES)
@pytest.mark.parametrize("holes", [[np.nan], [np.inf], [np.inf, -np.inf], [np.nan, np.inf, np.inf]])
def test_pattern_of_engines_for_some_kernels(name, boundary, holes):
    engine, kernel = SPECIAL_KERNELS[name]
    signal = np.random.default_rng(0).standard_normal((7, 9))
    signal.flat[[11, 14, 40][: len(holes)]] = holes
    options = {"mode": "same", "boundary": boundary}
    if boundary == "constant":
        options["fill_value"] = -np.inf
    result = fftconv.convolve(signal, kernel, method=engine, **options)
    assert_same_pattern(result, oracle.convolve(signal, kernel, **options))


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
def test_factors_and_sums_overflow_only_where_the_definition_does(dtype):
    largest = np.finfo(dtype).max / 4
    signal = np.full((40, 50), largest, dtype)
    for method in ("separable", "running_sum"):
        kernel = np.full((7, 5), 1 / 35, dtype)
        result = fftconv.convolve(signal, kernel, mode="valid", method=method)
        assert np.abs(result / largest - 1).max() < 1e-5


@pytest.mark.parametrize("engine", GENERAL)
@given(data=st.data(), dtype=st.sampled_from(["float32", "float64", "complex64", "complex128"]))
def test_pattern_along_any_axes_in_any_dtype(engine, data, dtype):
    axes = data.draw(st.sampled_from([(0,), (1,), (0, 1)]))
    shape = data.draw(st.tuples(st.integers(1, 5), st.integers(1, 6)))
    ordinary = st.sampled_from([-2.0, -1.0, 0.0, 0.5, 1.0])
    odd = st.sampled_from([np.nan, np.inf, -np.inf])
    number = st.one_of(ordinary, ordinary, ordinary, odd)

    def draw(size):
        real = np.array(data.draw(st.lists(number, min_size=size, max_size=size)))
        if not dtype.startswith("complex"):
            return real.astype(dtype)
        imag = np.array(data.draw(st.lists(number, min_size=size, max_size=size)))
        result = np.empty(size, dtype)
        result.real, result.imag = real, imag  # not by a product, which has a pattern of its own
        return result

    signal = draw(shape[0] * shape[1]).reshape(shape)
    taps = tuple(data.draw(st.integers(1, 3)) for _ in axes)
    kernel = draw(int(np.prod(taps))).reshape(taps)
    options = {
        "axes": axes,
        "mode": data.draw(st.sampled_from(["full", "same"])),
        "boundary": data.draw(st.sampled_from(oracle.BOUNDARIES)),
    }
    result = fftconv.convolve(signal, kernel, method=engine, **options)
    with np.errstate(invalid="ignore"):  # inf - inf, where the oracle puts its parts together
        expected = oracle.convolve(signal, kernel, **options)
    if dtype.startswith("complex"):
        pairs = [(result.real, expected[0]), (result.imag, expected[1])]
    else:
        pairs = [(result, expected)]
    for found, exact in pairs:
        rounded = oracle.rounded(exact)
        finite = np.isfinite(rounded)
        assert np.array_equal(found[~finite], rounded[~finite], equal_nan=True)
        assert np.abs(found[finite] - rounded[finite]).max(initial=0) < 1e-4
