"""`Pmf`: a distribution on a lattice, whose sums are convolutions, right down to the last tail."""

from __future__ import annotations

import bisect
import heapq
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from numbers import Rational
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from fftconv._arguments import first_index, read_array, read_plain, refuse_dtype
from fftconv._arrays import check_array_kind
from fftconv._checks import (
    Seed,
    check_count,
    in_digits,
    make_generator,
    read_chance,
    read_list,
    read_scalar,
    shown,
)
from fftconv.probability import exact, ratios
from fftconv.probability.lattice import (
    A_VARIABLE,
    MOST_POINTS,
    check_product,
    check_size,
    check_steps,
    check_work,
    common,
    rational,
    read_copies,
    read_point,
)
from fftconv.probability.tails import Scaled, convolve_tails, cumulated, least_error, reachable, scaled

Array = np.ndarray[Any, np.dtype[Any]]

ACCURACY = 1e-9
_MASS = 1e-9  # that probabilities may miss of 1


class Pmf:
    r"""A probability mass function on a lattice of one or more dimensions.

    .. math:: P(X + Y = s) = \sum_x P(X = x) \, P(Y = s - x)

    for independent X and Y: ``X + Y`` is a convolution. Every entry of a result has a relative error of at
    most `accuracy`, entries off the support are exactly 0, none is negative, and entries too small for a
    float keep their logarithm (`log_pmf`).

    Parameters
    ----------
    probabilities : array_like
        Of the lattice points start, start + step, start + 2 step, ..., along each axis. Of Fractions or
        integers the distribution is exact, and so are all made of it.
    start, step : number, or sequence of numbers for several axes
        The first point and the distance to the next. Floats are read as decimals: 0.1 is 1/10.
    normalise : bool, default False
        Divide by the total, which must otherwise be 1 within 1e-9 (exactly, for exact ones).
    accuracy : float, default 1e-9
        Largest relative error of any entry of what is made of this distribution; 1e-12 can be had for sums
        of up to some 2000 entries.

    Raises
    ------
    ValueError, TypeError
        For probabilities that are negative, NaN, of a total that is not 1, or none at all.

    See Also
    --------
    sum_independent : Sums of many.

    Examples
    --------
    The dropped ball: f is where it stops, g how far it goes when dropped again; how likely is 3 in all?

    >>> from fftconv.probability import Pmf
    >>> f = Pmf([0.4, 0.3, 0.2, 0.1])
    >>> g = Pmf([0.1, 0.2, 0.3, 0.4])
    >>> total = f + g
    >>> round(total.pmf(3), 12)  # f(0)g(3) + f(1)g(2) + f(2)g(1) + f(3)g(0)
    0.3
    >>> Pmf.parse("2d6").pmf(7)
    0.16666666666666666
    """

    def __init__(
        self,
        probabilities: ArrayLike,
        start: Any = 0,
        step: Any = 1,
        *,
        normalise: bool = False,
        accuracy: float = ACCURACY,
    ) -> None:
        _refuse_sources(probabilities)
        given = read_array("probabilities", probabilities)
        if given.dtype.kind == "c":
            raise TypeError(f"probabilities have dtype {given.dtype}, accepted are real numbers")
        self._coverage: dict[str, int] = {}
        self._start = read_point("start", start, given.ndim)
        self._step = read_point("step", step, given.ndim)
        if any(distance <= 0 for distance in self._step):
            raise ValueError(f"step={shown(step)} is not accepted; pass positive numbers")
        if given.dtype.kind in "biuO":
            self._weights: Scaled | exact.Weights = exact.read(given, normalise=normalise)
            self._error = 0.0
        else:
            self._weights, self._error = _read_floats(given, normalise=normalise)
        self._accuracy = _check_accuracy(accuracy, self._error, "the distribution")
        self._trim()

    @classmethod
    def _of(
        cls,
        weights: Scaled | exact.Weights,
        start: Sequence[Fraction],
        step: Sequence[Fraction],
        accuracy: float,
        error: float,
        coverage: dict[str, int] | None = None,
        what: str = "the distribution",
    ) -> Pmf:
        """Make a distribution of parts that need no checks but that of their error."""
        made = cls.__new__(cls)
        made._weights, made._start, made._step = weights, tuple(start), tuple(step)
        made._accuracy, made._error = _check_accuracy(accuracy, error, what), error
        made._coverage = coverage or {}
        made._trim()
        return made

    def _trim(self) -> None:
        """Leave out zeros around the support."""
        positive = self._positive()
        if not positive.any():
            raise ValueError("probabilities are all 0; at least one must be positive")
        box = []
        for axis in range(positive.ndim):
            along = np.flatnonzero(positive.any(axis=tuple(a for a in range(positive.ndim) if a != axis)))
            box.append(slice(int(along[0]), int(along[-1]) + 1))
        self._start = tuple(
            s + d * part.start for s, d, part in zip(self._start, self._step, box, strict=True)
        )
        self._weights = self._part(tuple(box))

    def _positive(self) -> Array:
        if isinstance(self._weights, Scaled):
            return np.asarray(self._weights.mantissa > 0)
        return np.asarray(self._weights.counts > 0, bool)

    def _part(self, index: Any) -> Scaled | exact.Weights:
        if isinstance(self._weights, Scaled):
            return Scaled(self._weights.mantissa[index], self._weights.exponent[index])
        return exact.Weights(self._weights.counts[index], self._weights.total)

    # What it is made of

    @property
    def is_exact(self) -> bool:
        """Whether probabilities are Fractions."""
        return not isinstance(self._weights, Scaled)

    @property
    def probabilities(self) -> Array:
        """Of all lattice points, from the first to the last of positive mass; Fractions if exact."""
        if isinstance(self._weights, Scaled):
            return self._weights.to_floats()
        total = self._weights.total
        each = [Fraction(int(count), total) for count in self._weights.counts.flat]
        return np.array(each, object).reshape(self._weights.counts.shape)

    @property
    def shape(self) -> tuple[int, ...]:
        """Lattice points along each axis."""
        weights = self._weights
        shape: tuple[int, ...] = (weights.mantissa if isinstance(weights, Scaled) else weights.counts).shape
        return shape

    @property
    def ndim(self) -> int:
        """Dimensions."""
        return len(self.shape)

    @property
    def start(self) -> tuple[Fraction, ...]:
        """The first lattice point."""
        return self._start

    @property
    def step(self) -> tuple[Fraction, ...]:
        """From one lattice point to the next, along each axis."""
        return self._step

    @property
    def accuracy(self) -> float:
        """Largest relative error allowed for any entry."""
        return self._accuracy

    @property
    def relative_error(self) -> float:
        """Largest relative error that any entry can have, given those it was made of; 0 if exact."""
        return self._error

    @property
    def coverage(self) -> dict[str, int]:
        """How the entries of the last sum were come by: plain, zero, tilted or direct, and how many."""
        return dict(self._coverage)

    @property
    def support(self) -> Array:
        """Lattice points of positive probability: shape (n,), or (n, dimensions)."""
        return self._at(np.argwhere(self._positive()))

    def _at(self, places: Array) -> Array:
        """Lattice points by their indices: shape (n,), or (n, dimensions)."""
        points = np.stack([self._axis(axis)[places[:, axis]] for axis in range(self.ndim)], axis=1)
        return points[:, 0] if self.ndim == 1 else points

    def _points(self, places: Array) -> list[Any]:
        """The same as numbers, or as tuples of them."""
        points: list[Any] = self._at(places).tolist()
        return points if self.ndim == 1 else [tuple(point) for point in points]

    def _axis(self, axis: int) -> Array:
        """Lattice points along an axis: integers where all are, floats otherwise."""
        start, step, count = self._start[axis], self._step[axis], self.shape[axis]
        if start.denominator == step.denominator == 1:
            is_small = abs(start) + step * count < 2**62
            return int(start) + int(step) * np.arange(count, dtype=np.int64 if is_small else object)
        return np.array([_as_float("a value", start + step * i) for i in range(count)])

    def _line(self, what: str) -> Array:
        """The lattice of a distribution that has to be of one dimension."""
        if self.ndim != 1:
            raise ValueError(f"{what} needs a distribution of one dimension, this one has {self.ndim}")
        return self._axis(0)

    def to_dict(self) -> dict[Any, Any]:
        """Support points and their probabilities."""
        places = np.argwhere(self._positive())
        weights = self.probabilities[tuple(places.T)].tolist()
        return dict(zip(self._points(places), weights, strict=True))

    # Where it comes from

    @classmethod
    def from_dict(
        cls, weights: Mapping[Any, Any], *, normalise: bool = False, accuracy: float = ACCURACY
    ) -> Pmf:
        """From values and their probabilities; the lattice is the coarsest that holds all values.

        Examples
        --------
        >>> from fftconv.probability import Pmf
        >>> Pmf.from_dict({0: 0.5, 10: 0.5}).step
        (Fraction(10, 1),)
        """
        if not isinstance(weights, Mapping):
            raise TypeError(
                f"weights is a {type(weights).__name__} and no dict; call Pmf(weights), which takes the "
                f"probabilities of 0, 1, 2, ..."
            )
        if not weights:
            raise ValueError("weights is empty; pass at least one value with its probability")
        values = list(read_array("weights", list(weights.values())).tolist())
        start, step, shape, places = _lattice_of(list(weights))
        is_exact = all(isinstance(value, (Rational, np.integer)) for value in values)
        table = np.zeros(shape, object if is_exact else float)
        for place, value in zip(places, values, strict=True):
            table[place] += value
        return cls(table, start, step, normalise=normalise, accuracy=accuracy)

    @classmethod
    def _from_fractions(cls, weights: Mapping[Fraction, Fraction]) -> Pmf:
        """Make a distribution of values and of probabilities that may be too small for floats."""
        start, step, shape, places = _lattice_of(list(weights))
        made = scaled(np.zeros(shape))
        for place, chance in zip(places, weights.values(), strict=True):
            made.mantissa[place], made.exponent[place] = exact.ratio(chance.numerator, chance.denominator)
        return cls._of(_with_mass_one(made), start, step, ACCURACY, 2.0**-52)

    @classmethod
    def from_counts(
        cls, counts: ArrayLike, start: Any = 0, step: Any = 1, *, accuracy: float = ACCURACY
    ) -> Pmf:
        """From how often each lattice point occurred; exact for integers."""
        check_array_kind("counts", counts)
        if isinstance(counts, Mapping):
            raise TypeError(
                f"counts is a {type(counts).__name__}; call Pmf.from_dict(counts, normalise=True), which "
                f"takes values and how often they occurred"
            )
        counts = read_array("counts", counts)
        return cls(counts, start, step, normalise=True, accuracy=accuracy)

    @classmethod
    def from_samples(cls, samples: ArrayLike, *, accuracy: float = ACCURACY) -> Pmf:
        """The distribution of observed values: shape (n,), or (n, dimensions)."""
        given = read_array("samples", samples)
        values, counts = np.unique(given, axis=0, return_counts=True)
        keys = values.tolist() if given.ndim == 1 else [tuple(row) for row in values.tolist()]
        pairs = dict(zip(keys, counts.tolist(), strict=True))
        return cls.from_dict(pairs, normalise=True, accuracy=accuracy)

    @classmethod
    def from_scipy(cls, distribution: Any, *, lost_mass: float = 1e-15, accuracy: float = ACCURACY) -> Pmf:
        """From a frozen discrete distribution of scipy.stats, whose support is cut where so much is lost.

        Examples
        --------
        >>> import scipy.stats
        >>> from fftconv.probability import Pmf
        >>> round(Pmf.from_scipy(scipy.stats.poisson(2.0)).mean(), 12)
        2.0
        """
        if not hasattr(distribution, "pmf") or not hasattr(distribution, "support"):
            raise TypeError(
                f"{shown(distribution)} is no frozen discrete distribution, such as scipy.stats.poisson(2)"
            )
        if getattr(distribution, "numargs", 0):  # not frozen
            raise TypeError(
                f"scipy.stats.{distribution.name} has no parameters yet; "
                f"pass {distribution.name}({distribution.shapes}), with numbers"
            )
        lost_mass = _check_lost_mass(lost_mass)
        family, values = _read_frozen(distribution)
        loc = values.pop("loc", 0)
        if family == "poisson_binom":
            from fftconv.probability.statistics import poisson_binomial

            return poisson_binomial(values["p"], accuracy=accuracy).shift(loc)
        if family == "randint" and all(isinstance(end, (int, np.integer)) for end in values.values()):
            low, high = int(values["low"]), int(values["high"])
            if low < high:
                from fftconv.probability.builders import uniform

                return uniform(low, high - 1, accuracy=accuracy).shift(loc)
        known = ratios.of_scipy(family, values)
        if known is not None:
            return cls._by_ratios(known, lost_mass, accuracy).shift(loc)
        if loc != 0:
            distribution = distribution.dist(**values)
        return cls._by_logarithms(distribution, family, values, lost_mass, accuracy).shift(loc)

    @classmethod
    def _by_ratios(cls, given: ratios.Ratios, lost_mass: float, accuracy: float) -> Pmf:
        """Make a distribution from the ratios of neighbouring probabilities."""
        weights, low, error = ratios.weights_by_ratios(given, _check_lost_mass(lost_mass))
        made = cls._of(
            _with_mass_one(weights), (Fraction(low),), (Fraction(1),), accuracy, 2 * error, what=given.name
        )
        return made if given.mirror is None else given.mirror - made

    @classmethod
    def _by_logarithms(
        cls, distribution: Any, family: str, values: Mapping[str, Any], lost_mass: float, accuracy: float
    ) -> Pmf:
        """Make a distribution from scipy.stats' logarithms, which keep what is too small for a float."""
        with np.errstate(all="ignore"):
            ends = [*distribution.support()]
            if _adds_up(distribution) and all(map(np.isfinite, ends)):
                check_size([int(ends[1]) - int(ends[0]) + 1], family)
            ends.append(distribution.median())
            if not all(np.ndim(end) == 0 for end in ends) or any(math.isnan(end) for end in ends):
                listed = ", ".join(f"{name}={shown(value)}" for name, value in values.items())
                raise ValueError(
                    f"distribution={family}({listed}) has no values in scipy.stats; pass single numbers "
                    f"that its parameters accept, and smaller ones where its median is NaN"
                )
            low, high, middle = ends
            if not high - low < MOST_POINTS:
                # In floats, as whole numbers of NumPy overflow.
                below = _reach(lambda far: distribution.logcdf(float(middle) - far - 1), lost_mass, family)
                above = _reach(lambda far: distribution.logsf(float(middle) + far), lost_mass, family)
                low, high = max(low, middle - below), min(high, middle + above)
            first, last = int(low), int(high)
            check_size([last - first + 1], family)
            points = np.arange(first, last + 1)
            logs = np.asarray(distribution.logpmf(points), float) / math.log(2)
        inside = np.isfinite(logs)
        if not inside.any() or np.isnan(logs).any():
            raise ValueError(f"distribution={family} has a logpmf of NaN; pass smaller parameters")
        whole = np.where(inside, np.floor(logs), 0)
        weights = scaled(np.where(inside, np.exp2(logs - whole), 0.0), whole.astype(np.int64))
        # Of logarithms, which may be differences of logarithms of factorials of the largest numbers; up to
        # ten roundings of these were seen.
        numbers = [abs(float(number)) for number in (first, last, *values.values())]
        cancelled = sum(numbers) * math.log2(2 + sum(numbers))
        error = 2.0**-49 * (1 + float(np.abs(logs[inside]).max()) + cancelled)
        start, step = (Fraction(first),), (Fraction(1),)
        return cls._of(_with_mass_one(weights), start, step, accuracy, error, what=family)

    @classmethod
    def parse(cls, notation: str, *, exact: bool = False, accuracy: float = ACCURACY) -> Pmf:
        """Dice notation: sums and differences of dice and whole numbers, such as "3d6+2d8-1".

        ======================  =========================================================
        d6, 2d6, d%             the sum of that many dice; d% has 100 sides
        4d6kh3, 2d20kl1         of the highest or the lowest so many dice; k is kh, and no number is 1
        4d6dl1, 4d6dh1          of all dice but the lowest or the highest so many
        2d6*3, 3*2d6, 2d6 x -1  times a whole number, with * or x
        2d6 >= 9, 1d20 > 1d12   1 where it holds, otherwise 0; also <=, >, <, =, !=
        ======================  =========================================================

        Spaces do not matter, nor does upper case. Dice are kept by counting, not by listing throws.

        Examples
        --------
        >>> from fftconv.probability import Pmf
        >>> Pmf.parse("2d6", exact=True).pmf(2)
        Fraction(1, 36)
        >>> Pmf.parse("4d6kh3", exact=True).pmf(18)
        Fraction(7, 432)
        >>> round(Pmf.parse("2d6 >= 9").pmf(1), 6)
        0.277778
        """
        from fftconv.probability.dice import parse_dice

        return parse_dice(notation, exact=exact, accuracy=accuracy)

    # Sums

    def __add__(self, other: Any) -> Pmf:
        if isinstance(other, Pmf):
            return self._plus(other, None)
        return self.shift(other)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Pmf:
        return self.__add__(-other)

    def __rsub__(self, other: Any) -> Pmf:
        return self.__neg__().__add__(other)

    def __neg__(self) -> Pmf:
        turned = (slice(None, None, -1),) * self.ndim
        last = [-(s + d * (n - 1)) for s, d, n in zip(self._start, self._step, self.shape, strict=True)]
        return self._of(self._part(turned), last, self._step, self._accuracy, self._error)

    def shift(self, by: Any) -> Pmf:
        """The distribution of X + by, a number, or one for each dimension."""
        start = [s + b for s, b in zip(self._start, read_point("by", by, self.ndim), strict=True)]
        return self._of(self._weights, start, self._step, self._accuracy, self._error)

    def scale(self, by: Any) -> Pmf:
        """The distribution of X times a number other than 0: not that of a sum, which is ``n @ X``."""
        factor = rational("by", by)
        if factor == 0:
            raise ValueError("by=0 makes every value 0; use degenerate(0)")
        if factor < 0:
            return (-self).scale(-factor)
        start, step = ([factor * part for part in parts] for parts in (self._start, self._step))
        return self._of(self._weights, start, step, self._accuracy, self._error)

    def __mul__(self, by: Any) -> Pmf:
        if isinstance(by, Pmf):
            raise TypeError("a product of two distributions is none of sums; X + Y adds, 3 @ X adds copies")
        return self.scale(by)

    __rmul__ = __mul__

    def __rmatmul__(self, copies: Any) -> Pmf:
        """``n @ X``: the sum of n independent copies, by repeated squaring."""
        count = read_copies(copies)
        if count == 0:
            return self._of(self._one(), (Fraction(0),) * self.ndim, self._step, self._accuracy, 0.0)
        if math.prod(self.shape) == 1:
            return self._of(
                self._weights, [s * count for s in self._start], self._step, self._accuracy, self._error
            )
        self._check_copies(count, f"n @ X with n={in_digits(count)}")
        result = self
        for is_squaring, tolerance in self._additions(count):
            result = result._plus(result if is_squaring else self, tolerance)
        return result

    def _additions(self, count: int) -> Iterator[tuple[bool, float]]:
        """The additions that make a sum of copies: whether they double it, and their tolerances."""
        bits = f"{count:b}"[1:]
        operations = len(bits) + bits.count("1")
        for done, bit in enumerate(bits, start=1):
            # An error made now is multiplied by every squaring to come.
            share = self._accuracy / (2 * operations * 2 ** (len(bits) - done))
            yield True, share / 2
            if bit == "1":
                yield False, share

    def _check_copies(self, count: int, what: str) -> int:
        """Refuse a sum of too many copies, or one that can't be accurate enough; its work otherwise."""
        shape = [count * (size - 1) + 1 for size in self.shape]
        check_size(shape, what)
        if math.prod(shape) == 1 or count == 1:
            return 1
        if isinstance(self._weights, exact.Weights):
            return check_product(shape, count * self._weights.total.bit_length(), what)
        work = check_work(shape, count * self._weights.depth(), what)
        copies, error = 1, self._error
        for is_squaring, tolerance in self._additions(count):
            taps = math.prod((copies if is_squaring else 1) * (size - 1) + 1 for size in self.shape)
            made = least_error(tolerance, taps)
            error = (1 + error + (error if is_squaring else self._error)) * (1 + made) - 1
            copies += copies if is_squaring else 1
        _check_accuracy(self._accuracy, error, what)
        return work

    def _one(self) -> Scaled | exact.Weights:
        if self.is_exact:
            return exact.Weights(np.ones((1,) * self.ndim, object), 1)
        return scaled(np.ones((1,) * self.ndim))

    def _plus(self, other: Pmf, tolerance: float | None) -> Pmf:
        """The sum; with the tolerance given, or with what is left of the accuracy."""
        if self.ndim != other.ndim:
            raise ValueError(
                f"distributions of {self.ndim} and {other.ndim} dimensions have no sum; give both as many"
            )
        accuracy, given = min(self._accuracy, other._accuracy), self._error + other._error
        wanted = (accuracy - given) / 8 if tolerance is None else tolerance
        plan = _Plan.of(self).plus(_Plan.of(other), wanted)
        plan.check(accuracy, "the sum")
        start = [a + b for a, b in zip(self._start, other._start, strict=True)]
        step = plan.step
        one, another = self._on_lattice(step), other._on_lattice(step)
        if isinstance(one, Scaled) and isinstance(another, Scaled):
            allowed = reachable(wanted, min(one.mantissa.size, another.mantissa.size))
            result, made, steps = convolve_tails(one, another, allowed)
            error = (1 + given) * (1 + made) - 1 + 2.0**-50  # and that of the total
            return self._of(_with_mass_one(result), start, step, accuracy, error, steps, "the sum")
        if isinstance(one, Scaled) or isinstance(another, Scaled):
            return self._as_floats()._plus(other._as_floats(), tolerance)
        total = one.total * another.total
        counts = exact.convolve(one.counts, another.counts)
        return self._of(exact.Weights(counts, total), start, step, self._accuracy, 0.0)

    def _as_floats(self) -> Pmf:
        if isinstance(self._weights, Scaled):
            return self
        weights = exact.to_scaled(self._weights)
        return self._of(weights, self._start, self._step, self._accuracy, 2.0**-52)

    def _scaled(self, step: Sequence[Fraction]) -> Scaled:
        """The weights on a finer lattice, as floats of any size."""
        weights = self._on_lattice(step)
        return weights if isinstance(weights, Scaled) else exact.to_scaled(weights)

    def _counts(self, step: Sequence[Fraction]) -> exact.Weights:
        """The same of exact ones."""
        weights = self._on_lattice(step)
        assert not isinstance(weights, Scaled)
        return weights

    def _on_lattice(self, step: Sequence[Fraction]) -> Scaled | exact.Weights:
        """The weights with zeros between, for a lattice that is finer."""
        factors = [int(mine / finer) for mine, finer in zip(self._step, step, strict=True)]
        if all(factor == 1 for factor in factors):
            return self._weights
        shape = [(size - 1) * factor + 1 for size, factor in zip(self.shape, factors, strict=True)]
        check_size(
            shape, f"step {', '.join(map(str, self._step))} on a lattice of {', '.join(map(str, step))}"
        )
        every = tuple(slice(None, None, factor) for factor in factors)

        def spread(array: Array) -> Array:
            wide = np.zeros(shape, array.dtype)
            wide[every] = array
            return wide

        if isinstance(self._weights, Scaled):
            return Scaled(*map(spread, self._weights))
        return exact.Weights(spread(self._weights.counts), self._weights.total)

    # What is asked of it

    def mean(self) -> Any:
        """Expected value; of several dimensions, an array."""
        means = [s + d * Fraction(self._moment(a, 1, 0)) for a, s, d in self._axes()]
        each = means if self.is_exact else [_as_float("the mean", mean) for mean in means]
        return each[0] if self.ndim == 1 else np.array(each)

    def _axes(self) -> Iterator[tuple[int, Fraction, Fraction]]:
        return zip(range(self.ndim), self._start, self._step, strict=True)

    def _moment(self, axis: int, order: int, around: Any) -> Any:
        """Expected power of the distance from a place, in steps, which keeps the digits of large values."""
        others = tuple(a for a in range(self.ndim) if a != axis)
        if isinstance(self._weights, exact.Weights):
            counts = self._weights.counts.sum(axis=others).tolist()
            place = Fraction(around)  # integers are added, not fractions
            top = sum(
                (i * place.denominator - place.numerator) ** order * count for i, count in enumerate(counts)
            )
            return Fraction(top, self._weights.total * place.denominator**order)
        weights = self.probabilities.sum(axis=others)
        return math.fsum((np.arange(weights.size) - around) ** order * weights)

    def _central_moment(self, axis: int, order: int) -> Any:
        """Return a central moment in steps of the lattice."""
        return self._moment(axis, order, self._moment(axis, 1, 0))

    def var(self) -> Any:
        """Variance; of several dimensions, an array."""
        variances = [d**2 * Fraction(self._central_moment(a, 2)) for a, _, d in self._axes()]
        each = variances if self.is_exact else [_as_float("the variance", number) for number in variances]
        return each[0] if self.ndim == 1 else np.array(each)

    def std(self) -> Any:
        """Standard deviation."""
        each = [
            _as_float("the standard deviation", d * _root(Fraction(self._central_moment(a, 2))))
            for a, _, d in self._axes()
        ]
        return each[0] if self.ndim == 1 else np.array(each)

    def skewness(self) -> float:
        """Third central moment over the cube of the standard deviation; NaN if there is a single value."""
        self._line("skewness")
        square, cube = (Fraction(self._central_moment(0, order)) for order in (2, 3))
        return _as_float("the skewness", cube / (square * _root(square))) if square else math.nan

    def kurtosis(self) -> float:
        """Fourth central moment over the square of the variance, less 3: 0 for a normal distribution.

        It is NaN if there is a single value.
        """
        self._line("kurtosis")
        square, fourth = (Fraction(self._central_moment(0, order)) for order in (2, 4))
        return _as_float("the kurtosis", fourth / square**2) - 3 if square else math.nan

    def entropy(self, base: float = math.e) -> float:
        """Minus the expected logarithm of the probability."""
        weights = self._scaled(self._step)
        positive = weights.mantissa > 0
        bits = -math.fsum(weights.to_floats()[positive] * weights.logarithms[positive])
        return bits * math.log(2) / math.log(base)

    def pmf(self, x: Any) -> Any:
        """Probability of a value (a tuple in several dimensions); 0 off the lattice. Arrays give arrays."""
        if self.ndim == 1 and (values := _read_values(x)).ndim:
            return np.array([self.pmf(value) for value in values.tolist()])
        at = self._index(x)
        if at is None:
            return Fraction(0) if self.is_exact else 0.0
        if isinstance(self._weights, Scaled):
            return math.ldexp(float(self._weights.mantissa[at]), int(self._weights.exponent[at]))
        return Fraction(int(self._weights.counts[at]), self._weights.total)

    def log_pmf(self, x: Any) -> Any:
        """Natural logarithm of the probability, also where it is too small for a float; -inf for 0."""
        if self.ndim == 1 and (values := _read_values(x)).ndim:
            return np.array([self.log_pmf(value) for value in values.tolist()])
        at = self._index(x)
        if at is None:
            return -math.inf
        if not isinstance(self._weights, Scaled):
            return exact.logarithm(int(self._weights.counts[at]), self._weights.total)
        mantissa, exponent = float(self._weights.mantissa[at]), int(self._weights.exponent[at])
        return math.log(mantissa) + exponent * math.log(2) if mantissa else -math.inf

    def _index(self, x: Any) -> tuple[int, ...] | None:
        point = read_point("x", x, self.ndim)
        at = [(p - s) / d for p, s, d in zip(point, self._start, self._step, strict=True)]
        if any(i.denominator != 1 or not 0 <= i < n for i, n in zip(at, self.shape, strict=True)):
            return None
        return tuple(int(i) for i in at)

    def cdf(self, x: Any) -> Any:
        """P(X <= x)."""
        self._line("cdf")
        if (values := _read_values(x)).ndim:
            return np.array([self.cdf(value) for value in values.tolist()])
        return self._sum(slice(0, self._first_above(x)))

    def sf(self, x: Any) -> Any:
        """P(X > x), added up from the tail, so that small ones are right."""
        self._line("sf")
        if (values := _read_values(x)).ndim:
            return np.array([self.sf(value) for value in values.tolist()])
        return self._sum(slice(self._first_above(x), None))

    def at_least(self, x: Any) -> Any:
        """P(X >= x)."""
        self._line("at_least")
        return self._sum(slice(self._first_from(x), None))

    def log_sf(self, x: Any) -> float:
        """Natural logarithm of P(X > x), also where it is too small for a float."""
        self._line("log_sf")
        mantissa, exponent = self._mass(slice(self._first_above(x), None))
        return math.log(mantissa) + exponent * math.log(2) if mantissa else -math.inf

    def _mass(self, part: Any) -> tuple[float, int]:
        """The sum of some weights, from 1/2 to 1 (or 0) times a power of two, also beyond floats."""
        weights = self._part(part)
        if isinstance(weights, exact.Weights):
            return exact.ratio(sum(weights.counts.tolist()), weights.total)
        inside = weights.mantissa > 0
        if not inside.any():
            return 0.0, 0
        most = int(weights.exponent[inside].max())
        mantissa, more = math.frexp(math.fsum(weights.to_floats(most)))
        return mantissa, most + more

    def _first_above(self, x: Any) -> int:
        """Index of the first lattice point that is larger."""
        return max(math.floor((rational("x", x) - self._start[0]) / self._step[0]) + 1, 0)

    def _first_from(self, x: Any) -> int:
        """Index of the first lattice point that is as large or larger."""
        return max(math.ceil((rational("x", x) - self._start[0]) / self._step[0]), 0)

    def _sum(self, part: Any) -> Any:
        if isinstance(self._weights, Scaled):
            return min(math.fsum(self.probabilities[part]), 1.0)
        return Fraction(sum(int(count) for count in self._weights.counts[part]), self._weights.total)

    def quantile(self, q: float | Fraction) -> Any:
        """The smallest value x with P(X <= x) >= q; a float q is read as a decimal, 0.9 as 9/10."""
        points = self._line("quantile")
        read_chance("q", q)
        level = rational("q", q)
        return points[[self._place_of(level)]].tolist()[0]

    def _place_of(self, level: Fraction) -> int:
        """The index of a quantile; what differs from the level by no more than the error is equal to it."""
        weights, size = self._weights, self.shape[0]
        if isinstance(weights, exact.Weights):
            wanted = math.ceil(level * weights.total)
            return bisect.bisect_left(np.cumsum(weights.counts).tolist(), wanted) if level else 0
        if level in (0, 1):
            return 0 if level == 0 else size - 1
        off = Fraction(self._error) + Fraction(1, 2**50)
        if level <= Fraction(1, 2):
            return int(np.count_nonzero(~_reaches(cumulated(weights), level * (1 - off))[:-1]))
        # Beyond the middle tails are added up from the other end, where their digits are.
        turned = Scaled(weights.mantissa[::-1], weights.exponent[::-1])
        most = (1 - level) * (1 + off)
        return int(np.count_nonzero(_reaches(cumulated(turned), most, above=True)[:-1]))

    def median(self) -> Any:
        """The smallest value that half of the mass does not exceed."""
        return self.quantile(Fraction(1, 2) if self.is_exact else 0.5)

    def interval(self, level: float = 0.95) -> tuple[Any, Any]:
        """The values between which so much of the mass lies, as much beyond either."""
        read_chance("level", level)
        inside = rational("level", level)
        return self.quantile((1 - inside) / 2), self.quantile((1 + inside) / 2)

    def mode(self) -> Any:
        """The likeliest value, the smallest of them."""
        weights = self._weights
        logs = weights.logarithms if isinstance(weights, Scaled) else weights.counts
        return self._points(np.array([np.unravel_index(int(np.argmax(logs)), self.shape)]))[0]

    def sample(self, rng: Seed = None, size: int | None = None) -> Any:
        """Draw random values.

        Parameters
        ----------
        rng : int, numpy.random.Generator or SeedSequence, optional
            A seed, for the same values each time, or the generator that draws; by default others each time.
        size : int, optional
            How many values; by default one, without an axis.

        Returns
        -------
        scalar or numpy.ndarray, shape (size,) or (size, dimensions)

        Examples
        --------
        >>> from fftconv.probability import die
        >>> bool((die(6).sample(7, size=10) == die(6).sample(7, size=10)).all())
        True
        """
        generator = make_generator("rng", rng)
        count = 1 if size is None else check_count("size", size, 0)
        if count > MOST_POINTS:
            raise ValueError(f"size={in_digits(count)} is not accepted; draw at most {MOST_POINTS} at once")
        flat = self.probabilities.astype(float).ravel()
        drawn = generator.choice(flat.size, count, p=flat / flat.sum())
        points = self._at(np.stack(np.unravel_index(drawn, self.shape), axis=1))
        return points[0] if size is None else points

    def condition(self, holds: Callable[[Any], bool]) -> Pmf:
        """Given that the value (in several dimensions, the tuple) passes a test, a function."""
        check_steps(16, math.prod(self.shape), "condition")
        kept = np.zeros(self.shape, bool)
        places = np.argwhere(self._positive())
        answers = [holds(point) for point in self._points(places)]
        check_array_kind("holds(x)", answers)
        kept[tuple(places.T)] = list(map(bool, answers))
        if not kept.any():
            raise ValueError("condition holds for no value of the support, so nothing is left")
        return self._given(kept)

    def truncate(self, low: Any = None, high: Any = None) -> Pmf:
        """Given that low <= X <= high."""
        self._line("truncate")
        first = 0 if low is None else self._first_from(low)
        stop = self.shape[0] if high is None else self._first_above(high)
        kept = np.zeros(self.shape, bool)
        kept[first:stop] = True
        if not (kept & self._positive()).any():
            raise ValueError(f"no value of the support lies from {shown(low)} to {shown(high)}")
        return self._given(kept)

    def _given(self, kept: Array) -> Pmf:
        if isinstance(self._weights, Scaled):
            mantissa = np.where(kept, self._weights.mantissa, 0.0)
            rest: Scaled | exact.Weights = _with_mass_one(Scaled(mantissa, self._weights.exponent))
        else:
            counts = np.where(kept, self._weights.counts, 0)
            rest = exact.Weights(counts, sum(int(count) for count in counts.flat))
        return self._of(rest, self._start, self._step, self._accuracy, 2 * self._error)

    def _compared(self, sign: str) -> Pmf:
        """1 where the value compares to 0 like this, otherwise 0; a Bernoulli variable."""
        below, above = self._first_from(0), self._first_above(0)
        chosen = np.zeros(self.shape, bool)
        chosen[below:above] = sign in (">=", "<=", "=")
        chosen[:below] = sign in ("<", "<=", "!=")
        chosen[above:] = sign in (">", ">=", "!=")
        start, step = (Fraction(0),), (Fraction(1),)
        if isinstance(self._weights, exact.Weights):
            yes = sum(self._weights.counts[chosen].tolist())
            counts = np.array([self._weights.total - yes, yes], object)
            return self._of(exact.Weights(counts, self._weights.total), start, step, self._accuracy, 0.0)
        masses = [self._mass(~chosen), self._mass(chosen)]  # each added up, so that both keep their digits
        weights = Scaled(np.array([m for m, _ in masses]), np.array([e for _, e in masses], np.int64))
        return self._of(weights, start, step, self._accuracy, self._error + 2.0**-52)

    def plot(self, ax: Any = None) -> Any:
        """Draw bars (an image in two dimensions) into Matplotlib axes, which are returned.

        Needs Matplotlib: ``pip install "fftconv[plot]"``.
        """
        from fftconv.probability.drawing import draw

        return draw(self, ax)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Pmf):
            return NotImplemented
        same_lattice = (self._start, self._step, self.shape) == (other._start, other._step, other.shape)
        return same_lattice and bool(np.array_equal(self.probabilities, other.probabilities))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        if self.ndim > 1:
            return f"Pmf({' x '.join(map(str, self.shape))} points from {tuple(map(str, self._start))})"
        ends = self._start[0], self._start[0] + self._step[0] * (self.shape[0] - 1)
        kind = "exact" if self.is_exact else f"relative error at most {self._error:.1g}"
        if max(map(abs, ends)) > 10**150:  # whose squares no float holds
            return f"Pmf({in_digits(int(ends[0]))} to {in_digits(int(ends[1]))}, {kind})"
        first, last = (end.numerator if end.denominator == 1 else float(end) for end in ends)
        return f"Pmf({first} to {last}, mean {float(self.mean()):.6g}, std {self.std():.6g}, {kind})"


