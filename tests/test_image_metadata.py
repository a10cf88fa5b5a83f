"""What a file says beside its pixels: kept from each format into each that has a place for it."""

import io
import itertools
import logging
import math
import struct
import zlib
from fractions import Fraction

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms, PngImagePlugin, features
from PIL.TiffImagePlugin import IFDRational

from fftconv import image
from fftconv.image import deep, large
from fftconv.image.exif import block_of

RNG = np.random.default_rng(5)
RGB = RNG.integers(0, 256, (6, 9, 3)).astype(np.uint8)
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = "<x:xmpmeta xmlns:x='adobe:ns:meta/'>grün</x:xmpmeta>".encode()
MAKER_NOTE = bytes(range(256))
FORMATS = [".jpg", ".png", ".webp", ".tif", *([".avif"] if features.check("avif") else [])]
MAIN = {
    "ImageDescription": "a description",
    "Make": "Maker",
    "Model": "Model",
    "Software": "program",
    "DateTime": "2020:01:02 03:04:05",
    "Artist": "Müller",  # UTF-8, as cameras write it
    "Copyright": "nobody",
}
EXPOSURE = {
    "ExposureTime": (1, 125),
    "ExposureBiasValue": (-1, 3),
    "ISOSpeedRatings": 400,
    "LensSpecification": (24, 1, 70, 1, 0, 0, 0, 0),  # of which the latter two are unknown
    "MakerNote": MAKER_NOTE,
    "UserComment": "hello",
}
PLACE = {"GPSLatitudeRef": "N", "GPSLatitude": (51, 1, 30, 1, 1, 3), "GPSAltitude": (100, 1)}


def exif_block(orientation=None):
    """An EXIF block of a camera, with all directories that there are."""
    exif = Image.Exif()
    exif[0x010E], exif[0x010F], exif[0x0110] = "a description", "Maker", "Model"
    exif[0x0131], exif[0x0132], exif[0x8298] = "program", "2020:01:02 03:04:05", "nobody"
    exif[0x013B] = "Müller".encode()
    if orientation is not None:
        exif[0x0112] = orientation
    exif[0x0100], exif[0x0103], exif[0x0102] = 999, 6, (5, 5, 5)  # of pixels that are no more
    exposure = exif.get_ifd(0x8769)
    exposure |= {33434: IFDRational(1, 125), 37380: IFDRational(-1, 3), 34855: 400, 37500: MAKER_NOTE}
    exposure |= {37510: b"ASCII\0\0\0hello", 40962: 9, 40963: 6}
    exposure[42034] = tuple(IFDRational(*each) for each in ((24, 1), (70, 1), (0, 0), (0, 0)))
    exposure[40965] = {1: "R98", 2: b"0100"}
    place = exif.get_ifd(0x8825)
    place |= {1: "N", 2: tuple(IFDRational(*each) for each in ((51, 1), (30, 1), (1, 3)))}
    place |= {6: IFDRational(100)}
    return exif.tobytes()


def content_with_tags(path):
    """What a second reader takes for a TIFF file: the file, or its EXIF block."""
    if path.suffix == ".tif":
        return path.read_bytes()
    with Image.open(path) as opened:
        return opened.info.get("exif", b"").removeprefix(b"Exif\0\0")


def tags_of(path):
    """The tags that tifffile finds, by name."""
    content = content_with_tags(path)
    if not content:
        return {}
    log = logging.getLogger("tifffile")
    log.disabled = True  # an EXIF block is a TIFF file without pixels, which it does not like
    try:
        with tifffile.TiffFile(io.BytesIO(content)) as opened:
            return {tag.name: tag.value for tag in opened.pages[0].tags}
    finally:
        log.disabled = False


def interop_of(path):
    with Image.open(path) as opened:
        return opened.getexif().get_ifd(0xA005)


def said(mode="RGB", block=None, **more):
    return image.ImageMetadata(mode, exif=block, **more)


def deepen(pixels):
    return pixels.astype(np.uint16) * 257


