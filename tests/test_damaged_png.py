"""Damaged PNG files of every kind: each is refused, or gives the frames that the whole one gives."""

import random
import struct
import subprocess
import sys
import threading
import zlib
from dataclasses import replace
from itertools import product

import animations
import numpy as np
import pytest
from PIL import Image, ImageFile, PngImagePlugin

from fftconv import image
from fftconv.image import deep

HEIGHT, WIDTH = 5, 9
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# First column and row, and their steps, of each of the seven passes of an interlaced file.
PASSES = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
KINDS = [
    (colour_type, depth, interlaced, transparent)
    for colour_type, depths in DEPTHS.items()
    for depth, interlaced, transparent in product(depths, (False, True), (False, True))
    if not transparent or colour_type in (0, 2, 3)
]
IDS = [f"{c}-{d}{'-interlaced' * i}{'-transparent' * t}" for c, d, i, t in KINDS]


@pytest.fixture(params=[True, False], ids=["deep", "pillow"])
def with_deep(request, monkeypatch):
    """Whether the libraries of the extra `deep` are there."""
    if request.param:
        pytest.importorskip("imagecodecs")
        pytest.importorskip("tifffile")
    else:
        monkeypatch.setattr(deep, "installed", lambda: False)
    return request.param


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def join(chunks):
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, data) for kind, data in chunks)


def packed_rows(samples, depth):
    """Rows of samples, each with its filter (none, or the difference to the left) before it."""
    rows = b""
    for number, row in enumerate(samples.reshape(len(samples), -1)):
        if depth == 16:
            packed = np.frombuffer(row.astype(">u2").tobytes(), np.uint8)
        else:
            bits = np.unpackbits(row.astype(np.uint8)[:, None], axis=1)[:, 8 - depth :]
            packed = np.packbits(bits.ravel())
        left = 1 if depth < 8 else depth // 8 * (len(row) // samples.shape[1])
        if number % 2:
            before = np.concatenate([np.zeros(left, np.uint8), packed[:-left]]) if left < len(packed) else 0
            packed = packed - before
        rows += bytes([number % 2]) + packed.astype(np.uint8).tobytes()
    return rows


def raw_rows(samples, depth, interlaced):
    if not interlaced:
        return packed_rows(samples, depth)
    parts = [samples[top::down, left::right] for left, top, right, down in PASSES]
    return b"".join(packed_rows(part, depth) for part in parts if part.size)


def make_samples(colour_type, depth, seed=0, shape=(HEIGHT, WIDTH)):
    generator = np.random.default_rng(seed)
    samples = generator.integers(1, 2**depth, (*shape, CHANNELS[colour_type]))
    samples[0, 0] = 0
    return samples


def palette(depth):
    return np.random.default_rng(9).integers(0, 256, (2**depth, 3)).astype(np.uint8)


def transparency(colour_type, depth, samples):
    """The content of a tRNS chunk: a shade, a colour, or the opacity of the first colours of a palette."""
    if colour_type == 3:
        return bytes([7, 90, 200][: 2**depth])
    return samples[1, 1].astype(">u2").tobytes()


def head(kind, shape=(HEIGHT, WIDTH), *, ancillary=True):
    """What stands before the pixels."""
    colour_type, depth, interlaced, transparent = kind
    sizes = struct.pack(">IIBBBBB", shape[1], shape[0], depth, colour_type, 0, 0, interlaced)
    chunks = [(b"IHDR", sizes)]
    if ancillary:
        chunks += [(b"gAMA", struct.pack(">I", 45455)), (b"pHYs", struct.pack(">IIB", 3000, 3000, 1))]
    if colour_type == 3:
        chunks.append((b"PLTE", palette(depth).tobytes()))
    if transparent:
        chunks.append((b"tRNS", transparency(colour_type, depth, make_samples(colour_type, depth))))
    return chunks


