"""JPEG files through imagecodecs, which takes half the time of Pillow to read and a copy less to write.

Both are made of the same libjpeg, and give and take the same bytes. What a file says beside its pixels is
read and written by Pillow in either case, and so is all that imagecodecs (extra `deep`) cannot do.
"""

from __future__ import annotations

import io
from bisect import bisect_left
from collections.abc import Callable
from importlib import import_module
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from fftconv.image import deep
from fftconv.image.pixels import Array, as_stored, to_picture

_START, _END = b"\xff\xd8", b"\xff\xd9"
_QUANTIZATION, _SCAN = 0xDB, 0xDA
_BESIDE = (*range(0xE0, 0xF0), 0xFE)  # what applications say, and comments
_MODES = ("L", "RGB")
_LARGEST = 65500  # rows or columns that libjpeg takes
_SUBSAMPLING = {0: "444", 1: "422"}  # by Pillow's number; any other is libjpeg's own choice, "420"

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
    """Write a picture, with what Pillow would save by these options."""
    encoder = _codec("jpeg8_encode")
    if encoder is not None and mode in _MODES and max(pixels.shape[:2]) <= _LARGEST:
        small = io.BytesIO()
        Image.new(mode, (1, 1)).save(small, format="JPEG", **options)
        head = _head(small.getvalue())
        settings = _settings(head, mode, options, encoder)
        if settings is not None:
            plain = pixels.reshape(pixels.shape[:2]) if mode == "L" else pixels
            content = encoder(as_stored(plain), **settings)
            file.write(_START + _beside(head))
            file.write(memoryview(content)[len(_START) + len(_beside(_head(content))) :])
            return
    to_picture(pixels, mode).save(file, format="JPEG", **options)


def _codec(name: str) -> Callable[..., Any] | None:
    """A function of imagecodecs, which may be built without."""
    if not deep.installed():
        return None
    try:
        return getattr(import_module("imagecodecs"), name)  # type: ignore[no-any-return]
    except (ImportError, AttributeError):
        return None


def _settings(
    head: _Parts, mode: str, options: dict[str, Any], encoder: Callable[..., Any]
) -> dict[str, Any] | None:
    """What makes imagecodecs write one pixel as Pillow does; None if nothing does.

    It takes a quality and no tables. Those of most files are of some quality, from 1 to 100: the sum of all
    steps falls with it.
    """
    subsampling = _SUBSAMPLING.get(options.get("subsampling", -1), "420")
    pixel = np.zeros((1, 1, 3) if mode == "RGB" else (1, 1), np.uint8)

    def with_quality(level: int) -> _Parts:
        return _head(encoder(pixel, level=level, subsampling=subsampling))

    fineness = -_coarseness(head)
    level = 1 + bisect_left(range(1, 100), fineness, key=lambda level: -_coarseness(with_quality(level)))
    same = _coding(with_quality(level)) == _coding(head)
    return {"level": level, "subsampling": subsampling} if same else None


def _coarseness(head: _Parts) -> int:
    return sum(sum(part) for kind, part in head if kind == _QUANTIZATION)


def _coding(head: _Parts) -> _Parts:
    return [each for each in head if each[0] not in _BESIDE]


def _beside(head: _Parts) -> bytes:
    return b"".join(part for kind, part in head if kind in _BESIDE)


def _head(content: bytes) -> _Parts:
    """The parts of a JPEG file before what is coded, by kind."""
    parts: _Parts = []
    place = len(_START)
    while not parts or parts[-1][0] != _SCAN:
        end = place + 2 + int.from_bytes(content[place + 2 : place + 4], "big")
        parts.append((content[place + 1], content[place:end]))
        place = end
    return parts
