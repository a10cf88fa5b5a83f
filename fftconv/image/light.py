"""Between stored values and linear light: the transfer function of sRGB (IEC 61966-2-1), or an ICC profile.

Blurring stored values darkens the border between a bright and a dark part; light adds up linearly. Values
below 0 are taken by the function of their magnitude, with their sign. Profiles are followed by imagecodecs
(Little CMS, in float32), to the primaries of sRGB, which nothing depends on.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from importlib import import_module
from typing import Any

import numpy as np

from fftconv.image import deep

Array = np.ndarray[Any, np.dtype[Any]]
InLight = bool | bytes  # whether, or by which profile
Conversion = Callable[[Array], Array]

# Profiles that are told by their name; one that is called something like it may be another.
_SRGB = ("sRGB", "sRGB built-in", "sRGB IEC61966-2.1", "sRGB IEC61966-2-1", "sRGB2014")
_SHARES = (0.2126, 0.7152, 0.0722)
_KNEE, _SLOPE, _OFFSET, _GAMMA = 0.04045, 12.92, 0.055, 2.4


def to_linear(stored: Array) -> Array:
    """Light from 0 to 1 of stored values from 0 to 1."""
    size = np.abs(stored)
    curved = ((size + _OFFSET) / (1 + _OFFSET)) ** _GAMMA
    return np.asarray(np.copysign(np.where(size <= _KNEE, size / _SLOPE, curved), stored), stored.dtype)


def from_linear(light: Array) -> Array:
    """The inverse of `to_linear`."""
    size = np.abs(light)
    curved = (1 + _OFFSET) * size ** (1 / _GAMMA) - _OFFSET
    return np.asarray(
        np.copysign(np.where(size <= _KNEE / _SLOPE, size * _SLOPE, curved), light), light.dtype
    )


def light_of(pixels: Array, full: float, dtype: Any) -> Array:
    """Light of pixels whose full scale is `full`, on that scale; of integers by a table of all."""
    if pixels.dtype.kind == "u":
        levels = np.arange(int(full) + 1) / full
        return (full * to_linear(levels)).astype(dtype)[pixels]
    return full * to_linear(pixels.astype(dtype) / full)


def luminance(stored: Array) -> Array:
    """Grey that gives as much light as red, green and blue do together (ITU-R BT.709)."""
    return from_linear(to_linear(stored) @ np.array(_SHARES, stored.dtype))


def converters(
    in_light: InLight, colours: int
) -> tuple[Callable[[Array], Array], Callable[[Array], Array]]:
    """To light and back, of so many colours, from 0 to 1 each."""
    if not isinstance(in_light, bytes):
        return to_linear, from_linear
    kind = _kind_of(in_light)
    if kind == "sRGB":
        return to_linear, from_linear
    if (colours, kind) not in ((1, "GRAY"), (3, "RGB")):
        raise ValueError(f"the colour profile is of {kind}, and the picture has {colours} colours")
    if not deep.installed():
        raise ValueError(f"the picture has a colour profile other than sRGB; {deep.INSTALL}")
    space, light = kind.lower(), _linear_profile(kind)
    return partial(_transform, space, in_light, light), partial(_transform, space, light, in_light)


def with_profile(parameters: Mapping[str, Any], profile: bytes | None) -> dict[str, Any]:
    """Parameters of a filter, for a picture of this profile: light is that which the profile says."""
    if parameters.get("linear") is True and profile:
        return {**parameters, "linear": profile}
    return dict(parameters)


@lru_cache(maxsize=16)
def _kind_of(profile: bytes) -> str:
    """The colours of a profile, of which sRGB is one kind."""
    from PIL import ImageCms

    try:
        opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if ImageCms.getProfileDescription(opened).strip() in _SRGB:
            return "sRGB"
        return str(opened.profile.xcolor_space).strip()
    except (OSError, ImageCms.PyCMSError) as error:
        raise ValueError(f"the colour profile cannot be read: {error}") from error


@lru_cache(maxsize=2)
def _linear_profile(kind: str) -> bytes:
    """Of light itself."""
    make = import_module("imagecodecs").cms_profile
    white = [0.3127, 0.3290, 1.0]
    if kind == "GRAY":
        return bytes(make("gray", whitepoint=white, gamma=1.0))
    primaries = [0.64, 0.33, 1.0, 0.30, 0.60, 1.0, 0.15, 0.06, 1.0]
    return bytes(make("rgb", whitepoint=white, primaries=primaries, gamma=1.0))


def _transform(space: str, source: bytes, target: bytes, values: Array) -> Array:
    """Colours of one profile as those of another, in the dtype that they have."""
    flat = np.ascontiguousarray(values, np.float32).reshape(values.shape[0], -1, values.shape[-1])
    if values.ndim == 2:
        flat = flat.reshape(*values.shape, 1)
    cms = import_module("imagecodecs").cms_transform
    done = cms(flat, source, target, colorspace=space, outcolorspace=space, outdtype=np.float32)
    return np.asarray(done).reshape(values.shape).astype(values.dtype)
