"""Pictures of comparisons. Matplotlib is imported when one is drawn."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fftconv._pictures import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, RED, SKY, new_figure
from fftconv._plan import format_bytes, format_error, format_seconds, format_shape
from fftconv.planning import plan_convolution

if TYPE_CHECKING:
    from fftconv.comparison.comparing import Comparison, Measurement
    from fftconv.comparison.sizes import SizeComparison

COLOURS = {
    "direct": BLUE,
    "separable": GREEN,
    "running_sum": PURPLE,
    "overlap_save": ORANGE,
    "fft": RED,
    "auto": BLACK,
}
_SWEPT = ("direct", "overlap_save", "fft")
_LONGEST_SWEEP = 24  # lengths of kernels
_LUMINANCE = (0.2126, 0.7152, 0.0722)  # ITU-R BT.709


def draw_comparison(comparison: Comparison) -> Any:
    """Times, errors, memory and the crossover, in one figure."""
    figure = new_figure(12, 2.6 + 0.55 * len(comparison.ran))
    figure.suptitle(comparison.title)
    for ax, draw in zip(figure.subplots(2, 2).flat, PANELS.values(), strict=True):
        draw(ax, comparison)
    return figure


def draw_times(ax: Any, comparison: Comparison) -> None:
    """Medians with quartiles from the fastest down, and what was predicted, on a logarithmic axis."""
    items = comparison.ran
    timings = [item.timing for item in items if item.timing]
    lower, median, upper = (
        [1e3 * getattr(timing, name) for timing in timings] for name in ("lower", "median", "upper")
    )
    places = [place for place, item in enumerate(items) if item.predicted_seconds]
    expected = [1e3 * (items[place].predicted_seconds or 0.0) for place in places]
    ax.hlines(range(len(items)), lower, upper, color=_colours(items), linewidth=2)
    _dots(ax, items, median)
    ax.plot(expected, places, "D", color=BLACK, fillstyle="none", markersize=5, zorder=4)
    _decades(ax, [*lower, *upper, *expected])
    _rows(ax, items, [format_seconds(timing.median) for timing in timings])
    ax.set(xlabel="milliseconds of a call", title="time (◇ predicted)" if places else "time")


def draw_errors(ax: Any, comparison: Comparison) -> None:
    """The largest error of each and the bound, both over the largest output; no mark where it is exact."""
    items = [item for item in comparison.ran if item.relative_error is not None]
    errors = [item.relative_error or 0.0 for item in items]
    bound = comparison.relative_error_bound
    limits = [bound] if bound is not None and 0 < bound < math.inf else []
    _dots(ax, items, [error or math.nan for error in errors])
    for limit in limits:
        ax.axvline(limit, color=BLACK, linewidth=1, linestyle="--")
    _decades(ax, [*errors, *limits])
    _rows(ax, items, [format_error(error) for error in errors])
    title = "error (dashed: bound of the plan)" if limits else "error"
    ax.set(xlabel="largest error, over the largest output", title=title)


def draw_memory(ax: Any, comparison: Comparison) -> None:
    """Working memory of each, as bars from 0."""
    items = [item for item in comparison.ran if item.bytes is not None]
    if not items:
        ax.text(0.5, 0.5, "not measured", transform=ax.transAxes, ha="center", va="center", color=GREY)
        ax.set_xticks([])
    sizes = [item.bytes or 0 for item in items]
    ax.barh(range(len(items)), [size / 2**20 for size in sizes], color=_colours(items), height=0.7)
    _rows(ax, items, [format_bytes(size) for size in sizes])
    ax.set(xlabel="MiB at the peak, beyond arrays in and out", title="memory")


def draw_crossover(ax: Any, comparison: Comparison) -> None:
    """What is predicted for this signal and other kernels, and what was measured for this one."""
    plan = comparison.plan
    factors = np.unique(
        np.geomspace(1, max(_reach(plan.kernel_shape, plan.axes)), _LONGEST_SWEEP).astype(int)
    )
    lines: dict[str, list[float]] = {name: [] for name in _SWEPT}
    for taps in factors:
        shape = tuple(int(taps) if axis in plan.axes else 1 for axis in range(len(plan.signal_shape)))
        other = plan_convolution(
            plan.signal_shape,
            shape,
            dtype=plan.dtype,
            mode=plan.mode if plan.mode != "valid" else "same",  # type: ignore[arg-type]
            boundary=plan.boundary,  # type: ignore[arg-type]
            axes=plan.axes,
            workers=plan.workers,
        )
        for candidate in other.candidates:
            if candidate.method in lines:
                seconds = candidate.seconds or math.nan
                lines[candidate.method].append(1e3 * seconds)
    for name, line in lines.items():
        ax.loglog(factors, line, color=COLOURS[name], label=f"{name}, predicted")
    here = math.prod(plan.kernel_shape) ** (1 / len(plan.axes))
    for item in comparison.ran:
        if item.library == "fftconv" and item.timing:
            ax.plot(here, item.timing.median * 1e3, "o", color=COLOURS[item.name], markeredgecolor="white")
    ax.axvline(here, color=GREY, linewidth=0.8, linestyle=":")
    side = "taps" if len(plan.axes) == 1 else "taps along each axis"
    ax.set(xlabel=f"{side} of the kernel (points: measured)", ylabel="milliseconds", title="crossover")
    ax.legend(frameon=False, fontsize="small")
    tidy(ax)


PANELS: dict[str, Callable[[Any, Comparison], None]] = {
    "time": draw_times,
    "error": draw_errors,
    "memory": draw_memory,
    "crossover": draw_crossover,
}


def draw_sizes(sizes: SizeComparison) -> Any:
    """Two maps of sizes, coloured by method: the fastest one measured, and the plan's."""
    figure = new_figure(11, 1.8 + 0.5 * len(sizes.signal_shapes))
    numbers = {name: number for number, name in enumerate(sizes.methods)}
    for ax, table, title in zip(
        figure.subplots(1, 2, sharey=True),
        (sizes.fastest, sizes.planned),
        ("fastest, measured", "taken by the plan"),
        strict=True,
    ):
        shown = np.array([[_rgb(COLOURS[name]) for name in row] for row in table])
        ax.imshow(shown, aspect="auto", origin="lower")
        ax.set_xticks(range(len(sizes.kernel_shapes)), _labels(sizes.kernel_shapes), rotation=45)
        ax.set_yticks(range(len(sizes.signal_shapes)), _labels(sizes.signal_shapes))
        ax.set(title=title, xlabel="kernel")
        for row, column in np.ndindex(shown.shape[:2]):
            seconds = sizes.seconds[table[row][column]][row][column]
            text = "" if seconds is None else format_seconds(seconds)
            ink = "white" if shown[row, column] @ _LUMINANCE < 0.5 else "black"
            ax.text(column, row, text, ha="center", va="center", color=ink, fontsize="x-small")
        ax.set_xticks(np.arange(shown.shape[1] + 1) - 0.5, minor=True)
        ax.set_yticks(np.arange(shown.shape[0] + 1) - 0.5, minor=True)
        ax.grid(which="minor", color="white", linewidth=1.5)
        ax.tick_params(which="both", length=0)
        ax.spines[:].set_visible(False)
    figure.axes[0].set_ylabel("signal")
    patches = [figure.axes[0].plot([], [], "s", color=COLOURS[name], label=name)[0] for name in numbers]
    figure.legend(handles=patches, loc="outside lower center", ncols=len(patches), frameon=False)
    return figure


