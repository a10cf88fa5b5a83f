"""How a long kernel is cut for convolution block by block, so that the first outputs need not wait.

The first taps are added up one by one, or transformed together with each block; later ones in longer and
longer blocks, each of which is transformed while the next comes in. What that costs a sample is predicted,
and the cheapest way is taken.

(W. G. Gardner, "Efficient convolution without input-output delay", J. Audio Eng. Soc. 43 (1995) 127; G.
García, "Optimal filter partition for efficient convolution with short input/output delay", 113th AES
Convention (2002), who chooses by cost too.)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np

from fftconv._error_bound import direct_error_factor, fft_error_factor, unit_roundoff

Partitions = Literal["auto", "direct", "uniform", "nonuniform"]
PARTITIONS = ("auto", "direct", "uniform", "nonuniform")

LONGEST_BLOCK = 2**20

# Nanoseconds a sample and byte of a number, measured with float32 and float64 on an AVX-512 Xeon at 2.5
# GHz; only their ratios count.
_POINT = 0.15  # times the logarithm of the transform's length, there and back, with blocks of half of it
_PARTITION_NEAR, _PARTITION_FAR = 0.04, 0.15  # for each block of taps; spectra in the cache or beyond
_TAP = 0.009
_CACHE_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class Segment:
    """`count` blocks of `size` taps from tap `first` on, each in a transform of `length` points."""

    first: int
    size: int
    count: int
    length: int

    @property
    def stop(self) -> int:
        return self.first + self.size * self.count

    @property
    def at_once(self) -> bool:
        """Whether outputs are wanted with the last sample of a block, and not a block later."""
        return self.first < 2 * self.size


@dataclass(frozen=True, slots=True)
class Partitioning:
    """Taps 0 .. direct - 1 one by one, the others in segments, later ones in longer blocks.

    Where the first segment begins with tap 0 the direct ones are of use for parts of a block alone. Of all
    taps `spikes` are not 0.
    """

    taps: int
    spikes: int
    direct: int
    segments: tuple[Segment, ...]

    def __str__(self) -> str:
        parts = [f"{part.count} blocks of {part.size} taps" for part in self.segments]
        if not self.segments or self.segments[0].first:
            parts.insert(0, f"{min(self.direct, self.spikes)} taps one by one")
        return ", ".join(parts)

    def error_factor(self, dtype: np.dtype[Any]) -> float:
        """Largest error of an output, as a multiple of |x|_2 |h|_2.

        Errors of the parts add up. In a segment every sample is in `length / size` transforms, and products
        of `count` spectra are added up.
        """
        factor = direct_error_factor(min(self.direct, self.spikes), dtype)
        for part in self.segments:
            repeats = math.sqrt(-(-part.length // part.size))
            sums = part.count * unit_roundoff(dtype)
            factor += repeats * math.sqrt(2) * (fft_error_factor(part.length, dtype) + 2 * sums)
        return factor + 2 * (len(self.segments) + 1) * unit_roundoff(dtype)


def partition(
    taps: int, spikes: int, block_size: int, how: Partitions, itemsize: int, lengths: tuple[int, ...]
) -> Partitioning:
    """The cheapest way that is allowed, for taps of which so many are not 0.

    `lengths` are those of the transforms there are, in order.
    """
    ways = [
        make(taps, spikes, block_size, itemsize, lengths)
        for name, make in _WAYS.items()
        if how in ("auto", name)
    ]
    return min(ways, key=lambda way: way[0])[1]


_Way = tuple[float, Partitioning]


def _direct(taps: int, spikes: int, block_size: int, itemsize: int, lengths: tuple[int, ...]) -> _Way:
    return itemsize * _TAP * spikes, Partitioning(taps, spikes, taps, ())


def _uniform(taps: int, spikes: int, block_size: int, itemsize: int, lengths: tuple[int, ...]) -> _Way:
    segment = _segment(0, taps, block_size, lengths)
    return _cost(segment, itemsize), Partitioning(taps, spikes, min(taps, block_size), (segment,))


def _nonuniform(taps: int, spikes: int, block_size: int, itemsize: int, lengths: tuple[int, ...]) -> _Way:
    """Some direct taps, or blocks that fit into one of `block_size`, and then longer and later blocks."""
    sizes = tuple(length // 2 for length in lengths if length & (length - 1) == 0)
    starts = [2 * size for size in sizes if 2 * size < taps]
    ways = []
    for first in starts or [min(taps, 2 * sizes[0])]:
        cost, segments = _later_segments(first, taps, itemsize, sizes)
        ways.append((itemsize * _TAP * first + cost, Partitioning(taps, spikes, first, segments)))
    for size in _whole_parts(block_size, sizes[0]):
        for stop in [*starts, taps]:
            head = _segment(0, stop, size, lengths)
            cost, segments = _later_segments(head.stop, taps, itemsize, sizes)
            direct = min(taps, size)
            way = Partitioning(taps, spikes, direct, (head, *segments))
            ways.append((_cost(head, itemsize) + cost, way))
    return min(ways, key=lambda way: way[0])


def _whole_parts(block_size: int, least: int) -> list[int]:
    """Sizes of which a block holds a power of two; itself if it is small."""
    parts = [block_size]
    while parts[-1] % 2 == 0 and parts[-1] // 2 >= least:
        parts.append(parts[-1] // 2)
    return parts


_WAYS = {"direct": _direct, "uniform": _uniform, "nonuniform": _nonuniform}


@lru_cache(maxsize=4096)
def _later_segments(
    first: int, taps: int, itemsize: int, sizes: tuple[int, ...]
) -> tuple[float, tuple[Segment, ...]]:
    """The cheapest segments from tap `first` on, with blocks of at most half as many taps."""
    if first >= taps:
        return 0.0, ()
    ways = []
    for place, size in enumerate(sizes):
        if 2 * size > first:
            break
        stops = [2 * larger for larger in sizes[place + 1 :] if first < 2 * larger < taps]
        for stop in [*stops, taps]:
            segment = _segment(first, stop, size, (2 * size,))
            cost, segments = _later_segments(segment.stop, taps, itemsize, sizes)
            ways.append((_cost(segment, itemsize) + cost, (segment, *segments)))
    return min(ways, key=lambda way: way[0])


def _segment(first: int, stop: int, size: int, lengths: tuple[int, ...]) -> Segment:
    """Blocks up to tap `stop`, an even number of them: two halves are real and imaginary part."""
    count = -(-(stop - first) // size)
    length = next(length for length in lengths if length >= 2 * size)
    return Segment(first, size, count + count % 2, length)


def _cost(segment: Segment, itemsize: int) -> float:
    """Of a sample."""
    spectra = 4 * itemsize * segment.count * segment.length // 2
    each = _PARTITION_NEAR if spectra < _CACHE_BYTES else _PARTITION_FAR
    points = segment.length / (2 * segment.size)
    return itemsize * points * (_POINT * math.log2(segment.length) + each * segment.count)
