"""Animations written and read without the package: GIF, APNG and WebP, composed as browsers do.

A file is built from patches (rectangles of a frame with their delay and disposal). A reader gives back what
is seen: whole frames of RGBA, how long each is shown, and how often all of them are played. Still pictures
inside of PNG and WebP files are decoded by Pillow; LZW and all composing are done here.

Sources: GIF89a specification (CompuServe 1990) and the NETSCAPE2.0 block, whose number counts the repeats
after the first play; PNG specification, third edition, for APNG; the WebP container specification.
"""

import io
import itertools
import struct
import zlib
from dataclasses import dataclass

import numpy as np
from PIL import Image

# What a GIF file says is to be done with a patch before the next one; browsers take 4 for 3.
KEEP, CLEAR, RESTORE = 1, 2, (3, 4)
_SIGNATURE = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Patch:
    """A rectangle of a frame: palette indices for GIF, pixels for APNG."""

    pixels: np.ndarray
    left: int = 0
    top: int = 0
    delay: float = 0
    """Milliseconds."""
    disposal: int = 0
    palette: np.ndarray | None = None
    """Colours of this patch alone, shape (n, 3); GIF only."""
    transparency: int | None = None
    """The palette index that is not drawn; GIF only."""
    interlaced: bool = False
    over: bool = True
    """Whether the patch is blended over the canvas or replaces it; APNG only."""


# GIF


def gif_bytes(size, patches, palette=None, *, loop=None, background=0):
    """Return a GIF file. `loop` is the number of its NETSCAPE2.0 block, None for no such block."""
    width, height = size
    packed, colours = _colour_table(palette)
    parts = [b"GIF89a", struct.pack("<HHBBB", width, height, packed | 0x70, background, 0), colours]
    if loop is not None:
        parts.append(b"!\xff\x0bNETSCAPE2.0\x03\x01" + struct.pack("<HB", loop, 0))
    for patch in patches:
        drawn = 0 if patch.transparency is None else 1
        flags = patch.disposal << 2 | drawn
        control = struct.pack("<BBHBB", 4, flags, round(patch.delay / 10), patch.transparency or 0, 0)
        packed, colours = _colour_table(patch.palette)
        rows, columns = patch.pixels.shape
        place = struct.pack("<HHHHB", patch.left, patch.top, columns, rows, packed | patch.interlaced << 6)
        order = _interlaced_rows(rows) if patch.interlaced else range(rows)
        stream = _lzw_encode(patch.pixels[list(order)].ravel())
        parts += [b"!\xf9", control, b",", place, colours, b"\x08", _blocks(stream)]
    return b"".join([*parts, b";"])


def read_gif(content):
    """Return ([(RGBA, milliseconds)], plays) of a GIF file; 0 plays are endless ones."""
    file = io.BytesIO(content)
    assert file.read(6) in (b"GIF87a", b"GIF89a")
    width, height, packed, _, _ = struct.unpack("<HHBBB", file.read(7))
    shared = _read_colour_table(file, packed)
    plays, control, frames = 1, (0, 0, 0), []
    canvas = None
    while (kind := file.read(1)) != b";":
        if kind == b"!":
            label, blocks = file.read(1), _read_blocks(file)
            if label == b"\xf9":
                control = struct.unpack("<BHB", blocks[0][:4])
            elif label == b"\xff" and blocks[0] == b"NETSCAPE2.0":
                (number,) = struct.unpack("<H", blocks[1][1:3])
                plays = number + 1 if number else 0
            continue
        assert kind == b",", kind
        left, top, columns, rows, packed = struct.unpack("<HHHHB", file.read(9))
        own = _read_colour_table(file, packed)
        bits = file.read(1)[0]
        indices = _lzw_decode(b"".join(_read_blocks(file)), bits)[: rows * columns].reshape(rows, columns)
        if packed & 0x40:
            stored, indices = indices, np.empty_like(indices)
            indices[list(_interlaced_rows(rows))] = stored
        flags, delay, index = control
        colours = np.zeros((256, 3), np.uint8)  # an index without a colour is black
        given = shared if own is None else own
        colours[: len(given)] = given
        pixels = np.dstack([colours[indices], np.full(indices.shape, 255, np.uint8)])
        if flags & 1:
            pixels[indices == index] = 0
        if canvas is None:  # only the first frame may enlarge it
            canvas = np.zeros((max(height, top + rows), max(width, left + columns), 4), np.uint8)
        before = canvas.copy()
        place = np.s_[top : top + rows, left : left + columns]
        part = canvas[place]
        pixels = pixels[: part.shape[0], : part.shape[1]]
        part[pixels[..., 3] > 0] = pixels[pixels[..., 3] > 0]
        frames.append((canvas.copy(), delay * 10))
        if flags >> 2 & 7 == CLEAR:
            canvas[place] = 0
        elif flags >> 2 & 7 in RESTORE:
            canvas = before
        control = (0, 0, 0)
    return frames, plays


