"""Pictures of distributions; Matplotlib is imported when one is drawn."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fftconv._pictures import import_matplotlib

if TYPE_CHECKING:
    from fftconv.probability.density import Density
    from fftconv.probability.pmf import Pmf

_COLOUR = "#0072B2"  # one that colour-blind readers tell apart
_SHARE = 1e-6  # of the largest probability, below which bars are not drawn
_EIGHTHS = " ▏▎▍▌▋▊▉"


def draw(variable: Pmf, ax: Any) -> Any:
    """See `Pmf.plot`."""
    if variable.ndim > 2:
        raise ValueError(f"plot draws one or two dimensions, this distribution has {variable.ndim}")
    axes = _axes(ax)
    points, steps = [variable._axis(a).astype(float) for a in range(variable.ndim)], variable.step
    heights = variable.probabilities.astype(float)
    if variable.ndim == 1:
        shown = heights >= _SHARE * heights.max()
        axes.bar(points[0][shown], heights[shown], width=0.9 * float(steps[0]), color=_COLOUR)
        axes.set(xlabel="value", ylabel="probability")
        axes.spines[["top", "right"]].set_visible(False)
    else:
        mesh = axes.pcolormesh(points[1], points[0], heights, cmap="cividis", shading="nearest")
        axes.figure.colorbar(mesh, ax=axes, label="probability")
        axes.set(xlabel="second value", ylabel="first value")
    return axes


def draw_curve(variable: Density, ax: Any) -> Any:
    """See `Density.plot`."""
    axes = _axes(ax)
    points = variable.masses._axis(0).astype(float)
    axes.plot(points, variable.pdf(points), color=_COLOUR)
    axes.fill_between(points, variable.pdf(points), alpha=0.2, color=_COLOUR, linewidth=0)
    axes.set(xlabel="value", ylabel="density", ylim=(0, None))
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def _axes(ax: Any) -> Any:
    plt = import_matplotlib("pyplot")
    return plt.subplots(figsize=(7, 3.2), layout="constrained")[1] if ax is None else ax


def chart(variable: Pmf, width: int, rows: int) -> list[str]:
    """Bars of text, at most so many: neighbouring values share one if there are more."""
    points, heights = variable._axis(0), variable.probabilities.astype(float)
    first, last = (int(np.flatnonzero(heights >= _SHARE * heights.max())[i]) for i in (0, -1))
    each = math.ceil((last - first + 1) / rows)
    groups = [(i, min(i + each, last + 1)) for i in range(first, last + 1, each)]
    sums = [float(heights[low:high].sum()) for low, high in groups]
    names = [
        f"{points[low]:g}" if high - low == 1 else f"{points[low]:g} to {points[high - 1]:g}"
        for low, high in groups
    ]
    label = max(map(len, names))
    room = max(width - label - 12, 8)
    return [
        f"{name:>{label}} {value:8.4f} {_bar(value / max(sums) * room)}"
        for name, value in zip(names, sums, strict=True)
    ]


def _bar(length: float) -> str:
    whole, part = divmod(round(8 * length), 8)
    return "█" * whole + _EIGHTHS[part].strip()
