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
    for place in places:
        other = bytearray(taps.tobytes())
        other[place] ^= 1
        assert content_of(np.frombuffer(other, dtype)) != key
    if size % 2 == 0:
        assert content_of(taps.reshape(2, -1)) != key


def test_kernels_that_are_nearly_all_zero_have_different_hashes():
    """Or each would be compared with every other one that is kept."""
    echoes = np.zeros((200, 20_000))
    echoes[:, 0] = 1
    echoes[np.arange(200), 50 * np.arange(1, 201)] = 0.5
    assert len({hash(content_of(echo)) for echo in echoes}) == 200


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


def test_kernels_of_equal_hashes_are_told_apart():
    """Changes that cancel in the sums along both sides; each kernel gets its own spectrum all the same."""
    signal = np.random.default_rng(0).standard_normal(40_000)
    taps = np.random.default_rng(1).standard_normal(10_000)
    other = taps.view(np.uint64).copy()
    for place in (0, 1, 100, 101):  # of a square of 100 by 100
        other[place] ^= np.uint64(2**51)
    other = other.view(np.float64)
    assert hash(content_of(other)) == hash(content_of(taps))
    assert content_of(other) != content_of(taps)
    for method in ("fft", "overlap_save"):
        first, second = (fftconv.convolve(signal, each, method=method) for each in (taps, other))
        difference = fftconv.convolve(signal, other - taps, method="direct")
        assert np.allclose(second - first, difference, atol=1e-9)
