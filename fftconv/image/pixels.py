"""Kinds of pixels: Pillow's modes, the arrays that stand for them, and what a file says about them.

The table `PLAIN` says which modes are filtered as they are and which are converted first; whatever it has
not is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from fftconv.image import deep

Array = np.ndarray[Any, np.dtype[Any]]

# Mode to filter in, by mode of the file. Palettes become the colours they stand for, 1-bit images grey.
PLAIN = {
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
_MODES: dict[tuple[np.dtype[Any], int], str] = {
    (np.dtype(np.uint8), 1): "L",
    (np.dtype(np.uint8), 2): "LA",
    (np.dtype(np.uint8), 3): "RGB",
    (np.dtype(np.uint8), 4): "RGBA",
    (np.dtype(np.uint16), 1): "I;16",
    (np.dtype(np.int32), 1): "I",
    (np.dtype(np.float32), 1): "F",
    **deep.MODES,
}


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
        EXIF block; its orientation has been applied and is not in it. Of a TIFF file the tags that describe
        more than its pixels, such as artist, date, exposure and place.
    xmp : bytes or None
        XMP packet.
    text : mapping
        Text chunks of a PNG file, by keyword, or as "Comment" the comment of a GIF file.
    jpeg : mapping
        Quantisation tables, chroma subsampling and comment of a JPEG file, so that one written again keeps
        its quality.
    durations : tuple of float
        Milliseconds that each frame of an animation is shown.
    loop : int or None
        How often an animation is repeated after it was played once, as in a GIF file; 0: for ever; None: it
        is played once.
    default_image : numpy.ndarray or None
        Picture of an animated PNG file for viewers without animation that is none of its frames.
    """

    mode: str
    icc_profile: bytes | None = None
    dpi: tuple[float, float] | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    text: Mapping[str, str] = field(default_factory=dict)
    jpeg: Mapping[str, Any] = field(default_factory=dict)
    durations: tuple[float, ...] = ()
    loop: int | None = None
    default_image: Array | None = field(default=None, repr=False, compare=False)


def plays_of(loop: int | None) -> int:
    """Return how often an animation is played, as PNG and WebP count it; 0: for ever."""
    return 1 if loop is None else loop + 1 if loop else 0


def repeats_of(plays: int) -> int | None:
    """Return the `loop` of so many plays."""
    return None if plays == 1 else plays - 1 if plays else 0


class Sketch(NamedTuple):
    """An image of which nothing is known but shape and dtype: of it filters give their steps."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


def pixels_of(picture: Image.Image) -> tuple[Array, str]:
    """The pixels of a PIL image in the mode that they are filtered in, and that mode."""
    if picture.mode not in PLAIN:
        raise ValueError(f"image has mode {picture.mode}; accepted are {', '.join(PLAIN)}")
    mode = PLAIN[picture.mode]
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


def without_profile_of_others(metadata: ImageMetadata, before: Any, after: Any) -> ImageMetadata:
    """Without a profile of colours where there is grey now, or of grey where there are colours."""
    was, now = (getattr(each, "shape", (0, 0))[2:] in ((), (1,), (2,)) for each in (before, after))
    return metadata if was == now else replace(metadata, icc_profile=None)


def kind_of(mode: str) -> tuple[int, np.dtype[Any]]:
    """Channels and dtype of the array of a mode."""
    if mode == "CMYK":
        return 4, np.dtype(np.uint8)
    dtype, channels = next(kind for kind, name in _MODES.items() if name == mode)
    return channels, dtype


def as_stored(pixels: Array) -> Array:
    """Pixels in rows, without gaps and in the byte order of this machine.

    Of axes of one pixel NumPy takes any stride for contiguous, which imagecodecs does not.
    """
    plain = np.empty(pixels.shape, pixels.dtype.newbyteorder("="))
    if pixels.dtype == plain.dtype and pixels.strides == plain.strides:
        return pixels
    plain[...] = pixels
    return plain


def to_picture(pixels: Array, mode: str) -> Image.Image:
    """A PIL image of these pixels."""
    contiguous = np.ascontiguousarray(pixels)
    if mode == "CMYK":
        return Image.frombytes("CMYK", (pixels.shape[1], pixels.shape[0]), contiguous.tobytes())
    flat = contiguous[:, :, 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else contiguous
    return Image.fromarray(flat)
