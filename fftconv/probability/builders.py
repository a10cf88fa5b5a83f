"""Distributions that have a name."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from fftconv._arrays import check_array_kind
from fftconv._checks import check_count, check_finite, in_digits, read_chance
from fftconv.probability import ratios
from fftconv.probability.exact import Weights
from fftconv.probability.lattice import check_size
from fftconv.probability.pmf import ACCURACY, Pmf
from fftconv.probability.tails import Scaled


def die(sides: int, *, exact: bool = False, accuracy: float = ACCURACY) -> Pmf:
    """A fair die: 1 to `sides`, equally likely; at most 2**26 sides, or 2**22 if exact.

    Examples
    --------
    >>> from fftconv.probability import die
    >>> (die(6) + die(6)).mode()
    7
    """
    return uniform(1, check_count("sides", sides), exact=exact, accuracy=accuracy)


def uniform(low: int, high: int, *, exact: bool = False, accuracy: float = ACCURACY) -> Pmf:
    """Whole numbers from `low` to `high`, both included, equally likely.

    Examples
    --------
    >>> from fftconv.probability import uniform
    >>> uniform(-1, 1).var()
    0.6666666666666666
    """
    first, last = check_count("low", low, None), check_count("high", high, None)
    if last < first:
        raise ValueError(
            f"high={in_digits(last)} is below low={in_digits(first)}; pass whole numbers with low <= high"
        )
    size = last - first + 1
    check_size([size], f"uniform({in_digits(first)}, {in_digits(last)})", bits=64 if exact else 0)
    if exact:
        weights: Scaled | Weights = Weights(np.full(size, 1, object), size)
    else:
        mantissa, exponent = math.frexp(1 / size)
        weights = Scaled(np.full(size, mantissa), np.full(size, exponent, np.int64))
    error = 0.0 if exact else 2.0**-53
    return Pmf._of(weights, (Fraction(first),), (Fraction(1),), accuracy, error)


def bernoulli(p: Any, *, accuracy: float = ACCURACY) -> Pmf:
    """1 with probability p, else 0; exact if p is a Fraction.

    Examples
    --------
    >>> from fftconv.probability import bernoulli
    >>> bernoulli(0.25).pmf([0, 1])
    array([0.75, 0.25])
    """
    p = read_chance("p", p)
    if isinstance(p, (Fraction, int)):
        return Pmf(np.array([1 - Fraction(p), Fraction(p)], object), accuracy=accuracy)
    return Pmf(np.array([1.0 - p, p]), accuracy=accuracy)


def binomial(n: int, p: Any, *, lost_mass: float = 1e-15, accuracy: float = ACCURACY) -> Pmf:
    """Successes in n trials of probability p; exact if p is a Fraction.

    The support is whole for n below 2**22. Beyond that it is cut where `lost_mass` is lost, which leaves
    some 16 standard deviations; exact distributions are not cut.

    Examples
    --------
    >>> from fftconv.probability import binomial
    >>> round(binomial(4000, 0.5).log_pmf(0), 6)
    -2772.588722
    >>> round(binomial(10**18, 3e-18).pmf(0), 9)  # nearly poisson(3)
    0.049787068
    """
    p = read_chance("p", p)
    trials = check_count("n", n, 0)
    if p in (0, 1):
        return degenerate(trials * int(p), exact=isinstance(p, Fraction), accuracy=accuracy)
    if isinstance(p, Fraction):
        return _exact_binomial(trials, p, accuracy)
    return Pmf._by_ratios(ratios.binomial(trials, float(p)), lost_mass, accuracy)


def _exact_binomial(n: int, p: Fraction, accuracy: float) -> Pmf:
    check_size([n + 1], f"exact binomial({in_digits(n)}, {p})", bits=n * p.denominator.bit_length())
    hit, miss = p.numerator, p.denominator - p.numerator
    ways = [miss**n]
    for k in range(n):
        ways.append(ways[-1] * (n - k) * hit // ((k + 1) * miss))
    weights = Weights(np.array(ways, object), p.denominator**n)
    return Pmf._of(weights, (Fraction(0),), (Fraction(1),), accuracy, 0.0)


def poisson(mean: float, *, lost_mass: float = 1e-15, accuracy: float = ACCURACY) -> Pmf:
    """Events at a constant rate; cut where so much mass is lost.

    Examples
    --------
    >>> from fftconv.probability import poisson
    >>> round((poisson(2.0) + poisson(3.0)).mean(), 12)
    5.0
    """
    rate = check_finite("mean", mean)
    if rate < 0:
        raise ValueError(f"mean={mean!r} is not accepted; pass a number from 0")
    if rate == 0:
        return degenerate(0, accuracy=accuracy)
    return Pmf._by_ratios(ratios.poisson(rate), lost_mass, accuracy)


def geometric(p: float, *, lost_mass: float = 1e-15, accuracy: float = ACCURACY) -> Pmf:
    """Trials up to the first success, from 1 on; cut where so much mass is lost.

    Examples
    --------
    >>> from fftconv.probability import geometric
    >>> round(geometric(0.5).mean(), 9)
    2.0
    """
    chance = float(read_chance("p", p))
    if chance == 0:
        raise ValueError(f"p={p!r} never succeeds; pass a probability above 0, up to 1")
    if chance == 1:
        return degenerate(1, accuracy=accuracy)
    return Pmf._by_ratios(ratios.geometric(chance), lost_mass, accuracy)


def degenerate(value: Any, *, exact: bool = False, accuracy: float = ACCURACY) -> Pmf:
    """Always the same value.

    Examples
    --------
    >>> from fftconv.probability import degenerate
    >>> degenerate(3).to_dict()
    {3: 1.0}
    """
    return Pmf(np.array([1], object if exact else float), value, accuracy=accuracy)


def mixture(variables: Sequence[Pmf], weights: Sequence[Any]) -> Pmf:
    """One of the variables, chosen with these probabilities.

    Examples
    --------
    >>> from fftconv.probability import die, mixture
    >>> mixture([die(2), die(4)], [0.5, 0.5]).pmf([1, 4])
    array([0.375, 0.125])
    """
    check_array_kind("weights", weights)
    if len(variables) != len(weights) or not variables:
        raise ValueError(
            f"{len(variables)} variables and {len(weights)} weights; pass as many, at least one"
        )
    table: dict[Any, Any] = {}
    for variable, weight in zip(variables, weights, strict=True):
        for value, probability in variable.to_dict().items():
            table[value] = table.get(value, 0) + weight * probability
    return Pmf.from_dict(table, accuracy=min(variable.accuracy for variable in variables))
