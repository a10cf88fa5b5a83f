"""TIFF files by rows: the picture that there is when it is read as a whole, in the memory allowed."""

import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from fftconv import image
from fftconv._native import core
from fftconv.image.bands import plan_banding
from fftconv.image.large import TILE, open_rows
from fftconv.image.parts import _run, filter_in_parts
from fftconv.image.pixels import Sketch

_RNG = np.random.default_rng(4)
_KINDS = {
    "grey": ("uint8", ()),
    "colour": ("uint8", (3,)),
    "opacity": ("uint8", (4,)),
    "deep": ("uint16", ()),
    "deep colour": ("uint16", (3,)),
    "float": ("float32", ()),
    "float colour": ("float32", (3,)),
}
_LAYOUTS = {
    "one strip": {},
    "strips": {"rowsperstrip": 7},
    "packed strips": {"rowsperstrip": 13, "compression": "zlib"},
    "predicted": {"compression": "lzw", "predictor": True, "rowsperstrip": 50},
    "tiles": {"tile": (32, 48), "compression": "zlib"},
    "plain tiles": {"tile": (64, 16)},
    "big": {"bigtiff": True, "tile": (16, 16)},
    "other order": {"byteorder": ">", "rowsperstrip": 40},
}


def _pixels(kind, shape=(611, 301)):
    dtype, channels = _KINDS[kind]
    numbers = _RNG.uniform(0, 1, (*shape, *channels))
    return (numbers if dtype == "float32" else numbers * np.iinfo(dtype).max).astype(dtype)


def _write(path, pixels, **layout):
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    place = {key: layout.pop(key) for key in ("bigtiff", "byteorder") if key in layout}
    with tifffile.TiffWriter(path, **place) as writer:
        writer.write(
            pixels,
            photometric="rgb" if channels > 2 else "minisblack",
            extrasamples=["unassalpha"] if channels == 4 else None,
            metadata=None,
            resolution=(300, 200),
            resolutionunit="inch",
            **layout,
        )


