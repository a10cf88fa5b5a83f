"""Distributions that have a name."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from fractions import Fraction
from numbers import Rational
from typing import Any

import numpy as np

from fftconv._arguments import refuse_dtype
from fftconv._checks import check_count, check_finite, in_digits, read_chance, read_list, read_scalar, shown
from fftconv.probability import ratios
from fftconv.probability.exact import Weights, shortly
from fftconv.probability.lattice import (
    check_size,
    check_steps,
    common,
)
from fftconv.probability.pmf import ACCURACY, Pmf
from fftconv.probability.tails import Scaled, plus, scaled

_MASS = 1e-9  # that weights may miss of 1


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
    check_size([n + 1], f"exact binomial({in_digits(n)}, {shown(p)})", bits=n * p.denominator.bit_length())
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
    if isinstance(mean, Rational) and abs(mean) > sys.float_info.max:
        raise ValueError(f"mean={shown(mean)} is not accepted; pass a finite number")
    rate = check_finite("mean", float(mean) if isinstance(mean, Fraction) else mean)
    if rate < 0:
        raise ValueError(f"mean={shown(mean)} is not accepted; pass a number from 0")
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
        raise ValueError(f"p={shown(p)} never succeeds; pass a probability above 0, up to 1")
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
    variables = read_list("variables", variables, "a list of Pmfs")
    if isinstance(weights, np.ndarray) and weights.dtype.kind not in "biufO":
        refuse_dtype("weights", weights, weights)
    weights = read_list("weights", weights, "a list of numbers")
    if len(variables) != len(weights) or not len(variables):
        raise ValueError(
            f"{len(variables)} variables and {len(weights)} weights; pass as many, at least one"
        )
    for variable in variables:
        if not isinstance(variable, Pmf) or variable.ndim != variables[0].ndim:
            raise TypeError(f"variables holds {shown(variable)}, accepted are Pmfs of as many dimensions")
    shares = [_read_weight(weight) for weight in weights]
    total = sum(shares) if all(isinstance(share, Fraction) for share in shares) else math.fsum(shares)
    if abs(total - 1) > (0 if isinstance(total, Fraction) else _MASS):
        raise ValueError(f"weights add up to {shortly(total)}, not to 1; divide them by their sum")
    chosen = [(x, share) for x, share in zip(variables, shares, strict=True) if share]
    axes = range(chosen[0][0].ndim)
    start = [min(x.start[axis] for x, _ in chosen) for axis in axes]
    step = [
        common(
            part
            for x, _ in chosen
            for part in (x.step[axis] * (x.shape[axis] > 1), x.start[axis] - start[axis])
        )
        for axis in axes
    ]
    parts = []
    for x, _ in chosen:
        first = [int((x.start[axis] - start[axis]) / step[axis]) for axis in axes]
        every = [max(int(x.step[axis] / step[axis]), 1) for axis in axes]
        parts.append(
            tuple(slice(f, f + e * (n - 1) + 1, e) for f, e, n in zip(first, every, x.shape, strict=True))
        )
    shape = [max(part[axis].stop for part in parts) for axis in axes]
    check_steps(4, math.prod(shape), "the mixture")
    accuracy = min(x.accuracy for x, _ in chosen)
    if isinstance(total, Fraction) and all(x.is_exact for x, _ in chosen):
        return Pmf._of(_mixed_exactly(chosen, parts, shape), start, step, accuracy, 0.0, what="the mixture")
    mixed = scaled(np.zeros(shape))
    for (x, share), part in zip(chosen, parts, strict=True):
        here = Scaled(mixed.mantissa[part], mixed.exponent[part])
        numbers = plus(here, x._scaled(x.step).times(float(share / total)))
        mixed.mantissa[part], mixed.exponent[part] = numbers
    error = max(x.relative_error for x, _ in chosen) + (len(chosen) + 6) * 2.0**-53
    return Pmf._of(mixed, start, step, accuracy, error, what="the mixture")


def _mixed_exactly(
    chosen: Sequence[tuple[Pmf, Any]], parts: Sequence[tuple[slice, ...]], shape: Sequence[int]
) -> Weights:
    each = [(x._counts(x.step), share) for x, share in chosen]
    total = math.lcm(*(share.denominator * weights.total for weights, share in each))
    check_size(shape, "the mixture", bits=total.bit_length())
    counts = np.full(shape, 0, object)
    for (weights, share), part in zip(each, parts, strict=True):
        counts[part] += weights.counts * (share.numerator * (total // (share.denominator * weights.total)))
    return Weights(counts, total)


def _read_weight(weight: Any) -> Any:
    """A Fraction or a float that is not negative."""
    weight = read_scalar("weights", weight)
    exact = isinstance(weight, (Rational, np.integer)) and not isinstance(weight, bool)
    if not exact and not isinstance(weight, (float, np.floating)):
        cure = "[float(text) for text in weights]" if isinstance(weight, str) else "numbers alone"
        raise TypeError(f"weights holds {shown(weight)}, accepted are numbers; pass {cure}")
    if not (weight >= 0 and (exact or math.isfinite(weight))):
        raise ValueError(f"weights holds {shown(weight)}, accepted are numbers from 0")
    return Fraction(int(weight) if isinstance(weight, np.integer) else weight) if exact else float(weight)