def make(kind, *, ancillary=True):
    """The chunks of a picture, its compressed data cut into three."""
    colour_type, depth, interlaced, _ = kind
    data = zlib.compress(raw_rows(make_samples(colour_type, depth), depth, interlaced))
    third = len(data) // 3
    parts = [(b"IDAT", part) for part in (data[:third], data[third : 2 * third], data[2 * third :])]
    behind = [(b"tEXt", b"Comment\0seen"), (b"eXIf", b"MM\0*\0\0\0\x08\0\0\0\0\0\0")] if ancillary else []
    return [*head(kind, ancillary=ancillary), *parts, *behind, (b"IEND", b"")]


def pixels_of(kind):
    """The pixels that such a picture has, by the definition of the format."""
    colour_type, depth, _, transparent = kind
    samples = make_samples(colour_type, depth)
    if colour_type == 3:
        pixels = palette(depth)[samples[..., 0]]
        opacity = np.full(2**depth, 255, np.uint8)
        if transparent:
            given = np.frombuffer(transparency(*kind[:2], samples), np.uint8)
            opacity[: len(given)] = given
        opacity = opacity[samples]
    else:
        pixels = samples.astype(np.uint16) if depth == 16 else samples * 255 // (2**depth - 1)
        opacity = np.where(
            (samples == samples[1, 1]).all(-1, keepdims=True), 0, 65535 if depth == 16 else 255
        )
    if transparent:
        pixels = np.concatenate([pixels, opacity], axis=-1)
    return pixels[..., 0] if pixels.shape[2] == 1 else pixels


def frame_control(number, box, dispose, blend):
    top, left, height, width = box
    return struct.pack(">IIIIIHHBB", number, width, height, left, top, 40 + number, 1000, dispose, blend)


