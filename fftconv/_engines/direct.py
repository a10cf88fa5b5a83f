"""The sum of the definition, term by term: in the native core, or in NumPy.

Three ways to add the same products in NumPy: `np.convolve` for one axis, rows times taps through BLAS for
images and volumes, and shift-and-add for everything else. They serve where there is no core, and the
dtypes and kernels that it leaves out (objects, long double, a NaN or an infinity in the kernel).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from fftconv._arguments import Options
from fftconv._boundary import extend
from fftconv._engines import core
from fftconv._engines.schedule import Convolver, Schedule
from fftconv._geometry import Geometry, Window

Array = np.ndarray[Any, np.dtype[Any]]

_BLAS_DTYPES = "fdFD"
BLOCK_BYTES = 2**19  # partial sums that stay in a core's second-level cache


def path(options: Options, dtype: np.dtype[Any]) -> str:
    """Which way adds up this problem, as far as shapes and dtype tell."""
    return "direct core" if core.can_compute(options.geometry, dtype) else _path_in_numpy(options, dtype)


def _path_in_numpy(options: Options, dtype: np.dtype[Any]) -> str:
    geometry = options.geometry
    if len(geometry.signal_shape) == 1 and geometry.windows[0].dilation == 1:
        return "direct line"
    has_columns = any(window.taps > 1 for window in geometry.windows[:-1])
    if has_columns and dtype.char in _BLAS_DTYPES and not geometry.kernel_varies:
        return "direct rows"
    return "direct shift"


def band_height(row_bytes: int) -> int:
    """Output rows whose partial sums, `row_bytes` each, stay in the cache together."""
    return max(1, BLOCK_BYTES // row_bytes)


def prepare(kernel: Array, options: Options, schedule: Schedule) -> Convolver:
    """Add `kernel[i] * signal[p - i * dilation]` over all taps `i`, for every output `p`."""
    if not core.can_compute(options.geometry, kernel.dtype):
        return partial(_convolve_in_numpy, kernel, options)
    # Beyond the edge the core adds tap times fill value. Under `zero` there is no term at all there,
    # which makes a difference for a tap that is not finite: that case it leaves to NumPy.
    in_core = core.prepare("direct", kernel, options, schedule)

    def convolve(signal: Array, out: Array) -> bool:
        return in_core(signal, out) or _convolve_in_numpy(
            kernel, options, signal.astype(kernel.dtype, copy=False), out
        )

    return convolve


@np.errstate(over="ignore", invalid="ignore")  # inf - inf and inf * 0 are NaN by definition
def _convolve_in_numpy(kernel: Array, options: Options, signal: Array, out: Array) -> bool:
    geometry = options.geometry
    chosen = _path_in_numpy(options, signal.dtype)
    if chosen == "direct rows" and options.boundary == "zero" and not np.isfinite(kernel).all():
        chosen = "direct shift"  # zero * inf would be NaN
    windows = geometry.windows
    if options.boundary != "zero" or chosen == "direct rows":
        signal = extend(signal, geometry, options.boundary, options.fill_value)
        windows = geometry.extended_windows
    if chosen == "direct line":
        _line(signal, kernel, windows[0], out)
    elif chosen == "direct rows":
        _rows_times_taps(signal, kernel, geometry, out)
    # The complex products of BLAS make NaN of infinities that the definition keeps.
    spoilt = chosen != "direct shift" and out.dtype.kind == "c" and not np.isfinite(out.sum())
    if chosen == "direct shift" or spoilt:
        _shift_and_add(signal, kernel, geometry.axes, windows, out)
    return True


def _line(signal: Array, kernel: Array, window: Window, out: Array) -> None:
    whole = window.span - 1 <= window.start and window.stop <= window.size
    if whole and window.taps <= window.size:
        inner = np.convolve(signal, kernel, "valid")
        first = window.start - (window.span - 1)
    else:
        inner, first = np.convolve(signal, kernel, "full"), window.start
    out[...] = inner[first : first + window.stop - window.start : window.stride]


def _shift_and_add(
    signal: Array, kernel: Array, axes: tuple[int, ...], windows: tuple[Window, ...], out: Array
) -> None:
    """One multiplication of a shifted view for every tap, block by block of the output."""
    out[...] = 0
    block = _block_shape(out)
    scratch = np.empty(math.prod(block), out.dtype)
    for low, high in _blocks(out, block):
        for taps in np.ndindex(*(window.taps for window in windows)):
            ranges = [
                _reached(window, tap, low[axis], high[axis])
                for window, tap, axis in zip(windows, taps, axes, strict=True)
            ]
            if any(first >= last for first, last in ranges):
                continue
            target = [slice(a, b) for a, b in zip(low, high, strict=True)]
            source = [
                slice(a, b) if size > 1 else slice(None)
                for a, b, size in zip(low, high, signal.shape, strict=True)
            ]
            weight = [
                slice(a, b) if size > 1 else slice(None)
                for a, b, size in zip(low, high, kernel.shape, strict=True)
            ]
            for axis, window, tap, (first, last) in zip(axes, windows, taps, ranges, strict=True):
                start = window.start + first * window.stride - tap * window.dilation
                stop = start + (last - first - 1) * window.stride + 1
                target[axis] = slice(first, last)
                source[axis] = slice(start, stop, window.stride)
                weight[axis] = slice(tap, tap + 1)
            receiver = out[tuple(target)]
            products = scratch[: receiver.size].reshape(receiver.shape)
            np.multiply(signal[tuple(source)], kernel[tuple(weight)], out=products)
            np.add(receiver, products, out=receiver)


def _reached(window: Window, tap: int, low: int, high: int) -> tuple[int, int]:
    """The outputs from `low` to `high` for which this tap meets a sample of the signal."""
    shift = window.start - tap * window.dilation
    first = -(shift // window.stride)
    last = (window.size - 1 - shift) // window.stride + 1
    return max(first, low), min(last, high)


def _block_shape(out: Array) -> tuple[int, ...]:
    """The largest part of `out` that fits the cache, cut along its first axes."""
    shape = list(out.shape)
    for axis, size in enumerate(shape):
        excess = math.prod(shape) * out.itemsize / BLOCK_BYTES
        if excess > 1:
            shape[axis] = max(1, int(size / excess))
    return tuple(shape)


def _blocks(out: Array, block: tuple[int, ...]) -> Iterator[tuple[list[int], list[int]]]:
    """First and last corners of the blocks of this shape that tile `out`."""
    steps = (range(0, size, step) for size, step in zip(out.shape, block, strict=True))
    for low in itertools.product(*steps):
        high = [min(a + step, size) for a, step, size in zip(low, block, out.shape, strict=True)]
        yield list(low), high


def _rows_times_taps(signal: Array, kernel: Array, geometry: Geometry, out: Array) -> None:
    """Sum over kernel rows as matrix products, then over kernel columns as shifted additions.

    For each output row, the window's rows (one per kernel row, a view without a copy) times the kernel
    give one partial row per kernel column; those, shifted, add up to the output. Each product is one
    of the definition, so a NaN stays in the windows that hold it.

    `signal` is extended. Axes are brought in the order: others, convolved, then those behind the last
    convolved one (channels of a pixel, say), which simply make every row longer.
    """
    axes = geometry.axes
    leading = [axis for axis in range(signal.ndim) if axis not in axes and axis < axes[-1]]
    trailing = list(range(axes[-1] + 1, signal.ndim))
    order = (*leading, *axes, *trailing)
    batch = len(leading)

    source = np.ascontiguousarray(signal.transpose(order))
    target = out.transpose(order)
    taps = kernel.reshape([window.taps for window in geometry.windows])
    taps = np.ascontiguousarray(np.flip(taps).swapaxes(-1, -2))
    *outer, rows, columns = geometry.windows
    pixel = source.shape[batch + len(axes) :]
    width = source.shape[batch + len(axes) - 1]
    source = source.reshape(*source.shape[: batch + len(axes) - 1], -1)

    band = band_height(columns.taps * source.shape[-1] * source.itemsize)
    scratch = np.empty((band, columns.taps, source.shape[-1]), source.dtype)
    for slices, position, top in itertools.product(
        np.ndindex(*source.shape[:batch]),
        np.ndindex(*(window.outputs for window in outer)),
        range(0, rows.outputs, band),
    ):
        count = min(band, rows.outputs - top)
        result = target[(*slices, *position, slice(top, top + count))]
        result[...] = 0
        for tap in np.ndindex(*(window.taps for window in outer)):
            depth = tuple(
                at * window.stride + i * window.dilation
                for at, i, window in zip(position, tap, outer, strict=True)
            )
            reads = _row_windows(source[slices + depth], rows, top, count)
            np.matmul(taps[tap], reads, out=scratch[:count])
            partial = scratch[:count].reshape(count, columns.taps, width, *pixel)
            for column in range(columns.taps):
                first = column * columns.dilation
                last = first + (columns.outputs - 1) * columns.stride + 1
                result += partial[:, column, first : last : columns.stride]


def _row_windows(plane: Array, rows: Window, top: int, count: int) -> Array:
    """A view of shape (count, taps, width): for each output row the rows of `plane` that it reads."""
    step, item = plane.strides
    return as_strided(
        plane[top * rows.stride :],
        (count, rows.taps, plane.shape[1]),
        (step * rows.stride, step * rows.dilation, item),
        writeable=False,
    )
