"""From image files to pixels: through Pillow, and `deep` where that would lose depth."""

from __future__ import annotations

import re
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, BinaryIO, cast

import numpy as np
from PIL import Image, ImageFile, JpegImagePlugin, TiffImagePlugin, UnidentifiedImageError

from fftconv.image import deep, jpeg, png
from fftconv.image.canvas import Canvas, is_drawn
from fftconv.image.encoding import COMMENT, READABLE, XMP_KEYWORD, Size, text_of_comment
from fftconv.image.exif import XMP_TAG, block_of, dpi_of_tags, plain_dpi, upright_xmp
from fftconv.image.messages import without_warnings
from fftconv.image.pixels import (
    PLAIN,
    Array,
    ImageMetadata,
    Sketch,
    kind_of,
    mode_of,
    pixels_of,
    repeats_of,
    to_picture,
)

_LIMIT_LOCK = threading.Lock()
_decoding = 0  # files at this moment
_allows_truncated = False  # whether the process lets files end early when there are none
_lower_limit: int | None = None  # of the process, if more pixels are allowed at this moment
_ORIENTATION = 0x0112
# Tags of TIFF files, and values of some.
_BITS_PER_SAMPLE, _PHOTOMETRIC, _PLANAR, _EXTRA_SAMPLES, _SAMPLE_FORMAT = 258, 262, 284, 338, 339
_SUBSAMPLING, _RANGE = 530, 532
_BIG_ENDIAN = re.compile("B(?=[SF]$)")  # in Pillow's name of how samples are stored
_WHITE_IS_0, _YCBCR, _SEPARATE = 0, 6, 2
_OF_PHOTOSHOP = ("Raw profile type exif", "Raw profile type APP1")  # texts with an orientation of their own


@without_warnings
def decode(
    file: BinaryIO, max_pixels: int, *, several: bool, ahead: jpeg.Ahead | None = None
) -> tuple[list[Array], ImageMetadata] | str:
    """The frames of an image file and what it says about them, or why they are refused.

    Before anything is decoded it is settled that there are not too many pixels, or more than one frame;
    where a JPEG file is being decoded ahead, the number of its pixels was.
    """
    try:
        with _settings_of_pillow(max_pixels), _open(file) as opened:
            frames = getattr(opened, "n_frames", 1)
            if opened.width * opened.height * frames > max_pixels:
                return too_large(opened.width, opened.height, frames, max_pixels)
            refusal = _reason_to_refuse(opened)
            if refusal is not None:
                return refusal
            if opened.format == "GIF" and not _is_whole_gif(file):
                return "ends before its last frame does"
            if frames > 1 and not several:
                return f"holds {frames} frames; read them with read_frames, or filter_file it"
            if _is_deep(opened) and frames > 1:
                return f"holds {frames} frames of deep colour; split it into files of one image each"
            if _is_deep(opened) and opened.format == "TIFF":
                return _decode_deep_tiff(file, max_pixels)
            if _is_deep(opened) or (frames == 1 and _is_simple_png(opened)):
                return _decode_png(cast(png.CompletePng, opened))
            if frames == 1 and opened.format == "JPEG" and (found := _decode_jpeg(opened, file, ahead)):
                return found
            return _decode_frames(opened, frames, max_pixels)
    except UnidentifiedImageError:
        if not deep.is_tiff(file):
            raise
        if not deep.installed():
            return f"is a TIFF file that Pillow cannot read; {deep.INSTALL}"
        return _decode_deep_tiff(file, max_pixels)


@without_warnings
def sketch(file: BinaryIO) -> tuple[Sketch, int]:
    """Shape and dtype of the pixels that the header of a file promises, and its number of frames."""
    try:
        with _settings_of_pillow(), _open(file) as opened:
            if not _is_deep(opened):
                channels, dtype = kind_of(PLAIN.get(opened.mode, "RGBA"))
                return Sketch((opened.height, opened.width, channels), dtype), getattr(
                    opened, "n_frames", 1
                )
            width, height, frames = opened.width, opened.height, getattr(opened, "n_frames", 1)
    except UnidentifiedImageError:
        if not (deep.installed() and deep.is_tiff(file)):
            raise
        (width, height), frames = deep.size_of_tiff(file), 1
    return Sketch((height, width, 4), np.dtype(np.uint16)), frames


