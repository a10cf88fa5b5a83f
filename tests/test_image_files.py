"""Image files: pixels and metadata survive a round trip, bad files are errors, targets stay whole."""

import io
import itertools
import os
import re
import stat
import struct
import sys
import types
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms, PngImagePlugin, features

from fftconv import image
from fftconv.image import deep, encoding, jpeg, png
from fftconv.image.io import read_file, suffix_of
from fftconv.image.pixels import to_picture

RNG = np.random.default_rng(3)
HEIGHT, WIDTH = 6, 9
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

PIXELS = {
    "L": RNG.integers(0, 256, (HEIGHT, WIDTH)).astype(np.uint8),
    "LA": RNG.integers(1, 256, (HEIGHT, WIDTH, 2)).astype(np.uint8),
    "RGB": RNG.integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8),
    "RGBA": RNG.integers(1, 256, (HEIGHT, WIDTH, 4)).astype(np.uint8),
    "CMYK": RNG.integers(0, 256, (HEIGHT, WIDTH, 4)).astype(np.uint8),
    "I;16": RNG.integers(0, 65536, (HEIGHT, WIDTH)).astype(np.uint16),
    "I": RNG.integers(-(2**31), 2**31, (HEIGHT, WIDTH)).astype(np.int32),
    "F": RNG.standard_normal((HEIGHT, WIDTH)).astype(np.float32),
    "LA;16": RNG.integers(1, 65536, (HEIGHT, WIDTH, 2)).astype(np.uint16),
    "RGB;16": RNG.integers(0, 65536, (HEIGHT, WIDTH, 3)).astype(np.uint16),
    "RGBA;16": RNG.integers(1, 65536, (HEIGHT, WIDTH, 4)).astype(np.uint16),
    "RGB;F": RNG.standard_normal((HEIGHT, WIDTH, 3)).astype(np.float32),
}
LOSSLESS = [
    (suffix, mode)
    for suffix, modes in {
        ".png": ("L", "LA", "RGB", "RGBA", "I;16", "LA;16", "RGB;16", "RGBA;16"),
        ".tif": ("L", "LA", "RGB", "RGBA", "CMYK", "I;16", "I", "F", "LA;16", "RGB;16", "RGBA;16", "RGB;F"),
        ".webp": ("RGB", "RGBA"),
        ".bmp": ("L", "RGB"),
        ".ppm": ("RGB",),
        ".pgm": ("L", "I;16"),
        ".pfm": ("F",),
    }.items()
    for mode in modes
]


def identity(pixels, alpha=None):
    taps = [[0, 0, 0], [0, 1, 0], [0, 0, 0]]
    return image.apply_kernel(pixels, taps, alpha=alpha, method="direct")


@pytest.mark.parametrize(("suffix", "mode"), LOSSLESS)
def test_identity_keeps_every_pixel(tmp_path, suffix, mode):
    source, target = tmp_path / f"source{suffix}", tmp_path / f"target{suffix}"
    metadata = image.ImageMetadata(mode)
    image.write(source, PIXELS[mode], metadata=metadata)
    report = image.filter_file(source, target, identity)
    pixels, kept = image.read_with_metadata(target)
    assert report.methods == ("direct",)
    assert kept.mode == mode
    assert pixels.dtype == PIXELS[mode].dtype
    assert np.array_equal(pixels, PIXELS[mode])


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg", ".webp"])
def test_profile_resolution_and_exif_are_kept(tmp_path, suffix):
    source, target = tmp_path / f"source{suffix}", tmp_path / f"target{suffix}"
    exif = Image.Exif()
    exif[0x010E] = "a description"
    options = {"icc_profile": PROFILE, "dpi": (300, 300)}
    if suffix != ".tif":
        options["exif"] = exif.tobytes()
    Image.fromarray(PIXELS["RGB"]).save(source, **options)
    image.filter_file(source, target, image.gaussian_blur, sigma=1)
    with Image.open(target) as written:
        assert written.info["icc_profile"] == PROFILE
        if suffix != ".webp":
            assert written.info["dpi"] == pytest.approx((300, 300), abs=0.1)
        if suffix != ".tif":
            assert written.getexif()[0x010E] == "a description"


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg", ".webp", ".avif"])
def test_xmp_packets_are_kept(tmp_path, suffix):
    if suffix == ".avif" and not features.check("avif"):
        pytest.skip("Pillow was built without AVIF")
    packet = "<x:xmpmeta>grün</x:xmpmeta>".encode()
    source, target = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    image.write(source, PIXELS["RGB"], metadata=image.ImageMetadata("RGB", xmp=packet))
    image.filter_file(source, target, image.gaussian_blur, sigma=1)
    assert image.read_with_metadata(target)[1].xmp == packet


@pytest.mark.parametrize("mode", ["RGB", "RGB;16"])
def test_texts_of_png_files_are_kept(tmp_path, mode):
    texts = {"Title": "a picture", "Description": "漢字"}
    said = image.ImageMetadata(mode, text=texts, xmp=b"<x:xmpmeta/>")
    image.write(tmp_path / "a.png", PIXELS[mode], metadata=said)
    image.filter_file(tmp_path / "a.png", tmp_path / "b.png", image.gaussian_blur, sigma=1)
    kept = image.read_with_metadata(tmp_path / "b.png")[1]
    assert (kept.text, kept.xmp) == (texts, b"<x:xmpmeta/>")


