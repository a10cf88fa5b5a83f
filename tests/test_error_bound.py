"""The stated bounds hold with a margin on data that is hard on transforms."""

import math
from fractions import Fraction

import numpy as np
import pytest
from cases import hard_signals

import fftconv
from fftconv._error_bound import EXACT_FLOAT64, fft_error_factor, measure
from fftconv._fft.lengths import fast_length

MARGIN = 0.1  # about twice the worst ratio seen: a library with twice the error must not pass unseen
LENGTHS = [16, 48, 120, 243, 625, 1029, 1536, 2401]


def exact(signal, kernel):
    """The convolution of floats, scaled to integers and multiplied as two huge ones, rounded once."""
    scale = 2**200  # every sample above is a multiple of 2^-200, to far below its rounding
    a, b = ([int(Fraction(float(value)) * scale) for value in x] for x in (signal, kernel))
    digit = 2 * 240 + len(a).bit_length()  # bits that hold a coefficient of the product and its sign

    def pack(x):
        return sum(value << (digit * i) for i, value in enumerate(x))

    product, half, mask = pack(a) * pack(b), 1 << (digit - 1), (1 << digit) - 1
    result = []
    for _ in range(len(a) + len(b) - 1):
        low = product & mask
        low -= (mask + 1) if low >= half else 0
        result.append(math.ldexp(float(low), -400))
        product = (product - low) >> digit
    return np.array(result)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("length", LENGTHS)
def test_fft_error_stays_far_below_the_bound(dtype, length):
    data = {name: signal.astype(dtype) for name, signal in hard_signals(length // 2).items()}
    for name, x in data.items():
        for h in (data["random"], x):
            plan = fftconv.explain(x, h, method="fft")
            error = np.abs(fftconv.convolve(x, h, method="fft") - exact(x, h)).max()
            assert error <= MARGIN * plan.error_bound, name


@pytest.mark.parametrize("method", ["direct", "fft"])
def test_bound_covers_the_conversion_of_integers(method):
    signal, kernel = np.array([2567757961516526841]), np.array([0.2381578277207127])
    truth = Fraction(2567757961516526841) * Fraction(0.2381578277207127)
    error = abs(Fraction(fftconv.convolve(signal, kernel, method=method)[0]) - truth)
    assert error <= fftconv.explain(signal, kernel, method=method).error_bound


def test_bound_of_values_whose_squares_overflow():
    assert 0 < fftconv.explain(np.full(9, 1e200), np.ones(3)).error_bound < 1e190
    options = {"boundary": "constant", "fill_value": np.nan, "mode": "same"}
    assert np.isnan(fftconv.explain(np.ones(9), np.ones(3), **options).error_bound)


@pytest.mark.parametrize("length", [100, 1000, 10_000, 123_457, 1_000_003])
def test_transform_lengths_are_smooth_and_near(length):
    fast = fast_length(length)
    rest = fast
    for factor in (2, 3, 5, 7):
        while rest % factor == 0:
            rest //= factor
    assert rest == 1
    assert length <= fast <= 1.06 * length


def test_fast_length_is_the_next_smooth_one_and_a_multiple_of_four():
    smooth = [
        2**a * 3**b * 5**c * 7**d for a in range(9) for b in range(6) for c in range(5) for d in range(4)
    ]
    for length in range(1, 200):
        able = [n for n in smooth if n >= length and (length <= 16 or n % 4 == 0)]
        assert fast_length(length) == min(able)


def test_bound_grows_with_the_logarithm_of_the_length():
    double = np.dtype(np.float64)
    assert fft_error_factor(2**20, double) < 2.1 * fft_error_factor(2**10, double)


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "int16", "uint16", "int32", "int64", "uint64"])
@pytest.mark.parametrize("bits", [0, 1, 7, 15, 26, 31, 44, 62])
def test_no_integers_exceed_their_measured_magnitudes(dtype, bits):
    generator = np.random.default_rng(bits)
    limit = 1 if dtype == "bool" else min(2**bits, np.iinfo(dtype).max)
    for size, taps in ((1, 1), (37, 5), (500, 40)):
        signal = generator.integers(0, limit, size, endpoint=True).astype(dtype)
        kernel = generator.integers(0, limit, taps, endpoint=True).astype(dtype)
        found = measure(signal, kernel, 0, size)
        a, b = ([abs(int(value)) for value in array] for array in (signal, kernel))
        assert found.signal_peak >= max(a)
        assert found.kernel_sum >= sum(b)
        assert found.signal_norm**2 >= sum(value**2 for value in a)
        assert found.kernel_norm**2 >= sum(value**2 for value in b)
        peak = min(max(a) * sum(b), math.isqrt(sum(value**2 for value in a) * sum(value**2 for value in b)))
        if peak < EXACT_FLOAT64 / 2:  # roughly measured, but not beyond what they are far from
            assert found.peak < EXACT_FLOAT64