@without_warnings
def format_of(file: BinaryIO) -> str:
    """The name of the format of an image file, as in the table of those that can be written."""
    try:
        with _settings_of_pillow(), _open(file) as opened:
            if opened.format == "PPM" and opened.mode == "F":
                return "PFM"
            return "JPEG" if opened.format == "MPO" else str(opened.format)
    except UnidentifiedImageError:
        if deep.installed() and deep.is_tiff(file):
            return "TIFF"
        raise


@without_warnings
def sizes(file: BinaryIO) -> list[Size]:
    """Return width and height of each frame, as the header of a file says."""
    try:
        with _settings_of_pillow(), _open(file) as opened:
            frames = getattr(opened, "n_frames", 1) - int(getattr(opened, "default_image", False))
            found = [opened.size] * frames
            if opened.format in ("TIFF", "MPO"):  # whose pages differ
                for number in range(1, frames):
                    opened.seek(number)
                    found[number] = opened.size
            return found
    except UnidentifiedImageError:
        if not (deep.installed() and deep.is_tiff(file)):
            raise
        return [deep.size_of_tiff(file)]


def _decode_frames(
    opened: Image.Image, frames: int, max_pixels: int
) -> tuple[list[Array], ImageMetadata] | str:
    """All frames as arrays of one mode, upright."""
    _take_native_order(opened)
    opened.load()  # which turns TIFF files, and takes the orientation away
    said = opened.read_beside() if isinstance(opened, png.CompletePng) else opened
    exif = _exif_of(said)
    canvas = Canvas(opened) if is_drawn(opened, frames) else None
    found, durations, pixels_seen = [], [], 0
    for number in range(frames):
        (opened if canvas is None else canvas).seek(number)
        _take_native_order(opened)
        pixels_seen += opened.width * opened.height  # pages differ in size
        if pixels_seen > max_pixels:
            return too_large(opened.width, opened.height, frames, max_pixels)
        refusal = _reason_to_refuse(opened)
        if refusal is None and number and _is_deep(opened):
            refusal = "has pages of which some are deep colour; split it into files of one image each"
        if refusal is not None:
            return f"{refusal} (in frame {number})" if number else refusal
        if canvas is None:
            found.append(_upright(opened, exif))
        else:
            canvas.draw()
        durations.append(float(opened.info.get("duration", 0)))
    if canvas is not None:
        orientation = _orientation_of(exif)
        found = [(deep.upright(pixels, orientation), mode) for pixels, mode in canvas.frames()]
    mode = _common_mode([mode for _, mode in found])
    if mode is None:
        return (
            f"holds frames of different kinds ({', '.join(sorted({mode for _, mode in found}))}); split it"
        )
    pixels = [
        each if own == mode else pixels_of(to_picture(each, own).convert(mode))[0] for each, own in found
    ]
    if opened.format == "PPM" and mode == "I":  # Pillow's mode for 16 bits here, which it cannot write
        pixels, mode = [each.astype(np.uint16) for each in pixels], "I;16"
    if opened.format == "TIFF":
        opened.seek(0)  # what the first page says is said of all
    about = _metadata_of(said, exif, mode)
    if getattr(opened, "default_image", False):  # of an animated PNG, of which it is no frame
        about, pixels, durations = replace(about, default_image=pixels[0]), pixels[1:], durations[1:]
    return pixels, _with_times(about, opened, durations)