def test_the_comment_of_a_jpeg_file_is_kept(tmp_path):
    Image.fromarray(PIXELS["RGB"]).save(tmp_path / "a.jpg", comment=b"by nobody")
    image.filter_file(tmp_path / "a.jpg", tmp_path / "b.jpg", image.gaussian_blur, sigma=1)
    with Image.open(tmp_path / "b.jpg") as written:
        assert written.info["comment"] == b"by nobody"


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".avif"])
def test_quality_is_set_on_request(tmp_path, suffix):
    if suffix == ".avif" and not features.check("avif"):
        pytest.skip("Pillow was built without AVIF")
    picture = np.kron(PIXELS["RGB"], np.ones((9, 9, 1), np.uint8))
    sizes = []
    for quality in (10, 60, 95):
        image.write(tmp_path / f"a{suffix}", picture, quality=quality)
        sizes.append((tmp_path / f"a{suffix}").stat().st_size)
    assert sizes == sorted(set(sizes))
    image.filter_file(tmp_path / f"a{suffix}", tmp_path / f"b{suffix}", identity, quality=10)
    assert (tmp_path / f"b{suffix}").stat().st_size < sizes[1]
    assert np.abs(image.read(tmp_path / f"a{suffix}") - picture.astype(float)).mean() < 12
    for target, wrong, message in (
        ("c.png", 50, "quality=50 is of JPEG, WEBP, AVIF files, and .*c.png is PNG"),
        (f"c{suffix}", 101, "quality=101 is not accepted; pass a whole number from 1 to 100"),
    ):
        with pytest.raises(ValueError, match=message):
            image.filter_file(
                tmp_path / f"a{suffix}", tmp_path / target, lambda pixels: 1 / 0, quality=wrong
            )


def huge(suffix, side):
    """The header of a picture of so many pixels on each side, and next to nothing behind it."""
    buffer = io.BytesIO()
    Image.new("L", (64, 48)).save(buffer, suffix)
    content = buffer.getvalue()
    pack = {"PNG": ">I", "BMP": "<i"}.get(suffix, "")
    if suffix == "TIFF":
        for tag, size in ((256, 64), (257, 48)):
            old = struct.pack("<HHII", tag, 4, 1, size)
            assert content.count(old) == 1
            content = content.replace(old, struct.pack("<HHII", tag, 4, 1, side))
        return content
    for size in (64, 48):
        content = content.replace(struct.pack(pack, size), struct.pack(pack, side), 1)
    if suffix == "PNG":
        head = content[12:29]
        content = content[:29] + struct.pack(">I", zlib.crc32(head)) + content[33:]
    return content


@pytest.mark.parametrize("suffix", ["PNG", "BMP", "TIFF"])
def test_the_header_of_a_bomb_is_enough(tmp_path, suffix):
    path = tmp_path / "bomb"
    path.write_bytes(huge(suffix, 60_000))
    before = Image.MAX_IMAGE_PIXELS
    with pytest.raises(
        ValueError, match=r"bomb has 60000 x 60000 pixels, more than 178956970; if you trust"
    ):
        image.read(path)
    assert before == Image.MAX_IMAGE_PIXELS
    image.write(tmp_path / "a.png", PIXELS["RGB"])
    with pytest.raises(ValueError, match="has 9 x 6 pixels, more than 50; .* max_pixels=54"):
        image.filter_file(tmp_path / "a.png", tmp_path / "b.png", image.box_blur, size=3, max_pixels=50)
    assert image.read(tmp_path / "a.png", max_pixels=54).shape == (6, 9, 3)
    tifffile.imwrite(tmp_path / "a.tif", PIXELS["RGB;16"], photometric="rgb")
    with pytest.raises(ValueError, match="has 9 x 6 pixels, more than 50"):
        image.read(tmp_path / "a.tif", max_pixels=50)
    with pytest.raises(ValueError, match="max_pixels=0"):
        image.read(tmp_path / "a.png", max_pixels=0)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp", ".bmp", ".gif", ".pgm"])
@pytest.mark.parametrize("count", [1, 3])
def test_pictures_beyond_pillows_limit_are_read_if_allowed(tmp_path, monkeypatch, suffix, count):
    """A TIFF file without compression and an animated GIF file met the limit again after their header."""
    frames = [np.full((6, 9), 80 * number, np.uint8) for number in range(count)]
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    if count > 1 and suffix not in (".png", ".tif", ".webp", ".gif"):
        pytest.skip("holds one picture")
    image.write_frames(tmp_path / f"a{suffix}", frames)
    found, _ = image.read_frames(tmp_path / f"a{suffix}")
    assert [each.shape[:2] for each in found] == [(6, 9)] * count
    assert Image.MAX_IMAGE_PIXELS == 10
    with pytest.raises(ValueError, match="9 x 6 pixels.* more than 53"):
        image.read_frames(tmp_path / f"a{suffix}", max_pixels=53)
    assert Image.MAX_IMAGE_PIXELS == 10


def test_warnings_of_pillow_about_a_header_are_not_shown(tmp_path):
    """Wherever a header is read; pytest makes an error of each."""
    image.write(tmp_path / "a.tif", PIXELS["L"])
    content, one_compression = (tmp_path / "a.tif").read_bytes(), struct.pack("<HHI", 259, 3, 1)
    assert one_compression in content
    (tmp_path / "a.tif").write_bytes(content.replace(one_compression, struct.pack("<HHI", 259, 3, 2)))
    with pytest.warns(UserWarning, match="too many entries"), Image.open(tmp_path / "a.tif"):
        pass
    image.filter_file(tmp_path / "a.tif", tmp_path / "b.tif", image.edges, dry_run=True)
    image.filter_file(tmp_path / "a.tif", tmp_path / "b.tif", image.edges)
    assert suffix_of(tmp_path / "a.tif") == ".tif"


UPRIGHT = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
STORED = {  # how each orientation stores the upright picture
    1: UPRIGHT,
    2: UPRIGHT[:, ::-1],
    3: UPRIGHT[::-1, ::-1],
    4: UPRIGHT[::-1],
    5: UPRIGHT.T,
    6: np.rot90(UPRIGHT),
    7: UPRIGHT[::-1, ::-1].T,
    8: np.rot90(UPRIGHT, -1),
}


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_orientation_is_applied_once(tmp_path, suffix, orientation):
    source, target = tmp_path / f"source{suffix}", tmp_path / f"target{suffix}"
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(STORED[orientation])).save(source, exif=exif.tobytes())
    assert np.array_equal(image.read(source), UPRIGHT)
    image.filter_file(source, target, identity)
    assert np.array_equal(image.read(target), UPRIGHT)
    with Image.open(target) as written:
        assert written.getexif().get(0x0112, 1) == 1


