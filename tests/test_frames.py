"""Frames of animations: what is seen at each moment, and how often, goes from file to file unchanged.

Sources are built, and targets read, by `animations`, which shares no code with the package; other libraries
read the targets as well where they are installed.
"""

import dataclasses
import functools
import io
import itertools
import re

import animations
import numpy as np
import pytest
from animations import CLEAR, KEEP, RESTORE, Patch
from PIL import Image

from fftconv import image
from fftconv.cli.main import run
from fftconv.image import deep, encoding

GIF, PNG, WEBP = FORMATS = (".gif", ".png", ".webp")
PNG_UNIT = 0 if encoding._HAS_FRACTIONS else 1  # milliseconds that Pillow can write
SAMPLED = 50  # files of each grid; with 600 of GIF, 400 of PNG and 300 of WebP for each target all held

NOTHING_CHANGED = {
    "one tap": functools.partial(image.apply_kernel, kernel=[[1]]),
    "one of nine taps": functools.partial(image.apply_kernel, kernel=np.diag([0, 1, 0])),
    "a box of one pixel": functools.partial(image.box_blur, size=1),
    "a narrow gaussian": functools.partial(image.gaussian_blur, sigma=0.05),
    "no motion": functools.partial(image.motion_blur, length=1),
}
same = NOTHING_CHANGED["one tap"]


def assert_shown_alike(source, target, unit=0.0):
    """Compare what two files show; times may differ by half a `unit` (milliseconds) of the target."""
    (before, plays), (after, plays_after) = animations.read(source), animations.read(target)
    before, after = animations.moments(before), animations.moments(after)
    assert len(before) == len(after)
    for (pixels, _), (written, _) in zip(before, after, strict=True):
        np.testing.assert_array_equal(written, pixels)
    if len(before) > 1:  # of a still picture nobody sees how long it lasts
        ends, ends_after = (np.cumsum([delay for _, delay in frames]) for frames in (before, after))
        np.testing.assert_allclose(ends_after, ends, atol=unit / 2 + 1e-6)
        assert plays_after == plays


def rectangle(generator, width, height, *, whole):
    """Return a place in a canvas: left, top, width and height."""
    if whole:
        return 0, 0, width, height
    columns, rows = int(generator.integers(1, width + 1)), int(generator.integers(1, height + 1))
    return (
        int(generator.integers(0, width - columns + 1)),
        int(generator.integers(0, height - rows + 1)),
        columns,
        rows,
    )


def any_gif(generator):
    """Return a GIF file of 1 to 4 frames with anything that a frame may have."""
    width, height = (int(side) for side in generator.integers(3, 20, 2))
    palette = generator.integers(0, 256, (generator.choice([2, 4, 7, 16, 255, 256]), 3)).astype(np.uint8)
    if generator.random() < 0.15:
        palette = np.repeat(np.arange(len(palette), dtype=np.uint8)[:, np.newaxis], 3, axis=1)
    is_timeless, is_whole = generator.random(2) < (0.3, 0.4)
    patches = []
    for number in range(generator.integers(1, 5)):
        whole = is_whole or (number == 0 and generator.random() < 0.6)
        left, top, columns, rows = rectangle(generator, width, height, whole=whole)
        own = None
        if generator.random() < 0.3:
            own = generator.integers(0, 256, (generator.choice([2, 5, 64, 256]), 3)).astype(np.uint8)
        colours = len(palette if own is None else own)
        patches.append(
            Patch(
                generator.integers(0, colours, (rows, columns)).astype(np.uint8),
                left,
                top,
                0 if is_timeless else int(generator.choice([0, 10, 20, 100, 500])),
                int(generator.integers(0, 6)),
                own,
                int(generator.integers(0, colours)) if generator.random() < 0.4 else None,
                interlaced=bool(generator.random() < 0.3),
            )
        )
    loop = generator.choice([None, 0, 1, 3])
    background = int(generator.integers(0, len(palette)))
    return animations.gif_bytes((width, height), patches, palette, loop=loop, background=background)


