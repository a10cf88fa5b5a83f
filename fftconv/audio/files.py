"""From sound file to sound file, block by block, in memory that does not grow with the file."""

from __future__ import annotations

import inspect
import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fftconv._files import StrPath, check_target, read_path
from fftconv.audio import effects, responses
from fftconv.audio.codecs import AudioMetadata, Reader, choose_format, plan_output
from fftconv.audio.io import (
    BLOCK,
    blocks_of,
    check_headroom,
    gain_for,
    opened,
    peak_of,
    warn_of_damage,
    warn_of_lost_parts,
    writing,
)
from fftconv.audio.responses import KernelLimit, Response
from fftconv.streaming import StreamingConvolver

Array = np.ndarray[Any, np.dtype[Any]]
Progress = Callable[[int, int], None]

_RESPONSES: dict[Callable[..., Any], Callable[..., Response]] = {
    effects.smooth: responses.smoothing,
    effects.echo: responses.echoes,
    effects.reverb: responses.reverberation,
    effects.fir: responses.band_filter,
}
_TAPS_FOR_ANY_FILE = 2**23  # in all channels: 22 s of stereo at 192 kHz
_NUMBERS = 2**20  # that are convolved together, in all channels
_GIVEN = ("signal", "sample_rate")  # to effects, by the file
_PADDING = {"nearest": "edge", "reflect": "symmetric", "mirror": "reflect"}  # NumPy's names of boundaries


@dataclass(frozen=True, slots=True)
class AudioReport:
    """What became of a file.

    Attributes
    ----------
    source, target : Path
        The file read and the file written.
    sample_rate, channels, frames : int
        Of what was written.
    clipped : int
        Samples beyond full scale, which were written at full scale.
    gain : float
        By what the result was multiplied, for `headroom`.
    partitioning : str
        How the kernel was cut.
    filter_seconds, seconds : float
        Time in the convolution alone, and with reading and writing.
    """

    source: Path
    target: Path
    sample_rate: int
    channels: int
    frames: int
    clipped: int
    gain: float
    partitioning: str
    filter_seconds: float
    seconds: float


def filter_file(
    source: StrPath,
    target: StrPath,
    filter: Callable[..., Any] | ArrayLike,  # noqa: A002
    *,
    subtype: str | None = None,
    headroom: float | None = None,
    on_progress: Progress | None = None,
    **parameters: Any,
) -> AudioReport:
    """Filter a sound file of any length into another one.

    Blocks are read, convolved and written one after the other, so memory does not depend on the length of
    the file; with SciPy instead of soundfile it does. The result is that of the effect on the whole, tail
    and all.

    Parameters
    ----------
    source : path-like
        File to read, as in `fftconv.audio.read`.
    target : path-like
        File to write; the suffix chooses the format. It must not be the source. Written whole or not at
        all, with the source's tags. A warning names chunks of the source, and its channel mask, that are
        not kept.
    filter : callable or array_like
        `smooth`, `echo`, `reverb` or `fir` of this module, or taps of a kernel, of shape (taps,),
        (taps, channels) or (taps, channels, outputs).
    subtype : str, optional
        How samples are stored, as in `fftconv.audio.write`; by default as in the source.
    headroom : float, optional
        Scale the result so that its peak is so many decibels below full scale. The file is filtered twice
        then, the first time to find the peak.
    on_progress : callable, optional
        Called with the frames that are done and those that there are to do.
    **parameters
        Of `filter`, without signal and sample rate.

    Returns
    -------
    AudioReport
        How much was clipped, and how long it took.

    Raises
    ------
    ValueError
        If the source is no sound file or is empty, the target is the source, the format cannot hold the
        result, something is not accepted, or it needs more taps than a file of that size may have: 2**23 in
        all channels, or twice the bytes of a larger file.
    TypeError
        If `filter` is another function.
    OSError
        If a file cannot be read or written.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from fftconv import audio
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     target = Path(folder) / "echo.wav"
    ...     report = audio.filter_file("samples/melody.wav", target, audio.echo, delay=0.3, decay=0.5)
    ...     report.frames, report.clipped, report.partitioning
    (138915, 0, '2 taps one by one')
    """
    begun = time.perf_counter()
    origin, goal = read_path("source", source), read_path("target", target)
    check_target(goal, origin)
    choose_format(goal)
    with opened(origin) as reader:
        about = reader.metadata
        response = _response(filter, parameters, about.sample_rate, kernel_limit(origin, about))
        effects.check_channels(response, about.channels)
        expected = about.frames + (response.reach - response.advance if response.tail else 0)
        channels = response.taps.shape[2] if response.taps.ndim == 3 else about.channels
        planned = plan_output(goal, subtype, replace(about, channels=channels, frames=expected))
        passes = 1 if headroom is None else 2
        work = _Work(response, about.channels, passes * about.frames, on_progress)
        gain = 1.0
        if headroom is not None:
            full_scale = check_headroom(headroom, planned.subtype)
            gain = gain_for(max(map(peak_of, work.run(reader)), default=0.0), full_scale)
            reader.seek(0)
        result = work.run(reader)
        first = next(result, None)  # before a file is begun
        if first is None:
            raise ValueError(f"{origin} holds no samples")
        frames = 0
        with writing(goal, planned) as writer:
            for block in itertools.chain([first], result):
                writer.write(block if gain == 1 else block * gain)
                frames += len(block)
    warn_of_damage(origin, work.frames, about, reader.faults)
    warn_of_lost_parts(goal, planned)
    return AudioReport(
        origin,
        goal,
        about.sample_rate,
        channels,
        frames,
        writer.clipped,
        gain,
        work.convolver.partitioning,
        work.seconds,
        time.perf_counter() - begun,
    )


