"""What stands in the padding of a layer, and the way back from it."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np

from fftconv._arguments import Array
from fftconv._boundary import FILLED, sources
from fftconv._names import Boundary
from fftconv.layers.shapes import LayerAxis

LayerBoundary = Literal["zero", "constant", "nearest", "reflect", "mirror", "wrap"]
LAYER_BOUNDARIES = get_args(LayerBoundary)


def pad(
    samples: Array, axes: tuple[LayerAxis, ...], boundary: Boundary, fill: Any, first: int = 2
) -> Array:
    """The samples, and so many beyond each edge."""
    if not any(axis.before or axis.after for axis in axes):
        return samples
    if boundary in FILLED:
        shape = (*samples.shape[:first], *(axis.padded for axis in axes))
        padded = np.full(shape, fill if boundary == "constant" else 0, samples.dtype)
        inside: tuple[Any, ...] = tuple(slice(axis.before, axis.before + axis.size) for axis in axes)
        padded[(..., *inside)] = samples
        return padded
    for place, axis in enumerate(axes, first):
        samples = samples.take(sources_of(axis, boundary), place)
    return samples


def unpad(gradient: Array, axes: tuple[LayerAxis, ...], boundary: Boundary) -> Array:
    """The transpose of `pad`: what each padded sample has goes to the one it was copied from."""
    for place, axis in enumerate(axes, 2):
        before = (slice(None),) * place
        inside = gradient[(*before, slice(axis.before, axis.before + axis.size))]
        if boundary not in FILLED and (axis.before or axis.after):
            inside = inside.copy()
            source = sources_of(axis, boundary)
            for position in (*range(axis.before), *range(axis.before + axis.size, axis.padded)):
                inside[(*before, source[position])] += gradient[(*before, position)]
        gradient = inside
    return np.ascontiguousarray(gradient)


def sources_of(axis: LayerAxis, boundary: Boundary) -> Array:
    """Which sample stands at each padded position; -1 where it is the fill value."""
    return sources(np.arange(-axis.before, axis.size + axis.after), axis.size, boundary)
