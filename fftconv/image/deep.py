"""Colour of more than 8 bits, which Pillow would reduce: which kinds there are, and TIFF through tifffile.

PNG (see `png`) and packed TIFF need imagecodecs, which is faster with JPEG than Pillow, too; both libraries
come with the extra `deep`.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from importlib import import_module
from importlib.util import find_spec
from typing import Any, BinaryIO, NamedTuple

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

INSTALL = 'install what keeps it with: pip install "fftconv[deep]"'

# By dtype and channels, as in `pixels`, whose table has these too; the names go on where Pillow's end.
MODES: dict[tuple[np.dtype[Any], int], str] = {
    (np.dtype(np.uint16), 2): "LA;16",
    (np.dtype(np.uint16), 3): "RGB;16",
    (np.dtype(np.uint16), 4): "RGBA;16",
    (np.dtype(np.float32), 3): "RGB;F",
}
WRITABLE = {"PNG": ("LA;16", "RGB;16", "RGBA;16"), "TIFF": tuple(MODES.values())}
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_UNSPECIFIED, _ASSOCIATED, _UNASSOCIATED, _COREL = 0, 1, 2, 999
_EXTRA_SAMPLES = {  # what a sample beside the colours may be
    _UNSPECIFIED: "of no stated meaning",
    _ASSOCIATED: "opacity that the colours were multiplied with",
    _UNASSOCIATED: "more opacity",
}

# What stored rows and columns have to go through to stand upright, by EXIF orientation.
_TURNS = {
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a),
}


def installed() -> bool:
    """Whether deep colour can be read and written."""
    return all(find_spec(name) is not None for name in ("imagecodecs", "tifffile"))


def upright(pixels: Array, orientation: int) -> Array:
    """Pixels as they are to be seen."""
    turn = _TURNS.get(orientation)
    return pixels if turn is None else np.ascontiguousarray(turn(pixels))


def is_tiff(file: BinaryIO) -> bool:
    """Whether a file begins as a TIFF file does."""
    file.seek(0)
    return file.read(4) in _TIFF


def size_of_tiff(file: BinaryIO) -> tuple[int, int]:
    """Width and height that the header of a TIFF file promises."""
    file.seek(0)
    with import_module("tifffile").TiffFile(file) as opened:
        return opened.pages[0].imagewidth, opened.pages[0].imagelength


def reason_of_extra_samples(kinds: Iterable[int], *, associated: bool = False) -> str | None:
    """Return what a TIFF file has beside its colours that would be lost, by its ExtraSamples, or None.

    Unassociated opacity is kept; so is associated one, which Pillow divides by, if that is said.
    """
    kept = (_UNASSOCIATED, _COREL, *((_ASSOCIATED,) if associated else ()))
    lost = [*map(int, kinds)]
    if lost and lost[0] in kept:
        del lost[0]
    if not lost:
        return None
    meant = ", ".join(_EXTRA_SAMPLES.get(kind, f"of kind {kind}") for kind in lost)
    number = "1 sample" if len(lost) == 1 else f"{len(lost)} samples"
    return (
        f"{number} beside its colours ({meant}), not unassociated opacity, which would be lost; write it "
        "without"
    )


class AboutTiff(NamedTuple):
    """What a TIFF file says beside its pixels."""

    orientation: int
    icc_profile: bytes | None
    dpi: tuple[float, float] | None
    exif: bytes | None
    xmp: bytes | None


def only_picture(opened: Any) -> tuple[Any, AboutTiff]:
    """The page of an opened TIFF file of one picture, grey or in colour, and what it says."""
    from fftconv.image import exif  # with Pillow, which JPEG files are decoded before

    tifffile: Any = import_module("tifffile")
    if len(opened.pages) != 1:
        raise ValueError(f"it holds {len(opened.pages)} frames; split it into files of one image each")
    page = opened.pages[0]
    lost = reason_of_extra_samples(page.extrasamples)
    if lost is not None:
        raise ValueError(f"it has {lost}")
    if page.photometric not in (tifffile.PHOTOMETRIC.RGB, tifffile.PHOTOMETRIC.MINISBLACK):
        raise ValueError(f"its colours are {page.photometric.name}; accepted are RGB and grey")
    orientation, xmp = (page.tags.valueof(tag) for tag in ("Orientation", exif.XMP_TAG))
    return page, AboutTiff(
        orientation if isinstance(orientation, int) else 1,
        page.iccprofile,
        exif.dpi_of_page(page),
        exif.block_of(opened.filehandle, tiff=True),
        exif.upright_xmp(xmp),
    )


def decode_tiff(file: BinaryIO) -> tuple[Array, AboutTiff]:
    """Pixels of a TIFF file of one picture in colour, upright, and what it says beside them."""
    tifffile: Any = import_module("tifffile")
    file.seek(0)
    with tifffile.TiffFile(file) as opened:
        page, about = only_picture(opened)
        pixels = page.asarray()
        if page.planarconfig == tifffile.PLANARCONFIG.SEPARATE and pixels.ndim == 3:
            pixels = np.moveaxis(pixels, 0, -1)
        pixels = pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
        return upright(pixels, about.orientation), about


def encode_tiff(pixels: Array, options: dict[str, Any], file: BinaryIO) -> None:
    """Write pixels of a deep mode, with what Pillow would save by these options."""
    from fftconv.image import exif  # as above

    dpi, block = options.get("dpi"), options.get("exif")
    content = io.BytesIO()  # tifffile wants a file to have a name
    import_module("tifffile").imwrite(
        content,
        np.ascontiguousarray(pixels),
        photometric="rgb" if pixels.shape[2] > 2 else "minisblack",
        planarconfig="contig",
        extrasamples=["unassalpha"] if pixels.shape[2] in (2, 4) else None,
        compression="zlib",
        predictor=True,
        iccprofile=options.get("icc_profile"),
        resolution=dpi,
        resolutionunit="inch" if dpi else None,
        metadata=None,
        software=False,
        extratags=exif.tags_for_tifffile(block, options.get("tiffinfo", {}).get(exif.XMP_TAG)),
    )
    if block:
        exif.append_directories(content, block)
    file.write(content.getbuffer())
