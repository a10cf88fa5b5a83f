"""Image files to arrays and back: orientation applied, metadata kept, files whole."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from fftconv._arguments import read_plain
from fftconv._arrays import check_array_kind, check_losses, package_of
from fftconv._checks import check_count
from fftconv._files import StrPath, complete_file, open_file, read_path
from fftconv._threads import available_cores
from fftconv.image.decoding import decode, format_of, sizes
from fftconv.image.encoding import (
    READABLE,
    Size,
    check_writable,
    encode,
    frame_options,
    save_options,
    suffix_for,
)
from fftconv.image.jpeg import MOST_PIXELS, Ahead
from fftconv.image.messages import without_warnings
from fftconv.image.pixels import Array, ImageMetadata, mode_of, pixels_of


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
    (pixels,), metadata = read_file(read_path("path", path), max_pixels, several=False)
    return pixels, metadata


def read_frames(path: StrPath, *, max_pixels: int = MOST_PIXELS) -> tuple[list[Array], ImageMetadata]:
    """Read all frames of an animation, or pages of a document.

    Parameters
    ----------
    path : path-like
        As in `read`; a GIF, WebP, PNG, AVIF or TIFF file may hold several.
    max_pixels : int, optional
        As in `read`, of all frames together.

    Returns
    -------
    frames : list of numpy.ndarray
        As from `read`, each whole, as a browser shows it, and all of one kind of pixels; pages may differ
        in size.
    metadata : ImageMetadata
        To be passed to `write_frames`, with `durations` and `loop`. A picture that an animated PNG file has
        for viewers without animation is no frame; it is `default_image`.

    Raises
    ------
    OSError, ValueError
        As from `read`.

    Examples
    --------
    >>> from fftconv import image
    >>> frames, metadata = image.read_frames("samples/cutout.png")
    >>> len(frames)
    1
    """
    return read_file(read_path("path", path), max_pixels, several=True)


def suffix_of(path: StrPath) -> str:
    """The suffix that the format of an image file has, whatever the file is called."""
    with open_file(path) as file, _errors_that_name(path):
        return suffix_for(format_of(file))


def read_file(
    path: StrPath, max_pixels: int, *, several: bool, ahead: Ahead | None = None
) -> tuple[list[Array], ImageMetadata]:
    """The frames of a file, which may be being decoded; errors name it."""
    most = check_count("max_pixels", max_pixels)
    with open_file(path) if ahead is None else io.BytesIO(ahead.content) as file, _errors_that_name(path):
        found = decode(file, most, several=several, ahead=ahead)
    if isinstance(found, str):
        raise ValueError(f"{path} {found}")
    return found


def read_sizes(path: StrPath) -> list[Size]:
    """Return the widths and heights of the frames of a file, as its header says; nothing is decoded."""
    with open_file(path) as file, _errors_that_name(path):
        return sizes(file)


@contextmanager
def _errors_that_name(path: StrPath) -> Iterator[None]:
    try:
        yield
    except UnidentifiedImageError:
        accepted = ", ".join(READABLE)
        raise ValueError(f"{path} is not an image that can be read; accepted are {accepted}") from None
    except Exception as error:  # a damaged file makes decoders raise almost anything
        raise ValueError(f"{path} cannot be decoded: {_what_is_wrong(error)}") from error


def _what_is_wrong(error: Exception) -> str:
    """Return what a decoder says, in words where Pillow has a number: -2 is that libtiff has failed.

    It does not say whether the file is damaged or packed by a method that libtiff was built without (WebP).
    """
    failed = "its packed pixels are damaged, or packed by a method that Pillow's libtiff lacks"
    return failed if str(error) == "decoder error -2" else str(error)


def write(
    path: StrPath, image: Any, *, metadata: ImageMetadata | None = None, quality: int | None = None
) -> None:
    """Write an image file, whole or not at all.

    The file is written beside its target under another name and renamed when it is complete, so an
    existing file is replaced by a complete one or stays as it was.

    Parameters
    ----------
    path : path-like
        The suffix chooses the format: .png, .jpg, .jpeg, .tif, .tiff, .webp, .bmp, .gif, .pgm, .ppm, .pfm
        or, where Pillow has it, .avif.
    image : numpy.ndarray or PIL.Image.Image
        Pixels, shape (height, width) or (height, width, channels). A GIF file keeps up to 256 colours, or
        255 beside transparent pixels, and reduces more to as many near ones; pixels that are less than half
        opaque become transparent, and others opaque.
    metadata : ImageMetadata, optional
        As from `read_with_metadata`; written as far as the format has a place for it.
    quality : int, optional
        From 1 to 100, of JPEG, WebP and AVIF files. By default a JPEG file is written with the tables of
        `metadata`, or 95; WebP without loss; AVIF with 90. PNG files are packed as a sample of them says:
        by zlib's level 3, or by runs or Huffman's code alone, which take less time and pack noise as well.

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
    write_file(path, [image], metadata=metadata, quality=quality)


