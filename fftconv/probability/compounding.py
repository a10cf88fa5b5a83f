"""`compound`: the sum of a random number of independent claims."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from fftconv._checks import shown
from fftconv.probability.lattice import (
    check_size,
    check_work,
    common,
)
from fftconv.probability.pmf import Pmf
from fftconv.probability.tails import Scaled, convolve_tails, placed, plus, reachable, scaled

Array = np.ndarray[Any, np.dtype[Any]]


class _Part(NamedTuple):
    """Weights of lattice points from `first` on, which need not add up to 1, and their relative error."""

    weights: Scaled
    first: int
    error: float


def compound(frequency: Any, severity: Pmf, *, lost_mass: float = 1e-300) -> Pmf:
    r"""The total of N independent claims X, where their number N is random, too.

    .. math:: P(S = s) = \sum_{n} P(N = n) \, P(X_1 + \dots + X_n = s)

    All terms are positive and added up as they are, in a balanced tree of convolutions, so that every entry
    keeps its relative accuracy; there is no aliasing to control, and no recursion whose errors build up.

    Parameters
    ----------
    frequency : Pmf, or a frozen discrete distribution of scipy.stats
        Of N: whole numbers from 0, as poisson(3), nbinom(5, 0.4) or binom(20, 0.1).
    severity : Pmf
        Of a single claim X, in one dimension.
    lost_mass : float, default 1e-300
        Of the numbers N that are left out, if there are infinitely many. Totals that are about as unlikely
        are no longer accurate.

    Returns
    -------
    Pmf
        Its accuracy is that of `severity`.

    Raises
    ------
    ValueError, TypeError
        For a number of claims that is negative or not whole.

    References
    ----------
    .. [1] S. A. Klugman, H. H. Panjer, G. E. Willmot, Loss Models, 4th ed., 2012, chapter 9.

    Examples
    --------
    >>> import scipy.stats
    >>> from fftconv.probability import compound, die
    >>> total = compound(scipy.stats.poisson(2.0), die(6))
    >>> round(total.mean(), 9), round(total.pmf(0), 9)
    (7.0, 0.135335283)
    """
    if not isinstance(severity, Pmf) or severity.ndim != 1:
        raise TypeError(f"severity={shown(severity)} is not accepted; pass a Pmf of one dimension")
    counts = frequency if isinstance(frequency, Pmf) else Pmf.from_scipy(frequency, lost_mass=lost_mass)
    if (
        counts.ndim != 1
        or counts.start[0] < 0
        or any(p.denominator != 1 for p in (*counts.start, *counts.step))
    ):
        raise ValueError(f"frequency={shown(frequency)} is not one of whole numbers from 0")
    chances = counts._scaled((Fraction(1),))
    least = int(counts.start[0])
    step = common((*severity.start, *severity.step))
    one = _Part(
        severity._scaled((step,)), int(severity.start[0] / step), severity.relative_error + 2.0**-52
    )
    _check_size(one, chances.mantissa.size - 1, least)
    levels = max(chances.mantissa.size - 1, 1).bit_length() + least.bit_length() + 1
    budget = severity.accuracy / (16 * levels)
    powers = _Powers(one, budget)
    total = _fold(chances, 0, chances.mantissa.size, powers)
    if least:
        total = _times(total, powers.to(least), budget)
    error = total.error + counts.relative_error
    mass = math.fsum(total.weights.to_floats())
    weights, first = total.weights.times(1 / mass), step * total.first
    return Pmf._of(weights, (first,), (step,), severity.accuracy, error, what="the total")


def _check_size(one: _Part, most: int, least: int) -> None:
    """Refuse too many claims: `least` that are certain, and up to `most` more."""
    first, last = one.first, one.first + one.weights.mantissa.size - 1
    points = max(most * last, 0) - min(most * first, 0) + least * (last - first) + 1
    check_size([points], "the total of the claims")
    if points > 1:
        check_work([points], (most + least) * one.weights.depth(), "the total of the claims")


class _Powers:
    """Sums of so many claims, each made once."""

    def __init__(self, one: _Part, budget: float) -> None:
        self.budget = budget
        self._made = {0: _Part(scaled(np.ones(1)), 0, 0.0), 1: one}

    def to(self, count: int) -> _Part:
        one = self._made[1]
        if one.weights.mantissa.size == 1:  # always the same claim
            return _Part(one.weights, count * one.first, one.error)
        if count not in self._made:
            half = count // 2
            self._made[count] = _times(self.to(half), self.to(count - half), self.budget / count)
        return self._made[count]


def _fold(chances: Scaled, low: int, high: int, powers: _Powers) -> _Part:
    """Sum over n from low to high of chances[n] times the distribution of n - low claims."""
    if high - low == 1:
        return _Part(Scaled(chances.mantissa[low:high], chances.exponent[low:high]), 0, 0.0)
    middle = (low + high) // 2
    few, many = _fold(chances, low, middle, powers), _fold(chances, middle, high, powers)
    return _plus(few, _times(many, powers.to(middle - low), powers.budget))


def _times(one: _Part, other: _Part, tolerance: float) -> _Part:
    first = one.first + other.first
    if not (one.weights.mantissa.any() and other.weights.mantissa.any()):
        return _Part(scaled(np.zeros(1)), first, 0.0)
    allowed = reachable(tolerance, min(one.weights.mantissa.size, other.weights.mantissa.size))
    weights, error, _ = convolve_tails(one.weights, other.weights, allowed)
    return _Part(weights, first, (1 + one.error) * (1 + other.error) * (1 + error) - 1)


def _plus(one: _Part, other: _Part) -> _Part:
    first = min(one.first, other.first)
    last = max(part.first + part.weights.mantissa.size for part in (one, other))
    wide = [
        Scaled(*(placed(numbers, part.first - first, last - first) for numbers in part.weights))
        for part in (one, other)
    ]
    return _Part(plus(*wide), first, max(one.error, other.error) + 2.0**-52)