def tidy(ax: Any) -> None:
    """Without lines that say nothing."""
    ax.spines[["top", "right"]].set_visible(False)


def _colours(items: Sequence[Measurement]) -> list[str]:
    return [COLOURS.get(item.name, SKY) for item in items]


def _dots(ax: Any, items: Sequence[Measurement], values: list[float]) -> None:
    """One dot a row: a length from zero would mean nothing on a logarithmic axis."""
    ax.scatter(values, range(len(items)), s=45, c=_colours(items), zorder=3)


def _decades(ax: Any, values: Sequence[float]) -> None:
    """Make the axis logarithmic, with whole powers of ten around all values that are positive."""
    positive = [value for value in values if 0 < value < math.inf]
    least, most = (min(positive), max(positive)) if positive else (0.1, 1.0)
    ax.set_xscale("log")
    ax.set_xlim(10 ** math.floor(math.log10(least / 1.5)), 10 ** math.ceil(math.log10(most * 1.5)))
    ax.grid(axis="x", color="#dddddd", linewidth=0.8)
    ax.set_axisbelow(True)


def _rows(ax: Any, items: Sequence[Measurement], labels: Sequence[str]) -> None:
    """Name the rows on the left, and write what they show on the right, outside of the axes."""
    ax.set_ylim(max(len(items), 1) - 0.5, -0.5)
    ax.set_yticks(range(len(items)), [_short(item) for item in items])
    for place, label in enumerate(labels):
        ax.text(1.02, place, label, transform=ax.get_yaxis_transform(), va="center", fontsize="small")
    tidy(ax)


def _short(item: Measurement) -> str:
    return item.name if item.library == "fftconv" else item.name.replace("scipy.", "", 1)


def _reach(kernel_shape: tuple[int, ...], axes: tuple[int, ...]) -> list[int]:
    return [max(8 * kernel_shape[axis], 256 if len(axes) == 1 else 32) for axis in axes]


def _rgb(colour: str) -> tuple[float, ...]:
    return tuple(int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))


def _labels(shapes: Any) -> list[str]:
    return [format_shape(shape) for shape in shapes]
