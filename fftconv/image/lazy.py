"""Images that are dask arrays: filtered band by band when asked for, to the same pixels as in memory.

Bands are cut as those of files larger than memory (see `bands`); each is a task that reads its rows.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import dask.array as da
import numpy as np
from dask.delayed import delayed

from fftconv._arrays import check_losses
from fftconv._arrays.lazy import plain_chunks
from fftconv.image.bands import plan_banding
from fftconv.image.pixels import Sketch
from fftconv.image.processing import Recipe, full_scale, has_opacity, process_pixels, read_pixels


def sketch_lazily(image: Any) -> Sketch:
    """Shape and dtype of an image that is not looked at yet, checked."""
    if any(np.isnan(size) for size in image.shape):
        raise ValueError("image has chunks of unknown size; call image.compute_chunk_sizes() first")
    if isinstance(image._meta, np.ma.MaskedArray):
        cure = "dask.array.ma.filled(image, 0)"
        raise TypeError(f"image is a masked dask array, whose mask would be lost; fill it with {cure}")
    check_losses("image", image._meta)
    return Sketch(image.shape, read_pixels(np.broadcast_to(np.zeros((), image.dtype), image.shape)).dtype)


def process_lazily(image: Any, recipe: Recipe) -> Any:
    """A dask array of the filtered pixels, cut into bands of whole rows."""
    sketch = sketch_lazily(image)
    steps, settings = recipe
    settings = dataclasses.replace(settings, workers=settings.workers or 1)  # dask has threads of its own
    try:
        banding = plan_banding(Recipe(steps, settings), sketch)
    except ValueError as error:
        reason = str(error).partition(";")[0]
        raise ValueError(f"{reason}, and this one is a dask array; compute it first") from None
    result = process_pixels(np.zeros((1, 1, *image.shape[2:]), sketch.dtype), steps, settings)
    height = image.shape[0]
    largest = math.prod(max(sizes) for sizes in image.chunks)
    across = math.prod(image.shape[1:])
    # About as many pixels as the largest chunk has, though bands are whole rows.
    rows = max(largest // across // banding.step, 1) * banding.step
    whole_rows = (
        plain_chunks("image", image).astype(sketch.dtype).rechunk(dict.fromkeys(range(1, image.ndim), -1))
    )
    see_through = None
    if has_opacity(*sketch, settings.alpha):
        see_through = delayed((whole_rows[..., -1] != full_scale(sketch.dtype)).any())
    work = delayed(_process_band, pure=True)
    shared = delayed(Recipe(steps, settings))
    parts = []
    for first in range(0, height, rows):
        last = min(first + rows, height)
        bands = banding.bands(first, last)
        have = bands[0].have if bands else (first, last)
        part = work(whole_rows[slice(*have)], shared, bands, see_through)
        shape = (last - first, image.shape[1], *result.shape[2:])
        parts.append(da.from_delayed(part, shape, result.dtype))
    return da.concatenate(parts)


def _process_band(rows: Any, recipe: Recipe, bands: Any, see_through: Any) -> Any:
    see = None if see_through is None else bool(see_through)
    return process_pixels(np.asarray(rows), recipe.steps, recipe.settings, bands, see_through=see)
