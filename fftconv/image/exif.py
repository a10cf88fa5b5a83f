"""EXIF: read from an EXIF block or from the tags of a TIFF file, written as either.

An EXIF block is a TIFF file without pixels: a directory of tags, and below it directories for the exposure
(Exif), the place (GPS) and compatibility (Interop), to which tags point. Pillow parses and packs each tag,
with the type that it had. A TIFF file has the same tags among those that describe how its pixels are
stored; only the former are copied. (TIFF 6.0, 1992; CIPA DC-008, "Exif 2.32", 2019.)
"""

from __future__ import annotations

import io
import math
import os
import re
import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO, NamedTuple

from PIL.TiffImagePlugin import IFDRational, ImageFileDirectory_v2

from fftconv.image.messages import without_warnings

X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 282, 283, 296
XMP_TAG = 700
_INCH = 2
INCHES = {_INCH: 1.0, 3: 1 / 2.54}  # in a unit of resolution
_DESCRIPTION, _ORIENTATION, _EXIF, _GPS, _INTEROP = 270, 274, 34665, 34853, 40965
_WIDTHS_AND_HEIGHTS = ((256, 257), (40962, 40963))
_PLACES = (273, 279, 288, 289, 324, 325, 330, 513, 514)  # of pixels, which are elsewhere in a new file
_BELOW = {None: (_EXIF, _GPS), _EXIF: (_INTEROP,), _GPS: (), _INTEROP: ()}
_LONG, _RATIONAL, _SIGNED_RATIONAL, _LONG8 = 4, 5, 10, 16  # types of values
_NO_GROUP = 0  # of which Pillow knows no usual types and counts, and keeps those that there are
_BELOW_NAMES = {_EXIF: "ExifTag", _GPS: "GPSTag"}  # in tifffile
_PREFIX = b"Exif\0\0"
_UTF_16 = b"UNICODE\0"  # begins a comment in the byte order of the block

# Tags of a TIFF file that describe more than its pixels. All others, such as sizes, offsets, thumbnails
# and profile, are left out or set by the writer.
_DESCRIPTIVE = {
    *(269, _DESCRIPTION, 271, 272, 285, 297, 305, 306, 315, 316),  # document, camera, page, author, date
    *(18246, 18249, *range(40091, 40096)),  # ratings and texts of Windows
    *(33432, 33723, 50341, _EXIF),  # copyright, IPTC, print image matching
    *(33550, 33922, 34264, 34735, 34736, 34737, 42112, 42113),  # GeoTIFF and GDAL
    *(33434, 33437, *range(34850, 34868), *range(36864, 37523), *range(41483, 42241)),  # as in Exif
}
# What programs write into the description of a TIFF file to say how its pages and samples are arranged.
_ARRANGEMENT = re.compile(
    rb"\s*(\{\s*\"shape\"|shape=|ImageJ=|SCIFIO=|<\?xml[^>]*>.{0,999}<OME\b|<OME\b)", re.S
)
_TURNED = re.compile(rb"(tiff:Orientation(?:\s*=\s*[\"']|\s*>\s*))[2-8]")  # in an XMP packet


class Directory(NamedTuple):
    """A directory of tags, and those that it points to by the tag that does."""

    tags: ImageFileDirectory_v2
    below: dict[int, Directory]


def plain_dpi(x: Any, y: Any) -> tuple[float, float] | None:
    """Pixels per inch as a header has them, or None if they are none: 0, negative, infinite or no number.

    Up to 1 they are none, either; Pillow says 1 where a TIFF file has a ratio and no unit.
    """
    try:
        found = float(x), float(y)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return found if all(1 < each < math.inf for each in found) else None


def dpi_of_tags(tags: Mapping[int, Any]) -> tuple[float, float] | None:
    """Return the resolution that the tags of a directory state, or None."""
    if tags.get(RESOLUTION_UNIT) not in INCHES:
        return None
    inch = INCHES[tags[RESOLUTION_UNIT]]
    try:
        return plain_dpi(*(float(tags.get(tag, 0)) / inch for tag in (X_RESOLUTION, Y_RESOLUTION)))
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):  # no number
        return None


