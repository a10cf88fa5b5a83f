"""Pixels of TIFF and BMP files of all layouts: read as they are, or refused by what would be lost."""

import io
import itertools
import struct

import numpy as np
import pytest
import tifffile
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from fftconv import image
from fftconv.image import deep
from fftconv.image.large import open_rows

HEIGHT, WIDTH = 20, 17
CHANNELS = {
    "minisblack": 1,
    "miniswhite": 1,
    "rgb": 3,
    "palette": 1,
    "separated": 4,
    "ycbcr": 3,
    "cielab": 3,
}
DTYPES = ["bool", "u1", "i1", "u2", "i2", "u4", "i4", "f2", "f4", "f8"]
EXTRAS = [
    (),
    ("unspecified",),
    ("unassalpha",),
    ("assocalpha",),
    ("unspecified", "unspecified"),
    ("unassalpha", "unspecified"),
    ("unspecified", "unassalpha"),
]
LAYOUTS = list(itertools.product(["contig", "separate"], [None, "zlib", "lzw", "packbits", "zstd", "jpeg"]))
REASONS = [
    "beside its colours",
    "its colours are",
    "has mode LAB",
    "for which there is no picture",
    "would be misread",
    "has YCbCr colours",
]


def samples(dtype, shape, generator):
    """Random samples of a dtype, over its whole range."""
    kind = np.dtype(dtype)
    if kind.kind == "b":
        return generator.integers(0, 2, shape).astype(bool)
    if kind.kind in "ui":
        limits = np.iinfo(kind)
        return generator.integers(limits.min, limits.max, shape, endpoint=True, dtype=kind)
    return generator.standard_normal(shape).astype(kind)


def expected_pixels(stored, photometric, extra, colormap):
    """What is shown, from what tifffile reads; None where a decoder rounds."""
    if photometric == "ycbcr":
        return None
    if stored.dtype == bool:
        stored = stored.astype(np.uint8) * 255
    if photometric == "miniswhite" and stored.dtype == np.uint8:
        return 255 - stored if stored.max() > 1 else stored
    if photometric == "palette":
        numbers, *opacity = np.moveaxis(stored, -1, 0) if extra else [stored]
        return np.dstack([(colormap.T[numbers] >> 8).astype(np.uint8), *opacity])
    if extra == ("assocalpha",):
        return None
    return stored


def each_layout(photometric, seed, share):
    """Files of each kind of samples and layout that tifffile writes, a share of them."""
    generator = np.random.default_rng(seed)
    colours = CHANNELS[photometric]
    for dtype, extra, (planar, compression) in itertools.product(DTYPES, EXTRAS, LAYOUTS):
        channels = colours + len(extra)
        if generator.random() > share or (channels == 1 and planar == "separate"):
            continue
        planes = (channels,) if channels > 1 else ()
        shape = (*planes, HEIGHT, WIDTH) if planar == "separate" else (HEIGHT, WIDTH, *planes)
        more = {}
        if photometric == "palette":
            if dtype != "u1":
                continue
            more["colormap"] = generator.integers(0, 65536, (3, 256)).astype(np.uint16)
        file = io.BytesIO()
        try:
            tifffile.imwrite(
                file,
                samples(dtype, shape, generator),
                photometric=photometric,
                planarconfig=planar if planes else None,
                extrasamples=extra or None,
                compression=compression,
                byteorder=generator.choice(["<", ">"]),
                metadata=None,
                **more,
            )
            file.seek(0)
            stored = tifffile.imread(file)
        except Exception:  # there is no such file
            continue
        if planes and planar == "separate":
            stored = np.moveaxis(stored, 0, -1)
        yield file.getvalue(), (dtype, extra, planar, compression), stored, more.get("colormap")


@pytest.mark.parametrize("photometric", CHANNELS)
def test_each_tiff_file_is_read_as_it_is_or_refused_for_what_would_be_lost(tmp_path, photometric):
    read = refused = 0
    for content, layout, stored, colormap in each_layout(photometric, seed=1, share=0.3):
        (tmp_path / "a.tif").write_bytes(content)
        expected = expected_pixels(stored, photometric, layout[1], colormap)
        reason = None
        try:
            pixels = image.read(tmp_path / "a.tif")
        except ValueError as error:
            reason = str(error)
        if reason is not None:
            refused += 1
            assert any(expected in reason for expected in REASONS), (layout, reason)
            continue
        read += 1
        if expected is None:
            assert pixels.shape == stored.shape, layout
        else:
            assert np.array_equal(pixels, expected), layout
    assert refused or photometric == "palette"
    assert read or photometric == "cielab"