def _lattice_of(
    keys: Sequence[Any],
) -> tuple[list[Fraction], list[Fraction], list[int], Iterator[tuple[int, ...]]]:
    """The coarsest lattice of some values or tuples of them: start, step, shape, and the place of each."""
    tuples = [key if isinstance(key, tuple) else (key,) for key in keys]
    if len({len(key) for key in tuples}) > 1:
        raise ValueError("weights has keys of different lengths; pass a number, or as many for each")
    lines = list(
        zip(*([rational("a key of weights", part) for part in key] for key in tuples), strict=True)
    )
    start = [min(line) for line in lines]
    step = [common(part - low for part in line) for line, low in zip(lines, start, strict=True)]
    shape = [int((max(line) - s) / d) + 1 for line, s, d in zip(lines, start, step, strict=True)]
    check_size(shape, "weights")
    each = [[int((part - s) / d) for part in line] for line, s, d in zip(lines, start, step, strict=True)]
    return start, step, shape, zip(*each, strict=True)


def _read_values(x: Any) -> Array:
    values = read_plain("x", x)
    if values.ndim and values.dtype.kind not in "biufcO":
        refuse_dtype("x", x, values)
    return values


def _refuse_sources(probabilities: Any) -> None:
    """Name the class method that makes a distribution of something else than an array."""
    check_array_kind("probabilities", probabilities)
    if isinstance(probabilities, Pmf):
        raise TypeError("probabilities is a Pmf; use it as it is")
    for is_such, method in (
        (isinstance(probabilities, Mapping), "from_dict"),
        (isinstance(probabilities, str), "parse"),
        (hasattr(probabilities, "pmf") and hasattr(probabilities, "support"), "from_scipy"),
    ):
        if is_such:
            kind = type(probabilities).__name__
            raise TypeError(
                f"probabilities is a {kind}, which is no array; call Pmf.{method}(probabilities)"
            )


