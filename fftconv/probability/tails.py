"""Convolutions of numbers that are not negative, each entry right, down to sizes that no float has.

A number is a mantissa times a power of two of its own. Where all products are within the range of floats
this is `convolve` with a relative tolerance. Beyond it both arrays are tilted (see `fftconv._tilting`), so
that one stretch of the result after another comes within range, each some 300 decades down from its peak.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Any, NamedTuple

import numpy as np

from fftconv._error_bound import componentwise_error
from fftconv._recording import recorded_plans
from fftconv._tilting import points, ramp, saddle_point, times_two_to
from fftconv.convolution import convolve

Array = np.ndarray[Any, np.dtype[Any]]

_WITHIN = -960  # exponent of the smallest product, over that of the largest, that floats hold well
_TILT_ERROR = 16 * 2.0**-53  # of weights, there and back
_TILTS = 1000
_SPAN = 900  # bits, from the largest number that is added up in floats to the smallest
_SHORT = 2048
_DOUBLE = np.dtype(np.float64)


class Scaled(NamedTuple):
    """Numbers mantissa * 2^exponent; mantissas are 0 or from 1/2 to 1."""

    mantissa: Array
    exponent: Array

    @property
    def logarithms(self) -> Array:
        """To base 2; -inf for 0."""
        with np.errstate(divide="ignore"):
            return np.asarray(np.log2(self.mantissa) + self.exponent)

    def to_floats(self, power: int = 0) -> Array:
        """The numbers over 2^power; those too small for a float are 0."""
        return _times_power(self.mantissa, self.exponent - power)

    def depth(self) -> float:
        """Count the bits that the first and the last weight together are below 1.

        In several dimensions it is twice that of the smallest weight. Sums of copies have that many times
        the number of copies, and so many stretches of their tails lie beyond the range of floats.
        """
        if self.mantissa.ndim == 1:
            first, last = (math.log2(self.mantissa[i]) + float(self.exponent[i]) for i in (0, -1))
            return -first - last
        logs = self.logarithms
        return -2 * float(logs[logs > -np.inf].min())

    def times(self, factor: float) -> Scaled:
        """The numbers times one that is positive."""
        return scaled(self.mantissa * factor, self.exponent)


def _times_power(values: Array, powers: Array) -> Array:
    """Values times 2^powers, which may be beyond the exponents of floats."""
    return np.asarray(np.ldexp(values, np.clip(powers, -4000, 4000).astype(np.int32)))


def placed(values: Array, first: int, size: int) -> Array:
    """A line of so many numbers, zeros but for these from `first` on."""
    wide = np.zeros(size, values.dtype)
    wide[first : first + values.size] = values
    return wide


def scaled(values: Array, exponents: Array | int = 0) -> Scaled:
    """`values` times 2^exponents."""
    mantissa, power = np.frexp(values)
    return Scaled(mantissa, np.where(mantissa == 0, 0, power.astype(np.int64) + exponents))


def plus(one: Scaled, other: Scaled) -> Scaled:
    """Entry by entry."""
    powers = [np.where(part.mantissa > 0, part.exponent, -(2**40)) for part in (one, other)]
    most = np.maximum(*powers)
    terms = (
        _times_power(part.mantissa, power - most) for part, power in zip((one, other), powers, strict=True)
    )
    total = np.asarray(sum(terms))
    return scaled(total, np.where(total > 0, most, 0))


def cumulated(weights: Scaled) -> Scaled:
    """Sums of all entries up to each, relative to their own size."""
    result = Scaled(np.zeros(weights.mantissa.size), np.zeros(weights.mantissa.size, np.int64))
    total, power = 0.0, 0
    stretches = [(0, weights.mantissa.size)]
    while stretches:
        first, stop = stretches.pop()
        part = slice(first, stop)
        inside = weights.mantissa[part] > 0
        powers = weights.exponent[part][inside]
        if powers.size and powers.max() - powers.min() > _SPAN:
            middle = (first + stop) // 2
            stretches += [(middle, stop), (first, middle)]
            continue
        start = first + (int(np.argmax(inside)) if powers.size else stop - first)
        result.mantissa[first:start], result.exponent[first:start] = total, power
        if powers.size:
            most = max(power, int(powers.max())) if total else int(powers.max())
            numbers = Scaled(weights.mantissa[start:stop], weights.exponent[start:stop]).to_floats(most)
            numbers[0] += math.ldexp(total, max(power - most, -4000))
            sums = scaled(np.cumsum(numbers), most)
            result.mantissa[start:stop], result.exponent[start:stop] = sums
            total, power = float(sums.mantissa[-1]), int(sums.exponent[-1])
    return result


def least_tolerance(taps: int) -> float:
    """The smallest relative error that `convolve_tails` can promise."""
    return componentwise_error(taps, _DOUBLE) + 2 * _TILT_ERROR


def reachable(tolerance: float, taps: int) -> float:
    """The tolerance to convolve with, where this one is wanted.

    Short distributions are added up term by term whatever is allowed, so they may as well be promised more.
    """
    return least_tolerance(taps) if taps <= _SHORT else max(tolerance, least_tolerance(taps))


def least_error(tolerance: float, taps: int) -> float:
    """The relative error that `convolve_tails` states at least: short ones may be added up term by term."""
    return added_up(taps) if taps <= 4 * _SHORT else reachable(tolerance, taps)


def added_up(taps: int) -> float:
    """The relative error of a sum of so many positive products, in any order."""
    return (taps + 4) * 2.0**-53


def convolve_tails(one: Scaled, other: Scaled, tolerance: float) -> tuple[Scaled, float, dict[str, int]]:
    """The full convolution, the relative error of any entry, and how many entries each step covered.

    Entries without a product other than zero are exactly 0.
    """
    if one.mantissa.size < other.mantissa.size:
        one, other = other, one
    logs = one.logarithms, other.logarithms
    powers = [int(np.ceil(part.max())) for part in logs]
    lowest = [float(part[part > -np.inf].min()) for part in logs]
    steps: Counter[str] = Counter()
    if sum(lowest) - sum(powers) > _WITHIN:
        floats = one.to_floats(powers[0]), other.to_floats(powers[1])
        values, error = _convolve(*floats, tolerance, steps)
        return scaled(values, sum(powers)), error, dict(steps)
    support = convolve((one.mantissa > 0).astype(np.uint8), (other.mantissa > 0).astype(np.uint8))
    mantissa, exponent = np.zeros(support.shape), np.zeros(support.shape, np.int64)
    left = support > 0
    steps["zero"] += int(left.size - left.sum())
    hopeful = left.copy()
    most = added_up(other.mantissa.size)
    where = points(logs[0]), points(logs[1])
    for _ in range(_TILTS):
        targets = np.argwhere(hopeful)
        if not len(targets):
            break
        target = targets[len(targets) // 2]
        slopes = saddle_point(where, np.ones(left.ndim), target)
        (first, power), (second, shift) = _tilted(one, slopes), _tilted(other, slopes)
        values, error = _convolve(first, second, tolerance - 2 * _TILT_ERROR, None)
        most = max(most, error + 2 * _TILT_ERROR)
        # What is lost below the smallest float: in every product of the window, in either factor.
        floor = 4 * other.mantissa.size * 2.0**-1074 / _TILT_ERROR
        found = left & (values > floor)
        back = -ramp(values.shape, slopes)[found] + power + shift
        whole = np.floor(back)
        mantissa[found], more = np.frexp(values[found] * np.exp2(back - whole))
        exponent[found] = more + whole.astype(np.int64)
        steps["tilted"] += int(found.sum())
        left &= ~found
        hopeful &= ~found
        hopeful[tuple(target)] = False  # if it was not found it is added up
    for place in np.argwhere(left):
        at = tuple(place)
        mantissa[at], exponent[at] = _add_up(one, other, at)
        steps["direct"] += 1
    return Scaled(mantissa, exponent), most, dict(steps)


def _convolve(
    one: Array, other: Array, tolerance: float, steps: Counter[str] | None
) -> tuple[Array, float]:
    """The convolution and its relative error."""
    with recorded_plans() as plans:
        result = np.asarray(convolve(one, other, accuracy=float(tolerance)))
    transformed = plans[-1].fft_shape is not None
    if steps is not None:
        steps["plain" if transformed else "direct"] += result.size
    return result, tolerance if transformed else added_up(other.size)


def _tilted(numbers: Scaled, slopes: Array) -> tuple[Array, int]:
    """Numbers times 2^(slope * position) over 2^power, and the power: at most 1."""
    tilt = ramp(numbers.mantissa.shape, slopes) + numbers.exponent
    power = int(np.ceil(np.max(np.where(numbers.mantissa > 0, tilt, -np.inf))))
    return times_two_to(numbers.mantissa, tilt, -power), power


def _add_up(one: Scaled, other: Scaled, at: tuple[int, ...]) -> tuple[float, int]:
    """One entry, term by term."""
    of_one, of_other = [], []
    for position, n, m in zip(at, one.mantissa.shape, other.mantissa.shape, strict=True):
        low, high = max(0, position - m + 1), min(n, position + 1)
        of_one.append(slice(low, high))
        of_other.append(slice(position - high + 1, position - low + 1))
    turned = (slice(None, None, -1),) * len(at)
    mantissas = one.mantissa[tuple(of_one)] * other.mantissa[tuple(of_other)][turned]
    exponents = one.exponent[tuple(of_one)] + other.exponent[tuple(of_other)][turned]
    largest = int(exponents[mantissas > 0].max())
    terms = _times_power(mantissas, exponents - largest)
    mantissa, power = math.frexp(math.fsum(terms.ravel()))
    return mantissa, power + largest