def any_apng(generator, *, few_colours):
    """Return an animated PNG file of 1 to 4 frames, one in three with a picture that is none of them."""
    width, height = (int(side) for side in generator.integers(3, 20, 2))
    colour_type, channels = ((6, 4), (6, 4), (2, 3), (0, 1), (4, 2))[generator.integers(5)]
    default = None
    if generator.random() < 0.3:
        default = generator.integers(0, 256, (height, width, channels)).astype(np.uint8)
    is_timeless = generator.random() < 0.3
    patches = []
    for number in range(generator.integers(1, 5)):
        whole = (number == 0 and default is None) or generator.random() < 0.4
        left, top, columns, rows = rectangle(generator, width, height, whole=whole)
        pixels = generator.integers(0, 256, (rows, columns, channels)).astype(np.uint8)
        if few_colours:
            pixels = pixels // 64 * 64
        if channels in (2, 4):
            opacities = [0, 255] if few_colours else [0, 1, 100, 200, 255]
            pixels[..., -1] = generator.choice(opacities, (rows, columns))
        delay = 0 if is_timeless else float(generator.choice([0, 10, 20, 33, 100, 500, 1000 / 60]))
        disposal, over = int(generator.integers(0, 3)), bool(generator.random() < 0.5)
        patches.append(Patch(pixels, left, top, delay, disposal, over=over))
    plays = int(generator.choice([0, 1, 2, 5]))
    return animations.apng_bytes(
        (width, height), patches, plays=plays, default=default, colour_type=colour_type
    )


def any_webp(generator, *, few_colours):
    """Return a WebP file of 1 to 4 frames, which libwebp cuts and blends as it likes."""
    width, height = (int(side) for side in generator.integers(3, 20, 2))
    channels = int(generator.choice([3, 4]))
    pictures, pixels = [], generator.integers(0, 256, (height, width, channels)).astype(np.uint8)
    for _ in range(generator.integers(1, 5)):
        left, top, columns, rows = rectangle(generator, width, height, whole=generator.random() < 0.3)
        pixels[top : top + rows, left : left + columns] = generator.integers(
            0, 256, (rows, columns, channels)
        )
        if few_colours:
            pixels = pixels // 64 * 64
        if channels == 4:
            opacities = [0, 255] if few_colours else [0, 10, 200, 255]
            pixels[..., 3] = generator.choice(opacities, (height, width))
        pictures += [Image.fromarray(pixels.copy())] * int(generator.choice([1, 1, 1, 2]))
    delays = [int(generator.choice([0, 10, 20, 33, 100])) for _ in pictures]
    content = io.BytesIO()
    pictures[0].save(
        content,
        "WEBP",
        save_all=True,
        append_images=pictures[1:],
        duration=[0] * len(pictures) if generator.random() < 0.3 else delays,
        loop=int(generator.choice([0, 1, 2, 5])),
        lossless=True,
        exact=True,
        minimize_size=bool(generator.random() < 0.5),
    )
    return content.getvalue()


# The readers and builders of these tests


def test_the_builders_and_readers_agree_with_pillow():
    generator = np.random.default_rng(1)
    palette = generator.integers(0, 256, (200, 3)).astype(np.uint8)
    indices = generator.integers(0, 200, (3, 9, 11)).astype(np.uint8)
    patches = [Patch(each, delay=30 * number) for number, each in enumerate(indices)]
    gif = animations.gif_bytes((11, 9), patches, palette, loop=4)
    colours = [Patch(palette[each], delay=30 * number) for number, each in enumerate(indices)]
    apng = animations.apng_bytes((11, 9), colours, plays=4, colour_type=2)
    for content, reader, loop in ((gif, animations.read_gif, 4), (apng, animations.read_apng, 4)):
        frames, plays = reader(content)
        assert plays == (loop + 1 if reader is animations.read_gif else loop)
        with Image.open(io.BytesIO(content)) as opened:
            assert opened.info["loop"] == loop
            for number, (pixels, delay) in enumerate(frames):
                opened.seek(number)
                assert np.array_equal(np.asarray(opened.convert("RGBA")), pixels)
                assert opened.info["duration"] == delay
    content = io.BytesIO()
    Image.fromarray(palette[indices[0]]).save(content, "GIF")  # packed by another encoder of LZW
    ((pixels, _),), _ = animations.read_gif(content.getvalue())
    assert np.array_equal(pixels[..., :3], palette[indices[0]])