class _Plan(NamedTuple):
    """The size, depth and error of a sum, found before it is computed."""

    step: tuple[Fraction, ...]
    shape: tuple[int, ...]
    depth: float  # see Scaled.depth
    bits: int  # of exact numbers, 0 of floats
    error: float

    @classmethod
    def of(cls, variable: Pmf) -> _Plan:
        weights = variable._weights
        if isinstance(weights, Scaled):
            return cls(variable.step, variable.shape, weights.depth(), 0, variable.relative_error)
        bits = weights.total.bit_length()
        return cls(variable.step, variable.shape, 2.0 * bits, bits, 0.0)

    def plus(self, other: _Plan, tolerance: float) -> _Plan:
        """Return the plan of the sum of two variables, whose convolution has this tolerance."""
        step, sizes = self.step, [self.shape, other.shape]
        if step != other.step:
            step = tuple(map(common, zip(self.step, other.step, strict=True)))
            sizes = [
                tuple(int((n - 1) * (a / d)) + 1 for n, a, d in zip(x.shape, x.step, step, strict=True))
                for x in (self, other)
            ]
        shape = tuple(n + m - 1 for n, m in zip(*sizes, strict=True))
        depth = self.depth + other.depth
        if self.bits and other.bits:
            return _Plan(step, shape, depth, self.bits + other.bits, 0.0)
        made = least_error(tolerance, min(map(math.prod, sizes)))
        error = (1 + self.error + other.error) * (1 + made) - 1 + 2.0**-50
        return _Plan(step, shape, depth, 0, error)

    def check(self, accuracy: float, what: str) -> None:
        """Refuse what takes too long, or can't be accurate enough."""
        check_size(self.shape, what)
        if math.prod(self.shape) == 1:
            return
        if self.bits:
            check_product(self.shape, self.bits, what)
        else:
            check_work(self.shape, self.depth, what)
            _check_accuracy(accuracy, self.error, what)


