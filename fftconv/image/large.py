"""TIFF files larger than memory: rows read, and rows written, without the others (tifffile, extra `deep`).

A file is read by strips or tiles, as it is stored, and written in tiles, as BigTIFF if it needs to be.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import Any, BinaryIO

import numpy as np

from fftconv.image import deep
from fftconv.image.exif import append_directories, tags_for_tifffile
from fftconv.image.pixels import Array, ImageMetadata, mode_of

TILE = 256  # sides of tiles that are written
_BUFFER = 2**22  # bytes of tiles that wait for being compressed
_LEAST_BIG = 2**32 - 2**25  # bytes from which on offsets of 32 bits may not do


def writer_bytes(shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    """What `write_rows` holds beside the rows that it is given."""
    return 4 * TILE * math.prod(shape[1:]) * dtype.itemsize + 4 * _BUFFER


def open_rows(file: BinaryIO) -> TiffRows:
    """The picture in a TIFF file, of which rows can be read; ValueError says why not."""
    if not deep.installed():
        raise ValueError(deep.INSTALL)
    try:
        return TiffRows(file)
    except ValueError:
        raise
    except Exception as error:  # a damaged file makes a parser raise almost anything
        raise ValueError(f"it cannot be decoded, {type(error).__name__}: {error}") from error


class TiffRows:
    """The picture in a TIFF file."""

    def __init__(self, file: BinaryIO) -> None:
        file.seek(0)
        tifffile: Any = import_module("tifffile")
        self._opened = tifffile.TiffFile(file)
        self._page, about = deep.only_picture(self._opened)
        if about.orientation != 1:
            raise ValueError("it is stored turned, so that its rows are columns; turn it upright first")
        if self._page.planarconfig == tifffile.PLANARCONFIG.SEPARATE and self._page.samplesperpixel > 1:
            raise ValueError("its colours lie in planes of their own; write it with colours side by side")
        self._check_numbers("imagelength", "imagewidth", "samplesperpixel")
        shape = (self._page.imagelength, self._page.imagewidth)
        channels = self._page.samplesperpixel
        self.shape: tuple[int, ...] = shape if channels == 1 else (*shape, channels)
        if self._page.dtype is None or self._page.bitspersample != 8 * self._page.dtype.itemsize:
            raise ValueError(
                f"it has {self._page.bitspersample} bits per sample; accepted are 8, 16 and 32"
            )
        self.dtype = self._page.dtype.newbyteorder("=")
        self.metadata = ImageMetadata(
            mode_of(np.empty((1, 1, *self.shape[2:]), self.dtype)),
            about.icc_profile,
            about.dpi,
            about.exif,
            about.xmp,
        )
        self.compression = self._page.compression
        self._kept: dict[int, Array] = {}
        self._check_parts()

    @property
    def part_bytes(self) -> int:
        """What is decoded at once: a row of tiles, or a strip."""
        return 0 if self._lies_plain else 2 * self._part_rows * self._row_bytes

    def read(self, first: int, last: int) -> Array:
        """The rows from `first` to before `last`; ValueError if they cannot be decoded."""
        try:
            return self._read(first, last)
        except Exception as error:
            raise ValueError(f"it cannot be decoded, {type(error).__name__}: {error}") from error

    def _read(self, first: int, last: int) -> Array:
        if self._lies_plain:
            return self._read_plain(first, last)
        out = np.empty((last - first, *self.shape[1:]), self.dtype)
        height = self._part_rows
        numbers = range(first // height, -(-last // height))
        self._kept = {number: self._kept[number] for number in numbers if number in self._kept}
        for number in numbers:
            part = self._part(number)
            low, high = max(number * height, first), min(number * height + len(part), last)
            out[low - first : high - first] = part[low - number * height : high - number * height]
            self._kept = {number: part}  # the next rows begin in it
        return out

    def _check_numbers(self, *names: str) -> None:
        for name in names:
            value = getattr(self._page, name)
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"its header says {name} is {value!r}")

    def _check_parts(self) -> None:
        page = self._page
        self._check_numbers(*(("tilelength", "tilewidth") if page.is_tiled else ("rowsperstrip",)))
        self._row_bytes = math.prod(self.shape[1:]) * self.dtype.itemsize
        self._lies_plain = page.compression == 1 and page.is_contiguous and not page.is_tiled
        self._part_rows = page.tilelength if page.is_tiled else min(page.rowsperstrip, page.imagelength)
        self._across = -(-page.imagewidth // page.tilewidth) if page.is_tiled else 1

    def _read_plain(self, first: int, last: int) -> Array:
        handle = self._opened.filehandle
        handle.seek(self._page.dataoffsets[0] + first * self._row_bytes)
        stored = self.dtype.newbyteorder(self._opened.byteorder)
        content = handle.read((last - first) * self._row_bytes)
        if len(content) < (last - first) * self._row_bytes:
            raise ValueError("it ends before its last row")
        rows = np.frombuffer(content, stored).reshape(last - first, *self.shape[1:])
        return rows.astype(self.dtype, copy=False)

    def _part(self, number: int) -> Array:
        """A row of tiles, or a strip."""
        if number in self._kept:
            return self._kept[number]
        height, width = self.shape[:2]
        rows = min(self._part_rows, height - number * self._part_rows)
        out = np.zeros((rows, *self.shape[1:]), self.dtype)
        page, handle = self._page, self._opened.filehandle
        for index in range(number * self._across, (number + 1) * self._across):
            handle.seek(page.dataoffsets[index])
            content = handle.read(page.databytecounts[index])
            if len(content) < page.databytecounts[index]:
                raise ValueError("it ends before its last row")
            decoded, place, _ = page.decode(content or None, index, jpegtables=page.jpegtables)
            if decoded is None:  # a tile that was left out holds zeros
                continue
            left = place[3]
            tile = decoded.reshape(decoded.shape[-3:])[:rows, : width - left]
            out[: len(tile), left : left + tile.shape[1]] = tile.reshape(*tile.shape[:2], *self.shape[2:])
        return out


def write_rows(
    file: BinaryIO,
    bands: Iterable[Array],
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    metadata: ImageMetadata,
    *,
    compressed: bool,
) -> None:
    """Write rows as they come into a tiled TIFF file."""
    tifffile: Any = import_module("tifffile")
    channels = shape[2] if len(shape) == 3 else 1
    big = math.prod(shape) * dtype.itemsize >= _LEAST_BIG
    handle = tifffile.FileHandle(file, mode="r+", name="picture.tif", offset=0)  # one needs a name
    with tifffile.TiffWriter(handle, bigtiff=big) as writer:
        writer.write(
            _tiles(bands, shape),
            shape=shape,
            dtype=dtype,
            tile=(TILE, TILE),
            photometric="rgb" if channels > 2 else "minisblack",
            planarconfig="contig" if channels > 1 else None,
            extrasamples=["unassalpha"] if channels in (2, 4) else None,
            compression="zlib" if compressed else None,
            predictor=compressed or None,
            iccprofile=metadata.icc_profile,
            resolution=metadata.dpi,
            resolutionunit="inch" if metadata.dpi else None,
            metadata=None,
            software=False,
            extratags=tags_for_tifffile(metadata.exif, metadata.xmp, big=big),
            buffersize=_BUFFER,
        )
    if metadata.exif:
        append_directories(file, metadata.exif)


def _tiles(bands: Iterable[Array], shape: tuple[int, ...]) -> Iterator[Array]:
    """Rows cut into tiles; those at the right and the lower edge are filled up by the writer."""
    height, width = shape[:2]
    tall = np.empty((min(TILE, height), *shape[1:]), np.uint8)
    filled = done = 0
    left_over = iter(bands)
    while (band := next(left_over, None)) is not None:
        tall = tall.astype(band.dtype, copy=False)
        while len(band):
            taken = min(len(tall) - filled, len(band))
            tall[filled : filled + taken] = band[:taken]
            filled, done, band = filled + taken, done + taken, band[taken:]
            if filled == len(tall) or done == height:
                for left in range(0, width, TILE):
                    yield np.array(tall[:filled, left : left + TILE])  # the writer keeps some for a while
                filled = 0
        del band  # before the next one is made
