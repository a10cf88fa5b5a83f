"""Cells that hold a continuous law: their masses, a bound of the cdf's error inside each, and their sums.

A law is held by the exact masses of cells, and is uniform within a cell. Cells are all of one width
(`EqualCells`, the masses are a `Pmf`), or their widths are powers of two that grow with the distance from
where much mass lies (`GradedCells`). Either adds up with its own kind, and so do the bounds of the errors.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, partial
from typing import Any, NamedTuple, Protocol

import numpy as np

from fftconv.convolution import convolve
from fftconv.probability.pmf import Pmf

Array = np.ndarray[Any, np.dtype[Any]]

MOST_CELLS = 2**22
MOST_GRADED_CELLS = 2**19  # of one law; a sum of two takes a second then
_ROUNDING = 2.0**-46  # of a cdf, by the transforms of one sum
_LARGEST_GAP = 2**14  # of empty cells that stay within a block
_NOISE = 2.0**-50  # of a cdf's own rounding, which no cell is divided for
_COARSEST = 2.0**-8  # mass of a cell that is divided in any case
_TAIL_ERROR = 2.0**-8  # of a wide cell, as a share of the tail that it lies in


@dataclass(frozen=True)
class Law:
    """A continuous law by its cdf, cut at low and high.

    `below` and `above` are P(X <= x) and P(X > x) of an array, used on their own side of `middle`;
    `spread` is the width of the middle half, and `error` what the cdf itself may be off.
    """

    name: str
    below: Callable[[Array], Array]
    above: Callable[[Array], Array]
    low: float
    high: float
    middle: float
    spread: float
    error: float = 0.0

    def tail(self, x: Array) -> Array:
        """P(X <= x) up to the middle and P(X > x) beyond, so that both tails keep their digits."""
        inside = np.clip(x, self.low, self.high)
        near = inside <= self.middle
        result = np.empty(inside.shape)
        with np.errstate(all="ignore"):
            for side, values in ((near, self.below), (~near, self.above)):
                if side.any():
                    result[side] = values(inside[side])
        if np.isnan(result).any():
            first = inside[np.isnan(result)][0]
            raise ValueError(
                f"the cdf of {self.name} is NaN at {first!r}; pass a distribution whose cdf is a number "
                f"everywhere, or its density to Density.from_pdf"
            )
        return result

    def mass(self, left: Array, left_tail: Array, right: Array, right_tail: Array) -> Array:
        """Return P(left < X <= right), given the tails there."""
        both_below = np.clip(right, self.low, self.high) <= self.middle
        both_above = np.clip(left, self.low, self.high) > self.middle
        between = np.where(both_above, left_tail - right_tail, 1 - left_tail - right_tail)
        return np.asarray(np.maximum(np.where(both_below, right_tail - left_tail, between), 0.0))

    def scaled(self, by: float) -> Law:
        """Return the law of the variable times a number other than 0."""
        if by == 1:
            return self
        below, above = (self.below, self.above) if by > 0 else (self.above, self.below)
        low, high = sorted((self.low * by, self.high * by))
        return Law(
            self.name,
            partial(_at_quotient, below, by),
            partial(_at_quotient, above, by),
            low,
            high,
            self.middle * by,
            self.spread * abs(by),
            self.error,
        )


def _at_quotient(function: Callable[[Array], Array], by: float, x: Array) -> Array:
    return function(x / by)


class Cells(Protocol):
    """The interface between a `Density` and its cells."""

    @property
    def edges(self) -> Array:
        """Ends of all cells, ascending."""

    @property
    def probabilities(self) -> Array:
        """Masses of all cells."""

    @property
    def error(self) -> float:
        """Largest possible error of the cdf."""


def deviations(halves: Array, widths: Array) -> Array:
    """Bound |cdf - straight line| in each of the cells that lie side by side, by the masses of its halves.

    The middle is measured. Between it and the edges the cdf is taken for a parabola, with twice its
    height, where the density's slopes on both sides agree within a factor of 3 and it changes by less than
    a half; elsewhere (a kink, a pole, an end, a peak inside the half) all of the difference of neighbouring
    densities may lie at one point. No monotone cdf leaves its straight line by more than the mass of the
    larger half.
    """
    step = np.repeat(widths / 2, 2)
    jumps, distances = np.diff(halves.ravel() / step), (step[1:] + step[:-1]) / 2
    # The outermost halves have no neighbour on one side: the jump of the next one is used.
    before = np.concatenate([[min(1, jumps.size - 1)], np.arange(jumps.size)])
    after = np.append(np.arange(jumps.size), max(jumps.size - 2, 0))
    jump, jump_after = (jumps[at] * step for at in (before, after))
    bend, bend_after = jump * (step / distances[before]), jump_after * (step / distances[after])
    largest = np.maximum(np.abs(jump), np.abs(jump_after))
    low, high = np.minimum(np.abs(bend), np.abs(bend_after)), np.maximum(np.abs(bend), np.abs(bend_after))
    smooth = (np.sign(bend) == np.sign(bend_after)) & (high <= 3 * low) & (2 * largest <= halves.ravel())
    gaps = np.where(smooth, high / 4, largest).reshape(-1, 2).max(axis=1)
    middle = np.abs(halves[:, 0] - halves[:, 1]) / 2
    # The largest of u middle + 4 u (1 - u) gap for u from 0 to 1.
    bent = (middle + 4 * gaps) ** 2 / np.maximum(16 * gaps, np.finfo(float).tiny)
    bound = np.where(4 * gaps > middle, bent, middle)
    return np.asarray(np.minimum(bound, halves.max(axis=1)))


def _nonnegative_convolution(one: Array, other: Array) -> Array:
    if one.size == 1 or other.size == 1:
        return np.asarray(one * other)
    return np.asarray(np.maximum(convolve(one, other), 0.0))


def _power(one: Any, copies: int, plus: Callable[[Any, Any], Any]) -> Any:
    """Return the sum of copies >= 1 of what `plus` adds, by repeated doubling."""
    result = one
    for bit in f"{copies:b}"[1:]:
        result = plus(result, result)
        if bit == "1":
            result = plus(result, one)
    return result


# Cells of one width


@dataclass(frozen=True)
class EqualCells:
    """Cells of one width; `masses` stand in their middles, `errors` bound the cdf's error in each."""

    masses: Pmf
    errors: Array
    constant: float  # an error that the cdf may have everywhere

    @classmethod
    def of(cls, law: Law, step: Fraction) -> EqualCells:
        """Cut a law into cells that begin at multiples of the step."""
        first, last = math.floor(Fraction(law.low) / step), math.ceil(Fraction(law.high) / step)
        check_count(last - first, step)
        edges = np.array([float(step / 2 * i) for i in range(2 * first, 2 * last + 1)])
        tails = law.tail(edges)
        halves = law.mass(edges[:-1], tails[:-1], edges[1:], tails[1:]).reshape(-1, 2)
        masses = halves.sum(axis=1)
        total = _checked_total(masses, law)
        errors = deviations(halves, np.full(len(masses), float(step)))
        kept = np.flatnonzero(masses)
        pmf = Pmf(masses, step * first + step / 2, step, normalise=True)
        return cls(pmf, errors[kept[0] : kept[-1] + 1], law.error + max(total - 1, 0.0))

    @property
    def edges(self) -> Array:
        points, half = self.masses._axis(0).astype(float), float(self.masses.step[0]) / 2
        return np.concatenate([points[:1] - half, points + half])

    @property
    def probabilities(self) -> Array:
        return self.masses.probabilities

    @property
    def error(self) -> float:
        return float(self.errors.max()) + self.constant

    def plus(self, other: EqualCells) -> EqualCells:
        """Return the cells of the sum; a uniform law in a cell for the triangle that two of them make."""
        return EqualCells(self.masses + other.masses, *_sum_of_errors(self, other)[1:])

    def times(self, copies: int) -> EqualCells:
        """Return the cells of the sum of independent copies."""
        if copies == 0:
            return EqualCells(0 @ self.masses, np.full(1, 0.5), 0.0)
        start = _Plain(self.probabilities, self.errors, self.constant)
        errors = _power(start, copies, lambda one, other: _Plain(*_sum_of_errors(one, other)))
        return EqualCells(copies @ self.masses, errors.errors, errors.constant)

    def shifted(self, by: Fraction) -> EqualCells:
        return EqualCells(self.masses.shift(by), self.errors, self.constant)

    def scaled(self, by: Fraction) -> EqualCells:
        return EqualCells(self.masses.scale(by), self.errors[:: 1 if by > 0 else -1], self.constant)


