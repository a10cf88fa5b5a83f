"""Correlation of pixels in their own dtype, of a whole image or of some rows of it: what `image` stands on.

Rows are computed as they are when the whole is: by its plan, from the samples that they read, and cut where
its tiles are cut, so that they come out the same to the last bit.
"""

from __future__ import annotations

import dataclasses
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from fftconv._arguments import Array, Problem, are_plain, read_problem
from fftconv._content import content_of
from fftconv._engines import row_period
from fftconv._geometry import Geometry
from fftconv._names import Boundary, Method
from fftconv._prepared import Prepared, is_kept, unseen
from fftconv._profile import machine_profile
from fftconv._quotients import Fractions, Quotient
from fftconv.convolution import follow, prepared, run, with_quotient
from fftconv.planning import ConvolutionPlan, plan_problem

Kernel = Array | Fractions


class Band(NamedTuple):
    """Some rows of an image: `have` are there, `want` are asked for; from the first to before the last."""

    height: int
    have: tuple[int, int]
    want: tuple[int, int]


class RowPlan(NamedTuple):
    """What rows of a correlation take."""

    above: int
    """Rows that an output reads above its own."""
    below: int
    period: int
    """Bands start and end at multiples of it, or with the image."""
    bytes: int
    """Working memory, at most."""
    seconds: float
    """Of the whole image, as predicted."""


def correlate_pixels(
    pixels: Array,
    kernel: Kernel,
    boundary: Boundary,
    method: Method,
    workers: int | None,
    mask: Array | None = None,
    band: Band | None = None,
) -> Array:
    """`correlate` of an image with real taps along its first two axes, in the image's own dtype.

    Integers are rounded half to even and saturated, once: exact quotients with a kernel of fractions, and
    numbers that are computed in the kernel's dtype otherwise. Of a band, `pixels` are the rows that it
    has, and the result is the rows that it wants.
    """
    if band is not None:
        return _correlate_rows(pixels, kernel, boundary, method, workers, band)
    taps, quotient = _parts(kernel)
    if mask is None and is_kept(pixels, taps):
        known = prepare_pixels(pixels.shape, pixels.dtype, kernel, boundary, method, workers)
        if known is not None and (computed := known.compute(pixels)) is not None:
            return computed
    problem = _read(pixels, kernel, boundary, method, workers, mask)
    dtype = _delivered(pixels.dtype, quotient)
    return np.asarray(run(problem._replace(out=np.empty(pixels.shape, dtype)), plan_problem)[0])


def _parts(kernel: Kernel) -> tuple[Array, Quotient | None]:
    """The taps, and what becomes of sums that are exact."""
    if not isinstance(kernel, Fractions):
        return kernel, None
    wide = kernel.quotient.sums.kind == "O"
    return kernel.numerators.astype(object) if wide else kernel.numerators, kernel.quotient


def _delivered(dtype: np.dtype[Any], quotient: Quotient | None) -> np.dtype[Any]:
    """The dtype of the result for pixels of this one."""
    return dtype if quotient is None else quotient.dtype


def _correlate_rows(
    pixels: Array, kernel: Kernel, boundary: Boundary, method: Method, workers: int | None, band: Band
) -> Array:
    whole = unseen((band.height, *pixels.shape[1:]), pixels.dtype)
    problem = _read(whole, kernel, boundary, method, workers)
    plan = plan_problem(problem)
    first = band.have[0]
    part = _rows_of(problem.options.geometry, len(pixels), band.want[0] - first, band.want[1] - first)
    options = dataclasses.replace(problem.options, geometry=part)
    out = np.empty(part.output_shape, _delivered(pixels.dtype, options.quotient))
    computed = problem._replace(signal=pixels, options=options, out=out)
    return np.asarray(follow(computed, dataclasses.replace(plan, output_shape=part.output_shape)))


def plan_rows(
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    kernel: Kernel,
    boundary: Boundary,
    method: Method,
    workers: int | None,
) -> RowPlan:
    """How rows of such an image are correlated with a kernel."""
    problem = _read(unseen(shape, dtype), kernel, boundary, method, workers)
    plan = plan_problem(problem)
    rows = problem.options.geometry.windows[0]
    below = rows.start
    period = row_period(plan.method, problem.options, plan.schedule)
    return RowPlan(rows.span - 1 - below, below, min(period, shape[0]), plan.bytes, plan.seconds)


def plan_pixels(
    shape: tuple[int, ...], dtype: np.dtype[Any], kernel: Kernel, boundary: Boundary, method: Method
) -> ConvolutionPlan:
    """Return the plan by which such an image is correlated with a kernel."""
    return plan_problem(_read(unseen(shape, dtype), kernel, boundary, method, None))


def prepare_pixels(
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    kernel: Kernel,
    boundary: Boundary,
    method: Method,
    workers: int | None,
) -> Prepared | None:
    """What can be said of `correlate_pixels` of such images before they are there."""
    options = {"boundary": boundary, "method": method, "workers": workers}
    taps, quotient = _parts(kernel)
    if not are_plain(options.values()) or taps.dtype.kind == "O":
        return None
    key, result = content_of(taps), _delivered(dtype, quotient)
    return prepared(
        shape,
        dtype,
        key,
        result,
        True,
        machine_profile(),
        quotient=quotient,
        mode="same",
        axes=(0, 1),
        **options,
    )


def _read(
    pixels: Array,
    kernel: Kernel,
    boundary: Boundary,
    method: Method,
    workers: int | None,
    mask: Array | None = None,
) -> Problem:
    taps, quotient = _parts(kernel)
    if taps.dtype.kind == "O" and method == "separable":
        method = "direct"  # which is exact as well, and integers of any size have no factors here
    problem = read_problem(
        pixels,
        taps,
        mode="same",
        boundary=boundary,
        axes=(0, 1),
        method=method,
        mask=mask,
        workers=workers,
    )
    turned = problem._replace(kernel=problem.kernel[problem.options.geometry.turned])
    return with_quotient(turned, quotient)


@lru_cache(maxsize=64)
def _rows_of(whole: Geometry, size: int, first: int, last: int) -> Geometry:
    """The outputs from `first` to `last` of an image of so many rows, with the columns of the whole."""
    rows = whole.windows[0]
    band = dataclasses.replace(rows, size=size, start=rows.start + first, stop=rows.start + last)
    return dataclasses.replace(
        whole,
        signal_shape=(size, *whole.signal_shape[1:]),
        windows=(band, *whole.windows[1:]),
        output_shape=(last - first, *whole.output_shape[1:]),
    )
