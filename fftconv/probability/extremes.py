"""The largest and the smallest of independent variables."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import reduce
from typing import Any

import numpy as np

from fftconv._checks import read_list, shown
from fftconv.probability import exact
from fftconv.probability.lattice import (
    check_size,
    check_steps,
    common,
)
from fftconv.probability.pmf import Pmf
from fftconv.probability.tails import Scaled, cumulated, placed, plus, scaled

Array = np.ndarray[Any, np.dtype[Any]]

_STEPS_OF_A_FACE = 32  # as long as that many additions in an array take the others of a face and a count
_BITS_OF_A_STEP = 1024  # that are added in twice the time of small integers


def maximum(variables: Iterable[Pmf]) -> Pmf:
    r"""The distribution of the largest of independent variables.

    .. math:: P(\max(X, Y) = s) = P(X = s) \, P(Y \le s) + P(X < s) \, P(Y = s)

    Examples
    --------
    >>> from fftconv.probability import die, maximum
    >>> round(maximum([die(6), die(6)]).pmf(6), 12)
    0.305555555556
    """
    return reduce(_larger, _read_variables(variables))


def minimum(variables: Iterable[Pmf]) -> Pmf:
    """The distribution of the smallest of independent variables.

    Examples
    --------
    >>> from fftconv.probability import die, minimum
    >>> minimum([die(6), die(6)]).mode()
    1
    """
    return -maximum([-variable for variable in _read_variables(variables)])


def _read_variables(variables: Iterable[Pmf]) -> tuple[Pmf, ...]:
    given = read_list("variables", variables, "a list of Pmfs")
    if not given:
        raise ValueError("variables is empty; pass at least one Pmf")
    for variable in given:
        if not isinstance(variable, Pmf) or variable.ndim != 1:
            raise TypeError(f"variables holds {shown(variable)}, accepted are Pmfs of one dimension")
    return given


def check_highest(count: int, sides: int, keep: int, what: str) -> int:
    """Refuse what takes `highest_dice` too long; the number of its steps."""
    check_size([count], what, unit="dice")
    bits = math.ceil(count * math.log2(sides))
    check_size([keep * (sides - 1) + 1], what, bits=bits)
    steps = sides * sides * keep * (keep - 1) // 4 + _STEPS_OF_A_FACE * sides * keep
    steps *= 1 + bits // _BITS_OF_A_STEP
    check_size([steps], what, unit="steps")
    return steps


def highest_dice(count: int, sides: int, keep: int, what: str) -> exact.Weights:
    r"""Count the throws in which the highest `keep` of `count` dice have each sum, from `keep` on.

    If v is the lowest face that is kept, a dice, fewer than `keep`, lie above it, and c of the others, at
    most count - keep, below it:

    .. math:: \sum_v \sum_a \binom{n}{a} W_a(s - k v) \sum_{c \le n - k} \binom{n - a}{c} (v - 1)^c

    where W_a counts how a dice of the faces above v, less v each, make a sum.
    """
    check_highest(count, sides, keep, what)
    size, dropped = keep * (sides - 1) + 1, count - keep
    counts = np.zeros(size, object)
    choices = [math.comb(count - above, dropped) for above in range(keep + 1)]
    for face in range(1, sides + 1):
        # The inner sum, for one die less above each time: Pascal's rule leads from one to the next.
        others = [face**dropped]
        step = (face - 1) ** (dropped + 1)
        for above in range(keep, 0, -1):
            others.append(face * others[-1] - choices[above] * step)
        higher, sums = sides - face, np.ones(1, object)
        for above in range(keep if higher else 1):
            if above:
                running = np.cumsum(np.concatenate([sums, np.zeros(higher - 1, object)]))
                sums = running.copy()
                sums[higher:] -= running[:-higher]
            first = keep * (face - 1) + above
            counts[first : first + sums.size] += math.comb(count, above) * others[keep - above] * sums
    return exact.Weights(counts, sides**count)


def _larger(one: Pmf, other: Pmf) -> Pmf:
    start = min(one.start[0], other.start[0])
    step = common([*one.step, *other.step, one.start[0] - start, other.start[0] - start])
    last = max(x.start[0] + x.step[0] * (x.shape[0] - 1) for x in (one, other))
    size = int((last - start) / step) + 1
    bits = sum(x._weights.total.bit_length() for x in (one, other) if isinstance(x._weights, exact.Weights))
    check_size([size], "the maximum", bits=bits if one.is_exact and other.is_exact else 0)
    check_steps(4, size, "the maximum")
    accuracy = min(one.accuracy, other.accuracy)
    error = one.relative_error + other.relative_error + (2 * size + 8) * 2.0**-53
    if one.is_exact and other.is_exact:
        ours, theirs = (x._counts((step,)) for x in (one, other))
        f, g = (
            placed(weights.counts, int((x.start[0] - start) / step), size)
            for weights, x in ((ours, one), (theirs, other))
        )
        counts = f * np.cumsum(g) + (np.cumsum(f) - f) * g
        weights = exact.Weights(counts, ours.total * theirs.total)
        return Pmf._of(weights, (start,), (step,), accuracy, 0.0)
    if error > accuracy:
        raise ArithmeticError(
            f"the maximum could be off by {error:.2g}, more than accuracy={accuracy:.2g}; give the "
            f"variables a larger accuracy"
        )
    p, q = (_spread(x, step, start, size) for x in (one, other))
    below_p, below_q = cumulated(p), cumulated(q)
    before = Scaled(np.r_[0.0, below_p.mantissa[:-1]], np.r_[0, below_p.exponent[:-1]])
    numbers = plus(_product(p, below_q), _product(before, q))
    return Pmf._of(numbers, (start,), (step,), accuracy, error)


def _spread(variable: Pmf, step: Any, start: Any, size: int) -> Scaled:
    first = int((variable.start[0] - start) / step)
    return Scaled(*(placed(part, first, size) for part in variable._scaled((step,))))


def _product(one: Scaled, other: Scaled) -> Scaled:
    return scaled(one.mantissa * other.mantissa, one.exponent + other.exponent)
