"""Convolutions that are asked for again: what was read and planned for the first one is kept.

With small arrays more time would go into arguments and plan than into the sum, and a third of it still with
a megapixel of bytes. Both depend on nothing but shape and dtype of the samples, the taps, the options and
the machine's profile, so what was found for equal ones is true for the next call. Not so where samples are
looked at first: integers whose sums could be too large, and NaN, if it is to be refused or left out. Such
calls are read and planned every time.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeGuard

import numpy as np

from fftconv._arguments import Array, Problem, check_out
from fftconv._engines import DEFINITIONS, ENGINES, TRANSFORMS, Convolver, reads, writes
from fftconv._range import is_large, least_output
from fftconv._recording import record
from fftconv.planning import ConvolutionPlan, holds_for_all, plan_problem

MOST_TAPS = 2**10  # which are compared in every call
_NUMBERS = frozenset(map(np.dtype, "?bBhHiIlLqQfdFD"))


class Prepared(NamedTuple):
    """All of a convolution but its samples."""

    plan: ConvolutionPlan
    convolve: Convolver
    dtype: np.dtype[Any]
    """Of the result."""
    least: Any
    """The size of an output that rules out underflow; 0 where there is none."""

    def compute(self, signal: Array, out: Array | None = None) -> Array | None:
        """The result, in `out` if that is given; None if it takes more care.

        So it does where NaN, an infinity or an underflow may have spread, or `out` is part of the signal or
        has the other byte order.
        """
        plan, convolve, dtype, least = self
        if out is None:
            out = np.empty(plan.output_shape, dtype)
        else:
            check_out(out, plan.output_shape, dtype)
            if not out.dtype.isnative or np.may_share_memory(out, signal):
                return None
        if not convolve(signal, out) or (least and not is_large(signal, out, least)):
            return None
        record(plan)
        return out


def prepare(problem: Problem, dtype: np.dtype[Any]) -> Prepared | None:
    """What can be said before the samples are there; None if they, or a provider of FFTs, have a say."""
    options = problem.options
    if problem.has_gaps or options.nan_policy != "propagate" or not holds_for_all(problem):
        return None
    plan = plan_problem(problem)
    arithmetic = plan.compute_dtype
    if plan.is_certified or plan.fft_provider is not None:
        return None
    if not (reads(plan.path, options.source, arithmetic) and writes(plan.path, dtype, arithmetic)):
        return None
    if options.quotient is not None and plan.method in TRANSFORMS and dtype.kind == "f":
        return None  # sums are rounded afterwards
    kernel = np.ascontiguousarray(problem.kernel, arithmetic)
    cannot_underflow = plan.method in DEFINITIONS or dtype.kind not in "fc"
    least = 0 if cannot_underflow else least_output(kernel, options.source)
    if least is None:
        return None
    return Prepared(plan, ENGINES[plan.method](kernel, options, plan.schedule), dtype, least)


def is_kept(signal: Any, kernel: Any) -> TypeGuard[Array]:
    """Whether what is found out about a convolution of these is kept."""
    return type(signal) is np.ndarray and signal.ndim > 0 and signal.dtype.isnative and has_key(kernel)


def has_key(kernel: Any) -> bool:
    """Whether the content of a kernel is a key of what is kept for it."""
    return type(kernel) is np.ndarray and kernel.size <= MOST_TAPS and kernel.dtype in _NUMBERS


def unseen(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """A stand-in for samples of which shape and dtype are known alone."""
    return np.broadcast_to(np.zeros((), dtype), shape)