def _check_sum(variables: Sequence[Pmf], tolerance: float, accuracy: float) -> None:
    """Plan the additions that `sum_independent` makes, and refuse too many before any is made."""
    check_steps(A_VARIABLE, len(variables), "the sum", "variable")
    if len({variable.ndim for variable in variables}) > 1:
        return  # which the first addition refuses
    numbers = itertools.count()
    heap = [(math.prod(x.shape), next(numbers), _Plan.of(x)) for x in variables]
    heapq.heapify(heap)
    while len(heap) > 1:
        both = heapq.heappop(heap)[2].plus(heapq.heappop(heap)[2], tolerance)
        heapq.heappush(heap, (math.prod(both.shape), next(numbers), both))
    if len(variables) > 1:
        heap[0][2].check(accuracy, "the sum")


def _reach(log_beyond: Callable[[int], float], lost_mass: float, what: str) -> int:
    """The least distance beyond which at most half of what may be lost lies."""
    allowed = math.log(lost_mass) - math.log(2)
    most = 1
    while not log_beyond(most) <= allowed:
        most *= 2
        check_size([most], what)
    return bisect.bisect_left(range(most + 1), True, key=lambda far: log_beyond(far) <= allowed)


def _adds_up(distribution: Any) -> bool:
    """Whether scipy.stats adds up all probabilities below a value for its distribution function."""
    from scipy.stats import rv_discrete

    return getattr(type(getattr(distribution, "dist", None)), "_cdf", None) is rv_discrete._cdf


