"""Integers as sums of small digits, so that transforms in float64 are exact: x = sum of x_i 2^(w i).

The digits are balanced, from -2^(w-1) to 2^(w-1), which keeps norms small. Products of digits are convolved
one by one and put together again in int64, with carries, so that nothing is lost above the 64 bits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

_BLOCK = 2**15  # elements of every digit that are put together at a time, in the cache


@dataclass(frozen=True, slots=True)
class Limbs:
    """How two arrays are split: digits of `bits` bits, so many of each array, and bounds on all of them."""

    bits: int
    of_signal: int
    of_kernel: int
    signal_peak: int
    signal_norm: float
    kernel_norm: float

    @property
    def products(self) -> int:
        """Convolutions of digits."""
        return self.of_signal * self.of_kernel

    @property
    def digits(self) -> int:
        """Of the result, before carries."""
        return self.of_signal + self.of_kernel - 1


def count_limbs(peak: int, bits: int) -> int:
    """Balanced digits that hold every integer up to `peak`."""
    count, largest = 1, (1 << (bits - 1)) - 1  # all digits at their largest
    while largest < peak:
        largest = (largest << bits) + (1 << (bits - 1)) - 1
        count += 1
    return count


def split(values: Array, bits: int, count: int) -> Array:
    """The digits of integers along a new first axis, lowest first, as int32."""
    digits = np.empty((count, *values.shape), np.int32)
    flat, of_values = digits.reshape(count, -1), values.reshape(-1)
    for first in range(0, of_values.size, _BLOCK):
        block = slice(first, first + _BLOCK)
        _split_block(of_values[block], bits, flat[:, block])
    return digits


def _split_block(values: Array, bits: int, digits: Array) -> None:
    # As unsigned the lowest digit is still the right one: 2^64 is a multiple of 2^bits.
    rest = values.astype(np.uint64 if values.dtype.kind == "u" else np.int64)
    mask, half = (1 << bits) - 1, 1 << (bits - 1)
    for digit in digits:
        low = (rest & mask).astype(np.int64)
        rest = (rest >> bits).astype(np.int64)
        carry = low >= half
        low -= carry * (mask + 1)
        rest += carry
        digit[...] = low
    assert not rest.any(), "count_limbs says how many there are"


def put_together(digits: Array, bits: int, dtype: np.dtype[Any]) -> Array | None:
    """Sum of digits[i] 2^(bits i) along the first axis in int64 or uint64; None if it does not fit.

    Digits may be any int64 up to 2^62. They are overwritten.
    """
    flat = digits.reshape(len(digits), -1)
    out = np.empty(digits.shape[1:], np.uint64)
    whole = out.reshape(-1)
    for first in range(0, whole.size, _BLOCK):
        block = slice(first, first + _BLOCK)
        if not _put_block_together(flat[:, block], bits, whole[block], signed=dtype.kind == "i"):
            return None
    return out.view(dtype)


def _put_block_together(digits: Array, bits: int, out: Array, *, signed: bool) -> bool:
    """The low 64 bits of each number; whether the bits above, as far as they go, only repeat its sign."""
    most = 63 if signed else 64  # bits of a number that is not negative
    out[...] = 0
    carry = np.zeros(out.shape, np.int64)
    zero, ones = np.ones(out.shape, bool), np.full(out.shape, signed)  # whether the bits above are all such
    shift = 0
    for digit in _and_zeros(digits, bits):
        digit += carry
        np.right_shift(digit, bits, out=carry)
        digit &= (1 << bits) - 1
        if shift < 64:
            out |= digit.view(np.uint64) << np.uint64(shift)
        inside = max(most - shift, 0)
        if inside < bits:
            above = digit >> inside
            zero &= above == 0
            ones &= above == (1 << (bits - inside)) - 1
        shift += bits
    return bool(((zero & (carry == 0)) | (ones & (carry == -1))).all())


def _and_zeros(digits: Array, bits: int) -> Iterator[Array]:
    """The digits and then as many zeros as fill 64 bits."""
    yield from digits
    for _ in range(-(-64 // bits) - len(digits)):
        yield np.zeros_like(digits[0])
