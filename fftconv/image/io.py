"""Image files to arrays and back, through Pillow: orientation applied, metadata kept, files whole.

The table `_PLAIN` says which Pillow modes are filtered as they are and which are converted first; the
table `_WRITABLE` which of them a format can hold. Whatever neither table has is refused.
"""

from __future__ import annotations

import copy
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import (
    Image,
    ImageOps,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    features,
)

from fftconv._arguments import check_count
from fftconv._files import check_target, complete_file
from fftconv.image import deep

Array = np.ndarray[Any, np.dtype[Any]]
StrPath = str | os.PathLike[str]

_HAS_AVIF = bool(features.check("avif"))  # Pillow may be built without
MOST_PIXELS = 178_956_970  # half a gibibyte of 8-bit colours
_LIMIT_LOCK = threading.Lock()
READABLE = ("PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF", "PPM", *(("AVIF",) if _HAS_AVIF else ()))

# Mode to filter in, by mode of the file. Palettes become the colours they stand for, 1-bit images grey.
_PLAIN = {
    "1": "L",
    "L": "L",
    "LA": "LA",
    "La": "LA",
    "P": "RGB",
    "PA": "RGBA",
    "RGB": "RGB",
    "RGBA": "RGBA",
    "RGBa": "RGBA",
    "RGBX": "RGB",
    "CMYK": "CMYK",
    "YCbCr": "RGB",
    "I": "I",
    "I;16": "I;16",
    "I;16L": "I;16",
    "I;16B": "I;16",
    "I;16N": "I;16",
    "F": "F",
}
_WITH_ALPHA = {"L": "LA", "RGB": "RGBA"}

# Mode of an array, by dtype and channels; a CMYK image says so in its metadata.
_MODES = {
    (np.dtype(np.uint8), 1): "L",
    (np.dtype(np.uint8), 2): "LA",
    (np.dtype(np.uint8), 3): "RGB",
    (np.dtype(np.uint8), 4): "RGBA",
    (np.dtype(np.uint16), 1): "I;16",
    (np.dtype(np.int32), 1): "I",
    (np.dtype(np.float32), 1): "F",
    **deep.MODES,
}
_FORMATS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".webp": "WEBP",
    ".bmp": "BMP",
    ".pgm": "PPM",
    ".ppm": "PPM",
    ".pfm": "PFM",
    **({".avif": "AVIF"} if _HAS_AVIF else {}),
}
_WRITABLE = {
    "PNG": ("L", "LA", "RGB", "RGBA", "I;16"),
    "JPEG": ("L", "RGB", "CMYK"),
    "TIFF": ("L", "LA", "RGB", "RGBA", "CMYK", "I;16", "I", "F"),
    "WEBP": ("RGB", "RGBA"),
    "BMP": ("L", "RGB"),
    "PPM": ("L", "RGB", "I;16"),
    "PFM": ("F",),
    "AVIF": ("RGB", "RGBA"),
}
_PILLOW_NAMES = {"PFM": "PPM"}  # where it has another one for the format
_KEEPS_PROFILE = ("PNG", "JPEG", "TIFF", "WEBP", "AVIF")
_KEEPS_EXIF = ("PNG", "JPEG", "WEBP", "AVIF")
_HAS_QUALITY = ("JPEG", "WEBP", "AVIF")
_NO_RESOLUTION = ("PPM", "PFM")
_ORIENTATION, _BITS_PER_SAMPLE, _SAMPLE_FORMAT, _XMP = 0x0112, 258, 339, 700
_XMP_KEYWORD = "XML:com.adobe.xmp"


@dataclass(frozen=True, slots=True)
class ImageMetadata:
    """What a file says about its pixels, to be written with the filtered ones.

    Attributes
    ----------
    mode : str
        Pillow's name for the kind of pixels ("L", "RGB", "RGBA", "I;16", ...).
    icc_profile : bytes or None
        Colour profile.
    dpi : tuple of float or None
        Pixels per inch along x and y.
    exif : bytes or None
        EXIF block; its orientation has been applied and reset.
    xmp : bytes or None
        XMP packet.
    text : mapping
        Text chunks of a PNG file, by keyword.
    jpeg : mapping
        Quantisation tables, chroma subsampling and comment of a JPEG file, so that one written again keeps
        its quality.
    """

    mode: str
    icc_profile: bytes | None = None
    dpi: tuple[float, float] | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    text: Mapping[str, str] = field(default_factory=dict)
    jpeg: Mapping[str, Any] = field(default_factory=dict)