def flatten(pixels):
    return (pixels // 257).astype(np.uint8) if pixels.dtype == np.uint16 else pixels


@pytest.mark.parametrize("source", [*FORMATS, "deep.tif", "deep.png"])
@pytest.mark.parametrize("target", [*FORMATS, "deep.tif", "deep.png"])
def test_all_that_one_format_says_and_another_has_a_place_for_is_kept(tmp_path, source, target):
    first, second = tmp_path / f"a{source}", tmp_path / f"b{target}"
    about = said(block=exif_block(), icc_profile=PROFILE, dpi=(300.0, 150.0), xmp=XMP)
    image.write(first, deepen(RGB) if "deep" in source else RGB, metadata=about)
    image.filter_file(first, second, deepen if "deep" in target and "deep" not in source else flatten)
    tags = tags_of(second)
    assert {name: tags[name] for name in MAIN} == MAIN
    assert {name: tags["ExifTag"][name] for name in EXPOSURE} == EXPOSURE
    assert {name: tags["GPSTag"][name] for name in PLACE} == PLACE
    assert interop_of(second) == {1: "R98", 2: b"0100"}
    with Image.open(second) as written:
        assert written.size == (9, 6)
        assert written.info["icc_profile"] == PROFILE
        assert written.info["xmp"] == XMP
        dpi = written.info.get("dpi")
        if second.suffix in (".webp", ".avif"):
            dpi = [Fraction(*tags[name]) for name in ("XResolution", "YResolution")]
            assert tags["ResolutionUnit"] == 2  # inch
    assert [float(each) for each in dpi] == pytest.approx([300, 150], rel=1e-3)
    _, kept = image.read_with_metadata(second)
    assert kept.dpi == pytest.approx((300, 150), rel=1e-3)


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("source", FORMATS)
def test_a_picture_that_was_turned_says_so_nowhere_any_more(tmp_path, source, target):
    first, second = tmp_path / f"a{source}", tmp_path / f"b{target}"
    exif = Image.Exif()
    exif.load(exif_block(6))
    for tag in (0x0100, 0x0102, 0x0103):
        del exif[tag]  # Pillow would write a TIFF file of such sizes
    exif.get_ifd(0x8769).pop(40965)
    Image.fromarray(RGB).save(first, exif=exif if source == ".tif" else exif.tobytes())
    upright = image.read(first)
    assert upright.shape == (9, 6, 3)
    image.filter_file(first, second, lambda pixels: pixels)
    tags = tags_of(second)
    assert tags.get("Orientation", 1) == 1
    exposure = tags["ExifTag"]
    assert (exposure["PixelXDimension"], exposure["PixelYDimension"]) == (6, 9)
    assert exposure["MakerNote"] == MAKER_NOTE
    with Image.open(second) as written:
        assert written.size == (6, 9)
    if target in (".tif", ".png", ".webp"):
        assert np.array_equal(image.read(second), upright)


PIXELS = {
    "grey": RGB[..., 0],
    "opacity": np.dstack([RGB, RGB[..., :1] | 1]),
    "deep": deepen(RGB),
    "float": RGB.astype(np.float32),
    "grey float": RGB[..., 0].astype(np.float32),
}


@pytest.mark.parametrize("pixels", PIXELS.values(), ids=PIXELS)
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("order", "<>")
def test_tags_of_a_tiff_file_are_kept_whoever_writes_them(tmp_path, monkeypatch, pixels, big, order):
    """Descriptive ones; those of its own pixels, and private ones, are not copied."""
    source, target, parts = (tmp_path / name for name in ("a.tif", "b.tif", "c.tif"))
    tall = np.tile(pixels, (45, 30) + (1,) * (pixels.ndim - 2))
    tags = [
        (271, "s", 0, "Maker", True),
        (315, "s", 0, "Müller".encode() + b"\0", True),
        (33550, "d", 3, (0.5, 0.25, 0.0), True),
        (40092, "B", 4, b"x\0y\0", True),
        (50838, "I", 2, (1, 2), True),  # of ImageJ
        (65000, "I", 1, 7, True),  # of nobody
        (37724, "B", 4, b"8BIM", True),  # layers
    ]
    tifffile.imwrite(
        source,
        tall,
        photometric="rgb" if pixels.ndim == 3 else "minisblack",
        extrasamples=["unassalpha"] if pixels.shape[2:] == (4,) else None,
        description="a description",
        software="program",
        datetime="2020:01:02 03:04:05",
        extratags=tags,
        metadata=None,
        bigtiff=big,
        byteorder=order,
        rowsperstrip=30,
    )
    if big:
        monkeypatch.setattr(large, "_LEAST_BIG", 0)
    image.filter_file(source, target, image.box_blur, size=1)
    monkeypatch.setattr("fftconv.image.parts._whole_bytes", lambda *given: 10**12)
    image.filter_file(source, parts, image.box_blur, size=1, max_memory=10**11)
    for path in (target, parts):
        found = tags_of(path)
        assert {name: found.get(name) for name in ("ImageDescription", "Software", "Artist", "Make")} == {
            "ImageDescription": "a description",
            "Software": "program",
            "Artist": "Müller",
            "Make": "Maker",
        }
        assert found["DateTime"] == "2020:01:02 03:04:05"
        assert found["ModelPixelScaleTag"] == (0.5, 0.25, 0.0)
        assert bytes(found["XPComment"]) == b"x\0y\0"
        assert not {"65000", "IJMetadataByteCounts", "ImageSourceData"} & set(found)
        assert np.array_equal(tifffile.imread(path), tall)
    with tifffile.TiffFile(parts) as opened:
        assert opened.is_bigtiff == big


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("with_deep", [False, True])
def test_directories_below_go_with_the_tags_of_a_tiff_file(tmp_path, monkeypatch, big, with_deep):
    source, target = tmp_path / "a.tif", tmp_path / "b.tif"
    image.write(source, deepen(RGB) if with_deep else RGB, metadata=said(block=exif_block(), xmp=XMP))
    if with_deep:
        monkeypatch.setattr(large, "_LEAST_BIG", 0 if big else 2**40)
        monkeypatch.setattr("fftconv.image.parts._whole_bytes", lambda *given: 10**12)
        image.filter_file(source, target, image.box_blur, size=1, max_memory=10**11)
    else:
        monkeypatch.setattr(deep, "installed", lambda: False)
        image.filter_file(source, target, image.box_blur, size=1)
    tags = tags_of(target)
    assert {name: tags["ExifTag"][name] for name in EXPOSURE} == EXPOSURE
    assert {name: tags["GPSTag"][name] for name in PLACE} == PLACE
    assert tags["XMP"] == XMP
    assert interop_of(target) == {1: "R98", 2: b"0100"}
    with tifffile.TiffFile(target) as opened:
        assert opened.is_bigtiff == (big and with_deep)
        assert np.array_equal(opened.asarray(), deepen(RGB) if with_deep else RGB)


def test_the_first_page_speaks_for_all(tmp_path):
    source, target = tmp_path / "a.tif", tmp_path / "b.tif"
    about = said(block=exif_block(), xmp=XMP, dpi=(300.0, 300.0), icc_profile=PROFILE)
    image.write_frames(source, [RGB, RGB[:4], RGB[:, :5]], metadata=about)
    image.filter_file(source, target, lambda pixels: pixels)
    for path in (source, target):
        frames, kept = image.read_frames(path)
        assert [frame.shape for frame in frames] == [(6, 9, 3), (4, 9, 3), (6, 5, 3)]
        assert (kept.xmp, kept.dpi, kept.icc_profile) == (XMP, (300, 300), PROFILE)
        assert tags_of(path)["ExifTag"]["MakerNote"] == MAKER_NOTE
        with tifffile.TiffFile(path) as opened:
            assert [
                np.array_equal(page.asarray(), frame)
                for page, frame in zip(opened.pages, frames, strict=True)
            ] == [True] * 3
            assert [page.tags.valueof("Artist") for page in opened.pages] == ["Müller", None, None]


@pytest.mark.parametrize("suffix", [suffix for suffix in FORMATS if suffix not in (".jpg", ".tif")])
def test_animations_keep_what_is_said_of_them(tmp_path, suffix):
    source, target = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    about = said(block=exif_block(), xmp=XMP, icc_profile=PROFILE, durations=(50.0, 60.0), loop=0)
    image.write_frames(source, [RGB, 255 - RGB], metadata=about)
    image.filter_file(source, target, lambda pixels: pixels)
    tags = tags_of(target)
    assert {name: tags[name] for name in MAIN} == MAIN
    assert {name: tags["GPSTag"][name] for name in PLACE} == PLACE
    kept = image.read_frames(target)[1]
    assert (kept.xmp, kept.icc_profile, kept.durations) == (XMP, PROFILE, (50, 60))


def test_exif_in_a_text_of_a_png_file_is_kept(tmp_path):
    """As ImageMagick wrote it before PNG had a part for it."""
    texts, block = PngImagePlugin.PngInfo(), exif_block()
    digits = block.hex()
    lines = "\n".join(digits[n : n + 72] for n in range(0, len(digits), 72))
    texts.add_text("Raw profile type exif", f"\nexif\n{len(block):8}\n{lines}\n", zip=True)
    Image.fromarray(RGB).save(tmp_path / "a.png", pnginfo=texts)
    for target in (tmp_path / "b.png", tmp_path / "b.tif"):
        image.filter_file(tmp_path / "a.png", target, lambda pixels: pixels)
        tags = tags_of(target)
        assert {name: tags["ExifTag"][name] for name in EXPOSURE} == EXPOSURE


@pytest.mark.parametrize(
    "description",
    ['{"shape": [6, 9, 3]}', "ImageJ=1.11a\nimages=3\n", '<?xml version="1.0"?><!-- --><OME xmlns="o"/>'],
)
def test_a_description_of_how_pixels_are_arranged_is_not_copied(tmp_path, description):
    source, target = tmp_path / "a.tif", tmp_path / "b.tif"
    tifffile.imwrite(source, RGB, photometric="rgb", description=description, metadata=None)
    image.filter_file(source, target, image.edges, channel="luminance")
    assert "ImageDescription" not in tags_of(target)
    assert tifffile.imread(target).shape == (6, 9)


def test_what_is_too_long_for_a_jpeg_file_is_left_out_of_it(tmp_path):
    """Tags one by one, from the longest; the others stay."""
    exif = Image.Exif()
    exif.load(exif_block())
    exif[0x010E], exif[0x013B] = "long " * 20_000, "Müller".encode()
    exif.get_ifd(0x8769)[37500] = bytes(70_000)
    about = said(block=exif.tobytes(), xmp=b"<x>" + b" " * 70_000 + b"</x>", dpi=(300.0, 300.0))
    image.write(tmp_path / "a.tif", RGB, metadata=about)
    image.filter_file(tmp_path / "a.tif", tmp_path / "b.jpg", lambda pixels: pixels)
    kept, tags = image.read_with_metadata(tmp_path / "b.jpg")[1], tags_of(tmp_path / "b.jpg")
    assert (kept.xmp, kept.dpi) == (None, (300, 300))
    assert "ImageDescription" not in tags
    assert "MakerNote" not in tags["ExifTag"]
    assert {name: tags[name] for name in list(MAIN)[1:]} == dict(list(MAIN.items())[1:])
    assert tags["ExifTag"]["ISOSpeedRatings"] == 400
    image.filter_file(tmp_path / "a.tif", tmp_path / "b.png", lambda pixels: pixels)
    assert image.read_with_metadata(tmp_path / "b.png")[1].xmp == about.xmp
    assert tags_of(tmp_path / "b.png")["ExifTag"]["MakerNote"] == bytes(70_000)


def block_with(order, tags):
    """An EXIF block of one directory of these tags, types, counts and contents."""
    block = struct.pack(f"{order}2sHIH", b"II" if order == "<" else b"MM", 42, 8, len(tags))
    end, behind = len(block) + 12 * len(tags) + 4, b""
    for tag, kind, count, content in tags:
        is_long = len(content) > 4
        place = struct.pack(f"{order}I", end + len(behind)) if is_long else content.ljust(4, b"\0")
        behind += content + bytes(len(content) % 2) if is_long else b""
        block += struct.pack(f"{order}HHI", tag, kind, count) + place
    return b"Exif\0\0" + block + bytes(4) + behind


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_tags_of_another_type_than_is_usual_are_kept(tmp_path, suffix):
    """A text for a number, bytes for a text, none at all: each is as it was, the picture upright."""
    source, target = tmp_path / f"a{suffix}", tmp_path / "b.tif"
    texts, numbers = b"Maker\0", struct.pack("<3H", 7, 8, 9)
    tags = [
        (0x010F, 2, len(texts), texts),
        (0x0112, 3, 1, struct.pack("<H", 6)),
        (0x0128, 2, 5, b"many\0"),  # ResolutionUnit
        (0x0132, 7, 4, b"when"),
        (0x4746, 3, 3, numbers),  # Rating
        (0x8298, 2, 0, b""),
        (0x8769, 4, 1, struct.pack("<I", 2**31)),  # Exif, which is nowhere
        (0xA005, 99, 1, b"none"),
    ]
    Image.fromarray(RGB).save(source, exif=block_with("<", tags))
    assert image.read(source).shape == (9, 6, 3)
    image.filter_file(source, target, lambda pixels: pixels)
    with tifffile.TiffFile(target) as opened:
        found = opened.pages[0].tags
        assert found["Make"].value == "Maker"
        assert found["Rating"].value == (7, 8, 9)
        assert found["DateTime"].value in ("when", b"when")
        assert "ExifTag" not in found
        assert opened.pages[0].shape == (9, 6, 3)


# Description, strips, page, date, copyright, thumbnail and rating.
TAGS_OF_EACH_KIND = (0x010E, 0x0111, 0x0129, 0x0132, 0x0201, 0x4746, 0x8298)
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 99: 1}
JUNK = [
    b"",
    b"II",
    b"II*\0",
    b"MM\0*\xff\xff\xff\xff",
    b"Exif\0\0" * 2 + b"II*\0\x08\0\0\0\xff\xff",
    b"no TIFF at all",
]


