"""Samples that are not there: every output is the weighted mean of those that are (normalised convolution).

    y = (k ∗ (f m)) / w,   w = (|k| ∗ m) / Σ|k|

with the weights m of the samples, 0 where there is none. After H. Knutsson and C.-F. Westin, "Normalized
and differential convolution", CVPR 1993. What lies beyond the edges counts as m does there, extended as the
signal is; under `zero` and `constant` it counts as valid, so that a mask that is all true changes nothing;
under `missing` it counts as missing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from fftconv._arguments import Array, Options, Problem, is_nan
from fftconv._boundary import FILLED
from fftconv._error_bound import componentwise_error
from fftconv._geometry import Geometry, geometry
from fftconv._nonfinite import is_finite
from fftconv._plan import ConvolutionPlan, unit_error

Convolve = Callable[[Problem], Array]
MakePlan = Callable[[Problem], ConvolutionPlan]

_CLEAR = 2**10  # times the error that a weight may have, it is clear of it


class _Samples(NamedTuple):
    """What there is: values, 0 where there is none, and weights; None if all count."""

    values: Array
    weights: Array | None
    options: Options
    """For the values, with a boundary that engines know."""
    outside: bool
    """Whether what lies beyond the edges counts, where no sample stands there."""

    @property
    def is_whole(self) -> bool:
        """Whether nothing is missing, beyond the edges either."""
        geometry = self.options.geometry
        covered = self.outside or geometry.extended_shape == geometry.signal_shape
        return self.weights is None and covered


def convolve_missing(
    problem: Problem, convolve: Convolve, make_plan: MakePlan
) -> tuple[Array, Array | None]:
    """Weighted means, NaN where there is nothing, and their weights from 0 to 1; None if all are 1.

    `convolve` does a problem without gaps, `make_plan` says how.
    """
    samples = _read(problem)
    numerator = convolve(Problem(samples.values, problem.kernel, samples.options))
    if samples.is_whole:
        return numerator, None
    magnitudes, total = _magnitudes(problem)
    weigh = _weigh_edges if samples.weights is None else _weigh
    weights, empty = weigh(samples, magnitudes, convolve, make_plan)
    weights = np.asarray(weights / total)
    if weights.dtype.kind == "f":
        np.clip(weights, 0, 1, out=weights)
    empty = empty | (weights == 0)  # of weights too small for their share to be a float
    weights[empty] = 0
    divisors = np.where(empty, 1, weights)
    for part in (numerator.real, numerator.imag) if numerator.dtype.kind == "c" else (numerator,):
        part /= divisors  # part by part, as complex division makes NaN of infinities
        part[empty] = np.nan
    return numerator, weights


def values_only(problem: Problem) -> Problem:
    """The first of the convolutions: of the samples that are there, weighted."""
    samples = _read(problem)
    return Problem(samples.values, problem.kernel, samples.options)


def without_gaps(options: Options) -> Options:
    """The options for it, as far as shapes tell."""
    boundary = "zero" if options.boundary == "missing" else options.boundary
    return dataclasses.replace(options, boundary=boundary, nan_policy="propagate")


def _read(problem: Problem) -> _Samples:
    options, values, weights = problem.options, problem.signal, problem.mask
    fill_value, outside = options.fill_value, options.boundary != "missing"
    if options.nan_policy == "omit":
        if values.dtype.kind == "O" or (values.dtype.kind in "fc" and not is_finite(values)):
            there = ~is_nan(values)
            weights = there if weights is None else weights * there
        if options.boundary == "constant" and fill_value != fill_value:
            fill_value, outside = 0, False
    if weights is not None:
        if weights.dtype.kind == "b" and weights.all():
            weights = None
        else:
            nothing = values.dtype.type(0) if values.dtype.kind != "O" else 0
            values = np.where(weights > 0, values, nothing)
            if weights.dtype.kind != "b":
                values = values * weights.astype(_real(options.dtype), copy=False)
    inner = dataclasses.replace(without_gaps(options), fill_value=fill_value, source=values.dtype)
    return _Samples(values, weights, inner, outside)


def _real(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Of the weights for values of this dtype."""
    return np.empty(0, dtype).real.dtype


