"""Distributions that tests of hypotheses are made of."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from fftconv._arguments import read_array
from fftconv._checks import check_choice, check_count, in_digits
from fftconv.convolution import convolve
from fftconv.probability import exact
from fftconv.probability.builders import bernoulli
from fftconv.probability.lattice import check_product, check_size, check_work
from fftconv.probability.pmf import ACCURACY, Pmf, sum_independent
from fftconv.probability.tails import added_up, scaled

Array = np.ndarray[Any, np.dtype[Any]]

_TOGETHER = 64  # trials whose products are multiplied out all at once
_WITHIN_BITS = 900.0  # of their probabilities, so that no product underflows


def poisson_binomial(p: ArrayLike, *, accuracy: float = ACCURACY) -> Pmf:
    r"""How many of many independent trials succeed, each with a probability of its own.

    .. math:: \sum_k P(S = k) \, z^k = \prod_i (1 - p_i + p_i z)

    Parameters
    ----------
    p : array_like
        The probabilities; Fractions give an exact distribution.
    accuracy : float, default 1e-9
        As of `Pmf`.

    Returns
    -------
    Pmf

    Examples
    --------
    >>> from fftconv.probability import poisson_binomial
    >>> poisson_binomial([0.5, 0.5, 1.0]).to_dict()
    {1: 0.25, 2: 0.5, 3: 0.25}
    """
    given = read_array("p", p).ravel()
    if given.dtype.kind == "O":
        bits = sum(Fraction(each).denominator.bit_length() for each in given)
        check_product([given.size + 1], bits, f"poisson_binomial of {given.size} trials")
        return sum_independent(bernoulli(Fraction(each), accuracy=accuracy) for each in given)
    chances = given.astype(np.float64)
    if not ((chances >= 0) & (chances <= 1)).all():
        wrong = chances[~((chances >= 0) & (chances <= 1))][0]
        raise ValueError(f"p holds {wrong}, accepted are probabilities from 0 to 1")
    inner = chances[(chances > 0) & (chances < 1)]
    depth = -float(np.log2(inner).sum() + np.log2(1 - inner).sum())
    check_work([chances.size + 1], depth, f"poisson_binomial of {chances.size} trials")
    return sum_independent(_in_groups(np.sort(chances), accuracy))


def _in_groups(chances: Array, accuracy: float) -> list[Pmf]:
    """Products of 64 trials, all groups side by side, and single trials where these would underflow."""
    inner = chances[(chances > 0) & (chances < 1)]
    certain = int((chances == 1).sum())
    least = -np.log2(np.minimum(inner, 1 - inner))
    ordinary = inner[least <= _WITHIN_BITS / _TOGETHER]
    result = [Pmf(np.ones(1), certain, accuracy=accuracy)]
    result += [
        bernoulli(float(each), accuracy=accuracy) for each in inner[least > _WITHIN_BITS / _TOGETHER]
    ]
    whole = ordinary.size // _TOGETHER * _TOGETHER
    result += [bernoulli(float(each), accuracy=accuracy) for each in ordinary[whole:]]
    if whole:
        rows = ordinary[:whole].reshape(-1, _TOGETHER)
        table = np.stack([1 - rows, rows], axis=-1).reshape(-1, 2)
        error = 2.0**-53
        while table.shape[0] > rows.shape[0]:
            error = 2 * error + added_up(table.shape[1])
            table = convolve(
                np.ascontiguousarray(table[::2]), np.ascontiguousarray(table[1::2]), axes=1, method="direct"
            )
        zero, one = (Fraction(0),), (Fraction(1),)
        result += [Pmf._of(scaled(row), zero, one, accuracy, error) for row in table]
    return result


def rank_sum(n: int, m: int) -> Pmf:
    r"""The Mann-Whitney statistic U of two samples of n and m values, if they come from one distribution.

    .. math:: \sum_u P(U = u) \, q^u = \prod_{i=1}^{n} \frac{1 - q^{m+i}}{1 - q^i} \bigg/ \binom{n+m}{n}

    Exact, without ties. The rank sum of the first sample is U + n (n + 1) / 2. Samples may be so large that
    n m min(n, m) is below 2**26.

    References
    ----------
    .. [1] H. B. Mann, D. R. Whitney, On a test of whether one of two random variables is stochastically
       larger than the other, Ann. Math. Stat. 18 (1947).

    Examples
    --------
    >>> from fftconv.probability import rank_sum
    >>> rank_sum(2, 2).to_dict()[2]
    Fraction(1, 3)
    """
    few, many = sorted((check_count("n", n), check_count("m", m)))
    what, size = f"rank_sum({in_digits(few)}, {in_digits(many)})", few * many + 1
    check_size([size], what)
    check_size([size], what, bits=math.ceil(_log2_comb(few + many, few)))
    check_size([few * size], what, unit=f"steps, {few} for each lattice point")
    counts = np.zeros(few * many + 1, object)
    counts[0] = 1
    for i in range(1, few + 1):
        counts[many + i :] -= counts[: -(many + i)].copy()  # times 1 - q^(many + i)
        for first in range(i):  # over 1 - q^i: every i-th is added up
            counts[first::i] = np.cumsum(counts[first::i])
    return Pmf._of(exact.Weights(counts, int(counts.sum())), (Fraction(0),), (Fraction(1),), ACCURACY, 0.0)


def _log2_comb(n: int, k: int) -> float:
    return (math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)) / math.log(2)


def p_value(
    null: Pmf, observed: Any, alternative: Literal["greater", "less", "two-sided"] = "two-sided"
) -> Any:
    """How likely a value as extreme as the observed one is, if it comes from this distribution.

    "greater" is P(X >= observed), "less" P(X <= observed), "two-sided" twice the smaller, at most 1.

    Examples
    --------
    >>> from fractions import Fraction
    >>> from fftconv.probability import binomial, p_value
    >>> p_value(binomial(10, Fraction(1, 2)), 9, "greater")
    Fraction(11, 1024)
    """
    check_choice("alternative", alternative, ("greater", "less", "two-sided"))
    greater, less = null.at_least(observed), null.cdf(observed)
    return {"greater": greater, "less": less, "two-sided": min(2 * min(greater, less), 1)}[alternative]
