"""Distributions given by the ratio of neighbouring probabilities, such as Poisson's λ / (k + 1).

Products of ratios lose a rounding for each step from the likeliest value. The differences of logarithms of
factorials, which they replace, lose all digits where counts are large: 1e15 has a log(1e15!) of 3e16.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from fftconv._checks import in_digits, shown
from fftconv.probability.lattice import (
    check_size,
)
from fftconv.probability.tails import Scaled

Array = np.ndarray[Any, np.dtype[Any]]

LONG = np.longdouble
MOST_WHOLE = 2**22  # points of a support that is not cut: 2 seconds
_ROUNDINGS = 10  # in units of roundoff, of a ratio and its product
_CHUNK = 2**18
_ROW = 512  # factors from 1/2 to 1 whose product is no subnormal number
_FARTHEST = 2**60  # values that are looked for the end of the mass
_NODES, _NODE_WEIGHTS = np.polynomial.legendre.leggauss(48)


class Ratios(NamedTuple):
    """A distribution on low, low + 1, ..., high (None if there is no end).

    `up(k)` is P(k + 1) / P(k) for an array of long doubles k; `mode` is a value near the likeliest. Ratios
    fall with k, or rise to a `limit` below 1. With a `mirror` the variable is that number less k.
    """

    name: str
    up: Callable[[Array], Array]
    mode: int
    low: int
    high: int | None
    limit: float = 0.0
    mirror: int | None = None


def long_double(number: Fraction | int) -> Any:
    """Return the nearest long double, or a neighbour of it."""
    whole = Fraction(number)
    nearest = float(whole)
    return LONG(nearest) + LONG(float(whole - Fraction(nearest)))


def poisson(mean: float) -> Ratios:
    rate = LONG(mean)
    return Ratios(f"poisson({shown(mean)})", lambda k: rate / (k + 1), math.floor(mean), 0, None)


def binomial(n: int, p: float) -> Ratios:
    """Return the ratios for 0 < p < 1.

    The rarer outcome is counted, so that n - k keeps its digits where the mass is.
    """
    name = f"binomial({in_digits(n)}, {shown(p)})"
    rare = min(Fraction(p), 1 - Fraction(p))
    mean, odds = n * rare, long_double(rare / (1 - rare))
    if n >= MOST_WHOLE:
        check_size([math.isqrt(int(mean * (1 - rare)))], name)  # a standard deviation
    if n < 2**53:
        trials = LONG(n)

        def up(k: Array) -> Array:
            return np.asarray((trials - k) * odds / (k + 1))
    else:  # n may be beyond all floats
        expected = long_double(mean / (1 - rare))

        def up(k: Array) -> Array:
            return np.asarray((expected - k * odds) / (k + 1))

    return Ratios(name, up, math.floor(mean), 0, n, mirror=None if rare == p else n)


def geometric(p: float) -> Ratios:
    ratio = long_double(1 - Fraction(p))
    return Ratios(f"geometric({shown(p)})", lambda k: np.full(k.shape, ratio), 1, 1, None, float(ratio))


def negative_binomial(r: float, p: float) -> Ratios:
    size, ratio = LONG(r), long_double(1 - Fraction(p))
    mode = math.floor(max(Fraction(r) - 1, Fraction(0)) * (1 - Fraction(p)) / Fraction(p))
    name = f"nbinom({shown(r)}, {shown(p)})"
    return Ratios(name, lambda k: (k + size) * ratio / (k + 1), mode, 0, None, float(ratio))


def hypergeometric(total: int, marked: int, drawn: int) -> Ratios:
    name = f"hypergeom({in_digits(total)}, {in_digits(marked)}, {in_digits(drawn)})"
    digits = int(np.finfo(LONG).nmant) + 1
    if total >= 2**digits:
        raise ValueError(f"{name} is not accepted; pass a total below 2**{digits}, or binom, which is near")
    a, b, rest = LONG(marked), LONG(drawn), LONG(total - marked - drawn)
    low, high = max(0, marked + drawn - total), min(marked, drawn)
    mode = min(max((marked + 1) * (drawn + 1) // (total + 2), low), high)
    return Ratios(name, lambda k: (a - k) * (b - k) / ((k + 1) * (rest + k + 1)), mode, low, high)


def beta_binomial(n: int, a: float, b: float) -> Ratios:
    """Return the ratios for n below `MOST_WHOLE`, as ratios may rise and fall where a or b is below 1."""
    name = f"betabinom({n}, {shown(a)}, {shown(b)})"
    size, one, other = LONG(n), LONG(a), LONG(b)
    return Ratios(name, lambda k: (size - k) * (one + k) / ((k + 1) * (size - 1 - k + other)), n // 2, 0, n)


def of_scipy(name: str, values: Mapping[str, Any]) -> Ratios | None:
    """The ratios of a distribution of scipy.stats by its parameters, or None if they are not known."""
    if not all(np.ndim(value) == 0 and math.isfinite(value) for value in values.values()):
        return None
    if name == "poisson" and values["mu"] > 0:
        return poisson(float(values["mu"]))
    if name == "hypergeom":
        sizes = [int(values[key]) for key in ("M", "n", "N")]
        return hypergeometric(*sizes) if 0 <= max(sizes[1:]) <= sizes[0] and min(sizes) >= 0 else None
    if name in ("planck", "boltzmann") and values["lambda_"] > 0:
        fall = np.exp(-LONG(values["lambda_"]))
        high = int(values["N"]) - 1 if name == "boltzmann" else None
        if high is None or high >= 0:
            listed = ", ".join(f"{key}={shown(value)}" for key, value in values.items())
            return Ratios(f"{name}({listed})", lambda k: np.full(k.shape, fall), 0, 0, high, float(fall))
    if name == "betabinom" and min(values.values()) > 0 and values["n"] < MOST_WHOLE:
        return beta_binomial(int(values["n"]), float(values["a"]), float(values["b"]))
    if "p" not in values or not 0 < values["p"] < 1:
        return None
    p = float(values["p"])
    if name == "geom":
        return geometric(p)
    if name == "binom" and values["n"] > 0:
        return binomial(int(values["n"]), p)
    if name == "nbinom" and values["n"] > 0:
        return negative_binomial(float(values["n"]), p)
    return None


def weights_by_ratios(given: Ratios, lost_mass: float) -> tuple[Scaled, int, float]:
    """Weights that need not add up to 1, the first value, and the relative error of any weight.

    A support of more than `MOST_WHOLE` points, or without end, is cut where `lost_mass` is lost.
    """
    low, high = given.low, given.high
    if high is None or high - low >= MOST_WHOLE:
        high = given.mode + _reach(given, 1, lost_mass, high)
        low = given.mode - _reach(given, -1, lost_mass, low)
    check_size([high - low + 1], given.name)
    above = _products(lambda i: given.up(given.mode + i), high - given.mode)
    below = _products(lambda i: 1 / given.up(given.mode - 1 - i), given.mode - low)
    mantissa = np.concatenate([below.mantissa[::-1], [0.5], above.mantissa])
    exponent = np.concatenate([below.exponent[::-1], [1], above.exponent])
    steps = max(high - given.mode, given.mode - low)
    return Scaled(mantissa, exponent), low, _ROUNDINGS * steps * float(np.finfo(LONG).eps) + 2.0**-52


def _products(ratio: Callable[[Array], Array], count: int) -> Scaled:
    """The products of the first 1, 2, ..., `count` ratios."""
    mantissas, exponents = np.empty(count), np.empty(count, np.int64)
    carried, power = LONG(1), 0
    for first in range(0, count, _CHUNK):
        part = slice(first, min(first + _CHUNK, count))
        mantissa, exponent = _running(ratio(np.arange(part.start, part.stop).astype(LONG)))
        mantissa, more = np.frexp(mantissa * carried)
        exponent += more + power
        carried, power = mantissa[-1], int(exponent[-1])
        mantissas[part], exponents[part] = mantissa, exponent
    # Rounding to a float may give 1.
    return Scaled(np.where(mantissas == 1, 0.5, mantissas), exponents + (mantissas == 1))


def _running(factors: Array) -> tuple[Array, Array]:
    """Running products of positive numbers, as mantissas and exponents: of rows, and then of rows' ends."""
    parts, powers = np.frexp(factors)
    exponents = np.cumsum(powers, dtype=np.int64)
    rows = np.ones(-(-parts.size // _ROW) * _ROW, parts.dtype)
    rows[: parts.size] = parts
    rows = np.multiply.accumulate(rows.reshape(-1, _ROW), axis=1)
    if len(rows) > 1:
        ends, more = _running(rows[:-1, -1])
        rows[1:] *= ends[:, np.newaxis]
        exponents[_ROW:] += np.repeat(more, _ROW)[: exponents.size - _ROW]
    mantissas, more = np.frexp(rows.ravel()[: parts.size])
    return mantissas, exponents + more


def _reach(given: Ratios, sign: int, lost_mass: float, end: int | None) -> int:
    """Return the distance from the mode beyond which at most half of the lost mass is left."""
    allowed = math.log(lost_mass) - math.log(2)
    last = math.inf if end is None else abs(end - given.mode)

    def ratio(far: Array) -> Array:
        return given.up(given.mode + far) if sign > 0 else 1 / given.up(given.mode - 1 - far)

    def is_enough(far: int) -> bool:
        if far >= last:
            return True
        # log P(mode + far) / P(mode) is the integral of the logarithm of the ratio, and P(mode) <= 1.
        at = LONG(far) / 2 * (1 + _NODES.astype(LONG)) - LONG(0.5)
        sums = float(np.log(ratio(at)) @ _NODE_WEIGHTS) * float(far) / 2
        beyond = max(ratio(np.array([LONG(far)]))[0], LONG(given.limit if sign > 0 else 0))
        return bool(beyond < 1 and sums + np.log(beyond / (1 - beyond)) <= allowed)

    most = 1
    with np.errstate(all="ignore"):  # of values far beyond what is accepted
        while not is_enough(most) and most < _FARTHEST:
            most *= 2
        return bisect.bisect_left(range(int(min(most, last)) + 1), True, key=is_enough)