def write_frames(
    path: StrPath,
    frames: Sequence[Any],
    *,
    metadata: ImageMetadata | None = None,
    quality: int | None = None,
) -> None:
    """Write an animation, or the pages of a document, whole or not at all.

    Parameters
    ----------
    path : path-like
        As in `write`; for more than one frame .gif, .webp, .png, .avif, .tif or .tiff.
    frames : sequence of numpy.ndarray or PIL.Image.Image
        At least one, all of the same kind of pixels and of the same size, but for TIFF, whose pages may
        differ. Each frame of a GIF file is reduced as in `write`.
    metadata : ImageMetadata, optional
        As from `read_frames`. Without `durations` every frame has a delay of 0, and without `loop` they are
        shown once. Delays are rounded to 10 ms in GIF and to 1 ms in WebP and AVIF, so that errors do not
        add up. AVIF animations are repeated for ever and have no delay of 0; TIFF has no times.
        `default_image` is written to PNG alone, and has to be like the frames.
    quality : int, optional
        As in `write`.

    Raises
    ------
    ValueError
        If the format cannot hold such pixels, several frames or such times, or if frames differ in kind or,
        but for TIFF, in size.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> from pathlib import Path
    >>> from fftconv import image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     shades = [np.full((2, 3), shade, np.uint8) for shade in (0, 128, 255)]
    ...     image.write_frames(Path(folder) / "pages.tif", shades)
    ...     len(image.read_frames(Path(folder) / "pages.tif")[0])
    3
    """
    check_array_kind("frames", frames)
    if (
        not isinstance(frames, (Sequence, np.ndarray))
        or isinstance(frames, (str, bytes))
        or (isinstance(frames, np.ndarray) and frames.ndim == 0)
    ):
        raise TypeError(f"frames is a {type(frames).__name__}; pass a sequence of images, such as a list")
    write_file(path, frames, metadata=metadata, quality=quality)


@without_warnings
def write_file(
    path: StrPath,
    frames: Sequence[Any],
    *,
    metadata: ImageMetadata | None,
    quality: int | None,
    workers: int | None = None,
) -> None:
    """The same, by so many threads; None: as many as there are cores."""
    target = read_path("path", path)
    if metadata is not None and not isinstance(metadata, ImageMetadata):
        raise TypeError(f"metadata is a {type(metadata).__name__}; pass what read_with_metadata returns")
    if len(frames) == 0:
        raise ValueError("frames is empty; pass at least one image")
    pairs = [_pixels_and_mode(frame, metadata) for frame in frames]
    pixels, modes = [each for each, _ in pairs], sorted({mode for _, mode in pairs})
    if len(modes) > 1:
        raise ValueError(f"frames are of the kinds {', '.join(modes)}; convert them to one")
    (mode,) = modes
    chosen = check_writable(target, mode, quality, [(each.shape[1], each.shape[0]) for each in pixels])
    about = metadata or ImageMetadata(mode)
    options = save_options(chosen, about, quality) | frame_options(target, chosen, about, len(frames))
    if about.default_image is not None and chosen == "PNG":
        pixels = [_read_default_image(about, pixels[0], mode), *pixels]
        options["default_image"] = True
    with complete_file(target) as temporary:
        try:
            encode(pixels, mode, chosen, options, temporary, workers or available_cores())
        except OSError as error:
            if error.errno is not None:  # of the disk, not of the encoder
                raise
            raise ValueError(f"{target} cannot be written as {chosen}: {error}") from error
        except (ValueError, SyntaxError, RuntimeError, OverflowError, struct.error) as error:
            raise ValueError(f"{target} cannot be written as {chosen}: {error}") from error


def _read_default_image(metadata: ImageMetadata, frame: Array, mode: str) -> Array:
    pixels, own = _pixels_and_mode(metadata.default_image, metadata)
    if pixels.shape[:2] != frame.shape[:2] or own != mode:
        raise ValueError(
            f"metadata.default_image has shape {pixels.shape} and mode {own}, unlike the frames, which "
            f"have {frame.shape} and {mode}; filter it as they were, or leave it out with "
            f"dataclasses.replace(metadata, default_image=None)"
        )
    return pixels


def _pixels_and_mode(image: Any, metadata: ImageMetadata | None) -> tuple[Array, str]:
    if isinstance(image, Image.Image):
        return pixels_of(image)
    if package_of(image) not in ("", "xarray"):  # to be computed here is what writing asks for
        check_losses("image", getattr(image, "_meta", None))
        pixels = np.asarray(image)
    else:
        pixels = read_plain("image", image, accepted="pixels")
    cmyk = metadata is not None and metadata.mode == "CMYK" and pixels.shape[2:] == (4,)
    mode = "CMYK" if cmyk and pixels.dtype == np.uint8 else mode_of(pixels)
    if pixels.size == 0:
        raise ValueError(f"image is empty (shape {pixels.shape}); it needs at least one pixel")
    return pixels, mode