def _response(
    filter: Callable[..., Any] | ArrayLike,  # noqa: A002
    parameters: dict[str, Any],
    sample_rate: int,
    limit: KernelLimit,
) -> Response:
    if not callable(filter) and not isinstance(filter, str):
        if parameters:
            raise TypeError(f"taps of a kernel take no {next(iter(parameters))}; leave it out")
        return responses.own_kernel(filter, "filter")
    if filter not in _RESPONSES:
        known = ", ".join(effect.__name__ for effect in _RESPONSES)
        raise TypeError(f"filter={filter!r} is not accepted; pass one of {known}, or the taps of a kernel")
    every = inspect.signature(filter).parameters
    taken = [each for each in every.values() if each.name not in _GIVEN]
    names = [each.name for each in taken]
    unknown = [name for name in parameters if name not in names]
    missing = [each.name for each in taken if each.default is each.empty and each.name not in parameters]
    if unknown or missing:
        wrong = f"does not take {unknown[0]}" if unknown else f"needs {missing[0]}"
        raise TypeError(f"{filter.__name__} {wrong}; its parameters are {', '.join(names)}")
    given = {"sample_rate": sample_rate} if "sample_rate" in every else {}
    return _RESPONSES[filter](**given, **parameters, limit=limit)


def kernel_limit(path: Path, about: AudioMetadata) -> KernelLimit:
    """Return how many taps an effect may have for a file.

    Seconds and Hz become taps by the sample rate that the header states, which may be wrong. A small file
    gets 2**23 taps, which take up to 1 GiB and 6 s; a larger one as many as twice its bytes.
    """
    numbers = min(max(_TAPS_FOR_ANY_FILE, 2 * path.stat().st_size), responses.MOST_TAPS)
    return KernelLimit(numbers, about.channels, path, about.sample_rate)


class _Work:
    """A response at work on the blocks of a file."""

    def __init__(
        self, response: Response, channels: int, expected: int, on_progress: Progress | None
    ) -> None:
        self._response, self._expected, self._on_progress = response, expected, on_progress
        self._block = min(BLOCK, 2 ** (max(_NUMBERS // channels, 1).bit_length() - 1))
        self.convolver = StreamingConvolver(
            response.dense(), block_size=self._block, channels=channels, dtype="float64"
        )
        self.seconds = 0.0
        self.frames = 0
        self._done = 0

    def run(self, reader: Reader) -> Iterator[Array]:
        """The blocks of the result; none if there is no sample."""
        response = self._response
        extended = response.boundary != "zero"
        blocks = blocks_of(reader)
        first = _at_least(blocks, response.reach + 1 if extended else 1)  # a mirror leaves the end out
        if first is None:
            return
        skip = response.advance
        self.frames = 0
        if extended:
            yield from self._later(self._extension(first, response.reach, 0), response.reach)
        end = first[:0]
        for block in itertools.chain([first], blocks):
            self.frames += len(block)
            if extended:
                end = np.concatenate([end, block])[-response.advance - 1 :]
            yield from self._later(block, skip)
            skip = max(skip - len(block), 0)
            self._done += len(block)
            if self._on_progress:
                self._on_progress(self._done, max(self._expected, self._done))
        if extended:
            yield from self._later(self._extension(end, 0, response.advance), skip)
        else:
            rest = response.reach if response.tail else response.advance
            for start in range(0, rest, self._block):
                silence = np.zeros((min(self._block, rest - start), first.shape[1]))
                yield from self._later(silence, skip)
                skip = max(skip - len(silence), 0)
        self.convolver.reset()

    def _extension(self, samples: Array, before: int, after: int) -> Array:
        """What stands before the first samples, or after the last."""
        padded = np.pad(samples, ((before, after), (0, 0)), mode=_PADDING[self._response.boundary])  # type: ignore[call-overload]
        return np.asarray(padded[:before] if before else padded[len(samples) :])

    def _later(self, block: Array, skip: int) -> Iterator[Array]:
        """What a block gives, but for the first outputs."""
        for start in range(0, len(block), self._block):
            result = self._timed(self.convolver.process, block[start : start + self._block])
            if skip < len(result):
                yield result[skip:]
            skip = max(skip - len(result), 0)

    def _timed(self, work: Callable[..., Array], *arguments: Any) -> Array:
        begun = time.perf_counter()
        result = work(*arguments)
        self.seconds += time.perf_counter() - begun
        return result


def _at_least(blocks: Iterator[Array], frames: int) -> Array | None:
    """The first blocks, until they have so many frames; None if there are none."""
    taken: list[Array] = []
    while sum(map(len, taken)) < frames and (block := next(blocks, None)) is not None:
        taken.append(block)
    return np.concatenate(taken) if taken else None