def _in_parts(source, target, function, rows=1):
    """The same as filter_file in parts, of about so many rows."""
    with open(source, "rb") as file:
        found = open_rows(file)
        sketch = Sketch(found.shape, found.dtype)
        banding = plan_banding(function(sketch), sketch)
        at_once = min(-(-rows // banding.step) * banding.step, sketch.shape[0])
        return _run(banding, found, at_once, source, target)


@pytest.mark.parametrize("layout", list(_LAYOUTS))
@pytest.mark.parametrize("kind", list(_KINDS))
def test_rows_are_read_as_they_are_stored(tmp_path, kind, layout):
    path = tmp_path / "a.tif"
    pixels = _pixels(kind)
    _write(path, pixels, **_LAYOUTS[layout])
    with open(path, "rb") as file:
        rows = open_rows(file)
        assert (rows.shape, rows.dtype) == (pixels.shape, pixels.dtype)
        for first, last in [(0, 1), (0, 611), (5, 100), (90, 300), (299, 611), (610, 611), (3, 9)]:
            assert np.array_equal(rows.read(first, last), pixels[first:last])


@pytest.mark.parametrize("layout", ["strips", "tiles"])
@pytest.mark.parametrize("kind", list(_KINDS))
@pytest.mark.parametrize("sigma", [1.0, 15.0])
def test_parts_are_the_whole(tmp_path, kind, layout, sigma):
    source, parts, whole = (tmp_path / name for name in ("a.tif", "parts.tif", "whole.tif"))
    _write(source, _pixels(kind), **_LAYOUTS[layout])
    blur = partial(image.gaussian_blur, sigma=sigma)
    report = _in_parts(source, parts, blur, rows=100)
    expected = image.filter_file(source, whole, image.gaussian_blur, sigma=sigma)
    assert report.methods == expected.methods
    found, said = image.read_with_metadata(parts)
    wanted, _ = image.read_with_metadata(whole)
    if core is None:
        np.testing.assert_allclose(found, wanted, atol=1 if wanted.dtype.kind == "u" else 1e-5)
    else:
        assert np.array_equal(found, wanted)
    assert said.dpi == (300, 200)


@pytest.mark.skipif(core is None, reason="NumPy holds copies of the whole")
@pytest.mark.parametrize("transparent", [False, True])
def test_parts_of_pictures_with_opacity(tmp_path, transparent):
    """Opacity is looked at first, and the parts are then those of a picture of its kind."""
    source, target = tmp_path / "a.tif", tmp_path / "b.tif"
    pixels = _pixels("opacity", (2000, 150))
    if not transparent:
        pixels[..., 3] = 255
    _write(source, pixels, rowsperstrip=50)
    for function, parameters in (
        (image.sharpen, {"amount": 2.0}),
        (image.disk_blur, {"radius": 12.0}),
        (image.deconvolve, {"kernel": np.ones((3, 3))}),
        (image.pipeline, {"steps": "sharpen 2 | blur 1 | high-pass 3"}),
    ):
        report = filter_in_parts(source, target, function, parameters, 75_000_000, None)
        assert report is not None
        assert report.methods
        found, expected = image.read(target), function(pixels, **parameters)
        assert np.array_equal(found, expected)


def test_parts_of_other_filters(tmp_path):
    """Those that change shape and dtype, and several in a row."""
    source, target = tmp_path / "a.tif", tmp_path / "b.tif"
    _write(source, _pixels("colour"), rowsperstrip=20)
    pixels = image.read(source)
    for function in (
        partial(image.edges, operator="scharr", channel="luminance"),
        partial(image.edges, operator="log", signed="float"),
        partial(image.pipeline, steps="blur 3 | sharpen 0.5 2 | edges sobel"),
        partial(image.deconvolve, kernel=np.ones((3, 3))),
    ):
        _in_parts(source, target, function, rows=64)
        expected = function(pixels)
        found = image.read(target)
        assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
        atol = 0 if core is not None else 1
        np.testing.assert_allclose(found, expected, rtol=0, atol=atol)


def test_what_the_file_says_is_kept(tmp_path):
    source, target = tmp_path / "a.tif", tmp_path / "b.tif"
    profile, packet = b"profile" * 20, b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"
    said = image.ImageMetadata("RGB", icc_profile=profile, dpi=(96.0, 96.0), xmp=packet)
    image.write(source, _pixels("colour"), metadata=said)
    _in_parts(source, target, partial(image.box_blur, size=3))
    _, kept = image.read_with_metadata(target)
    assert (kept.icc_profile, kept.dpi, kept.xmp) == (profile, (96.0, 96.0), packet)
    with tifffile.TiffFile(target) as opened:
        assert opened.pages[0].is_tiled
        assert opened.pages[0].tilewidth == TILE


_LIMITED = """
import sys
from pathlib import Path
from fftconv.cli.main import run
code = run(sys.argv[1:])
# Of this program; what getrusage tells counts the one that started it, too.
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(int(peak.split()[1]) * 1024)
sys.exit(code)
"""


@pytest.mark.skipif(core is None, reason="NumPy holds copies of the whole")
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not tell the peak")
@pytest.mark.parametrize("command", ["blur --sigma 2", "blur --sigma 25", "edges"])
def test_the_memory_allowed_is_kept(tmp_path, command):
    """A picture that would take 320 MB as a whole, in a process of 220."""
    source, target = tmp_path / "a.tif", tmp_path / "b.tif"
    tile = _RNG.integers(0, 256, (256, 256)).astype(np.uint8)
    side = 9000
    count = (-(-side // 256)) ** 2
    tifffile.imwrite(
        source,
        (np.roll(tile, number) for number in range(count)),
        shape=(side, side),
        dtype="uint8",
        tile=(256, 256),
        photometric="minisblack",
    )
    name, *options = command.split()
    limit = 220_000_000
    words = ["image", name, str(source), "-o", str(target), *options, "--max-memory", str(limit)]
    done = subprocess.run([sys.executable, "-P", "-c", _LIMITED, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.splitlines()[-1]) < limit
    with tifffile.TiffFile(target) as opened:
        assert opened.pages[0].shape == (side, side)


def _refusal(tmp_path, source, target, function=image.gaussian_blur, limit=1, **parameters):
    with pytest.raises(ValueError, match="max_memory") as caught:
        image.filter_file(source, tmp_path / target, function, max_memory=limit, **parameters)
    assert not (tmp_path / target).exists()
    return re.sub(r"\d+", "N", str(caught.value))


def test_what_cannot_be_done_in_the_memory_allowed_is_told(tmp_path):
    tif, png = tmp_path / "a.tif", tmp_path / "a.png"
    pixels = _pixels("colour", (50, 60))
    image.write(tif, pixels)
    image.write(png, pixels)
    some = "would take some N bytes, and max_memory leaves N; "
    assert f"{some}parts can be filtered from TIFF to TIFF, not from .png to .png" in _refusal(
        tmp_path, png, "b.png", sigma=1
    )
    assert f"{some}parts can be filtered from TIFF to TIFF, not from .tif to .png" in _refusal(
        tmp_path, tif, "b.png", sigma=1
    )
    assert f"{some}N bytes are left for pixels" in _refusal(tmp_path, tif, "b.tif", sigma=1)
    assert f"{some}only the filters of this package work in parts" in _refusal(
        tmp_path, tif, "b.tif", lambda pixels: pixels
    )
    pages = tmp_path / "pages.tif"
    image.write_frames(pages, [pixels, pixels])
    assert "it cannot be filtered in parts: it holds N frames" in _refusal(
        tmp_path, pages, "b.tif", sigma=1
    )
    turned = tmp_path / "turned.tif"
    Image.fromarray(pixels).save(turned, tiffinfo={0x0112: 6})
    assert "stored turned, so that its rows are columns" in _refusal(tmp_path, turned, "b.tif", sigma=1)
    palette = tmp_path / "palette.tif"
    Image.fromarray(pixels).convert("P").save(palette)
    assert "its colours are PALETTE" in _refusal(tmp_path, palette, "b.tif", sigma=1)
    assert "max_memory=N is not accepted" in _refusal(tmp_path, tif, "b.tif", limit=0, sigma=1)


def test_pictures_that_fit_are_filtered_as_a_whole(tmp_path):
    source, target = tmp_path / "a.jpg", tmp_path / "b.webp"
    image.write(source, _pixels("colour", (50, 60)))
    report = image.filter_file(source, target, image.box_blur, size=3, max_memory=10**10)
    assert report.shape == (50, 60, 3)
    assert Path(target).exists()


def test_a_damaged_file_is_told_in_one_line(tmp_path):
    """Of tifffile and of the command, in whatever state its header is."""
    source, target = tmp_path / "a.tif", tmp_path / "b.tif"
    _write(source, _pixels("deep colour", (64, 64)), tile=(16, 16), compression="zlib")
    damaged = bytearray(source.read_bytes())
    damaged[30:60] = bytes(30)
    source.write_bytes(damaged)
    words = ["image", "blur", str(source), "-o", str(target), "--max-memory", "1K"]
    for command in (words, words[:-2]):
        done = subprocess.run(
            [sys.executable, "-P", "-c", _LIMITED, *command], capture_output=True, text=True
        )
        assert done.returncode == 1
        assert str(source) in done.stderr
        assert done.stderr.count("\n") == 1, done.stderr
    assert not target.exists()
