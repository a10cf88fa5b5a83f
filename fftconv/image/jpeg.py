"""JPEG files through imagecodecs, which reads them in half the time of Pillow; large ones coded in parts.

Both are made of the same libjpeg, and give and take the same bytes. What a file says beside its pixels is
read and written by Pillow in either case, and so is all that imagecodecs (extra `deep`) cannot do.

Large pictures are coded in parts of so many rows by all cores at once. They differ from others by restart
markers, of which decoders know; how many rows depends on the picture alone.
"""

from __future__ import annotations

import io
from bisect import bisect_left
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from fftconv._threads import available_cores, run_all
from fftconv.image import deep
from fftconv.image.pixels import Array, as_stored, to_picture

_START, _END = b"\xff\xd8", b"\xff\xd9"
_FRAMES = (0xC0, 0xC1)
_RESTART, _SCAN, _QUANTIZATION, _INTERVAL = 0xD0, 0xDA, 0xDB, 0xDD
_BESIDE = (*range(0xE0, 0xF0), 0xFE)  # what applications say, and comments
_MODES = ("L", "RGB")
_LARGEST = 65500  # rows or columns that libjpeg takes
_SUBSAMPLING = {0: "444", 1: "422"}  # by Pillow's number; any other is libjpeg's own choice, "420"
_UNIT = {"444": (8, 8), "422": (8, 16), "420": (16, 16)}  # rows and columns of pixels coded together
_UNITS = 2**14  # of a part, which take 10 to 20 ms; a file can count 65535

_Parts = list[tuple[int, bytes]]


def decode(file: BinaryIO, mode: str) -> Array | None:
    """The pixels of a JPEG file as they are stored; None if that is to be Pillow's.

    imagecodecs takes files that end early for whole ones, which Pillow tells apart. In what is coded, 0xFF
    is never followed by 0xD9, so a file with these two at its end has not been cut in there.
    """
    decoder = _codec("jpeg8_decode")
    if decoder is None or mode not in _MODES:
        return None
    file.seek(0)
    content = file.read()
    return np.asarray(decoder(content)) if content.endswith(_END) else None


def encode(pixels: Array, mode: str, options: dict[str, Any], file: BinaryIO) -> None:
    """Write a picture, with what Pillow would save by these options, large ones in parts."""
    height, width = pixels.shape[:2]
    subsampling = _SUBSAMPLING.get(options.get("subsampling", -1), "420")
    rows, units = _of_a_part(width, "444" if mode == "L" else subsampling)
    if mode in _MODES and rows < height:
        options = options | {"restart_marker_blocks": units}
    head: _Parts = []
    level, encoder = None, _codec("jpeg8_encode")
    if encoder is not None and mode in _MODES and max(height, width) <= _LARGEST:
        small = io.BytesIO()
        Image.new(mode, (1, 1)).save(small, format="JPEG", **options)
        head = _head(small.getvalue())
        level = _level(head, mode, subsampling, encoder)
    if encoder is None or level is None:
        to_picture(pixels, mode).save(file, format="JPEG", **options)
        return
    plain = as_stored(pixels.reshape(height, width) if mode == "L" else pixels)

    def code(top: int) -> tuple[int, bytes]:
        return top, encoder(plain[top : top + rows], level=level, subsampling=subsampling)

    parts = run_all([partial(code, top) for top in range(0, height, rows)], available_cores())
    size = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    file.write(_START)
    for kind, part in head:
        file.write(part[:5] + size + part[9:] if kind in _FRAMES else part)
    for number, (_, content) in enumerate(sorted(parts)):
        if number:
            file.write(bytes((0xFF, _RESTART + (number - 1) % 8)))
        begin = len(_START) + sum(len(part) for _, part in _head(content))
        file.write(memoryview(content)[begin : -len(_END)])
    file.write(_END)


def _of_a_part(width: int, subsampling: str) -> tuple[int, int]:
    """Rows of pixels, and units, of a part."""
    tall, wide = _UNIT[subsampling]
    across = -(-width // wide)
    down = max(_UNITS // across, 1)
    return down * tall, down * across


def _codec(name: str) -> Callable[..., Any] | None:
    """A function of imagecodecs, which may be built without."""
    if not deep.installed():
        return None
    try:
        return getattr(import_module("imagecodecs"), name)  # type: ignore[no-any-return]
    except (ImportError, AttributeError):
        return None


def _level(head: _Parts, mode: str, subsampling: str, encoder: Callable[..., Any]) -> int | None:
    """The quality by which imagecodecs writes one pixel as Pillow does; None if there is none.

    It takes a quality and no tables. Those of most files are of some quality, from 1 to 100: the sum of all
    steps falls with it.
    """
    pixel = np.zeros((1, 1, 3) if mode == "RGB" else (1, 1), np.uint8)

    def with_quality(level: int) -> _Parts:
        return _head(encoder(pixel, level=level, subsampling=subsampling))

    fineness = -_coarseness(head)
    level = 1 + bisect_left(range(1, 100), fineness, key=lambda level: -_coarseness(with_quality(level)))
    return level if _coding(with_quality(level)) == _coding(head) else None


def _coarseness(head: _Parts) -> int:
    return sum(sum(part) for kind, part in head if kind == _QUANTIZATION)


def _coding(head: _Parts) -> _Parts:
    """What settles how pixels are coded, but for the length of parts."""
    return [each for each in head if each[0] not in (*_BESIDE, _INTERVAL)]


def _head(content: bytes) -> _Parts:
    """The parts of a JPEG file before what is coded, by kind."""
    parts: _Parts = []
    place = len(_START)
    while not parts or parts[-1][0] != _SCAN:
        end = place + 2 + int.from_bytes(content[place + 2 : place + 4], "big")
        parts.append((content[place + 1], content[place:end]))
        place = end
    return parts