@pytest.mark.parametrize(
    "options",
    [
        {"quality": 90},
        {"quality": 60, "subsampling": 2},
        {"quality": 75, "subsampling": 1, "progressive": True},
        {"optimize": True, "restart_marker_blocks": 2},
        {"comment": b"seen", "dpi": (72, 72), "icc_profile": PROFILE},
    ],
)
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_jpeg_is_read_the_same_by_either_library(tmp_path, monkeypatch, mode, options):
    path = tmp_path / "picture.jpg"
    shape = (35, 51) if mode == "L" else (35, 51, len(mode))
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "on its side"
    pixels = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    Image.fromarray(pixels, mode=mode if mode == "CMYK" else None).save(path, exif=exif, **options)
    content = path.read_bytes()
    for end in (b"", b"\0"):  # with more behind its end it is Pillow's
        path.write_bytes(content + end)
        found, about = image.read_with_metadata(path)
        with monkeypatch.context() as patched:
            patched.setattr(deep, "installed", lambda: False)
            expected, by_pillow = image.read_with_metadata(path)
        assert found.shape[:2] == (51, 35)
        np.testing.assert_array_equal(found, expected)
        assert about == by_pillow
        ahead = jpeg.decode_ahead(path, found.size)
        assert (ahead is not None) == (deep.installed() and mode != "CMYK" and not end)
        (found,), about = read_file(path, jpeg.MOST_PIXELS, several=True, ahead=ahead)
        np.testing.assert_array_equal(found, expected)
        assert about == by_pillow
    path.write_bytes(content)
    with monkeypatch.context() as patched:  # imagecodecs may be built without
        without = types.ModuleType("imagecodecs")
        without.__spec__ = sys.modules["tifffile"].__spec__  # it can be found
        patched.setitem(sys.modules, "imagecodecs", without)
        np.testing.assert_array_equal(image.read(path), expected)
    path.write_bytes(content[: len(content) * 2 // 3])
    with pytest.raises(ValueError, match="cannot be decoded"):
        image.read(path)


def test_jpeg_is_decoded_ahead_only_where_its_header_leaves_no_doubt(tmp_path):
    pytest.importorskip("imagecodecs")
    path = tmp_path / "picture.jpg"
    Image.fromarray(PIXELS["RGB"]).save(path)
    content = path.read_bytes()
    rows, columns = PIXELS["RGB"].shape[:2]
    frame = content.index(b"\xff\xc0")
    assert content[frame + 5 : frame + 9] == rows.to_bytes(2, "big") + columns.to_bytes(2, "big")
    part = content[frame : frame + 19]
    wide = part[:5] + b"\xff\xff\xff\xff" + part[9:]
    doubtful = {
        "too many pixels": content.replace(part, wide),
        "no pixels": content.replace(part, part[:5] + bytes(4) + part[9:]),
        "two frames": content.replace(part, part + wide),
        "a frame in what is skipped": content.replace(part, b"\0" + wide + part),
        "two bytes of filling": content.replace(part, b"\xff" + part),
        "a restart, which has no length": content.replace(part, b"\xff\xd0" + part),
        "12 bits": content.replace(part, part[:4] + b"\x0c" + part[5:]),
        "another code": content.replace(part, b"\xff\xc9" + part[2:]),
        "an early end": content[:-2],
        "an end in the header": content[:frame] + b"\xff\xd9",
        "nothing": content[:2] + b"\xff\xd9",
        "a PNG file": b"\x89PNG" + content,
    }
    for number in range(len(content)):
        doubtful[f"{number} bytes"] = content[:number]
    for doubt, changed in doubtful.items():
        path.write_bytes(changed)
        assert jpeg.decode_ahead(path, 10**6) is None, doubt
    path.write_bytes(content)
    assert jpeg.decode_ahead(path, rows * columns - 1) is None
    assert jpeg.decode_ahead(path, rows * columns) is not None
    assert jpeg.decode_ahead(tmp_path / "missing.jpg", 10**6) is None
    assert jpeg.decode_ahead(tmp_path, 10**6) is None


def test_jpeg_damaged_behind_its_header_is_told_the_same_ahead(tmp_path):
    path, target = tmp_path / "picture.jpg", tmp_path / "target.png"
    Image.fromarray(PIXELS["RGB"]).save(path, quality=95)
    content = bytearray(path.read_bytes())
    scan = content.index(b"\xff\xda")
    content[scan + 4] = 3  # components that come in another order than the scan is for
    content[scan + 5] = 77
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"picture\.jpg cannot be decoded") as alone:
        image.read(path)
    with pytest.raises(ValueError, match=r"picture\.jpg cannot be decoded") as ahead:
        image.filter_file(path, target, identity)
    assert str(alone.value) == str(ahead.value)
    assert not target.exists()


SAID = {"comment": b"seen", "dpi": (72, 72), "icc_profile": PROFILE, "exif": b"Exif\0\0", "xmp": b"<x/>"}


@pytest.mark.parametrize("beside", [{}, SAID])
@pytest.mark.parametrize("shape", [(1, 1), (1, 7, 3), (9, 1, 1), (35, 51), (35, 51, 3)])
def test_jpeg_is_written_the_same_by_either_library(shape, beside, monkeypatch):
    imagecodecs = pytest.importorskip("imagecodecs")
    pixels = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)[::-1]
    mode = "RGB" if shape[2:] == (3,) else "L"
    written, fast = [], imagecodecs.jpeg8_encode
    monkeypatch.setattr(imagecodecs, "jpeg8_encode", lambda *a, **k: written.append(a[0]) or fast(*a, **k))
    for quality, subsampling in itertools.product((1, 2, 50, 75, 95, 100), (-1, 0, 1, 2)):
        expected = io.BytesIO()
        options = {"quality": quality, "subsampling": subsampling, **beside}
        to_picture(pixels, mode).save(expected, "JPEG", **options)
        kept = {"qtables": Image.open(expected).quantization, "subsampling": subsampling, **beside}
        for given in (options, kept):
            found = io.BytesIO()
            jpeg.encode(pixels, mode, given, found, 2)
            assert found.getvalue() == expected.getvalue()
            assert written[-1].size == pixels.size or (mode == "L" and subsampling > 0)


