"""The chunks of WAV and AIFF files, which decoders do not tell of: their names, and sizes that are wrong.

Decoders read the samples. This module names the other chunks of a file and tells whether its samples are
all there. Where a wrong size hides the samples from a decoder, it copies the chunks with sizes that are
right.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

_ORDERS = {b"RIFF": "<", b"RF64": "<", b"RIFX": ">", b"FORM": ">"}  # of bytes in numbers
_FORMS = (b"WAVE", b"AIFF", b"AIFC")
_SAMPLES = (b"data", b"SSND")
_FORMATS = (b"fmt ", b"COMM")
_LARGEST = 2**32 - 1
# Sizes that programs state when they write to a pipe: about the largest of 31 or 32 bits.
_STREAMED = (range(0x7F000000, 0x80000001), range(0xFFFFF000, 2**32))
_MOST_CHUNKS = 1000
_LOOKED_AT = 4096  # bytes behind the last chunk, which may be filled up with zeros
_EXTENSIBLE, _LINEAR = 0xFFFE, (1, 3)  # formats of a WAV file; integers and floats
# Chunks that are written anew or say nothing.
_WRITTEN = {"fmt ", "data", "fact", "PEAK", "ds64", "JUNK", "junk", "PAD ", "FLLR", "COMM", "SSND", "FVER"}
_FREQUENT = {"LIST", "bext", "cue ", "smpl"}
# Texts that libsndfile reads and writes: of the INFO list of a WAV file, and chunks of an AIFF file.
INFO_TEXTS = {"INAM", "IART", "ICMT", "ICRD", "IGNR", "ICOP", "ISFT", "IPRD", "ITRK"}
AIFF_TEXTS = {"NAME", "AUTH", "(c) ", "ANNO"}


class Chunk(NamedTuple):
    """A chunk: where its content starts, the size that is stated, and how many bytes are there."""

    name: bytes
    start: int
    size: int
    held: int


class _Format(NamedTuple):
    """The storage that a WAV file states: `block` bytes in a frame, `bits` in a sample."""

    tag: int
    channels: int
    block: int
    bits: int
    mask: int


@dataclass(slots=True)
class Layout:
    """The chunks of a file, and what is wrong with them."""

    group: bytes  # RIFF, RIFX, RF64 or FORM
    form: bytes  # WAVE, AIFF or AIFC
    chunks: list[Chunk] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    displaced: bool = False  # whether the samples do not stand where sizes say

    def find(self, *names: bytes) -> Chunk | None:
        """Return the first chunk of one of these names."""
        return next((chunk for chunk in self.chunks if chunk.name in names), None)

    @property
    def can_be_mended(self) -> bool:
        """Whether there are samples, and what says how they are stored."""
        samples = self.find(*_SAMPLES)
        return samples is not None and samples.held > 0 and self.find(*_FORMATS) is not None


def read_layout(file: BinaryIO) -> Layout | None:
    """Return the chunks of a WAV or AIFF file; None for any other."""
    end = file.seek(0, 2)
    file.seek(0)
    head = file.read(12)
    if head[:4] not in _ORDERS or head[8:] not in _FORMS:
        return None
    layout = Layout(head[:4], head[8:])
    order = _ORDERS[layout.group]
    place = 12
    while len(layout.chunks) < _MOST_CHUNKS and (found := _chunk_at(file, place, end, order)):
        name, size = found
        start = place + 8
        there = end - start
        if size > there and layout.find(*_SAMPLES):
            break
        shown = name.decode("latin-1").strip()
        if name == b"data" and layout.group == b"RF64" and size == _LARGEST:
            size = _size_in_ds64(file, layout)
        elif name in _SAMPLES and any(size in each for each in _STREAMED) and size > there:
            size = there
        if name in _SAMPLES and size == 0 and not _is_whole(file, start, end, order):
            layout.faults.append(f"its {shown} chunk states 0 bytes, and {there} follow, which are read")
            size = there
        elif name in _SAMPLES and size > there:
            layout.faults.append(f"its header promises {size} bytes of samples, and {there} are there")
        layout.chunks.append(Chunk(name, start, size, min(size, there)))
        place = start + size
        if size % 2 and place < end:
            if _lacks_padding(file, place, end, order):
                layout.faults.append(f"its {shown} chunk has an odd size and no padding byte")
                layout.displaced |= layout.find(*_SAMPLES) is None
            else:
                place += 1
    file.seek(min(place, end))
    whole = len(layout.chunks) < _MOST_CHUNKS
    if whole and layout.find(*_SAMPLES) and any(file.read(_LOOKED_AT)):
        layout.faults.append(f"its last {end - place} bytes are no chunk and are not read")
    return layout


def mend(
    file: BinaryIO, layout: Layout, into: BinaryIO, *, only_samples: bool = False, most: int = 2**63
) -> None:
    """Copy the chunks with sizes that are right and whole frames, so that decoders find the samples.

    Either all chunks are copied or only those that the samples need, and at most `most` bytes of samples.
    """
    order = _ORDERS[layout.group]
    group = b"RIFF" if layout.group == b"RF64" else layout.group
    chunks = [chunk for chunk in layout.chunks if chunk.name != b"ds64"]
    if only_samples:
        chunks = [chunk for chunk in chunks if chunk.name in (*_SAMPLES, *_FORMATS, b"fact", b"FVER")]
    sizes = {chunk: min(chunk.held, most) if chunk.name in _SAMPLES else chunk.held for chunk in chunks}
    samples, stored = layout.find(b"data"), _read_format(file, layout)
    if samples and stored and stored.tag in _LINEAR:
        sizes[samples] -= sizes[samples] % max(stored.block, 1)
    whole = 4 + sum(8 + size + size % 2 for size in sizes.values())
    into.write(group + struct.pack(order + "I", min(whole, _LARGEST)) + layout.form)
    for chunk, size in sizes.items():
        into.write(chunk.name + struct.pack(order + "I", min(size, _LARGEST)))
        file.seek(chunk.start)
        for part in _parts(file, size):
            into.write(part)
        into.write(bytes(size % 2))
    into.flush()
    into.seek(0)


def other_chunks(file: BinaryIO, layout: Layout, texts: Collection[str]) -> tuple[str, ...]:
    """Return the names of chunks that say more than how samples are stored, but for these texts."""
    order = _ORDERS[layout.group]
    names: dict[str, None] = {}
    for chunk in layout.chunks:
        name = chunk.name.decode("latin-1")
        if name == "LIST" and chunk.held >= 4:
            file.seek(chunk.start)
            kind = file.read(4).decode("latin-1").strip()
            if kind != "INFO":
                names[f"LIST {kind}"] = None
                continue
            end = chunk.start + chunk.held
            found = _chunks_in(file, chunk.start + 4, end, order)
            inside = [each.decode("latin-1") for each, _ in found]
            names |= {f"INFO {each}": None for each in inside if each not in texts}
        elif name not in _WRITTEN and name not in texts:
            names[name.strip()] = None
    return tuple(names)


def channel_mask(file: BinaryIO, layout: Layout) -> int:
    """Return which loudspeakers the channels of a WAV file are for; 0 if it does not say."""
    stored = _read_format(file, layout)
    return stored.mask if stored else 0


def contradiction(file: BinaryIO, layout: Layout) -> str:
    """Say how a WAV header contradicts itself about the size of a sample; empty if it does not.

    libsndfile believes its bits then and SciPy its bytes, and one of them returns noise.
    """
    stored = _read_format(file, layout)
    if stored is None or stored.tag not in _LINEAR:
        return ""
    if stored.block == stored.channels * -(-stored.bits // 8):
        return ""
    return f"states blocks of {stored.block} bytes for {stored.channels} channels of {stored.bits} bits"


def _read_format(file: BinaryIO, layout: Layout) -> _Format | None:
    chunk = layout.find(b"fmt ")
    if chunk is None or chunk.held < 16:
        return None
    file.seek(chunk.start)
    content = file.read(min(chunk.held, 26))
    order = _ORDERS[layout.group]
    tag, channels, block, bits = struct.unpack_from(order + "HH8xHH", content)
    mask = 0
    if tag == _EXTENSIBLE and len(content) == 26:
        mask, tag = struct.unpack_from(order + "IH", content, 20)
    return _Format(tag, channels, block, bits, mask)


def _chunk_at(file: BinaryIO, place: int, end: int, order: str) -> tuple[bytes, int] | None:
    """Name and size of what begins there, if it is a chunk."""
    if end - place < 8:
        return None
    file.seek(place)
    name, size = struct.unpack(order + "4sI", file.read(8))
    if not all(32 <= letter < 127 for letter in name):
        return None
    return name, size


def _lacks_padding(file: BinaryIO, place: int, end: int, order: str) -> bool:
    """Whether the next chunk begins at once behind one of an odd size, where a byte of 0 should be."""
    at_once, later = _chunk_at(file, place, end, order), _chunk_at(file, place + 1, end, order)
    if at_once is None:  # a padding byte of 0, or any that is no letter
        return False
    if at_once[0].decode() in _WRITTEN | _FREQUENT:
        return True
    fits = at_once[1] <= end - place - 8
    return fits and not (later and later[1] <= end - place - 9)


def _is_whole(file: BinaryIO, place: int, end: int, order: str) -> bool:
    """Whether nothing but chunks lies there, the last of which ends where the file does."""
    for _, stop in _chunks_in(file, place, end, order):
        place = stop
    return end <= place <= end + 1


def _chunks_in(file: BinaryIO, place: int, end: int, order: str) -> Iterator[tuple[bytes, int]]:
    """Names of chunks, and where each ends, its padding included."""
    for _ in range(_MOST_CHUNKS):
        found = _chunk_at(file, place, end, order)
        if found is None:
            return
        name, size = found
        place += 8 + size + size % 2
        yield name, place


def _size_in_ds64(file: BinaryIO, layout: Layout) -> int:
    """The size of the samples of an RF64 file, which 32 bits cannot hold."""
    chunk = layout.find(b"ds64")
    if chunk is None or chunk.held < 16:
        return _LARGEST
    file.seek(chunk.start + 8)
    return int.from_bytes(file.read(8), "little")


def _parts(file: BinaryIO, size: int) -> Iterator[bytes]:
    while size > 0 and (part := file.read(min(size, 2**20))):
        size -= len(part)
        yield part
