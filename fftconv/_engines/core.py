"""How a convolution is handed to the native core: which axis plays which part.

The core knows correlations of planes: rows and columns, before them any number of lead axes, all
convolved; behind the columns the channels of a pixel; and everything else is a batch.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any, cast

import numpy as np

from fftconv._arguments import Options
from fftconv._boundary import FILLED, samples_outside
from fftconv._engines.schedule import Convolver, Schedule
from fftconv._geometry import Geometry, Window, merged
from fftconv._names import Boundary
from fftconv._native import core

Array = np.ndarray[Any, np.dtype[Any]]

MOST_CHANNELS = 16  # a longer last axis is a row of its own

# What the core reads and writes, by the dtype of the arithmetic.
_INTEGERS = "?bBhHiIlLqQ"
_SOURCES = {
    "f": "fBH",
    "d": "fd" + _INTEGERS,
    "F": "F",
    "D": "D",
    "q": _INTEGERS,
    "l": _INTEGERS,
}
_TARGETS = {"f": "fBH", "d": "dqlBHi", "F": "F", "D": "D", "q": "ql", "l": "ql"}


def can_compute(geometry: Geometry, dtype: np.dtype[Any]) -> bool:
    """Whether there is a core, and it has this arithmetic and room for what lies beyond the edges."""
    return core is not None and dtype.char in _SOURCES and geometry.is_compact


def can_join(geometry: Geometry) -> bool:
    """Whether the last two convolved axes are rows and columns, with at most channels behind."""
    trailing = geometry.signal_shape[geometry.axes[-1] + 1 :]
    return len(geometry.axes) > 1 and (
        not trailing or (len(trailing) == 1 and trailing[0] <= MOST_CHANNELS)
    )


def can_read(signal: np.dtype[Any], arithmetic: np.dtype[Any]) -> bool:
    """Whether the core turns these samples into its numbers on the way in."""
    return signal.char in _SOURCES[arithmetic.char] and signal.isnative


def can_write(out: np.dtype[Any], arithmetic: np.dtype[Any]) -> bool:
    """Whether the core turns its numbers into these on the way out, rounding and saturating."""
    return out.char in _TARGETS[arithmetic.char] and out.isnative


def _columns_and_channel(geometry: Geometry) -> tuple[int, int]:
    """The axis of columns, and that of channels, or -1.

    Columns need not be convolved: where there are some behind the last convolved axis, every tap of that
    takes whole rows.
    """
    last = len(geometry.signal_shape) - 1
    trailing = [axis for axis in range(geometry.axes[-1] + 1, last + 1) if geometry.kernel_shape[axis] == 1]
    channel = last if last in trailing and geometry.signal_shape[last] <= MOST_CHANNELS else -1
    beside = [axis for axis in trailing if axis != channel]
    return beside[-1] if beside else geometry.axes[-1], channel


def down_and_along(geometry: Geometry) -> tuple[Window, Window]:
    """What is convolved down the columns and along the rows, of one tap where there is nothing."""
    columns, _ = _columns_and_channel(geometry)
    *others, last = geometry.windows
    if columns not in geometry.axes:
        return last, _no_window(geometry.signal_shape[columns])
    return others[-1] if others else _no_window(1), last


def _no_window(size: int) -> Window:
    """Of an axis that is not convolved."""
    return Window(size, 1, 1, 1, 0, size)


@lru_cache(maxsize=1024)
def _layout(geometry: Geometry, boundary: Boundary) -> Any:
    """The parts of the axes, with what stands beyond the edges of the convolved ones."""
    ndim = len(geometry.signal_shape)
    windows = dict(zip(geometry.axes, geometry.windows, strict=True))
    columns, channel = _columns_and_channel(geometry)
    planes = [axis for axis in geometry.axes if axis != columns]
    windows.setdefault(columns, _no_window(geometry.signal_shape[columns]))
    row = None
    if planes:
        row = _numbers(planes.pop(), windows, boundary)
    leads = [_numbers(axis, windows, boundary) for axis in planes]
    used = {*geometry.axes, columns, channel}
    batch = [axis for axis in range(ndim) if axis not in used]
    return core.Layout(batch, leads, row, _numbers(columns, windows, boundary), channel)


@lru_cache(maxsize=1024)
def _layout_of_tiles(geometry: Geometry, boundary: Boundary) -> Any:
    """The same for tiles that are transformed: channels, too, are slices of their own."""
    windows = dict(zip(geometry.axes, geometry.windows, strict=True))
    *rows, columns = geometry.axes
    row = _numbers(rows[0], windows, boundary) if rows else None
    batch = [axis for axis in range(len(geometry.signal_shape)) if axis not in geometry.axes]
    return core.Layout(batch, [], row, _numbers(columns, windows, boundary), -1)


def _numbers(axis: int, windows: dict[int, Window], boundary: Boundary) -> Array:
    window = windows[axis]
    first = window.reads[0]
    numbers = [axis, window.size, first, window.taps, window.dilation, window.stride, window.outputs]
    described = np.array(numbers, np.int64)
    if boundary in FILLED:
        return described
    return np.concatenate([described, samples_outside(window, boundary)]).astype(np.int64, copy=False)


def _no_line(signal: Any, kernel: Any, mode: Any) -> None:
    """Without a core every line is planned."""


# The convolution of two short arrays of floats or int64 along one axis; None for anything else, and where
# a sum might overflow.
convolve_line: Callable[[Any, Any, Any], Array | None] = core.line if core is not None else _no_line


def prepare(method: str, taps: Array, options: Options, schedule: Schedule, rank: int = 1) -> Convolver:
    """What the core computes; False if the result is not that of the definition.

    `taps` are the kernel for "direct", `rank` columns and then rows of taps for "separable", and the one
    tap for "running_sum". "direct" refuses, before it computes, a kernel that is not finite under
    `zero`; "separable" says no if an output is not finite.
    """
    geometry = options.geometry
    fewer = merged(geometry)

    @cache
    def correlation(of: Geometry) -> Convolver:
        kernel = taps.reshape(of.kernel_shape) if method == "direct" else taps
        return _correlation(method, _layout(of, options.boundary), kernel, options, schedule, rank)

    def convolve(signal: Array, out: Array) -> bool:
        if fewer is geometry or not (signal.flags.c_contiguous and out.flags.c_contiguous):
            return correlation(geometry)(signal, out)
        return correlation(fewer)(signal.reshape(fewer.signal_shape), out.reshape(fewer.output_shape))

    def convolve_whole(signal: Array, out: Array) -> bool:
        """The same of complex pixels, which the core reads and writes as numbers without gaps."""
        whole = out if out.flags.c_contiguous else np.empty_like(out, order="C")
        done = convolve(np.ascontiguousarray(signal), whole)
        if whole is not out:
            out[...] = whole
        return done

    return convolve_whole if taps.dtype.kind == "c" else convolve


def prepare_tiles(taps: Array, options: Options, schedule: Schedule, spectra: Any) -> Convolver:
    """The same by transforms of tiles, with spectra of the kernels; False if an output is not finite."""
    layout = _layout_of_tiles(options.geometry, options.boundary)
    return _correlation("overlap_save", layout, taps, options, schedule, 1, spectra)


def _correlation(
    method: str,
    layout: Any,
    taps: Array,
    options: Options,
    schedule: Schedule,
    rank: int,
    spectra: Any = None,
) -> Convolver:
    fill = np.asarray(options.fill_value, taps.dtype)
    absent = options.boundary == "zero"
    quotient = options.quotient
    division = ("none", 1.0, 0.0)
    if quotient is not None:
        division = (quotient.division, float(quotient.divisor), float(quotient.offset))
    of_core = core.Correlation(
        layout, method, taps, fill, absent, rank, schedule.workers, spectra, *division
    )
    return cast(Convolver, of_core.run)


def working_bytes(method: str, options: Options, dtype: np.dtype[Any], rank: int, workers: int) -> int:
    """Memory for rows and sums of all threads, if `run` is told to do this."""
    geometry = options.geometry
    layout = _layout(geometry, options.boundary)
    part = "d" if dtype.char in "dD" else "f" if dtype.char in "fF" else "q"
    components = 2 if dtype.kind == "c" else 1
    channels = geometry.signal_shape[-1] if layout.channel >= 0 else 1
    return workers * int(core.working_bytes(layout, method, part, components, channels, rank, workers))


def can_transform(geometry: Geometry, dtype: np.dtype[Any]) -> bool:
    """Whether the core transforms tiles of such a convolution."""
    return can_compute(geometry, dtype) and dtype.kind in "fc" and len(geometry.axes) <= 2


def lanes(dtype: np.dtype[Any]) -> int:
    """How many numbers of this arithmetic, or parts of complex ones, a vector holds."""
    return int(core.vector_bytes()) // (4 if dtype.char in "fF" else 8)


@lru_cache(maxsize=16)
def _transform(single: bool, kind: str, rows: int, columns: int, folded: bool, level: str) -> Any:
    """The tables of a tile, which are other ones on every level of the core."""
    assert level == core.level()
    return core.Transform(single, kind, rows, columns, folded)


def line_transform(dtype: np.dtype[Any], sides: tuple[int, int]) -> Any:
    """The tables of a tile of one line, in float32 or float64."""
    return _transform(dtype.char == "f", "line", *sides, False, core.level())


def spectrum_key(options: Options) -> tuple[Any, ...]:
    """What a spectrum of the core depends on, but for the taps and the tile."""
    geometry = options.geometry
    return core.level(), geometry.axes, tuple(window.dilation for window in geometry.windows)


def spectrum(taps: Array, options: Options, kind: str, sides: tuple[int, int], folded: bool) -> Any:
    """The spectra of the kernels in a tile of this kind: a "plane", a "line", or one of many in "lanes"."""
    transform = _transform(taps.dtype.char in "fF", kind, *sides, folded, core.level())
    return core.Spectrum(transform, _layout_of_tiles(options.geometry, options.boundary), taps)