class _Plain(NamedTuple):
    """Masses and errors of cells without the tails that a `Pmf` keeps."""

    probabilities: Array
    errors: Array
    constant: float


def _sum_of_errors(one: EqualCells | _Plain, other: EqualCells | _Plain) -> tuple[Array, Array, float]:
    r"""Return masses and errors of a sum.

    With F of the true laws and G of the cells, F1*F2 - G1*G2 = (F1 - G1)*G2 + (F2 - G2)*F1: an error in a
    cell counts with the chance that the other variable brings it to where the cdf is asked for. That
    chance is G's, or at most G's and twice the error. The triangle that two uniform laws make leaves the
    straight line by an eighth of the difference of neighbouring masses. No error of a sum is larger than
    both together.
    """
    first, second = one.probabilities, other.probabilities
    masses = _nonnegative_convolution(first, second)
    brought = _nonnegative_convolution(one.errors, second) + _nonnegative_convolution(first, other.errors)
    around = np.maximum.reduce([brought, np.append(brought[1:], 0.0), np.insert(brought[:-1], 0, 0.0)])
    most, most_other = float(one.errors.max()), float(other.errors.max())
    twice = 2 * min(most * float(other.errors.sum()), most_other * float(one.errors.sum()))
    differences = np.abs(np.diff(masses, prepend=0.0, append=0.0))
    bent = np.maximum(differences[1:], differences[:-1]) / 8
    errors = np.minimum(around + twice, most + most_other) + bent
    return masses, errors, one.constant + other.constant + _ROUNDING