def _read_frozen(distribution: Any) -> tuple[str, dict[str, Any]]:
    """The name of a frozen distribution of scipy.stats, and its parameters by their names."""
    family = getattr(distribution, "dist", None)
    if family is None:  # one of another make
        return type(distribution).__name__, {}
    names = [*(family.shapes or "").replace(" ", "").split(","), "loc"]
    given = dict(zip(filter(None, names), distribution.args, strict=False)) | distribution.kwds
    return family.name, {name: _plain(value) for name, value in given.items()}


def _plain(value: Any) -> Any:
    """A number out of an array that holds no other."""
    return np.asarray(value).ravel()[0] if isinstance(value, np.ndarray) and value.ndim == 0 else value


def _reaches(sums: Scaled, level: Fraction, *, above: bool = False) -> Array:
    """Tell which numbers are at least a level, or above it."""
    mantissa, exponent = exact.ratio(level.numerator, level.denominator)
    compare = np.greater if above else np.greater_equal
    same = (sums.exponent == exponent) & compare(sums.mantissa, mantissa)
    return np.asarray((sums.mantissa > 0) & ((sums.exponent > exponent) | same))


def _root(square: Fraction) -> Fraction:
    """The square root to the digits of a float, of a number that may be too small for one."""
    mantissa, exponent = exact.ratio(square.numerator, square.denominator)
    half, odd = divmod(exponent, 2)
    return Fraction(math.sqrt(mantissa * 2**odd)) * Fraction(2) ** half


