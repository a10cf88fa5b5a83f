"""Several filters, one after the other, without rounding between them; some merge where that is exact."""

from __future__ import annotations

import ast
import inspect
import shlex
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, cast

import numpy as np
from PIL import Image

from fftconv._arguments import Array
from fftconv._arrays import package_of
from fftconv._checks import read_list
from fftconv._kernel_text import check_parameters, parse_kernel
from fftconv._names import Boundary, Method
from fftconv._pixels import plan_rows
from fftconv.convolution import convolve
from fftconv.image import filters
from fftconv.image.light import InLight
from fftconv.image.pixels import Sketch, pixels_of
from fftconv.image.precision import COMPUTE
from fftconv.image.processing import (
    ImageT,
    Recipe,
    Settings,
    has_opacity,
    process,
    read_pixels,
    taps_for,
)
from fftconv.image.steps import Step

# The filters, by the names that they have on the command line and in this module.
FILTERS: dict[str, Callable[..., Any]] = {
    "blur": filters.gaussian_blur,
    "box": filters.box_blur,
    "disk": filters.disk_blur,
    "motion": filters.motion_blur,
    "sharpen": filters.sharpen,
    "emboss": filters.emboss,
    "edges": filters.edges,
    "high-pass": filters.high_pass,
    "dog": filters.difference_of_gaussians,
    "convolve": filters.apply_kernel,
}
Call = Callable[[Any], Any]
_SAME_FOR_ALL = ("boundary", "method", "workers", "alpha", "mask", "linear")


def pipeline(
    image: ImageT,
    steps: str | Iterable[Call],
    *,
    boundary: Boundary = "reflect",
    alpha: bool | None = None,
    linear: InLight = False,
    method: Method = "auto",
    workers: int | None = None,
) -> ImageT:
    r"""Take an image through several filters.

    Between them nothing is rounded or cut off, so the result is closer to the truth than that of one filter
    after the other on integers. Kernels of neighbours are merged into one,

    .. math:: k_2 * (k_1 * x) = (k_2 * k_1) * x,

    where that is predicted to be faster and holds up to the edges: with ``boundary="wrap"``, or with
    "reflect" and "mirror" if the first kernel is symmetric, and for pictures without opacity.

    Parameters
    ----------
    image : numpy.ndarray or PIL.Image.Image
        As in `gaussian_blur`.
    steps : str or iterable of callable
        Such as "blur 2 | sharpen 0.5 | edges scharr gain=2": names with values, in order or by name. The
        names are blur, box, disk, motion, sharpen, emboss, edges, high-pass, dog (difference of Gaussians)
        and convolve, whose kernel is a name or rows of taps in quotes. Or filters of this module, as
        functions of an image alone (`functools.partial`).
    boundary, alpha, linear, method, workers
        As in `gaussian_blur`, for all filters in text; `linear` for those that have it.

    Returns
    -------
    numpy.ndarray or PIL.Image.Image
        As the last filter gives it.

    Raises
    ------
    ValueError, TypeError
        If a step is not understood, or a filter does not accept its parameters.

    References
    ----------
    .. [1] A. V. Oppenheim, R. W. Schafer, Discrete-Time Signal Processing, 3rd ed., 2010, section 2.4.

    Examples
    --------
    >>> import numpy as np
    >>> from fftconv import image
    >>> point = np.zeros((1, 5), np.uint8)
    >>> point[0, 2] = 255
    >>> image.pipeline(point, "box [1,3] | box [1,3]")  # a triangle
    array([[28, 57, 85, 57, 28]], dtype=uint8)
    """
    sketch, alpha = _sketch_of(image, alpha)
    common = {"boundary": boundary, "alpha": alpha, "linear": linear, "method": method, "workers": workers}
    recipes = [_recipe(name, step, sketch) for name, step in _read_steps(steps, common)]
    settings = recipes[0].settings
    if any(not _agree(recipe.settings, settings) for recipe in recipes):
        raise ValueError("steps differ in boundary, mask, alpha, method or workers; pass the same to all")
    merged = merge([step for recipe in recipes for step in recipe.steps], sketch, settings)
    return cast(ImageT, process(cast(Any, image), merged, settings))


def check_pipeline(steps: str) -> None:
    """ValueError says what is wrong with the text of a pipeline."""
    pipeline(cast(Any, Sketch((64, 64, 3), np.dtype(np.uint8))), steps)


def _agree(one: Settings, other: Settings) -> bool:
    return one.mask is other.mask and replace(one, mask=None) == replace(other, mask=None)


def merge(steps: list[Step], sketch: Sketch, settings: Settings) -> list[Step]:
    """The same with fewer kernels, where that is exact and predicted to be faster."""
    if has_opacity(*sketch, settings.alpha):
        return steps
    result: list[Step] = []
    for step in steps:
        joined = _join(result[-1], step, sketch, settings) if result else None
        if joined is None:
            result.append(step)
        else:
            result[-1] = joined
    return result


def _join(first: Step, second: Step, sketch: Sketch, settings: Settings) -> Step | None:
    """One step for two, if it is the same and not slower."""
    if (
        not first.is_linear
        or first.bias
        or first.gives_float
        or first.in_light != second.in_light
        or second.in_grey
    ):
        return None
    if any(len(branch) != 1 for branch in (*first.branches, *second.branches)):
        return None
    ((taps,),) = first.branches
    if not _commutes(taps, settings.boundary):
        return None
    after = [kernel for (kernel,) in second.branches]
    together = [np.asarray(convolve(kernel, taps)) for kernel in after]
    merged, apart = (
        sum(_seconds(kernel, sketch, settings) for kernel in each) for each in (together, [taps, *after])
    )
    return replace(second, branches=tuple((kernel,) for kernel in together)) if merged < apart else None


