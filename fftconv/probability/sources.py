"""The sources of a `Density`: frozen distributions, functions that are integrated, and samples."""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from types import FunctionType
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from fftconv._arguments import read_reals
from fftconv._checks import read_scalar
from fftconv.probability.cells import MOST_CELLS, EqualCells, Law, Partition, check_count
from fftconv.probability.pmf import Pmf

Array = np.ndarray[Any, np.dtype[Any]]
Heights = Callable[[Array], ArrayLike]  # a density

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(5)
_PIECES = 4096  # that a density is integrated over at first
_MOST_PIECES = 2**18
_AGREEMENT = 2.0**-44  # of the integral of a piece and those of its halves, as a share of the whole
_ROUNDED = 2.0**-47  # of a cdf by rounding: many a tail is 1 - cdf
_FARTHEST = 1e300  # of a value on a grid
_KERNEL_CELLS = 64  # cells of a bandwidth in which a kernel density is tabulated


class Source(Protocol):
    """A continuous law that can be cut into cells."""

    @property
    def lost_mass(self) -> float:
        """Mass beyond the ends, at most."""

    def equal(self, step: Fraction) -> EqualCells:
        """Return cells of one width."""

    def partition(self, factor: float, tolerance: float) -> Partition:
        """Return cells of graded widths for the variable times a factor."""

    def law(self) -> Law:
        """Return the law by its cdf."""

    def moments(self) -> tuple[float, float]:
        """Return mean and variance, infinite or NaN where they do not exist."""


class LawSource:
    """A law that is known by its cdf.

    The last cells are kept, as a sum asks for those of its parts: t(3) + t(3) takes 900 values of the cdf
    and not 15 600, and each value takes 1 ms where scipy integrates.
    """

    def __init__(self, law: Law, lost_mass: float, find_moments: Callable[[], tuple[float, float]]) -> None:
        self._law, self.lost_mass, self._find_moments = law, lost_mass, find_moments
        self._equal: tuple[Fraction, EqualCells] | None = None
        self._partition: tuple[tuple[float, float], Partition] | None = None

    def equal(self, step: Fraction) -> EqualCells:
        if self._equal is None or self._equal[0] != step:
            self._equal = step, EqualCells.of(self._law, step)
        return self._equal[1]

    def partition(self, factor: float, tolerance: float) -> Partition:
        asked = factor, tolerance
        if self._partition is None or self._partition[0] != asked:
            self._partition = asked, Partition.of(self._law.scaled(factor), tolerance)
        return self._partition[1]

    def law(self) -> Law:
        return self._law

    def moments(self) -> tuple[float, float]:
        return self._find_moments()


# Frozen distributions of scipy.stats


def from_distribution(distribution: Any, lost_mass: float) -> LawSource:
    """Return the law of a frozen distribution, cut where so much mass is lost."""
    needed = ("cdf", "sf", "ppf", "isf", "median", "support")
    if not all(hasattr(distribution, name) for name in needed) or hasattr(distribution, "pmf"):
        raise TypeError(
            f"{distribution!r} is no frozen continuous distribution, such as scipy.stats.norm()"
        )
    lost_mass = read_scalar("lost_mass", lost_mass)
    if isinstance(lost_mass, bool) or not isinstance(lost_mass, (int, float)) or not 0 < lost_mass < 1:
        raise ValueError(f"lost_mass={lost_mass!r} is not accepted; pass a number between 0 and 1")
    name = _name(distribution)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        middle = distribution.median()
        if np.ndim(middle):
            raise ValueError(f"{name} holds {np.size(middle)} distributions; pass a single one")
        middle = float(middle)
        if not math.isfinite(middle):
            raise ValueError(
                f"{name} has the median {middle!r}; pass parameters for which its quantiles are "
                f"finite numbers"
            )
        spread = abs(float(distribution.ppf(0.75)) - float(distribution.ppf(0.25)))
        spread = spread if 0 < spread < math.inf else max(abs(middle), 1.0)
        low, high = (float(end) for end in distribution.support())
        half = lost_mass / 2
        low = _end(name, low, -1, distribution.ppf, distribution.cdf, middle, spread, half)
        high = _end(name, high, 1, distribution.isf, distribution.sf, middle, spread, half)
    cdf, sf = (partial(_quietly, function) for function in (distribution.cdf, distribution.sf))
    law = Law(name, cdf, sf, low, high, middle, spread, 2 * _ROUNDED)
    return LawSource(law, lost_mass, partial(_moments_of, distribution))