def _as_float(what: str, number: Fraction) -> float:
    try:
        return float(number)
    except OverflowError:
        raise OverflowError(
            f"{what} is about {in_digits(int(number))}, beyond all floats; scale the distribution down"
        ) from None


def _check_accuracy(accuracy: Any, error: float, what: str) -> float:
    """A largest relative error that is accepted, and not exceeded by this one."""
    accuracy = read_scalar("accuracy", accuracy)
    if not isinstance(accuracy, (float, np.floating)) or not 0 < accuracy < 1:
        raise ValueError(
            f"accuracy={shown(accuracy)} is not accepted; pass a number between 0 and 1, as 1e-9"
        )
    if error > accuracy:
        raise ArithmeticError(
            f"{what} could be off by {error:.2g}, more than accuracy={accuracy:.2g}; pass accuracy= "
            f"with a larger number where distributions are made, or make exact ones (of Fractions)"
        )
    return float(accuracy)


def _check_lost_mass(lost_mass: Any) -> float:
    lost_mass = read_scalar("lost_mass", lost_mass)
    if not isinstance(lost_mass, (float, np.floating)) or not 0 < lost_mass < 1:
        raise ValueError(f"lost_mass={shown(lost_mass)} is not accepted; pass a number between 0 and 1")
    return float(lost_mass)


