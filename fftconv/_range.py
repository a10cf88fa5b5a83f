"""Whether numbers were far enough from the smallest ones for a transform, or for factors, to be accurate.

Transforms and factors multiply what the definition does not, and what comes out may be too small to have
all its digits, or any. An overflow shows itself, as NaN and infinity; an underflow does not, so it is ruled
out: an output of ordinary size says that there are samples of ordinary size, and a few are looked at.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

_LOOKED_AT = 5  # outputs along each axis


def is_in_range(signal: Array, kernel: Array, out: Array) -> bool:
    """Whether no product of spectra of these arrays can have lost digits to underflow.

    With e the exponent of the smallest normal number, the largest tap must be above 2^(e/3) and the largest
    sample above 2^(e/2). What an underflow changes is then below the error that rounding is allowed.
    """
    if out.dtype.kind not in "fc":
        return True
    least = least_output(kernel, signal.dtype)
    return least is not None and bool(least == 0 or is_large(signal, out, least))


@np.errstate(over="ignore")
def least_output(kernel: Array, source: np.dtype[Any]) -> Any:
    """The size of an output that says that there are large samples; None if the taps are too small.

    0 where samples are integers, or all taps 0, so that nothing is too small.
    """
    least_square, smallest = _limits(kernel.dtype)
    taps = kernel.ravel()
    square = np.vdot(taps, taps).real  # at least that of the largest tap
    if not square >= least_square * taps.size:
        return None if taps.any() else 0
    if source.kind in "biu":
        return 0
    # An output is at most the largest sample times the sum of the taps, so times their number and norm.
    return smallest * np.sqrt(square) * taps.size


@np.errstate(over="ignore")
def is_large(signal: Array, out: Array, least: Any) -> bool:
    """Whether there is an output of this size, or a sample that is large enough."""
    if abs(out[tuple(size // 2 for size in out.shape)]) >= least:
        return True
    looked_at = tuple(slice(None, None, max(1, size // (_LOOKED_AT - 1))) for size in out.shape)
    if np.abs(out[looked_at]).max() >= least:
        return True
    _, smallest = _limits(out.dtype)
    largest = np.abs(signal).max()
    return bool(largest >= smallest or largest == 0)


@lru_cache(maxsize=16)
def _limits(dtype: np.dtype[Any]) -> tuple[Any, Any]:
    """Of the largest tap, its square; of the largest sample."""
    least = np.finfo(dtype)
    one = least.dtype.type(1)
    return np.ldexp(one, 2 * (least.minexp // 3)), np.ldexp(one, least.minexp // 2)


def exponent(values: Array) -> int:
    """The power of two at or below the largest part of any value."""
    parts = (values.real, values.imag) if values.dtype.kind == "c" else (values,)
    largest = max(max(part.max(), -part.min()) for part in parts)
    return int(np.frexp(largest)[1]) - 1 if largest else 0


def extreme_power(*arrays: Array) -> int:
    """The power of two of the largest value; 0 if products of such values are of an ordinary size."""
    power = max(exponent(array) for array in arrays)
    return power if abs(power) > np.finfo(arrays[0].dtype).maxexp // 8 else 0


def times_power(values: Array, power: int) -> Array:
    """`values` times 2^power, exactly; in two steps, as the power itself may overflow."""
    if power == 0:
        return values
    one = values.dtype.type(1).real
    first = power // 2
    return np.asarray(values * np.ldexp(one, first) * np.ldexp(one, power - first))
