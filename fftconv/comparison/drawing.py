"""Pictures of comparisons. Matplotlib is imported when one is drawn."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from fftconv._pictures import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, RED, SKY, new_figure
from fftconv._plan import format_bytes, format_seconds, format_shape
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
_WIDE = 20  # times from the shortest to the longest, beyond which short bars would vanish
_LUMINANCE = (0.2126, 0.7152, 0.0722)  # ITU-R BT.709


def draw_comparison(comparison: Comparison) -> Any:
    """Times, errors, memory and the crossover, in one figure."""
    figure = new_figure(11, 2.6 + 0.55 * len(comparison.ran))
    figure.suptitle(comparison.title)
    for ax, draw in zip(figure.subplots(2, 2).flat, PANELS.values(), strict=True):
        draw(ax, comparison)
    return figure


def draw_times(ax: Any, comparison: Comparison) -> None:
    """Bars from the fastest down, with quartiles, and what was predicted."""
    items = comparison.ran
    medians = [item.timing.median * 1e3 for item in items if item.timing]
    spans = [
        [(item.timing.median - item.timing.lower) * 1e3 for item in items if item.timing],
        [(item.timing.upper - item.timing.median) * 1e3 for item in items if item.timing],
    ]
    _bars(ax, items, medians, [format_seconds(each / 1e3) for each in medians])
    ax.errorbar(medians, range(len(items)), xerr=spans, fmt="none", ecolor=BLACK, capsize=3, linewidth=1)
    places = [place for place, item in enumerate(items) if item.predicted_seconds is not None]
    expected = [items[place].predicted_seconds or 0.0 for place in places]
    ax.plot([1e3 * each for each in expected], places, "D", color=BLACK, markersize=4)
    if max(medians) > _WIDE * min(medians):
        ax.set_xscale("log")
        ax.set_xlim(min([*medians, *(1e3 * each for each in expected)]) / 2, max(medians) * 8)
    ax.set(xlabel="milliseconds of a call", title="time (◆ predicted)" if places else "time")


def draw_errors(ax: Any, comparison: Comparison) -> None:
    """The largest error of each, over the largest output; nothing where it is exact."""
    items = [item for item in comparison.ran if item.relative_error is not None]
    errors = [item.relative_error or 0.0 for item in items]
    least = min([error for error in errors if error] or [1.0])
    _bars(ax, items, errors, [f"{error:.1e}" if error else "exact" for error in errors])
    ax.set_xscale("log")
    ax.set_xlim(least / 10, max([*errors, least]) * 30)
    ax.set(xlabel="largest error, over the largest output", title="error")


def draw_memory(ax: Any, comparison: Comparison) -> None:
    """Working memory of each."""
    items = [item for item in comparison.ran if item.bytes is not None]
    if not items:
        ax.text(0.5, 0.5, "not measured", transform=ax.transAxes, ha="center", va="center", color=GREY)
    sizes = [item.bytes or 0 for item in items]
    _bars(ax, items, [size / 2**20 for size in sizes], [format_bytes(size) for size in sizes])
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


def _bars(ax: Any, items: Any, values: list[float], labels: list[str]) -> None:
    """From the top down, with what they mean in words at their ends."""
    colours = [COLOURS.get(item.name, SKY) for item in items]
    bars = ax.barh(range(len(items)), values, color=colours, height=0.7)
    ax.bar_label(bars, labels, padding=8, fontsize="small")
    ax.margins(x=0.25)
    ax.set_yticks(range(len(items)), [_short(item) for item in items])
    ax.invert_yaxis()
    tidy(ax)


def _short(item: Measurement) -> str:
    return item.name if item.library == "fftconv" else item.name.replace("scipy.", "", 1)


def _reach(kernel_shape: tuple[int, ...], axes: tuple[int, ...]) -> list[int]:
    return [max(8 * kernel_shape[axis], 256 if len(axes) == 1 else 32) for axis in axes]


def _rgb(colour: str) -> tuple[float, ...]:
    return tuple(int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))


def _labels(shapes: Any) -> list[str]:
    return [format_shape(shape) for shape in shapes]