# The law


@pytest.mark.parametrize("suffix", FORMATS)
def test_any_gif_is_shown_as_before(tmp_path, suffix):
    generator = np.random.default_rng(2)
    source, target = tmp_path / "a.gif", tmp_path / f"b{suffix}"
    for _ in range(SAMPLED):
        source.write_bytes(any_gif(generator))
        image.filter_file(source, target, same)
        assert_shown_alike(source, target)


@pytest.mark.parametrize(("suffix", "unit"), [(GIF, 10), (PNG, PNG_UNIT), (WEBP, 1)])
def test_any_animated_png_is_shown_as_before(tmp_path, suffix, unit):
    generator = np.random.default_rng(3)
    source, target = tmp_path / "a.png", tmp_path / f"b{suffix}"
    for _ in range(SAMPLED):
        source.write_bytes(any_apng(generator, few_colours=suffix == GIF or generator.random() < 0.5))
        image.filter_file(source, target, same)
        assert_shown_alike(source, target, unit)
        if suffix == PNG:
            before, after = (animations.default_of_apng(path.read_bytes()) for path in (source, target))
            assert (before is None) == (after is None)
            if before is not None:
                assert np.array_equal(before[before[..., 3] > 0], after[before[..., 3] > 0])


@pytest.mark.parametrize(("suffix", "unit"), [(GIF, 10), (PNG, PNG_UNIT), (WEBP, 0)])
def test_any_webp_is_shown_as_before(tmp_path, suffix, unit):
    generator = np.random.default_rng(4)
    source, target = tmp_path / "a.webp", tmp_path / f"b{suffix}"
    for _ in range(SAMPLED):
        source.write_bytes(any_webp(generator, few_colours=suffix == GIF or generator.random() < 0.5))
        image.filter_file(source, target, same)
        assert_shown_alike(source, target, unit)


@pytest.mark.parametrize("name", NOTHING_CHANGED)
@pytest.mark.parametrize("with_deep", [True, False])
def test_filters_that_change_nothing_keep_animations(tmp_path, monkeypatch, name, with_deep):
    if not with_deep:
        monkeypatch.setattr(deep, "installed", lambda: False)
    generator = np.random.default_rng(5)
    makers = {
        GIF: any_gif,
        PNG: functools.partial(any_apng, few_colours=True),
        WEBP: functools.partial(any_webp, few_colours=True),
    }
    for (suffix, make), to in itertools.product(makers.items(), FORMATS):
        source, target = tmp_path / f"a{suffix}", tmp_path / f"b{to}"
        source.write_bytes(make(generator))
        image.filter_file(source, target, NOTHING_CHANGED[name])
        assert_shown_alike(source, target, 10 if to == GIF else 1)


@pytest.mark.parametrize("disposal", [0, KEEP, CLEAR, *RESTORE, 5])
@pytest.mark.parametrize("loop", [None, 0, 1, 7])
def test_disposal_and_loop_do_not_hang_on_delays(tmp_path, disposal, loop):
    """Where all delays were 0 the loop was lost, and transparent frames piled up."""
    pieces = [np.zeros((6, 6), np.uint8) for _ in range(3)]
    for number, piece in enumerate(pieces):
        piece[number : number + 2] = 1 + number
    palette = np.array([[9, 9, 9], [255, 0, 0], [0, 255, 0], [0, 0, 255]], np.uint8)
    for delays, suffix in itertools.product(((0, 0, 0), (0, 40, 0), (50, 60, 70)), FORMATS):
        patches = [
            Patch(piece, delay=delay, disposal=disposal, transparency=0)
            for piece, delay in zip(pieces, delays, strict=True)
        ]
        source, target = tmp_path / "a.gif", tmp_path / f"b{suffix}"
        source.write_bytes(animations.gif_bytes((6, 6), patches, palette, loop=loop))
        image.filter_file(source, target, same)
        assert_shown_alike(source, target)
        assert [delay for _, delay in animations.read(target)[0]] == list(delays)