@pytest.mark.parametrize("columns", [1, 150, 177])
@pytest.mark.parametrize("rows", [16, 17, 300])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_jpeg_is_written_in_parts_that_depend_on_the_picture_alone(mode, rows, columns, monkeypatch):
    pytest.importorskip("imagecodecs")
    shape = (rows, columns, 3) if mode == "RGB" else (rows, columns, 1)
    pixels = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    for units, subsampling in itertools.product((1, 10, 25), (0, 1, 2)):
        options = {"quality": 80, "subsampling": subsampling if mode == "RGB" else -1}
        monkeypatch.setattr(jpeg, "_UNITS", units)
        written = []
        for workers in (1, 3):
            written.append(io.BytesIO())
            jpeg.encode(pixels, mode, options, written[-1], workers)
        tall, wide = [(8, 8), (8, 16), (16, 16)][subsampling if mode == "RGB" else 0]
        across = -(-columns // wide)
        down = max(units // across, 1)
        expected, whole = io.BytesIO(), io.BytesIO()
        parts = {"restart_marker_blocks": down * across} if down * tall < rows else {}
        to_picture(pixels, mode).save(expected, "JPEG", **parts, **options)
        assert written[0].getvalue() == written[1].getvalue() == expected.getvalue()
        to_picture(pixels, mode).save(whole, "JPEG", **options)
        with Image.open(written[0]) as found, Image.open(whole) as plain:
            np.testing.assert_array_equal(np.asarray(found), np.asarray(plain))


def test_jpeg_tables_of_no_quality_are_kept(tmp_path):
    tables = [list(range(1, 65)), list(range(64, 0, -1))]
    Image.fromarray(PIXELS["RGB"]).save(tmp_path / "a.jpg", qtables=tables, subsampling=1)
    image.filter_file(tmp_path / "a.jpg", tmp_path / "b.jpg", identity)
    with Image.open(tmp_path / "a.jpg") as before, Image.open(tmp_path / "b.jpg") as after:
        assert before.quantization == after.quantization
        assert before.layer == after.layer


@pytest.mark.parametrize(
    ("suffix", "most"),
    [(".jpg", 65500), (".webp", 16383), (".gif", 65535), (".avif", 32768), (".png", None)],
)
def test_formats_hold_as_many_rows_as_they_say(tmp_path, suffix, most):
    """AVIF files of more were written, and nobody could read them; WebP said "encoding error 5"."""
    if suffix not in encoding.SUFFIXES:
        pytest.skip("Pillow was built without AVIF")
    for shape in ((most or 70_000, 1), (1, most or 70_000)):
        image.write(tmp_path / f"a{suffix}", np.zeros(shape, np.uint8))
        assert image.read(tmp_path / f"a{suffix}").shape[:2] == shape
    (tmp_path / f"a{suffix}").unlink()
    if most is None:
        return
    for count in (1, 2):
        frames = [np.full((most + 1, 1), 255 * number, np.uint8) for number in range(count)]
        said = rf"cannot be written as .*: 1 x {most + 1} pixels are more than {most} a side; write .*\.tif"
        with pytest.raises(ValueError, match=said) as caught:
            image.write_frames(tmp_path / f"a{suffix}", frames)
        assert not list(tmp_path.iterdir())
        for advised in re.findall(r"\.[a-z]+", str(caught.value).split("; write ")[1]):
            image.write_frames(tmp_path / f"b{advised}", frames)
            assert len(image.read_frames(tmp_path / f"b{advised}")[0]) == count
            (tmp_path / f"b{advised}").unlink()
    image.write(tmp_path / "a.png", frames[0])
    image.filter_file(tmp_path / "a.png", tmp_path / f"b{suffix}", lambda pixels: pixels[:9])


def test_jpeg_keeps_its_quality(tmp_path):
    source, target = tmp_path / "source.jpg", tmp_path / "target.jpg"
    Image.fromarray(np.kron(PIXELS["RGB"], np.ones((8, 8, 1), np.uint8))).save(
        source, quality=60, subsampling=2
    )
    image.filter_file(source, target, identity)
    with Image.open(source) as before, Image.open(target) as after:
        assert before.quantization == after.quantization
        assert before.layer == after.layer  # chroma subsampling


@pytest.mark.parametrize("mode", ["1", "P"])
def test_bitmaps_and_palettes_are_read_as_what_they_show(tmp_path, mode):
    picture = Image.fromarray(PIXELS["RGB"]).convert(mode)
    picture.save(tmp_path / "a.png")
    expected = picture.convert("L" if mode == "1" else "RGB")
    assert np.array_equal(image.read(tmp_path / "a.png"), np.asarray(expected))


def test_a_transparent_colour_becomes_alpha(tmp_path):
    Image.new("RGB", (3, 2), (9, 9, 9)).save(tmp_path / "a.png", transparency=(9, 9, 9))
    assert image.read(tmp_path / "a.png").tolist() == [[[9, 9, 9, 0]] * 3] * 2


def deep_png(colour_type, channels):
    """A PNG of 16 bits per channel."""

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    row = b"\0" + np.arange(4 * channels, dtype=">u2").tobytes()
    header = struct.pack(">IIBBBBB", 4, 2, 16, colour_type, 0, 0, 0)
    blocks = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(row * 2)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + blocks


@pytest.mark.parametrize(("colour_type", "channels"), [(2, 3), (4, 2), (6, 4)])
def test_depth_is_never_lost_silently(tmp_path, monkeypatch, colour_type, channels):
    (tmp_path / "deep.png").write_bytes(deep_png(colour_type, channels))
    expected = np.arange(4 * channels).reshape(1, 4, channels).repeat(2, axis=0)
    assert np.array_equal(image.read(tmp_path / "deep.png"), expected)
    monkeypatch.setattr(deep, "installed", lambda: False)
    with pytest.raises(ValueError, match=r'has colour of 16 bits .* pip install "fftconv\[deep\]"'):
        image.read(tmp_path / "deep.png")
    with pytest.raises(ValueError, match=r"colour of mode RGB;16; install what keeps it with: pip install"):
        image.write(tmp_path / "b.png", PIXELS["RGB;16"])


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_deep_colour_keeps_what_the_file_says(tmp_path, suffix):
    exif = Image.Exif()
    exif[0x010E] = "a description"
    said = image.ImageMetadata("RGB;16", PROFILE, (300.0, 300.0), exif.tobytes())
    source, target = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    image.write(source, PIXELS["RGB;16"], metadata=said)
    image.filter_file(source, target, image.gaussian_blur, sigma=1)
    pixels, kept = image.read_with_metadata(target)
    assert np.array_equal(pixels, image.gaussian_blur(PIXELS["RGB;16"], 1))
    assert kept.icc_profile == PROFILE
    assert kept.dpi == pytest.approx((300, 300), abs=0.1)
    if suffix == ".png":
        with Image.open(target) as written:
            assert written.getexif()[0x010E] == "a description"


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_deep_pictures_are_turned_upright(tmp_path, suffix, orientation):
    wide = np.repeat(STORED[orientation].astype(np.uint16)[..., None] * 257, 3, axis=2)
    path = tmp_path / f"a{suffix}"
    if suffix == ".tif":
        tifffile.imwrite(path, wide, photometric="rgb", extratags=[(274, "H", 1, orientation, True)])
    else:
        exif = Image.Exif()
        exif[0x0112] = orientation
        image.write(path, wide, metadata=image.ImageMetadata("RGB;16", exif=exif.tobytes()))
    assert np.array_equal(image.read(path)[..., 1], UPRIGHT.astype(int) * 257)


def test_deep_tiff_files_of_all_layouts(tmp_path):
    path = tmp_path / "a.tif"
    pixels = RNG.integers(0, 65536, (40, 48, 3)).astype(np.uint16)
    for options in (
        {"planarconfig": "separate"},
        {"compression": "lzw", "predictor": True},
        {"tile": (16, 16)},
        {"bigtiff": True},
        {"byteorder": ">"},
    ):
        stored = np.moveaxis(pixels, -1, 0) if "planarconfig" in options else pixels
        tifffile.imwrite(path, np.ascontiguousarray(stored), photometric="rgb", **options)
        assert np.array_equal(image.read(path), pixels), options
    tifffile.imwrite(path, np.zeros((2, 4, 4, 3), np.uint16), photometric="rgb")
    with pytest.raises(ValueError, match="holds 2 frames"):
        image.read(path)
    tifffile.imwrite(path, np.zeros((4, 4, 4), np.uint16), photometric="rgb", extrasamples=["assocalpha"])
    with pytest.raises(ValueError, match="not unassociated opacity"):
        image.read(path)
    content = path.read_bytes()
    for length in (4, 8, 50, len(content) // 2):
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match=r"a.tif (is not an image|cannot be decoded)"):
            image.read(path)


@pytest.mark.parametrize("content", [b"P6\n1 1\n65535\n" + bytes(6), b"P3\n1 1\n1023\n4 2 1000\n"])
def test_deep_colour_of_ppm_is_not_lost_either(tmp_path, content):
    (tmp_path / "deep.ppm").write_bytes(content)
    with pytest.raises(ValueError, match="16 bits per channel"):
        image.read(tmp_path / "deep.ppm")


@pytest.mark.parametrize(("pixels", "kind"), [(PIXELS["I"], 1), (PIXELS["L"], 2)])
def test_samples_whose_sign_would_be_misread_are_refused(tmp_path, pixels, kind):
    path = tmp_path / "a.tif"
    Image.fromarray(pixels).save(path, tiffinfo={339: 3 - kind})
    entry = struct.pack("<HHII", 339, 3, 1, 3 - kind)
    content = path.read_bytes()
    assert content.count(entry) == 1
    path.write_bytes(content.replace(entry, struct.pack("<HHII", 339, 3, 1, kind)))
    with pytest.raises(ValueError, match="a sign, which would be misread"):
        image.read(tmp_path / "a.tif")


def test_a_damaged_exif_block_costs_no_pixels(tmp_path):
    source, target = tmp_path / "a.jpg", tmp_path / "b.jpg"
    Image.fromarray(PIXELS["RGB"]).save(source, exif=b"Exif\x00\x00no table of contents")
    image.filter_file(source, target, identity)
    assert image.read(target).shape == PIXELS["RGB"].shape


def test_a_resolution_without_a_unit_is_none(tmp_path):
    Image.fromarray(PIXELS["L"]).save(tmp_path / "a.tif")
    assert image.read_with_metadata(tmp_path / "a.tif")[1].dpi is None


def moving(colours):
    """A bright square that goes over a dark ground, in three frames."""
    frames = []
    for step in range(3):
        frame = np.zeros((12, 16, 3), np.uint8) + np.array(colours[0], np.uint8)
        frame[2:8, 4 * step : 4 * step + 4] = colours[1]
        frames.append(frame)
    return frames


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png", ".tif"])
@pytest.mark.parametrize("alpha", [False, True])
def test_every_frame_is_filtered_and_shown_as_long(tmp_path, suffix, alpha):
    frames = moving([(10, 20, 60), (250, 200, 30)])
    if alpha:
        frames = [
            np.dstack([frame, np.where(frame[..., 0] > 99, 255, 0).astype(np.uint8)]) for frame in frames
        ]
    mode = "RGBA" if alpha else "RGB"
    said = image.ImageMetadata(mode, durations=(100.0, 250.0, 400.0), loop=2)
    source, target = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    image.write_frames(source, frames, metadata=said)
    report = image.filter_file(source, target, identity)
    found, kept = image.read_frames(target)
    assert (report.frames, report.shape[:2], len(found)) == (3, (12, 16), 3)
    if suffix != ".tif":
        assert (kept.durations, kept.loop) == ((100, 250, 400), 2)
    for frame, expected in zip(found, frames, strict=True):
        visible = expected[..., 3] > 0 if alpha else np.ones((12, 16), bool)
        assert np.array_equal(frame[visible], expected[visible])
        if alpha:
            assert np.array_equal(frame[..., 3], expected[..., 3])
    with pytest.raises(ValueError, match="holds 3 frames; read them with read_frames"):
        image.read(source)
    with pytest.raises(
        ValueError, match=r"c.jpg can hold one image, not 3 frames; write them as .png, .tif"
    ):
        image.filter_file(source, tmp_path / "c.jpg", lambda pixels: 1 / 0)
    with pytest.raises(ValueError, match="has 16 x 12 pixels in 3 frames, more than 575"):
        image.filter_file(source, target, identity, max_pixels=575)


def test_pages_may_differ_in_size_and_kind(tmp_path):
    first, second = Image.fromarray(PIXELS["RGB"]), Image.fromarray(PIXELS["L"][:4, :5])
    first.save(tmp_path / "a.tif", save_all=True, append_images=[second], dpi=(300, 300))
    report = image.filter_file(tmp_path / "a.tif", tmp_path / "b.tif", image.box_blur, size=3)
    pages, kept = image.read_frames(tmp_path / "b.tif")
    assert [page.shape for page in pages] == [(6, 9, 3), (4, 5, 3)]
    assert np.array_equal(pages[0], image.box_blur(PIXELS["RGB"], 3))
    assert np.array_equal(pages[1][..., 2], image.box_blur(PIXELS["L"][:4, :5], 3))
    assert kept.dpi == (300, 300)
    assert report.frames == 2
    second = Image.fromarray(PIXELS["F"])
    first.save(tmp_path / "a.tif", save_all=True, append_images=[second])
    with pytest.raises(ValueError, match=r"a.tif holds frames of different kinds \(F, RGB\); split it"):
        image.read_frames(tmp_path / "a.tif")


def test_frames_that_do_not_fit_together_are_refused(tmp_path):
    for frames, message in (
        ([], "frames is empty"),
        ([PIXELS["L"], PIXELS["RGB"]], "frames are of the kinds L, RGB; convert them to one"),
        ([PIXELS["RGB;16"]] * 2, "one image, not 2 frames of mode RGB;16; write each to a file of its own"),
        ([PIXELS["I;16"]] * 2, r"one image, not 2 frames of mode I;16; write them as \.tif, \.tiff$"),
    ):
        with pytest.raises(ValueError, match=message):
            image.write_frames(tmp_path / "a.png", frames)
    assert not list(tmp_path.iterdir())


def encoded(suffix):
    buffer = io.BytesIO()
    Image.fromarray(np.kron(PIXELS["RGB"], np.ones((9, 9, 1), np.uint8))).save(buffer, suffix)
    return buffer.getvalue()


@pytest.mark.filterwarnings("ignore:Corrupt EXIF", "ignore:Truncated")
@pytest.mark.parametrize("suffix", ["PNG", "JPEG", "TIFF", "WEBP", "BMP", "PPM"])
def test_a_damaged_file_is_an_error_and_writes_nothing(tmp_path, suffix):
    whole = encoded(suffix)
    source, target = tmp_path / "damaged", tmp_path / "target.png"
    for length in (0, 1, 10, len(whole) // 2, len(whole) * 3 // 4):
        source.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="damaged (is not an image|cannot be decoded)"):
            image.filter_file(source, target, image.box_blur, size=3)
    assert [path.name for path in tmp_path.iterdir()] == ["damaged"]


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("missing.png", FileNotFoundError, "missing.png"),
        (".", IsADirectoryError, "directory"),
        ("text.png", ValueError, "text.png is not an image that can be read; accepted are PNG"),
    ],
)
def test_files_that_cannot_be_read(tmp_path, name, error, message):
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(error, match=message):
        image.read(tmp_path / name)


