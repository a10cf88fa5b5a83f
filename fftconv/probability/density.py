"""`Density`: a continuous variable on a grid that can be made finer."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fftconv._arguments import read_array, read_reals
from fftconv._checks import check_finite, rounded_up
from fftconv.probability import sources
from fftconv.probability.cells import CellLimitError, Cells, EqualCells, GradedCells, check_count
from fftconv.probability.lattice import rational, read_copies
from fftconv.probability.pmf import Pmf

Array = np.ndarray[Any, np.dtype[Any]]

_CELLS = 4096  # of one width that a distribution is cut into at first
_HALVINGS = 2  # of that width, at most, before cells are of graded widths
_MOST_EQUAL = 2**15  # beyond which cells of graded widths are made: a sum of tails takes 0.3 s
_MOST_POINTS = 2**20  # of the lattice of a sum of copies: 20 s with all tails
_EQUAL_ERROR = 1e-5  # up to which cells of one width are kept
_TOLERANCE = 2e-7  # of cells of graded widths


@dataclass(frozen=True)
class _Term:
    """The sum of independent copies of a source, times a factor."""

    source: sources.Source
    factor: Fraction
    copies: int

    def equal(self, step: Fraction) -> EqualCells:
        cells = self.source.equal(step / abs(self.factor))
        return (cells if self.factor == 1 else cells.scaled(self.factor)).times(self.copies)

    @property
    def extent(self) -> float:
        law = self.source.law()
        return (law.high - law.low) * abs(float(self.factor))


class Density:
    r"""A continuous random variable, as the masses of cells.

    .. math:: f_{X+Y}(s) = \int f_X(x) \, f_Y(s - x) \, dx

    The masses are exact and the variable is uniform within a cell. Cells have one width where that holds
    the cdf to 1e-5; then sums are convolutions of `Pmf`, with its accuracy, and the error falls with the
    square of the width. Otherwise (tails as of Student's t, poles as of gamma(0.3)) their widths are powers
    of two, narrow where the cdf bends. `discretisation_error` bounds how far `cdf` is off, `refined` makes
    that small enough.

    Made by `from_scipy`, `from_pdf` and `from_samples`; added, subtracted, shifted and scaled.

    Examples
    --------
    >>> import scipy.stats
    >>> from fftconv.probability import Density
    >>> u = Density.from_scipy(scipy.stats.uniform())
    >>> triangle = u + u
    >>> round(triangle.pdf(1.0), 3), round(triangle.pdf(0.5), 3), round(triangle.cdf(1.5), 6)
    (1.0, 0.5, 0.875)

    Two claims of lognormal size, whose tail of 1e-15 reaches beyond 100 000, are below 4 together by 60 %:

    >>> claims = 2 @ Density.from_scipy(scipy.stats.lognorm(1.5))
    >>> round(claims.cdf(4.0), 3), claims.discretisation_error() < 1e-5
    (0.603, True)
    """

    def __init__(
        self,
        terms: tuple[_Term, ...],
        offset: Fraction,
        step: Fraction | None,
        tolerance: float = _TOLERANCE,
    ) -> None:
        self._terms, self._offset = terms, offset
        self._step, self._tolerance = step, tolerance  # without a step, cells are graded
        self._made: Cells | None = None
        self._all: tuple[Array, Array] | None = None

    @classmethod
    def from_scipy(
        cls, distribution: Any, *, step: float | None = None, lost_mass: float = 1e-15
    ) -> Density:
        """Make a density from a frozen continuous distribution of scipy.stats.

        Tails that hold at most `lost_mass` are cut.

        With a step, all cells have that width, whatever error it leaves. Without one, widths are chosen
        for an error of at most 1e-5, where floats allow it.

        Raises
        ------
        ValueError
            For tails that reach beyond 1e300, and for a cdf that gives NaN.
        """
        return cls._of(sources.from_distribution(distribution, lost_mass), step)

    @classmethod
    def from_pdf(
        cls,
        pdf: Callable[[Array], ArrayLike],
        low: float,
        high: float,
        *,
        step: float | None = None,
        mass: float | None = None,
        points: ArrayLike = (),
    ) -> Density:
        """Make a density from a function of an array, which is divided by its integral from low to high.

        It is integrated over 4096 pieces, which are divided where it varies. A narrow peak can lie between
        all values that are computed, and only the integral tells: pass `mass`, 1 for a density, and
        another integral is an error. `points` are places of narrow peaks, which are then found.

        The density keeps the function. It can be pickled if pickle finds the function by name, that is, if
        it is defined with def at the top of a module.

        Examples
        --------
        >>> from fftconv.probability import Density
        >>> round(Density.from_pdf(lambda x: 2 * x, 0, 1).mean(), 6)
        0.666667
        """
        first, last = check_finite("low", low), check_finite("high", high)
        if not first < last:
            raise ValueError(f"low={low!r} is not below high={high!r}; pass an interval")
        expected = None if mass is None else check_finite("mass", mass)
        if expected is not None and expected <= 0:
            raise ValueError(f"mass={mass!r} is not accepted; pass a positive number")
        places = read_reals("points", points).ravel()
        if not ((places >= first) & (places <= last)).all():
            raise ValueError(f"points={points!r} are not accepted; pass numbers from {low!r} to {high!r}")
        return cls._of(sources.from_density(pdf, first, last, expected, places), step)

    @classmethod
    def from_samples(
        cls, samples: ArrayLike, *, bandwidth: float | None = None, step: float | None = None
    ) -> Density:
        """Make a density from observed values.

        It is their histogram, or with a bandwidth a Gaussian on each (a kernel density).

        Without a step, cells are as wide as Freedman and Diaconis say (histogram), or an eighth of the
        bandwidth. The error of a histogram is how far its cdf is from that of the samples, which `refined`
        makes no smaller.
        """
        values = read_array("samples", samples).ravel().astype(float)
        if not np.isfinite(values).all():
            raise ValueError("samples hold a NaN or an infinity; pass finite numbers")
        if bandwidth is None:
            width = _read_step(sources.bin_width(values) if step is None else step)
            check_count(math.ceil(np.ptp(values) / float(width)), width)
            return cls._of(sources.from_histogram(values, width), width)
        scale = check_finite("bandwidth", bandwidth)
        if scale <= 0:
            raise ValueError(f"bandwidth={bandwidth!r} is not accepted; pass a positive number")
        import scipy.stats  # half a second that other densities need not take

        kernel = sources.from_distribution(scipy.stats.norm(0, scale), 1e-15)
        of_kernels = sources.KernelDensity(values, scale, kernel)
        return cls._of(of_kernels, scale / 8 if step is None else step)

    @classmethod
    def _of(cls, source: sources.Source, step: Any) -> Density:
        """Return the density of one source, by cells of the step or by those that fit it."""
        terms = (_Term(source, Fraction(1), 1),)
        if step is not None:
            width = _read_step(step)
            made = cls(terms, Fraction(0), width)
            made._made = made._equal(width)  # at once, so that errors appear where the step was passed
            return made
        extent = terms[0].extent
        width = rational("step", extent / _CELLS)
        made = cls(terms, Fraction(0), width)
        if made._cells.error > _EQUAL_ERROR:
            # The error of a smooth density falls with the square of the step.
            halvings = math.ceil(math.log2(made._cells.error / _EQUAL_ERROR) / 2)
            if halvings <= _HALVINGS:
                made = cls(terms, Fraction(0), width / 2**halvings)
        if made._cells.error <= _EQUAL_ERROR:
            return made
        graded = cls(terms, Fraction(0), None)
        return graded if graded._cells.error < made._cells.error else made

    @property
    def _cells(self) -> Cells:
        if self._made is None:
            if self._step is not None and self._points() <= _MOST_POINTS:
                try:
                    self._made = self._equal(self._step)
                    return self._made
                except ArithmeticError:  # of tails of so many copies that they lose digits
                    pass
            self._step = None
            self._made = self._graded()
        return self._made

    def _points(self) -> float:
        """Return the number of points of the sum's lattice."""
        if self._step is None:
            return math.inf
        return sum(term.copies * term.extent for term in self._terms) / float(self._step)

    def _equal(self, step: Fraction) -> EqualCells:
        counted = [term for term in self._terms if term.copies] or list(self._terms)
        return reduce(EqualCells.plus, (term.equal(step) for term in counted)).shifted(self._offset)

    def _graded(self) -> GradedCells:
        terms = [term for term in self._terms if term.copies]
        if not terms:
            return GradedCells.point(self._offset)
        while True:
            try:
                return self._sum_of_graded(terms).shifted(self._offset)
            except CellLimitError:
                self._tolerance *= 4

    def _sum_of_graded(self, terms: list[_Term]) -> GradedCells:
        partitions = [term.source.partition(float(term.factor), self._tolerance) for term in terms]
        parts = [GradedCells.of(partition) for partition in partitions]
        if sum(term.copies for term in terms) == 1:
            return parts[0]
        largest = _largest([part.concentration() for part in parts])
        parts = [GradedCells.of(each.for_sums(self._tolerance, largest)) for each in partitions]
        allowed = self._tolerance / 4
        copied = [part.times(term.copies, allowed) for part, term in zip(parts, terms, strict=True)]
        return reduce(lambda one, other: one.plus(other, allowed), copied)

    @property
    def masses(self) -> Pmf:
        """The cells' masses, in their middles, where all cells have one width.

        Raises
        ------
        ValueError
            For cells of several widths.
        """
        cells = self._cells
        if isinstance(cells, EqualCells):
            return cells.masses
        low, high = self.quantile([1e-6, 1 - 1e-6])
        raise ValueError(
            f"masses has a lattice only where cells are of one width; these are of graded widths. Pass "
            f"step={(high - low) / 2**14:.3g} and lost_mass=1e-06 where each part is made, for the error "
            f"that discretisation_error then says, or ask for cdf, sf, pdf or quantile"
        )

    @property
    def step(self) -> float:
        """Width of a cell, of the narrowest where they differ."""
        return float(self._step) if self._step is not None else float(np.diff(self._grid()[0]).min())

    @property
    def lost_mass(self) -> float:
        """That lies beyond the ends of what was cut, at most."""
        return sum(term.copies * term.source.lost_mass for term in self._terms)

    def discretisation_error(self) -> float:
        """Return how far `cdf` and `sf` are off, at most, anywhere; `lost_mass` is counted.

        The cdf of a part is measured at the edges of cells and in their middles, and is taken to bend
        between them no more than the differences of neighbouring densities allow. In a sum, an error inside
        a cell counts with the chance that the others bring it to one place; at most the errors add up.
        """
        return min(self._cells.error + self.lost_mass, 1.0)

    def refined(self, tolerance: float) -> Density:
        """Return the density with cells that are narrow enough for `discretisation_error` to be so small.

        Raises
        ------
        ValueError
            Where no cells do; the message has the least tolerance that some do.
        """
        if not tolerance > 0:
            raise ValueError(f"tolerance={tolerance!r} is not accepted; pass a positive number")
        best, error = self, self.discretisation_error()
        current, stuck = best, False
        while error > tolerance:
            finer = None if stuck else current._finer()
            if finer is None:
                raise ValueError(
                    f"tolerance={tolerance!r} cannot be reached: cells as narrow as {best.step:.3g} leave "
                    f"an error of {error:.3g}; pass a tolerance of at least {rounded_up(error, 2)}"
                    f"{self._cure(error)}"
                )
            before, current = current, finer
            found = current.discretisation_error()
            stuck = before._step is None and found > 0.9 * before.discretisation_error()
            if found < error:
                best, error = current, found
        return best

    def _cure(self, error: float) -> str:
        """Name the argument that would help if the tolerance stays."""
        if self.lost_mass > error / 2:
            return f", or a lost_mass below {self.lost_mass:.3g} to from_scipy"
        if any(term.source.law().error > error / 2 for term in self._terms):
            return ", or a smaller step or a bandwidth to from_samples"
        return ""

    def _finer(self) -> Density | None:
        """Return the next finer cells, half as wide or graded more finely, or None beyond the limits."""
        if self._step is not None:
            cells = max(term.extent / float(self._step) for term in self._terms)
            if 2 * cells <= _MOST_EQUAL:
                return Density(self._terms, self._offset, self._step / 2)
            return Density(self._terms, self._offset, None, min(_TOLERANCE, self._cells.error / 4))
        asked = self._tolerance / 4
        finer = Density(self._terms, self._offset, None, asked)
        finer._made = finer._graded()
        return finer if finer._tolerance == asked else None  # it is enlarged where cells were too many

    def _grid(self) -> tuple[Array, Array]:
        """Return the edges of all cells, for an offset of 0, and their masses."""
        if self._all is None:
            self._all = (self._cells.edges, self._cells.probabilities)
        return self._all

    def _relative(self, x: Any) -> Array:
        """Return where values lie on the grid."""
        values = read_reals("x", x)
        return values if isinstance(self._cells, EqualCells) else values - float(self._offset)

    def _range(self) -> tuple[float, float]:
        edges = self._grid()[0]
        return float(edges[0]), float(edges[-1])

    def _below(self) -> Array:
        """P(X <= x) at every edge."""
        below = np.concatenate([[0.0], np.cumsum(self._grid()[1])])
        return np.asarray(below / below[-1])

    def __add__(self, other: Any) -> Density:
        if not isinstance(other, Density):
            return self.shift(other)
        terms, offset = self._terms + other._terms, self._offset + other._offset
        tolerance = min(self._tolerance, other._tolerance)
        if self._step is None or other._step is None:
            return Density(terms, offset, None, tolerance)
        step = min(self._step, other._step)
        for part in (self, other):
            own = max(term.extent / float(part._step or step) for term in part._terms)
            needed = max(term.extent / float(step) for term in part._terms)
            if needed > max(own, 4 * _MOST_EQUAL):
                return Density(terms, offset, None, tolerance)
        return Density(terms, offset, step, tolerance)

    __radd__ = __add__

    def __neg__(self) -> Density:
        return self._times(Fraction(-1))

    def __sub__(self, other: Any) -> Density:
        return self.__add__(-other)

    def __rsub__(self, other: Any) -> Density:
        return self.__neg__().__add__(other)

    def __rmatmul__(self, copies: Any) -> Density:
        """``n @ X``: the sum of n independent copies."""
        count = read_copies(copies)
        terms = tuple(replace(term, copies=count * term.copies) for term in self._terms)
        return Density(terms, count * self._offset, self._step, self._tolerance)

    def shift(self, by: float) -> Density:
        """The variable plus a number."""
        amount = rational("by", by)
        return Density(self._terms, self._offset + amount, self._step, self._tolerance)

    def scale(self, by: float) -> Density:
        """The variable times a number other than 0."""
        factor = rational("by", by)
        if factor == 0:
            raise ValueError("by=0 leaves no density")
        return self._times(factor)

    def _times(self, factor: Fraction) -> Density:
        terms = tuple(replace(term, factor=factor * term.factor) for term in self._terms)
        step = None if self._step is None else self._step * abs(factor)
        return Density(terms, self._offset * factor, step, self._tolerance)

    __mul__ = __rmul__ = scale

    def pdf(self, x: Any) -> Any:
        """The density, between the cells' middles in straight lines; arrays give arrays."""
        edges, masses = self._grid()
        heights = masses / np.diff(edges)
        found = np.interp(self._relative(x), (edges[1:] + edges[:-1]) / 2, heights, 0.0, 0.0)
        return float(found) if np.ndim(x) == 0 else found

    def cdf(self, x: Any) -> Any:
        """P(X <= x), a straight line within a cell; arrays give arrays."""
        found = np.interp(self._relative(x), self._grid()[0], self._below(), 0.0, 1.0)
        return float(found) if np.ndim(x) == 0 else found

    def sf(self, x: Any) -> Any:
        """P(X > x), added up from the tail."""
        edges, masses = self._grid()
        above = np.concatenate([np.cumsum(masses[::-1])[::-1], [0.0]])
        found = np.interp(self._relative(x), edges, above / above[0], 1.0, 0.0)
        return float(found) if np.ndim(x) == 0 else found

    def quantile(self, q: Any) -> Any:
        """Where the cdf is q."""
        chances = read_reals("q", q)
        if not ((chances >= 0) & (chances <= 1)).all():
            raise ValueError(f"q={q!r} is not accepted; pass probabilities from 0 to 1")
        below = self._below()
        kept = np.concatenate([[True], np.diff(below) > 0])
        found = np.interp(chances, below[kept], self._grid()[0][kept])
        if not isinstance(self._cells, EqualCells):
            found = found + float(self._offset)
        return float(found) if np.ndim(q) == 0 else found

    def _moments(self) -> tuple[float, float]:
        """Return the mean and variance of the laws themselves, added up."""
        mean, variance = float(self._offset), 0.0
        for term in self._terms:
            if term.copies:
                factor = float(term.factor)
                of_one = term.source.moments()
                mean += term.copies * factor * of_one[0]
                variance += term.copies * factor**2 * of_one[1]
        return mean, variance

    def mean(self) -> float:
        """Expected value: infinite or NaN where the law, not its cells, has none."""
        return self._moments()[0]

    def var(self) -> float:
        """Variance: infinite or NaN where the law, not its cells, has none."""
        return self._moments()[1]

    def std(self) -> float:
        """Standard deviation."""
        return math.sqrt(self.var())

    def plot(self, ax: Any = None) -> Any:
        """Draw the density into Matplotlib axes, which are returned."""
        from fftconv.probability.drawing import draw_curve

        return draw_curve(self, ax)

    def __repr__(self) -> str:
        low, high = (end + float(self._offset) if self._step is None else end for end in self._range())
        moments = f"mean {self.mean():.6g}, std {self.std():.6g}"
        return f"Density({low:.6g} to {high:.6g}, step {self.step:.3g}, {moments})"


def _largest(concentrations: list[dict[int, float]]) -> dict[int, float]:
    """Return the largest of all for each width."""
    result: dict[int, float] = {}
    for level in range(min(map(min, concentrations)), max(map(max, concentrations)) + 1):
        result[level] = max(part[min(max(level, min(part)), max(part))] for part in concentrations)
    return result


def _read_step(step: Any) -> Fraction:
    width = rational("step", step)
    if width <= 0:
        raise ValueError(f"step={step!r} is not accepted; pass a positive number")
    return width
