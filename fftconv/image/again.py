"""Filters of images that are asked for again, see `fftconv._prepared`."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, TypeVar, cast

import numpy as np

from fftconv._arguments import are_plain
from fftconv._content import Content, content_of
from fftconv._pixels import prepare_pixels
from fftconv._prepared import Prepared, has_key
from fftconv._profile import Profile, machine_profile
from fftconv.image.pixels import Sketch
from fftconv.image.precision import COMPUTE
from fftconv.image.processing import Recipe, is_direct, kernel_for, process_pixels

Function = TypeVar("Function", bound=Callable[..., Any])

# Taps of a filter that is kept, at most. Reading those of a box of 161² took a third of each call on 512².
_MOST_TAPS = 2**15


def kept(function: Function) -> Function:
    """A filter that keeps what it has found out before it looks at pixels."""

    @wraps(function)
    def filtered(*given: Any, **named: Any) -> Any:
        if given and type(image := given[0]) is np.ndarray:
            values = [_as_key(value) for value in given[1:]]
            options = {name: _as_key(value) for name, value in named.items()}
            if are_plain(values) and are_plain(options.values()):
                known = _known(function, image.shape, image.dtype, machine_profile(), *values, **options)
                if isinstance(known, Recipe):
                    return process_pixels(image, *known)
                if known is not None and (computed := known.compute(image)) is not None:
                    return computed
        return function(*given, **named)

    return cast(Function, filtered)


def _as_key(value: Any) -> Any:
    """What stands for an argument: of a small kernel its content."""
    return content_of(value) if has_key(value) else value


def _as_given(value: Any) -> Any:
    return value.array if type(value) is Content else value


@lru_cache(maxsize=256, typed=True)
def _known(
    function: Callable[..., Any],
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    profile: Profile,
    /,
    *given: Any,
    **named: Any,
) -> Prepared | Recipe | None:
    """What is known of a filter before it has pixels: all, if it lays one kernel on them; or its steps.

    `profile` is the one that plans use.
    """
    if dtype not in COMPUTE or len(shape) not in (2, 3) or 0 in shape:
        return None
    options = {name: _as_given(value) for name, value in named.items()}
    recipe: Recipe = function(Sketch(shape, dtype), *map(_as_given, given), **options)
    steps, settings = recipe
    if sum(taps.size for step in steps for branch in step.branches for taps in branch) > _MOST_TAPS:
        return None
    if settings.has_gaps or not is_direct(steps, shape, dtype, settings):
        return recipe
    (taps,) = steps[0].branches[0]
    kernel = kernel_for(shape, dtype, taps, settings)
    whole = prepare_pixels(shape, dtype, kernel, settings.boundary, settings.method, settings.workers)
    return recipe if whole is None else whole