@pytest.mark.parametrize("suffix", [*FORMATS, "deep.tif", "deep.png"])
def test_no_exif_block_keeps_a_picture_from_being_written(tmp_path, suffix):
    """Whatever types and counts its tags have, and wherever it ends; no warning is shown either."""
    path, pixels = tmp_path / f"a{suffix}", deepen(RGB) if "deep" in suffix else RGB
    blocks, generator = list(JUNK), np.random.default_rng(0)
    for order, kind, count in itertools.product("<>", SIZES, (1, 3)):
        content = generator.bytes(count * SIZES[kind])
        block = block_with(order, [(tag, kind, count, content) for tag in TAGS_OF_EACH_KIND])
        blocks += [block, block[: int(generator.integers(len(block)))]]
    for block in blocks:
        image.write(path, pixels, metadata=said(block=block))
        read, _ = image.read_with_metadata(path)
        assert read.shape == RGB.shape
        assert suffix in (".jpg", ".avif") or np.array_equal(read, pixels)


@pytest.mark.parametrize("target", [*FORMATS, "deep.tif"])
@pytest.mark.parametrize("order", "<>")
def test_texts_are_kept_in_any_alphabet(tmp_path, order, target):
    """A comment in UTF-16 has the byte order of its block, which may not be that of the target."""
    exif = Image.Exif()
    exif.endian = order
    codec = {"<": "utf-16-le", ">": "utf-16-be"}
    exif.get_ifd(0x8769)[37510] = b"UNICODE\0" + "grün".encode(codec[order])
    exif.get_ifd(0x8825)[18] = "Zürich".encode()
    Image.fromarray(RGB).save(tmp_path / "a.png", exif=exif.tobytes())
    image.filter_file(tmp_path / "a.png", tmp_path / f"b{target}", deepen if "deep" in target else flatten)
    written = Image.Exif()
    content = content_with_tags(tmp_path / f"b{target}")
    written.load(content)
    comment = written.get_ifd(0x8769)[37510]
    assert comment.removeprefix(b"UNICODE\0").decode(codec[written.endian]) == "grün"
    assert "Zürich".encode() in content