def sum_independent(variables: Iterable[Pmf]) -> Pmf:
    """The distribution of the sum of independent variables: the smallest first, so that work is balanced.

    Examples
    --------
    >>> from fftconv.probability import die, sum_independent
    >>> sum_independent([die(4), die(6), die(8)]).mean()
    10.5
    """
    heap: list[tuple[int, int, Pmf]] = []
    numbers = itertools.count()
    for variable in read_list("variables", variables, "a list of Pmfs"):
        if not isinstance(variable, Pmf):
            raise TypeError(f"variables holds {shown(variable)}, accepted are Pmfs")
        heap.append((math.prod(variable.shape), next(numbers), variable))
    if not heap:
        raise ValueError("variables is empty; pass at least one Pmf")
    heapq.heapify(heap)
    accuracy = min(item[2].accuracy for item in heap)
    share = accuracy / (2 * len(heap))
    _check_sum([item[2] for item in heap], share, accuracy)
    while len(heap) > 1:
        one, other = heapq.heappop(heap)[2], heapq.heappop(heap)[2]
        both = one._plus(other, share)
        heapq.heappush(heap, (math.prod(both.shape), next(numbers), both))
    return heap[0][2]


def _read_floats(given: Array, *, normalise: bool) -> tuple[Scaled, float]:
    """Return the weights and their relative error; floats that add up to 1 are not divided."""
    values = given.astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError("probabilities hold a NaN or an infinity; pass finite numbers")
    if (values < 0).any():
        first = first_index(values < 0)
        raise ValueError(f"probabilities hold {values[first]} at index {first}; none may be negative")
    total = math.fsum(values.ravel())
    exact.check_mass(total, _MASS, normalise=normalise)
    return _with_mass_one(scaled(values)), 2.0**-52 if normalise and total != 1 else 0.0


def _with_mass_one(weights: Scaled) -> Scaled:
    power = int(weights.exponent[weights.mantissa > 0].max())
    total = math.fsum(weights.to_floats(power).ravel())
    return scaled(weights.mantissa / total, weights.exponent - power)