def _take_native_order(opened: Image.Image) -> None:
    """Have samples that libtiff decodes taken in the byte order that it gives, which is this machine's.

    Pillow (13.0) does so for unsigned ones, and swaps the bytes of others where the file is big-endian.
    """
    if isinstance(opened, TiffImagePlugin.TiffImageFile):
        opened.tile = [
            tile._replace(args=(_BIG_ENDIAN.sub("N", tile.args[0]), *tile.args[1:]))
            if tile.codec_name == "libtiff" and isinstance(tile.args, tuple)
            else tile
            for tile in opened.tile
        ]


def _with_times(about: ImageMetadata, opened: Image.Image, durations: list[float]) -> ImageMetadata:
    """Add the times of an animation; still pictures have none."""
    loop = opened.info.get("loop")
    if opened.format in ("PNG", "WEBP", "AVIF"):
        loop = repeats_of(opened.info.get("loop", 0))  # of AVIF Pillow tells no number; players go on
        is_animated = len(durations) > 1 or about.default_image is not None
    else:
        is_animated = opened.format == "GIF" and (len(durations) > 1 or any(durations) or loop is not None)
    return replace(about, durations=tuple(durations), loop=loop) if is_animated else about


def _upright(opened: Image.Image, exif: Image.Exif | None) -> tuple[Array, str]:
    """The pixels of a frame as it is to be seen, and their mode."""
    pixels, mode = pixels_of(opened)  # which turns TIFF files, and takes the orientation away
    return deep.upright(pixels, _orientation_of(exif)), mode


def _orientation_of(exif: Image.Exif | None) -> int:
    return 1 if exif is None else exif.get(_ORIENTATION, 1)


def _is_whole_gif(file: BinaryIO) -> bool:
    """Whether a GIF file goes on to its trailer; Pillow takes the end of a file for that of the animation.

    (CompuServe, "Graphics Interchange Format, Version 89a", 1990.)
    """
    place = file.tell()
    try:
        file.seek(0)
        return _reaches_trailer(file)
    finally:
        file.seek(place)


def _reaches_trailer(file: BinaryIO) -> bool:
    _skip_palette(file, 13)  # header and logical screen
    while kind := file.read(1):
        if kind == b";":
            return True
        if kind == b"!":
            file.read(1)
        elif kind == b",":
            _skip_palette(file, 9)
            file.read(1)
        else:
            return False
        while size := file.read(1):  # blocks, the last of which is empty
            if size == b"\0":
                break
            file.read(size[0])
    return False


def _skip_palette(file: BinaryIO, size: int) -> None:
    """A header of so many bytes, and the colours behind it if it says that there are any."""
    header = file.read(size)
    packed = header[10 if size == 13 else 8] if len(header) == size else 0
    if packed & 0x80:
        file.read(3 << ((packed & 7) + 1))


def _common_mode(modes: list[str]) -> str | None:
    """The least mode that holds them all."""
    if len(set(modes)) == 1:
        return modes[0]
    if not set(modes) <= {"L", "LA", "RGB", "RGBA"}:
        return None
    colour = "RGB" if any(mode.startswith("RGB") for mode in modes) else "L"
    return colour + ("A" if any(mode.endswith("A") for mode in modes) else "")


def _open(file: BinaryIO) -> Image.Image:
    """The header of a file, however large the picture; Pillow's own limit is one for the whole process."""
    if png.begins_like_png(file):
        return png.CompletePng(file)
    with _LIMIT_LOCK:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            opened = Image.open(file, formats=READABLE)
        except UnidentifiedImageError:
            return _Jpeg.open(file)
        finally:
            Image.MAX_IMAGE_PIXELS = limit
    if opened.format == "JPEG" or (opened.format == "MPO" and not _has_views(opened)):
        return _Jpeg.open(file)
    return opened