def test_one_damaged_tag_costs_no_other(tmp_path):
    """Bits turned over in an EXIF block: it is read or left out, in part or whole, never an error."""
    block, generator = exif_block(), np.random.default_rng(0)
    whole = 0
    for _ in range(100):
        damaged = bytearray(block)
        place = 6 + int(generator.integers(len(block) - 6))
        damaged[place] ^= 1 << int(generator.integers(8))
        kept = block_of(io.BytesIO(bytes(damaged[6:])), tiff=False)
        if kept is not None and b"Maker" in kept and b"nobody" in kept:
            whole += 1
            image.write(tmp_path / "a.tif", RGB, metadata=said(block=kept))
            assert np.array_equal(tifffile.imread(tmp_path / "a.tif"), RGB)
    assert whole > 70


@pytest.mark.parametrize("target", [".jpg", ".png", ".gif"])
@pytest.mark.parametrize("source", [".jpg", ".png", ".gif"])
def test_a_comment_is_kept(tmp_path, source, target):
    first, second = tmp_path / f"a{source}", tmp_path / f"b{target}"
    flat = np.full((6, 9, 3), 80, np.uint8)
    text = "by nobody, grün"
    if source == ".png":
        image.write(first, flat, metadata=said(text={"Comment": text, "Title": "a title"}))
    else:
        Image.fromarray(flat).save(first, comment=text)
    image.filter_file(first, second, lambda pixels: pixels)
    with Image.open(second) as written:
        found = written.text["Comment"].encode() if target == ".png" else written.info["comment"]
    assert found == text.encode()
    if target == ".jpg":
        image.filter_file(second, tmp_path / "c.jpg", lambda pixels: pixels, quality=50)
        with Image.open(tmp_path / "c.jpg") as written:
            assert written.info["comment"] == text.encode()


