"""PNG files: how they are packed, and imagecodecs, which takes half the time of Pillow (extra `deep`).

Pillow has no 16-bit colour, which imagecodecs keeps. What a file says beside its pixels is read and written
by Pillow in either case.

What zlib is to look for is settled by packing a few rows. Repeated patterns (drawings, text, screens) take
its search for what was there before. In photographs it finds little and takes most of the time; runs of
equal differences between neighbours, and how often each occurs, pack noise as well in much less of it.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from importlib import import_module
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from PIL import Image

from fftconv.image import deep
from fftconv.image.pixels import Array, as_stored, to_picture

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PIXELS = (b"IHDR", b"IDAT", b"IEND", b"acTL", b"fcTL", b"fdAT")
_BANDS, _BAND_ROWS = 8, 8  # of a sample
_LEAST_BYTES, _LEAST_ROWS = 2**20, 8 * _BANDS * _BAND_ROWS  # of a picture for which a sample pays
_BLANK = 0.02  # of its bytes, below which a sample that is packed says nothing of the rest
_LARGER = 1.1  # so much larger a file may be for taking less time
_RLE, _PAETH = 3, 128  # of zlib, and of libpng the prediction from three neighbours


class Packing(NamedTuple):
    """Options of the encoders, by their names."""

    pillow: dict[str, int]
    imagecodecs: dict[str, int]


# The 12 megapixels of tests/benchmarks/files.py, noise of every size, took 1.0 s and 13.0 MB by patterns,
# 0.4 s and 10.9 MB by runs (through Pillow 1.2 and 0.75 s; zlib's usual level 6: 4.4 s and 11.8 MB).
# As many of text took 0.28 s and 3.5 MB, and 0.22 s and 11.6 MB.
PATTERNS = Packing({"compress_level": 3}, {"level": 3})
RUNS = Packing(
    {"compress_level": 1, "compress_type": _RLE}, {"level": 1, "strategy": _RLE, "filter": _PAETH}
)


def choose_packing(pixels: Array, mode: str) -> Packing:
    """What packs such a picture well; small ones are searched for patterns."""
    height = len(pixels)
    if pixels.nbytes < _LEAST_BYTES or height < _LEAST_ROWS:
        return PATTERNS
    firsts = [(2 * band + 1) * height // (2 * _BANDS) - _BAND_ROWS // 2 for band in range(_BANDS)]
    rows = np.concatenate([pixels[first : first + _BAND_ROWS] for first in firsts])
    runs, patterns = (len(_packed(rows, mode, packing)) for packing in (RUNS, PATTERNS))
    return RUNS if _BLANK * rows.nbytes < runs <= _LARGER * patterns else PATTERNS


def encode(pixels: Array, mode: str, options: dict[str, Any], file: BinaryIO) -> None:
    """Write a picture of one frame, with what Pillow saves by these options beside it."""
    packing = choose_packing(pixels, mode)
    if not deep.installed():
        to_picture(pixels, mode).save(file, format="PNG", **packing.pillow, **options)
        return
    plain, small = _packed(pixels, mode, packing), io.BytesIO()
    Image.new("RGB", (1, 1)).save(small, format="PNG", **options)
    beside = b"".join(chunk for kind, chunk in _chunks(small.getvalue()) if kind not in _PIXELS)
    head = next(len(chunk) for _, chunk in _chunks(plain)) + len(_SIGNATURE)
    file.write(plain[:head] + beside + plain[head:])


def _packed(pixels: Array, mode: str, packing: Packing) -> bytes:
    """A file of these pixels and nothing else."""
    if not deep.installed():
        content = io.BytesIO()
        to_picture(pixels, mode).save(content, format="PNG", **packing.pillow)
        return content.getvalue()
    plain = as_stored(pixels)
    with_filters = plain.nbytes + len(plain)
    # Its own bound is too small for narrow pictures, whose rows have a byte for the filter each.
    most = with_filters + with_filters // 16 + 4096
    return bytes(import_module("imagecodecs").png_encode(plain, **packing.imagecodecs, out=most))


def decode(content: bytes) -> tuple[Array, BinaryIO]:
    """The pixels of a PNG file of 8 or 16 bits, no palette or interlacing, and what stands beside them.

    That is a PNG file of one pixel, which says all that this one does, wherever in it.

    Checksums are looked at first: each time that imagecodecs (2026.3.6) fails to decode a file it gives
    back a reference to None that it does not own, and some tens of thousands of them end the process.
    """
    parts = list(_chunks(content))
    for kind, chunk in parts:
        if len(chunk) < 12 or zlib.crc32(chunk[4:-4]) != struct.unpack(">I", chunk[-4:])[0]:
            raise ValueError(f"its part {kind.decode('latin-1')} is damaged")
    if not parts or parts[-1][0] != b"IEND":
        raise ValueError("it ends early")
    return np.asarray(import_module("imagecodecs").png_decode(content)), _without_pixels(parts)


def _without_pixels(parts: list[tuple[bytes, bytes]]) -> BinaryIO:
    header = bytearray(next(chunk for kind, chunk in parts if kind == b"IHDR")[8:21])
    header[:8] = struct.pack(">II", 1, 1)
    pixels = zlib.compress(bytes(1 + 8))  # of at most four channels of two bytes, and a filter
    kept = [chunk for kind, chunk in parts if kind not in _PIXELS]
    small = [_chunk(b"IHDR", bytes(header)), *kept, _chunk(b"IDAT", pixels), _chunk(b"IEND", b"")]
    return io.BytesIO(_SIGNATURE + b"".join(small))


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The parts of a PNG file after its signature, by kind."""
    place = len(_SIGNATURE)
    while place + 12 <= len(content):
        (size,) = struct.unpack_from(">I", content, place)
        chunk = content[place : place + size + 12]
        yield chunk[4:8], chunk
        if chunk[4:8] == b"IEND":
            return  # whatever stands behind it
        place += len(chunk)