@pytest.mark.parametrize(
    ("target", "mode", "error", "message"),
    [
        ("a.xyz", "RGB", ValueError, r"suffix '.xyz'.*accepted are .png, .jpg"),
        ("a", "RGB", ValueError, "suffix ''.*meant as a folder, create it first"),
        ("a.jpg", "RGBA", ValueError, "JPEG cannot hold an image of mode RGBA; write it as .png"),
        ("a.png", "F", ValueError, "PNG cannot hold an image of mode F; write it as .tif"),
        ("nowhere/a.png", "RGB", FileNotFoundError, "folder .*nowhere does not exist"),
        ("folder.png", "RGB", IsADirectoryError, "folder.png is a folder"),
    ],
)
def test_targets_that_cannot_be_written(tmp_path, target, mode, error, message):
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(error, match=message):
        image.write(tmp_path / target, PIXELS[mode])
    assert [path.name for path in tmp_path.iterdir()] == ["folder.png"]


def test_arrays_that_are_no_picture(tmp_path):
    with pytest.raises(ValueError, match=r"image has dtype float64 and shape \(3, 3\)"):
        image.write(tmp_path / "a.png", np.ones((3, 3)))
    with pytest.raises(ValueError, match=r"shape \(3, 3, 7\)"):
        image.write(tmp_path / "a.png", np.ones((3, 3, 7), np.uint8))


