"""`compare_sizes`: which method is fastest from size to size, and which one the plan takes."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from fftconv._arguments import read_shape
from fftconv._arrays import check_array_kind
from fftconv._checks import (
    MOST_TAPS,
    Seed,
    check_choice,
    check_count,
    check_finite,
    check_taps,
    make_generator,
)
from fftconv._geometry import Mode
from fftconv._names import Boundary
from fftconv._plan import format_seconds, format_shape
from fftconv.comparison.timing import time_in_turns
from fftconv.convolution import convolve
from fftconv.planning import plan_convolution

Shape = tuple[int, ...]

_METHODS = ("direct", "overlap_save", "fft")  # that take any kernel


@dataclass(frozen=True, slots=True, repr=False)
class SizeComparison:
    """What `compare_sizes` found; rows are signals, columns kernels.

    Attributes
    ----------
    signal_shapes, kernel_shapes : tuple of tuple of int
        The sizes.
    methods : tuple of str
        The methods that were compared.
    seconds : dict of str to list of list of (float or None)
        Measured medians; None where a method was predicted to be too slow to be timed.
    predicted : dict of str to list of list of float
        What the plan said.
    dtype : str
        Of the arrays.
    """

    signal_shapes: tuple[Shape, ...]
    kernel_shapes: tuple[Shape, ...]
    methods: tuple[str, ...]
    seconds: dict[str, list[list[float | None]]]
    predicted: dict[str, list[list[float]]]
    dtype: str

    @property
    def fastest(self) -> list[list[str]]:
        """The method that took the least time."""
        return self._least(self.seconds)

    @property
    def planned(self) -> list[list[str]]:
        """The one of these methods that the plan takes."""
        return self._least(self.predicted)

    @property
    def regret(self) -> float:
        """How much longer the plan's choices took than the fastest ones, as a geometric mean."""
        ratios = []
        for row, (best, chosen) in enumerate(zip(self.fastest, self.planned, strict=True)):
            for column, (fast, taken) in enumerate(zip(best, chosen, strict=True)):
                ratios.append(self._of(taken, row, column) / self._of(fast, row, column))
        return math.exp(sum(map(math.log, ratios)) / len(ratios))

    def _of(self, method: str, row: int, column: int) -> float:
        seconds = self.seconds[method][row][column]
        assert seconds is not None
        return seconds

    def _least(self, table: Any) -> list[list[str]]:
        return [
            [
                min(
                    self.methods,
                    key=lambda name: math.inf if (at := table[name][row][column]) is None else at,
                )
                for column in range(len(self.kernel_shapes))
            ]
            for row in range(len(self.signal_shapes))
        ]

    def plot(self) -> Any:
        """Draw which method is fastest beside which one the plan takes.

        Returns
        -------
        matplotlib.figure.Figure
        """
        from fftconv.comparison.drawing import draw_sizes  # Matplotlib is not always there

        return draw_sizes(self)

    def to_dict(self) -> dict[str, Any]:
        """The comparison as strings, numbers, lists and dicts, ready for JSON."""
        return {
            "signal_shapes": [list(shape) for shape in self.signal_shapes],
            "kernel_shapes": [list(shape) for shape in self.kernel_shapes],
            "methods": list(self.methods),
            "dtype": self.dtype,
            "seconds": self.seconds,
            "predicted": self.predicted,
            "fastest": self.fastest,
            "planned": self.planned,
            "regret": self.regret,
        }

    def rows(self) -> list[list[str]]:
        """The table as text: signals down, kernels across, the fastest with its time; * if not planned."""
        head = ["", *(format_shape(shape) for shape in self.kernel_shapes)]
        body = []
        for row, shape in enumerate(self.signal_shapes):
            cells = [format_shape(shape)]
            for column, best in enumerate(self.fastest[row]):
                mark = "" if best == self.planned[row][column] else "*"
                cells.append(f"{best}{mark} {format_seconds(self._of(best, row, column))}")
            body.append(cells)
        return [head, *body]

    def legend(self) -> str:
        return (
            f"the fastest of {', '.join(self.methods)}, in {self.dtype}; * where the plan takes another "
            f"one; its choices take {self.regret:.2f} times as long, as a geometric mean"
        )

    def __repr__(self) -> str:
        rows = self.rows()
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines = [
            "  ".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows
        ]
        return "\n".join(["SizeComparison", *(f"  {line}" for line in lines), f"  {self.legend()}"])

    def _repr_html_(self) -> str:
        head, *body = self.rows()
        lines = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
        table = f"<tr>{lines}</tr>" + "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in body
        )
        return f"<table>{table}</table><div style='font-size:smaller'>{html.escape(self.legend())}</div>"


