"""From pixels to image files: which format a suffix names, what it can hold, what goes in beside pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO

from PIL import ExifTags, Image, PngImagePlugin

from fftconv._checks import check_count, shown
from fftconv._files import check_target
from fftconv.image import deep, gif, jpeg, png
from fftconv.image.exif import (
    XMP_TAG,
    append_directories,
    block_with_resolution,
    block_within,
    plain_dpi,
    tags_for_tiff,
)
from fftconv.image.pixels import Array, ImageMetadata, plays_of, to_picture

Size = tuple[int, int]
_HAS_AVIF = find_spec("PIL._avif") is not None  # Pillow may be built without
READABLE = ("PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF", "PPM", *(("AVIF",) if _HAS_AVIF else ()))
_FORMATS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".webp": "WEBP",
    ".bmp": "BMP",
    ".gif": "GIF",
    ".pgm": "PPM",
    ".ppm": "PPM",
    ".pfm": "PFM",
    **({".avif": "AVIF"} if _HAS_AVIF else {}),
    ".apng": "PNG",
    ".jpe": "JPEG",
    ".jfif": "JPEG",
    ".pnm": "PPM",
}
SUFFIXES = tuple(_FORMATS)
_WRITABLE = {
    "PNG": ("L", "LA", "RGB", "RGBA", "I;16", *deep.WRITABLE["PNG"]),
    "JPEG": ("L", "RGB", "CMYK"),
    "TIFF": ("L", "LA", "RGB", "RGBA", "CMYK", "I;16", "I", "F", *deep.WRITABLE["TIFF"]),
    "WEBP": ("L", "LA", "RGB", "RGBA"),
    "BMP": ("L", "RGB"),
    "GIF": ("L", "LA", "RGB", "RGBA"),
    "PPM": ("L", "RGB", "I;16"),
    "PFM": ("F",),
    "AVIF": ("L", "LA", "RGB", "RGBA"),
}
_PILLOW_NAMES = {"PFM": "PPM"}  # where it has another one for the format
_KEEPS_PROFILE = ("PNG", "JPEG", "TIFF", "WEBP", "AVIF")
_KEEPS_EXIF = ("PNG", "JPEG", "TIFF", "WEBP", "AVIF")
_HAS_QUALITY = ("JPEG", "WEBP", "AVIF")
_HAS_FRAMES = ("PNG", "TIFF", "WEBP", "GIF", "AVIF")
_HAS_PAGES = ("TIFF",)  # frames of any size
# Pixels a side: of libjpeg, libwebp and the format; libavif (1.4.2) writes more than it reads.
_MOST_SIDES = {"JPEG": 65500, "WEBP": 16383, "GIF": 65535, "AVIF": 32768}
_NAMED = 4  # of sizes in a message
_NO_RESOLUTION = ("PPM", "PFM", "GIF")
_MOST_OF_16_BITS = 65535
_HAS_FRACTIONS = hasattr(PngImagePlugin, "Fraction")  # Pillow before 12.3 writes whole milliseconds to PNG
_UNITS = {  # milliseconds that durations are multiples of, and the largest multiple
    "GIF": (gif.DELAY_UNIT, _MOST_OF_16_BITS),
    "WEBP": (1, 2**24 - 1),
    "AVIF": (1, 2**31 - 1),
    "PNG": (1000 if _HAS_FRACTIONS else 1, _MOST_OF_16_BITS),  # and fractions of them
}
_MOST_PLAYS = {"WEBP": _MOST_OF_16_BITS, "PNG": 2**31 - 1}
_IN_EXIF = ("WEBP", "AVIF")  # formats that have no other place for a resolution
_RESOLUTIONS = {"JPEG": 65535, "PNG": 2**31 * 0.0254, "BMP": 2**31 / 39.3702}  # at most, per inch
_MOST_RESOLUTION = 2**31  # in TIFF and EXIF
_SEGMENT = 65533  # bytes in a part of a JPEG file
_NAME_OF_XMP = 29  # of which take so many to say that it is XMP
COMMENT, XMP_KEYWORD = "Comment", "XML:com.adobe.xmp"


def check_writable(
    target: Path, mode: str | None = None, quality: int | None = None, frames: Sequence[Size] = ()
) -> str:
    """The format that the suffix of `target` asks for, once it is sure that it can be written."""
    chosen = check_format(target, mode, quality, frames)
    check_target(target)
    return chosen


def check_quality(quality: int | None) -> None:
    """A whole number from 1 to 100, or None."""
    if quality is not None and check_count("quality", quality) > 100:
        raise ValueError(f"quality={shown(quality)} is not accepted; pass a whole number from 1 to 100")


def check_format(
    target: Path, mode: str | None = None, quality: int | None = None, frames: Sequence[Size] = ()
) -> str:
    """Do the same, but leave its place alone; `frames` are their widths and heights."""
    if target.suffix.lower() not in _FORMATS:
        folder = "" if target.suffix else "; if it is meant as a folder, create it first"
        raise ValueError(
            f"{target} has the suffix {target.suffix!r}, which names no format that can be written; "
            f"accepted are {', '.join(_FORMATS)}{folder}"
        )
    chosen = _FORMATS[target.suffix.lower()]
    if quality is not None:
        if chosen not in _HAS_QUALITY:
            formats = ", ".join(_HAS_QUALITY)
            raise ValueError(f"quality={shown(quality)} is of {formats} files, and {target} is {chosen}")
        check_quality(quality)
    if mode is not None and mode not in _WRITABLE[chosen]:
        what = f"images of mode {mode}" if len(frames) > 1 else f"an image of mode {mode}"
        raise ValueError(f"{target}: {chosen} cannot hold {what}; {_cure(mode, frames)}")
    if mode is not None:  # these are the pixels to write, and not those that a filter may make smaller
        _check_sides(target, chosen, mode, frames)
    if len(frames) > 1:
        _check_frames(target, chosen, mode, frames)
    if mode in deep.MODES.values() and not deep.installed():
        raise ValueError(f"{target} is to hold colour of mode {mode}; {deep.INSTALL}")
    return chosen


def suffix_for(chosen: str) -> str:
    """The first suffix of a format."""
    return next(suffix for suffix, name in _FORMATS.items() if name == chosen)


def _holds_frames(chosen: str, mode: str | None) -> bool:
    """Whether a format holds several frames of a mode, or of any mode if it is not known yet."""
    if mode is None or chosen not in _HAS_FRAMES:
        return chosen in _HAS_FRAMES
    # Pillow compares the frames of a PNG file in 8 bits, and drops those of 16 bits that look equal.
    is_cut = mode in deep.MODES.values() or (chosen == "PNG" and mode == "I;16")
    return mode in _WRITABLE[chosen] and not is_cut


def _formats_for(mode: str | None, frames: Sequence[Size]) -> list[str]:
    """Return the formats that hold pictures of these sizes and this mode in one file."""
    names = [name for name, modes in _WRITABLE.items() if mode is None or mode in modes]
    if len(frames) > 1:
        names = [name for name in names if _holds_frames(name, mode)]
    if len(set(frames)) > 1:
        names = [name for name in names if name in _HAS_PAGES]
    side = max(map(max, frames), default=0)
    return [name for name in names if side <= _MOST_SIDES.get(name, side)]


def _cure(mode: str | None, frames: Sequence[Size]) -> str:
    """Return what to do about pictures that a format cannot hold."""
    able = _formats_for(mode, frames)
    if not able:
        return "write each to a file of its own, or convert them to 8 bits"
    suffixes = ", ".join(suffix for suffix, name in _FORMATS.items() if name in able)
    return f"write {'them' if len(frames) > 1 else 'it'} as {suffixes}"


def _check_frames(target: Path, chosen: str, mode: str | None, frames: Sequence[Size]) -> None:
    """Refuse several frames of these sizes where a format has no place for them."""
    sizes, cure = list(dict.fromkeys(frames)), _cure(mode, frames)
    if not _holds_frames(chosen, mode):
        what = f"frames of mode {mode}" if chosen in _HAS_FRAMES else "frames"
        raise ValueError(f"{target} can hold one image, not {len(frames)} {what}; {cure}")
    if len(sizes) > 1 and chosen not in _HAS_PAGES:
        named = ", ".join(f"{width} x {height}" for width, height in sizes[:_NAMED])
        more = f" and {len(sizes) - _NAMED} other sizes" if len(sizes) > _NAMED else ""
        raise ValueError(
            f"{target}: {chosen} holds frames of one size, and these are of {named}{more}; {cure}, whose "
            f"pages may differ, or split them into files of one image each"
        )


def _check_sides(target: Path, chosen: str, mode: str, frames: Sequence[Size]) -> None:
    """Refuse pictures that are wider or higher than a format allows."""
    width, height = max(frames, key=max, default=(0, 0))
    most = _MOST_SIDES.get(chosen)
    if most is not None and max(width, height) > most:
        raise ValueError(
            f"{target} cannot be written as {chosen}: {width} x {height} pixels are more than {most} a "
            f"side; {_cure(mode, frames)}"
        )


def save_options(chosen: str, metadata: ImageMetadata, quality: int | None) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if metadata.icc_profile and chosen in _KEEPS_PROFILE:
        options["icc_profile"] = metadata.icc_profile
    dpi = _dpi_for(chosen, metadata.dpi)
    exif, xmp = metadata.exif or None, metadata.xmp or None
    if chosen in _IN_EXIF:
        exif = block_with_resolution(exif, dpi)
    elif dpi or chosen == "BMP":  # where Pillow would say 96
        options["dpi"] = dpi or (0, 0)
    if chosen == "JPEG":
        exif = block_within(exif, _SEGMENT)
    if exif and chosen in _KEEPS_EXIF:
        options["exif"] = exif
    if chosen == "PNG":
        options["pnginfo"] = _texts(metadata)
    elif chosen == "TIFF":
        options["tiffinfo"] = tags = tags_for_tiff(exif)
        if xmp:
            tags.tagtype[XMP_TAG], tags[XMP_TAG] = 1, xmp
    elif xmp and chosen in _KEEPS_EXIF and not (chosen == "JPEG" and len(xmp) > _SEGMENT - _NAME_OF_XMP):
        options["xmp"] = xmp
    comment = _comment_of(metadata)
    if chosen == "GIF" and comment:
        options["comment"] = comment
    asked = None if quality is None else int(quality)  # Pillow takes no numbers of NumPy
    return options | _quality_options(chosen, metadata, asked)


def _dpi_for(chosen: str, dpi: tuple[float, float] | None) -> tuple[float, float] | None:
    """A resolution as far as it is one, and the format has numbers for it."""
    plain = plain_dpi(*dpi) if dpi and len(dpi) == 2 and chosen not in _NO_RESOLUTION else None
    return plain if plain and max(plain) < _RESOLUTIONS.get(chosen, _MOST_RESOLUTION) else None


def text_of_comment(comment: bytes) -> str:
    """Return what a comment says, of which JPEG and GIF files do not tell the encoding."""
    try:
        return comment.decode("utf-8")
    except UnicodeDecodeError:
        return comment.decode("latin-1")


def _comment_of(metadata: ImageMetadata) -> bytes | None:
    """Return what JPEG and GIF files call the comment, and PNG files the text of that name."""
    comment = metadata.jpeg.get("comment", metadata.text.get(COMMENT))
    return comment.encode() if isinstance(comment, str) else comment


def _texts(metadata: ImageMetadata) -> PngImagePlugin.PngInfo:
    """The text chunks of a PNG file, of which XMP is one."""
    chunks = PngImagePlugin.PngInfo()
    for keyword, text in metadata.text.items():
        chunks.add_text(keyword, text)
    comment = _comment_of(metadata)
    if comment and COMMENT not in metadata.text:
        chunks.add_text(COMMENT, text_of_comment(comment).replace("\0", ""))  # which ends a text
    if metadata.xmp:
        chunks.add_itxt(XMP_KEYWORD, metadata.xmp.decode("utf-8", "surrogateescape"))
    return chunks


def _quality_options(chosen: str, metadata: ImageMetadata, quality: int | None) -> dict[str, Any]:
    if chosen == "JPEG":
        kept = dict(metadata.jpeg) or {"quality": 95, "subsampling": 0}
        comment = _comment_of(metadata)
        if comment and len(comment) <= _SEGMENT:
            kept["comment"] = comment
        if quality is not None:
            kept = {key: value for key, value in kept.items() if key != "qtables"} | {"quality": quality}
        return kept
    if chosen == "WEBP":
        return {"lossless": True} if quality is None else {"quality": quality}
    if chosen == "AVIF":
        return {"quality": 90 if quality is None else quality, "subsampling": "4:4:4"}
    return {}


def encode(
    frames: list[Array], mode: str, chosen: str, options: dict[str, Any], file: BinaryIO, workers: int
) -> None:
    """Write pixels, all frames of them, into an open file."""
    if len(frames) == 1 and chosen == "JPEG":
        jpeg.encode(frames[0], mode, options, file, workers)
        return
    if len(frames) == 1 and chosen == "PNG":
        png.encode(frames[0], mode, options, file)
        return
    if mode in deep.MODES.values():
        deep.encode_tiff(frames[0], options, file)
        return
    if chosen == "GIF":
        gif.encode(frames, file, **options)
        return
    first, *others = [to_picture(pixels, mode) for pixels in frames]
    if others:
        options = options | {"save_all": True, "append_images": others}
    if chosen == "TIFF":
        for other in others:
            other.encoderinfo = {"tiffinfo": {}}  # what is said of all stands with the first
    if chosen == "PNG":
        options = options | png.PATTERNS.pillow  # frames of an animation are mostly drawn
    first.save(file, format=_PILLOW_NAMES.get(chosen, chosen), **options)
    if chosen == "TIFF" and "exif" in options:
        append_directories(file, options["exif"])


def frame_options(target: Path, chosen: str, metadata: ImageMetadata, frames: int) -> dict[str, Any]:
    """Return how long each frame of an animation is shown, and how often all of them are, for its encoder.

    Times that a format cannot hold are rounded so that each frame begins as near as can be to its moment.
    """
    durations = _read_durations(metadata, frames)
    loop = None if metadata.loop is None else check_count("metadata.loop", metadata.loop, least=0)
    if chosen not in _UNITS or (frames == 1 and chosen != "GIF" and metadata.default_image is None):
        return {}
    unit, most = _UNITS[chosen]
    if max(durations) > most * unit:
        raise ValueError(
            f"{target}: metadata.durations holds {max(durations):g} ms, and {chosen} shows a frame for at "
            f"most {most * unit} ms; shorten it, or show the frame several times"
        )
    is_fraction = chosen == "PNG" and _HAS_FRACTIONS
    delays = [_as_fraction(each) for each in durations] if is_fraction else _rounded(durations, unit, most)
    if chosen == "GIF":
        return {"delays": delays, "repeats": None if loop is None else min(loop, gif.MOST_REPEATS)}
    if chosen == "AVIF" and _is_turned(metadata.exif):  # Pillow 13.0 ends the process over this
        raise ValueError(
            f"{target}: metadata.exif has an orientation, which AVIF animations cannot hold; turn the "
            f"frames, and remove it"
        )
    options: dict[str, Any] = {"duration": delays}
    if chosen in _MOST_PLAYS:
        options["loop"] = min(plays_of(loop), _MOST_PLAYS[chosen])
    if chosen == "WEBP":
        options |= {"kmin": 0, "kmax": 1}  # whole frames; libwebp drops the opacity of some that are not
    return options


def _is_turned(block: bytes | None) -> bool:
    exif = Image.Exif()
    if block:
        with suppress(Exception):  # a damaged block is an error where it is written
            exif.load(block)
    return bool(exif.get(ExifTags.Base.Orientation, 1) != 1)


def _read_durations(metadata: ImageMetadata, frames: int) -> list[float]:
    """One duration for each frame: the last one given stands for those that are missing."""
    given = metadata.durations
    try:
        durations = [float(each) for each in given] or [0.0]
    except (TypeError, ValueError):
        durations = [math.nan]
    if not all(0 <= each < math.inf for each in durations):
        raise ValueError(
            f"metadata.durations={shown(given)} is not accepted; pass milliseconds for each frame, from 0"
        )
    return [*durations, *[durations[-1]] * frames][:frames]


def _rounded(durations: list[float], unit: int, most: int) -> list[int]:
    """Return whole multiples of a unit with sums that are near; what is shown at all gets one unit.

    What earlier frames have lost is left out where a frame would get more than `most` units.
    """
    units, moment, passed = [], 0.0, 0
    for duration in durations:
        moment += duration / unit
        units.append(min(max(round(moment) - passed, 1), most) if duration else 0)
        passed += units[-1]
    return [unit * each for each in units]


def _as_fraction(milliseconds: float) -> float:
    """The nearest duration whose seconds are a fraction of two numbers of 16 bits."""
    seconds = milliseconds / 1000
    return 1000 * float(Fraction(seconds).limit_denominator(int(_MOST_OF_16_BITS / max(seconds, 1))))
