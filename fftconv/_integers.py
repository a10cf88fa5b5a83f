"""Integers: how floats become some, and exact int64 results that cannot be proven in advance to fit.

Those are computed, then checked. int64 arithmetic wraps, but it wraps modulo 2^64, so what comes out is the
true sum less a multiple of 2^64. A float64 convolution of the same data is near enough to the true sum to
tell which multiple.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fftconv._arguments import Problem
from fftconv._engines import ENGINES, Schedule
from fftconv._error_bound import direct_error_factor

Array = np.ndarray[Any, np.dtype[Any]]


def round_to(numbers: Array, dtype: np.dtype[Any]) -> Array:
    """Numbers as this dtype; floats become integers by rounding half to even and saturating."""
    if numbers.dtype.kind != "f" or dtype.kind not in "iu":
        return numbers.astype(dtype, copy=False)
    limits = np.iinfo(dtype)
    return np.clip(np.rint(numbers), limits.min, limits.max).astype(dtype)


def check_overflow(problem: Problem, wrapped: Array) -> None:
    """Raise OverflowError unless every element of `wrapped` is the true integer."""
    if _has_overflowed(problem, wrapped):
        raise OverflowError(
            f"the exact result does not fit int64 (largest possible: {2**63 - 1}); convert the "
            f"signal with signal.astype(object) for integers of any size, or with "
            f"signal.astype(float) for rounded ones"
        )


def _has_overflowed(problem: Problem, wrapped: Array) -> bool:
    float64 = np.dtype(np.float64)
    signal, kernel = problem.signal.astype(float64), problem.kernel.astype(float64)
    options = problem.options
    estimate = _direct(signal, kernel, problem, float64)
    magnitude = _direct(np.abs(signal), np.abs(kernel), problem, float64)
    error = magnitude * direct_error_factor(options.geometry.taps, float64)
    if error.max() < 2.0**61:
        return bool(np.rint((estimate - wrapped) / 2.0**64).any())
    exact = _direct(problem.signal.astype(object), problem.kernel.astype(object), problem, np.dtype(object))
    return bool((exact != wrapped.astype(object)).any())


def _direct(signal: Array, kernel: Array, problem: Problem, dtype: np.dtype[Any]) -> Array:
    out = np.empty(problem.options.geometry.output_shape, dtype)
    ENGINES["direct"](signal, kernel, problem.options, Schedule(), out)
    return out