@pytest.mark.parametrize("kinds", ["u2", "i2", "i4", "f4", ("i2", "i4")])
@pytest.mark.parametrize("compression", [None, "zlib", "lzw", "packbits"])
def test_pages_in_either_byte_order_are_read(tmp_path, kinds, compression):
    kinds = [kinds] * 3 if isinstance(kinds, str) else kinds
    pages = [samples(kind, (HEIGHT, WIDTH), np.random.default_rng(n)) for n, kind in enumerate(kinds)]
    for order in "<>":
        with tifffile.TiffWriter(tmp_path / "a.tif", byteorder=order) as writer:
            for page in pages:
                writer.write(page, compression=compression, photometric="minisblack", metadata=None)
        found, _ = image.read_frames(tmp_path / "a.tif")
        assert np.array_equal(found, pages)


@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
@pytest.mark.parametrize(
    "extra", [("unspecified",), ("unspecified", "unspecified"), ("unassalpha", "unspecified")]
)
@pytest.mark.parametrize("photometric", ["minisblack", "rgb", "separated"])
def test_samples_of_no_stated_meaning_are_never_lost(tmp_path, monkeypatch, photometric, extra, dtype):
    """Whatever the bits, in planes or side by side, in memory and in parts, with tifffile and without."""
    channels, path = CHANNELS[photometric] + len(extra), tmp_path / "a.tif"
    for planar, compression in itertools.product(("contig", "separate"), (None, "zlib")):
        shape = (channels, 6, 9) if planar == "separate" else (6, 9, channels)
        tifffile.imwrite(
            path,
            samples(dtype, shape, np.random.default_rng(0)),
            photometric=photometric,
            planarconfig=planar,
            extrasamples=extra,
            compression=compression,
        )
        lost = f"{extra.count('unspecified')} samples? beside its colours .*of no stated meaning"
        with open(path, "rb") as file, pytest.raises(ValueError, match=lost):
            open_rows(file)
        with pytest.raises(ValueError, match=rf"a\.tif .*{lost}"):
            image.read(path)
        with monkeypatch.context() as patched:
            patched.setattr(deep, "installed", lambda: False)
            with pytest.raises(ValueError, match=r"a\.tif "):
                image.read(path)


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("compression", [None, "lzw", "zlib"])
@pytest.mark.parametrize("colours", [1, 3])
def test_opacity_is_kept_in_planes_too(tmp_path, monkeypatch, colours, compression, planar):
    path, pixels = tmp_path / "a.tif", samples("u1", (6, 9, colours + 1), np.random.default_rng(1))
    stored = np.moveaxis(pixels, -1, 0) if planar == "separate" else pixels
    tifffile.imwrite(
        path,
        np.ascontiguousarray(stored),
        photometric="rgb" if colours == 3 else "minisblack",
        planarconfig=planar,
        extrasamples=["unassalpha"],
        compression=compression,
    )
    assert np.array_equal(image.read(path), pixels)
    monkeypatch.setattr(deep, "installed", lambda: False)
    if colours == 1 and planar == "separate":
        with pytest.raises(ValueError, match="in planes of their own, which Pillow would mix up; install"):
            image.read(path)
    else:
        assert np.array_equal(image.read(path), pixels)


@pytest.mark.parametrize("colours", [1, 3])
def test_colours_multiplied_with_opacity_are_divided_by_it(tmp_path, colours):
    generator = np.random.default_rng(2)
    opacity = samples("u1", (6, 9, 1), generator)
    multiplied = (generator.random((6, 9, colours)) * opacity).astype(np.uint8)
    tifffile.imwrite(
        tmp_path / "a.tif",
        np.concatenate([multiplied, opacity], 2),
        photometric="rgb" if colours == 3 else "minisblack",
        extrasamples=["assocalpha"],
    )
    pixels = image.read(tmp_path / "a.tif").astype(int)
    assert np.array_equal(pixels[..., -1:], opacity)
    again = pixels[..., :-1] * pixels[..., -1:] / 255
    assert np.abs(again - multiplied).max() <= 1


def ycbcr_tiff(stored, content, subsampling, black_and_white=None):
    """An uncompressed TIFF file of YCbCr colours."""
    height, width = stored.shape[:2]
    tags = {256: width, 257: height, 258: (8, 8, 8), 259: 1, 262: 6, 273: 0, 277: 3, 278: height}
    tags |= {279: len(content), 284: 1, 530: subsampling}
    if black_and_white:
        tags[532] = black_and_white
    directory, file = ImageFileDirectory_v2(), io.BytesIO()
    for tag, value in tags.items():
        directory[tag] = value
    directory.save(file)
    return file.getvalue() + content + bytes(999)


