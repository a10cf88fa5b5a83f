"""Integers come out exact or raise OverflowError: never wrapped, never rounded."""

import numpy as np
import oracle
import pytest
from cases import GENERAL
from hypothesis import given
from hypothesis import strategies as st

import fftconv

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1


def exact(signal, kernel):
    """Python integers."""
    return np.convolve(np.asarray(signal).astype(object), np.asarray(kernel).astype(object))


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16"])
def test_extremes_of_small_dtypes_do_not_wrap(dtype):
    info = np.iinfo(dtype)
    signal = np.array([info.min, info.max] * 50, dtype)
    for engine in [*GENERAL, "auto"]:
        result = fftconv.convolve(signal, signal, method=engine)
        assert (result == exact(signal, signal)).all()


def test_counterexample_to_the_guard_of_scipy_signal():
    """Constant arrays of sqrt(2^52 / n): every result is below 2^53, yet rounding an FFT is wrong."""
    n = 16384
    value = int(np.sqrt(2**52 / n))
    signal = np.full(n, value)
    result = fftconv.convolve(signal, signal)
    ramp = np.minimum(np.arange(1, 2 * n), np.arange(2 * n - 1, 0, -1))
    assert np.array_equal(result, ramp * value**2)
    with pytest.raises(ValueError, match="method='fft' cannot do this: integers could come out wrong"):
        fftconv.convolve(signal, signal, method="fft")


def test_smallest_integer_has_no_absolute_value():
    signal = np.array([INT64_MIN, 0, 1])
    assert fftconv.convolve(signal, [1])[0] == INT64_MIN
    with pytest.raises(OverflowError, match="does not fit int64.*astype\\(object\\)"):
        fftconv.convolve(signal, [-1])
    assert fftconv.convolve(signal.astype(object), [-1])[0] == 2**63


def test_fft_is_used_and_exact_where_it_is_proven():
    rng = np.random.default_rng(0)
    signal, kernel = rng.integers(-(2**15), 2**15, 4096), rng.integers(-(2**15), 2**15, 4096)
    plan = fftconv.explain(signal, kernel, method="fft")
    assert plan.error_bound == 0
    direct, transformed = (fftconv.convolve(signal, kernel, method=m) for m in ("direct", "fft"))
    assert np.array_equal(direct, transformed)


def test_results_up_to_the_last_bit_of_int64():
    assert fftconv.convolve([INT64_MAX], [1])[0] == INT64_MAX
    assert fftconv.convolve([INT64_MAX - 1, 0], [1, 1]).tolist() == [INT64_MAX - 1, INT64_MAX - 1, 0]
    # Both products of the middle output overflow, their sum does not.
    assert fftconv.convolve([2**62, 2**62], [2, -2], mode="valid").tolist() == [0]
    with pytest.raises(OverflowError):
        fftconv.convolve([INT64_MAX, 1], [1, 1])


def test_unsigned_64_bit_beyond_int64():
    big = np.array([2**64 - 1], np.uint64)
    with pytest.raises(OverflowError, match="does not fit int64"):
        fftconv.convolve(big, [1])
    assert fftconv.convolve(big, [0])[0] == 0
    cancelling = np.array([2**64 - 1, 2**64 - 1], np.uint64)
    assert fftconv.convolve(cancelling, [1, -1], mode="valid")[0] == 0


def test_overflow_leaves_out_untouched():
    out = np.full(3, 7)
    with pytest.raises(OverflowError):
        fftconv.convolve([INT64_MAX, 1], [1, 1], out=out)
    assert (out == 7).all()


near_the_edge = st.one_of(
    st.integers(INT64_MIN, INT64_MAX),
    st.sampled_from([INT64_MIN, INT64_MAX, 2**62, -(2**62), 2**53 + 1, 3037000499, 3037000500]),
    st.integers(-3, 3),
)


@given(
    st.lists(near_the_edge, min_size=1, max_size=6),
    st.lists(near_the_edge, min_size=1, max_size=6),
    st.sampled_from(oracle.MODES),
)
def test_true_integer_or_overflow_error(signal, kernel, mode):
    signal, kernel = np.array(signal, np.int64), np.array(kernel, np.int64)
    if mode == "valid" and len(kernel) > len(signal):
        return
    expected = oracle.convolve(signal, kernel, mode=mode)
    if any(not INT64_MIN <= value <= INT64_MAX for value in expected.flat):
        with pytest.raises(OverflowError):
            fftconv.convolve(signal, kernel, mode=mode)
    else:
        assert (fftconv.convolve(signal, kernel, mode=mode) == expected).all()


def test_fill_value_counts_towards_the_range():
    options = {"mode": "same", "boundary": "constant"}
    assert fftconv.convolve([0, 0], [1, 1, 1], fill_value=INT64_MAX, **options)[0] == INT64_MAX
    with pytest.raises(OverflowError):
        fftconv.convolve([1, 0], [1, 1, 1], fill_value=INT64_MAX, **options)
