"""PNG files: how they are packed, and imagecodecs, which takes half the time of Pillow (extra `deep`).

Pillow has no 16-bit colour, which imagecodecs keeps. What a file says beside its pixels is read and written
by Pillow in either case.

What zlib is to look for is settled by packing a few rows. Repeated patterns (drawings, text, screens) take
its search for what was there before. In photographs it finds little and takes most of the time; how often
each difference between neighbours occurs (Huffman), and runs of equal ones, pack them as well in much less.
"""

from __future__ import annotations

import io
import struct
import threading
import zlib
from collections.abc import Iterator
from importlib import import_module
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from PIL import Image, PngImagePlugin

from fftconv.image import deep
from fftconv.image.pixels import Array, as_stored, to_picture

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PIXELS = (b"IHDR", b"IDAT", b"IEND", b"acTL", b"fcTL", b"fdAT")
_COLOURS = (b"PLTE", b"tRNS")
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_LARGEST_TEXT = 2**26  # bytes of a text or profile; Pillow refuses files of one of more than 2**20
_TEXT_LOCK = threading.Lock()
_NO_TEXTS = ("icc_profile", "dpi", "xmp")  # what Pillow gives bytes or numbers for
_BANDS, _BAND_ROWS, _BAND_COLUMNS = 8, 8, 1024  # of a sample
_LEAST_BYTES, _LEAST_ROWS = 2**20, 8 * _BANDS * _BAND_ROWS  # of a picture for which a sample pays
_BLANK = 0.02  # of its bytes, below which a sample that is packed says nothing of the rest
_LARGER = 1.1  # so much larger a file may be for taking less time
_NO_RUNS = 1.02  # so little larger a file may be without a search for runs, which takes time
_SCALES: dict[Any, int] = {"1": 255, "L;2": 85, "L;4": 17}  # of stored shades, to 8 bits
_HUFFMAN_ONLY, _RLE, _PAETH = 2, 3, 128  # of zlib, and of libpng the prediction from three neighbours
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by the type of colour in a header
_ONE_PASS = ((0, 0, 1, 1),)
# First column and row, and the steps from there, of each pass over an interlaced picture.
_SEVEN_PASSES = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)


class Packing(NamedTuple):
    """Options of the encoders, by their names."""

    pillow: dict[str, int]
    imagecodecs: dict[str, int]


# The 12 megapixels of tests/benchmarks/files.py, noise of every size, took 2.2 s and 12.8 MB by patterns,
# 0.79 s and 10.8 MB by runs, 0.62 s and 10.5 MB by Huffman's code alone; as many of text 0.33 s and 2.0 MB,
# 0.34 s and 8.8 MB, 0.57 s and 11.4 MB.
PATTERNS = Packing({"compress_level": 3}, {"level": 3})
RUNS = Packing(
    {"compress_level": 1, "compress_type": _RLE}, {"level": 1, "strategy": _RLE, "filter": _PAETH}
)
HUFFMAN = Packing(
    {"compress_level": 1, "compress_type": _HUFFMAN_ONLY},
    {"level": 1, "strategy": _HUFFMAN_ONLY, "filter": _PAETH},
)
PACKINGS = (HUFFMAN, RUNS, PATTERNS)