def dpi_of_page(page: Any) -> tuple[float, float] | None:
    """Return the resolution of a page that tifffile has opened."""
    unit = page.tags.valueof("ResolutionUnit")
    try:
        return plain_dpi(*page.get_resolution("inch")) if unit in INCHES else None
    except Exception:  # a damaged tag
        return None


def upright_xmp(packet: Any) -> bytes | None:
    """An XMP packet that says the picture stands upright; None of anything else."""
    return _TURNED.sub(rb"\g<1>1", packet) if isinstance(packet, bytes) else None


@without_warnings
def block_of(file: BinaryIO, *, tiff: bool) -> bytes | None:
    """An EXIF block to be written with filtered pixels that stand upright; None if there is nothing to say.

    `file` is a TIFF file or an EXIF block. Of a TIFF file the tags of the first page are taken that say
    more than how its pixels are stored. Of a block all is taken but its orientation and its thumbnail,
    which shows the picture before it was filtered. What is damaged is left out.
    """
    try:
        directory = _read(file)
        if directory.tags.get(_ORIENTATION) in (5, 6, 7, 8):
            _swap_sizes(directory)
        is_kept = _DESCRIPTIVE.__contains__ if tiff else lambda tag: tag != _ORIENTATION
        return _packed(_copy(directory, is_kept, directory.tags.prefix))
    except Exception:  # whatever a parser trips over
        return None


def _swap_sizes(directory: Directory) -> None:
    """Give rows for columns, as the picture has been turned."""
    for place in (directory, directory.below.get(_EXIF)):
        for width, height in _WIDTHS_AND_HEIGHTS:
            if place is not None and width in place.tags and height in place.tags:
                tags = place.tags
                tags[width], tags[height] = tags[height], tags[width]


@without_warnings
def block_with_resolution(block: bytes | None, dpi: tuple[float, float] | None) -> bytes | None:
    """Return what can be read of the block, with this resolution if there is one.

    It is for formats that have no other place for a resolution.
    """
    directory = _read_block(block)
    copy = _copy(directory, lambda tag: True, directory.tags.prefix)
    if dpi is not None and dpi_of_tags(copy.tags) != dpi:
        x, y = map(IFDRational, dpi)
        for tag, value in ((X_RESOLUTION, x), (Y_RESOLUTION, y), (RESOLUTION_UNIT, _INCH)):
            copy.tags.tagtype.pop(tag, None)  # it follows from the value
            copy.tags[tag] = value
    return _packed(copy)


def block_within(block: bytes | None, most: int) -> bytes | None:
    """Return the block without its longest tags, if it has more bytes than `most`."""
    if block is None or len(block) <= most:
        return block
    directory = _read_block(block)
    directory = _copy(directory, lambda tag: True, directory.tags.prefix)
    while (shorter := _packed(directory)) is not None and len(shorter) > most:
        tags, tag = max(_each_tag(directory), key=lambda place: _size_of(*place))
        del tags[tag]
    return shorter


def _each_tag(directory: Directory) -> Iterator[tuple[ImageFileDirectory_v2, int]]:
    """Yield each tag that is no pointer with the directory that it is in."""
    yield from ((directory.tags, tag) for tag in directory.tags if tag not in _BELOW)
    for each in directory.below.values():
        yield from _each_tag(each)


def _size_of(tags: ImageFileDirectory_v2, tag: int) -> int:
    alone = _empty(tags.prefix)
    _set(alone, tag, tags.tagtype[tag], tags[tag])
    return len(alone.tobytes())