class _Jpeg(JpegImagePlugin.JpegImageFile):
    """A JPEG file of one picture, whose EXIF block has no say in whether it can be opened.

    Pillow looks there for a resolution. It refuses a file where that is one letter of text, says 72 where
    none is stated, and takes the horizontal one for both.
    """

    @classmethod
    def open(cls, file: BinaryIO) -> _Jpeg:
        file.seek(0)
        try:
            return cls(file)
        except SyntaxError as error:
            raise UnidentifiedImageError("no image that Pillow can read") from error

    def _read_dpi_from_exif(self) -> None:
        """Leave it to `_dpi_of`."""


def _has_views(opened: Image.Image) -> bool:
    """Whether several pictures in a JPEG file are as large as the first: views, and no preview of it.

    Cameras put previews and brightness maps behind the photograph (CIPA DC-007, "Multi-Picture Format",
    2009). They show it before it was filtered, as its thumbnail does.
    """
    size, frames = opened.size, getattr(opened, "n_frames", 1)
    try:
        for number in range(1, frames):
            opened.seek(number)
            if opened.size != size:
                return False
        opened.seek(0)
    except Exception:  # whatever a parser trips over in what is not the photograph
        return False
    return True


@contextmanager
def _settings_of_pillow(max_pixels: int = 0) -> Iterator[None]:
    """Have Pillow raise errors for files that end early, and none for as many pixels as are allowed.

    Its settings are those of the process: the last of several threads puts them back.
    """
    global _decoding, _allows_truncated, _lower_limit
    with _LIMIT_LOCK:
        _decoding += 1
        if ImageFile.LOAD_TRUNCATED_IMAGES:
            ImageFile.LOAD_TRUNCATED_IMAGES, _allows_truncated = False, True
        if Image.MAX_IMAGE_PIXELS is not None and max_pixels > Image.MAX_IMAGE_PIXELS:
            _lower_limit = Image.MAX_IMAGE_PIXELS if _lower_limit is None else _lower_limit
            Image.MAX_IMAGE_PIXELS = max_pixels
    try:
        yield
    finally:
        with _LIMIT_LOCK:
            _decoding -= 1
            if _decoding == 0 and _allows_truncated:
                ImageFile.LOAD_TRUNCATED_IMAGES, _allows_truncated = True, False
            if _decoding == 0 and _lower_limit is not None:
                Image.MAX_IMAGE_PIXELS, _lower_limit = _lower_limit, None


def too_large(width: int, height: int, frames: int, max_pixels: int) -> str:
    each = f" in {frames} frames" if frames > 1 else ""
    return (
        f"has {width} x {height} pixels{each}, more than {max_pixels}; if you trust it, allow them with "
        f"max_pixels={width * height * frames}"
    )


def _decode_deep_tiff(file: BinaryIO, max_pixels: int) -> tuple[list[Array], ImageMetadata] | str:
    width, height = deep.size_of_tiff(file)
    if width * height > max_pixels:
        return too_large(width, height, 1, max_pixels)
    pixels, about = deep.decode_tiff(file)
    return [pixels], ImageMetadata(mode_of(pixels), about.icc_profile, about.dpi, about.exif, about.xmp)


def _is_simple_png(opened: Image.Image) -> bool:
    """Whether this is a PNG file of 8 bits that needs nothing of what Pillow alone does."""
    return (
        opened.format == "PNG"
        and opened.mode in ("L", "LA", "RGB", "RGBA")
        and [tile[3] for tile in getattr(opened, "tile", ())] == [opened.mode]
        and not opened.info.get("interlace")
        and "transparency" not in opened.info
        and deep.installed()
    )


def _decode_png(opened: png.CompletePng) -> tuple[list[Array], ImageMetadata]:
    return _described(png.decode(opened.content), opened.read_beside())


def _decode_jpeg(
    opened: Image.Image, file: BinaryIO, ahead: jpeg.Ahead | None
) -> tuple[list[Array], ImageMetadata] | None:
    """Through `jpeg`; None if that is to be Pillow's."""
    pixels = jpeg.decode(file, opened.mode, ahead)
    if pixels is None:
        return None
    if pixels.shape[:2] != (opened.height, opened.width) or mode_of(pixels) != opened.mode:
        raise ValueError(f"it holds {pixels.dtype} pixels of shape {pixels.shape}, unlike its header")
    return _described(pixels, opened)