def test_a_gif_of_one_frame_keeps_its_loop_and_delay(tmp_path):
    source, target = tmp_path / "a.gif", tmp_path / "b.gif"
    for loop, delay in itertools.product((None, 0, 3), (0, 70)):
        patch = Patch(np.eye(4, dtype=np.uint8), delay=delay)
        source.write_bytes(animations.gif_bytes((4, 4), [patch], [[0, 0, 0], [255, 0, 0]], loop=loop))
        image.filter_file(source, target, same)
        ((_, shown),), plays = animations.read(target)
        assert (shown, plays) == (delay, animations.read(source)[1])


def test_a_canvas_is_transparent_where_nothing_was_drawn(tmp_path):
    """As in browsers, which use no background colour; frames after the first do not enlarge the canvas."""
    first = Patch(np.ones((2, 3), np.uint8), left=1, top=1)
    large = Patch(np.full((9, 9), 2, np.uint8), left=3, top=3)
    palette = [[10, 10, 10], [200, 0, 0], [0, 200, 0]]
    (tmp_path / "a.gif").write_bytes(animations.gif_bytes((5, 4), [first, large], palette, background=2))
    (one, two), said = image.read_frames(tmp_path / "a.gif")
    assert (one.shape, two.shape, said.mode) == ((4, 5, 4), (4, 5, 4), "RGBA")
    assert one[1:3, 1:4, :3].reshape(-1, 3).tolist() == [[200, 0, 0]] * 6
    assert np.count_nonzero(one[..., 3]) == 6
    assert two[3, 3:].tolist() == [[0, 200, 0, 255]] * 2


def other_readers():
    """Return functions from files to whole frames of RGBA, by the libraries that are installed."""
    readers = {}
    try:
        import cv2

        def by_opencv(content):
            frames = cv2.imdecodeanimation(np.frombuffer(content, np.uint8))[1].frames
            return [cv2.cvtColor(each, cv2.COLOR_BGR2BGRA)[..., [2, 1, 0, 3]] if each.shape[2] == 3
                    else each[..., [2, 1, 0, 3]] for each in frames]  # fmt: skip

        if hasattr(cv2, "imdecodeanimation"):
            readers["OpenCV"] = by_opencv
    except ImportError:
        pass
    try:
        import pyvips

        def by_vips(content):
            opened = pyvips.Image.new_from_buffer(content, "", n=-1).colourspace("srgb")
            pixels = (opened if opened.hasalpha() else opened.addalpha()).numpy()
            pages = opened.get("n-pages") if "n-pages" in opened.get_fields() else 1
            return np.split(pixels, pages)

        readers["libvips"] = by_vips
    except (ImportError, OSError):
        pass
    return readers


def test_other_readers_see_the_same(tmp_path):
    readers = other_readers()
    if not readers:
        pytest.skip("neither OpenCV nor libvips is installed")
    generator = np.random.default_rng(6)
    source = tmp_path / "a.gif"
    for _ in range(15):
        source.write_bytes(any_gif(generator))
        seen = animations.moments(animations.read(source)[0])
        for suffix, (name, reader) in itertools.product((GIF, WEBP), readers.items()):
            target = tmp_path / f"b{suffix}"
            image.filter_file(source, target, same)
            found = animations.moments([(pixels, 0) for pixels in reader(target.read_bytes())])
            assert len(found) == len(seen), name
            for (pixels, _), (expected, _) in zip(found, seen, strict=True):
                np.testing.assert_array_equal(pixels, expected, err_msg=name)


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


# Palettes


def coloured(colours, generator, *, transparent):
    """Return pixels that have so many colours, each of them, and a few transparent pixels on request."""
    codes = generator.choice(2**24, colours, replace=False)
    palette = np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=1).astype(np.uint8)
    indices = np.concatenate([np.arange(colours), generator.integers(0, colours, 40 * 40 - colours)])
    pixels = palette[generator.permutation(indices).reshape(40, 40)]
    if not transparent:
        return pixels
    pixels = np.dstack([pixels, np.full((40, 40), 255, np.uint8)])
    return np.vstack([pixels, np.zeros((2, 40, 4), np.uint8)])


