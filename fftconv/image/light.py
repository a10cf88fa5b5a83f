"""Between stored values and linear light: the transfer function of sRGB (IEC 61966-2-1).

Blurring stored values darkens the border between a bright and a dark part; light adds up linearly. Values
below 0 are taken by the function of their magnitude, with their sign.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

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
