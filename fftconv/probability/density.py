"""`Density`: a continuous variable on a grid that can be made finer."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fftconv._arguments import read_array, read_plain
from fftconv._checks import check_finite
from fftconv.probability.lattice import rational
from fftconv.probability.pmf import Pmf

Array = np.ndarray[Any, np.dtype[Any]]

_CELLS = 4096  # that a distribution is cut into at first
_MOST_CELLS = 2**22
_CALLABLE_POINTS = 5  # of a density, by which it is integrated over a cell (Gauss-Legendre)


class Density:
    r"""A continuous random variable, as the masses of the cells of a grid.

    .. math:: f_{X+Y}(s) = \int f_X(x) \, f_Y(s - x) \, dx

    The mass of each cell stands in its middle; sums are convolutions of `Pmf`, with its accuracy, and the
    error of the grid falls with the square of its step. `discretisation_error` estimates it from a grid of
    twice the step, `refined` makes it small enough.

    Made by `from_scipy`, `from_pdf` and `from_samples`; added, subtracted, shifted and scaled.

    Examples
    --------
    >>> import scipy.stats
    >>> from fftconv.probability import Density
    >>> u = Density.from_scipy(scipy.stats.uniform())
    >>> triangle = u + u
    >>> round(triangle.pdf(1.0), 3), round(triangle.pdf(0.5), 3), round(triangle.cdf(1.5), 6)
    (1.0, 0.5, 0.875)
    """

    def __init__(self, make: Callable[[Fraction], Pmf], step: Fraction, lost_mass: float) -> None:
        self._make, self._step, self._lost_mass = make, step, lost_mass
        self._masses: Pmf | None = None

    @classmethod
    def from_scipy(
        cls, distribution: Any, *, step: float | None = None, lost_mass: float = 1e-15
    ) -> Density:
        """From a frozen continuous distribution of scipy.stats, cut where so much mass is lost."""
        if not hasattr(distribution, "cdf") or hasattr(distribution, "pmf"):
            raise TypeError(
                f"{distribution!r} is no frozen continuous distribution, such as scipy.stats.norm()"
            )
        low, high = (float(end) for end in distribution.support())
        low = low if math.isfinite(low) else float(distribution.ppf(lost_mass / 2))
        high = high if math.isfinite(high) else float(distribution.isf(lost_mass / 2))
        middle = float(distribution.median())

        def masses(edges: Array) -> Array:
            # From the nearer end, so that both tails keep their digits.
            below, above = np.diff(distribution.cdf(edges)), -np.diff(distribution.sf(edges))
            return np.asarray(np.where(edges[1:] <= middle, below, above))

        return cls._of_cells(masses, low, high, step, lost_mass)

    @classmethod
    def from_pdf(
        cls, pdf: Callable[[Array], ArrayLike], low: float, high: float, *, step: float | None = None
    ) -> Density:
        """From a density, a function of an array, that is 0 outside low to high; divided by its integral.

        Examples
        --------
        >>> from fftconv.probability import Density
        >>> round(Density.from_pdf(lambda x: 2 * x, 0, 1).mean(), 6)
        0.666667
        """
        first, last = check_finite("low", low), check_finite("high", high)
        if not first < last:
            raise ValueError(f"low={low!r} is not below high={high!r}; pass an interval")
        nodes, weights = np.polynomial.legendre.leggauss(_CALLABLE_POINTS)

        def masses(edges: Array) -> Array:
            inner = np.clip(edges, first, last)
            middle, half = (inner[1:] + inner[:-1]) / 2, np.diff(inner) / 2
            points = middle[:, np.newaxis] + half[:, np.newaxis] * nodes
            heights = np.asarray(pdf(points), float)
            if heights.shape != points.shape or not (heights >= 0).all():
                raise ValueError("pdf must give a number that is not negative for each number of an array")
            return np.asarray((heights @ weights) * half)

        return cls._of_cells(masses, first, last, step, 0.0)

    @classmethod
    def from_samples(
        cls, samples: ArrayLike, *, bandwidth: float | None = None, step: float | None = None
    ) -> Density:
        """From observed values: their histogram, or with a bandwidth a Gaussian on each (a kernel density).

        Without a step, cells are as wide as Freedman and Diaconis say (histogram), or an eighth of the
        bandwidth. `refined` makes no histogram finer.
        """
        values = read_array("samples", samples).ravel().astype(float)
        if not np.isfinite(values).all():
            raise ValueError("samples hold a NaN or an infinity; pass finite numbers")
        if bandwidth is None:
            edges = np.histogram_bin_edges(
                values, "fd" if step is None else max(int(np.ptp(values) / step), 1)
            )
            width = rational("step", float(edges[1] - edges[0]) if step is None else step)
            of_samples = _on_cells(values, width)
            return cls(lambda finer: of_samples, width, 0.0)
        scale = check_finite("bandwidth", bandwidth)
        if scale <= 0:
            raise ValueError(f"bandwidth={bandwidth!r} is not accepted; pass a positive number")
        import scipy.stats  # half a second that other densities need not take

        spread = cls.from_scipy(scipy.stats.norm(0, scale), step=scale / 8 if step is None else step)
        return cls(
            lambda finer: _on_points(values, finer) + spread._make(finer), spread._step, spread._lost_mass
        )

    @classmethod
    def _of_cells(
        cls, masses: Callable[[Array], Array], low: float, high: float, step: float | None, lost_mass: float
    ) -> Density:
        width = rational("step", (high - low) / _CELLS if step is None else step)
        if width <= 0:
            raise ValueError(f"step={step!r} is not accepted; pass a positive number")

        def make(finer: Fraction) -> Pmf:
            first = math.floor(Fraction(low) / finer)
            last = math.ceil(Fraction(high) / finer)
            if last - first > _MOST_CELLS:
                raise ValueError(
                    f"step={float(finer)!r} makes {last - first} cells, accepted are {_MOST_CELLS}"
                )
            edges = np.array([float(finer * i) for i in range(first, last + 1)])
            values = np.maximum(masses(edges), 0.0)
            return Pmf(values, finer * first + finer / 2, finer, normalise=True)

        return cls(make, width, lost_mass)

    @property
    def masses(self) -> Pmf:
        """The cells' masses, in their middles."""
        if self._masses is None:
            self._masses = self._make(self._step)
        return self._masses

    @property
    def step(self) -> float:
        """Width of a cell."""
        return float(self._step)

    @property
    def lost_mass(self) -> float:
        """That lies beyond the ends of what was cut, at most."""
        return self._lost_mass

    def discretisation_error(self) -> float:
        """About how far `cdf` is off: a third of what it changes from a grid of twice the step."""
        coarse = Density(self._make, 2 * self._step, self._lost_mass)
        grid = self._edges()
        edges = np.linspace(grid[0], grid[-1], 1025)
        return float(np.abs(self.cdf(edges) - coarse.cdf(edges)).max()) / 3

    def refined(self, tolerance: float) -> Density:
        """On a grid fine enough for the estimated error of `cdf` to be at most so large."""
        if not tolerance > 0:
            raise ValueError(f"tolerance={tolerance!r} is not accepted; pass a positive number")
        finer, error = self, self.discretisation_error()
        while error > tolerance:
            # It falls with the square of the step.
            halvings = max(1, math.ceil(math.log2(error / tolerance) / 2))
            finer = Density(self._make, finer._step / 2**halvings, self._lost_mass)
            error = finer.discretisation_error()
        return finer

    def _edges(self) -> Array:
        """Of all cells."""
        points = self.masses._axis(0).astype(float)
        return np.concatenate([points[:1] - self.step / 2, points + self.step / 2])

    def _below(self) -> Array:
        """P(X <= x) at every edge."""
        below = np.concatenate([[0.0], np.cumsum(self.masses.probabilities)])
        return np.asarray(below / below[-1])

    def __add__(self, other: Any) -> Density:
        if not isinstance(other, Density):
            return self.shift(other)
        return Density(
            lambda step: self._make(step) + other._make(step),
            min(self._step, other._step),
            self._lost_mass + other._lost_mass,
        )

    __radd__ = __add__

    def __neg__(self) -> Density:
        return Density(lambda step: -self._make(step), self._step, self._lost_mass)

    def __sub__(self, other: Any) -> Density:
        return self.__add__(-other)

    def __rsub__(self, other: Any) -> Density:
        return self.__neg__().__add__(other)

    def __rmatmul__(self, copies: Any) -> Density:
        """``n @ X``: the sum of n independent copies."""
        masses = copies @ self.masses  # at once, as the number may be none
        result = Density(lambda step: copies @ self._make(step), self._step, int(copies) * self._lost_mass)
        result._masses = masses
        return result

    def shift(self, by: float) -> Density:
        """The variable plus a number."""
        amount = rational("by", by)
        return Density(lambda step: self._make(step).shift(amount), self._step, self._lost_mass)

    def scale(self, by: float) -> Density:
        """The variable times a number other than 0."""
        factor = rational("by", by)
        if factor == 0:
            raise ValueError("by=0 leaves no density")
        return Density(
            lambda step: self._make(step / abs(factor)).scale(factor),
            self._step * abs(factor),
            self._lost_mass,
        )

    __mul__ = __rmul__ = scale

    def pdf(self, x: Any) -> Any:
        """The density, between the cells' middles in straight lines; arrays give arrays."""
        points = self.masses._axis(0).astype(float)
        found = np.interp(read_plain("x", x), points, self.masses.probabilities / self.step, 0.0, 0.0)
        return float(found) if np.ndim(x) == 0 else found

    def cdf(self, x: Any) -> Any:
        """P(X <= x), a straight line within a cell; arrays give arrays."""
        found = np.interp(read_plain("x", x), self._edges(), self._below(), 0.0, 1.0)
        return float(found) if np.ndim(x) == 0 else found

    def sf(self, x: Any) -> Any:
        """P(X > x), added up from the tail."""
        above = np.concatenate([np.cumsum(self.masses.probabilities[::-1])[::-1], [0.0]])
        found = np.interp(read_plain("x", x), self._edges(), above / above[0], 1.0, 0.0)
        return float(found) if np.ndim(x) == 0 else found

    def quantile(self, q: Any) -> Any:
        """Where the cdf is q."""
        chances = read_plain("q", q).astype(float)
        if not ((chances >= 0) & (chances <= 1)).all():
            raise ValueError(f"q={q!r} is not accepted; pass probabilities from 0 to 1")
        below = self._below()
        kept = np.concatenate([[True], np.diff(below) > 0])
        found = np.interp(chances, below[kept], self._edges()[kept])
        return float(found) if np.ndim(q) == 0 else found

    def mean(self) -> float:
        """Expected value."""
        return float(self.masses.mean())

    def var(self) -> float:
        """Variance, of the masses in the middles of their cells."""
        return float(self.masses.var())

    def std(self) -> float:
        """Standard deviation."""
        return math.sqrt(self.var())

    def plot(self, ax: Any = None) -> Any:
        """Draw the density into Matplotlib axes, which are returned."""
        from fftconv.probability.drawing import draw_curve

        return draw_curve(self, ax)

    def __repr__(self) -> str:
        low, high = self._edges()[[0, -1]]
        moments = f"mean {self.mean():.6g}, std {self.std():.6g}"
        return f"Density({low:.6g} to {high:.6g}, step {self.step:.3g}, {moments})"


def _on_cells(values: Array, step: Fraction) -> Pmf:
    """How many values lie in each cell, in the middles."""
    at = np.floor(values / float(step)).astype(np.int64)
    counts = np.bincount(at - at.min()).astype(float)
    return Pmf(counts, step * int(at.min()) + step / 2, step, normalise=True)


def _on_points(values: Array, step: Fraction) -> Pmf:
    """Each value shared by the lattice points beside it, so that the mean stays."""
    place = values / float(step)
    at = np.floor(place).astype(np.int64)
    part = place - at
    size = int(np.ptp(at)) + 2
    counts = np.bincount(at - at.min(), 1 - part, size) + np.bincount(at - at.min() + 1, part, size)
    return Pmf(counts, step * int(at.min()), step, normalise=True)
