"""Normalised correlation: how alike a template and what lies under it are, whatever their level and
loudness.

(J. P. Lewis, "Fast normalized cross-correlation", Vision Interface (1995) 120-123.)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fftconv._arguments import read_array
from fftconv._checks import check_finite
from fftconv.convolution import correlate

Array = np.ndarray[Any, np.dtype[Any]]

_ACCURACY = 1e-9  # of a match, relative to the products under the template, however quiet
_MOST_TAPS = 10**6  # which that can be had for; with more, what can be


def check_threshold(threshold: float) -> float:
    """The least score of a match."""
    least = check_finite("threshold", threshold)
    if not 0 < least <= 1:
        raise ValueError(f"threshold={threshold!r} is not accepted; pass a number above 0, at most 1")
    return least


def read_numbers(name: str, values: Any, shapes: dict[int, str]) -> Array:
    """Read an image, a sound or a template as float64.

    `shapes` names the accepted shapes by their number of axes.

    The numbers are scaled as by `scale_to_one`, which scores do not depend on.
    """
    array = read_array(name, values)
    if array.ndim not in shapes or array.dtype.kind not in "biuf":
        raise ValueError(
            f"{name} has shape {array.shape} and dtype {array.dtype}; accepted are real numbers of shape "
            f"{' or '.join(shapes.values())}"
        )
    if not np.isfinite(array).all():
        raise ValueError(
            f"{name} holds NaN or infinity; replace them, for example by fftconv.interpolate_missing"
        )
    return scale_to_one(array.astype(np.result_type(array.dtype, np.float64))).astype(np.float64)


def scale_to_one(values: Array) -> Array:
    """Return the values times the power of two that brings the largest magnitude to at least 1/2, below 1.

    So squares and sums neither overflow nor underflow, and no digit changes.
    """
    _, exponent = np.frexp(np.abs(values).max())
    return np.asarray(np.ldexp(values, -exponent))


def match_scores(samples: Array, template: Array, weights: Array) -> Array:
    """Between -1 and 1 for every place where the template lies inside; 0 where the samples are flat.

    `weights` say how much each sample of the template counts; samples and template are float64, and come
    from `read_numbers`.
    """
    counts = weights > 0
    template, weights = scale_to_one(np.where(counts, template, 0)), scale_to_one(weights)
    total = float(weights.sum())
    deviations = np.where(counts, template - (weights * template).sum() / total, 0)
    centred = weights * deviations
    own_energy = float((centred * deviations).sum())
    limits = np.finfo(np.float64)
    unit, size = float(limits.eps), template.size
    if own_energy <= (size * unit * np.abs(template).max()) ** 2:
        raise ValueError("template is flat; it needs values that differ")
    # Of each window both count: a quiet one beside loud ones is exact as it is, one on a high level once
    # that has been taken away. What cancels, or underflows, leaves errors of so much, among which there is
    # nothing to find.
    scores: Array = np.zeros([n - m + 1 for n, m in zip(samples.shape, template.shape, strict=True)])
    accuracy: str | float = _ACCURACY if size <= _MOST_TAPS else "componentwise"
    sharpest = np.full(scores.shape, 4 * size * unit)
    for level in (0.0, float(samples.mean())):
        moved = samples - level
        sums, squares = (
            correlate(values, weights, mode="valid", accuracy="componentwise")
            for values in (moved, moved**2)
        )
        energy = squares - sums**2 / total
        better = energy > np.maximum(sharpest * squares, size * float(limits.tiny))
        sharpest[better] = energy[better] / squares[better]
        matches = correlate(moved, centred, mode="valid", accuracy=accuracy)
        scores[better] = matches[better] / np.sqrt(own_energy) / np.sqrt(energy[better])
    return np.clip(scores, -1, 1)