def read(path: StrPath, *, max_pixels: int = MOST_PIXELS) -> Array:
    """Read an image file into an array.

    Parameters
    ----------
    path : path-like
        A PNG, JPEG, TIFF, WebP, BMP, GIF or PPM file of one image; its content counts, not its name.

    max_pixels : int, default 178956970
        A file whose header promises more is refused before anything is decoded.

    Returns
    -------
    numpy.ndarray, shape (height, width) or (height, width, channels)
        uint8, uint16 (16-bit grey), int32 or float32. Palette images come as RGB or RGBA, 1-bit images
        as grey. The orientation of EXIF is applied.

    Raises
    ------
    OSError
        If the file cannot be read (FileNotFoundError, PermissionError, ...).
    ValueError
        If it is no image, is damaged, or holds what would be lost: several frames, or colour of more
        than 8 bits, which Pillow would reduce.

    See Also
    --------
    read_with_metadata : Also the profile, resolution and EXIF data.

    Examples
    --------
    >>> from fftconv import image
    >>> image.read("samples/picture.png").shape
    (854, 1280, 3)
    """
    return read_with_metadata(path, max_pixels=max_pixels)[0]


def read_with_metadata(path: StrPath, *, max_pixels: int = MOST_PIXELS) -> tuple[Array, ImageMetadata]:
    """Read an image file into an array, and what the file says about it.

    Parameters
    ----------
    path, max_pixels
        As in `read`.

    Returns
    -------
    pixels : numpy.ndarray
        As from `read`.
    metadata : ImageMetadata
        To be passed to `write`.

    Raises
    ------
    OSError, ValueError
        As from `read`.

    Examples
    --------
    >>> from fftconv import image
    >>> pixels, metadata = image.read_with_metadata("samples/cutout.png")
    >>> pixels.dtype, metadata.mode
    (dtype('uint8'), 'RGBA')
    """
    check_count("max_pixels", max_pixels)
    with open(path, "rb") as file:
        try:
            found = _decode(file, max_pixels)
        except UnidentifiedImageError:
            accepted = ", ".join(READABLE)
            raise ValueError(f"{path} is not an image that can be read; accepted are {accepted}") from None
        except Exception as error:  # a damaged file makes decoders raise almost anything
            raise ValueError(f"{path} cannot be decoded: {error}") from error
    if isinstance(found, str):
        raise ValueError(f"{path} {found}")
    return found


def _decode(file: BinaryIO, max_pixels: int) -> tuple[Array, ImageMetadata] | str:
    """Pixels and metadata, or why they are refused."""
    try:
        with _open(file) as opened:
            if opened.width * opened.height > max_pixels:
                return _too_large(opened.width, opened.height, max_pixels)
            refusal = _reason_to_refuse(opened)
            if refusal is not None:
                return refusal
            is_deep = _is_deep(opened)  # of which nothing is known any more once pixels are loaded
            if is_deep and opened.format == "TIFF":
                return _decode_deep_tiff(file, max_pixels)
            exif = _exif_of(opened)
            if is_deep:
                pixels = deep.upright(deep.decode_png(file), exif.get(_ORIENTATION, 1) if exif else 1)
                mode = mode_of(pixels)
            else:
                upright = opened if exif is None else ImageOps.exif_transpose(opened)
                pixels, mode = pixels_of(upright)
            if (
                opened.format == "PPM" and mode == "I"
            ):  # Pillow's mode for 16 bits here, which it cannot write
                pixels, mode = pixels.astype(np.uint16), "I;16"
            return pixels, _metadata_of(opened, exif, mode)
    except UnidentifiedImageError:
        if deep.installed() and deep.is_tiff(file):  # of a kind that Pillow does not know
            return _decode_deep_tiff(file, max_pixels)
        raise