def _colour_table(palette):
    """Return the flags that announce a colour table, and its bytes, padded to a power of two."""
    if palette is None:
        return 0, b""
    bits = max(len(palette) - 1, 1).bit_length()
    return 0x80 | (bits - 1), np.asarray(palette, np.uint8).tobytes().ljust(3 << bits, b"\0")


def _read_colour_table(file, packed):
    if not packed & 0x80:
        return None
    return np.frombuffer(file.read(3 << (packed & 7) + 1), np.uint8).reshape(-1, 3)


def _blocks(content):
    parts = [content[start : start + 255] for start in range(0, len(content), 255)]
    return b"".join(bytes([len(part)]) + part for part in parts) + b"\0"


def _read_blocks(file):
    blocks = []
    while size := file.read(1)[0]:
        blocks.append(file.read(size))
    return blocks


def _interlaced_rows(rows):
    return itertools.chain(range(0, rows, 8), range(4, rows, 8), range(2, rows, 4), range(1, rows, 2))


def _lzw_encode(indices):
    """Return 8-bit indices as an LZW stream in which no sequence is ever named: valid, and not packed."""
    number, place, count = 0, 0, 0
    for index in indices:
        if count == 0:  # before codes grow longer than nine bits the table is cleared
            number |= 256 << place
            place += 9
        number |= int(index) << place
        place += 9
        count = (count + 1) % 250
    number |= 257 << place
    return number.to_bytes((place + 9 + 7) // 8, "little")


def _lzw_decode(stream, bits):
    clear, stop = 1 << bits, (1 << bits) + 1
    place, width, table, before, found = 0, bits + 1, {}, None, []
    data = np.unpackbits(np.frombuffer(stream, np.uint8), bitorder="little")
    while True:
        code = int(data[place : place + width] @ (1 << np.arange(width)))
        place += width
        if code == clear:
            table = {each: (each,) for each in range(clear)}
            width, before = bits + 1, None
            continue
        if code == stop:
            return np.array(found, np.uint8)
        entry = table[code] if code in table else (*before, before[0])
        found += entry
        if before is not None and len(table) + 2 < 4096:
            table[len(table) + 2] = (*before, entry[0])
        before = entry
        if len(table) + 2 == 1 << width and width < 12:
            width += 1


# APNG


def apng_bytes(size, patches, *, plays=0, default=None, colour_type=6):
    """Return an animated PNG file of 8 bits; `default` is a picture that is not one of its frames."""
    header = struct.pack(">IIBBBBB", *size, 8, colour_type, 0, 0, 0)
    parts = [_chunk(b"IHDR", header), _chunk(b"acTL", struct.pack(">II", len(patches), plays))]
    numbers = itertools.count()
    if default is not None:
        parts.append(_chunk(b"IDAT", _png_stream(default)))
    for place, patch in enumerate(patches):
        rows, columns = patch.pixels.shape[:2]
        numerator, denominator = _fraction(patch.delay)
        control = struct.pack(
            ">IIIIIHHBB",
            next(numbers), columns, rows, patch.left, patch.top, numerator, denominator,
            patch.disposal, patch.over,
        )  # fmt: skip
        parts.append(_chunk(b"fcTL", control))
        stream = _png_stream(patch.pixels)
        if place == 0 and default is None:
            parts.append(_chunk(b"IDAT", stream))
        else:
            parts.append(_chunk(b"fdAT", struct.pack(">I", next(numbers)) + stream))
    return _SIGNATURE + b"".join([*parts, _chunk(b"IEND", b"")])


def read_apng(content):
    """Return ([(RGBA, milliseconds)], plays) of an animated PNG file; a still one is one frame."""
    chunks = list(_read_chunks(content))
    header = dict(chunks)[b"IHDR"]
    width, height = struct.unpack(">II", header[:8])
    beside = [(kind, body) for kind, body in chunks if kind in (b"PLTE", b"tRNS")]
    count, plays = struct.unpack(">II", dict(chunks).get(b"acTL", struct.pack(">II", 1, 1)))
    frames = []
    for kind, body in chunks:
        if kind == b"fcTL":
            frames.append((body, []))
        elif kind == b"IDAT" and frames:
            frames[-1][1].append(body)
        elif kind == b"fdAT":
            frames[-1][1].append(body[4:])
    if not frames:
        return [(_still(content), 0)], 1
    assert len(frames) == count
    canvas, shown = np.zeros((height, width, 4)), []
    for control, streams in frames:
        _, columns, rows, left, top, numerator, denominator, disposal, over = struct.unpack(
            ">IIIIIHHBB", control
        )
        alone = [(b"IHDR", struct.pack(">II", columns, rows) + header[8:]), *beside]
        alone += [(b"IDAT", b"".join(streams)), (b"IEND", b"")]
        pixels = _still(_SIGNATURE + b"".join(_chunk(*each) for each in alone)).astype(float)
        before, place = canvas.copy(), np.s_[top : top + rows, left : left + columns]
        canvas[place] = np.rint(_blended(pixels, canvas[place])) if over else pixels
        shown.append((canvas.astype(np.uint8), 1000 * numerator / (denominator or 100)))
        if disposal == 1:
            canvas[place] = 0
        elif disposal == 2:
            canvas = before
    return shown, plays


def default_of_apng(content):
    """Return the picture of an animated PNG file that is not one of its frames, or None."""
    kinds = [kind for kind, _ in _read_chunks(content)]
    if b"acTL" not in kinds or kinds.index(b"fcTL") < kinds.index(b"IDAT"):
        return None
    alone = [each for each in _read_chunks(content) if each[0] not in (b"acTL", b"fcTL", b"fdAT")]
    return _still(_SIGNATURE + b"".join(_chunk(*each) for each in alone))


def _chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _read_chunks(content):
    place = len(_SIGNATURE)
    while place < len(content):
        (size,) = struct.unpack_from(">I", content, place)
        yield content[place + 4 : place + 8], content[place + 8 : place + 8 + size]
        place += size + 12


def _png_stream(pixels):
    rows = pixels.reshape(len(pixels), -1)
    return zlib.compress(np.pad(rows, [(0, 0), (1, 0)]).tobytes())


def _fraction(milliseconds):
    is_whole = milliseconds == round(milliseconds)
    return (round(milliseconds), 1000) if is_whole else (1, round(1000 / milliseconds))


# WebP


def read_webp(content):
    """Return ([(RGBA, milliseconds)], plays) of a WebP file; a still one is one frame."""
    chunks = list(_read_riff(content[12:]))
    if b"ANIM" not in dict(chunks):
        return [(_still(content), 0)], 1
    (plays,) = struct.unpack("<H", dict(chunks)[b"ANIM"][4:6])
    size = dict(chunks)[b"VP8X"][4:]
    width, height = (int.from_bytes(part, "little") + 1 for part in (size[:3], size[3:6]))
    canvas, shown = np.zeros((height, width, 4)), []
    for kind, body in chunks:
        if kind != b"ANMF":
            continue
        left, top, columns, rows, delay = (
            int.from_bytes(body[start : start + 3], "little") for start in range(0, 15, 3)
        )
        place = np.s_[2 * top : 2 * top + rows + 1, 2 * left : 2 * left + columns + 1]
        inner = list(_read_riff(body[16:]))
        if dict(inner).get(b"ALPH") is not None:
            flags = bytes([0x10, 0, 0, 0]) + body[6:12]
            inner.insert(0, (b"VP8X", flags))
        alone = b"WEBP" + b"".join(
            kind + struct.pack("<I", len(part)) + part + b"\0" * (len(part) % 2) for kind, part in inner
        )
        pixels = _still(b"RIFF" + struct.pack("<I", len(alone)) + alone).astype(float)
        canvas[place] = pixels if body[15] & 2 else np.rint(_blended(pixels, canvas[place]))
        shown.append((canvas.astype(np.uint8), delay))
        if body[15] & 1:
            canvas[place] = 0
    return shown, plays


def _read_riff(content):
    place = 0
    while place + 8 <= len(content):
        (size,) = struct.unpack_from("<I", content, place + 4)
        yield content[place : place + 4], content[place + 8 : place + 8 + size]
        place += 8 + size + size % 2


# All


def read(path):
    """Return ([(RGBA, milliseconds)], plays) of a GIF, PNG or WebP file by its content."""
    content = path.read_bytes()
    reader = {b"G": read_gif, b"\x89": read_apng, b"R": read_webp}[content[:1]]
    return reader(content)


def moments(frames):
    """Return what is seen: equal neighbours as one frame of both times, and no colour without opacity."""
    seen = []
    for pixels, delay in frames:
        pixels = np.where(pixels[..., 3:] > 0, pixels, 0)
        if seen and np.array_equal(seen[-1][0], pixels):
            seen[-1] = pixels, seen[-1][1] + delay
        else:
            seen.append((pixels, delay))
    return seen


def _still(content):
    with Image.open(io.BytesIO(content)) as opened:
        return np.array(opened.convert("RGBA"))


def _blended(source, target):
    """Return straight colours of `source` over `target`."""
    above, below = source[..., 3:] / 255, target[..., 3:] / 255
    opacity = above + below * (1 - above)
    colours = source[..., :3] * above + target[..., :3] * below * (1 - above)
    return np.concatenate([colours / np.where(opacity > 0, opacity, 1), 255 * opacity], axis=-1)
