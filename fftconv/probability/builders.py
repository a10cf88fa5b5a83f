"""Distributions that have a name."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from fftconv._arrays import check_array_kind
from fftconv._checks import check_count
from fftconv.probability.pmf import ACCURACY, Pmf
from fftconv.probability.tails import scaled


def die(sides: int, *, exact: bool = False, accuracy: float = ACCURACY) -> Pmf:
    """A fair die: 1 to `sides`, equally likely.

    Examples
    --------
    >>> from fftconv.probability import die
    >>> (die(6) + die(6)).mode()
    7
    """
    return uniform(1, sides, exact=exact, accuracy=accuracy)


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
        raise ValueError(f"high={high!r} is below low={low!r}; pass low <= high")
    ones = np.ones(last - first + 1, object if exact else float)
    return Pmf(ones, first, normalise=True, accuracy=accuracy)


def bernoulli(p: Any, *, accuracy: float = ACCURACY) -> Pmf:
    """1 with probability p, else 0; exact if p is a Fraction.

    Examples
    --------
    >>> from fftconv.probability import bernoulli
    >>> bernoulli(0.25).pmf([0, 1])
    array([0.75, 0.25])
    """
    _check_probability(p)
    if isinstance(p, (Fraction, int)):
        return Pmf(np.array([1 - Fraction(p), Fraction(p)], object), accuracy=accuracy)
    return Pmf(np.array([1.0 - p, p]), accuracy=accuracy)


def binomial(n: int, p: Any, *, accuracy: float = ACCURACY) -> Pmf:
    """Successes in n trials of probability p; exact if p is a Fraction.

    Examples
    --------
    >>> from fftconv.probability import binomial
    >>> round(binomial(4000, 0.5).log_pmf(0), 6)
    -2772.588722
    """
    _check_probability(p)
    trials = check_count("n", n, 0)
    if isinstance(p, Fraction):
        return trials @ bernoulli(p, accuracy=accuracy)
    if p in (0, 1):
        return degenerate(trials * int(p), accuracy=accuracy)
    # From one entry to the next by a ratio, whose logarithm is known better than that of a factorial.
    steps = np.arange(trials, dtype=np.longdouble)
    logs = np.log2((trials - steps) / (steps + 1)) + (
        np.log2(np.longdouble(p)) - np.log2(1 - np.longdouble(p))
    )
    total = np.concatenate([[np.longdouble(0)], np.cumsum(logs)]) + trials * np.log2(1 - np.longdouble(p))
    whole = np.floor(total)
    weights = scaled(np.exp2((total - whole).astype(float)), whole.astype(np.int64))
    error = (trials + 8) * float(np.finfo(np.longdouble).eps) * max(64.0, float(np.abs(total).max()))
    return Pmf._of(weights, (Fraction(0),), (Fraction(1),), accuracy, error)


def poisson(mean: float, *, lost_mass: float = 1e-15, accuracy: float = ACCURACY) -> Pmf:
    """Events at a constant rate; cut where so much mass is lost.

    Examples
    --------
    >>> from fftconv.probability import poisson
    >>> round((poisson(2.0) + poisson(3.0)).mean(), 12)
    5.0
    """
    import scipy.stats  # half a second that other distributions need not take

    return Pmf.from_scipy(scipy.stats.poisson(mean), lost_mass=lost_mass, accuracy=accuracy)


def geometric(p: float, *, lost_mass: float = 1e-15, accuracy: float = ACCURACY) -> Pmf:
    """Trials up to the first success, from 1 on; cut where so much mass is lost.

    Examples
    --------
    >>> from fftconv.probability import geometric
    >>> round(geometric(0.5).mean(), 9)
    2.0
    """
    import scipy.stats

    return Pmf.from_scipy(scipy.stats.geom(p), lost_mass=lost_mass, accuracy=accuracy)


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


def _check_probability(p: Any) -> None:
    if isinstance(p, bool) or not isinstance(p, (int, float, Fraction, np.floating)) or not 0 <= p <= 1:
        raise ValueError(f"p={p!r} is not accepted; pass a probability from 0 to 1")
