"""What stands beyond the edges of a signal: the one home of every boundary rule.

    zero      0 0 0 | a b c d | 0 0 0      terms outside are left out of the sum
    constant  v v v | a b c d | v v v
    nearest   a a a | a b c d | d d d
    reflect   c b a | a b c d | d c b
    mirror    d c b | a b c d | c b a
    wrap      b c d | a b c d | a b c
    missing   . . . | a b c d | . . .      outputs are weighted means of what there is

Names are those of scipy.ndimage. Every rule but the first two is periodic, so a kernel may be longer
than the signal. The last is none to the engines: `_missing` turns it into two convolutions under `zero`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fftconv._geometry import Geometry, Window
from fftconv._names import Boundary

FILLED = ("zero", "constant")  # with one value, and not with samples of the signal

Indices = np.ndarray[tuple[int], np.dtype[np.intp]]


def _nearest(position: Indices, size: int) -> Indices:
    return np.clip(position, 0, size - 1)


def _reflect(position: Indices, size: int) -> Indices:
    position = position % (2 * size)
    return np.minimum(position, 2 * size - 1 - position)


def _mirror(position: Indices, size: int) -> Indices:
    period = max(2 * size - 2, 1)
    position = position % period
    return np.minimum(position, period - position) if size > 1 else position


def _wrap(position: Indices, size: int) -> Indices:
    return position % size


_SOURCE_OF: dict[str, Callable[[Indices, int], Indices]] = {
    "nearest": _nearest,
    "reflect": _reflect,
    "mirror": _mirror,
    "wrap": _wrap,
}


def samples_outside(window: Window, boundary: Boundary) -> Indices:
    """Which sample stands at each position before the signal and behind it that outputs read, in order.

    -1 where it is the fill value.
    """
    first, last = window.reads
    positions = np.concatenate([np.arange(first, 0), np.arange(window.size, last)])
    return sources(positions, window.size, boundary)


def sources(positions: Indices, size: int, boundary: Boundary) -> Indices:
    """Which sample of an axis stands at each position, inside or outside; -1 where it is the fill value."""
    if boundary in FILLED:
        return np.where((positions >= 0) & (positions < size), positions, -1)
    return _SOURCE_OF[boundary](positions, size)


def extend_into(
    out: np.ndarray[Any, Any],
    signal: np.ndarray[Any, Any],
    geometry: Geometry,
    boundary: Boundary,
    fill_value: Any,
) -> None:
    """Write `signal` and its surroundings, all that the outputs read, into `out`.

    Axis by axis: the slabs on both sides are copied from samples that `out` already holds, so
    corners follow from edges.
    """
    inside: list[Any] = [slice(None)] * signal.ndim
    for axis, window in zip(geometry.axes, geometry.windows, strict=True):
        before = -window.reads[0]
        inside[axis] = slice(before, before + window.size)
    out[tuple(inside)] = signal
    region = list(inside)
    for axis, window in zip(geometry.axes, geometry.windows, strict=True):
        first, last = window.reads
        for low, high in ((first, 0), (window.size, last)):
            if low == high:
                continue
            region[axis] = slice(low - first, high - first)
            if boundary in _SOURCE_OF:
                source = _SOURCE_OF[boundary](np.arange(low, high), window.size) - first
                out[tuple(region)] = out[(*region[:axis], source, *region[axis + 1 :])]
            else:
                out[tuple(region)] = fill_value if boundary == "constant" else 0
        region[axis] = slice(None)


def extend(
    signal: np.ndarray[Any, Any], geometry: Geometry, boundary: Boundary, fill_value: Any
) -> np.ndarray[Any, Any]:
    """The signal on all samples that the outputs read; the signal itself where that is enough."""
    if any(window.reads[0] > 0 or window.reads[1] < window.size for window in geometry.windows):
        return _gather(signal, geometry, boundary, fill_value)
    if geometry.extended_shape == geometry.signal_shape:
        return signal
    out = np.empty(geometry.extended_shape, signal.dtype)
    extend_into(out, signal, geometry, boundary, fill_value)
    return out


def _gather(
    signal: np.ndarray[Any, Any], geometry: Geometry, boundary: Boundary, fill_value: Any
) -> np.ndarray[Any, Any]:
    """The same where not all samples are read."""
    for axis, window in zip(geometry.axes, geometry.windows, strict=True):
        found = sources(np.arange(*window.reads), window.size, boundary)
        signal = signal.take(np.maximum(found, 0), axis)
        signal[(slice(None),) * axis + (found < 0,)] = fill_value if boundary == "constant" else 0
    return signal