@pytest.mark.parametrize("link", [False, True])
def test_output_must_not_be_the_input(tmp_path, link):
    source = tmp_path / "a.png"
    image.write(source, PIXELS["RGB"])
    before = source.read_bytes()
    target = tmp_path / "link.png" if link else source
    if link:
        target.symlink_to(source)
    with pytest.raises(ValueError, match="is the input; choose another name"):
        image.filter_file(source, target, image.box_blur, size=3)
    assert source.read_bytes() == before


def test_a_link_stays_a_link(tmp_path):
    real, link = tmp_path / "real.png", tmp_path / "link.png"
    image.write(real, PIXELS["L"])
    link.symlink_to(real)
    image.write(link, PIXELS["RGB"])
    assert link.is_symlink()
    assert np.array_equal(image.read(real), PIXELS["RGB"])


def test_a_long_name_is_no_obstacle(tmp_path):
    image.write(tmp_path / f"{'a' * 250}.png", PIXELS["L"])


def test_what_the_encoder_refuses_names_the_file(tmp_path):
    with pytest.raises(ValueError, match=r"wide.webp cannot be written as WEBP"):
        image.write(tmp_path / "wide.webp", np.zeros((1, 20_000, 3), np.uint8))
    with pytest.raises(ValueError, match="image is empty"):
        image.write(tmp_path / "none.png", np.zeros((0, 3), np.uint8))
    assert not list(tmp_path.iterdir())