def test_ycbcr_colours_are_converted_or_refused(tmp_path):
    """By the formula of JFIF, on full range, of samples for every pixel."""
    generator, path = np.random.default_rng(3), tmp_path / "a.tif"
    stored = np.dstack([generator.integers(60, 200, (16, 16)), *generator.integers(110, 150, (2, 16, 16))])
    stored = stored.astype(np.uint8)
    y, blue, red = np.moveaxis(stored.astype(float), -1, 0) - np.array([0, 128, 128])[:, None, None]
    expected = np.dstack([y + 1.402 * red, y - 0.344136 * blue - 0.714136 * red, y + 1.772 * blue])
    for planar, compression in LAYOUTS:
        content = np.ascontiguousarray(np.moveaxis(stored, -1, 0)) if planar == "separate" else stored
        if compression == "jpeg":
            continue
        tifffile.imwrite(path, content, photometric="ycbcr", planarconfig=planar, compression=compression)
        if planar == "separate" and compression is None:
            with pytest.raises(ValueError, match="has YCbCr colours subsampled, in planes"):
                image.read(path)
        else:
            assert np.abs(image.read(path) - expected).max() < 1.6
    path.write_bytes(ycbcr_tiff(stored, stored.tobytes(), (1, 1)))
    assert np.abs(image.read(path) - expected).max() < 1.6
    path.write_bytes(ycbcr_tiff(stored, stored.tobytes(), (1, 1), (16, 235, 128, 240, 128, 240)))
    with pytest.raises(ValueError, match="less than full range; write them as RGB"):
        image.read(path)
    blocks = [
        stored[i : i + 2, j : j + 2, 0].tobytes() + stored[i, j, 1:].tobytes()
        for i in range(0, 16, 2)
        for j in range(0, 16, 2)
    ]
    path.write_bytes(ycbcr_tiff(stored, b"".join(blocks), (2, 2)))
    with pytest.raises(ValueError, match="has YCbCr colours subsampled"):
        image.read(path)


def test_white_as_0_is_refused_beyond_8_bits(tmp_path):
    for dtype in ("u2", "i2", "i4", "f4"):
        pixels = samples(dtype, (6, 9), np.random.default_rng(0))
        tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="miniswhite")
        with pytest.raises(ValueError, match=r"a\.tif .*(0 is white, and would be misread|MINISWHITE)"):
            image.read(tmp_path / "a.tif")


def bmp(rows, bits, *, packing=0, masks=(), header=40, palette=(), top_down=False, width=None):
    """A BMP file of rows of packed bytes, from the top (Microsoft, "Bitmap storage")."""
    rows = [row + bytes(-len(row) % 4) for row in rows] if packing in (0, 3) else rows
    pixels = b"".join(rows if top_down or packing in (1, 2) else rows[::-1])
    height = len(rows)
    behind = b"".join(struct.pack("<I", mask) for mask in masks)
    if header == 12:
        head = struct.pack("<IHHHH", 12, width, height, 1, bits)
        colours = b"".join(bytes(colour[::-1]) for colour in palette)
    else:
        tall = -height if top_down else height
        head = struct.pack("<IiiHHII", header, width, tall, 1, bits, packing, len(pixels))
        head += struct.pack("<iiII", 0, 0, len(palette), 0)
        colours = b"".join(bytes(colour[::-1]) + b"\0" for colour in palette)
        if header > 40:
            head, behind = head + behind.ljust(header - 40, b"\0"), b""
    start = 14 + len(head) + len(behind) + len(colours)
    return b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start) + head + behind + colours + pixels


FIELDS = {"565": (0xF800, 0x07E0, 0x001F), "555": (0x7C00, 0x03E0, 0x001F)}


