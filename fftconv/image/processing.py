"""From pixels to numbers, step by step through kernels, and back to pixels: the one place that knows of
alpha, light, rounding and missing pixels.

Integer images are rounded half to even and saturated once, at the end. A filter whose taps are fractions
of one divisor gives them exact quotients of integers, see `fftconv._quotients`; others are computed in
float (uint8 in float32, uint16 and int32 in float64). Colours are weighted with their opacity before
filtering (premultiplied) so that invisible pixels do not bleed into visible ones, and divided by the
filtered opacity, in float64: where that is half a step of 16 bits, the division takes 17 bits away.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import zip_longest
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image

from fftconv._arguments import Array, read_array, read_mask
from fftconv._arrays import package_of
from fftconv._boundary import FILLED
from fftconv._engines import TRANSFORMS
from fftconv._error_bound import fft_error_factor
from fftconv._integers import round_to
from fftconv._names import Boundary, Method, check_name
from fftconv._pixels import Band, Kernel, correlate_pixels
from fftconv._plan import ConvolutionPlan, unit_error
from fftconv._quotients import MOST_DIVISOR, Fractions, as_fractions
from fftconv._recording import recorded_plans
from fftconv.convolution import correlate
from fftconv.image.light import InLight, converters, light_of, luminance
from fftconv.image.pixels import Sketch, pixels_of, to_picture
from fftconv.image.precision import COMPUTE, FLOATS, compute_dtype
from fftconv.image.steps import Step

ImageT = TypeVar("ImageT", Array, Image.Image)

# What full opacity is. Only 8- and 16-bit images are taken to have it because of their channels.
_OPAQUE = {
    np.dtype(np.uint8): 255.0,
    np.dtype(np.uint16): 65535.0,
    np.dtype(np.float16): 1.0,
    np.dtype(np.float32): 1.0,
    np.dtype(np.float64): 1.0,
}
DIVISION = np.dtype(np.float64)  # of colours by their opacity
_GREY_MODES = {"RGB": "L", "RGBA": "LA"}


@dataclass(frozen=True, slots=True)
class Settings:
    """What all filters are told: see `fftconv.image.gaussian_blur`."""

    boundary: Boundary = "reflect"
    mask: ArrayLike | None = None
    alpha: bool | None = None
    method: Method = "auto"
    workers: int | None = None

    def __post_init__(self) -> None:
        check_name("boundary", self.boundary)
        check_name("method", self.method)

    @property
    def has_gaps(self) -> bool:
        """Whether samples may be missing."""
        return self.mask is not None or self.boundary == "missing"


class Recipe(NamedTuple):
    """What a filter would do to an image like the one sketched."""

    steps: tuple[Step, ...]
    settings: Settings


def recipe_of(function: Callable[..., Any], sketch: Sketch, parameters: dict[str, Any]) -> Recipe | None:
    """What a filter of this package would do; None for any other function."""
    if not getattr(function, "__module__", "").startswith("fftconv.image."):
        return None
    recipe = function(sketch, **parameters)
    return recipe if isinstance(recipe, Recipe) else None


def kernels_of(function: Callable[..., Any], image: Array, parameters: dict[str, Any]) -> list[Array]:
    """The kernels that a filter lays on such an image."""
    recipe = recipe_of(function, Sketch(image.shape, image.dtype), parameters)
    steps = recipe.steps if recipe is not None else ()
    return [taps for step in steps for branch in step.branches for taps in branch]


def process(image: ImageT, steps: Sequence[Step], settings: Settings) -> ImageT:
    """An image, PIL or of numbers, through all steps; of a sketch, the recipe."""
    if settings.alpha is not None and not isinstance(settings.alpha, bool):
        raise TypeError(f"alpha={settings.alpha!r} is not accepted; pass True, False or None")
    steps = tuple(_with_passes(step, settings) for step in steps)
    if isinstance(image, Sketch):
        return cast(Any, Recipe(steps, settings))
    if isinstance(image, Image.Image):
        return _process_picture(image, steps, settings)
    if package_of(image) == "dask":
        from fftconv.image.lazy import process_lazily  # with dask

        return cast(ImageT, process_lazily(image, Recipe(steps, settings)))
    return process_pixels(read_pixels(image), steps, settings)


def _process_picture(image: Image.Image, steps: Sequence[Step], settings: Settings) -> Image.Image:
    pixels, mode = pixels_of(image)
    has_alpha = mode in ("LA", "RGBA")
    if settings.alpha and not has_alpha:
        raise ValueError(f"alpha=True, but an image of mode {mode} has no opacity; leave alpha out")
    asked = _of_colour(steps)
    if mode == "CMYK" and asked:
        raise ValueError(f"{asked} is for grey and RGB images; convert this one of mode CMYK first")
    grey = any(step.in_grey for step in steps)
    if pixels.ndim == 3 and not grey and steps[-1].gives_float:
        raise ValueError(
            "signed='float' gives floats, of which Pillow has no colours; pass numpy.asarray(image)"
        )
    alpha = has_alpha if settings.alpha is None else settings.alpha
    profile = image.info.get("icc_profile")
    if profile:
        steps = [replace(step, in_light=profile) if step.in_light is True else step for step in steps]
    filtered = process_pixels(pixels, steps, replace(settings, alpha=alpha))
    if steps[-1].gives_float:
        filtered = filtered.astype(np.float32, copy=False)  # the one kind of floats that Pillow has
    dropped = {"transparency"}
    if grey and mode in _GREY_MODES:
        mode = _GREY_MODES[mode]
        dropped.add("icc_profile")  # which is of colours
    picture = to_picture(filtered, mode)
    picture.info = {key: value for key, value in image.info.items() if key not in dropped}
    return picture


def read_pixels(image: Any) -> Array:
    """Numbers that are pixels."""
    pixels = read_array("image", image)
    if pixels.dtype not in COMPUTE or pixels.ndim not in (2, 3):
        accepted = ", ".join(str(dtype) for dtype in COMPUTE)
        cure = ""
        if pixels.dtype.kind != "c" and pixels.ndim in (2, 3):
            cure = "; pass numpy.asarray(image, float)"
        elif pixels.dtype.kind != "c" and pixels.ndim == 1:
            cure = "; pass numpy.asarray([image], float), of one row"
        raise ValueError(
            f"image has dtype {pixels.dtype} and shape {pixels.shape}; accepted are {accepted} and "
            f"shapes (height, width) or (height, width, channels)"
            f"{cure}"
        )
    return pixels


def full_scale(dtype: np.dtype[Any]) -> float:
    """What stands for white."""
    return _OPAQUE.get(dtype, 1.0)


def has_opacity(shape: tuple[int, ...], dtype: np.dtype[Any], alpha: bool | None) -> bool:
    """Whether the last channel is opacity."""
    channels = shape[2] if len(shape) == 3 else 1
    if alpha and (channels < 2 or dtype not in _OPAQUE):
        raise ValueError(
            f"alpha=True, but an image of dtype {dtype} and shape {shape} has no channel of "
            f"opacity; pass uint8, uint16 or float pixels with opacity as the last of two or more channels"
        )
    return alpha if alpha is not None else dtype.kind == "u" and channels in (2, 4)


def divides(recipe: Recipe, see_through: bool | None) -> bool:
    """Whether filtered colours are divided by filtered opacity, which is full or `see_through`, or None."""
    steps, settings = recipe
    mixes = see_through is not None and (see_through or settings.boundary in FILLED)
    return mixes and any(step.total for step in steps)


def is_direct(
    steps: Sequence[Step], shape: tuple[int, ...], dtype: np.dtype[Any], settings: Settings
) -> bool:
    """Whether pixels are filtered as they are, without a copy of them as numbers."""
    (first, *others) = steps
    return (
        not others
        and first.is_linear
        and len(first.branches[0]) == 1
        and not (first.in_light or first.in_grey or first.bias or first.gives_float)
        and not has_opacity(shape, dtype, settings.alpha)
    )


def _with_passes(step: Step, settings: Settings) -> Step:
    """With kernels that change something; one, where pixels may be missing, as means of means differ."""
    if settings.has_gaps:
        whole = tuple((reduce(np.multiply, branch, np.ones((1, 1))),) for branch in step.branches)
        return replace(step, branches=whole)
    if all(_changes(taps) for branch in step.branches for taps in branch):
        return step
    return replace(step, branches=tuple(tuple(filter(_changes, branch)) for branch in step.branches))


def _changes(taps: Array) -> bool:
    return taps.size > 1 or bool(taps.flat[0] != 1)


def process_pixels(
    pixels: Array,
    steps: Sequence[Step],
    settings: Settings,
    bands: Sequence[Band] = (),
    *,
    see_through: bool | None = None,
) -> Array:
    """Pixels through all steps.

    Of an image in bands, these are the rows that the first pass has, `bands` has one for each pass, and
    `see_through` tells whether any of the image is.
    """
    if is_direct(steps, pixels.shape, pixels.dtype, settings):
        result = _correlate_all(pixels, steps[0], settings, bands)
    else:
        opacity = None
        if has_opacity(pixels.shape, pixels.dtype, settings.alpha):
            opacity = is_see_through(pixels) if see_through is None else see_through
        exact = fractions_of(steps, pixels.shape, pixels.dtype, settings)
        if exact is not None and not opacity:
            return _process_exactly(pixels, exact, steps[0], settings, opacity is not None, bands)
        result = _process_numbers(pixels, steps, settings, opacity, bands)
    last = steps[-1]
    if result is pixels:
        result = pixels.copy()
    if last.gives_float:
        return result.astype(FLOATS[pixels.dtype], copy=False)
    if settings.has_gaps and pixels.dtype.kind != "f":
        result = np.where(np.isnan(result), pixels if last.unknown is None else last.unknown, result)
    return round_to(result, pixels.dtype)


def kernel_for(shape: tuple[int, ...], dtype: np.dtype[Any], taps: Array, settings: Settings) -> Kernel:
    """Return a kernel for pixels of this dtype, or numbers, of an image of this shape.

    It is of fractions that give exact quotients, or else of taps in the dtype to compute in.
    """
    converted = taps_for(COMPUTE[dtype], taps)
    if dtype.kind == "f":
        return converted
    exact = as_fractions(dtype, (taps,)) if _takes_quotients(dtype, settings.method) else None
    if exact is not None:
        return exact[0]
    return taps_for(compute_dtype(dtype, [[[taps]]], shape, settings.boundary, settings.method), taps)


def _takes_quotients(dtype: np.dtype[Any], method: str) -> bool:
    """Whether an image of integers is filtered to exact quotients where taps are fractions.

    A transform that `method` names is as fast for these taps as for others. For uint16 it needs double
    precision anyway.
    """
    return dtype.kind != "f" and (method not in TRANSFORMS or dtype == np.uint16)


def numbers_dtype(
    steps: Sequence[Step],
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    settings: Settings,
    see_through: bool | None,
) -> np.dtype[Any]:
    """Return the dtype of the numbers that an image of this shape and dtype becomes.

    `see_through` tells whether opacity is anywhere less than full; it is None without opacity.
    """
    if divides(Recipe(tuple(steps), settings), see_through):
        return DIVISION
    return compute_dtype(
        dtype,
        [step.branches for step in steps],
        shape,
        settings.boundary,
        settings.method,
        is_light=any(bool(step.in_light) for step in steps),
        is_divided=settings.has_gaps,
    )


def fractions_of(
    steps: Sequence[Step], shape: tuple[int, ...], dtype: np.dtype[Any], settings: Settings
) -> tuple[Fractions, ...] | None:
    """Return the kernels of all branches if they give an integer image exact quotients.

    Where there is opacity this is so only if all of it is full.
    """
    (step, *others) = steps
    if (
        others
        or dtype.kind == "f"
        or settings.has_gaps
        or not _takes_quotients(dtype, settings.method)
        or step.transform is not None
        or step.in_light
        or step.gives_float
        or (step.in_grey and len(shape) == 3)
        or (step.combine is not None and step.divide is None)
        or any(len(branch) != 1 for branch in step.branches)
    ):
        return None
    kernels = [taps for (taps,) in step.branches]
    for taps in kernels:
        taps_for(COMPUTE[dtype], taps)
    if has_opacity(shape, dtype, settings.alpha) and divides(Recipe((step,), settings), False):
        return None
    return as_fractions(dtype, kernels, float(step.bias))


def _process_exactly(
    pixels: Array,
    kernels: Sequence[Fractions],
    step: Step,
    settings: Settings,
    has_opacity: bool,
    bands: Sequence[Band],
) -> Array:
    """Quotients of sums of integers, next to the opacity, which is full."""
    colours = pixels[..., :-1] if has_opacity else pixels
    band = bands[0] if bands else None
    around = settings.boundary, settings.method, settings.workers
    if step.divide is None:
        result = correlate_pixels(colours, kernels[0], *around, band=band)
    else:
        sums = [correlate_pixels(colours, kernel.sums, *around, band=band) for kernel in kernels]
        result = step.divide(sums, kernels[0].quotient)
    if not has_opacity:
        return result
    whole = np.empty((*result.shape[:2], pixels.shape[2]), pixels.dtype)
    whole[..., :-1] = result
    whole[..., -1] = _OPAQUE[pixels.dtype]
    return whole


def is_see_through(pixels: Array) -> bool:
    """Whether opacity, the last channel, is anywhere less than full."""
    return not bool((pixels[..., -1] == _OPAQUE[pixels.dtype]).all())


def _process_numbers(
    pixels: Array,
    steps: Sequence[Step],
    settings: Settings,
    see_through: bool | None,
    bands: Sequence[Band],
) -> Array:
    """The same in the dtype of the arithmetic; `see_through` is None where there is no opacity."""
    asked = _of_colour(steps)
    if asked and pixels.dtype not in _OPAQUE:
        raise ValueError(
            f"{asked} is for uint8, uint16 and float images; this one has dtype {pixels.dtype}"
        )
    full = full_scale(pixels.dtype)
    colours = slice(None) if see_through is None else slice(None, -1)
    height = bands[0].height if bands else pixels.shape[0]
    dtype = numbers_dtype(steps, (height, *pixels.shape[1:]), pixels.dtype, settings, see_through)
    divided = divides(Recipe(tuple(steps), settings), see_through)
    lit: InLight = False
    if steps[0].in_light is True:
        numbers, lit = _to_light(pixels, colours, full, dtype), True
    else:
        changed = divided or any(step.in_light or step.bias for step in steps)
        numbers = pixels.astype(dtype, copy=changed)

    def let_light(wanted: InLight) -> None:
        """Colours as stored values, or as light of a kind."""
        nonlocal lit
        if wanted == lit:
            return
        of_colours = 1 if numbers.ndim == 2 else numbers.shape[-1] - (see_through is not None)
        for kind, way in ((lit, 1), (wanted, 0)):
            if kind:
                _convert(numbers, colours, full, converters(kind, of_colours)[way])
        lit = wanted

    for step, own in zip(steps, _shares(steps, bands), strict=True):
        if step.in_grey and numbers.ndim == 3:
            let_light(False)
            numbers = _to_grey(numbers, colours, full)
        let_light(step.in_light)
        if see_through is not None:
            numbers = _filter_with_alpha(numbers, full, see_through, step, settings, own)
        else:
            numbers = _correlate_all(numbers, step, settings, own)
        if step.bias:
            let_light(False)
            part = _part(numbers, colours)
            part += np.asarray(step.bias, numbers.dtype)
    let_light(False)
    if divided:
        return _seen(numbers, pixels.dtype, bool(steps[-1].total))
    return numbers


def _of_colour(steps: Sequence[Step]) -> str:
    """What is asked for that is of colours as a screen shows them; empty if nothing is."""
    if any(step.in_light for step in steps):
        return "linear=True"
    return "channel='luminance'" if any(step.in_grey for step in steps) else ""


def _part(numbers: Array, colours: slice) -> Array:
    """The colours of an image, of which opacity may be no part."""
    return numbers[..., colours] if numbers.ndim == 3 else numbers


def _to_light(pixels: Array, colours: slice, full: float, dtype: np.dtype[Any]) -> Array:
    """The pixels as numbers, of which colours are linear in light."""
    numbers = pixels.astype(dtype)
    _part(numbers, colours)[...] = light_of(_part(pixels, colours), full, dtype)
    return numbers


def _convert(numbers: Array, colours: slice, full: float, function: Any) -> None:
    part = _part(numbers, colours)
    part[...] = full * function(part / full)


def _to_grey(numbers: Array, colours: slice, full: float) -> Array:
    """Grey of the same luminance, beside the same opacity."""
    part = _part(numbers, colours)
    if part.shape[-1] == 1:
        return numbers
    if part.shape[-1] != 3:
        raise ValueError(
            f"channel='luminance' is for grey and RGB images; this one has {part.shape[-1]} colours"
        )
    grey = full * luminance(part / full)
    return grey if part.shape == numbers.shape else np.stack([grey, numbers[..., -1]], axis=-1)


def _filter_with_alpha(
    numbers: Array, full: float, see_through: bool, step: Step, settings: Settings, bands: Sequence[Band]
) -> Array:
    """Filter colours weighted with their opacity, and divide them by the filtered opacity.

    Opacity is cut off at 0 and full after the division. Where it is not above the error bound, nothing is
    known of the colour, and both are 0. Opacity stays as it is if it is full everywhere, or if the taps sum
    to 0, so that there is no mean to divide by.
    """
    if not divides(Recipe((step,), settings), see_through):
        weighted = _weigh(numbers.copy(), full) if see_through else numbers
        colours = np.ascontiguousarray(weighted[..., :-1])
        filtered = _correlate_all(colours, step, settings, bands)
        return np.concatenate([filtered, _wanted(numbers, bands)[..., -1:]], axis=-1)
    given = _wanted(numbers, bands).copy() if step.keeps_opacity else None
    total = step.total
    with recorded_plans() as plans:
        result = _correlate_all(_weigh(numbers, full), step, settings, bands)
    error = full / abs(total) * _opacity_error(step, numbers[..., 0].size, plans)
    _divide(result, given, total, full, error)
    return result


@np.errstate(invalid="ignore")  # of an infinite colour without opacity
def _weigh(numbers: Array, full: float) -> Array:
    """Multiply colours in place with their opacity; what has none has no colour, even if that is NaN."""
    share = numbers[..., -1] / full
    for channel in range(numbers.shape[-1] - 1):
        numbers[..., channel] *= share
    if full == 1:  # integers have no NaN
        numbers[share == 0, :-1] = 0
    return numbers


@np.errstate(over="ignore", invalid="ignore")  # of infinite colours, or opacity
def _divide(result: Array, given: Array | None, total: float, full: float, error: float) -> None:
    """Divide filtered colours by filtered opacity in place; opacity is cut off, or becomes that of `given`.

    Where less opacity comes out than a pixel of `given` had, its own colour is added for the rest, so that
    what deconvolution leaves nothing of does not become noise.
    """
    opacity = result[..., -1] / total
    kept = opacity
    if given is not None:
        kept = given[..., -1]
        rest = np.maximum(kept - opacity, 0)
        opacity += rest
        rest *= total / full
        for channel in range(result.shape[-1] - 1):
            result[..., channel] += rest * given[..., channel]
    hidden = kept <= error  # False for NaN, which stays
    share = opacity / full
    share[hidden] = 1
    for channel in range(result.shape[-1] - 1):
        result[..., channel] /= share
    np.minimum(opacity, full, out=result[..., -1])
    result[hidden] = 0
    if given is not None:
        result[..., -1] = kept


def _opacity_error(step: Step, pixels: int, plans: Sequence[ConvolutionPlan]) -> float:
    """The largest error of opacity from 0 to 1 that was filtered by these plans, before its division."""
    if step.transform is not None:  # taken to be that of one transform of the whole image
        return fft_error_factor(4 * pixels, DIVISION) * math.sqrt(pixels)
    limits = np.finfo(DIVISION)
    error, largest = float(limits.tiny / limits.eps), 1.0  # smaller numbers lose digits
    for taps in step.branches[0]:
        size = float(np.abs(taps).sum())
        of_pass = max((unit_error(plan, taps) for plan in plans), default=0.0)
        error, largest = error * size + largest * of_pass, largest * size
    return error


def _wanted(numbers: Array, bands: Sequence[Band]) -> Array:
    """Return the rows that the last of these bands wants."""
    for band in bands:
        numbers = numbers[band.want[0] - band.have[0] : band.want[1] - band.have[0]]
    return numbers


def _seen(numbers: Array, dtype: np.dtype[Any], hides: bool) -> Array:
    """Numbers in the dtype of the arithmetic on opaque pixels, without the colours that nobody can see.

    Integers are seen from half a step of opacity on.
    """
    with np.errstate(over="ignore"):
        if dtype.kind == "u":  # rounding errors move ties, which this moves back
            result: Array = np.rint(numbers * MOST_DIVISOR) / MOST_DIVISOR
        else:
            result = numbers.astype(COMPUTE[dtype])
        opacity = result[..., -1] if dtype.kind == "u" else result[..., -1].astype(dtype)
    if hides:
        hidden = opacity < 0.5 if dtype.kind == "u" else opacity <= 0
        result[hidden, :-1] = 0
    return result


def _shares(steps: Sequence[Step], bands: Sequence[Band]) -> list[list[Band]]:
    """The bands of each step, one for each of its passes, if there are any."""
    supply = iter(bands)
    return [[band for _, band in zip(step.branches[0], supply, strict=False)] for step in steps]


def _correlate_all(pixels: Array, step: Step, settings: Settings, bands: Sequence[Band]) -> Array:
    """All branches of a step, put together, or what it does instead."""
    if step.transform is not None:
        return step.transform(pixels)
    parts = []
    for branch in step.branches:
        part = pixels
        for taps, band in zip_longest(branch, bands):
            part = _correlate_once(part, taps, settings, band)
        parts.append(part)
    return parts[0] if step.combine is None else step.combine(parts)


def _correlate_once(pixels: Array, taps: Array, settings: Settings, band: Band | None) -> Array:
    """Filtered pixels; where some may be missing in float, NaN where too little of the window counts."""
    boundary, method, workers = settings.boundary, settings.method, settings.workers
    if not settings.has_gaps:
        height = pixels.shape[0] if band is None else band.height
        kernel = kernel_for((height, *pixels.shape[1:]), pixels.dtype, taps, settings)
        return correlate_pixels(pixels, kernel, boundary, method, workers, band=band)
    dtype = compute_dtype(pixels.dtype, [[[taps]]], pixels.shape, boundary, method, is_divided=True)
    converted = taps_for(dtype, taps)
    weights = read_mask(True if settings.mask is None else settings.mask, pixels.shape[:2])
    if pixels.ndim == 3:
        weights = np.broadcast_to(weights[..., np.newaxis], pixels.shape)
    numbers = pixels.astype(dtype, copy=False)
    if (taps >= 0).all():
        return correlate_pixels(numbers, converted, boundary, method, workers, weights)
    result = correlate_pixels(np.where(weights > 0, numbers, 0), converted, boundary, method, workers)
    result[~_is_whole(weights > 0, taps, boundary, workers)] = np.nan
    return result


def _is_whole(valid: Array, taps: Array, boundary: Boundary, workers: int | None) -> Array:
    """Which windows hold valid pixels alone, by counting the others; those beyond fixed edges are valid."""
    support = (taps != 0).astype(np.uint8)
    beyond: dict[str, Any] = {"boundary": boundary}
    if boundary in ("zero", "constant", "missing"):
        beyond = {"boundary": "constant", "fill_value": int(boundary == "missing")}
    others = correlate(~valid, support, axes=(0, 1), mode="same", workers=workers, **beyond)
    return np.asarray(others == 0)


def taps_for(dtype: Any, taps: Array) -> Array:
    """The taps in the dtype to compute in, which must be able to hold them."""
    if taps.dtype == dtype:
        return taps
    with np.errstate(over="ignore"):
        converted = taps.astype(dtype)
    if not np.isfinite(converted).all():
        raise ValueError(
            f"kernel has taps up to {np.abs(taps).max():g}, beyond the range of {converted.dtype}; pass "
            f"smaller ones"
        )
    return converted