def test_any_function_from_pixels_to_pixels_is_a_filter(tmp_path):
    source, target = tmp_path / "a.tif", tmp_path / "b.tif"
    image.write(source, PIXELS["CMYK"], metadata=image.ImageMetadata("CMYK"))
    report = image.filter_file(source, target, lambda pixels: 255 - pixels)
    assert report.methods == ()
    assert np.array_equal(image.read(target), 255 - PIXELS["CMYK"])


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    target = tmp_path / "a.png"
    target.write_bytes(b"old")

    def fail(self, file, *args, **kwargs):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(OSError, match="No space"):
        image.write(target, PIXELS["RGB"])
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_permissions_are_kept_or_ordinary(tmp_path):
    fresh, replaced = tmp_path / "fresh.png", tmp_path / "replaced.png"
    replaced.write_bytes(b"")
    replaced.chmod(0o640)
    for target in (fresh, replaced):
        image.write(target, PIXELS["L"])
    ordinary = tmp_path / "ordinary"
    ordinary.touch()
    assert stat.S_IMODE(os.stat(replaced).st_mode) == 0o640
    assert stat.S_IMODE(os.stat(fresh).st_mode) == stat.S_IMODE(os.stat(ordinary).st_mode)


def test_a_batch_goes_on_past_bad_files(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    good = [tmp_path / f"{i}.png" for i in range(2)]
    for path in good:
        image.write(path, PIXELS["RGB"])
    bad = tmp_path / "bad.png"
    bad.write_text("no picture")
    seen = []
    reports = image.filter_files(
        [good[0], bad, tmp_path / "missing.png", good[1]],
        folder,
        image.box_blur,
        size=3,
        on_progress=lambda report, total: seen.append((report, total)),
    )
    assert [(report, 4) for report in reports] == seen
    assert [type(report.error) for report in reports] == [
        type(None),
        ValueError,
        FileNotFoundError,
        type(None),
    ]
    assert sorted(path.name for path in folder.iterdir()) == ["0.png", "1.png"]
    assert np.array_equal(image.read(folder / "1.png"), image.box_blur(PIXELS["RGB"], 3))


def test_a_batch_goes_on_past_a_filter_that_fails(tmp_path):
    image.write(tmp_path / "a.png", PIXELS["RGB"])
    folder = tmp_path / "out"
    folder.mkdir()
    (report,) = image.filter_files([tmp_path / "a.png"], folder, lambda pixels: 1 // 0)
    assert isinstance(report.error, ZeroDivisionError)
    with pytest.raises(TypeError, match="is one path; pass a list"):
        image.filter_files(str(tmp_path / "a.png"), folder, image.box_blur, size=3)


def test_a_batch_refuses_what_would_overwrite_itself(tmp_path):
    sources = [tmp_path / name / "x.png" for name in ("a", "b")]
    for source in sources:
        source.parent.mkdir()
        image.write(source, PIXELS["RGB"])
    with pytest.raises(ValueError, match="would both be written"):
        image.filter_files(sources, tmp_path, image.box_blur, size=3)
    with pytest.raises(NotADirectoryError, match="not an existing folder, nor in one"):
        image.filter_files(["a/x.png"], tmp_path / "nowhere" / "deep", image.box_blur, size=3)


def test_an_orientation_is_applied_once(tmp_path):
    """Whoever says it: EXIF, XMP as an attribute or an element, or a text of Photoshop."""
    pixels = PIXELS["RGB"]
    for form in ("tiff:Orientation='6'", 'tiff:Orientation="6"'):
        packet = f"<x:xmpmeta xmlns:x='adobe:ns:meta/'><r xmlns:tiff='t' {form}/></x:xmpmeta>".encode()
        exif = Image.Exif()
        exif[0x0112] = 6
        source, target = tmp_path / "a.png", tmp_path / "b.png"
        texts = PngImagePlugin.PngInfo()
        texts.add_itxt("XML:com.adobe.xmp", packet.decode())
        texts.add_text("Raw profile type exif", "\nexif\n 0\n")
        Image.fromarray(pixels).save(source, exif=exif, pnginfo=texts)
        image.filter_file(source, target, identity)
        assert np.array_equal(image.read(target), np.rot90(pixels, -1))
        again = tmp_path / "c.png"
        image.filter_file(target, again, identity)
        assert np.array_equal(image.read(again), np.rot90(pixels, -1))


def test_pages_of_which_some_would_lose_depth_are_refused(tmp_path):
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(PIXELS["RGB"], photometric="rgb", metadata=None)
        writer.write(PIXELS["RGB;16"], photometric="rgb", metadata=None)
    with pytest.raises(ValueError, match="has pages of which some are deep colour"):
        image.read_frames(path)


def test_pages_count_each_with_its_own_size(tmp_path):
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(np.zeros((1, 1), np.uint8), metadata=None)
        writer.write(np.zeros((300, 300), np.uint8), metadata=None)
    with pytest.raises(ValueError, match="has 300 x 300 pixels in 2 frames, more than 1000"):
        image.read_frames(path, max_pixels=1000)
    assert len(image.read_frames(path, max_pixels=90_001)[0]) == 2


def test_grey_of_16_bits_in_which_0_is_white_is_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", PIXELS["I;16"], photometric="miniswhite")
    with pytest.raises(ValueError, match="in which 0 is white, and would be misread"):
        image.read(tmp_path / "a.tif")


def test_an_animation_of_one_frame_is_a_picture(tmp_path):
    frames = [Image.fromarray(PIXELS["RGB"]), Image.fromarray(255 - PIXELS["RGB"])]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:])
    content = (tmp_path / "a.png").read_bytes()
    parts = list(png._chunks(content))
    controls = [chunk for kind, chunk in parts if kind == b"fcTL"]
    kept = [chunk for kind, chunk in parts if kind not in (b"fcTL", b"fdAT", b"acTL")]
    one = [kept[0], png._chunk(b"acTL", struct.pack(">II", 1, 0)), controls[0], *kept[1:]]
    (tmp_path / "one.png").write_bytes(content[:8] + b"".join(one))
    assert np.array_equal(image.read(tmp_path / "one.png"), PIXELS["RGB"])