@pytest.mark.parametrize("colours", [1, 2, 3, 4, 16, 17, 254, 255, 256])
@pytest.mark.parametrize("transparent", [False, True])
def test_colours_that_fit_a_palette_are_kept(tmp_path, colours, transparent):
    generator = np.random.default_rng(7)
    frames = [coloured(colours, generator, transparent=transparent) for _ in range(3)]
    for count in (1, 3):
        image.write_frames(tmp_path / "a.gif", frames[:count])
        seen, _ = animations.read(tmp_path / "a.gif")
        assert len(seen) == count
        for (pixels, _), given in zip(seen, frames, strict=False):
            shown = given[..., -1] > 0 if transparent else np.ones(given.shape[:2], bool)
            assert np.array_equal(pixels[..., 3] > 0, shown)
            wrong = (pixels[shown][:, :3] != given[shown][:, :3]).any(axis=1)
            if colours + transparent <= 256:
                assert not wrong.any()
            else:  # one colour too many, which becomes another
                assert 0 < wrong.mean() < 0.02


def test_a_frame_of_256_colours_is_exact_beside_transparent_ones(tmp_path):
    generator = np.random.default_rng(8)
    full, holed = coloured(256, generator, transparent=False), coloured(20, generator, transparent=True)[2:]
    full = np.dstack([full, np.full((40, 40), 255, np.uint8)])
    for order in itertools.permutations([full, holed, holed[::-1]]):
        image.write_frames(tmp_path / "a.gif", order)
        for (pixels, _), given in zip(animations.read(tmp_path / "a.gif")[0], order, strict=True):
            assert np.array_equal(pixels, np.where(given[..., 3:] > 0, given, 0))
        if by_vips := other_readers().get("libvips"):
            for pixels, given in zip(by_vips((tmp_path / "a.gif").read_bytes()), order, strict=True):
                assert np.array_equal(pixels, np.where(given[..., 3:] > 0, given, 0))


@pytest.mark.parametrize(("colours", "error"), [(257, 0.5), (300, 3), (1000, 10)])
@pytest.mark.parametrize("transparent", [False, True])
def test_colours_beyond_a_palette_become_near_ones(tmp_path, colours, error, transparent):
    given = coloured(colours, np.random.default_rng(9), transparent=transparent)
    image.write(tmp_path / "a.gif", given)
    ((pixels, _),), _ = animations.read(tmp_path / "a.gif")
    shown = pixels[..., 3] > 0
    assert np.array_equal(shown, given[..., 3] > 0 if transparent else np.ones((40, 40), bool))
    difference = pixels[shown][:, :3].astype(float) - given[shown][:, :3]
    assert np.sqrt((difference**2).mean()) < error


def test_a_photograph_is_as_near_with_transparent_pixels_as_without(tmp_path):
    """Its error was twice as large, as another algorithm was used."""
    photograph = image.read("samples/picture.png")[::3, ::3]
    holed = np.dstack([photograph, np.full(photograph.shape[:2], 255, np.uint8)])
    holed[:9, :9, 3] = 0
    errors = []
    for pixels in (photograph, holed):
        image.write(tmp_path / "a.gif", pixels)
        ((written, _),), _ = animations.read(tmp_path / "a.gif")
        difference = written[9:, 9:, :3].astype(float) - photograph[9:, 9:]
        errors.append(np.sqrt((difference**2).mean()))
    assert errors[1] < 1.1 * errors[0] < 4


@pytest.mark.parametrize("channels", [2, 4])
def test_gif_shows_what_is_at_least_half_opaque(tmp_path, channels):
    pixels = np.full((4, 256, channels), 77, np.uint8)
    pixels[..., -1] = np.arange(256)
    image.write(tmp_path / "a.gif", pixels)
    ((written, _),), _ = animations.read(tmp_path / "a.gif")
    assert np.array_equal(written[0, :, 3], np.where(np.arange(256) >= 128, 255, 0))
    assert (written[:, 128:, :3] == 77).all()