@pytest.mark.parametrize("top_down", [False, True])
@pytest.mark.parametrize("header", [40, 52, 56, 108, 124])
@pytest.mark.parametrize("fields", [*FIELDS, "plain"])
def test_bmp_of_16_bits_per_pixel_are_read(tmp_path, fields, header, top_down):
    """Each value of a channel becomes its share of 255, rounded either way."""
    masks = FIELDS.get(fields, FIELDS["555"])
    numbers = np.random.default_rng(4).integers(0, 65536, (7, 5)).astype("<u2")
    numbers[0, :3] = 0, 0xFFFF, 0x7FFF
    content = bmp(
        [row.tobytes() for row in numbers],
        16,
        packing=0 if fields == "plain" else 3,
        masks=() if fields == "plain" else masks,
        header=header,
        top_down=top_down,
        width=5,
    )
    (tmp_path / "a.bmp").write_bytes(content)
    found = image.read(tmp_path / "a.bmp")
    for channel, mask in enumerate(masks):
        values = (numbers & mask) // (mask & -mask)
        share = values * 255 / (mask // (mask & -mask))
        assert np.abs(found[..., channel] - share).max() < 1
        assert np.array_equal(found[..., channel] == 255, values == values.max())
    image.filter_file(tmp_path / "a.bmp", tmp_path / "b.png", image.box_blur, size=1)
    assert np.array_equal(image.read(tmp_path / "b.png"), found)


def test_bmp_with_opacity_in_16_bits_are_refused(tmp_path):
    for masks in ((0x7C00, 0x03E0, 0x001F, 0x8000), (0x0F00, 0x00F0, 0x000F, 0xF000)):
        content = bmp([bytes(range(10))] * 3, 16, packing=3, masks=masks, header=108, width=5)
        (tmp_path / "a.bmp").write_bytes(content)
        with pytest.raises(ValueError, match=r"a\.bmp (has opacity in 16 bits|.*bitfields layout)"):
            image.read(tmp_path / "a.bmp")


@pytest.mark.parametrize("header", [56, 108, 124])
def test_bmp_of_32_bits_with_opacity_are_read(tmp_path, header):
    pixels = np.random.default_rng(5).integers(0, 256, (4, 3, 4)).astype(np.uint8)
    for masks, order in (
        ((0xFF0000, 0xFF00, 0xFF, 0xFF000000), [2, 1, 0, 3]),
        ((0xFF, 0xFF00, 0xFF0000, 0xFF000000), [0, 1, 2, 3]),
        ((0xFF000000, 0xFF0000, 0xFF00, 0xFF), [3, 2, 1, 0]),
    ):
        rows = [row[:, order].tobytes() for row in pixels]
        (tmp_path / "a.bmp").write_bytes(bmp(rows, 32, packing=3, masks=masks, header=header, width=3))
        assert np.array_equal(image.read(tmp_path / "a.bmp"), pixels), masks
    rows = [row[:, [2, 1, 0, 3]].tobytes() for row in pixels]  # of which the fourth byte is not used
    (tmp_path / "a.bmp").write_bytes(bmp(rows, 32, width=3))
    assert np.array_equal(image.read(tmp_path / "a.bmp"), pixels[..., :3])


@pytest.mark.parametrize("header", [12, 40, 124])
@pytest.mark.parametrize("bits", [1, 4, 8])
def test_bmp_with_a_palette_are_read(tmp_path, bits, header):
    generator = np.random.default_rng(6)
    palette = generator.integers(0, 256, (2**bits, 3))
    numbers = generator.integers(0, 2**bits, (5, 11))
    shown = palette[numbers]
    each = 8 // bits
    rows = []
    for row in numbers:
        padded = np.concatenate([row, np.zeros(-len(row) % each, int)]).reshape(-1, each)
        rows.append(
            bytes(sum(int(v) << (8 - bits * (k + 1)) for k, v in enumerate(part)) for part in padded)
        )
    content = bmp(rows, bits, header=header, palette=palette.tolist(), width=11)
    (tmp_path / "a.bmp").write_bytes(content)
    assert np.array_equal(image.read(tmp_path / "a.bmp"), shown)


def test_bmp_packed_by_runs_are_read(tmp_path):
    """Encoded runs, single pixels, and ends of rows; 8 and 4 bits."""
    palette = np.random.default_rng(7).integers(0, 256, (16, 3)).tolist()
    numbers = np.array([[1, 1, 1, 2, 3, 4], [5, 5, 5, 5, 5, 5], [6, 7, 8, 9, 9, 9]])
    rows = [b"\3\1\0\3\2\3\4\0\0\0", b"\6\5\0\0", b"\0\3\6\7\10\0\3\11\0\1"]
    last_first = [rows[2].replace(b"\0\1", b"\0\0"), rows[1], rows[0][:-2] + b"\0\1"]
    (tmp_path / "a.bmp").write_bytes(bmp(last_first, 8, packing=1, palette=palette, width=6))
    assert np.array_equal(image.read(tmp_path / "a.bmp"), np.array(palette)[numbers])
    rows = [b"\3\x11\0\3\x23\x40\0\0", b"\6\x55\0\0", b"\0\3\x67\x80\3\x99\0\1"]
    last_first = [rows[2][:-2] + b"\0\0", rows[1], rows[0][:-2] + b"\0\1"]
    (tmp_path / "a.bmp").write_bytes(bmp(last_first, 4, packing=2, palette=palette, width=6))
    assert np.array_equal(image.read(tmp_path / "a.bmp"), np.array(palette)[numbers])


def test_other_decoders_show_the_same_bmp(tmp_path):
    cv2 = pytest.importorskip("cv2")
    numbers = np.random.default_rng(8).integers(0, 65536, (7, 5)).astype("<u2")
    for masks in FIELDS.values():
        content = bmp([row.tobytes() for row in numbers], 16, packing=3, masks=masks, width=5)
        (tmp_path / "a.bmp").write_bytes(content)
        other = cv2.imread(str(tmp_path / "a.bmp"), cv2.IMREAD_COLOR)[..., ::-1]
        assert np.abs(image.read(tmp_path / "a.bmp") - other.astype(int)).max() <= 8  # it shifts bits
