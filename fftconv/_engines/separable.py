"""Kernels that are sums of a few outer products: one pass along each axis for each of them.

The native core runs the passes along two axes of real numbers together, row by row through the cache, so
that the signal is read and the result written once. Every other pass is a direct convolution.
"""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Any

import numpy as np

from fftconv._arguments import Options
from fftconv._engines import core, direct
from fftconv._engines.schedule import Convolver, Schedule
from fftconv._factors import Factors, factorize
from fftconv._geometry import Geometry, along

Array = np.ndarray[Any, np.dtype[Any]]


def path(options: Options, dtype: np.dtype[Any]) -> str:
    """Whether the core runs the passes, and those along two axes together."""
    geometry = options.geometry
    if core.can_compute(geometry, dtype) and dtype.kind == "f" and core.can_join(geometry):
        return "separable core" if len(geometry.axes) == 2 else "separable steps"
    return "separable passes"


@np.errstate(over="ignore", invalid="ignore")  # found out, and put right, afterwards
def prepare(kernel: Array, options: Options, schedule: Schedule) -> Convolver:
    """Sum over the factors of the kernel of a convolution along each axis.

    False if an output is not finite: factors may overflow, or multiply infinities, where the kernel
    itself does not.
    """
    taps = kernel.reshape([window.taps for window in options.geometry.windows])
    if options.dtype.kind in "iu":  # computed in floats, perhaps, but factors of integers are exact
        taps = taps.astype(np.int64)
    factors = factorize(taps)
    chosen = path(options, kernel.dtype)
    if chosen == "separable core":
        packed = _pack(factors, kernel.dtype)
        return core.prepare("separable", packed, options, schedule, rank=len(factors))
    return partial(_convolve_terms, factors, options, schedule, steps(options.geometry, chosen))


@np.errstate(over="ignore", invalid="ignore")  # found out, and put right, afterwards
def _convolve_terms(
    factors: Factors,
    options: Options,
    schedule: Schedule,
    geometries: list[Geometry],
    signal: Array,
    out: Array,
) -> bool:
    first, *others = factors
    _convolve_term(signal, first, options, schedule, geometries, out)
    for term in others:
        part = np.empty_like(out)
        _convolve_term(signal, term, options, schedule, geometries, part)
        out += part
    return bool(out.dtype.kind not in "fc" or np.isfinite(out.sum()))


def _pack(factors: Factors, dtype: np.dtype[Any]) -> Array:
    """The taps of all terms as the core wants them: turned, those down the columns first."""
    down, along_rows = (np.stack([np.flip(term[axis]) for term in factors]) for axis in (0, 1))
    return np.concatenate([down.ravel(), along_rows.ravel()]).astype(dtype, copy=False)


def steps(geometry: Geometry, path: str) -> list[Geometry]:
    """What is done one after the other: the last two axes together if the core can, then axis by axis."""
    axes = geometry.axes
    together = 2 if path == "separable steps" else 1
    parts = [axes[-together:], *((axis,) for axis in reversed(axes[:-together]))]
    result = []
    shape = geometry.signal_shape
    for part in parts:
        result.append(along(geometry, part, shape))
        shape = result[-1].output_shape
    return result


def _convolve_term(
    part: Array,
    term: tuple[Array, ...],
    options: Options,
    schedule: Schedule,
    geometries: list[Geometry],
    out: Array,
) -> None:
    taps_of = dict(zip(options.geometry.axes, (taps.astype(out.dtype) for taps in term), strict=True))
    for geometry in geometries:
        taps = [taps_of[axis] for axis in geometry.axes]
        step = dataclasses.replace(options, geometry=geometry)
        last = geometry is geometries[-1]
        result = out if last else np.empty(geometry.output_shape, out.dtype)
        if len(taps) == 2:
            convolve = core.prepare("separable", _pack((tuple(taps),), out.dtype), step, schedule)
        else:
            convolve = direct.prepare(taps[0].reshape(geometry.kernel_shape), step, schedule)
        convolve(part, result)
        part = result
        if options.boundary == "constant":  # what the step makes of lines outside
            fill_value = options.fill_value
            for factor in taps:
                fill_value = fill_value * factor.sum()
            options = dataclasses.replace(options, fill_value=fill_value)
