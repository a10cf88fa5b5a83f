"""Keys of arrays: what is kept for one kernel is never taken for another."""

import numpy as np
import pytest

import fftconv
from fftconv._content import content_of


@pytest.mark.parametrize("size", [1, 9, 512, 513, 5000, 70_000])
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "int64"])
def test_keys_are_equal_where_every_byte_is(size, dtype):
    taps = np.random.default_rng(0).standard_normal(size).astype(dtype)
    key = content_of(taps)
    assert key == content_of(taps.copy())
    assert hash(key) == hash(content_of(taps.copy()))
    assert np.array_equal(key.array, taps)
    assert key.array.dtype == taps.dtype
    places = np.random.default_rng(1).integers(0, taps.nbytes, 50)
    for place in places:  # whether it is among the bytes that are hashed or not
        other = bytearray(taps.tobytes())
        other[place] ^= 1
        assert content_of(np.frombuffer(other, dtype)) != key
    if size % 2 == 0:
        assert content_of(taps.reshape(2, -1)) != key


def test_zeros_of_both_signs_are_two_keys():
    taps = np.zeros(2000)
    assert content_of(taps) != content_of(-taps)


def test_a_key_stays_as_the_array_was():
    taps = np.arange(3000.0)
    key = content_of(taps)
    taps[1500] = -1
    assert key.array[1500] == 1500
    with pytest.raises(ValueError, match="read-only"):
        key.array[0] = 1


def test_kernels_alike_in_all_that_is_hashed_are_told_apart():
    """Their keys collide; each gets its own spectrum all the same."""
    signal = np.random.default_rng(0).standard_normal(40_000)
    taps = np.random.default_rng(1).standard_normal(5000)
    key = content_of(taps)
    other = taps.copy()
    for place in range(taps.size):
        other[place] += 1
        if hash(content_of(other)) == hash(key):
            break
        other[place] = taps[place]
    assert not np.array_equal(other, taps)
    for method in ("fft", "overlap_save"):
        first, second = (fftconv.convolve(signal, each, method=method) for each in (taps, other))
        difference = np.zeros(first.size)
        difference[place : place + signal.size] = signal
        assert np.allclose(second - first, difference, atol=1e-9)