def tags_for_tiff(block: bytes | None) -> ImageFileDirectory_v2:
    """The tags for the first page of a TIFF file; directories below wait for `append_directories`."""
    copy = _copy(_read_block(block), _DESCRIPTIVE.__contains__, b"II")
    for tag in copy.below:
        _set(copy.tags, tag, _LONG, 0)
    return copy.tags


def tags_for_tifffile(
    block: bytes | None, xmp: bytes | None, *, big: bool = False
) -> list[tuple[Any, int, int, Any, bool]]:
    """Return the same tags as `extratags` of tifffile, with an XMP packet."""
    found: list[tuple[Any, int, int, Any, bool]] = []
    if xmp:
        found.append((XMP_TAG, 1, len(xmp), xmp, True))
    tags = tags_for_tiff(block)
    for tag in sorted(tags):
        kind, value = tags.tagtype[tag], tags[tag]
        if tag in _BELOW:  # tifffile writes those that are called by their names
            found.append((_BELOW_NAMES[tag], _LONG8 if big else _LONG, 1, 0, True))
        elif isinstance(value, bytes):
            found.append((tag, kind, len(value), value, True))
        else:
            values = value if isinstance(value, tuple) else (value,)
            flat = [part for each in values for part in _parts(each, kind)]
            found.append((tag, kind, len(values), tuple(flat), True))
    return found


def _parts(value: Any, kind: int) -> tuple[Any, ...]:
    if kind in (_RATIONAL, _SIGNED_RATIONAL):
        return int(value.numerator), int(value.denominator)
    return (value,)


def append_directories(file: BinaryIO, block: bytes) -> None:
    """Write the directories below those tags at the end of a TIFF file, and point to them."""
    below = _copy(_read_block(block), _DESCRIPTIVE.__contains__, b"II").below
    if not below:
        return
    file.seek(0)
    head = file.read(16)
    order, big = head[:2], _is_big(head)
    places = _places_of_values(file, head)
    for tag, directory in below.items():
        offset = file.seek(0, os.SEEK_END)
        offset += file.write(bytes(offset % 2))
        file.write(_bytes_of(_copy(directory, lambda tag: True, order, big=big), offset))
        file.seek(places[tag])
        file.write(struct.pack(_format(order, "Q" if big else "L"), offset))


def _places_of_values(file: BinaryIO, head: bytes) -> dict[int, int]:
    """Find the place in a TIFF file of the value, or of its offset, of each tag of the first page."""
    big = _is_big(head)
    number, entry = (_format(head[:2], kind) for kind in (("Q", "H10xQ") if big else ("H", "H6xL")))
    (start,) = struct.unpack_from(_format(head[:2], "Q" if big else "L"), head, 8 if big else 4)
    file.seek(start)
    (count,) = struct.unpack(number, file.read(struct.calcsize(number)))
    size, first = struct.calcsize(entry), file.tell()
    tags = struct.iter_unpack(entry, file.read(count * size))
    return {tag: first + (n + 1) * size - (8 if big else 4) for n, (tag, _) in enumerate(tags)}


def _read_block(block: bytes | None) -> Directory:
    """The directory of a block, empty if there is none to be read."""
    content = block or b""
    while content.startswith(_PREFIX):
        content = content[len(_PREFIX) :]
    try:
        return _read(io.BytesIO(content))
    except Exception:  # whatever a parser trips over
        return Directory(_empty(b"II"), {})


def _read(file: BinaryIO) -> Directory:
    """The first directory of a TIFF file or EXIF block, with those below."""
    file.seek(0)
    head = file.read(16)
    order, big = head[:2], _is_big(head)
    (start,) = struct.unpack_from(_format(order, "Q" if big else "L"), head, 8 if big else 4)
    return _load(file, start, order, None, big=big)


def _load(file: BinaryIO, start: int, order: bytes, kind: int | None, *, big: bool) -> Directory:
    tags, below = _empty(order, big=big), {}
    file.seek(start)
    tags.load(file)
    for tag in _BELOW[kind]:
        if tag in tags and isinstance(tags[tag], int):
            try:
                below[tag] = _load(file, tags[tag], order, tag, big=big)
            except Exception:  # whatever a parser trips over; what is damaged is left out
                continue
    return Directory(tags, below)