def check_count(cells: int, step: Fraction) -> None:
    """Refuse more cells than are accepted."""
    if cells > MOST_CELLS:
        raise ValueError(
            f"step={float(step)!r} makes {cells} cells, accepted are {MOST_CELLS}; pass a larger "
            f"step, or none"
        )


def _checked_total(masses: Array, law: Law) -> float:
    """Return the mass of all cells, which must be near 1."""
    total = math.fsum(masses)
    if not abs(total - 1) <= 0.5:
        raise ValueError(
            f"the cdf of {law.name} rises by {total!r} from {law.low!r} to {law.high!r}, not by 1; pass a "
            f"distribution whose cdf is right, or its density to Density.from_pdf"
        )
    return total


# Cells whose widths are powers of two


class _Block(NamedTuple):
    """Neighbouring cells, i 2**level to (i + 1) 2**level for i from `first` on.

    `errors` bounds what the cdf is off anywhere in a cell, `means` the mean over a cell of what it is off.
    """

    level: int
    first: int
    masses: Array
    means: Array
    errors: Array


@dataclass(frozen=True)
class GradedCells:
    """Cells whose widths are powers of two, in blocks that may overlap: the law is the sum of all.

    Two laws are added width by width: cells of a width meet all cells of the other law that are as wide or
    narrower, which are put together in cells of that width before. So a few transforms of some thousand
    entries for each width add laws that span any number of magnitudes. The errors of putting together are
    bounded as all others.
    """

    blocks: tuple[_Block, ...]
    constant: float
    offset: Fraction = Fraction(0)

    @classmethod
    def of(cls, parts: Partition) -> GradedCells:
        """Return the cells of a partition in blocks."""
        masses, errors = parts.masses_and_errors()
        total = _checked_total(masses, parts.law)
        blocks = []
        for level in np.unique(parts.levels):
            chosen = parts.levels == level
            blocks += _blocks(int(level), parts.indices[chosen], masses[chosen] / total, errors[chosen])
        return cls(tuple(blocks), parts.law.error + max(total - 1, 0.0))

    def concentration(self) -> dict[int, float]:
        """Return the largest mass of a cell, for each width from the narrowest to the widest."""
        levels = [block.level for block in self.blocks]
        result, together = {}, list[_Block]()
        for level in range(min(levels), max(levels) + 1):
            own = [block for block in self.blocks if block.level == level]
            together = _joined([*(_widened(block) for block in together), *own])
            result[level] = max(float(block.masses.max()) for block in together)
        return result

    @classmethod
    def point(cls, offset: Fraction) -> GradedCells:
        """Return a single number, as one cell that is very narrow."""
        return cls((_Block(-200, 0, *np.ones((3, 1))),), 0.0, offset)

    def _edges_of(self, block: _Block) -> Array:
        indices = block.first + np.arange(block.masses.size + 1)
        return np.asarray(np.ldexp(indices.astype(float), block.level))

    @cached_property
    def _all(self) -> tuple[Array, Array, Array]:
        """Return the edges, masses and errors of the cells that all edges of blocks make."""
        edges = np.unique(np.concatenate([self._edges_of(block) for block in self.blocks]))
        masses, errors = np.zeros((2, edges.size - 1))
        for block in self.blocks:
            own = self._edges_of(block)
            low, high = np.searchsorted(edges, own[[0, -1]])
            at = np.searchsorted(own, edges[low:high], side="right") - 1
            masses[low:high] += block.masses[at] * np.ldexp(np.diff(edges[low : high + 1]), -block.level)
            errors[low:high] += block.errors[at]
        return edges, masses, errors

    @property
    def edges(self) -> Array:
        """Ends of all cells, ascending, for an offset of 0."""
        return self._all[0]

    @property
    def probabilities(self) -> Array:
        return self._all[1]

    @property
    def error(self) -> float:
        return float(self._all[2].max()) + self.constant

    def plus(self, other: GradedCells, allowed: float) -> GradedCells:
        """Return the cells of the sum; narrow ones are put together as far as the allowed error goes."""
        made: dict[int, list[_Block]] = {}
        mine: list[_Block] = []
        others: list[_Block] = []
        levels = [block.level for block in (*self.blocks, *other.blocks)]
        for level in range(min(levels), max(levels) + 1):
            mine, others = ([_widened(block) for block in part] for part in (mine, others))
            own, others_own = (
                [block for block in part if block.level == level] for part in (self.blocks, other.blocks)
            )
            pairs = [*itertools.product(own, _joined([*others, *others_own]))]
            pairs += itertools.product(_joined(mine), others_own)
            if pairs:
                made[level] = [_sum_of_blocks(*pair) for pair in pairs]
            mine, others = _joined([*mine, *own]), _joined([*others, *others_own])
        sums = [math.fsum(float(block.means.sum()) for block in part.blocks) for part in (self, other)]
        most, most_other = (float(part._all[2].max()) for part in (self, other))
        twice = 2 * min(most * sums[1], most_other * sums[0])
        constant = self.constant + other.constant + twice + _ROUNDING
        return GradedCells(_tidied(made, allowed), constant, self.offset + other.offset)

    def times(self, copies: int, allowed: float) -> GradedCells:
        """Return the cells of the sum of independent copies >= 1."""
        result: GradedCells = _power(self, copies, lambda one, another: one.plus(another, allowed))
        return result

    def shifted(self, by: Fraction) -> GradedCells:
        return GradedCells(self.blocks, self.constant, self.offset + by)