def choose_packing(pixels: Array, mode: str) -> Packing:
    """What packs such a picture well; small ones are searched for patterns."""
    height, width = pixels.shape[:2]
    if pixels.nbytes < _LEAST_BYTES or height < _LEAST_ROWS:
        return PATTERNS
    wide = min(width, _BAND_COLUMNS)
    tops = [(2 * band + 1) * height // (2 * _BANDS) - _BAND_ROWS // 2 for band in range(_BANDS)]
    lefts = [band * (width - wide) // (_BANDS - 1) for band in range(_BANDS)]
    bands = [
        pixels[top : top + _BAND_ROWS, left : left + wide] for top, left in zip(tops, lefts, strict=True)
    ]
    rows = np.concatenate(bands)
    huffman, runs, patterns = (len(_packed(rows, mode, each)) for each in PACKINGS)
    size, packing = (huffman, HUFFMAN) if huffman <= _NO_RUNS * runs else (runs, RUNS)
    return packing if _BLANK * rows.nbytes < size <= _LARGER * patterns else PATTERNS


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


def begins_like_png(file: BinaryIO) -> bool:
    """Return whether a file starts with the signature of PNG, and go back to its start."""
    file.seek(0)
    signature = file.read(len(_SIGNATURE))
    file.seek(0)
    return signature == _SIGNATURE


class CompletePng(PngImagePlugin.PngImageFile):
    """The pixels of a PNG file as Pillow reads them, except that damage anywhere raises ValueError.

    Pillow looks at the check sums of the chunks before the pixels only. So all are verified first, which
    takes 5 ms for a file of 25 MB; decoding takes 280 ms.

    It keeps texts by their keywords together with what it is to decode by, such as "interlace" and
    "transparency". So it is given no chunk here that says nothing of pixels; `read_beside` reads those.

    Where the compressed data is sound but ends early, Pillow leaves the other rows as they were and says
    nothing. So the pixels that come last are marked before they are decoded. Where the mark stays they were
    not reached, or look like it; then the data is unpacked once more, and its bytes are counted.
    """

    def __init__(self, file: BinaryIO) -> None:
        content = file.read()
        try:
            stream = io.BytesIO(content)
            stream.seek(len(_SIGNATURE))
            PngImagePlugin.ChunkStream(stream).verify()
            self._parts = list(_chunks(content))
            kept = [chunk for kind, chunk in self._parts if kind in _PIXELS + _COLOURS]
            self.content = b"".join([_SIGNATURE, *kept])
            super().__init__(io.BytesIO(self.content))
        except (SyntaxError, OSError) as error:
            raise ValueError(f"it is damaged or ends early: {error}") from error
        if self.mode == "P" and self.palette is None:
            raise ValueError("it has no palette, though its pixels are numbers of colours")
        # Pillow scales pixels to 8 bits, but not the transparent shade; version 13 does for 1 bit.
        scale = _SCALES.get(self.tile[0][3], 1) if self.tile else 1
        if "transparency" in self.info and scale > 1 and self.info["transparency"] <= 255 // scale:
            self.info["transparency"] *= scale

    def read_beside(self) -> PngImagePlugin.PngImageFile:
        """Return a PNG file of one pixel which says all that this one does, wherever in it."""
        header = bytearray(next(chunk for kind, chunk in self._parts if kind == b"IHDR")[8:21])
        header[:8] = struct.pack(">II", 1, 1)
        header[12] = 0  # not interlaced
        pixels = zlib.compress(bytes(1 + 8))  # of at most four channels of two bytes, and a filter
        kept = [(kind, chunk) for kind, chunk in self._parts if kind not in _PIXELS]
        kept.sort(key=lambda part: part[0] not in _TEXTS)  # first, so that none replaces what it is called
        middle = b"".join(chunk for _, chunk in kept)
        small = [_chunk(b"IHDR", bytes(header)), middle, _chunk(b"IDAT", pixels), _chunk(b"IEND", b"")]
        with _TEXT_LOCK:
            limit, PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_CHUNK, _LARGEST_TEXT
            try:
                beside = PngImagePlugin.PngImageFile(io.BytesIO(_SIGNATURE + b"".join(small)))
            finally:
                PngImagePlugin.MAX_TEXT_CHUNK = limit
        for key in _NO_TEXTS:
            if isinstance(beside.info.get(key), str):
                del beside.info[key]
        beside.tile = [tile._replace(extents=(0, 0, 1, 1)) for tile in beside.tile]  # else by a text "bbox"
        return beside

    def load_prepare(self) -> None:
        self.decoderconfig = ()  # which Pillow lengthens with each interlaced frame
        super().load_prepare()
        box, interlaced = self.tile[0][1], bool(self.info.get("interlace"))
        assert box is not None
        if interlaced and box != (0, 0, *self.size):
            raise ValueError("it has an interlaced frame of part of the picture, which Pillow misplaces")
        self._packed: list[bytes] = []
        self._raw_bytes = self._count_bytes(box[2] - box[0], box[3] - box[1], interlaced)
        self._last = _last_decoded(box, interlaced)
        row = self._new(self.im.crop(self._last))
        size = len(row.tobytes())
        row.frombytes((bytes(range(17, 251, 3)) * size)[:size])
        self._mark = row.tobytes()
        self.im.paste(row.im, self._last)

    def load_read(self, read_bytes: int) -> bytes:
        self._packed.append(super().load_read(read_bytes))
        return self._packed[-1]

    def load_end(self) -> None:
        packed, self._packed = self._packed, []
        if self._new(self.im.crop(self._last)).tobytes() == self._mark:
            unpacked = zlib.decompressobj().decompress(b"".join(packed), self._raw_bytes)
            if len(unpacked) < self._raw_bytes:
                raise ValueError("it ends before its last row")
        super().load_end()

    def _count_bytes(self, width: int, height: int, interlaced: bool) -> int:
        """Return how many bytes a frame has before it is packed, each row with its filter."""
        depth, colour_type = next(chunk for kind, chunk in self._parts if kind == b"IHDR")[16:18]
        total = 0
        for left, top, right, down in _SEVEN_PASSES if interlaced else _ONE_PASS:
            columns, rows = -((left - width) // right), -((top - height) // down)
            if columns > 0 and rows > 0:
                total += rows * (1 + -(-columns * depth * _CHANNELS[colour_type] // 8))
        return total


def _last_decoded(box: tuple[int, int, int, int], interlaced: bool) -> tuple[int, int, int, int]:
    """Return the part of a box that is decoded last: its last row, or, if interlaced, its last odd one."""
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    if interlaced and height > 1:
        bottom = top + height // 2 * 2
    elif interlaced and width > 1:
        right = left + width // 2 * 2
        left = right - 1
    return left, bottom - 1, right, bottom


def decode(content: bytes) -> Array:
    """The pixels of a PNG file of 8 bits, no palette or interlacing, or of 16 bits.

    It is to be the `content` of a file that `CompletePng` accepts: each time that imagecodecs (2026.3.6)
    fails to decode a file it gives back a reference to None that it does not own, and tens of thousands of
    them end the process.
    """
    return np.asarray(import_module("imagecodecs").png_decode(content))


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _chunks(content: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """The parts of a PNG file after its signature, by kind."""
    place, view = len(_SIGNATURE), memoryview(content)
    while place + 12 <= len(content):
        (size,) = struct.unpack_from(">I", content, place)
        chunk = view[place : place + size + 12]
        kind = bytes(chunk[4:8])
        yield kind, chunk
        if kind == b"IEND":
            return  # whatever stands behind it
        place += len(chunk)
