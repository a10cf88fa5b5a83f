"""Frames of animated GIF and PNG files, put together from the rectangles that these files hold.

Pillow decodes each rectangle. What it puts together itself (13.0) is not what browsers show: it mixes grey
frames with colours, keeps to a disposal where the next frame names none, blends half opaque pixels by
another formula, and begins an animated PNG with the picture that stands before its frames.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import GifImagePlugin, Image, PngImagePlugin

from fftconv.image.pixels import PLAIN, Array, mode_of

_CLEAR, _RESTORE = "clear", "restore"
_GIF_DISPOSALS = {2: _CLEAR, 3: _RESTORE, 4: _RESTORE}  # 4 by the numbering of an early description
_PNG_DISPOSALS = {
    PngImagePlugin.Disposal.OP_BACKGROUND: _CLEAR,
    PngImagePlugin.Disposal.OP_PREVIOUS: _RESTORE,
}


def is_drawn(opened: Image.Image, frames: int) -> bool:
    """Whether a file holds rectangles that are to be put together, not one picture."""
    if isinstance(opened, GifImagePlugin.GifImageFile):
        return frames > 1 or opened.dispose_extent != (0, 0, *opened.size)
    return opened.format == "PNG" and frames > 1


class Canvas:
    """Draws what a browser shows of an animation, frame after frame.

    The canvas is transparent before the first frame and where a frame is cleared, as in browsers: the
    background colour of a GIF file is not used.
    """

    def __init__(self, opened: Image.Image) -> None:
        self._opened: Any = opened
        self._is_gif = isinstance(opened, GifImagePlugin.GifImageFile)
        self._size = opened.size  # later frames of a GIF file may lie beyond it
        mode = PLAIN.get(opened.mode, "RGBA")  # another one is refused
        self._is_grey = not mode.startswith("RGB")
        self._has_opacity = mode.endswith("A") or opened.has_transparency_data
        self._pixels: Array | None = None
        self._disposal: tuple[Any, Any] | None = None  # a place, and what the next frame finds there
        self._drawn: list[Array] = []

    def seek(self, number: int) -> None:
        """Go to a frame; Pillow is kept from drawing what it would of those before."""
        if number == 0:
            return
        if not self._is_gif:
            self._opened.dispose_op = PngImagePlugin.Disposal.OP_NONE
            self._opened.seek(number)
            return
        self._opened.disposal_method, self._opened.dispose = 0, None
        self._opened.info.pop("transparency", None)
        _make_blank(self._opened)
        self._opened.seek(number)

    def draw(self) -> None:
        """Draw the frame that was gone to."""
        if self._is_gif:
            over, disposal = True, _GIF_DISPOSALS.get(self._opened.disposal_method)
        else:
            over = self._opened.blend_op == PngImagePlugin.Blend.OP_OVER
            disposal = _PNG_DISPOSALS.get(self._opened.info.get("disposal"))
            self._opened.blend_op = PngImagePlugin.Blend.OP_SOURCE
        if self._is_gif and self._drawn and self._opened.im.size != self._opened.size:
            _make_blank(self._opened)
        self._opened.load()
        if not self._drawn and getattr(self._opened, "default_image", False):
            self._drawn.append(_with_opacity(self._opened))
            return
        left, top, right, bottom = self._opened.dispose_extent
        patch = _with_opacity(self._opened)[top:bottom, left:right]
        if self._pixels is None:
            width, height = self._size
            self._pixels = np.zeros((height, width, patch.shape[2]), patch.dtype)
        if self._disposal is not None:
            last, before = self._disposal
            self._pixels[last] = before
        place = np.s_[top:bottom, left:right]
        under = self._pixels[place]
        patch = patch[: under.shape[0], : under.shape[1]]
        self._disposal = None if disposal is None else (place, under.copy() if disposal == _RESTORE else 0)
        under[...] = _blend(patch, under) if over else patch
        self._drawn.append(self._pixels.copy())

    def frames(self) -> list[tuple[Array, str]]:
        """Return all frames, with their mode: without opacity or colour if there is none in the file."""
        opaque = np.iinfo(self._drawn[0].dtype).max
        has_opacity = self._has_opacity or any(frame[..., -1].min() < opaque for frame in self._drawn)
        is_grey = self._is_grey and all(_is_grey(frame) for frame in self._drawn)
        channels = [0] if is_grey else list(range(self._drawn[0].shape[2] - 1))
        wanted: Any = [*channels, -1] if has_opacity else 0 if is_grey else channels
        settled = [np.ascontiguousarray(frame[..., wanted]) for frame in self._drawn]
        return [(frame, mode_of(frame)) for frame in settled]


def _is_grey(frame: Array) -> bool:
    return all(np.array_equal(frame[..., 0], frame[..., channel]) for channel in range(frame.shape[2] - 1))


def _with_opacity(picture: Image.Image) -> Array:
    if PLAIN[picture.mode] == "I;16":
        shades = np.asarray(picture).astype(np.uint16)
        return np.stack([shades, np.full_like(shades, 65535)], axis=-1)
    return np.asarray(picture.convert("RGBA"))


def _blend(above: Array, below: Array) -> Array:
    """Return straight colours laid over others ("over" of Porter and Duff, 1984)."""
    full = np.iinfo(above.dtype).max
    opacity = above[..., -1:]
    if np.isin(opacity, (0, full)).all():
        visible: Array = np.where(opacity > 0, above, below)
        return visible
    share = opacity / full
    rest = below[..., -1:] / full * (1 - share)
    total = share + rest
    colours = (above[..., :-1] * share + below[..., :-1] * rest) / np.where(total > 0, total, 1)
    blended: Array = np.rint(np.concatenate([colours, total * full], axis=-1)).astype(above.dtype)
    return blended


def _make_blank(opened: Any) -> None:
    """Let Pillow draw the next frame of a GIF file on nothing, whatever was there before."""
    opened._mode, opened.im = "RGBA", Image.new("RGBA", opened.size).im