def _described(pixels: Array, opened: Image.Image) -> tuple[list[Array], ImageMetadata]:
    """Pixels that were decoded as they are stored, upright, and what Pillow says beside them."""
    exif = _exif_of(opened)
    upright = deep.upright(pixels, _orientation_of(exif))
    return [upright], _metadata_of(opened, exif, mode_of(pixels))


def _is_deep(opened: Image.Image) -> bool:
    """Whether this is for tifffile and imagecodecs, as Pillow would reduce or mix up its colours."""
    return _has_deep_colours(opened) or _has_mixed_planes(opened)


def _has_deep_colours(opened: Image.Image) -> bool:
    """Whether Pillow would reduce colours of 16 bits to 8, or lose which shade of grey is transparent."""
    if opened.format == "BMP":  # of 16 bits for all channels of a pixel
        return False
    arguments = [tile[3] for tile in getattr(opened, "tile", ())]
    if isinstance(opened, TiffImagePlugin.TiffImageFile):
        arguments += [f";{bits}" for bits in opened.tag_v2.get(_BITS_PER_SAMPLE, ())]
    of_codec = any(";16" in str(argument) for argument in arguments)
    of_ppm = opened.format == "PPM" and any(_largest_value(argument) > 255 for argument in arguments)
    return (of_codec or of_ppm) and (not opened.mode.startswith("I") or "transparency" in opened.info)


def _has_mixed_planes(opened: Image.Image) -> bool:
    """Whether grey and opacity lie in planes of their own, which Pillow takes for neighbours (TIFF)."""
    return (
        isinstance(opened, TiffImagePlugin.TiffImageFile)
        and opened.tag_v2.get(_PLANAR) == _SEPARATE
        and opened.mode in ("LA", "La", "PA")
    )


def _reason_to_refuse(opened: Image.Image) -> str | None:
    """What of this file Pillow would lose or misread, if anything."""
    if _has_deep_colours(opened):
        if opened.format not in deep.WRITABLE:
            return (
                "has colour of 16 bits per channel, of which Pillow would keep 8; convert it to PNG or "
                "TIFF, or to 8 bits"
            )
        if not deep.installed():
            if opened.mode.startswith("I"):
                return f"is 16-bit grey with a transparent shade, which Pillow would lose; {deep.INSTALL}"
            return f"has colour of 16 bits per channel, of which Pillow would keep 8; {deep.INSTALL}"
    reason = None
    if isinstance(opened, TiffImagePlugin.TiffImageFile):
        reason = _reason_to_refuse_tiff(opened)
    elif opened.format == "BMP" and _has_opacity_in_16_bits(opened):
        reason = "has opacity in 16 bits per pixel, which would be lost; write it with 32 bits per pixel"
    if reason is None and opened.mode not in PLAIN:
        return f"has mode {opened.mode}; accepted are {', '.join(PLAIN)}"
    return reason


def _reason_to_refuse_tiff(opened: TiffImagePlugin.TiffImageFile) -> str | None:
    tags, is_deep = opened.tag_v2, _is_deep(opened)
    is_raw = opened.info.get("compression") == "raw"  # which libtiff has no part in
    is_divided = not is_deep and not (is_raw and tags.get(_PLANAR) == _SEPARATE)
    lost = deep.reason_of_extra_samples(tags.get(_EXTRA_SAMPLES, ()), associated=is_divided)
    if lost is not None:
        return f"has {lost}"
    if is_deep and not deep.installed():
        return f"has grey and opacity in planes of their own, which Pillow would mix up; {deep.INSTALL}"
    photometric = tags.get(_PHOTOMETRIC)
    if photometric == _WHITE_IS_0 and opened.mode.startswith(("I", "F")):
        return "is grey of 16 or more bits in which 0 is white, and would be misread; invert it first"
    if photometric == _YCBCR and is_raw:
        usual = {_SUBSAMPLING: (1, 1), _RANGE: (0, 255, 128, 255, 128, 255), _PLANAR: 1}
        if any(tags.get(tag, value) != value for tag, value in usual.items()):
            return "has YCbCr colours subsampled, in planes or of less than full range; write them as RGB"
    bits, kind = (set(tags.get(tag, (1,))) for tag in (_BITS_PER_SAMPLE, _SAMPLE_FORMAT))
    unsigned = kind == {1}
    if (bits == {32} and unsigned) or (bits == {8} and not unsigned):
        sign = "without" if unsigned else "with"
        return f"has samples of {max(bits)} bits {sign} a sign, which would be misread"
    return None


