"""Pictures that do not fit into the memory allowed: filtered in parts, from TIFF to TIFF, or refused."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import UnidentifiedImageError

from fftconv._files import complete_file, open_file
from fftconv._recording import recorded_plans
from fftconv.image import decoding, deep
from fftconv.image.bands import Banding, find_see_through, most_rows, plan_banding
from fftconv.image.encoding import check_format
from fftconv.image.large import TiffRows, open_rows, write_rows, writer_bytes
from fftconv.image.light import with_profile
from fftconv.image.pixels import Array, Sketch, mode_of
from fftconv.image.precision import FLOATS
from fftconv.image.processing import Recipe, has_opacity, is_direct, numbers_dtype, recipe_of

_BESIDE = 100 * 2**20  # bytes of the interpreter and its libraries, where the system does not tell
_SCANNED_AT_ONCE = 2**22  # bytes of pixels that are read together to find their opacity
_PIXEL_COPIES, _NUMBER_COPIES = 4, 8  # of a whole picture, at most
_TRANSFORM_COPIES = 16  # instead of the latter: Richardson-Lucy in float64 takes 53 bytes per grey pixel


class PartsReport(NamedTuple):
    """What was done in parts."""

    shape: tuple[int, ...]
    methods: tuple[str, ...]
    filter_seconds: float


def resident_bytes() -> int:
    """Memory that this process has now, with the libraries that it will have."""
    if deep.installed():
        import_module("imagecodecs")
        import_module("tifffile")
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return _most_resident()
    import resource

    return pages * resource.getpagesize()


def _most_resident() -> int:
    """The most that this process has had, on systems that tell."""
    try:
        import resource
    except ImportError:
        return _BESIDE
    unit = 1 if sys.platform == "darwin" else 1024
    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * unit


def filter_in_parts(
    origin: Path,
    goal: Path,
    function: Callable[..., Any],
    parameters: dict[str, Any],
    room: int,
    max_pixels: int | None,
) -> PartsReport | None:
    """Filter a picture for which there are `room` bytes; None if it fits as a whole, and is left alone."""
    with open_file(origin) as file:
        try:
            sketch, frames = decoding.sketch(file)
        except UnidentifiedImageError:
            return None  # whoever reads the whole says so
        except Exception as error:  # a damaged file makes decoders raise almost anything
            raise ValueError(f"{origin} cannot be decoded: {error}") from error
        recipe = recipe_of(function, sketch, parameters)
        needed = _whole_bytes(recipe, sketch, frames)
        if needed <= room:
            return None
        lack = f"{origin} would take some {needed} bytes, and max_memory leaves {max(room, 0)}; "
        if recipe is None:
            raise ValueError(f"{lack}only the filters of this package work in parts")
        if check_format(goal) != "TIFF" or not deep.is_tiff(file):
            raise ValueError(
                f"{lack}parts can be filtered from TIFF to TIFF, not from {origin.suffix} to {goal.suffix}"
            )
        try:
            if frames > 1:
                raise ValueError(f"it holds {frames} frames")
            rows = open_rows(file)
        except ValueError as error:
            raise ValueError(f"{lack}it cannot be filtered in parts: {error}") from error
        sketch = Sketch(rows.shape, rows.dtype)
        if max_pixels is not None and math.prod(sketch.shape[:2]) > max_pixels:
            raise ValueError(f"{origin} {decoding.too_large(rows.shape[1], rows.shape[0], 1, max_pixels)}")
        recipe = function(sketch, **with_profile(parameters, rows.metadata.icc_profile))
        see_through = None
        if has_opacity(*sketch, recipe.settings.alpha):
            at_once = 1 + _SCANNED_AT_ONCE // (math.prod(sketch.shape[1:]) * sketch.dtype.itemsize)
            try:
                see_through = find_see_through(rows.read, sketch.shape[0], at_once)
            except ValueError as error:
                raise ValueError(f"{origin}: {error}") from error
        banding = plan_banding(recipe, sketch, see_through)
        try:
            at_once = most_rows(banding, room - rows.part_bytes - writer_bytes(*sketch))
        except ValueError as error:
            raise ValueError(f"{lack}{error}") from error
        return _run(banding, rows, at_once, origin, goal)


def _whole_bytes(recipe: Recipe | None, sketch: Sketch, frames: int) -> int:
    """What it takes to read, filter and write the whole."""
    numbers = math.prod(sketch.shape) * frames
    each = _PIXEL_COPIES * sketch.dtype.itemsize
    if recipe is None:
        each += _NUMBER_COPIES * np.dtype(np.float64).itemsize
    elif not is_direct(recipe.steps, *sketch, recipe.settings):
        whole = any(step.transform is not None for step in recipe.steps)
        copies = _TRANSFORM_COPIES if whole else _NUMBER_COPIES
        see_through = has_opacity(*sketch, recipe.settings.alpha) or None
        each += copies * numbers_dtype(recipe.steps, *sketch, recipe.settings, see_through).itemsize
    return numbers * each


def _run(banding: Banding, rows: TiffRows, at_once: int, origin: Path, goal: Path) -> PartsReport:
    reading = 0.0

    def read(first: int, last: int) -> Array:
        nonlocal reading
        begun = time.perf_counter()
        try:
            return rows.read(first, last)
        except ValueError as error:
            raise ValueError(f"{origin}: {error}") from error
        finally:
            reading += time.perf_counter() - begun

    filtering = 0.0

    def bands() -> Iterator[Array]:
        nonlocal filtering
        produced = banding.run(read, at_once)
        while True:
            begun, before = time.perf_counter(), reading
            band = next(produced, None)
            filtering += time.perf_counter() - begun - (reading - before)
            if band is None:
                return
            yield band
            del band  # before the next one is made

    steps, settings = banding.recipe
    shape, dtype = rows.shape, rows.dtype
    if steps[-1].gives_float:
        dtype = FLOATS[dtype]
    if any(step.in_grey for step in steps) and len(shape) == 3:
        shape = (*shape[:2], 2) if has_opacity(*banding.sketch, settings.alpha) else shape[:2]
    metadata = rows.metadata
    if len(shape) != len(rows.shape):  # grey, of which a profile of colours says nothing
        metadata = replace(metadata, icc_profile=None)
    check_format(goal, mode_of(np.empty((1, 1, *shape[2:]), dtype)))
    with recorded_plans() as plans, complete_file(goal) as temporary:
        try:
            write_rows(temporary, bands(), shape, dtype, metadata, compressed=rows.compression != 1)
        except OSError as error:  # numpy says neither what is wrong with a disk, nor with which file
            raise OSError(error.errno, error.strerror or f"ends early, {error}", str(goal)) from error
    return PartsReport(rows.shape, tuple(dict.fromkeys(plan.method for plan in plans)), filtering)
