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
from fftconv._engines.schedule import Convolver, Pass, Schedule, follow
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
    factors = factorize(taps, several=options.quotient is not None)
    chosen = path(options, kernel.dtype)
    if chosen == "separable core":
        packed = _pack(factors, kernel.dtype)
        return core.prepare("separable", packed, options, schedule, rank=len(factors))
    geometries = steps(options.geometry, chosen)
    terms = [[taps.astype(kernel.dtype) for taps in term] for term in factors]
    return partial(_add_terms, [_passes(term, options, schedule, geometries) for term in terms])


@np.errstate(over="ignore", invalid="ignore")  # found out, and put right, afterwards
def _add_terms(terms: list[list[Pass]], signal: Array, out: Array) -> bool:
    first, *others = terms
    follow(first, signal, out)
    for term in others:
        part = np.empty_like(out)
        follow(term, signal, part)
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


def _passes(
    term: list[Array], options: Options, schedule: Schedule, geometries: list[Geometry]
) -> list[Pass]:
    """What convolves along the axes of each of the steps, of the taps along every axis."""
    taps_of = dict(zip(options.geometry.axes, term, strict=True))
    fill_value, passes = options.fill_value, []
    for geometry in geometries:
        taps = [taps_of[axis] for axis in geometry.axes]
        step = dataclasses.replace(options, geometry=geometry, fill_value=fill_value)
        if len(taps) == 2:
            convolve = core.prepare("separable", _pack((tuple(taps),), taps[0].dtype), step, schedule)
        else:
            convolve = direct.prepare(taps[0].reshape(geometry.kernel_shape), step, schedule)
        passes.append((convolve, geometry.output_shape))
        if options.boundary == "constant":  # what the step makes of lines outside
            for factor in taps:
                fill_value = fill_value * factor.sum()
    return passes