def _quietly(function: Callable[[Array], Array], x: Array) -> Array:
    """Call the function without its warnings: whether values are right is checked by their masses."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.asarray(function(x), float)


def _moments_of(distribution: Any) -> tuple[float, float]:
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mean, variance = distribution.stats(moments="mv")
    return float(mean), float(variance)


def _constant(values: tuple[float, float]) -> tuple[float, float]:
    return values


def _name(distribution: Any) -> str:
    family = getattr(getattr(distribution, "dist", None), "name", None)
    if family is None:
        return repr(distribution)
    given = [f"{value!r}" for value in getattr(distribution, "args", ())]
    given += [f"{key}={value!r}" for key, value in getattr(distribution, "kwds", {}).items()]
    return f"{family}({', '.join(given)})"


def _end(
    name: str,
    support: float,
    sign: int,
    quantile: Callable[[float], Any],
    tail: Callable[[float], Any],
    middle: float,
    spread: float,
    half: float,
) -> float:
    """Return where the support ends, or else where the tail is so small."""
    if math.isfinite(support):
        return support
    far = float(quantile(half))
    enough = max(1.01 * half, _ROUNDED)
    if abs(far) <= _FARTHEST and float(tail(far)) <= enough:
        return far
    far = spread  # a quantile that is infinite or wrong
    while float(tail(middle + sign * far)) > enough:
        far *= 2
        if abs(middle) + far > _FARTHEST:
            rest = float(tail(sign * _FARTHEST))
            cure = (
                f"pass lost_mass={10.0 ** math.ceil(math.log10(4 * rest)):.0g}, or "
                if 0 < rest < 0.02
                else ""
            )
            raise ValueError(
                f"{name} has a mass of {rest:.3g} beyond {sign * _FARTHEST:g}, more than lost_mass / 2 = "
                f"{half:.3g}; {cure}hold its logarithm, a "
                f"Density.from_pdf of lambda y: pdf(exp(y)) * exp(y)"
            )
    return middle + sign * far


# Densities


def from_density(pdf: Heights, first: float, last: float, mass: float | None, peaks: Array) -> LawSource:
    """Integrate a density from first to last in pieces that are divided until their integrals agree.

    Around places of peaks they get shorter by halves, so that a peak of any width is met.
    """
    pdf = _said_to_pickle(pdf)
    near = (last - first) * 0.5 ** np.arange(12, 52)
    around = (peaks[:, np.newaxis] + np.concatenate([-near, [0.0], near])).ravel()
    edges = np.union1d(np.linspace(first, last, _PIECES + 1), around[(around > first) & (around < last)])
    left, right, centre = edges[:-1], edges[1:], (first + last) / 2
    pieces = _integrals(pdf, left, right, centre)
    done: list[tuple[Array, ...]] = []
    unsure, count, whole = 0.0, 0, float(pieces[0].sum())
    while left.size:
        middle = left + (right - left) / 2
        lower, upper = _integrals(pdf, left, middle, centre), _integrals(pdf, middle, right, centre)
        both = lower + upper
        off = np.abs(both[0] - pieces[0])
        whole = max(whole, float(both[0].sum()))
        at_end = (middle <= left) | (middle >= right) | (right - left < 1e-300)
        kept = (off <= _AGREEMENT * whole) | at_end
        done.append((left[kept], right[kept], *both[:, kept]))
        unsure += float(off[kept].sum())
        count += int(kept.sum())
        rest = ~kept
        if count + 2 * int(rest.sum()) > _MOST_PIECES:
            raise ValueError(
                f"pdf varies too much to be integrated in {_MOST_PIECES} pieces; pass a smoother one, or a "
                f"smaller interval than {first!r} to {last!r}"
            )
        left = np.stack([left[rest], middle[rest]], axis=1).ravel()
        right = np.stack([middle[rest], right[rest]], axis=1).ravel()
        pieces = np.stack([lower[:, rest], upper[:, rest]], axis=2).reshape(3, -1)
    starts, ends, masses, firsts, seconds = (np.concatenate(part) for part in zip(*done, strict=True))
    order = np.argsort(starts)
    starts, masses = starts[order], masses[order]
    total = math.fsum(masses)
    if not 0 < total < math.inf:
        raise ValueError(f"pdf has the integral {total!r} from {first!r} to {last!r}; it must be positive")
    if mass is not None and abs(total - mass) > 1e-6 * mass:
        raise ValueError(
            f"pdf has the integral {total!r} from {first!r} to {last!r}, not mass={mass!r}; pass "
            f"points= with the places of its narrow peaks, or the right mass"
        )
    sums, rests = np.cumsum(masses), np.cumsum(masses[::-1])[::-1]
    before, after = np.append(0.0, sums[:-1]), np.append(rests[1:], 0.0)
    ends = np.append(starts[1:], last)

    mean = math.fsum(firsts) / total
    variance = math.fsum(seconds) / total - mean**2
    quarters = np.searchsorted(sums, np.array([0.25, 0.5, 0.75]) * total)
    quarter, median, three_quarters = (float(starts[min(at, starts.size - 1)]) for at in quarters)
    spread = max(three_quarters - quarter, (last - first) / 2**40)
    below = partial(_below_by_pieces, pdf, starts, before, total)
    above = partial(_above_by_pieces, pdf, starts, ends, after, total)
    law = Law("pdf", below, above, first, last, median, spread, unsure / total)
    return LawSource(law, 0.0, partial(_constant, (centre + mean, max(variance, 0.0))))


def _said_to_pickle(pdf: Heights) -> Heights:
    """Return a function that pickle cannot find by its name under a name that says so.

    Pickle refuses functions with their names and nothing more. Those who take functions by value, as
    cloudpickle does for dask, take this one as well.
    """
    named: Any = pdf
    if not isinstance(named, FunctionType):
        return pdf
    found = sys.modules.get(named.__module__)
    for part in named.__qualname__.split("."):
        found = getattr(found, part, None)
    if found is named:
        return pdf

    def heights(x: Array) -> ArrayLike:
        return pdf(x)

    heights.__qualname__ = f"{named.__name__}, pdf of a Density; define it with def at the top of a module,"
    return heights


def _below_by_pieces(pdf: Heights, starts: Array, before: Array, total: float, x: Array) -> Array:
    """Return P(X <= x): all before the piece that x lies in, and the integral from its start."""
    at = np.clip(np.searchsorted(starts, x, side="right") - 1, 0, starts.size - 1)
    return np.asarray((before[at] + _integrals(pdf, starts[at], x)[0]) / total)


def _above_by_pieces(
    pdf: Heights, starts: Array, ends: Array, after: Array, total: float, x: Array
) -> Array:
    """Return P(X > x): all behind the piece that x lies in, and the integral to its end."""
    at = np.clip(np.searchsorted(starts, x, side="right") - 1, 0, starts.size - 1)
    return np.asarray((after[at] + _integrals(pdf, x, ends[at])[0]) / total)


def _integrals(pdf: Heights, left: Array, right: Array, around: float = 0.0) -> Array:
    """Integrate the density, and it times x - around and its square, over intervals (Gauss-Legendre)."""
    middle, half = left + (right - left) / 2, (right - left) / 2
    points = middle[:, np.newaxis] + half[:, np.newaxis] * _NODES
    with np.errstate(all="ignore"):
        heights = read_reals("pdf(x)", pdf(points))
    if heights.shape == points.shape:
        heights = np.where(half[:, np.newaxis] > 0, heights, 0.0)  # an empty interval may lie at a pole
    if heights.shape != points.shape or not ((heights >= 0) & (heights < math.inf)).all():
        raise ValueError(
            "pdf must give a number that is finite and not negative for each number of an array"
        )
    return np.stack([(heights * (points - around) ** power) @ _WEIGHTS * half for power in range(3)])


# Samples


def from_histogram(values: Array, step: Fraction) -> LawSource:
    """Return the law of a histogram, whose error is how far it is from the values themselves."""
    at = np.floor(values / float(step)).astype(np.int64)
    counts = np.bincount(at - at.min())
    edges = np.array([float(step * i) for i in range(int(at.min()), int(at.max()) + 2)])
    below = np.append(0.0, np.cumsum(counts)) / values.size
    above = np.append(np.cumsum(counts[::-1])[::-1], 0.0) / values.size
    ordered = np.sort(values)
    line = np.interp(ordered, edges, below)
    ranks = np.arange(values.size + 1) / values.size
    error = float(np.maximum(np.abs(ranks[1:] - line), np.abs(ranks[:-1] - line)).max())
    law = _table("samples", edges, below, above, error)
    width = float(step)
    middles = edges[:-1] + width / 2
    mean = float(middles @ counts) / values.size
    variance = float((middles - mean) ** 2 @ counts) / values.size + width**2 / 12
    return LawSource(law, 0.0, partial(_constant, (mean, variance)))


def _table(name: str, edges: Array, below: Array, above: Array, error: float) -> Law:
    """Return a law whose cdf is a straight line between edges."""
    quartiles = np.interp([0.25, 0.5, 0.75], below, edges)
    spread = max(float(quartiles[2] - quartiles[0]), float(edges[-1] - edges[0]) / 2**40)
    return Law(
        name,
        partial(_on_lines, edges, below),
        partial(_on_lines, edges, above),
        float(edges[0]),
        float(edges[-1]),
        float(quartiles[1]),
        spread,
        error,
    )


def _on_lines(edges: Array, values: Array, x: Array) -> Array:
    return np.asarray(np.interp(x, edges, values))


@dataclass(frozen=True)
class KernelDensity:
    """A Gaussian on each of some values."""

    values: Array
    bandwidth: float
    kernel: Source

    @property
    def lost_mass(self) -> float:
        return self.kernel.lost_mass

    def equal(self, step: Fraction) -> EqualCells:
        """Return cells of one width.

        Each value is shared by its two neighbours on the lattice, which keeps the mean: a Gaussian's
        cdf is off by at most max|phi'| / 2 times the variance that is added, a quarter of the step squared.
        """
        check_count(math.ceil(np.ptp(self.values) / float(step)), step)
        spread = self.kernel.equal(step)
        masses = _on_points(self.values, step) + spread.masses
        shared = (float(step) / self.bandwidth) ** 2 / (8 * math.sqrt(2 * math.pi * math.e))
        return EqualCells(masses, np.full(masses.shape, shared + spread.error), 0.0)

    def partition(self, factor: float, tolerance: float) -> Partition:
        return Partition.of(self.law().scaled(factor), tolerance)

    def law(self) -> Law:
        cells = self.equal(Fraction(self.bandwidth) / _KERNEL_CELLS)
        masses = cells.probabilities
        below = np.append(0.0, np.cumsum(masses))
        above = np.append(np.cumsum(masses[::-1])[::-1], 0.0)
        return _table("samples", cells.edges, below, above, cells.error)

    def moments(self) -> tuple[float, float]:
        return float(self.values.mean()), float(self.values.var()) + self.bandwidth**2


def _on_points(values: Array, step: Fraction) -> Pmf:
    """Share each value between its two neighbours on the lattice, so that the mean stays."""
    place = values / float(step)
    at = np.floor(place).astype(np.int64)
    part = place - at
    size = int(np.ptp(at)) + 2
    counts = np.bincount(at - at.min(), 1 - part, size) + np.bincount(at - at.min() + 1, part, size)
    return Pmf(counts, step * int(at.min()), step, normalise=True)


def bin_width(values: Array) -> float:
    """Return the width of cells that Freedman and Diaconis advise, in whole cells of the range."""
    extent = float(values.max() - values.min())
    upper, lower = np.percentile(values, [75, 25])
    advised = 2 * float(upper - lower) / values.size ** (1 / 3)
    if extent == 0 or advised == 0:
        return extent or 1.0
    count = math.ceil(extent / advised)
    if count > MOST_CELLS:
        raise ValueError(
            f"samples reach over {extent!r}, {count} cells of the width that fits most of them, "
            f"accepted are {MOST_CELLS}; pass step={extent / 2**16:.3g}, or their logarithms"
        )
    return float(extent / count)
