"""Nothing overflows or underflows that the definition does not, near both ends of every format."""

from fractions import Fraction

import numpy as np
import oracle
import pytest
from cases import GENERAL
from hypothesis import given
from hypothesis import strategies as st

import fftconv

FORMATS = ["float32", "float64", "complex64", "complex128", "longdouble"]


def within_bound_and_rounding(result, expected, bound):
    """Every output is within the bound, and what products lose that are rounded to subnormal numbers."""
    parts = expected if isinstance(expected, tuple) else (expected,)
    views = (result.real, result.imag) if isinstance(expected, tuple) else (result,)
    smallest = np.finfo(result.dtype).smallest_subnormal
    allowed = Fraction(bound) + 20 * oracle.exact(smallest)
    for view, part in zip(views, parts, strict=True):
        for value, truth in zip(view.flat, part.flat, strict=True):
            assert abs(oracle.exact(value) - truth) <= allowed


@pytest.mark.parametrize("engine", GENERAL)
@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("end", ["smallest", "largest", "smallest and largest", "subnormal"])
def test_scaling_near_the_limits_of_the_format(engine, dtype, end):
    limits = np.finfo(dtype)
    rng = np.random.default_rng(0)
    signal = rng.standard_normal(30).astype(dtype)
    kernel = rng.standard_normal(7).astype(dtype)
    powers = {
        "smallest": (limits.minexp + 2, 0),
        "largest": (0, limits.maxexp - 4),
        "smallest and largest": (limits.minexp - 3, limits.maxexp - 4),
        "subnormal": (limits.minexp - 5, 1),
    }[end]
    one = limits.dtype.type(1)
    signal, kernel = signal * np.ldexp(one, powers[0]), kernel * np.ldexp(one, powers[1])
    expected = oracle.convolve(signal, kernel)
    for method in (engine, "auto"):
        result = fftconv.convolve(signal, kernel, method=method)
        if np.dtype(dtype).char == "g":  # bounds are float64
            assert np.isfinite(result).all()
            assert np.count_nonzero(result) == result.size
        else:
            bound = fftconv.explain(signal, kernel, method=method).error_bound
            assert np.isfinite(bound)
            within_bound_and_rounding(result, expected, bound)


@given(
    st.integers(-1060, 1000),
    st.integers(-1060, 1000),
    st.sampled_from([m for m in GENERAL if m != "direct"]),
    st.integers(1, 6),
)
def test_powers_of_two_change_no_digit(a, b, method, taps):
    """Whatever the exponents are, if the result has room for it: its digits are those of ordinary data."""
    rng = np.random.default_rng(taps)
    signal, kernel = rng.integers(1, 100, 20) / 64, rng.integers(1, 100, taps) / 64
    if not (-1000 < a + b < 1000):
        return
    ordinary = fftconv.convolve(signal, kernel, method=method)
    shifted = fftconv.convolve(np.ldexp(signal, a), np.ldexp(kernel, b), method=method)
    bound = fftconv.explain(signal, kernel, method=method).error_bound
    subnormal = np.ldexp(1.0, -1074 - a - b) if a + b < 0 else 0.0
    assert np.abs(np.ldexp(shifted, -a - b) - ordinary).max() <= 2 * bound + 8 * subnormal


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_separable_factors_do_not_underflow(dtype):
    limits = np.finfo(dtype)
    tiny = np.ldexp(limits.dtype.type(1), limits.minexp + 4)
    signal = np.full((20, 30), tiny, dtype)
    line = np.exp(-0.5 * np.arange(-8, 9) ** 2 / 4.0)
    kernel = (np.outer(line, line) * float(np.ldexp(1.0, -limits.minexp // 2))).astype(dtype)
    result = fftconv.convolve(signal, kernel, mode="valid", method="separable")
    truth = float(kernel.astype(float).sum()) * float(tiny)
    assert np.abs(result.astype(float) / truth - 1).max() < 64 * limits.eps


@pytest.mark.parametrize("engine", GENERAL)
def test_zeros_stay_zeros(engine):
    assert not fftconv.convolve(np.zeros(50), np.ones(5), method=engine).any()
    assert not fftconv.convolve(np.ones(50), np.zeros(5), method=engine).any()
    sparse = np.zeros(5000)
    sparse[777] = 1.0
    result = fftconv.convolve(sparse, [1.0, 2.0], method=engine)
    assert np.abs(result - np.convolve(sparse, [1.0, 2.0])).max() < 1e-14
