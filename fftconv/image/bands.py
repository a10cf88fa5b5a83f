"""Images that are not in memory as a whole: bands of rows, each filtered as it is when the whole is there.

A pass reads rows above and below its outputs, and some engines begin anew only every so many rows; so what
a band needs is found out from the last pass back to the first.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from fftconv._arguments import Array
from fftconv._pixels import Band, RowPlan, plan_rows
from fftconv.image.pixels import Sketch
from fftconv.image.processing import (
    Recipe,
    divides,
    fractions_of,
    has_opacity,
    is_direct,
    is_see_through,
    kernel_for,
    numbers_dtype,
    process_pixels,
)

_WHOLE = ("wrap", "missing")  # boundaries that need more of the image than is near
# Of rows in the dtype of the arithmetic, at most, where pixels are not filtered as they are.
_COPIES = 8

ReadRows = Callable[[int, int], Array]


@dataclass(frozen=True, slots=True, eq=False)
class Banding:
    """How an image is filtered band by band."""

    recipe: Recipe
    sketch: Sketch
    passes: tuple[RowPlan, ...]
    dtype: np.dtype[Any]
    """Of the arithmetic, the widest that may be needed."""
    see_through: bool | None
    """Whether opacity is anywhere less than full, if that is known."""

    @property
    def step(self) -> int:
        """Rows that a band is a multiple of."""
        return self.passes[-1].period if self.passes else 1

    def bands(self, first: int, last: int) -> list[Band]:
        """Of each pass, the rows that it has and those that it gives, so that the last gives these."""
        height = self.sketch.shape[0]
        wants, need = [], (first, last)
        for plan in reversed(self.passes):
            want = _align(need, plan.period, height)
            wants.append(want)
            need = _reads(want, plan, height)
        gives = wants[::-1]
        haves = [need, *gives]  # the rows that one pass gives are those that the next one has
        return [Band(height, have, want) for have, want in zip(haves, gives, strict=False)]

    def bytes_for(self, rows: int) -> int:
        """Memory that a band of so many rows takes in the middle of the image, at most."""
        height = self.sketch.shape[0]
        start = (height // 2) // self.step * self.step
        last = min(start + rows, height)
        bands = self.bands(max(last - rows, 0) // self.step * self.step, last)
        most = max([last - start, *(band.have[1] - band.have[0] for band in bands)])
        return most * self._row_bytes() + max((plan.bytes for plan in self.passes), default=0)

    def _row_bytes(self) -> int:
        numbers = math.prod(self.sketch.shape[1:])
        if is_direct(self.recipe.steps, *self.sketch, self.recipe.settings):
            return 2 * numbers * self.sketch.dtype.itemsize
        return numbers * (2 * self.sketch.dtype.itemsize + _COPIES * self.dtype.itemsize)

    def run(self, read: ReadRows, rows: int) -> Iterator[Array]:
        """The filtered rows, so many at a time, which is a multiple of `step`."""
        height = self.sketch.shape[0]
        see_through = self.see_through
        if see_through is None and has_opacity(*self.sketch, self.recipe.settings.alpha):
            see_through = find_see_through(read, height, rows)
        for first in range(0, height, rows):
            last = min(first + rows, height)
            bands = self.bands(first, last)
            have = bands[0].have if bands else (first, last)
            steps, settings = self.recipe
            yield process_pixels(read(*have), steps, settings, bands, see_through=see_through)


def find_see_through(read: ReadRows, height: int, rows: int) -> bool:
    """Tell whether opacity is anywhere less than full; `rows` rows are read at a time."""
    return any(is_see_through(read(first, min(first + rows, height))) for first in range(0, height, rows))


def plan_banding(recipe: Recipe, sketch: Sketch, see_through: bool | None = None) -> Banding:
    """The passes of a recipe over such an image, with what each needs.

    Where there is opacity, but `see_through` is not known, they are those for both kinds of images.
    """
    steps, settings = recipe
    if settings.boundary in _WHOLE or settings.mask is not None:
        what = "mask=" if settings.mask is not None else f"boundary={settings.boundary!r}"
        raise ValueError(
            f"{what} needs the whole image in memory; raise max_memory, or choose another boundary"
        )
    height, width = sketch.shape[:2]
    if any(step.transform is not None for step in steps):
        raise ValueError("this filter needs the whole image in memory; raise max_memory")
    opacity = has_opacity(*sketch, settings.alpha)
    kinds = [see_through] if see_through is not None or not opacity else [False, True]
    floats = [numbers_dtype(steps, *sketch, settings, kind) for kind in kinds]
    is_exact = fractions_of(steps, *sketch, settings) is not None
    # A picture with opacity is filtered to quotients, which are exact however rows are cut, or to numbers.
    as_they_are = is_direct(steps, *sketch, settings) or (is_exact and not opacity)
    dtypes = [sketch.dtype] if as_they_are else floats
    colours: tuple[int, ...] = sketch.shape[2:]
    if colours:
        colours = (colours[0] - opacity,)

    def plan(shape: tuple[int, ...], dtype: np.dtype[Any], taps: Array) -> RowPlan:
        kernel = kernel_for(shape, dtype, taps, settings)
        return plan_rows(shape, dtype, kernel, settings.boundary, settings.method, settings.workers)

    found = []
    for step in steps:
        if step.in_grey:
            colours = (1,) if opacity else ()
        planes = []
        for kind, computed in zip(kinds, dtypes, strict=True):
            with_opacity = divides(Recipe((step,), settings), kind)
            channels = (colours[0] + 1,) if with_opacity else colours
            planes.append(((height, width, *channels), computed))
        found += [
            _together([plan(*plane, taps) for plane in planes for taps in kernels], height)
            for kernels in zip(*step.branches, strict=True)
        ]
    return Banding(recipe, sketch, tuple(found), max(floats, key=lambda each: each.itemsize), see_through)


def _together(plans: list[RowPlan], height: int) -> RowPlan:
    return RowPlan(
        max(plan.above for plan in plans),
        max(plan.below for plan in plans),
        min(math.lcm(*(plan.period for plan in plans)), height),
        max(plan.bytes for plan in plans),
        sum(plan.seconds for plan in plans),
    )


def _align(rows: tuple[int, int], period: int, height: int) -> tuple[int, int]:
    """The least range of whole periods that holds these rows."""
    return rows[0] // period * period, min(-(-rows[1] // period) * period, height)


def _reads(want: tuple[int, int], plan: RowPlan, height: int) -> tuple[int, int]:
    """The rows that outputs read; beyond an edge of the image, those that stand for what is there."""
    first, last = want[0] - plan.above, want[1] + plan.below
    mirrored_top = -first + 1 if first < 0 else 0
    mirrored_bottom = 2 * height - last - 1 if last > height else height
    return max(min(first, mirrored_bottom), 0), min(max(last, mirrored_top), height)


def most_rows(banding: Banding, room: int) -> int:
    """As many rows at a time as fit into so many bytes; ValueError says how many bytes would do."""
    height, step = banding.sketch.shape[0], banding.step
    least = banding.bytes_for(min(step, height))
    if least > room:
        raise ValueError(
            f"{max(room, 0)} bytes are left for pixels, and the least part that this filter can do takes "
            f"{least}; raise max_memory by {least - room}"
        )
    low, high = 1, max(-(-height // step), 1)
    while low < high:
        middle = (low + high + 1) // 2
        if banding.bytes_for(min(middle * step, height)) <= room:
            low = middle
        else:
            high = middle - 1
    return min(low * step, height)