def _magnitudes(problem: Problem) -> tuple[Array, Array]:
    """|k|, and its sum for every kernel, with as many axes as the signal."""
    options = problem.options
    magnitudes = np.abs(problem.kernel.astype(options.dtype, copy=False))
    total = np.asarray(magnitudes.sum(axis=options.geometry.axes, keepdims=True))
    if options.dtype.kind == "O":  # of integers the weights are fractions
        each = [Fraction(number) if isinstance(number, int) else number for number in total.flat]
        total = np.array(each, object).reshape(total.shape)
    if not (total > 0).all() or not (total < np.inf).all():
        raise ValueError(
            "kernel is all zeros, or holds a NaN or an infinity, and so gives no weights to the samples "
            "that are there; pass finite taps, or no mask, nan_policy='omit' or boundary='missing'"
        )
    return magnitudes, total


def _weigh(
    samples: _Samples, magnitudes: Array, convolve: Convolve, make_plan: MakePlan
) -> tuple[Array, Array]:
    """The weight in every window, and where there is none: counted, as rounding errors are not 0."""
    options, weights = samples.options, samples.weights
    assert weights is not None
    boundary = options.boundary
    if boundary in FILLED:
        boundary = "constant" if samples.outside else "zero"
    real = _real(options.dtype)
    weights = weights.astype(int).astype(object) if real.kind == "O" else weights.astype(real)
    options = dataclasses.replace(
        options, boundary=boundary, fill_value=int(boundary == "constant"), dtype=real, source=weights.dtype
    )
    return _weights_and_gaps(Problem(weights, magnitudes, options), convolve, make_plan)


def _weigh_edges(
    samples: _Samples, magnitudes: Array, convolve: Convolve, make_plan: MakePlan
) -> tuple[Array, Array]:
    """The same where only what lies beyond the edges is missing: in between all weights are equal.

    They are those of a signal no longer than the kernel, whose middle stands for all that it lacks.
    """
    options, shapes = samples.options, samples.options.geometry
    small = [1] * len(shapes.signal_shape)
    for axis, window in zip(shapes.axes, shapes.windows, strict=True):
        small[axis] = min(window.size, window.span)
    real = _real(options.dtype)
    dilations = tuple(window.dilation for window in shapes.windows)
    ones = np.ones(small, int if real.kind == "O" else real).astype(real)
    options = dataclasses.replace(
        options,
        geometry=geometry(
            tuple(small), shapes.kernel_shape, shapes.axes, "full", (1,) * len(dilations), dilations
        ),
        boundary="zero",
        fill_value=0,
        dtype=real,
        source=ones.dtype,
    )
    found = _weights_and_gaps(Problem(ones, magnitudes, options), convolve, make_plan)
    weights, empty = (_spread(array, shapes) for array in found)
    return weights, empty


def _spread(array: Array, shapes: Geometry) -> Array:
    """Of a signal no longer than the kernel, to the outputs of the whole."""
    for axis, window in zip(shapes.axes, shapes.windows, strict=True):
        positions = np.arange(window.start, window.stop, window.stride)
        more = max(window.size - window.span, 0)
        array = array.take(positions - np.clip(positions - (window.span - 1), 0, more), axis)
    return np.array(np.broadcast_to(array, shapes.output_shape))


def _weights_and_gaps(problem: Problem, convolve: Convolve, make_plan: MakePlan) -> tuple[Array, Array]:
    weights, options = np.asarray(convolve(problem)), problem.options
    if options.dtype.kind == "O":
        return weights, np.asarray(weights == 0, bool)
    clear = _CLEAR * unit_error(make_plan(problem), problem.kernel)
    if (weights > clear).all():
        return weights, np.zeros(weights.shape, bool)
    some, taps = ((array > 0).astype(np.uint8) for array in (problem.signal, problem.kernel))
    counting = dataclasses.replace(options, dtype=np.dtype(np.int64), source=some.dtype, tolerance=None)
    empty = np.asarray(convolve(Problem(some, taps, counting)) == 0)
    if (weights[~empty] <= clear).any():
        tolerance = componentwise_error(options.geometry.taps, options.dtype)
        careful = dataclasses.replace(options, tolerance=tolerance, method="auto")
        weights = np.asarray(convolve(problem._replace(options=careful)))
    return weights, empty