def make_animation(colour_type, depth, own_default, interlaced=False, short=None, parts=None):
    """The chunks of three frames, of which one may lack its last row.

    The latter two show a part of the picture, by default unless it is interlaced.
    """
    kind = colour_type, depth, interlaced, colour_type == 3
    chunks = [*head(kind), (b"acTL", struct.pack(">II", 3, 2))]
    number = 0
    if own_default:
        samples = make_samples(colour_type, depth, 7)
        rows = raw_rows(samples[: -1 if short == "default" else None], depth, interlaced)
        chunks.append((b"IDAT", zlib.compress(rows)))
    whole = 0, 0, HEIGHT, WIDTH
    parts = not interlaced if parts is None else parts
    boxes = [whole, (1, 2, 3, 4), (2, 1, 2, 7)] if parts else [whole] * 3
    for frame, box in enumerate(boxes):
        dispose, blend = frame, frame == 1 and depth != 16
        chunks.append((b"fcTL", frame_control(number, box, dispose, blend)))
        number += 1
        samples = make_samples(colour_type, depth, frame, box[2:])
        rows = raw_rows(samples[: -1 if short == frame else None], depth, interlaced)
        data = zlib.compress(rows)
        for part in (data[: len(data) // 2], data[len(data) // 2 :]):
            if frame == 0 and not own_default:
                chunks.append((b"IDAT", part))
            else:
                chunks.append((b"fdAT", struct.pack(">I", number) + part))
                number += 1
    return [*chunks, (b"tEXt", b"Comment\0seen"), (b"IEND", b"")]


def damages(chunks, generator, flips, cuts):
    """The file with a bit turned over in each part of each chunk, then more of them, and cut."""
    content = join(chunks)
    places, begin = [], 8
    for _, data in chunks:
        end = begin + 12 + len(data)
        for first, last in ((0, 4), (4, 8), (8, 8 + len(data)), (8 + len(data), 12 + len(data))):
            if first < last:
                places.append(begin + generator.randrange(first, last))
        begin = end
    places = sorted({8 * place + generator.randrange(8) for place in places})
    if flips is None:
        places = range(64, 8 * len(content))
    else:
        places += [generator.randrange(64, 8 * len(content)) for _ in range(flips)]
    for place in places:
        turned = bytearray(content)
        turned[place // 8] ^= 1 << place % 8
        yield f"bit {place % 8} of byte {place // 8}", bytes(turned)
    all_cuts = range(len(content))
    for length in all_cuts if cuts is None else generator.sample(all_cuts, cuts):
        yield f"cut to {length}", content[:length]


def outcome(path, content):
    """The frames of a file, their durations and how often they are shown, or the error."""
    path.write_bytes(content)
    try:
        frames, said = image.read_frames(path)
    except ValueError as error:
        return error
    return [each.tolist() for each in frames], [each.dtype for each in frames], said.durations, said.loop


def check_law(path, chunks, seed, flips=12, cuts=6):
    """Every damage is refused by an error of one line that names the file, or changes nothing."""
    whole = outcome(path, join(chunks))
    assert not isinstance(whole, Exception), whole
    refused = 0
    for what, content in damages(chunks, random.Random(seed), flips, cuts):
        found = outcome(path, content)
        if isinstance(found, Exception):
            refused += 1
            assert str(found).startswith(f"{path} "), found
            assert "\n" not in str(found)
        else:
            assert found == whole, what
    assert refused


def needs_deep(kind):
    return kind[1] == 16 and (kind[0] != 0 or kind[3])


@pytest.mark.parametrize("kind", KINDS, ids=IDS)
def test_whole_files_of_every_kind_are_read(tmp_path, with_deep, kind):
    path = tmp_path / "a.png"
    for ancillary in (False, True):
        path.write_bytes(join(make(kind, ancillary=ancillary)))
        if needs_deep(kind) and not with_deep:
            with pytest.raises(
                ValueError, match="(has colour of 16 bits per channel|with a transparent shade), .*deep"
            ):
                image.read(path)
            continue
        pixels, said = image.read_with_metadata(path)
        assert np.array_equal(pixels, pixels_of(kind))
        assert said.text == ({"Comment": "seen"} if ancillary else {})


@pytest.mark.parametrize("kind", KINDS, ids=IDS)
def test_a_flipped_bit_or_a_cut_is_refused_or_changes_no_pixel(tmp_path, with_deep, kind):
    if needs_deep(kind) and not with_deep:
        pytest.skip("refused when whole")
    check_law(tmp_path / "a.png", make(kind), repr(kind))


ANIMATIONS = [
    *((colour_type, 8, own, False) for colour_type, own in product((0, 2, 3, 4, 6), (False, True))),
    (0, 1, False, False),
    (3, 4, True, True),
    (0, 16, True, False),
    (6, 8, False, True),
]


@pytest.mark.parametrize(("colour_type", "depth", "own_default", "interlaced"), ANIMATIONS)
def test_animations_too(tmp_path, with_deep, colour_type, depth, own_default, interlaced):
    chunks = make_animation(colour_type, depth, own_default, interlaced)
    check_law(tmp_path / "a.png", chunks, colour_type, flips=40, cuts=20)


@pytest.mark.parametrize(("colour_type", "depth"), [(0, 1), (2, 8), (3, 4), (6, 8)])
def test_interlaced_animations_have_the_frames_of_plain_ones(tmp_path, colour_type, depth):
    """Frames of a part of the picture are refused, as Pillow decodes them to the wrong place."""
    path = tmp_path / "a.png"
    plain = outcome(path, join(make_animation(colour_type, depth, False, parts=False)))
    assert len(plain[0]) == 3
    assert outcome(path, join(make_animation(colour_type, depth, False, True))) == plain
    found = outcome(path, join(make_animation(colour_type, depth, False, True, parts=True)))
    assert "it has an interlaced frame of part of the picture" in str(found)


def with_data(kind, data, shape=(HEIGHT, WIDTH)):
    return [*head(kind, shape, ancillary=False), (b"IDAT", data), (b"IEND", b"")]


@pytest.mark.parametrize("kind", KINDS, ids=IDS)
def test_compressed_data_that_is_not_whole_is_refused_though_its_check_sums_are_right(
    tmp_path, with_deep, kind
):
    """What no sum over chunks can tell: rows that are missing, and data that ends early or is too much."""
    if needs_deep(kind) and not with_deep:
        pytest.skip("refused when whole")
    path = tmp_path / "a.png"
    colour_type, depth, interlaced, _ = kind
    rows = raw_rows(make_samples(colour_type, depth), depth, interlaced)
    last = raw_rows(make_samples(colour_type, depth), depth, False)
    row_bytes = len(last) // HEIGHT
    whole = zlib.compress(rows)
    for missing in (1, row_bytes, 2 * row_bytes, len(rows) - row_bytes):
        for behind in (b"", b"behind it"):
            found = outcome(path, join(with_data(kind, zlib.compress(rows[:-missing]) + behind)))
            assert isinstance(found, ValueError), (missing, behind)
            assert str(found).startswith(f"{path} cannot be decoded: ")
    for cut in (whole[: len(whole) // 2], whole[:3], b""):
        assert isinstance(outcome(path, join(with_data(kind, cut))), ValueError)
    expected = outcome(path, join(with_data(kind, whole)))
    wrong_sum = whole[:-1] + bytes([whole[-1] ^ 1])
    for data in (zlib.compress(rows + rows), whole + b"behind it", wrong_sum, whole[:-2], whole[:-4]):
        found = outcome(path, join(with_data(kind, data)))
        assert isinstance(found, ValueError) or found == expected


@pytest.mark.parametrize("kind", KINDS, ids=IDS)
def test_files_that_lack_a_chunk_are_refused(tmp_path, with_deep, kind):
    chunks = make(kind)
    for lacks in (b"IHDR", b"PLTE", b"IDAT", b"IEND"):
        rest = [each for each in chunks if each[0] != lacks]
        if rest != chunks:
            assert isinstance(outcome(tmp_path / "a.png", join(rest)), ValueError), lacks


@pytest.mark.parametrize("own_default", [False, True])
@pytest.mark.parametrize("colour_type", [0, 2, 3, 4, 6])
def test_frames_with_missing_rows_are_refused(tmp_path, colour_type, own_default):
    """Also where the frame before, or black, would show in their place."""
    for short in (0, 1, 2, *(["default"] if own_default else [])):
        chunks = make_animation(colour_type, 8, own_default, short=short)
        found = outcome(tmp_path / "a.png", join(chunks))
        assert "cannot be decoded: it ends before its last row" in str(found), short


@pytest.mark.parametrize(("height", "interlaced"), list(product((1, 2, 3), (False, True))))
def test_no_picture_is_taken_for_one_with_missing_rows(tmp_path, with_deep, height, interlaced):
    """Whatever stands in the last row: all rows of few bits, and every shade in pictures of one column."""
    path = tmp_path / "a.png"
    cases = [
        (depth, width, value) for depth, width in ((1, 1), (1, 5), (2, 1), (2, 2)) for value in range(32)
    ]
    cases += [(8, 1, value) for value in range(256)]
    for depth, width, value in cases:
        values = value // (2**depth) ** np.arange(width) % 2**depth
        samples = np.zeros((height, width, 1), int)
        samples[-1, :, 0] = samples[height // 2 * 2 - 1, :, 0] = values
        for colour_type in (0, 3):
            kind = colour_type, depth, interlaced, False
            rows = raw_rows(samples, depth, interlaced)
            path.write_bytes(join(with_data(kind, zlib.compress(rows), (height, width))))
            expected = (
                palette(depth)[samples[..., 0]] if colour_type else samples[..., 0] * 255 // (2**depth - 1)
            )
            assert np.array_equal(image.read(path), expected)
            if value % 16 == 0:
                short = join(with_data(kind, zlib.compress(rows[:-1]), (height, width)))
                assert isinstance(outcome(path, short), ValueError)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 2), (4, 1)])
@pytest.mark.parametrize("own_default", [False, True])
def test_no_frame_of_few_pixels_is_taken_for_one_with_missing_rows(tmp_path, height, width, own_default):
    """Whatever stands in the frames before: those of few pixels look like every mark."""
    path = tmp_path / "a.png"
    generator = np.random.default_rng(12)
    sequences = [generator.integers(0, 2, (4, height, width)) * 255 for _ in range(12)]
    sequences += [[np.full((height, width), value) for value in (17, 238, 17, 238, 0)]]
    for number, sequence in enumerate(sequences):
        frames = [Image.fromarray(each.astype(np.uint8)) for each in sequence]
        if number % 2:
            frames = [each.convert("1") for each in frames]
        frames[0].save(path, save_all=True, append_images=frames[1:], default_image=own_default)
        found, _ = image.read_frames(path)
        shown, _ = animations.read(path)
        assert np.array_equal(found, [pixels[..., 0] for pixels, _ in shown])


@pytest.mark.parametrize(("colour_type", "depth"), [(0, 1), (0, 8), (2, 8)])
def test_no_frame_is_taken_for_one_with_missing_rows(tmp_path, colour_type, depth):
    """Whatever stands in the last row, and stood in that of the frame before."""
    path = tmp_path / "a.png"
    shades = {1: (0, 1), 8: (0, 17, 238, 255)}[depth]
    for width, *values in product((1, 2), shades, shades, shades):
        frames = [np.full((2, width, CHANNELS[colour_type]), value) for value in values]
        chunks = [
            *head((colour_type, depth, False, False), (2, width)),
            (b"acTL", struct.pack(">II", 3, 1)),
        ]
        for number, frame in enumerate(frames):
            control = frame_control(max(2 * number - 1, 0), (0, 0, 2, width), 0, 0)
            data = zlib.compress(raw_rows(frame, depth, False))
            part = (b"fdAT", struct.pack(">I", 2 * number) + data) if number else (b"IDAT", data)
            chunks += [(b"fcTL", control), part]
        found, *_ = outcome(path, join([*chunks, (b"IEND", b"")]))
        expected = [frame * 255 // (2**depth - 1) for frame in frames]
        assert np.array_equal(found, [each[..., 0] if colour_type == 0 else each for each in expected])


NAMES_IN_PILLOW = (
    *("transparency", "interlace", "bbox", "duration", "loop", "disposal", "blend", "default_image"),
    *("icc_profile", "dpi", "aspect", "gamma", "srgb", "chromaticity", "xmp"),
)


TEXTS = {b"tEXt": b"\0 3", b"zTXt": b"\0\0" + zlib.compress(b" 3"), b"iTXt": b"\0\0\0\0\0 3"}


@pytest.mark.parametrize("keyword", NAMES_IN_PILLOW)
def test_texts_change_nothing_but_the_texts_whatever_their_keyword(tmp_path, with_deep, keyword):
    path = tmp_path / "a.png"
    form, content = random.Random(keyword).choice(list(TEXTS.items()))
    profile = b"colours of its own"
    said = [(b"iCCP", b"name\0\0" + zlib.compress(profile)), (b"pHYs", struct.pack(">IIB", 5000, 5000, 1))]
    pictures = [make(kind) for kind in ((0, 4, False, True), (2, 8, False, False), (3, 8, True, True))]
    pictures = [[chunks[0], *said, *chunks[3:]] for chunks in pictures]
    for chunks in (*pictures, make(KINDS[0], ancillary=False), make_animation(6, 8, True)):
        path.write_bytes(join(chunks))
        frames, about = image.read_frames(path)
        for place in (1, next(i for i, each in enumerate(chunks) if each[0] == b"IDAT"), len(chunks) - 1):
            more = [*chunks[:place], (form, keyword.encode() + content), *chunks[place:]]
            path.write_bytes(join(more))
            again, now = image.read_frames(path)
            assert [each.tolist() for each in again] == [each.tolist() for each in frames]
            assert now == replace(about, text={**about.text, keyword: " 3"})
        image.filter_file(path, tmp_path / "b.png", image.box_blur, size=3)


def test_long_texts_and_profiles_are_kept(tmp_path, with_deep):
    kind = 2, 8, False, False
    long = bytes(range(32, 127)) * 12_000
    said = [
        (b"iCCP", b"name\0\0" + zlib.compress(long)),
        (b"zTXt", b"first\0\0" + zlib.compress(long)),
        (b"iTXt", b"second\0\1\0\0\0" + zlib.compress(long)),
    ]
    chunks = make(kind)
    (tmp_path / "a.png").write_bytes(join([chunks[0], *said, *chunks[1:]]))
    limit = PngImagePlugin.MAX_TEXT_CHUNK
    pixels, about = image.read_with_metadata(tmp_path / "a.png")
    assert np.array_equal(pixels, pixels_of(kind))
    assert about.icc_profile == long
    assert about.text == {"first": long.decode(), "second": long.decode(), "Comment": "seen"}
    bomb = (b"zTXt", b"first\0\0" + zlib.compress(bytes(2**26 + 1), 1))
    assert isinstance(outcome(tmp_path / "a.png", join([chunks[0], bomb, *chunks[1:]])), ValueError)
    assert limit == PngImagePlugin.MAX_TEXT_CHUNK


@pytest.mark.parametrize("colour_type", [2, 3])
def test_damaged_files_are_not_filtered_and_the_error_is_one_line(tmp_path, with_deep, colour_type):
    kind = colour_type, 8, False, False
    content = join(make(kind))
    source, target = tmp_path / "a.png", tmp_path / "b.png"
    turned = bytearray(content)
    turned[content.index(b"IDAT") + 6] ^= 4
    short = join(with_data(kind, zlib.compress(b"\0")))
    for damaged, said in (
        (bytes(turned), "it is damaged or ends early: .*IDAT"),
        (content[:-12], "it is damaged or ends early: "),
        (content[:20], "it is damaged or ends early: "),
        (short, ""),
    ):
        source.write_bytes(damaged)
        for more in ({}, {"max_memory": 10**12}):
            with pytest.raises(ValueError, match=f"^{source} cannot be decoded: {said}"):
                image.filter_file(source, target, image.box_blur, size=3, **more)
        assert not target.exists()


def test_the_command_says_what_is_wrong_in_one_line_and_libpng_nothing(tmp_path):
    kind = 2, 8, False, False
    rows = raw_rows(make_samples(2, 8), 8, False)
    wordy = [*head(kind), (b"sRGB", b"\x07"), (b"IDAT", zlib.compress(rows + rows)), (b"IEND", b"")]
    run = [
        sys.executable,
        "-P",
        "-c",
        "from fftconv.cli import main; main()",
        "image",
        "blur",
        "--sigma",
        "1",
    ]
    for name, content in (("wordy", join(wordy)), ("cut", join(make(kind))[:-13])):
        (tmp_path / f"{name}.png").write_bytes(content)
        words = [*run, tmp_path / f"{name}.png", "-o", tmp_path / f"{name}-out.png"]
        done = subprocess.run(words, capture_output=True, text=True)
        assert done.stderr.count("\n") == (name == "cut"), done.stderr
        assert "PNG warning" not in done.stderr
        assert (tmp_path / f"{name}-out.png").exists() == (name == "wordy")
    assert f"{tmp_path}/cut.png cannot be decoded: it is damaged or ends early" in done.stderr


FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF", "PPM")


@pytest.mark.parametrize("chosen", FORMATS)
def test_files_that_end_early_are_refused_where_the_process_lets_pillow_fill_them_up(
    tmp_path, monkeypatch, with_deep, chosen
):
    """The setting is Pillow's and one for the process: it is as it was when the file has been read."""
    path = tmp_path / "a"
    pixels = np.random.default_rng(0).integers(0, 256, (60, 70)).astype(np.uint8)
    Image.fromarray(pixels).save(path, format=chosen)
    content = path.read_bytes()
    expected = image.read(path).tolist()
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    assert image.read(path).tolist() == expected
    for length in range(0, len(content) - 1, len(content) // 40):
        found = outcome(path, content[:length])
        assert isinstance(found, ValueError), length
        assert ImageFile.LOAD_TRUNCATED_IMAGES is True
    if chosen == "PNG":
        check_law(path, make((3, 4, False, True)), 5)
        check_law(path, make_animation(6, 8, True), 6)


def test_the_setting_is_kept_where_several_threads_read(tmp_path, monkeypatch):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    path = tmp_path / "a.png"
    content = join(make((3, 8, False, False)))
    path.write_bytes(content)
    (tmp_path / "cut.png").write_bytes(content[:-40])
    wrong = []

    def work():
        for _ in range(60):
            image.read(path)
            try:
                image.read(tmp_path / "cut.png")
            except ValueError:
                continue
            wrong.append("was read")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert ImageFile.LOAD_TRUNCATED_IMAGES is True