def _commutes(taps: Array, boundary: str) -> bool:
    """Whether what stands beyond the edges of the filtered image is what is filtered from beyond them."""
    odd = all(side % 2 for side in taps.shape)
    if boundary == "wrap":
        return odd
    symmetric = bool((taps == taps[::-1]).all() and (taps == taps[:, ::-1]).all())
    return odd and symmetric and boundary in ("reflect", "mirror")


def _seconds(taps: Array, sketch: Sketch, settings: Settings) -> float:
    """What the plan thinks that a kernel takes."""
    dtype = COMPUTE[sketch.dtype]
    around = settings.boundary, settings.method, settings.workers
    return plan_rows(sketch.shape, dtype, taps_for(dtype, taps), *around).seconds


def _sketch_of(image: Any, alpha: bool | None) -> tuple[Sketch, bool | None]:
    if isinstance(image, Sketch):
        return image, alpha
    if isinstance(image, Image.Image):
        pixels, mode = pixels_of(image)
        alpha = mode in ("LA", "RGBA") if alpha is None else alpha
    elif package_of(image) == "dask":
        from fftconv.image.lazy import sketch_lazily  # with dask

        return sketch_lazily(image), alpha
    else:
        pixels = read_pixels(image)
    return Sketch(pixels.shape, pixels.dtype), alpha


def _recipe(name: Any, step: Call, sketch: Sketch) -> Recipe:
    """What one step does."""
    try:
        recipe = step(sketch)
    except TypeError as error:
        form = f"; its form is {_form(FILTERS[name])}" if name in FILTERS else ""
        raise ValueError(f"step {name!r}: {error}{form}") from error
    except ValueError as error:
        raise ValueError(f"step {name!r}: {error}") from error
    if not isinstance(recipe, Recipe):
        raise ValueError(f"step {name!r} is no filter of fftconv.image; accepted are {', '.join(FILTERS)}")
    return recipe


def _read_steps(steps: str | Iterable[Call], common: dict[str, Any]) -> list[tuple[Any, Call]]:
    """Every step as a name and a function of an image."""
    if isinstance(steps, str):
        return [_read_step(part, common) for part in steps.split("|")]
    found = [
        (getattr(step, "__name__", step), step)
        for step in read_list("steps", steps, "a text, or a list of functions of an image")
    ]
    for name, step in found:
        if not callable(step):
            raise TypeError(f"steps holds {name!r}; pass a text, or functions of an image")
    if not found:
        raise ValueError("steps is empty; pass at least one, such as 'blur 2'")
    return found


def _read_step(text: str, common: dict[str, Any]) -> tuple[str, Call]:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ValueError(f"step {text.strip()!r}: {error}") from error
    if not words or words[0] not in FILTERS:
        raise ValueError(
            f"step {text.strip()!r} names no filter; accepted are {', '.join(FILTERS)}, with values behind "
            f"the name, such as 'blur 2 | sharpen 0.5'"
        )
    name, *rest = words
    function = FILTERS[name]
    accepted = list(inspect.signature(function).parameters)
    values: list[Any] = []
    named: dict[str, Any] = {}
    for word in rest:
        key, sign, value = word.partition("=")
        if sign and key.isidentifier():
            if key not in accepted or key in ("image", *_SAME_FOR_ALL):
                raise ValueError(f"step {text.strip()!r} has no {key!r}; its form is {_form(function)}")
            named[key] = _value(text, function, key, value)
        else:
            place = accepted[1 + len(values)] if 1 + len(values) < len(accepted) else ""
            values.append(_value(text, function, place, word))
    own = [
        parameter
        for key, parameter in inspect.signature(function).parameters.items()
        if key != "image" and key not in _SAME_FOR_ALL
    ]
    try:
        check_parameters(inspect.Signature(own), values, named)
    except TypeError as error:
        raise ValueError(f"step {text.strip()!r}: {error}; its form is {_form(function)}") from None
    shared = {key: value for key, value in common.items() if key in accepted}
    return name, lambda image: function(image, *values, **named, **shared)


def _value(step: str, function: Callable[..., Any], name: str, text: str) -> Any:
    if function is filters.apply_kernel and name == "kernel":
        try:
            return parse_kernel(text)
        except ValueError as error:
            raise ValueError(f"step {step.strip()!r}: kernel {error}") from error
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _form(function: Callable[..., Any]) -> str:
    """The parameters of a filter that a step can have, as they are typed."""
    shown = []
    for name, parameter in inspect.signature(function).parameters.items():
        if name != "image" and name not in _SAME_FOR_ALL:
            by_name = parameter.kind is inspect.Parameter.KEYWORD_ONLY
            value = parameter.default
            if value is inspect.Parameter.empty:
                shown.append(name)
            elif value is None:
                shown.append(f"[{name}]")
            else:
                typed = f"{name}={str(value).lower()}"
                shown.append(f"[{typed}]" if by_name else typed)
    return " ".join([next(key for key, value in FILTERS.items() if value is function), *shown])