def _is_big(head: bytes) -> bool:
    """Whether a TIFF file that begins so has offsets of 64 bits (BigTIFF)."""
    return head[2:4] in (b"+\0", b"\0+")


def _format(order: bytes, kind: str) -> str:
    """Return the format of `struct` for numbers in the byte order that a TIFF file begins with."""
    return ("<" if order == b"II" else ">") + kind


def _empty(order: bytes, *, big: bool = False) -> ImageFileDirectory_v2:
    # Pillow (13.0) knows BigTIFF by this order of bytes alone.
    head = b"II+\0" + bytes(12) if big else b"II*\0" + bytes(4)
    return ImageFileDirectory_v2(head, prefix=order, group=_NO_GROUP)


def _copy(
    directory: Directory,
    is_kept: Callable[[int], bool],
    order: bytes,
    *,
    big: bool = False,
) -> Directory:
    """Copy the tags that are kept and can be packed, and all tags of the directories below."""
    copied = _empty(order, big=big)
    for tag in directory.tags:
        if tag in _BELOW or tag in _PLACES or not is_kept(tag):
            continue
        try:
            _copy_tag(directory.tags, copied, tag)
        except Exception:  # a damaged tag makes a parser trip over almost anything; the others are whole
            copied.tagtype.pop(tag, None)
            del copied[tag]
    below = {}
    for tag, each in directory.below.items():
        if is_kept(tag):
            found = _copy(each, lambda tag: True, order, big=big)
            if len(found.tags) or found.below:
                below[tag] = found
    return Directory(copied, below)


def _copy_tag(source: ImageFileDirectory_v2, target: ImageFileDirectory_v2, tag: int) -> None:
    value, kind = source[tag], source.tagtype[tag]
    if isinstance(value, str):
        value = value.encode("latin-1")  # as Pillow decodes any text; it packs ASCII alone
        if tag == _DESCRIPTION and _ARRANGEMENT.match(value):
            return
    if kind == _LONG8:
        kind = _LONG
    if source.prefix != target.prefix and isinstance(value, bytes) and value.startswith(_UTF_16):
        value = _swapped(value)
    alone = _empty(target.prefix)
    _set(alone, tag, kind, value)
    alone.tobytes()  # or it raises an error
    _set(target, tag, kind, value)


def _set(tags: ImageFileDirectory_v2, tag: int, kind: int, value: Any) -> None:
    tags.tagtype[tag] = kind
    tags[tag] = value


def _swapped(comment: bytes) -> bytes:
    """Return a comment in UTF-16 in the other byte order."""
    swapped, begin, end = bytearray(comment), len(_UTF_16), len(comment) // 2 * 2
    swapped[begin:end:2], swapped[begin + 1 : end : 2] = comment[begin + 1 : end : 2], comment[begin:end:2]
    return bytes(swapped)


def _packed(directory: Directory) -> bytes | None:
    """An EXIF block, or None if there is nothing in it."""
    if not len(directory.tags) and not directory.below:
        return None
    order: bytes = directory.tags.prefix
    head = order + struct.pack(_format(order, "HL"), 42, 8)
    return _PREFIX + head + _bytes_of(directory, len(head))


def _bytes_of(directory: Directory, offset: int) -> bytes:
    """The directory as it stands at this place of a file, with those below behind it."""
    tags, behind = directory.tags, b""
    for tag in directory.below:
        _set(tags, tag, _LONG, 0)
    size = len(tags.tobytes(offset))
    for tag, each in directory.below.items():
        place = offset + size + len(behind)
        _set(tags, tag, _LONG if place < 2**32 else _LONG8, place)
        behind += _bytes_of(each, place)
    return tags.tobytes(offset) + behind
