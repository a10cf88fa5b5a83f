"""Exponential tilts: arrays times 2^(s i), under which another part of their convolution is large.

If x and h are tilted by the same slope s, output p of their convolution comes out times 2^(s p), and
nothing else changes.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

_POINTS = 512  # by which a slope is chosen
_STEEPEST = 64.0  # in bits per sample
_SLOPE = 2.0**-20  # slopes are multiples of it, so that their products with positions are exact


def ramp(shape: tuple[int, ...], slopes: Array) -> Array:
    """Sum of slope times position along each axis; exact."""
    total = np.zeros((1,) * len(shape))
    for axis, (size, slope) in enumerate(zip(shape, slopes, strict=True)):
        along = [1] * len(shape)
        along[axis] = size
        total = total + (slope * np.arange(size)).reshape(along)
    return total


@np.errstate(over="ignore")  # of outputs that are not certified
def times_two_to(values: Array, powers: Array, shift: float) -> Array:
    """`values` times 2^(powers + shift), where the powers need not be whole."""
    total = powers + shift
    whole = np.floor(total)
    factors = np.exp2(total - whole)
    exponents = whole.astype(np.int32)
    if values.dtype.kind != "c":
        return np.asarray(np.ldexp(values * factors, exponents))
    result = np.empty(values.shape, values.dtype)
    result.real = np.ldexp(values.real * factors, exponents)
    result.imag = np.ldexp(values.imag * factors, exponents)
    return result


def points(logs: Array) -> tuple[Array, Array]:
    """Positions of the largest values of some parts of an array of logarithms, and these."""
    per_axis = max(2, int(_POINTS ** (1 / logs.ndim)))
    cuts = [np.unique(np.linspace(0, size, min(per_axis, size) + 1).astype(int)) for size in logs.shape]
    positions, largest = [], []
    for corner in itertools.product(*(range(len(cut) - 1) for cut in cuts)):
        part = tuple(slice(cut[i], cut[i + 1]) for i, cut in zip(corner, cuts, strict=True))
        at = np.unravel_index(int(np.argmax(logs[part])), logs[part].shape)
        if logs[part][at] > -np.inf:
            positions.append([int(a) + p.start for a, p in zip(at, part, strict=True)])
            largest.append(logs[part][at])
    return np.array(positions, float), np.array(largest)


def saddle_point(
    points: tuple[tuple[Array, Array], tuple[Array, Array]], dilations: Array, target: Array
) -> Array:
    """Slopes in bits under which the norms of both arrays are smallest, compared with the target.

    The minimum of a convex function, log2(|x_s|_2 |h_s|_2) - s * target.
    """
    (of_samples, of_taps) = ((positions, 2 * logs) for positions, logs in points)
    scaled = of_taps[0] * dilations

    def height(slopes: Array) -> tuple[float, Array]:
        total: float = -float(slopes @ target)
        gradient: Array = -target.astype(float)
        for positions, logs in ((of_samples[0], of_samples[1]), (scaled, of_taps[1])):
            sizes = logs + 2 * positions @ slopes
            most = float(sizes.max())
            weights = np.exp2(sizes - most)
            mass = float(weights.sum())
            total += (most + math.log2(mass)) / 2
            gradient = gradient + weights @ positions / mass
        return total, gradient

    import scipy.optimize  # most convolutions need no tilt

    found = scipy.optimize.minimize(
        height,
        np.zeros(len(dilations)),
        jac=True,
        method="L-BFGS-B",
        bounds=[(-_STEEPEST, _STEEPEST)] * len(dilations),
    )
    return np.asarray(np.round(found.x / _SLOPE) * _SLOPE)