class CellLimitError(Exception):
    """A tolerance needs more cells than are accepted."""


@dataclass(frozen=True)
class Partition:
    """Cells of a law side by side, whose widths are powers of two, with its tails at edges and middles."""

    law: Law
    levels: Array
    indices: Array
    tails: Array  # shape (cells, 3)

    @classmethod
    def of(cls, law: Law, tolerance: float) -> Partition:
        """Divide cells until the error in each is at most the tolerance, as far as floats go."""
        extent = max(law.high - law.low, abs(law.low) * 2.0**-40, abs(law.high) * 2.0**-40)
        level = math.frexp(extent)[1]
        first, last = math.floor(math.ldexp(law.low, -level)), math.ceil(math.ldexp(law.high, -level))
        indices = np.arange(first, max(last, first + 1), dtype=np.int64)
        parts = cls(law, np.full(indices.size, level), indices, np.empty((indices.size, 3)))
        parts.tails[:] = law.tail(parts._points())

        def too_large(parts: Partition, masses: Array, errors: Array) -> Array:
            tails = np.minimum(np.cumsum(masses), np.cumsum(masses[::-1])[::-1])
            rough = (errors > np.maximum(_TAIL_ERROR * tails, _NOISE)) & (
                np.ldexp(16.0, parts.levels) > law.spread
            )
            return np.asarray((errors > tolerance) | rough | (masses > _COARSEST))

        return parts._divided_while(too_large)

    def for_sums(self, tolerance: float, concentration: dict[int, float]) -> Partition:
        """Divide cells whose mass is large for a sum.

        All of another law that lies in so wide a cell is added to a cell as if it was uniform: an error of
        the product of both masses. `concentration` is the largest mass of the others in a cell of a width.
        """
        low, high = min(concentration), max(concentration)
        table = np.array([concentration[level] for level in range(low, high + 1)])

        def too_large(parts: Partition, masses: Array, _: Array) -> Array:
            return np.asarray(masses * table[np.clip(parts.levels, low, high) - low] > 4 * tolerance)

        return self._divided_while(too_large)

    def masses_and_errors(self) -> tuple[Array, Array]:
        """Return the cells' masses, and bounds of the cdf's error in each."""
        points = self._points()
        halves = self.law.mass(points[:, :-1], self.tails[:, :-1], points[:, 1:], self.tails[:, 1:])
        return halves.sum(axis=1), deviations(halves, np.ldexp(1.0, self.levels))

    def _divided_while(self, too_large: Callable[[Partition, Array, Array], Array]) -> Partition:
        parts = self
        while True:
            chosen = too_large(parts, *parts.masses_and_errors())
            # Edges are floats; of an index of 51 bits the middle of half a cell is exact.
            largest = np.maximum(np.abs(parts.indices), np.abs(parts.indices + 1))
            chosen &= (largest < 2**51) & (parts.levels > -1000)
            if not chosen.any():
                return parts
            if parts.levels.size + np.count_nonzero(chosen) > MOST_GRADED_CELLS:
                raise CellLimitError
            parts = parts._divided(chosen)

    def _points(self) -> Array:
        """Return the edges and middles of cells."""
        twice = 2 * self.indices[:, np.newaxis] + np.arange(3)
        return np.asarray(np.ldexp(twice.astype(float), self.levels[:, np.newaxis] - 1))

    def _divided(self, chosen: Array) -> Partition:
        """Return the partition with the halves of chosen cells."""
        parts = np.where(chosen, 2, 1)
        parent = np.repeat(np.arange(parts.size), parts)
        second = np.zeros(parent.size, bool)
        second[np.cumsum(parts)[chosen] - 1] = True
        new = chosen[parent]
        indices = np.where(new, 2 * self.indices[parent] + second, self.indices[parent])
        made = Partition(self.law, self.levels[parent] - new, indices, self.tails[parent])
        ends = np.where(second[new, np.newaxis], made.tails[new, 1:], made.tails[new, :-1])
        made.tails[new] = np.insert(ends, 1, self.law.tail(made._points()[new, 1]), axis=1)
        return made


