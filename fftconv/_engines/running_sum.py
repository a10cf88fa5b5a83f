"""Kernels of equal taps: sums of a window at a cost that hardly depends on its size.

Nothing is ever subtracted, so that no rounding error builds up and a NaN stays in the windows that hold it.
The native core takes two axes at a time; in NumPy, sums of 1, 2, 4, ... neighbours are put together.
"""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Any

import numpy as np

from fftconv._arguments import Options
from fftconv._boundary import extend
from fftconv._engines import core
from fftconv._engines.schedule import Convolver, Pass, Schedule, follow
from fftconv._geometry import Geometry, along

Array = np.ndarray[Any, np.dtype[Any]]

_FEW = 8  # as in boxes.hpp
_NARROW = {"B": 2**8 - 1, "H": 2**16 - 1}  # samples that the core adds up in integers, and the largest
_LARGEST_SUM = 2**32 - 1  # of those integers


def path(options: Options, dtype: np.dtype[Any]) -> str:
    """Whether the core adds up, at once or in steps of two axes."""
    geometry = options.geometry
    if (
        core.can_compute(geometry, dtype)
        and dtype.kind != "c"
        and all(window.stride == window.dilation == 1 for window in geometry.windows)
    ):
        if len(steps(geometry)) > 1:
            return "running sum steps"
        narrow = dtype.char == "f" and options.source.char in _NARROW  # added up in integers
        return "running sum narrow core" if narrow else "running sum core"
    return "running sum doubling"


def adds_integers(options: Options) -> bool:
    """Whether the core adds these samples up in integers, which are exact, if floats are asked for."""
    if path(options, np.dtype(np.float32)) != "running sum narrow core":
        return False
    return _NARROW[options.source.char] * options.geometry.taps <= _LARGEST_SUM


def neighbours(taps: int) -> int:
    """Numbers that the core adds up along a row for an output: few, or sums of 4, of 16, ... of them."""
    read = 0
    while taps > _FEW:
        read += 4 + taps % 4
        taps //= 4
    return read + taps


def prepare(kernel: Array, options: Options, schedule: Schedule) -> Convolver:
    """The one tap times the sum of the samples in each window."""
    tap = kernel.ravel()[:1].copy()  # aligned, whatever the kernel is
    chosen = path(options, kernel.dtype)
    if chosen.endswith("core"):
        return core.prepare("running_sum", tap, options, schedule)
    if chosen == "running sum steps":
        return partial(follow, _passes(tap, options, schedule))
    return partial(_doubling, tap, options)


def steps(geometry: Geometry) -> list[Geometry]:
    """The last two axes, if they go together, then each of the others: what the core does in order."""
    together = 2 if core.can_join(geometry) else 1
    *others, last = [*((axis,) for axis in geometry.axes[:-together]), geometry.axes[-together:]]
    result = []
    shape = geometry.signal_shape
    for axes in (last, *reversed(others)):
        result.append(along(geometry, axes, shape))
        shape = result[-1].output_shape
    return result


@np.errstate(over="ignore", invalid="ignore")
def _passes(tap: Array, options: Options, schedule: Schedule) -> list[Pass]:
    """What adds up along each of the steps."""
    fill_value, passes = options.fill_value, []
    for geometry in steps(options.geometry):
        step = dataclasses.replace(options, geometry=geometry, fill_value=fill_value)
        passes.append((core.prepare("running_sum", tap, step, schedule), geometry.output_shape))
        if options.boundary == "constant":  # what the step makes of windows outside
            fill_value = fill_value * tap[0] * geometry.taps
        tap = np.ones_like(tap)
    return passes


@np.errstate(over="ignore", invalid="ignore")
def _doubling(tap: Array, options: Options, signal: Array, out: Array) -> bool:
    geometry = options.geometry
    sums = extend(signal, geometry, options.boundary, options.fill_value) * tap[0]
    for axis, window in zip(geometry.axes, geometry.extended_windows, strict=True):
        sums = np.moveaxis(sums, axis, 0)
        reach = window.size - window.span + 1
        total: Any = None
        offset, power, bits = 0, 1, window.taps
        while True:
            if bits & 1:
                part = sums[offset : offset + reach]
                total = part if total is None else total + part
                offset += power * window.dilation
            bits >>= 1
            if not bits:
                break
            shift = power * window.dilation
            sums = sums[:-shift] + sums[shift:]
            power *= 2
        sums = np.moveaxis(total[:: window.stride], 0, axis)
    out[...] = sums
    return True
