"""This module chooses the float dtype of a filter that gives no exact quotients.

Errors before rounding are to stay below 0.001 for uint8 and int32, and below 0.01 for uint16. uint16 and
int32 take double precision. uint8 takes single precision, in half of the time, where the estimate of its
error allows that. The estimates are fitted to measured errors of white, black and white, and random images;
`tests/test_quotients.py` holds them against such errors.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from fftconv._engines import TRANSFORMS
from fftconv._error_bound import unit_roundoff
from fftconv._names import Boundary, Method
from fftconv._pixels import plan_pixels

Array = np.ndarray[Any, np.dtype[Any]]
DType = np.dtype[Any]

_FLOAT32, _FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)
COMPUTE: dict[DType, DType] = {
    np.dtype(np.uint8): _FLOAT32,
    np.dtype(np.uint16): _FLOAT64,
    np.dtype(np.int32): _FLOAT64,
    np.dtype(np.float16): _FLOAT32,
    np.dtype(np.float32): _FLOAT32,
    np.dtype(np.float64): _FLOAT64,
}
"""What pixels of every dtype are computed in, at least."""
FLOATS = COMPUTE | {np.dtype(np.uint16): _FLOAT32}
"""What filters give that give floats."""

_LARGEST_ERROR = 1e-3  # of uint8
_SHORT_SUM = 400  # products whose rounding errors hardly ever have the same sign
_OF_TRANSFORM, _OF_TRANSFORMED_LIGHT = 12.0, 36.0  # units of roundoff
_OF_LIGHT = 1.2  # by how much other errors grow where light becomes a stored value


def compute_dtype(
    dtype: DType,
    steps: Sequence[Sequence[Sequence[Array]]],
    shape: tuple[int, ...],
    boundary: Boundary,
    method: Method,
    *,
    is_light: bool = False,
    is_divided: bool = False,
) -> DType:
    """Return the dtype to compute in for an image of this shape and dtype.

    `steps` follow each other; each has branches, and each branch has kernels that follow each other.
    `is_divided` says that results are divided by the weight of valid pixels, which may be next to nothing.
    """
    if dtype != np.uint8:
        return COMPUTE[dtype]
    gain, growth = 1.0, 0.0
    for branches in steps:
        gain *= max((_gain(branch) for branch in branches), default=1.0)
        growths = [
            sum(_growth(taps, shape, boundary, method, is_light, is_divided) for taps in branch)
            for branch in branches
        ]
        growth += max(growths, default=0.0)
    error = 255 * gain * growth * unit_roundoff(_FLOAT32)
    return _FLOAT32 if error < _LARGEST_ERROR else _FLOAT64


def _gain(passes: Sequence[Array]) -> float:
    """Return the largest output of passes over an image of numbers up to 1."""
    return math.prod(float(np.abs(taps).sum()) for taps in passes)


def _growth(
    taps: Array,
    shape: tuple[int, ...],
    boundary: Boundary,
    method: Method,
    is_light: bool,
    is_divided: bool,
) -> float:
    """Return the error of one pass in units of roundoff, relative to its largest possible output."""
    around: Boundary = "zero" if boundary == "missing" else boundary
    plan = plan_pixels(shape, _FLOAT32, taps.astype(_FLOAT32), around, method)
    if is_divided and (plan.method in TRANSFORMS or plan.rank > 1 or (taps < 0).any()):
        return math.inf  # relative to the output itself
    if plan.method in TRANSFORMS:
        return _OF_TRANSFORMED_LIGHT if is_light else _OF_TRANSFORM
    if plan.method == "separable":
        growth = (3 + math.sqrt(sum(taps.shape))) * math.sqrt(plan.rank)
    elif plan.method == "running_sum":
        growth = 3 + math.log2(taps.size)
    elif taps.size <= _SHORT_SUM:
        growth = 3 + math.sqrt(taps.size)
    else:
        growth = taps.size / 4
    return growth * (_OF_LIGHT if is_light else 1)
