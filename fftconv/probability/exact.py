"""Exact distributions: whole counts over a total, convolved by packing them into two large integers."""

from __future__ import annotations

import math
from fractions import Fraction
from numbers import Rational
from typing import Any, NamedTuple

import numpy as np

from fftconv._checks import in_digits, shown
from fftconv.probability.tails import Scaled

Array = np.ndarray[Any, np.dtype[Any]]


class Weights(NamedTuple):
    """Python integers, and what they add up to."""

    counts: Array
    total: int


def read(given: Array, *, normalise: bool) -> Weights:
    """From Fractions and integers."""
    flat = []
    for number in given.flat:
        value = number.item() if isinstance(number, np.generic) else number
        if not isinstance(value, Rational):
            raise TypeError(
                f"probabilities hold {shown(value)} beside exact numbers; pass Fractions and integers alone"
            )
        if value < 0:
            raise ValueError(f"probabilities hold {shown(value)}; none may be negative")
        flat.append(Fraction(value))
    total = sum(flat, Fraction(0))
    check_mass(total, 0, normalise=normalise)
    scale = math.lcm(*(value.denominator for value in flat))
    counts = [int(value * scale) for value in flat]
    common = math.gcd(*counts)
    return Weights(
        np.array([count // common for count in counts], object).reshape(given.shape), sum(counts) // common
    )


def check_mass(total: Any, within: float, *, normalise: bool) -> None:
    """That probabilities add up to 1, or to anything that one can divide by."""
    if total == 0:
        raise ValueError("probabilities are all 0; at least one must be positive")
    if not normalise and abs(total - 1) > within:
        raise ValueError(
            f"probabilities add up to {shortly(total)}, not to 1; pass normalise=True to divide by it"
        )


def shortly(total: Any) -> str:
    """A total for a message."""
    if not isinstance(total, Fraction) or max(total.numerator, total.denominator) < 10**20:
        return str(total)
    return f"1 {float(total - 1):+.3g}" if total < 10**6 else f"about {in_digits(int(total))}"


def convolve(one: Array, other: Array) -> Array:
    """The full convolution of integers that are not negative: one multiplication of two huge ones."""
    shape = [n + m - 1 for n, m in zip(one.shape, other.shape, strict=True)]
    # No entry exceeds the product of the sums.
    bits = (sum(one.flat) * sum(other.flat)).bit_length()
    width = -(-bits // 8)
    product = _pack(_padded(one, shape), width) * _pack(_padded(other, shape), width)
    size = math.prod(shape)
    raw = product.to_bytes(width * (2 * size + 1), "little")[: width * size]
    values = [int.from_bytes(raw[i : i + width], "little") for i in range(0, len(raw), width)]
    return np.array(values, object).reshape(shape)


def _padded(counts: Array, shape: list[int]) -> Array:
    """With zeros along every axis but the first, so that nothing runs over into the next row."""
    if counts.ndim == 1:
        return counts
    wide = np.zeros([counts.shape[0], *shape[1:]], object)
    wide[tuple(slice(size) for size in counts.shape)] = counts
    return wide


def _pack(counts: Array, width: int) -> int:
    return int.from_bytes(b"".join(int(count).to_bytes(width, "little") for count in counts.flat), "little")


def to_scaled(weights: Weights) -> Scaled:
    """Each within half an ulp, or one."""
    mantissas, exponents = [], []
    for count in weights.counts.flat:
        mantissa, exponent = ratio(int(count), weights.total)
        mantissas.append(mantissa)
        exponents.append(exponent)
    shape = weights.counts.shape
    return Scaled(np.array(mantissas).reshape(shape), np.array(exponents, np.int64).reshape(shape))


def ratio(count: int, total: int) -> tuple[float, int]:
    """count / total as a mantissa and an exponent."""
    if not count:
        return 0.0, 0
    power = count.bit_length() - total.bit_length()
    parts = [_leading(number) for number in (count, total)]  # as a fraction of long numbers takes minutes
    mantissa, more = math.frexp(float(Fraction(*parts)))
    return mantissa, power + more


def _leading(number: int) -> int:
    """The first 128 bits."""
    return number << 128 >> number.bit_length()


def logarithm(count: int, total: int) -> float:
    """Natural, of count / total."""
    mantissa, exponent = ratio(count, total)
    return math.log(mantissa) + exponent * math.log(2) if mantissa else -math.inf
