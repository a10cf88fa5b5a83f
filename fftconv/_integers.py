"""Integers: how floats become some, and exact results of 64 bits that cannot be proven in advance to fit.

An engine that adds in int64 wraps, but it wraps modulo 2^64, so what comes out is the true sum less a
multiple of 2^64. A float64 convolution of the same data is near enough to the true sum to tell which
multiple. Transforms convolve digit by digit, see `_limbs`, and lose nothing.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from fftconv._arguments import Options, Problem
from fftconv._engines import ENGINES, TRANSFORMS, add_up, reads, writes
from fftconv._error_bound import direct_error_factor
from fftconv._geometry import bank
from fftconv._limbs import put_together, split
from fftconv._quotients import saturate
from fftconv._spectra import kept_here
from fftconv.planning import ConvolutionPlan, plan_problem

Array = np.ndarray[Any, np.dtype[Any]]

_FLOAT64 = np.dtype(np.float64)


def round_to(numbers: Array, dtype: np.dtype[Any]) -> Array:
    """Numbers as this dtype; floats become integers by rounding half to even and saturating."""
    if numbers.dtype.kind != "f" or dtype.kind not in "iu":
        with np.errstate(over="ignore"):  # beyond 65504, the largest of float16, is infinity
            return numbers.astype(dtype, copy=False)
    return saturate(np.rint(numbers), dtype)


def convolve_in_limbs(problem: Problem, plan: ConvolutionPlan) -> Array:
    """The true integers, by an engine that is exact for the digits of the data."""
    options, limbs = problem.options, plan.schedule.limbs
    assert limbs is not None
    geometry = options.geometry
    of_signal = split(problem.signal, limbs.bits, limbs.of_signal)
    of_fill = split(np.array([options.fill_value], options.dtype), limbs.bits, limbs.of_signal)
    of_kernel = split(problem.kernel, limbs.bits, limbs.of_kernel)
    taps = of_kernel.astype(_FLOAT64)
    banked = dataclasses.replace(options, geometry=bank(geometry, limbs.of_kernel), quotient=None)
    digits = np.zeros((limbs.digits, *geometry.output_shape), np.int64)
    products = np.empty(banked.geometry.output_shape, np.int64)
    computed = (
        products if writes(plan.path, products.dtype, _FLOAT64) else np.empty(products.shape, _FLOAT64)
    )
    with kept_here():  # the kernel's are used again and again
        for i, (samples, outside) in enumerate(zip(of_signal, of_fill, strict=True)):
            source = samples if reads(plan.path, samples.dtype, _FLOAT64) else samples.astype(_FLOAT64)
            filled = dataclasses.replace(banked, fill_value=int(outside[0]))
            ENGINES[plan.method](taps, filled, plan.schedule)(source[np.newaxis], computed)
            if computed is not products:
                products[...] = np.rint(computed, out=computed)
            digits[i : i + limbs.of_kernel] += products
    result = put_together(digits, limbs.bits, options.dtype)
    if result is None:
        raise _overflow(options)
    return result


def check_overflow(problem: Problem, wrapped: Array) -> None:
    """Raise OverflowError unless every element of `wrapped` is the true integer."""
    options = problem.options
    signal, kernel = problem.signal.astype(_FLOAT64), problem.kernel.astype(_FLOAT64)
    magnitude = add_up(np.abs(signal), np.abs(kernel), options)
    error = magnitude * direct_error_factor(options.geometry.taps, _FLOAT64)
    if error.max() < 2.0**61:
        estimate = add_up(signal, kernel, options)
        if np.rint((estimate - wrapped) / 2.0**64).any():
            raise _overflow(options)
    elif (plan := _plan_in_limbs(problem)) is not None:
        convolve_in_limbs(problem, plan)
    else:
        exact = add_up(problem.signal.astype(object), problem.kernel.astype(object), options)
        if (exact != wrapped.astype(object)).any():
            raise _overflow(options)


def _plan_in_limbs(problem: Problem) -> ConvolutionPlan | None:
    """Of an engine that puts the same integers together without loss; None if there is not the memory."""
    for method in TRANSFORMS:
        options = dataclasses.replace(problem.options, method=method)
        try:
            plan = plan_problem(problem._replace(options=options))
        except ValueError:
            continue
        if plan.schedule.limbs is not None:
            return plan
    return None


def _overflow(options: Options) -> OverflowError:
    dtype = options.dtype
    largest = np.iinfo(dtype).max
    range_of = f"largest possible: {largest}" if dtype.kind == "i" else f"0 to {largest}"
    return OverflowError(
        f"the exact result does not fit {dtype} ({range_of}); convert the signal with "
        f"numpy.asarray(signal, object) for integers of any size, or with numpy.asarray(signal, float) for "
        f"rounded ones"
    )
