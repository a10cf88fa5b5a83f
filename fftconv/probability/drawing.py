"""Pictures of distributions; Matplotlib is imported when one is drawn."""

from __future__ import annotations

import math
from decimal import MAX_EMAX, MIN_EMIN, Decimal, localcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from fftconv._pictures import import_matplotlib

if TYPE_CHECKING:
    from fftconv.probability.density import Density
    from fftconv.probability.pmf import Pmf

_COLOUR = "#0072B2"  # one that colour-blind readers tell apart
_SHARE = 1e-6  # of the largest probability, below which bars are not drawn
_BARS = 1000  # beyond which neighbours share one, as high as the highest of them
_SMALLEST = 0.00005  # that four decimals do not show as 0
SMALL = -1000  # power of two, 1e-301, down to which floats have all of their digits
_WIDEST = 20  # times the middle four fifths, beyond which a density is drawn without its tails
_EIGHTHS = " ▏▎▍▌▋▊▉"


def draw(variable: Pmf, ax: Any) -> Any:
    """See `Pmf.plot`."""
    if variable.ndim > 2:
        raise ValueError(f"plot draws one or two dimensions, this distribution has {variable.ndim}")
    axes = _axes(ax)
    points, steps = [variable._axis(a).astype(float) for a in range(variable.ndim)], variable.step
    heights = variable.probabilities.astype(float)
    if variable.ndim == 1:
        shown = np.flatnonzero(heights >= _SHARE * heights.max())
        first, stop, step = int(shown[0]), int(shown[-1]) + 1, float(steps[0])
        if stop - first > _BARS:
            edges = np.linspace(0, stop - first, _BARS + 1).astype(int)
            tops = np.maximum.reduceat(heights[first:stop], edges[:-1])
            axes.stairs(tops, points[0][first] + step * (edges - 0.5), fill=True, color=_COLOUR)
        else:
            axes.bar(points[0][shown], heights[shown], width=0.9 * step, color=_COLOUR)
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
    first, last = variable.quantile([_SHARE, 1 - _SHARE])
    if last - first > _WIDEST * (variable.quantile(0.9) - variable.quantile(0.1)):  # a heavy tail
        first, last = variable.quantile([0.005, 0.995])
    points = np.linspace(first, last, 2001)
    heights = variable.pdf(points)
    axes.plot(points, heights, color=_COLOUR)
    axes.fill_between(points, heights, alpha=0.2, color=_COLOUR, linewidth=0)
    axes.set(xlabel="value", ylabel="density", ylim=(0, None))
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def _axes(ax: Any) -> Any:
    plt = import_matplotlib("pyplot")
    return plt.subplots(figsize=(7, 3.2), layout="constrained")[1] if ax is None else ax


def chart(variable: Pmf, width: int, rows: int) -> list[str]:
    """Bars of text, at most so many: neighbouring values share one if there are more.

    Rows that would read 0.0000 are left out, and a last line says how many values that were; where each
    row shows one value, they read 2.1e-05 instead. Exact distributions show their fractions.
    """
    heights = variable.probabilities.astype(float)
    positive = variable._positive()
    is_short = int(positive.sum()) <= rows
    shown = positive if is_short else heights >= _SHARE * heights.max()
    if is_short:
        parts = [slice(at, at + 1) for at in np.flatnonzero(positive).tolist()]
    else:
        first, last = (int(np.flatnonzero(shown)[i]) for i in (0, -1))
        each = math.ceil((last - first + 1) / rows)
        parts = [slice(low, min(low + each, last + 1)) for low in range(first, last + 1, each)]
        parts = [part for part in parts if heights[part].sum() >= _SMALLEST]
    sums = [float(heights[part].sum()) for part in parts]
    names = [_values(variable, part) for part in parts]
    texts = [
        str(variable._sum(part)) if variable.is_exact else _in_eight(variable, part, value)
        for part, value in zip(parts, sums, strict=True)
    ]
    label, column = max(map(len, names)), max(8, *map(len, texts))
    room = width - label - column - 4
    lines = [
        f"{name:>{label}} {text:>{column}} {_bar(value / max(sums) * room) if room >= 8 else ''}".rstrip()
        for name, text, value in zip(names, texts, sums, strict=True)
    ]
    hidden = positive.copy()
    for part in parts:
        hidden[part] = False
    if hidden.any():
        mass = variable._sum(hidden) if variable.is_exact else decimal_text(*variable._mass(hidden), 3)
        small = "below 1/20000" if variable.is_exact else "that would read 0.0000"
        lines.append(f"left out: {int(hidden.sum())} values in rows {small}, {mass} in all")
    return lines


def _values(variable: Pmf, part: slice) -> str:
    """The first and the last value of a row."""
    ends = [variable.start[0] + variable.step[0] * at for at in (part.start, part.stop - 1)]
    is_whole = variable.is_exact or all(end.denominator == 1 for end in ends)
    texts = [str(end) if is_whole else f"{float(end):.10g}" for end in ends]
    return texts[0] if ends[0] == ends[1] else " to ".join(texts)


def _in_eight(variable: Pmf, part: slice, value: float) -> str:
    """A probability in eight characters."""
    return f"{value:.4f}" if value >= _SMALLEST else decimal_text(*variable._mass(part), 2)


def decimal_text(mantissa: float, exponent: int, digits: int) -> str:
    """The number mantissa * 2^exponent, rounded to so many digits; it may be beyond all floats."""
    if not mantissa:
        return "0"
    with localcontext() as context:
        context.prec = 30
        context.Emin, context.Emax = MIN_EMIN, MAX_EMAX
        number = Decimal(mantissa) * Decimal(2) ** exponent
        if exponent > SMALL:
            return f"{float(number):.{digits}g}"
        return f"{number:.{digits - 1}e}"


def _bar(length: float) -> str:
    whole, part = divmod(round(8 * length), 8)
    return "█" * whole + _EIGHTHS[part].strip()
