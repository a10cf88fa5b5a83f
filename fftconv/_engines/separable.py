"""Kernels that are sums of a few outer products: one pass along each axis for each of them.

With two axes and real numbers the native core runs the passes together, row by row through the cache, so
that the signal is read and the result written once. Otherwise each pass is a direct convolution.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from fftconv._arguments import Options
from fftconv._engines import core
from fftconv._engines.direct import convolve_direct
from fftconv._engines.schedule import Schedule
from fftconv._factors import Factors, factorize
from fftconv._geometry import Geometry, along

Array = np.ndarray[Any, np.dtype[Any]]


def path(options: Options, dtype: np.dtype[Any]) -> str:
    """Whether the core runs the passes together."""
    geometry = options.geometry
    if core.can_compute(options.geometry, dtype) and dtype.kind == "f" and len(geometry.axes) == 2:
        return "separable core"
    return "separable passes"


def convolve_separable(
    signal: Array, kernel: Array, options: Options, schedule: Schedule, out: Array
) -> bool:
    """Sum over the factors of the kernel of a convolution along each axis.

    False if an output is not finite: factors may overflow, or multiply infinities, where the kernel
    itself does not.
    """
    geometry = options.geometry
    taps = kernel.reshape([window.taps for window in geometry.windows])
    if options.dtype.kind == "i":  # computed in floats, perhaps, but factors of integers are exact
        taps = taps.astype(np.int64)
    factors = factorize(taps)
    if path(options, kernel.dtype) == "separable core":
        down, along_rows = (np.stack([term[axis] for term in factors]) for axis in (0, 1))
        packed = np.concatenate([np.flip(down, 1).ravel(), np.flip(along_rows, 1).ravel()])
        packed = packed.astype(kernel.dtype, copy=False)
        return core.run("separable", signal, packed, options, schedule, out, rank=len(factors))
    _passes(signal, factors, options, schedule, out)
    return bool(out.dtype.kind not in "fc" or np.isfinite(out).all())


@np.errstate(over="ignore", invalid="ignore")
def _passes(signal: Array, factors: Factors, options: Options, schedule: Schedule, out: Array) -> None:
    for index, term in enumerate(factors):
        part, fill_value = signal, options.fill_value
        for axis, taps in reversed(list(zip(options.geometry.axes, term, strict=True))):
            geometry = along(options.geometry, (axis,), part.shape)
            step = dataclasses.replace(options, geometry=geometry, fill_value=fill_value)
            result = np.empty(geometry.output_shape, out.dtype)
            shaped = taps.astype(out.dtype, copy=False).reshape(geometry.kernel_shape)
            convolve_direct(part, shaped, step, schedule, result)
            part = result
            if options.boundary == "constant":
                fill_value = fill_value * shaped.sum()  # what the pass makes of lines outside
        if index:
            out += part
        else:
            out[...] = part


def passes(geometry: Geometry) -> list[Geometry]:
    """The geometry of each pass, in order, for the cost model."""
    result = []
    shape = geometry.signal_shape
    for axis in reversed(geometry.axes):
        result.append(along(geometry, (axis,), shape))
        shape = result[-1].output_shape
    return result
