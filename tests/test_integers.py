"""Integers come out exact or raise OverflowError: never wrapped, never rounded."""

import numpy as np
import oracle
import pytest
from cases import GENERAL
from hypothesis import given
from hypothesis import strategies as st

import fftconv
from fftconv._limbs import count_limbs, put_together, split

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
    value = int(np.sqrt(2**52 / n)) - 1  # at the square root itself every spectrum is a power of two
    signal = np.full(n, value)
    ramp = np.minimum(np.arange(1, 2 * n), np.arange(2 * n - 1, 0, -1))
    for method in ("auto", "direct", "overlap_save", "fft"):
        assert np.array_equal(fftconv.convolve(signal, signal, method=method), ramp * value**2)
    assert "2 × 2 limbs" in repr(fftconv.explain(signal, signal, method="fft"))


def test_smallest_integer_has_no_absolute_value():
    signal = np.array([INT64_MIN, 0, 1])
    assert fftconv.convolve(signal, [1])[0] == INT64_MIN
    with pytest.raises(OverflowError, match="does not fit int64.*asarray\\(signal, object\\)"):
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


@pytest.mark.parametrize("method", GENERAL)
def test_unsigned_64_bit(method):
    """Unsigned with unsigned stays so; a sign anywhere makes the result signed."""
    big, one = np.array([2**64 - 1, 3], np.uint64), np.array([1], np.uint8)
    result = fftconv.convolve(big, one, method=method)
    assert result.dtype == np.uint64
    assert result.tolist() == [2**64 - 1, 3]
    assert fftconv.convolve(one, big, method=method).tolist() == [2**64 - 1, 3]
    assert fftconv.convolve(big // 2, one * 2, method=method).tolist() == [2**64 - 2, 2]
    with pytest.raises(OverflowError, match="does not fit uint64 \\(0 to 18446744073709551615\\)"):
        fftconv.convolve(big, one * 2, method=method)
    with pytest.raises(OverflowError, match="does not fit int64"):
        fftconv.convolve(big, [1], method=method)
    cancelling = np.array([2**64 - 1, 2**64 - 1], np.uint64)
    assert fftconv.convolve(cancelling, [1, -1], mode="valid", method=method).tolist() == [0]


@pytest.mark.parametrize("method", GENERAL)
def test_unsigned_64_bit_in_the_other_byte_order(method):
    big = np.array([2**64 - 1, 0, 2**64 - 2], np.uint64)
    result = fftconv.convolve(big.astype(">u8"), np.array([1], np.uint8), method=method)
    assert result.tolist() == big.tolist()
    assert fftconv.verify_convolution(result, big.astype(">u8"), [True])


@pytest.mark.parametrize("method", GENERAL)
def test_fill_value_of_unsigned_64_bit(method):
    options = {"mode": "same", "boundary": "constant", "method": method}
    ones = np.ones(2, np.uint64)
    filled = fftconv.convolve(ones, np.array([1, 0, 1], np.uint8), fill_value=2**64 - 2, **options)
    assert filled.tolist() == [2**64 - 1] * 2
    with pytest.raises(OverflowError, match="fill_value=-1 does not fit uint64"):
        fftconv.convolve(ones, np.ones(1, bool), fill_value=-1, **options)


@pytest.mark.parametrize("bits", [(62, 1), (40, 20), (31, 29), (20, 20)])
@pytest.mark.parametrize("shapes", [((3000,), (500,)), ((70, 90), (9, 12)), ((9, 8, 11), (3, 2, 4))])
def test_limbs_are_exact(bits, shapes):
    """On every engine that transforms, for data that no single transform in float64 can do."""
    rng = np.random.default_rng(0)
    x = rng.integers(-(2 ** bits[0]) + 1, 2 ** bits[0], shapes[0])
    k = rng.integers(-(2 ** bits[1]) + 1, 2 ** bits[1], shapes[1])
    while float(np.abs(x).max()) * float(np.abs(k).sum()) >= 2.0**63:  # until sums fit, few taps are left
        k = np.where(rng.random(k.shape) < 0.5, k, 0)
    expected = fftconv.convolve(x, k, method="direct")
    assert fftconv.verify_convolution(expected, x, k)
    for method in ("overlap_save", "fft"):
        for boundary in ("zero", "reflect", "constant"):
            options = {"mode": "same", "boundary": boundary, "method": method}
            if boundary == "constant":
                options["fill_value"] = int(x.flat[0])
            plan = fftconv.explain(x, k, **options)
            assert plan.schedule.limbs is not None
            assert plan.error_bound == 0
            direct = fftconv.convolve(x, k, **{**options, "method": "direct"})
            assert np.array_equal(fftconv.convolve(x, k, **options), direct)


@pytest.mark.parametrize("method", ["overlap_save", "fft"])
def test_limbs_with_slices_strides_and_dilation(method):
    rng = np.random.default_rng(0)
    x, k = rng.integers(-(2**40), 2**40, (3, 400)), rng.integers(-(2**14), 2**14, (3, 60))
    options = {"axes": 1, "stride": 3, "dilation": 2, "mode": "same", "boundary": "mirror"}
    direct = fftconv.convolve(x, k, method="direct", **options)
    assert np.array_equal(fftconv.convolve(x, k, method=method, **options), direct)
    prepared = fftconv.Filter(k, method=method, **options)
    assert np.array_equal(prepared(x), direct)
    assert np.array_equal(prepared(x), direct)


def test_a_million_of_32_bits_at_the_speed_of_transforms():
    rng = np.random.default_rng(0)
    x, k = rng.integers(-(2**31), 2**31, 10**6), rng.integers(-(2**17), 2**17, 10**5)
    plan = fftconv.explain(x, k)
    assert plan.schedule.limbs is not None
    assert fftconv.verify_convolution(fftconv.convolve(x, k), x, k, seed=1)


limb_data = st.lists(
    st.one_of(st.integers(INT64_MIN, INT64_MAX), st.sampled_from([INT64_MIN, INT64_MAX, -1, 0]))
)


@given(limb_data.filter(len), st.integers(4, 24))
def test_limbs_add_up_to_the_number(values, bits):
    array = np.array(values, np.int64)
    count = count_limbs(2**63, bits)
    digits = split(array, bits, count)
    assert all(np.abs(digit).max() <= 2 ** (bits - 1) for digit in digits)
    assert [
        sum(int(d[i]) << (bits * k) for k, d in enumerate(digits)) for i in range(len(values))
    ] == values
    assert put_together(digits.astype(np.int64), bits, np.dtype(np.int64)).tolist() == values


@given(
    st.lists(st.lists(st.integers(-(2**62), 2**62), min_size=2, max_size=2), min_size=1, max_size=7),
    st.integers(4, 24),
    st.sampled_from(["int64", "uint64"]),
)
def test_putting_together_loses_nothing(digits, bits, dtype):
    truth = [sum(row[i] << (bits * k) for k, row in enumerate(digits)) for i in range(2)]
    limits = np.iinfo(dtype)
    found = put_together(np.array(digits, np.int64), bits, np.dtype(dtype))
    if all(limits.min <= number <= limits.max for number in truth):
        assert found.tolist() == truth
    else:
        assert found is None


def test_overflow_is_found_where_float64_cannot_tell():
    """Sums of some 2^140 that cancel, by every engine; and one that does not."""
    x = np.array([INT64_MAX, INT64_MAX] * 40)
    k = np.array([INT64_MAX, -INT64_MAX] * 3)
    middle = fftconv.convolve(x, k, mode="valid")
    assert not middle.any()
    for method in GENERAL:
        assert np.array_equal(fftconv.convolve(x, k, mode="valid", method=method), middle)
        with pytest.raises(OverflowError):
            fftconv.convolve(x, np.append(k, 2), mode="valid", method=method)


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


@pytest.mark.parametrize("shape", [(40,), (40_000,), (30, 17), (4, 5, 6)])
def test_verification_finds_a_single_wrong_bit(shape):
    rng = np.random.default_rng(0)
    x, k = rng.integers(-(2**30), 2**30, shape), rng.integers(-99, 99, (3,) * len(shape))
    result = fftconv.convolve(x, k)
    assert fftconv.verify_convolution(result, x, k, seed=0)
    for bit in (0, 20, 40):
        wrong = result.copy()
        wrong.flat[rng.integers(wrong.size)] ^= 1 << bit
        assert not fftconv.verify_convolution(wrong, x, k, seed=0)


def test_verification_of_unsigned_and_of_big_integers():
    big = np.array([2**64 - 1, 7], np.uint64)
    assert fftconv.verify_convolution(big, big, np.ones(1, bool))
    wide = np.array([3**90, -(5**50)], object)
    assert fftconv.verify_convolution(fftconv.convolve(wide, wide), wide, wide)
    assert not fftconv.verify_convolution(fftconv.convolve(wide, wide) + 1, wide, wide)
    with pytest.raises(TypeError, match="kernel has dtype float64, accepted are integers"):
        fftconv.verify_convolution([1], [1], [1.0])
    with pytest.raises(ValueError, match="result has shape .1,., accepted is that of the full convolution"):
        fftconv.verify_convolution([1], [1, 2], [1])