@pytest.mark.parametrize("shades", [1, 2, 255, 256])
def test_grey_with_transparency_goes_through_gif(tmp_path, shades):
    generator = np.random.default_rng(10)
    grey = np.full((30, 30, 2), 255, np.uint8)
    grey[..., 0] = generator.permutation(np.arange(900) % shades).reshape(30, 30)
    grey[:2, :5, 1] = 0
    grey[grey[..., 1] == 0] = 0
    for frames in ([grey], [grey, grey[::-1]]):
        image.write_frames(tmp_path / "a.gif", frames)
        image.filter_file(tmp_path / "a.gif", tmp_path / "b.gif", same)
        found, said = image.read_frames(tmp_path / "b.gif")
        assert said.mode == "LA"
        for pixels, given in zip(found, frames, strict=True):
            assert np.array_equal(pixels[..., 1], given[..., 1])
            difference = np.abs(pixels[..., 0].astype(int) - given[..., 0])[given[..., 1] > 0]
            assert difference.max() <= (shades == 256)
            assert np.count_nonzero(difference) <= 4  # the pixels of the rarest shade


def test_a_frame_that_is_transparent_throughout_is_one(tmp_path):
    square = np.zeros((5, 5, 4), np.uint8)
    square[1:3, 1:3] = 255, 0, 0, 255
    for frames in ([square * 0], [square, square * 0, square], [square * 0, square, square * 0]):
        for suffix in FORMATS:
            image.write_frames(tmp_path / f"a{suffix}", frames)
            seen, _ = animations.read(tmp_path / f"a{suffix}")
            assert [pixels.tolist() for pixels, _ in seen] == [frame.tolist() for frame in frames]


# Times


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("loop", [None, 0, 1, 2, 65535, 10**6])
def test_formats_count_plays_each_in_its_way(tmp_path, suffix, loop):
    """GIF counts the repeats after the first play, WebP and PNG plays; more than they can count are cut."""
    frames = [np.full((3, 3), shade, np.uint8) for shade in (0, 255)]
    said = image.ImageMetadata("L", durations=(50, 50), loop=loop)
    image.write_frames(tmp_path / f"a{suffix}", frames, metadata=said)
    plays = animations.read(tmp_path / f"a{suffix}")[1]
    most = {GIF: 65536, WEBP: 65535, PNG: 2**31 - 1}[suffix]
    assert plays == (1 if loop is None else min(loop + 1, most) if loop else 0)
    assert image.read_frames(tmp_path / f"a{suffix}")[1].loop == (plays - 1 if plays > 1 else loop)


def test_times_are_rounded_without_adding_up(tmp_path):
    frames = [np.full((3, 3), shade, np.uint8) for shade in range(10)]
    for durations in ((33,) * 10, (1000 / 60,) * 10, (0, 3, 0.2, 7, 0, 12, 96, 4, 5, 6), (0.5,) * 10):
        said = image.ImageMetadata("L", durations=durations)
        for suffix, unit in ((GIF, 10), (WEBP, 1), (PNG, PNG_UNIT)):
            image.write_frames(tmp_path / f"a{suffix}", frames, metadata=said)
            delays = np.array([delay for _, delay in animations.read(tmp_path / f"a{suffix}")[0]])
            assert ((delays > 0) == (np.array(durations) > 0)).all()
            if min(each for each in durations if each) > unit / 2:
                assert np.abs(np.cumsum(delays) - np.cumsum(durations)).max() <= unit / 2 + 1e-9


@pytest.mark.parametrize(
    ("suffix", "most"), [(GIF, 655350), (WEBP, 2**24 - 1), (PNG, 65535 * (1000 if PNG_UNIT == 0 else 1))]
)
def test_frames_are_shown_as_long_as_a_format_allows(tmp_path, suffix, most):
    frames = [np.full((3, 3), shade, np.uint8) for shade in (0, 255, 0)]
    said = image.ImageMetadata("L", durations=(most, min(70_010, most), most / 2))
    image.write_frames(tmp_path / f"a{suffix}", frames, metadata=said)
    delays = [delay for _, delay in animations.read(tmp_path / f"a{suffix}")[0]]
    assert delays == pytest.approx(said.durations, abs=10)
    short = 25 if suffix == GIF else 2.5  # whose half is rounded down, and up in the sum
    said = dataclasses.replace(said, durations=(short, most, 0))
    image.write_frames(tmp_path / f"a{suffix}", frames, metadata=said)
    assert animations.read(tmp_path / f"a{suffix}")[0][1][1] == most
    (tmp_path / f"a{suffix}").unlink()
    said = dataclasses.replace(said, durations=(0, 2 * most, 0))
    with pytest.raises(ValueError, match=rf"a{suffix}: metadata.durations holds .* at most {most} ms"):
        image.write_frames(tmp_path / f"a{suffix}", frames, metadata=said)
    assert not list(tmp_path.iterdir())