def _open(file: BinaryIO) -> Image.Image:
    """The header of a file, however large the picture; Pillow's own limit is one for the whole process."""
    with _LIMIT_LOCK:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            return Image.open(file, formats=READABLE)
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _too_large(width: int, height: int, max_pixels: int) -> str:
    return (
        f"has {width} x {height} pixels, more than {max_pixels}; if you trust it, allow them with "
        f"max_pixels={width * height}"
    )


def _decode_deep_tiff(file: BinaryIO, max_pixels: int) -> tuple[Array, ImageMetadata] | str:
    width, height = deep.size_of_tiff(file)
    if width * height > max_pixels:
        return _too_large(width, height, max_pixels)
    pixels, profile, dpi = deep.decode_tiff(file)
    return pixels, ImageMetadata(mode_of(pixels), profile, dpi)


def _is_deep(opened: Image.Image) -> bool:
    """Whether Pillow would reduce colours of 16 bits to 8."""
    arguments = [tile[3] for tile in getattr(opened, "tile", ())]
    if isinstance(opened, TiffImagePlugin.TiffImageFile):
        arguments += [f";{bits}" for bits in opened.tag_v2.get(_BITS_PER_SAMPLE, ())]
    of_codec = any(";16" in str(argument) for argument in arguments)
    of_ppm = opened.format == "PPM" and any(_largest_value(argument) > 255 for argument in arguments)
    return (of_codec or of_ppm) and not opened.mode.startswith("I")


def _reason_to_refuse(opened: Image.Image) -> str | None:
    """What of this file Pillow would lose or misread, if anything."""
    frames = getattr(opened, "n_frames", 1)
    if frames > 1:
        return f"holds {frames} frames; split it into files of one image each"
    grey = opened.mode.startswith("I")
    if _is_deep(opened):
        if opened.format not in deep.WRITABLE:
            return (
                "has colour of 16 bits per channel, of which Pillow would keep 8; convert it to PNG or "
                "TIFF, or to 8 bits"
            )
        if not deep.installed():
            return f"has colour of 16 bits per channel, of which Pillow would keep 8; {deep.INSTALL}"
        if "transparency" in opened.info:
            return "has a transparent colour of 16 bits, which would be lost; write it with opacity instead"
    if grey and "transparency" in opened.info:
        return "is 16-bit grey with a transparent shade, which would be lost; write it without one"
    if isinstance(opened, TiffImagePlugin.TiffImageFile):
        bits, kind = (set(opened.tag_v2.get(tag, (1,))) for tag in (_BITS_PER_SAMPLE, _SAMPLE_FORMAT))
        unsigned = kind == {1}
        if (bits == {32} and unsigned) or (bits == {8} and not unsigned):
            sign = "without" if unsigned else "with"
            return f"has samples of {max(bits)} bits {sign} a sign, which would be misread"
    if opened.mode not in _PLAIN:
        return f"has mode {opened.mode}; accepted are {', '.join(_PLAIN)}"
    return None


def _largest_value(argument: Any) -> int:
    """The value that stands for white in a PPM file, as Pillow hands it to its decoder."""
    values = argument if isinstance(argument, tuple) else (argument,)
    return max((value for value in values if isinstance(value, int)), default=0)


def _exif_of(opened: Image.Image) -> Image.Exif | None:
    """The EXIF block; a damaged one is dropped, the pixels are whole without it."""
    try:
        exif = opened.getexif()
        if opened.format != "TIFF":
            exif.tobytes()
    except Exception:  # whatever the parser trips over
        return None
    return exif


def _metadata_of(opened: Image.Image, exif: Image.Exif | None, mode: str) -> ImageMetadata:
    dpi = opened.info.get("dpi")
    jpeg: dict[str, Any] = {}
    if isinstance(opened, JpegImagePlugin.JpegImageFile):
        sampling = JpegImagePlugin.get_sampling(opened)
        jpeg = {"qtables": opened.quantization, "subsampling": sampling}
        if "comment" in opened.info:
            jpeg["comment"] = opened.info["comment"]
    carried = None
    # A TIFF file's EXIF block is its own table of contents, which must not be copied.
    if exif is not None and opened.format != "TIFF":
        kept = copy.deepcopy(exif)
        kept.pop(_ORIENTATION, None)  # it has been applied
        carried = kept.tobytes() if len(kept) else None
    return ImageMetadata(
        mode,
        opened.info.get("icc_profile"),
        # Pillow says 1 where a TIFF file has a ratio and no unit.
        (float(dpi[0]), float(dpi[1])) if dpi and min(dpi) > 1 else None,
        carried,
        _xmp_of(opened),
        {key: str(value) for key, value in getattr(opened, "text", {}).items() if key != _XMP_KEYWORD},
        jpeg,
    )


