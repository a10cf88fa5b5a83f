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

_CLEAR = 2**10  # times the error that a weight may have, it is clear of it

Convolve = Callable[[Problem], Array]
Bound = Callable[[Problem], float]


class _Samples(NamedTuple):
    """What there is: values, 0 where there is none, and weights; both also beyond the edges."""

    values: Array
    weights: Array
    options: Options
    """For the values, with a boundary that engines know."""
    outside: bool
    """Whether what lies beyond the edges counts, where no sample stands there."""


def convolve_missing(problem: Problem, convolve: Convolve, bound: Bound) -> tuple[Array, Array]:
    """Weighted means, NaN where there is nothing, and their weights from 0 to 1.

    `convolve` does a problem without gaps, `bound` says how far off its results may be.
    """
    samples = _read(problem)
    numerator = convolve(Problem(samples.values, problem.kernel, samples.options))
    if samples.weights.dtype.kind == "b" and samples.weights.all() and _is_whole(samples):
        return numerator, np.ones(numerator.shape, _real(numerator.dtype))
    magnitudes, total = _magnitudes(problem)
    of_weights = _weight_problem(samples, magnitudes, problem.options)
    weights, empty = _weigh(of_weights, samples, convolve, bound)
    weights = np.asarray(weights / total)
    if weights.dtype.kind == "f":
        np.clip(weights, 0, 1, out=weights)
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
    options, signal = problem.options, problem.signal
    weights = np.ones(signal.shape, bool) if problem.mask is None else problem.mask
    fill_value, outside = options.fill_value, options.boundary != "missing"
    if options.nan_policy == "omit":
        weights = np.where(is_nan(signal), False, weights) if signal.dtype.kind in "fcO" else weights
        if options.boundary == "constant" and fill_value != fill_value:
            fill_value, outside = 0, False
    values = signal
    if weights.dtype.kind != "b":
        values = np.where(weights > 0, signal, 0) * weights.astype(_real(options.dtype), copy=False)
    elif not weights.all():
        values = np.where(weights, signal, signal.dtype.type(0) if signal.dtype.kind != "O" else 0)
    inner = dataclasses.replace(without_gaps(options), fill_value=fill_value, source=values.dtype)
    return _Samples(values, weights, inner, outside)


def _is_whole(samples: _Samples) -> bool:
    """Whether nothing beyond the edges is missing."""
    geometry = samples.options.geometry
    return samples.outside or geometry.extended_shape == geometry.signal_shape


def _real(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Of the weights for values of this dtype."""
    return np.empty(0, dtype).real.dtype


def _magnitudes(problem: Problem) -> tuple[Array, Any]:
    """|k|, and its sum for every kernel, with as many axes as the signal."""
    options = problem.options
    magnitudes = np.abs(problem.kernel.astype(options.dtype, copy=False))
    total = np.asarray(magnitudes.sum(axis=options.geometry.axes, keepdims=True))
    if options.dtype.kind == "O":  # of integers the weights are fractions
        total = np.array([Fraction(t) if isinstance(t, int) else t for t in total.flat], object).reshape(
            total.shape
        )
    if not (total > 0).all() or not (total < np.inf).all():
        raise ValueError(
            "kernel is all zeros, or holds a NaN or an infinity, and so gives no weights to the samples "
            "that are there; pass finite taps, or no mask, nan_policy='omit' or boundary='missing'"
        )
    return magnitudes, total


def _weight_problem(samples: _Samples, magnitudes: Array, options: Options) -> Problem:
    """Weights instead of values, where 1 stands for every value that counts."""
    real = _real(options.dtype)
    weights = (
        samples.weights.astype(int).astype(object) if real.kind == "O" else samples.weights.astype(real)
    )
    return Problem(weights, magnitudes, _for_weights(samples, real, weights.dtype))


def _for_weights(samples: _Samples, dtype: np.dtype[Any], source: np.dtype[Any]) -> Options:
    boundary = samples.options.boundary
    if boundary in FILLED:
        boundary = "constant" if samples.outside else "zero"
    return dataclasses.replace(
        samples.options,
        boundary=boundary,
        fill_value=1 if boundary == "constant" else 0,
        dtype=dtype,
        source=source,
    )


def _weigh(of_weights: Problem, samples: _Samples, convolve: Convolve, bound: Bound) -> tuple[Array, Array]:
    """The weight in every window, and where there is none: counted, as rounding errors are not 0."""
    weights, options = np.asarray(convolve(of_weights)), of_weights.options
    if options.dtype.kind == "O":
        return weights, np.asarray(weights == 0, bool)
    error = bound(of_weights)
    if (weights > _CLEAR * error).all():
        return weights, np.zeros(weights.shape, bool)
    some, taps = ((array > 0).astype(np.uint8) for array in (of_weights.signal, of_weights.kernel))
    counting = _for_weights(samples, np.dtype(np.int64), some.dtype)
    empty = np.asarray(convolve(Problem(some, taps, counting)) == 0)
    if options.tolerance is None and (weights[~empty] <= _CLEAR * error).any():
        tolerance = componentwise_error(options.geometry.taps, options.dtype)
        careful = dataclasses.replace(options, tolerance=tolerance, method="auto")
        of_weights = of_weights._replace(options=careful)
        weights = np.asarray(convolve(of_weights))
    return weights, empty
