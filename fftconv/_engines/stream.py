"""Streams: convolutions that are fed samples as they come, on the native core or with NumPy.

Both take the same connections, which tap array leads from which input to which output, and the same
partitioning, and have the same methods. Samples are frames x channels. A sample that is not finite counts
as 0, and `process` says False.

What a stream has taken in can be saved, and restored in another stream of the same taps, which then goes on
to the same bits. A core keeps it as its vectors like it, so it is restored by the same kind of core alone.

The core transforms complex numbers: what is real and imaginary part of one transform is settled here. The
work on long blocks is spread over the samples that follow, which NumPy's is not.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import Any, NamedTuple, Protocol

import numpy as np

from fftconv._engines import core as native
from fftconv._engines import overlap_save
from fftconv._native import ENVIRONMENT_VARIABLE, PYTHON, core
from fftconv._partitions import Partitioning, Segment

Array = np.ndarray[Any, np.dtype[Any]]


class Connection(NamedTuple):
    """From an input to an output."""

    input: int
    output: int
    taps: Array


class Stream(Protocol):
    """What both kinds have."""

    def process(self, samples: Array, out: Array) -> bool:
        """Take samples, frames x inputs, and give as many, frames x outputs; False if one was not
        finite."""

    def reset(self) -> None:
        """Forget all samples."""

    def state_sizes(self) -> list[int]:
        """Return how many numbers, and how many places among them, hold what was taken in."""

    def save(self, numbers: Array, places: Array) -> None:
        """Write what was taken in; the first of the places is the number of samples."""

    def restore(self, numbers: Array, places: Array) -> None:
        """Read what `save` wrote, or raise ValueError where another stream must have written it."""

    @property
    def nbytes(self) -> int: ...


class StreamState(NamedTuple):
    """The samples that a stream has taken in, as far as outputs depend on them, as `save` writes them."""

    core: str
    """The level of the native core, or "python"."""
    numbers: Array
    places: Array


def make_stream(
    connections: list[Connection], inputs: int, outputs: int, parts: Partitioning, dtype: np.dtype[Any]
) -> Stream:
    """A stream of float32 or float64 numbers."""
    make = _native_stream if core is not None else NumpyStream
    return make(connections, inputs, outputs, parts, dtype)


def save_state(stream: Stream, dtype: np.dtype[Any]) -> StreamState | None:
    """Return a copy of what a stream has taken in, or None if it has taken in nothing."""
    numbers, places = stream.state_sizes()
    state = StreamState(_core_of(stream), np.empty(numbers, dtype), np.empty(places, np.int64))
    stream.save(state.numbers, state.places)
    return state if state.places[0] else None


def restore_state(stream: Stream, state: StreamState | None) -> None:
    """Let a new stream of the same taps go on where another was.

    Raises
    ------
    ValueError
        If the other was one of another core, of other taps or of another version of this package.
    """
    if state is None:
        return
    core_of_state, numbers, places = state
    if core_of_state != (here := _core_of(stream)):
        raise ValueError(
            f"a StreamingConvolver that was copied in the middle of a signal on core {core_of_state!r} "
            f"cannot go on with {here!r}, which rounds otherwise; set {ENVIRONMENT_VARIABLE} to the same "
            f"core for both, such as {PYTHON}, or copy it after flush() or reset()"
        )
    stream.restore(np.ascontiguousarray(numbers), np.ascontiguousarray(places))


def _core_of(stream: Stream) -> str:
    return PYTHON if isinstance(stream, NumpyStream) else str(core.level())


def lengths() -> tuple[int, ...]:
    """Of the transforms that segments may have."""
    return overlap_save.native_lengths(True)


# ------------------------------------------------------------------------------------------ the native core

_Term = tuple[int, Array, Array | None]  # feed; taps that are the real and the imaginary part
_Sink = tuple[tuple[int, int], tuple[int, int], list[_Term]]  # outputs, delays


def _native_stream(
    connections: list[Connection], inputs: int, outputs: int, parts: Partitioning, dtype: np.dtype[Any]
) -> Stream:
    feeds = _feeds(connections, inputs)
    direct = []
    for each in connections:
        delays, taps = _spikes(each.taps[: parts.direct], dtype)
        direct.append((each.input, each.output, taps.size, taps, delays))
    segments = []
    for segment in parts.segments:
        sinks, count = _sinks(connections, feeds, segment, dtype)
        transform = native.line_transform(dtype, overlap_save.sides((segment.length,)))
        segments.append((transform, segment.size, count, segment.at_once, sinks))
    stream: Stream = core.Stream(dtype.char == "f", inputs, outputs, direct, feeds, segments)
    return stream


def _spikes(taps: Array, dtype: np.dtype[Any]) -> tuple[Array, Array]:
    """Where taps are not 0, and what they are: of an echo only the copies cost anything."""
    delays = np.flatnonzero(taps).astype(np.int64)
    return delays, taps[delays].astype(dtype)


def _has_one_kernel(connections: list[Connection]) -> bool:
    """Whether every channel goes the same way to its own output."""
    first = connections[0].taps
    return all(each.input == each.output and each.taps is first for each in connections)


def _feeds(connections: list[Connection], inputs: int) -> list[tuple[int, int]]:
    """Which inputs are real and imaginary part of a transform: two that have the same kernel."""
    if inputs > 1 and _has_one_kernel(connections):
        return list(zip_longest(range(0, inputs, 2), range(1, inputs, 2), fillvalue=-1))
    return [(channel, -1) for channel in range(inputs)]


def _sinks(
    connections: list[Connection], feeds: list[tuple[int, int]], segment: Segment, dtype: np.dtype[Any]
) -> tuple[list[_Sink], int]:
    """What is added up before it is transformed back, and the number of blocks in each sum.

    Channels that share a kernel come out as they went in. Otherwise the input is real, and the taps are
    complex: real and imaginary part belong to two outputs, or, where each output has one input, to the
    first and the second half of the segment, which is only delayed by more.
    """
    taps = [_block_of(each.taps, segment, dtype) for each in connections]
    delays = segment.first, segment.first
    if any(imaginary >= 0 for _, imaginary in feeds):
        return [(feed, delays, [(place, taps[0], None)]) for place, feed in enumerate(feeds)], segment.count
    outputs = sorted({each.output for each in connections})
    if len(outputs) == len(connections):
        half = segment.count // 2
        cut = half * segment.size
        return [
            ((each.output,) * 2, (segment.first, segment.first + cut), [(each.input, of[:cut], of[cut:])])
            for each, of in zip(connections, taps, strict=True)
        ], half
    pairs = {(each.input, each.output): of for each, of in zip(connections, taps, strict=True)}
    sinks: list[_Sink] = []
    for real, imaginary in zip_longest(outputs[::2], outputs[1::2], fillvalue=-1):
        terms: list[_Term] = [  # every input leads to every output; none to -1
            (feed, pairs[feed, real], pairs.get((feed, imaginary))) for feed in range(len(feeds))
        ]
        sinks.append(((real, imaginary), delays, terms))
    return sinks, segment.count


def _block_of(taps: Array, segment: Segment, dtype: np.dtype[Any]) -> Array:
    """The taps of a segment, with zeros behind the last."""
    block = np.zeros(segment.size * segment.count, dtype)
    part = taps[segment.first : segment.stop]
    block[: part.size] = part
    return block


# ---------------------------------------------------------------------------------------------------- NumPy

_LONGEST_STEP = 4096  # samples that go the way of the direct taps together
_LONG_PART = 256  # samples that take longer one by one than in a transform, whatever its length
_SPARSE = 1 / 64  # of the taps, up to which each is added on its own


class NumpyStream:
    """The same with real transforms of NumPy; a long block is worked on when its last sample comes."""

    def __init__(
        self,
        connections: list[Connection],
        inputs: int,
        outputs: int,
        parts: Partitioning,
        dtype: np.dtype[Any],
    ) -> None:
        self._direct = [(each, *_spikes(each.taps[: parts.direct], dtype)) for each in connections]
        self._segments = [_NumpySegment(connections, inputs, part, dtype) for part in parts.segments]
        longest = max((part.length + part.size for part in parts.segments), default=0)
        latest = max((part.stop + 2 * part.size for part in parts.segments), default=0)
        self._samples = _Samples(inputs, max(longest, parts.direct + _LONGEST_STEP), dtype)
        self._results = _Results(outputs, latest + _LONGEST_STEP, dtype)
        self._finite = np.empty(
            (inputs, max([_LONGEST_STEP, *(part.size for part in parts.segments)])), bool
        )
        self._sums = np.empty((outputs, _LONGEST_STEP), dtype)
        self.reset()

    @property
    def nbytes(self) -> int:
        arrays = [self._samples.numbers, self._results.numbers, self._sums, self._finite]
        return sum(array.nbytes for array in arrays) + sum(part.nbytes for part in self._segments)

    def reset(self) -> None:
        self._samples.numbers[...] = 0
        self._results.numbers[...] = 0
        for segment in self._segments:
            segment.reset()
        self._position = 0

    def state_sizes(self) -> list[int]:
        return [sum(part.size for part in self._parts()), 1 + len(self._segments)]

    def save(self, numbers: Array, places: Array) -> None:
        np.concatenate(self._parts(), out=numbers)
        places[:] = [self._position, *(segment.newest for segment in self._segments)]

    def restore(self, numbers: Array, places: Array) -> None:
        sizes = numbers.size, places.size
        if [*sizes] != self.state_sizes() or numbers.dtype != self._sums.dtype or places.dtype != np.int64:
            raise ValueError("the state of a stream has other arrays than this stream")
        position, *newest = map(int, places)
        slots = [segment.count for segment in self._segments]
        if position < 0 or not all(0 <= slot < count for slot, count in zip(newest, slots, strict=True)):
            raise ValueError("the state of a stream holds a place that no stream can come to")
        parts = self._parts()
        ends = np.cumsum([part.size for part in parts])
        for part, values in zip(parts, np.split(numbers, ends[:-1]), strict=True):
            part[:] = values
        self._position = position
        for segment, slot in zip(self._segments, newest, strict=True):
            segment.newest = slot

    def _parts(self) -> list[Array]:
        """All numbers that hold what was taken in, as views of one axis."""
        held = [self._samples.numbers, self._results.numbers]
        held += [segment.spectra.view(self._sums.dtype) for segment in self._segments]
        return [numbers.reshape(-1) for numbers in held]

    def process(self, samples: Array, out: Array) -> bool:
        done, finite = 0, True
        head = self._segments[0] if self._segments and self._segments[0].at_once else None
        while done < len(samples):
            left = [part.size - self._position % part.size for part in self._segments]
            step = min([len(samples) - done, *left])
            whole = head is not None and step == head.size
            part = head is not None and not whole and step >= _LONG_PART
            if not whole and not part:
                step = min(step, _LONGEST_STEP)
            finite &= self._take(samples[done : done + step])
            begins = head is not None and self._position % head.size == 0
            self._position += step
            result = out[done : done + step]
            if not whole:
                if head is not None and begins:
                    head.add_earlier_blocks(self._position - step + head.size, self._results)
                if head is not None and part:
                    head.add_part(self._position, step, self._samples, self._results)
                else:
                    self._add_up(step)
            for segment in self._segments:
                if self._position % segment.size == 0:
                    segment.add_block(self._position, self._samples, self._results, whole)
            self._results.take(self._position, result)
            if not whole and not part:
                np.add(result, self._sums[:, :step].T, out=result)
            done += step
        return finite

    def _take(self, samples: Array) -> bool:
        finite = self._finite[:, : len(samples)]
        np.isfinite(samples.T, out=finite)
        whole = bool(finite.all())
        self._samples.put(self._position, samples.T if whole else np.where(finite, samples.T, 0))
        return whole

    def _add_up(self, step: int) -> None:
        """What the direct taps give."""
        sums = self._sums[:, :step]
        sums[...] = 0
        for each, delays, taps in self._direct:
            reach = int(delays[-1]) if delays.size else 0
            window = self._samples.before(self._position, step + reach)[each.input]
            if delays.size < _SPARSE * (reach + 1):
                for delay, tap in zip(delays, taps, strict=True):
                    start = reach - delay
                    sums[each.output] += tap * window[start : start + step]
            else:
                dense = np.zeros(reach + 1, taps.dtype)
                dense[reach - delays] = taps
                sums[each.output] += np.correlate(window, dense)


class _NumpySegment:
    def __init__(
        self, connections: list[Connection], inputs: int, part: Segment, dtype: np.dtype[Any]
    ) -> None:
        self.size, self.count, self.at_once = part.size, part.count, part.at_once
        self._first, self._length = part.first, part.length
        spectrum = (part.count, part.length // 2 + 1)
        complex_dtype = np.result_type(dtype, np.complex64)
        self._taps = []
        for each in connections:
            blocks = _block_of(each.taps, part, dtype).reshape(part.count, part.size)
            self._taps.append((each.input, each.output, np.fft.rfft(blocks, part.length)))
        self.spectra = np.zeros((inputs, *spectrum), complex_dtype)
        self._products = np.empty(spectrum, complex_dtype)
        self._sum = np.empty(spectrum[1], complex_dtype)
        self._numbers = np.empty(part.length, dtype)
        self.reset()

    @property
    def nbytes(self) -> int:
        held = [self.spectra, self._products, self._sum, self._numbers, *(taps for *_, taps in self._taps)]
        return sum(array.nbytes for array in held)

    def reset(self) -> None:
        self.spectra[...] = 0
        self.newest = 0

    def add_block(self, position: int, samples: _Samples, results: _Results, whole: bool) -> None:
        """Take up the samples before `position`, and add what they and earlier ones give.

        Of the head of a kernel that came in parts the outputs are out already.
        """
        self.newest = (self.newest + 1) % self.count
        window = samples.before(position, self._length)
        for channel, spectra in enumerate(self.spectra):
            np.fft.rfft(window[channel], out=spectra[self.newest])
        if whole or not self.at_once:
            self._add(0, position, results)

    def add_part(self, position: int, step: int, samples: _Samples, results: _Results) -> None:
        """What the first block of taps gives to the last samples of a block that is not complete."""
        filled = self._length - self.size + (position - 1) % self.size + 1
        for channel, output, taps in self._taps:
            self._numbers[:filled] = samples.before(position, filled)[channel]
            self._numbers[filled:] = 0
            np.multiply(np.fft.rfft(self._numbers, out=self._sum), taps[0], out=self._sum)
            np.fft.irfft(self._sum, self._length, out=self._numbers)
            results.add(position - step + self._first, output, self._numbers[filled - step : filled])

    def add_earlier_blocks(self, position: int, results: _Results) -> None:
        """What the blocks so far give to the outputs before `position`."""
        if self.count > 1:
            self._add(1, position, results)

    def _add(self, first: int, position: int, results: _Results) -> None:
        number = self.count - first
        back = min(self.newest + 1, number)  # slots from the newest down, and then from the last
        for channel, output, taps in self._taps:
            spectra, products = self.spectra[channel], self._products[:number]
            np.multiply(
                spectra[: self.newest + 1][::-1][:back], taps[first : first + back], out=products[:back]
            )
            if back < number:
                rest = number - back
                np.multiply(spectra[::-1][:rest], taps[first + back :], out=products[back:])
            np.add.reduce(products, axis=0, out=self._sum)
            np.fft.irfft(self._sum, self._length, out=self._numbers)
            results.add(position - self.size + self._first, output, self._numbers[-self.size :])


class _Samples:
    """What came last, by position, each number twice, so that it lies in one piece."""

    def __init__(self, channels: int, least: int, dtype: np.dtype[Any]) -> None:
        self._size = 1 << (least - 1).bit_length()
        self.numbers = np.zeros((channels, 2 * self._size), dtype)

    def put(self, position: int, values: Array) -> None:
        start, count = position % self._size, values.shape[1]
        cut = min(count, self._size - start)
        self.numbers[:, start : start + count] = values
        self.numbers[:, self._size + start : self._size + start + cut] = values[:, :cut]
        self.numbers[:, : count - cut] = values[:, cut:]

    def before(self, position: int, count: int) -> Array:
        """The last so many numbers before a position."""
        start = (position - count) % self._size
        return self.numbers[:, start : start + count]


class _Results:
    """What is known of the outputs to come, by position."""

    def __init__(self, channels: int, least: int, dtype: np.dtype[Any]) -> None:
        self._size = least
        self.numbers = np.zeros((channels, least), dtype)

    def add(self, position: int, channel: int, values: Array) -> None:
        start = position % self._size
        cut = min(values.size, self._size - start)
        self.numbers[channel, start : start + cut] += values[:cut]
        self.numbers[channel, : values.size - cut] += values[cut:]

    def take(self, position: int, out: Array) -> None:
        """Those before a position, which make room."""
        start = (position - len(out)) % self._size
        cut = min(len(out), self._size - start)
        for to, numbers in (
            (out[:cut], self.numbers[:, start : start + cut]),
            (out[cut:], self.numbers[:, : len(out) - cut]),
        ):
            to[...] = numbers.T
            numbers[...] = 0