def _xmp_of(opened: Image.Image) -> bytes | None:
    found = opened.info.get("xmp")
    if isinstance(opened, TiffImagePlugin.TiffImageFile):
        found = opened.tag_v2.get(_XMP)
    return bytes(found) if isinstance(found, bytes) else None


def pixels_of(picture: Image.Image) -> tuple[Array, str]:
    """The pixels of a PIL image in the mode that they are filtered in, and that mode."""
    if picture.mode not in _PLAIN:
        raise ValueError(f"image has mode {picture.mode}; accepted are {', '.join(_PLAIN)}")
    mode = _PLAIN[picture.mode]
    if picture.has_transparency_data:
        mode = _WITH_ALPHA.get(mode, mode)
    if mode == "I;16":  # Pillow hands the bytes over in the file's order
        return np.asarray(picture).astype(np.uint16), mode
    return np.asarray(picture if picture.mode == mode else picture.convert(mode)), mode


def mode_of(pixels: Array) -> str:
    """Pillow's mode for an array."""
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    dtype = pixels.dtype.newbyteorder("=")
    if pixels.ndim not in (2, 3) or (dtype, channels) not in _MODES:
        kinds = ", ".join(f"{dtype} with {channels}" for dtype, channels in _MODES)
        raise ValueError(
            f"image has dtype {pixels.dtype} and shape {pixels.shape}, for which there is no picture; "
            f"accepted are (dtype with channels) {kinds}; convert it first, for example to uint8"
        )
    return _MODES[dtype, channels]