def _blocks(level: int, indices: Array, masses: Array, errors: Array) -> list[_Block]:
    """Return cells of one width in blocks, with empty cells in gaps that are not too long."""
    found = []
    for run in np.split(np.arange(indices.size), np.flatnonzero(np.diff(indices) > _LARGEST_GAP) + 1):
        first = int(indices[run[0]])
        filled = np.zeros((3, int(indices[run[-1]]) - first + 1))
        filled[:, indices[run] - first] = masses[run], errors[run], errors[run]
        found.append(_Block(level, first, *filled))
    return found


def _joined(blocks: Iterable[_Block]) -> list[_Block]:
    """Add up blocks of one width that overlap or nearly meet."""
    result: list[_Block] = []
    for block in sorted(blocks, key=lambda block: block.first):
        end = result[-1].first + result[-1].masses.size if result else 0
        if not result or block.first - end > _LARGEST_GAP:
            result.append(block)
            continue
        before = result.pop()
        size = max(end, block.first + block.masses.size) - before.first
        filled = np.zeros((3, size))
        for part in (before, block):
            at = slice(part.first - before.first, part.first - before.first + part.masses.size)
            filled[:, at] += part[2:]
        result.append(_Block(block.level, before.first, *filled))
    return result


def _widened(block: _Block) -> _Block:
    """Put pairs of cells together.

    Their masses m and n become uniform: the cdf is off by a tent of height |m - n| / 4.
    """
    masses, means, errors = (_pairs(block, part) for part in (block.masses, block.means, block.errors))
    tents = _tents(block)
    return _Block(
        block.level + 1,
        block.first // 2,
        masses.sum(axis=1),
        means.mean(axis=1) + tents / 2,
        errors.max(axis=1) + tents,
    )