@pytest.mark.parametrize("target", [".png", ".gif"])
@pytest.mark.parametrize("source", ["JPEG", "GIF"])
def test_a_comment_of_latin_1_is_kept_as_text(tmp_path, source, target):
    """Of "é" in one byte a replacement character was left."""
    path, into = tmp_path / f"a.{source.lower()}", tmp_path / f"b{target}"
    Image.new("L", (4, 4)).save(path, source, comment="André, 5 µm".encode("latin-1"))
    image.filter_file(path, into, image.box_blur, size=1)
    _, about = image.read_with_metadata(into)
    assert about.text["Comment"] == "André, 5 µm"


RESOLUTIONS = [0, -1, -300.0, 1e-30, 0.5, 1.5, 72, 299.7, 65_535, 65_536, 8e7, 1e9, 5e9, 1e30, 10**400]
RESOLUTIONS += [math.nan, math.inf, -math.inf, Fraction(1, 3), IFDRational(1, 0), IFDRational(0, 0), "many"]


@pytest.mark.parametrize("suffix", [*FORMATS, ".bmp", ".gif", ".ppm", "deep.tif", "deep.png"])
def test_no_resolution_keeps_a_picture_from_being_written(tmp_path, suffix):
    """It is kept, or dropped where the format has no number for it."""
    path, pixels = tmp_path / f"a{suffix}", deepen(RGB) if "deep" in suffix else RGB
    for x in RESOLUTIONS:
        for dpi in ((x, x), (300, x), (x, 300)):
            image.write(path, pixels, metadata=said(dpi=dpi))
            _, kept = image.read_with_metadata(path)
            if kept.dpi is not None:
                assert kept.dpi == pytest.approx([float(each) for each in dpi], rel=1e-2, abs=1)
            elif dpi == (72, 72):
                assert suffix in (".gif", ".ppm")


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_resolution_is_read_as_it_was_given_whatever_exif_says(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    for unit, of_block, given in itertools.product((1, 2, 3), ((300, 1), (0, 0)), ((300, 300), (72, 150))):
        ratio = struct.pack("<2I", *of_block)
        block = block_with(
            "<", [(282, 5, 1, ratio), (283, 5, 1, ratio), (296, 3, 1, struct.pack("<H", unit))]
        )
        image.write(path, RGB, metadata=said(block=block, dpi=given))
        assert image.read_with_metadata(path)[1].dpi == pytest.approx(given, rel=1e-3)


@pytest.mark.parametrize("suffix", [suffix for suffix in FORMATS if suffix != ".tif"])
def test_a_resolution_in_exif_alone_is_read_as_it_is(tmp_path, suffix):
    """For each axis; where there is none, or a text, there is none."""
    path = tmp_path / f"a{suffix}"
    for x, y, unit, dpi in (
        ((5, 1, struct.pack("<2I", 300, 1)), (5, 1, struct.pack("<2I", 150, 1)), 2, (300, 150)),
        ((5, 1, struct.pack("<2I", 100, 1)), (5, 1, struct.pack("<2I", 50, 1)), 3, (254, 127)),
        ((5, 1, struct.pack("<2I", 1, 0)), (5, 1, struct.pack("<2I", 1, 1)), 2, None),
        ((7, 1, b"x"), (2, 2, b"y\0"), 2, None),
    ):
        tags = [(271, 2, 4, b"Mak\0"), (282, *x), (283, *y), (296, 3, 1, struct.pack("<H", unit))]
        for block in (block_with("<", tags), block_with("<", tags[:1])):
            Image.fromarray(RGB).save(path, exif=block)
            found = image.read_with_metadata(path)[1].dpi
            assert found == (None if dpi is None or len(block) < 60 else pytest.approx(dpi))


@pytest.mark.parametrize("size", [(6, 9), (3, 4)], ids=["view", "preview"])
def test_a_photograph_with_a_preview_behind_it_is_one_picture(tmp_path, size):
    """But several pictures of one size, such as those of two lenses, are its frames."""
    path = tmp_path / "a.jpg"
    with path.open("wb") as file:
        second = [Image.fromarray(255 - RGB[: size[0], : size[1]])]
        Image.fromarray(RGB).save(file, "MPO", save_all=True, append_images=second, exif=exif_block())
    frames, about = image.read_frames(path)
    assert len(frames) == (2 if size == (6, 9) else 1)
    assert b"Maker" in about.exif
    if size != (6, 9):
        assert np.array_equal(image.read(path), frames[0])
        path.write_bytes(path.read_bytes()[:-20])
        assert np.array_equal(image.read(path), frames[0])
        image.filter_file(path, tmp_path / "b.jpg", lambda pixels: pixels)
        assert tags_of(tmp_path / "b.jpg")["ExifTag"]["MakerNote"] == MAKER_NOTE


def _at(content, place, new):
    return content[:place] + new + content[place + len(new) :]


def _headers():
    """Files of which the header says any resolution, and which are well-formed otherwise."""
    plain = {}
    for kind in ("BMP", "PNG", "JPEG"):
        buffer = io.BytesIO()
        Image.fromarray(RGB).save(buffer, kind, dpi=(72, 72))
        plain[kind] = buffer.getvalue()
    tiffs = []
    for pixels in (RGB, deepen(RGB)):
        buffer = io.BytesIO()
        tifffile.imwrite(
            buffer, pixels, photometric="rgb", resolution=(7, 7), resolutionunit=2, metadata=None
        )
        tiffs.append(buffer.getvalue())
    words = [0, 1, 72, 300, 65_535, 2**31 - 1, 2**31, 2**32 - 1]
    for x, y in [(word, word) for word in words] + [(300, word) for word in words]:
        ratios = struct.pack("<IIII", x, y, y, x)
        for unit in (0, 1, 2, 3, 9):
            for content in tiffs:
                content = _at(content, content.index(struct.pack("<IIII", 7, 1, 7, 1)), ratios)
                place = content.index(struct.pack("<HHI", 296, 3, 1))
                yield ".tif", _at(content, place, struct.pack("<HHIH", 296, 3, 1, unit))
            entries = [(282, 5, 1, 50), (283, 5, 1, 58), (296, 3, 1, unit)]
            block = struct.pack("<2sHIH", b"II", 42, 8, 3)
            block += b"".join(struct.pack("<HHII", *entry) for entry in entries) + bytes(4) + ratios
            for kind in ("JPEG", "WEBP", "PNG"):
                buffer = io.BytesIO()
                Image.fromarray(RGB).save(buffer, kind, exif=b"Exif\0\0" + block)
                yield f".{kind.lower()}", buffer.getvalue()
        yield ".bmp", _at(plain["BMP"], 38, struct.pack("<II", x, y))
        chunk = b"pHYs" + struct.pack(">IIB", x, y, 1)
        yield (
            ".png",
            _at(plain["PNG"], plain["PNG"].index(b"pHYs"), chunk + struct.pack(">I", zlib.crc32(chunk))),
        )
        for unit in (0, 1, 2, 9):
            yield ".jpg", _at(plain["JPEG"], 13, struct.pack(">BHH", unit, x & 0xFFFF, y & 0xFFFF))


def test_any_resolution_in_a_header_is_kept_or_dropped(tmp_path):
    """From each of them into every format; an error would be one of the picture."""
    targets = [*FORMATS, ".bmp", ".ppm"]
    for number, (suffix, content) in enumerate(itertools.islice(_headers(), None, None, 3)):
        source, target = tmp_path / f"a{suffix}", tmp_path / f"b{targets[number % len(targets)]}"
        source.write_bytes(content)
        image.filter_file(source, target, flatten)
        (pixels,), read = image.read_frames(source)
        assert pixels.shape == RGB.shape
        _, kept = image.read_with_metadata(target)
        for dpi in (read.dpi, kept.dpi):
            assert dpi is None or (min(dpi) > 1 and math.isfinite(max(dpi)))
        if kept.dpi and target.suffix != ".jpg":
            assert kept.dpi == pytest.approx(read.dpi, rel=1e-2)