def _photograph(mode):
    """A megapixel in which neighbours are alike and nothing is repeated, of the kind of a mode."""
    kind, generator = PIXELS[mode], np.random.default_rng(0)
    unit = np.iinfo(kind.dtype).max // 255
    noise = generator.integers(0, 64 * unit, (1024, 1024, *kind.shape[2:]))
    slope = np.add.outer(np.arange(1024), np.arange(1024)).reshape(1024, 1024, *[1] * (kind.ndim - 2))
    return (noise + slope * unit // 12).astype(kind.dtype)


def _cut_outs(mode):
    """A megapixel of overlapping rectangles, each of one colour and none like another."""
    kind, generator = PIXELS[mode], np.random.default_rng(0)
    pixels = np.zeros((1024, 1024, *kind.shape[2:]), kind.dtype)
    for _ in range(20_000):
        (top, left), (height, width) = generator.integers(0, 1000, 2), generator.integers(2, 40, 2)
        colour = generator.integers(0, np.iinfo(kind.dtype).max, kind.shape[2:], endpoint=True)
        pixels[top : top + height, left : left + width] = colour
    return pixels


@pytest.mark.parametrize("with_deep", [True, False])
@pytest.mark.parametrize("mode", [mode for suffix, mode in LOSSLESS if suffix == ".png"])
def test_photographs_and_drawings_are_packed_by_what_packs_them(tmp_path, monkeypatch, mode, with_deep):
    """Pixels stay, and no file is more than a tenth larger than a search for patterns makes it."""
    if not with_deep:
        if mode in deep.MODES.values():
            pytest.skip("Pillow has none of these")
        monkeypatch.setattr(deep, "installed", lambda: False)
    photograph = _photograph(mode)
    drawing = np.tile(PIXELS[mode], (200, 150) + (1,) * (PIXELS[mode].ndim - 2))
    drawing[::7] = 255
    for pixels, packing in (
        (photograph, png.HUFFMAN),
        (_cut_outs(mode), png.RUNS),
        (drawing, png.PATTERNS),
    ):
        assert png.choose_packing(pixels, mode) == packing
        image.write(tmp_path / "a.png", pixels)
        assert np.array_equal(image.read(tmp_path / "a.png"), pixels)
        least = min(len(png._packed(pixels, mode, each)) for each in png.PACKINGS)
        assert (tmp_path / "a.png").stat().st_size <= 1.15 * least
    assert png.choose_packing(photograph[:2, :300], mode) == png.PATTERNS


def test_a_sample_that_is_blank_says_nothing_of_the_rest(tmp_path):
    drawing = np.full((2000, 2000), 255, np.uint8)
    drawing[300:700] = np.indices((400, 2000)).sum(0) % 2 * 255
    assert png.choose_packing(drawing, "L") == png.PATTERNS


@pytest.mark.parametrize("with_deep", [True, False])
@pytest.mark.parametrize(
    "pixels",
    [
        np.random.default_rng(0).integers(0, 256, (60_000, 1)).astype(np.uint8),
        np.random.default_rng(0).integers(0, 256, (60_000, 2, 3)).astype(np.uint8),
        np.random.default_rng(0).integers(0, 256, (1, 7)).astype(np.uint8).T,
        np.random.default_rng(0).integers(0, 256, (8, 1, 3)).astype(np.uint8)[:, ::-1],
        np.random.default_rng(0).integers(0, 65536, (5, 6)).astype(">u2"),
    ],
    ids=lambda pixels: f"{pixels.shape} {pixels.dtype}",
)
def test_narrow_pictures_of_any_layout_are_written(tmp_path, monkeypatch, pixels, with_deep):
    monkeypatch.setattr(deep, "installed", lambda: with_deep)
    image.write(tmp_path / "a.png", pixels)
    assert np.array_equal(image.read(tmp_path / "a.png"), pixels)


def test_grey_frames_before_colours_are_grey(tmp_path):
    """Pillow takes the shades of the first frame for numbers of colours."""
    colours = np.random.default_rng(0).integers(0, 256, (20, 20, 3)).astype(np.uint8)
    first, second = Image.fromarray(colours[..., 0]), Image.fromarray(colours)
    first.save(tmp_path / "a.gif", save_all=True, append_images=[second], optimize=False)
    (grey, _), _ = image.read_frames(tmp_path / "a.gif")
    assert np.array_equal(grey, np.stack([colours[..., 0]] * 3, axis=-1))


def test_a_profile_goes_with_its_colours(tmp_path):
    source, target = tmp_path / "a.png", tmp_path / "b.png"
    image.write(source, PIXELS["RGB"], metadata=image.ImageMetadata("RGB", icc_profile=PROFILE))
    image.filter_file(source, target, image.edges, channel="luminance")
    pixels, said = image.read_with_metadata(target)
    assert (pixels.ndim, said.icc_profile) == (2, None)
    image.filter_file(source, tmp_path / "c.webp", image.edges, channel="luminance")
    assert np.array_equal(image.read(tmp_path / "c.webp")[..., 0], pixels)


def test_what_a_filter_does_not_accept_is_told_of_the_file(tmp_path):
    source = tmp_path / "a.tif"
    image.write(source, PIXELS["I"])
    with pytest.raises(ValueError, match=f"^{source}: linear=True is for uint8"):
        image.filter_file(source, tmp_path / "b.tif", image.box_blur, size=3, linear=True)


def test_damaged_png_files_cost_no_references(tmp_path):
    """imagecodecs takes one from None whenever it fails; a batch of such files must not end the process."""
    path = tmp_path / "a.png"
    image.write(path, PIXELS["RGB"])
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)
    before = sys.getrefcount(None)
    for _ in range(300):
        with pytest.raises(ValueError, match="it is damaged or ends early: .*IDAT"):
            image.read(path)
    assert abs(sys.getrefcount(None) - before) < 100
