"""Lattices: points start + i step, of exact fractions, and what they have in common."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Sequence
from fractions import Fraction
from numbers import Rational
from typing import Any, NoReturn

import numpy as np

from fftconv._checks import in_digits, is_number, read_items, read_scalar, shown

MOST_POINTS = 2**26
MOST_WORDS = 2**22  # of 64 bits, in exact numbers
MOST_MULTIPLIED = 2**20  # of these, in a product: some 15 seconds by Karatsuba's method
A_VARIABLE = 1024  # steps of 0.5 microseconds that the sum of two small variables takes
STRETCH = 480  # bits of a tail that one pass over all points covers


def read_point(name: str, value: Any, ndim: int) -> tuple[Fraction, ...]:
    """A number, or one for each dimension."""
    parts = read_items(name, value, "a number, or one for each dimension")
    if len(parts) == 1 and name == "step" and not isinstance(value, Sequence) and np.ndim(value) == 0:
        parts *= ndim
    if len(parts) != ndim:
        if len(parts) == 1 and name == "start" and parts[0] == 0:
            return (Fraction(0),) * ndim
        raise ValueError(
            f"{name}={shown(value)} has {len(parts)} numbers, accepted are {ndim}, one for each dimension"
        )
    return tuple(rational(name, part) for part in parts)


def rational(name: str, value: Any) -> Fraction:
    """A number as a fraction; floats are read as the decimals that they print as."""
    if type(value) is not Fraction:
        value = read_scalar(name, value)
    if not is_number(value) or not isinstance(value, (float, Rational, np.floating)):
        raise TypeError(f"{name}={shown(value)} is not accepted; pass a number")
    if isinstance(value, (float, np.floating)):
        if not math.isfinite(value):
            raise ValueError(f"{name}={shown(value)} is not accepted; pass a finite number")
        return Fraction(str(value))
    return Fraction(int(value)) if isinstance(value, np.integer) else Fraction(value)


def read_copies(copies: Any) -> int:
    """Return the n of ``n @ X``, a whole number from 0."""
    try:
        count = operator.index(copies)
    except TypeError:
        raise TypeError(f"n={shown(copies)} in n @ X is not a whole number") from None
    if count < 0:
        raise ValueError(f"n={shown(copies)} in n @ X is negative; pass a whole number from 0")
    return count


def common(parts: Iterable[Fraction]) -> Fraction:
    """The largest fraction of which all are multiples; 1 if all are 0."""
    result = Fraction(0)
    for part in parts:
        numerator = math.gcd(result.numerator * part.denominator, part.numerator * result.denominator)
        result = Fraction(numerator, result.denominator * part.denominator)
    return result or Fraction(1)


def check_size(shape: Sequence[int], what: str, *, bits: int = 0, unit: str = "lattice points") -> None:
    """Refuse more lattice points than accepted, before any is made; `bits` is the size of exact numbers."""
    points = math.prod(shape)
    if points > MOST_POINTS:
        _refuse(what, f"{in_digits(points)} {unit}", MOST_POINTS)
    words = points * -(-bits // 64)
    if words > MOST_WORDS:
        _refuse(
            what,
            f"{points} lattice points of exact numbers, {in_digits(bits)} bits each, "
            f"{in_digits(words)} words of 64 bits in all",
            MOST_WORDS,
        )


def check_product(shape: Sequence[int], bits: int, what: str) -> int:
    """Refuse sums of exact distributions that take too long; the number of points that take as long.

    `bits` is the size of the numbers of the sum.
    """
    check_size(shape, what, bits=bits)
    words = math.prod(shape) * -(-bits // 64)
    if words > MOST_MULTIPLIED:
        _refuse(
            what,
            f"a product of exact numbers of {in_digits(words)} words of 64 bits in all",
            MOST_MULTIPLIED,
        )
    return words * (MOST_POINTS // MOST_MULTIPLIED)


def check_steps(each: int, count: int, what: str, unit: str = "lattice point") -> None:
    """Refuse more steps, each of the work or memory of a lattice point, than there may be points."""
    check_size([each * count], what, unit=f"steps, {each} for each {unit}")


def check_work(shape: Sequence[int], depth: float, what: str) -> int:
    """Refuse sums whose tails take too long; the number of points to transform.

    All points are transformed once for each stretch of `STRETCH` bits of the `depth`, which is how far the
    tails reach below the peak, both together. For a point and stretch 0.4 to 5 microseconds were measured.
    """
    check_size(shape, what)
    points = math.prod(shape)
    stretches: int = max(math.ceil(depth / STRETCH), 1) ** len(shape)
    if points * stretches > MOST_POINTS:
        _refuse(
            what,
            f"{points} lattice points in each of {stretches} stretches of its tails, "
            f"{in_digits(points * stretches)} in all",
            MOST_POINTS,
        )
    return points * stretches


def _refuse(what: str, needed: str, accepted: int) -> NoReturn:
    raise ValueError(
        f"{what} needs {needed}, accepted are {accepted}; round values to a coarser common lattice first"
    )