def _has_opacity_in_16_bits(opened: Image.Image) -> bool:
    """Whether a BMP file has pixels of 16 bits, some of which are opacity; Pillow reads the others.

    (Microsoft, "BITMAPV4HEADER structure": masks for red, green, blue and alpha.)
    """
    file = cast(Any, opened).fp
    if file is None:  # its pixels have been loaded, and this was asked before
        return False
    place = file.tell()
    file.seek(0)
    header = file.read(70)
    file.seek(place)
    if len(header) < 70:
        return False
    size, bits, packing, alpha = struct.unpack("<14xI10xHI32xI", header)
    return bool(size >= 56 and (bits, packing) == (16, 3) and alpha != 0)


def _largest_value(argument: Any) -> int:
    """The value that stands for white in a PPM file, as Pillow hands it to its decoder."""
    values = argument if isinstance(argument, tuple) else (argument,)
    return max((value for value in values if isinstance(value, int)), default=0)


def _exif_of(opened: Image.Image) -> Image.Exif | None:
    """The EXIF block; one that cannot be read is dropped, the pixels are whole without it."""
    try:
        return opened.getexif()
    except Exception:  # whatever the parser trips over
        return None


def _metadata_of(opened: Image.Image, exif: Image.Exif | None, mode: str) -> ImageMetadata:
    stream = getattr(exif, "fp", None)  # of the EXIF block, or of the TIFF file
    of_jpeg: dict[str, Any] = {}
    if isinstance(opened, JpegImagePlugin.JpegImageFile):
        sampling = JpegImagePlugin.get_sampling(opened)
        of_jpeg = {"qtables": opened.quantization, "subsampling": sampling}
        if "comment" in opened.info:
            of_jpeg["comment"] = opened.info["comment"]
    return ImageMetadata(
        mode,
        opened.info.get("icc_profile"),
        _dpi_of(opened, exif),
        None if stream is None else block_of(stream, tiff=opened.format == "TIFF"),
        _xmp_of(opened),
        _texts_of(opened),
        of_jpeg,
    )


def _dpi_of(opened: Image.Image, exif: Image.Exif | None) -> tuple[float, float] | None:
    """Pixels per inch, which some formats have no place for but in EXIF."""
    found = opened.info.get("dpi")
    if found is None:
        return None if exif is None else dpi_of_tags(exif)
    return plain_dpi(*found)


def _texts_of(opened: Image.Image) -> dict[str, str]:
    """Texts of a PNG file, without those that hold its EXIF block and XMP; the comment of a GIF file."""
    if opened.format == "GIF" and "comment" in opened.info:
        return {COMMENT: text_of_comment(bytes(opened.info["comment"]))}
    texts = getattr(opened, "text", {})
    return {key: str(value) for key, value in texts.items() if key not in (XMP_KEYWORD, *_OF_PHOTOSHOP)}


def _xmp_of(opened: Image.Image) -> bytes | None:
    found = opened.info.get("xmp")
    if isinstance(opened, TiffImagePlugin.TiffImageFile):
        found = opened.tag_v2.get(XMP_TAG)
    return upright_xmp(found)