def test_times_that_make_no_sense_are_refused(tmp_path):
    frames = [np.full((3, 3), shade, np.uint8) for shade in (0, 255)]
    for suffix, durations in itertools.product(FORMATS, [(-1, 5), (np.nan,), (np.inf,), "ab", (None,), 5]):
        said = image.ImageMetadata("L", durations=durations)
        with pytest.raises(ValueError, match=r"metadata.durations=.* is not accepted; pass milliseconds"):
            image.write_frames(tmp_path / f"a{suffix}", frames, metadata=said)
    for suffix, (loop, kind) in itertools.product(
        FORMATS, [(-1, ValueError), (1.5, TypeError), ("2", TypeError)]
    ):
        with pytest.raises(kind, match=r"metadata.loop=.* is not accepted; pass a whole number"):
            image.write_frames(
                tmp_path / f"a{suffix}", frames, metadata=image.ImageMetadata("L", loop=loop)
            )
    assert not list(tmp_path.iterdir())


def test_avif_plays_for_ever(tmp_path):
    if ".avif" not in encoding.SUFFIXES:
        pytest.skip("Pillow was built without AVIF")
    frames = [np.full((20, 20, 3), shade, np.uint8) for shade in (0, 128, 255)]
    said = image.ImageMetadata("RGB", durations=(40, 50, 60), loop=3)
    image.write_frames(tmp_path / "a.avif", frames, metadata=said)
    image.filter_file(tmp_path / "a.avif", tmp_path / "b.webp", same)
    seen, plays = animations.read(tmp_path / "b.webp")
    assert ([delay for _, delay in seen], plays) == ([40, 50, 60], 0)


def test_an_orientation_beside_frames_of_avif_is_refused(tmp_path):
    """Pillow 13.0 ended the process."""
    if ".avif" not in encoding.SUFFIXES:
        pytest.skip("Pillow was built without AVIF")
    exif = Image.Exif()
    exif[0x0112] = 6
    said = image.ImageMetadata("RGB", exif=exif.tobytes())
    with pytest.raises(ValueError, match=r"a.avif: metadata.exif has an orientation"):
        image.write_frames(tmp_path / "a.avif", [np.zeros((9, 9, 3), np.uint8)] * 2, metadata=said)
    exif[0x0112], exif[0x010E] = 1, "a description"
    said = image.ImageMetadata("RGB", exif=exif.tobytes())
    image.write_frames(tmp_path / "a.avif", [np.zeros((9, 9, 3), np.uint8)] * 2, metadata=said)
    assert len(image.read_frames(tmp_path / "a.avif")[0]) == 2


# The picture of an animated PNG file that is no frame of it


def with_default(tmp_path, frames=2):
    """Return the path of such a file, its picture and its frames."""
    generator = np.random.default_rng(11)
    default, *pictures = generator.integers(0, 256, (1 + frames, 5, 6, 3)).astype(np.uint8) // 64 * 64
    patches = [Patch(each, delay=40) for each in pictures]
    path = tmp_path / "source.png"
    path.write_bytes(animations.apng_bytes((6, 5), patches, plays=3, default=default, colour_type=2))
    return path, default, pictures


def test_a_picture_that_is_no_frame_is_told_apart(tmp_path):
    path, default, pictures = with_default(tmp_path)
    frames, said = image.read_frames(path)
    assert np.array_equal(frames, pictures)
    assert np.array_equal(said.default_image, default)
    assert (said.durations, said.loop) == ((40, 40), 2)
    assert said == dataclasses.replace(said)
    image.write_frames(tmp_path / "b.png", frames, metadata=said)
    assert np.array_equal(animations.default_of_apng((tmp_path / "b.png").read_bytes())[..., :3], default)
    assert_shown_alike(path, tmp_path / "b.png")


