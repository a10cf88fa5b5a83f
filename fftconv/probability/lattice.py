"""Lattices: points start + i step, of exact fractions, and what they have in common."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from numbers import Rational
from typing import Any

import numpy as np

from fftconv._checks import read_items

MOST_POINTS = 2**26


def read_point(name: str, value: Any, ndim: int) -> tuple[Fraction, ...]:
    """A number, or one for each dimension."""
    parts = read_items(name, value, "a number, or one for each dimension")
    if len(parts) == 1 and name == "step" and not isinstance(value, Sequence) and np.ndim(value) == 0:
        parts *= ndim
    if len(parts) != ndim:
        if len(parts) == 1 and name == "start" and parts[0] == 0:
            return (Fraction(0),) * ndim
        raise ValueError(
            f"{name}={value!r} has {len(parts)} numbers, accepted are {ndim}, one for each dimension"
        )
    return tuple(rational(name, part) for part in parts)


def rational(name: str, value: Any) -> Fraction:
    """A number as a fraction; floats are read as the decimals that they print as."""
    if isinstance(value, bool) or not isinstance(value, (int, float, Rational, np.integer, np.floating)):
        raise TypeError(f"{name}={value!r} is not accepted; pass a number")
    if isinstance(value, (float, np.floating)):
        if not math.isfinite(value):
            raise ValueError(f"{name}={value!r} is not accepted; pass a finite number")
        return Fraction(repr(float(value)))
    return Fraction(int(value)) if isinstance(value, np.integer) else Fraction(value)


def common(parts: Iterable[Fraction]) -> Fraction:
    """The largest fraction of which all are multiples; 1 if all are 0."""
    result = Fraction(0)
    for part in parts:
        numerator = math.gcd(result.numerator * part.denominator, part.numerator * result.denominator)
        result = Fraction(numerator, result.denominator * part.denominator)
    return result or Fraction(1)


def check_size(shape: Sequence[int], what: str) -> None:
    if math.prod(shape) > MOST_POINTS:
        raise ValueError(
            f"{what} needs {math.prod(shape)} lattice points, accepted are {MOST_POINTS}; round values "
            f"to a coarser common lattice first"
        )