def _sum_of_blocks(one: _Block, other: _Block) -> _Block:
    """Return the sum of two blocks of one width.

    The triangle that two cells make falls half into each of two cells, and leaves the straight line in a
    cell by a parabola, an eighth as high as the difference of the neighbouring triangles. An error in a
    cell is brought by a uniform law into two cells: half of it in the mean over each, all of it at most.
    """
    triangles = _nonnegative_convolution(one.masses, other.masses)
    brought = _nonnegative_convolution(one.means, other.masses)
    brought += _nonnegative_convolution(one.masses, other.means)
    left, right = (np.pad(triangles, ends) for ends in ((1, 0), (0, 1)))
    both = np.pad(brought, (1, 0)) + np.pad(brought, (0, 1))
    parabolas = np.abs(left - right) / 8
    masses = (left + right) / 2
    return _Block(
        one.level, one.first + other.first, masses, both / 2 + parabolas * 2 / 3, both + parabolas
    )


def _tidied(made: dict[int, list[_Block]], allowed: float) -> tuple[_Block, ...]:
    """Put cells together where that adds little to the allowed error, and to the tail they lie in."""
    each = allowed / (max(made) - min(made) + 1)
    masses = {level: sum(float(block.masses.sum()) for block in blocks) for level, blocks in made.items()}
    tail = math.fsum(masses.values())
    result: list[_Block] = []
    for level in range(min(made), max(made) + 1):
        blocks = _joined(made.get(level, []))
        cost = max((float(_tents(block).max()) for block in blocks), default=0.0)
        if level < max(made) and cost <= min(each, _TAIL_ERROR * tail):
            made.setdefault(level + 1, []).extend(_widened(block) for block in blocks)
        else:
            result += blocks
        tail -= masses.get(level, 0.0)
    return tuple(result)


def _pairs(block: _Block, values: Array) -> Array:
    """Return the values of cells that lie in one cell of twice the width."""
    before = block.first % 2
    return np.asarray(np.pad(values, (before, (before + values.size) % 2)).reshape(-1, 2))


def _tents(block: _Block) -> Array:
    """Return how far the cdf is off in cells of twice the width."""
    masses = _pairs(block, block.masses)
    return np.asarray(np.abs(masses[:, 0] - masses[:, 1]) / 4)