@pytest.mark.parametrize("frames", [1, 2])
def test_a_picture_that_is_no_frame_is_filtered_and_goes_to_png_alone(tmp_path, frames):
    path, default, pictures = with_default(tmp_path, frames)
    for suffix in (PNG, ".apng", GIF, WEBP, ".tif"):
        target = tmp_path / f"b{suffix}"
        assert image.filter_file(path, target, image.box_blur, size=3).frames == frames
        found, said = image.read_frames(target)
        if suffix != GIF:
            assert np.array_equal(found, [image.box_blur(each, 3) for each in pictures])
        if suffix in (PNG, ".apng"):
            assert np.array_equal(said.default_image, image.box_blur(default, 3))
        else:
            assert said.default_image is None
    if frames == 1:  # of which other formats hold a still picture
        image.filter_file(path, tmp_path / "b.bmp", same)
        assert np.array_equal(image.read(tmp_path / "b.bmp"), pictures[0])


def test_a_picture_that_is_no_frame_has_to_fit_the_frames(tmp_path):
    path, _, pictures = with_default(tmp_path)
    said = image.read_frames(path)[1]
    for frames in ([each[1:] for each in pictures], [each[..., 0] for each in pictures]):
        with pytest.raises(
            ValueError, match=r"metadata.default_image has shape \(5, 6, 3\) and mode RGB, unlike"
        ):
            image.write_frames(tmp_path / "b.png", frames, metadata=said)
        image.write_frames(tmp_path / "b.webp", frames, metadata=said)
        without = dataclasses.replace(said, default_image=None)
        image.write_frames(tmp_path / "b.png", frames, metadata=without)


# Sizes


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


PIXEL = {
    "L": np.full((1, 1), 9, np.uint8),
    "LA": np.full((1, 1, 2), 9, np.uint8),
    "RGB": np.full((1, 1, 3), 9, np.uint8),
    "RGBA": np.full((1, 1, 4), 9, np.uint8),
    "CMYK": np.full((1, 1, 4), 9, np.uint8),
    "I;16": np.full((1, 1), 9, np.uint16),
    "I": np.full((1, 1), 9, np.int32),
    "F": np.full((1, 1), 9, np.float32),
    "RGB;16": np.full((1, 1, 3), 9, np.uint16),
}


@pytest.mark.parametrize("mode", PIXEL)
@pytest.mark.parametrize("sizes", [[(5, 4)], [(5, 4), (5, 4)], [(5, 4), (4, 4)]])
def test_what_a_refusal_advises_is_accepted_and_nothing_else_is(tmp_path, mode, sizes):
    """Frames in CMYK were to be written as .jpg, which holds one of them, where GIF holds no CMYK."""
    if mode == "RGB;16" and not deep.installed():
        pytest.skip("needs the extra deep")
    said = image.ImageMetadata(mode)
    frames = [np.tile(PIXEL[mode], (height, width, 1)[: PIXEL[mode].ndim]) for width, height in sizes]
    accepted, advised = set(), []
    for suffix in encoding.SUFFIXES:
        try:
            image.write_frames(tmp_path / f"a{suffix}", frames, metadata=said)
        except ValueError as error:
            advised.append(set(re.findall(r"\.[a-z]+", str(error).split("; write ")[1])))
        else:
            accepted.add(suffix)
    assert advised == [accepted] * len(advised)


@pytest.mark.parametrize("suffix", [".tif", ".jpg"])
@pytest.mark.parametrize("sizes", [((30, 20), (15, 10)), ((30, 20), (30, 20)), ((9, 5), (9, 5), (5, 9))])
def test_a_dry_run_says_what_a_run_does_with_pages(tmp_path, suffix, sizes):
    """Pages in JPEG files (MPO) differ in size as those in TIFF files do."""
    source = tmp_path / f"pages{suffix}"
    pages = [Image.new("RGB", size, (200, 100, 50)) for size in sizes]
    kind = "MPO" if suffix == ".jpg" else "TIFF"
    pages[0].save(source, kind, save_all=True, append_images=pages[1:])
    for target in (tmp_path / f"b{suffix}" for suffix in encoding.SUFFIXES):
        found = []
        for dry in (True, False):
            try:
                found.append(image.filter_file(source, target, same, dry_run=dry).error)
            except ValueError as error:
                found.append(str(error))
            assert target.exists() == (not dry and found[-1] is None)
        assert found[0] == found[1] or target.suffix == ".pfm"  # of which a filter might make floats


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