def compare_sizes(
    signals: Sequence[int | Sequence[int]],
    kernels: Sequence[int | Sequence[int]],
    *,
    methods: Sequence[str] = _METHODS,
    dtype: DTypeLike = np.float64,
    mode: Mode = "full",
    boundary: Boundary = "zero",
    repeats: int = 3,
    workers: int | None = None,
    max_ratio: float = 20.0,
    seed: Seed = 0,
) -> SizeComparison:
    """Time methods on random arrays of many sizes, and see where they cross.

    Parameters
    ----------
    signals, kernels : sequence of int or of tuple of int
        Shapes; a number is the length of one axis. All have as many axes.
    methods : sequence of str, default ("direct", "overlap_save", "fft")
        Those that take any kernel.
    dtype : dtype, default float64
        Of both arrays: real or complex floats.
    mode, boundary, workers
        As in `convolve`.
    repeats : int, default 3
        Turns that each method takes.
    max_ratio : float, default 20
        A method that is predicted to take so many times as long as the fastest one is not timed.
    seed : int, numpy.random.Generator or SeedSequence, or None, default 0
        Of the random numbers.

    Returns
    -------
    SizeComparison
        Printed as a table; ``.plot()`` draws the map.

    Raises
    ------
    ValueError, TypeError
        As `plan_convolution`, and for methods that do not take any kernel.

    Examples
    --------
    >>> import fftconv
    >>> found = fftconv.compare_sizes([1000, 30_000], [3, 3000], repeats=1)
    >>> found.planned
    [['direct', 'overlap_save'], ['direct', 'overlap_save']]
    """
    repeats = check_count("repeats", repeats)
    ratio = check_finite("max_ratio", max_ratio)
    if ratio < 1:
        raise ValueError(f"max_ratio={max_ratio!r} is not accepted; pass a number from 1")
    if not isinstance(methods, Iterable) or isinstance(methods, str):
        raise TypeError(f"methods={methods!r} is not accepted; pass a sequence of some of {_METHODS}")
    for name in (methods := tuple(methods)):
        check_choice("methods", name, _METHODS)
    chosen = tuple(dict.fromkeys(methods))
    if not chosen:
        raise ValueError("methods is empty; pass at least one")
    rng = make_generator("seed", seed)
    shapes = _shapes("signals", signals), _shapes("kernels", kernels)
    axes = {len(shape) for each in shapes for shape in each}
    if len(axes) > 1:
        raise ValueError(
            f"signals={signals!r} and kernels={kernels!r} have {' and '.join(map(str, sorted(axes)))} "
            f"axes; give all equally many"
        )
    try:
        number = np.dtype(dtype)
    except (TypeError, ValueError):
        raise TypeError(
            f"dtype={dtype!r} is not accepted; pass a dtype of real or complex floats"
        ) from None
    if number.kind not in "fc":
        raise TypeError(f"dtype={dtype!r} is not accepted; pass a dtype of real or complex floats")
    options: dict[str, Any] = {"mode": mode, "boundary": boundary, "workers": workers}
    seconds: dict[str, list[list[float | None]]] = {name: [] for name in chosen}
    predicted: dict[str, list[list[float]]] = {name: [] for name in chosen}
    for signal_shape in shapes[0]:
        for name in chosen:
            seconds[name].append([])
            predicted[name].append([])
        signal = rng.standard_normal(signal_shape).astype(number)
        for kernel_shape in shapes[1]:
            kernel = rng.standard_normal(kernel_shape).astype(number)
            plan = plan_convolution(signal_shape, kernel_shape, dtype=number, **options)
            expected = {item.method: item.seconds or math.inf for item in plan.candidates}
            least = min(expected[name] for name in chosen)
            runners = {
                name: _runner(signal, kernel, name, options)
                for name in chosen
                if expected[name] <= ratio * least
            }
            timings = time_in_turns(runners, repeats)
            for name in chosen:
                predicted[name][-1].append(expected[name])
                seconds[name][-1].append(timings[name].median if name in timings else None)
    return SizeComparison(*shapes, chosen, seconds, predicted, str(number))


def _runner(signal: Any, kernel: Any, method: Any, options: dict[str, Any]) -> Any:
    return lambda: convolve(signal, kernel, method=method, **options)


def _shapes(name: str, values: Sequence[int | Sequence[int]]) -> tuple[Shape, ...]:
    check_array_kind(name, values)
    if not isinstance(values, (Sequence, np.ndarray)) or isinstance(values, (str, bytes)):
        raise TypeError(f"{name}={values!r} is not accepted; pass a sequence of lengths, or of shapes")
    if len(values) == 0:
        raise ValueError(f"{name}={values!r} is empty; pass at least one each of signals and kernels")
    shapes = tuple(read_shape(name, value) for value in values)
    for shape in shapes:
        check_taps(name, shape, math.prod(shape), f"pass shorter ones, of {MOST_TAPS} samples at most")
    return shapes
