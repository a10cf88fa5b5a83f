"""GIF files: the palette of each frame, exact where its colours fit, and what is written around the frames.

Pillow packs them. Its own writer of animations is not used: it quantises frames whose colours fit, writes a
second header where a frame is transparent throughout, and takes opaque pixels for transparent ones of the
first frame's palette.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from PIL import GifImagePlugin, Image

from fftconv.image.pixels import Array

DELAY_UNIT = 10  # milliseconds
MOST_REPEATS = 65535  # of 16 bits
LEAST_OPACITY = 128  # a pixel is shown from here on, and transparent below
_COLOURS = 256
_FEW_COLOURS = 4096
_ROW = 1024  # Pillow has no room for all pixels in one
_KEEP, _CLEAR, _RESTORE = 1, 2, 3  # what becomes of a frame before the next one is drawn


class _IndexedFrame(NamedTuple):
    indices: Array
    palette: Array
    shown: Array
    free: Array
    """Of each index, whether no pixel that is shown has it."""


def encode(
    frames: Sequence[Array],
    file: BinaryIO,
    *,
    delays: Sequence[int],
    repeats: int | None,
    comment: bytes = b"",
) -> None:
    """Write frames of 8 bits and one size, with their delays in milliseconds.

    Every frame is written whole. If one is transparent somewhere, each is cleared before the next is drawn.
    """
    indexed = [_to_indices(pixels) for pixels in frames]
    has_opacity = not all(frame.shown.all() for frame in indexed)
    # One index is transparent in all frames, if there is one: Pillow reads no others in grey.
    in_all = np.logical_and.reduce([frame.free for frame in indexed if frame.free.any()])
    first = b""
    for number, (frame, delay) in enumerate(zip(indexed, delays, strict=True)):
        free = in_all if in_all.any() and frame.free.any() else frame.free
        transparency = int(free.argmax()) if has_opacity and free.any() else None
        picture, palette = _to_picture(frame, transparency)
        if number == 0:
            first = palette
            header: dict[str, Any] = {"comment": comment} if comment else {}
            if repeats is not None:
                header["loop"] = repeats
            file.write(b"".join(GifImagePlugin.getheader(picture, info=header)[0]))
        options: dict[str, Any] = {"duration": delay, "include_color_table": palette != first}
        if transparency is not None:
            options["transparency"] = transparency
        if len(frames) > 1:
            options["disposal"] = _disposal(has_opacity, transparency)
        file.write(b"".join(GifImagePlugin.getdata(picture, **options)))
    file.write(b";")


def _disposal(has_opacity: bool, transparency: int | None) -> int:
    """Return what is to become of a frame of several before the next one is drawn."""
    if not has_opacity:
        return _KEEP
    # Some readers clear to a colour if no index is transparent; what was there before is transparent.
    return _RESTORE if transparency is None else _CLEAR


def _to_indices(pixels: Array) -> _IndexedFrame:
    """Return the palette of a frame, and its pixels as indices of it."""
    has_opacity = pixels.ndim == 3 and pixels.shape[2] in (2, 4)
    shown = pixels[..., -1] >= LEAST_OPACITY if has_opacity else np.ones(pixels.shape[:2], bool)
    is_opaque = bool(shown.all())
    colours = pixels[..., :-1] if has_opacity else pixels
    is_grey = colours.shape[2:] != (3,)
    colours = colours.reshape((-1,) if is_grey else (-1, 3)) if is_opaque else colours[shown]
    find = _grey if is_grey else _coloured
    chosen, palette, free = find(colours, _COLOURS if is_opaque else _COLOURS - 1)
    indices = np.zeros(shown.shape, np.uint8)
    indices[shown] = chosen
    return _IndexedFrame(indices, palette, shown, free)


def _to_picture(frame: _IndexedFrame, transparency: int | None) -> tuple[Image.Image, bytes]:
    """Return a frame as Pillow writes it, and the bytes of its palette."""
    indices, palette = frame.indices, frame.palette.tobytes()
    if transparency is not None:
        indices = np.where(frame.shown, indices, np.uint8(transparency))
        palette = palette.ljust(3 * (transparency + 1), b"\0")  # it has a colour, which nobody sees
    picture = Image.frombytes("P", (indices.shape[1], indices.shape[0]), indices.tobytes())
    picture.putpalette(palette)
    picture.info["version"] = b"89a"  # which knows delays and transparency
    return picture, palette


def _grey(shades: Array, room: int) -> tuple[Array, Array, Array]:
    """Return indices that are the shades, the palette by which readers know grey, and the free indices.

    Of 256 shades, where there is room for fewer, the rarest becomes its neighbour.
    """
    shades = shades.ravel()
    parts = np.array_split(shades, len(shades) // 2**20 + 1)  # NumPy counts in copies of 8 bytes
    counts = np.sum([np.bincount(part, minlength=_COLOURS) for part in parts], axis=0)
    if room < _COLOURS and counts.all():
        rarest = counts.argmin()
        shades = np.where(shades == rarest, np.uint8(rarest - 1 if rarest else 1), shades)
        counts[rarest] = 0
    return shades, np.repeat(np.arange(_COLOURS, dtype=np.uint8)[:, np.newaxis], 3, axis=1), counts == 0


def _coloured(colours: Array, room: int) -> tuple[Array, Array, Array]:
    """Return indices, a palette that is exact if it has room for all colours, and the free indices."""
    if not len(colours):
        return np.zeros(0, np.uint8), np.zeros((1, 3), np.uint8), np.ones(_COLOURS, bool)
    in_rows = np.concatenate([colours, np.repeat(colours[-1:], -len(colours) % _ROW, axis=0)])
    picture = Image.fromarray(in_rows.reshape(-1, _ROW, 3))
    found: Any = picture.getcolors(room)
    if found is not None:
        palette = np.array(sorted(colour for _, colour in found), np.uint8)
        table = np.zeros(2**24, np.uint8)
        table[_codes(palette)] = np.arange(len(palette))
        chosen = table[_codes(colours)]
    else:
        # Root mean square error of 257 random colours: 0.2 levels, by median cut 1.4. For photographs it
        # takes ten times as long for errors a fifth smaller (skimage's astronaut: 7.3 s, not 0.8 s).
        few = picture.getcolors(_FEW_COLOURS) is not None
        method = Image.Quantize.MAXCOVERAGE if few else Image.Quantize.MEDIANCUT
        reduced = picture.quantize(room, method, kmeans=int(few), dither=Image.Dither.NONE)
        palette = np.array(reduced.getpalette(), np.uint8).reshape(-1, 3)[:room]
        chosen = np.asarray(reduced).ravel()[: len(colours)]
    return chosen, palette, np.arange(_COLOURS) >= len(palette)


def _codes(colours: Array) -> Array:
    """Return colours as numbers of 24 bits."""
    codes = colours[:, 0].astype(np.uint32)
    for channel in (1, 2):
        codes <<= 8
        codes |= colours[:, channel]
    return codes
