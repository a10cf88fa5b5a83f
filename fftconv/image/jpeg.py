"""JPEG files through imagecodecs, which reads them in half the time of Pillow; large ones coded in parts.

Both are made of the same libjpeg, and give and take the same bytes. What a file says beside its pixels is
read and written by Pillow in either case, and so is all that imagecodecs (extra `deep`) cannot do.

Large pictures are coded in parts of so many rows by several threads. They differ from others by restart
markers, of which decoders know; how many rows depends on the picture alone.

A file may be decoded while what else it takes is imported, Pillow above all, so that nothing here imports
that before it is needed.
"""

from __future__ import annotations

import io
from bisect import bisect_left
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import numpy as np

from fftconv._files import StrPath, open_file
from fftconv._threads import run_all
from fftconv.image import deep
from fftconv.image.deep import Array

if TYPE_CHECKING:
    from concurrent.futures import Future

MOST_PIXELS = 178_956_970  # half a gibibyte of 8-bit colours
_START, _END = b"\xff\xd8", b"\xff\xd9"
_FRAMES = (0xC0, 0xC1, 0xC2)  # baseline, extended and progressive, by Huffman's code
_ALL_FRAMES = tuple(kind for kind in range(0xC0, 0xD0) if kind not in (0xC4, 0xC8, 0xCC))
_ALONE = range(0xD0, 0xDA)  # restarts, start and end, which have no length
_RESTART, _SCAN, _QUANTIZATION, _INTERVAL = 0xD0, 0xDA, 0xDB, 0xDD
_BESIDE = (*range(0xE0, 0xF0), 0xFE)  # what applications say, and comments
_MODES = ("L", "RGB")
_SUBSAMPLING = {0: "444", 1: "422"}  # by Pillow's number; any other is libjpeg's own choice, "420"
_UNIT = {"444": (8, 8), "422": (8, 16), "420": (16, 16)}  # rows and columns of pixels coded together
_UNITS = 2**14  # of a part, which take 10 to 20 ms; a file can count 65535

_Parts = list[tuple[int, bytes]]


class Ahead(NamedTuple):
    """A JPEG file that is being decoded: what it holds, and its pixels as they will be."""

    content: bytes
    pixels: Future[Array]


def decode_ahead(path: StrPath, max_pixels: int) -> Ahead | None:
    """Begin to decode a file in a thread of its own, if it is one that `decode` would decode; None if not.

    Its header is judged first, and none is trusted that libjpeg might read in another way. Whatever is
    wrong with the file is left to be found, and told, by who reads it next.
    """
    decoder = _codec("jpeg8_decode")
    if decoder is None:
        return None
    try:
        with open_file(path, buffering=0) as file:  # a buffer would have megabytes copied once more
            if file.read(len(_START)) != _START:
                return None
            file.seek(0)
            content = file.read()
    except (OSError, ValueError):
        return None
    if not content.endswith(_END) or not 0 < _number_of_pixels(content) <= max_pixels:
        return None
    from concurrent.futures import ThreadPoolExecutor

    pool = ThreadPoolExecutor(1, thread_name_prefix="fftconv-ahead")
    pixels = pool.submit(decoder, content)
    pool.shutdown(wait=False)
    return Ahead(content, pixels)


def decode(file: BinaryIO, mode: str, ahead: Ahead | None = None) -> Array | None:
    """The pixels of a JPEG file as they are stored; None if that is to be Pillow's.

    imagecodecs takes files that end early for whole ones, which Pillow tells apart. In what is coded, 0xFF
    is never followed by 0xD9, so a file with these two at its end has not been cut in there.
    """
    decoder = _codec("jpeg8_decode")
    if decoder is None or mode not in _MODES:
        return None
    if ahead is not None:
        return np.asarray(ahead.pixels.result())
    file.seek(0)
    content = file.read()
    return np.asarray(decoder(content)) if content.endswith(_END) else None


def encode(pixels: Array, mode: str, options: dict[str, Any], file: BinaryIO, workers: int) -> None:
    """Write a picture, with what Pillow would save by these options, large ones in parts."""
    from PIL import Image

    from fftconv.image.pixels import as_stored, to_picture

    height, width = pixels.shape[:2]
    subsampling = _SUBSAMPLING.get(options.get("subsampling", -1), "420")
    rows, units = _of_a_part(width, "444" if mode == "L" else subsampling)
    if mode in _MODES and rows < height:
        options = options | {"restart_marker_blocks": units}
    head: _Parts = []
    level, encoder = None, _codec("jpeg8_encode")
    if encoder is not None and mode in _MODES:
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

    parts = run_all([partial(code, top) for top in range(0, height, rows)], workers)
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


def _number_of_pixels(content: bytes) -> int:
    """What the header of a JPEG file promises; 0 if it is not one of 8-bit grey or colours."""
    try:
        ((kind, frame),) = [each for each in _head(content) if each[0] in _ALL_FRAMES]
        depth, components = frame[4], frame[9]
    except (ValueError, IndexError):
        return 0
    if kind not in _FRAMES or depth != 8 or components not in (1, 3):
        return 0
    return int.from_bytes(frame[5:7], "big") * int.from_bytes(frame[7:9], "big")


def _head(content: bytes) -> _Parts:
    """The parts of a JPEG file before what is coded, by kind; ValueError or IndexError if it has others."""
    parts: _Parts = []
    place = len(_START)
    while not parts or parts[-1][0] != _SCAN:
        kind, end = content[place + 1], place + 2 + int.from_bytes(content[place + 2 : place + 4], "big")
        if content[place] != 0xFF or not 0xC0 <= kind <= 0xFE or kind in _ALONE:
            raise ValueError(f"no part of a header begins with {content[place : place + 2].hex()}")
        parts.append((kind, content[place:end]))
        place = end
    return parts