def to_picture(pixels: Array, mode: str) -> Image.Image:
    """A PIL image of these pixels."""
    contiguous = np.ascontiguousarray(pixels)
    if mode == "CMYK":
        return Image.frombytes("CMYK", (pixels.shape[1], pixels.shape[0]), contiguous.tobytes())
    flat = contiguous[:, :, 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else contiguous
    return Image.fromarray(flat)


def write(
    path: StrPath, image: Any, *, metadata: ImageMetadata | None = None, quality: int | None = None
) -> None:
    """Write an image file, whole or not at all.

    The file is written beside its target under another name and renamed when it is complete, so an
    existing file is replaced by a complete one or stays as it was.

    Parameters
    ----------
    path : path-like
        The suffix chooses the format: .png, .jpg, .jpeg, .tif, .tiff, .webp, .bmp, .pgm, .ppm, .pfm or,
        where Pillow has it, .avif.
    image : numpy.ndarray or PIL.Image.Image
        Pixels, shape (height, width) or (height, width, channels).
    metadata : ImageMetadata, optional
        As from `read_with_metadata`; written as far as the format has a place for it.
    quality : int, optional
        From 1 to 100, of JPEG, WebP and AVIF files. By default a JPEG file is written with the tables of
        `metadata`, or 95; WebP without loss; AVIF with 90.

    Raises
    ------
    ValueError
        If the format is unknown or cannot hold such pixels.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> from pathlib import Path
    >>> from fftconv import image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     image.write(Path(folder) / "grey.png", np.full((2, 3), 128, np.uint8))
    ...     image.read(Path(folder) / "grey.png")
    array([[128, 128, 128],
           [128, 128, 128]], dtype=uint8)
    """
    target = Path(path)
    if metadata is not None and not isinstance(metadata, ImageMetadata):
        raise TypeError(f"metadata is a {type(metadata).__name__}; pass what read_with_metadata returns")
    if isinstance(image, Image.Image):
        pixels, mode = pixels_of(image)
    else:
        pixels = np.asarray(image)
        cmyk = metadata is not None and metadata.mode == "CMYK" and pixels.shape[2:] == (4,)
        mode = "CMYK" if cmyk and pixels.dtype == np.uint8 else mode_of(pixels)
    chosen = check_writable(target, mode, quality)
    options = _save_options(chosen, metadata or ImageMetadata(mode), quality)
    if pixels.size == 0:
        raise ValueError(f"image is empty (shape {pixels.shape}); it needs at least one pixel")
    with complete_file(target) as temporary:
        try:
            if mode in deep.MODES.values():
                deep.encode(pixels, chosen, options, temporary)
            else:
                name = _PILLOW_NAMES.get(chosen, chosen)
                to_picture(pixels, mode).save(temporary, format=name, **options)
        except OSError as error:
            if error.errno is not None:  # of the disk, not of the encoder
                raise OSError(error.errno, error.strerror, str(target)) from error
            raise ValueError(f"{target} cannot be written as {chosen}: {error}") from error
        except ValueError as error:
            raise ValueError(f"{target} cannot be written as {chosen}: {error}") from error


def check_writable(target: Path, mode: str | None = None, quality: int | None = None) -> str:
    """The format that the suffix of `target` asks for, once it is sure that it can be written."""
    if target.suffix.lower() not in _FORMATS:
        folder = "" if target.suffix else "; if it is meant as a folder, create it first"
        raise ValueError(
            f"{target} has the suffix {target.suffix!r}, which names no format that can be written; "
            f"accepted are {', '.join(_FORMATS)}{folder}"
        )
    chosen = _FORMATS[target.suffix.lower()]
    check_target(target)
    if quality is not None:
        if chosen not in _HAS_QUALITY:
            formats = ", ".join(_HAS_QUALITY)
            raise ValueError(f"quality={quality!r} is of {formats} files, and {target} is {chosen}")
        if check_count("quality", quality) > 100:
            raise ValueError(f"quality={quality!r} is not accepted; pass a whole number from 1 to 100")
    holds = {name: (*plain, *deep.WRITABLE.get(name, ())) for name, plain in _WRITABLE.items()}
    if mode is not None and mode not in holds[chosen]:
        able = [suffix for suffix, name in _FORMATS.items() if mode in holds[name]]
        raise ValueError(
            f"{target}: {chosen} cannot hold an image of mode {mode}; write it as {', '.join(able)}"
        )
    if mode in deep.MODES.values() and not deep.installed():
        raise ValueError(f"{target} is to hold colour of mode {mode}; {deep.INSTALL}")
    return chosen


def _save_options(chosen: str, metadata: ImageMetadata, quality: int | None) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if metadata.icc_profile and chosen in _KEEPS_PROFILE:
        options["icc_profile"] = metadata.icc_profile
    if metadata.dpi and chosen not in _NO_RESOLUTION:
        options["dpi"] = metadata.dpi
    if metadata.exif and chosen in _KEEPS_EXIF:
        options["exif"] = metadata.exif
    if chosen == "PNG" and (metadata.text or metadata.xmp):
        options["pnginfo"] = _texts(metadata)
    elif chosen == "TIFF" and metadata.xmp:
        options["tiffinfo"] = {_XMP: metadata.xmp}
    elif metadata.xmp and chosen in _KEEPS_EXIF:
        options["xmp"] = metadata.xmp
    return options | _quality_options(chosen, metadata, quality)


def _texts(metadata: ImageMetadata) -> PngImagePlugin.PngInfo:
    """The text chunks of a PNG file, of which XMP is one."""
    chunks = PngImagePlugin.PngInfo()
    for keyword, text in metadata.text.items():
        chunks.add_text(keyword, text)
    if metadata.xmp:
        chunks.add_itxt(_XMP_KEYWORD, metadata.xmp.decode("utf-8", "surrogateescape"))
    return chunks


def _quality_options(chosen: str, metadata: ImageMetadata, quality: int | None) -> dict[str, Any]:
    if chosen == "JPEG":
        kept = dict(metadata.jpeg) or {"quality": 95, "subsampling": 0}
        if quality is not None:
            kept = {key: value for key, value in kept.items() if key != "qtables"} | {"quality": quality}
        return kept
    if chosen == "WEBP":
        return {"lossless": True} if quality is None else {"quality": quality}
    if chosen == "AVIF":
        return {"quality": 90 if quality is None else quality, "subsampling": "4:4:4"}
    return {}
