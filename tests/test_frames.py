"""Frames of animations: what is seen at each moment, and how often, goes from file to file unchanged."""

import functools

import numpy as np
import pytest
from PIL import Image

from fftconv import image
from fftconv.cli.main import run
from fftconv.image import encoding

GIF, PNG, WEBP = FORMATS = (".gif", ".png", ".webp")
same = functools.partial(image.apply_kernel, kernel=[[1]])


@pytest.mark.parametrize("suffix", [PNG, ".apng", GIF, WEBP, ".avif", ".jpg"])
def test_frames_of_different_sizes_are_refused_where_they_would_be_cut(tmp_path, suffix, capsys):
    if suffix not in encoding.SUFFIXES:
        pytest.skip("Pillow was built without AVIF")
    for sizes in (
        ((4, 9), (4, 7)),
        ((4, 9), (5, 9)),
        ((9, 4), (4, 9), (9, 4)),
        [(4, each) for each in range(1, 9)],
    ):
        frames = [np.full((height, width, 3), 200, np.uint8) for width, height in sizes]
        source, target = tmp_path / "pages.tif", tmp_path / f"b{suffix}"
        image.write_frames(source, frames)
        named = (
            rf"^{target}: .* holds frames of one size, and these are of {sizes[0][0]} x {sizes[0][1]}, .*"
        )
        if suffix == ".jpg":
            named = rf"^{target} can hold one image, not {len(sizes)} frames; "
        named += r"write them as \.tif, \.tiff($|,)"
        with pytest.raises(ValueError, match=named):
            image.write_frames(target, frames)
        for dry in (False, True):
            with pytest.raises(ValueError, match=named):
                image.filter_file(source, target, lambda pixels: 1 / 0, dry_run=dry)
        assert run(["image", "blur", str(source), "-o", str(target)]) == 1
        assert f"{target}" in capsys.readouterr().err
        assert [path.name for path in tmp_path.iterdir()] == ["pages.tif"]
    (report,) = image.filter_files([source], tmp_path / "out", same)
    assert (report.status, report.frames) == ("written", 8)
    pages, _ = image.read_frames(report.target)
    assert [page.shape for page in pages] == [frame.shape for frame in frames]


def test_a_filter_that_gives_frames_of_different_sizes_is_refused(tmp_path):
    source = tmp_path / "a.gif"
    image.write_frames(source, [np.full((5, 5, 3), shade, np.uint8) for shade in (50, 100)])
    with pytest.raises(ValueError, match="holds frames of one size"):
        image.filter_file(source, tmp_path / "b.gif", lambda pixels: pixels[: 5 - pixels[0, 0, 0] // 50])
    assert [path.name for path in tmp_path.iterdir()] == ["a.gif"]


def test_a_dry_run_tells_what_the_target_cannot_hold(tmp_path):
    source = tmp_path / "a.gif"
    image.write_frames(source, [np.full((5, 5, 3), shade, np.uint8) for shade in (50, 100)])
    with pytest.raises(ValueError, match="can hold one image, not 2 frames"):
        image.filter_file(source, tmp_path / "b.jpg", same, dry_run=True)
    source.write_bytes(b"no picture")
    (report,) = image.filter_files([source], tmp_path / "out", same, dry_run=True)
    assert report.status == "failed"
    assert "is not an image" in str(report.error)


def test_frames_of_16_bit_grey_go_to_tiff(tmp_path):
    """Pillow drops frames of a PNG file that look alike in 8 bits."""
    frames = [np.full((5, 5), 300, np.uint16), np.full((5, 5), 301, np.uint16), np.eye(5, dtype=np.uint16)]
    pictures = [Image.fromarray(frame) for frame in frames[1:]]
    pictures[0].save(tmp_path / "a.png", save_all=True, append_images=pictures[1:], duration=50)
    image.filter_file(tmp_path / "a.png", tmp_path / "b.tif", same)
    assert np.array_equal(image.read_frames(tmp_path / "b.tif")[0], frames[1:])
    with pytest.raises(ValueError, match=r"not 3 frames of mode I;16; write them as \.tif, \.tiff$"):
        image.write_frames(tmp_path / "c.png", frames)
    image.write_frames(tmp_path / "c.tif", frames)
    assert np.array_equal(image.read_frames(tmp_path / "c.tif")[0], frames)
