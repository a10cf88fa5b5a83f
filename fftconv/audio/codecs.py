"""Sound files block by block: through soundfile where it is installed, WAV through SciPy where not.

A reader gives frames x channels as float64 with full scale at 1, until there are no more; nothing that a
header says decides how much memory is taken. A writer takes such blocks, rounds them once and counts what
it clips. Whether a file can be written is tried in memory before the work.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import struct
import tempfile
import threading
import warnings
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np

from fftconv._files import open_file
from fftconv.audio.chunks import (
    AIFF_TEXTS,
    INFO_TEXTS,
    Layout,
    channel_mask,
    contradiction,
    mend,
    other_chunks,
    read_layout,
)

try:
    import soundfile
except (ImportError, OSError):  # not installed, or without the library that it needs
    soundfile = None

Array = np.ndarray[Any, np.dtype[Any]]

FORMATS = {
    ".wav": "WAV",
    ".flac": "FLAC",
    ".ogg": "OGG",
    ".opus": "OGG",
    ".mp3": "MP3",
    ".aif": "AIFF",
    ".aiff": "AIFF",
}
_INTEGER_BITS = {"PCM_U8": 8, "PCM_S8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
_UNLIMITED = ("FLOAT", "DOUBLE")  # hold what is beyond full scale
_FINE = ("PCM_24", "PCM_32", *_UNLIMITED)
_PLAIN_SUBTYPES = {"PCM_U8": "u1", "PCM_16": "i2", "PCM_32": "i4", "FLOAT": "f4", "DOUBLE": "f8"}
_MOST_WAV_BYTES = 2**32 - 2**16  # of samples, which 32 bits of a header can count; longer files become RF64
_BLOCK = 2**20  # numbers that are read or written together
_ENCODED_FRAMES = 4096  # encoders for Vorbis put a whole block on the stack
_MOST_FRAMES_A_BYTE = 1024  # beyond it a header is not believed, and frames are counted
_TRIED = 2**16  # bytes of samples, of a file that is to be mended
_UNKNOWN = 2**63 - 1  # libsndfile's number of frames where the header tells none
_MOST_RATE = 2**31 - 1  # that libsndfile takes
_LEAST_REST = 1024  # bytes behind the last frame of a FLAC file that are no tag
_DOUBTS = ("should be", "truncated", "lacks an end-of-stream bit", "Junk after the last page")
_UNCLEAR = ("Format not recognised", "the encoder does not take that")
# libvorbis 1.3.7 crashes the process with more.
_MOST_OF_VORBIS = {"Hz": 200_000, "channels": 255}
# What libsndfile writes as the loudspeakers of so many channels, and for others 0.
_USUAL_MASKS = {1: 0x4, 2: 0x3, 4: 0x33, 6: 0x3F, 8: 0xFF}
INSTALL = 'install soundfile with: pip install "fftconv[audio]"'


@dataclass(frozen=True, slots=True)
class AudioMetadata:
    """What a file says about its samples, to be written with the filtered ones.

    Attributes
    ----------
    sample_rate : int
        Frames per second.
    channels, frames : int
        What the header says; a damaged file may hold fewer frames. They are counted where it does not say.
    format, subtype : str
        "WAV", "FLAC", ... and "PCM_16", "PCM_24", "FLOAT", "VORBIS", ..., as in soundfile.
    tags : mapping
        Title, artist, date and so on, by name.
    channel_mask : int
        Which loudspeakers the channels of a WAV file are for, one bit each; 0 where the file does not say.
        Kept in WAV files where it is the usual one for 1, 2, 4, 6 or 8 channels.
    chunks : tuple of str
        Names of the other chunks of a WAV or AIFF file, such as "bext", "cue" and "smpl". They are not
        written.
    """

    sample_rate: int
    channels: int
    frames: int
    format: str
    subtype: str
    tags: Mapping[str, str] = field(default_factory=dict)
    channel_mask: int = 0
    chunks: tuple[str, ...] = ()


class Reader(Protocol):
    """An open sound file, and what is wrong with its header."""

    metadata: AudioMetadata
    faults: list[str]

    def read(self, frames: int) -> Array:
        """The next so many frames, fewer at the end, then none."""

    def seek(self, frame: int) -> None:
        """Go on with another frame."""

    def close(self) -> None: ...


class Writer(Protocol):
    """A sound file that is being written."""

    clipped: int

    def write(self, block: Array) -> None: ...

    def close(self) -> None: ...

    def check(self) -> None:
        """Make sure, once it is closed, that all is there."""


def open_reader(path: Path) -> Reader:
    """Open a file to read; the cause of whatever fails is an OSError or a ValueError that names it."""
    reader: Reader = _SciPyReader(path) if soundfile is None else _SoundfileReader(path)
    if not 1 <= reader.metadata.sample_rate <= _MOST_RATE:
        reader.close()
        raise ValueError(
            f"{path} states a sample rate of {reader.metadata.sample_rate} Hz; accepted are 1 to "
            f"{_MOST_RATE} Hz"
        )
    return reader


def open_writer(file: BinaryIO, name: Path, about: AudioMetadata) -> Writer:
    """Begin a file that is to hold this, about so many frames; its name is for messages."""
    return _SciPyWriter(file, name, about) if soundfile is None else _SoundfileWriter(file, name, about)


def readable() -> list[str]:
    """The formats that can be read."""
    return ["WAV"] if soundfile is None else list(dict.fromkeys(FORMATS.values()))


def choose_format(target: Path) -> str:
    """The format that the suffix asks for."""
    suffix = target.suffix.lower()
    if suffix not in FORMATS:
        folder = "" if suffix else "; if it is meant as a folder, create it first"
        raise ValueError(
            f"{target} has the suffix {target.suffix!r}, which names no format that can be written; "
            f"accepted are {', '.join(FORMATS)}{folder}"
        )
    if soundfile is None and FORMATS[suffix] != "WAV":
        raise ValueError(f"{target} cannot be written with SciPy alone, which knows .wav; {INSTALL}")
    return FORMATS[suffix]


def plan_output(target: Path, subtype: str | None, source: AudioMetadata) -> AudioMetadata:
    """Say how a sound is stored in a file, or refuse before the work what cannot be written.

    Samples are stored as wanted, or as in the source if the format has that or nearly that. `source` has
    the rate, channels and frames of the sound.
    """
    chosen = choose_format(target)
    known, usual = _subtypes(target, chosen)
    if subtype is None:
        nearest = "PCM_24" if source.subtype in _FINE else usual
        wanted = [each for each in (source.subtype, nearest, usual) if each in known]
    elif isinstance(subtype, str) and subtype in known:
        wanted = [subtype]
    else:
        writable = _writable(replace(source, format=chosen), known)
        raise ValueError(
            f"subtype={subtype!r} is not accepted for {target}; {chosen} has {_names(writable)}"
            f"{_or_install()}"
        )
    for each in wanted:
        planned = replace(source, format=chosen, subtype=each)
        if not _try_to_write(planned):
            return planned
    first = replace(source, format=chosen, subtype=wanted[0])
    if others := _writable(first, known):
        cure = f"{chosen} can store this as {_names(others)}"
    else:
        suffixes = [each for each in FORMATS if _can_hold(each, source)]
        cure = f"formats that can: {_names(suffixes)}{_or_install()}" if suffixes else "no format can"
    raise ValueError(
        f"{target} cannot be written as {chosen} {wanted[0]} with {source.sample_rate} Hz and "
        f"{source.channels} {'channel' if source.channels == 1 else 'channels'}: {_try_to_write(first)}; "
        f"{cure}"
    )


def _subtypes(target: Path, chosen: str) -> tuple[list[str], str]:
    """Return the subtypes of a format, and the one that it takes by default."""
    if soundfile is None:
        return list(_PLAIN_SUBTYPES), "PCM_16"
    if target.suffix.lower() == ".opus":
        return ["OPUS"], "OPUS"
    return list(soundfile.available_subtypes(chosen)), soundfile.default_subtype(chosen)


def _writable(about: AudioMetadata, subtypes: list[str]) -> list[str]:
    """Return the subtypes in which such a sound can be stored; others can only be read."""
    return [each for each in subtypes if not _try_to_write(replace(about, subtype=each))]


def _can_hold(suffix: str, source: AudioMetadata) -> bool:
    """Whether a format can store such a sound in its usual way."""
    if soundfile is None and FORMATS[suffix] != "WAV":
        return False
    _, usual = _subtypes(Path(f"a{suffix}"), FORMATS[suffix])
    return not _try_to_write(replace(source, format=FORMATS[suffix], subtype=usual))


def _container(planned: AudioMetadata) -> str:
    """Return the format whose header holds the loudspeakers, or sizes beyond 32 bits."""
    if planned.format != "WAV" or soundfile is None:
        return planned.format
    stored = _INTEGER_BITS.get(planned.subtype, 64 if planned.subtype == "DOUBLE" else 32) // 8
    has = soundfile.available_subtypes
    if planned.frames * planned.channels * stored > _MOST_WAV_BYTES and planned.subtype in has("RF64"):
        return "RF64"
    mask = planned.channel_mask
    usual = mask and mask == _USUAL_MASKS.get(planned.channels) and planned.subtype in has("WAVEX")
    return "WAVEX" if usual else "WAV"


def lost_parts(planned: AudioMetadata) -> list[str]:
    """Name the parts of a source that the planned file does not keep."""
    mask = planned.channel_mask
    usual = mask == _USUAL_MASKS.get(planned.channels)
    # Front loudspeakers need no mask, and FLAC stands for the usual ones.
    kept = not mask or (usual and (planned.channels <= 2 or _container(planned) in ("WAVEX", "FLAC")))
    return [*planned.chunks, *([] if kept else [f"channel mask 0x{mask:x}"])]


def _names(several: list[str]) -> str:
    return ", ".join(several)


def _or_install() -> str:
    return f", or {INSTALL}" if soundfile is None else ""


def full_scale(subtype: str) -> float:
    """The largest sample that is stored as it is, whatever its sign."""
    return 1 - 2.0 ** (1 - _INTEGER_BITS[subtype]) if subtype in _INTEGER_BITS else 1.0


def quantise(block: Array, subtype: str) -> tuple[Array, int]:
    """Samples as they are stored, and how many did not fit.

    Integers are rounded half to even and saturate, with the sign and the highest bits of int32; floats
    stay.
    """
    if subtype in _UNLIMITED:
        return block, 0
    if np.isnan(block).any():
        raise ValueError(f'the result holds NaN, which {subtype} cannot store; pass subtype="FLOAT"')
    bits = _INTEGER_BITS.get(subtype)
    if bits is None:
        return np.clip(block, -1, 1), int((np.abs(block) > 1).sum())
    full = 2 ** (bits - 1)
    rounded = np.rint(block * full)
    saturated = np.clip(rounded, -full, full - 1)
    return (saturated.astype(np.int64) << (32 - bits)).astype(np.int32), int((rounded != saturated).sum())


# ---------------------------------------------------------------------------------------------- soundfile


# Files are handed over by number: through a file object the library calls back into Python, and an
# interrupt there would be lost together with what was to be written.


if soundfile is not None:

    class _Decoder(soundfile.SoundFile):  # type: ignore[misc]  # which is not typed
        """A file that is read from its beginning to its end.

        A SoundFile seeks after every block that it reads, which files of unknown length and several codecs
        do not support.
        """

        def seekable(self) -> bool:
            return False


class _SoundfileReader:
    def __init__(self, path: Path) -> None:
        self._path = path
        # Unbuffered, as the library moves the place where the file is read, too. Nothing else may do so
        # once there is a decoder.
        self._stream: Any = open_file(path, buffering=0)  # closed with the reader
        self._piped = False
        try:
            self._open()
        except BaseException:
            self._stream.close()
            raise

    def _open(self) -> None:
        layout = read_layout(self._stream)
        self.faults = layout.faults if layout else []
        mask, chunks = _read_chunks(self._path, self._stream, layout, INFO_TEXTS | AIFF_TEXTS)
        self._file = self._decoder()
        empty = self._file is None or self._file.frames == 0
        if layout and layout.can_be_mended and (layout.displaced or empty):
            self._take_copy(layout)
        if self._file is None:
            raise ValueError(_not_readable(self._path))
        if layout is None:
            self.faults += _doubts(self._file)
        tags = {tag: text for tag, text in self._file.copy_metadata().items() if text}
        self._place, self._seeks = 0, True
        if self._file.format == "MP3":
            self._take_pipe()
        frames = self._frames()
        file = self._file
        self.metadata = AudioMetadata(
            file.samplerate, file.channels, frames, file.format, file.subtype, tags, mask, chunks
        )

    def _take_copy(self, layout: Layout) -> None:
        """Read a copy of the file with sizes of chunks that are right in its place, if that helps.

        It is tried with a part of the samples. Where a decoder cannot read other chunks they are left out.
        """
        for only_samples in (False, True):
            part = io.BytesIO()
            mend(self._stream, layout, part, only_samples=only_samples, most=_TRIED)
            with contextlib.suppress(soundfile.SoundFileError), _Decoder(part) as trial:
                if trial.frames:
                    break
        else:
            return
        if only_samples:
            self.faults.append("it holds a chunk that cannot be read, and its samples are read alone")
        if self._file is not None:
            self._file.close()
        try:
            copy: Any = tempfile.TemporaryFile()  # noqa: SIM115  # closed with the reader
            with self._stream as damaged:
                self._stream = copy
                mend(damaged, layout, copy, only_samples=only_samples)
        except OSError as error:
            faults = "; ".join(self.faults)
            reason = f"{faults}; no temporary copy that is right can be made: {error.strerror}"
            raise OSError(error.errno, reason, str(self._path)) from None
        self._file = self._decoder()

    def _take_pipe(self) -> None:
        """Read an MP3 file without a count of its frames as a stream, to its end.

        libsndfile reads as many frames of a file as it guesses from the bit rate at the beginning.
        """
        stream = self._decoder(piped=True)
        self._piped = stream is not None and stream.frames == _UNKNOWN
        if self._piped:
            stream, self._file = self._file, stream
        if stream is not None:
            stream.close()

    def _decoder(self, *, piped: bool = False) -> Any:
        """A new decoder of the file from its beginning; None if there is none."""
        try:
            if piped:
                return _Decoder(_pipe_of(self._stream.fileno()))  # which closes the pipe
            os.lseek(self._stream.fileno(), 0, os.SEEK_SET)
            return _Decoder(self._stream.fileno(), closefd=False)
        except (soundfile.SoundFileError, TypeError, ValueError):
            return None

    def _frames(self) -> int:
        """Return the frames that the header states, or count them where it states none, or too many."""
        stated = int(max(self._file.frames, 0))
        if self._file.format == "FLAC" and 0 < stated < _UNKNOWN:
            self._look_behind(stated)
        if stated <= _MOST_FRAMES_A_BYTE * os.fstat(self._stream.fileno()).st_size:
            return stated
        counted, broken = 0, False
        for step in (_BLOCK, _ENCODED_FRAMES, 1):  # one by one up to a frame that cannot be decoded
            try:
                for _ in _all_of(self._file, counted):
                    pass
                for block in _all_of(self._file, _UNKNOWN, step):
                    counted += len(block)
                break
            except soundfile.SoundFileError:
                broken = True
                self._begin_again()
        self._begin_again()
        if broken and stated == _UNKNOWN:
            self.faults.append(f"what follows its first {counted} frames cannot be decoded")
        if stated != _UNKNOWN:
            self.faults.append(f"its header promises {stated} frames, and {counted} can be decoded")
        return counted

    def _look_behind(self, stated: int) -> None:
        """Tell of FLAC frames behind the last that the header counts, which libsndfile does not read."""
        with contextlib.suppress(soundfile.SoundFileError):
            self._file.seek(stated - 1)
            self._file.read(1)
            here, end = (os.lseek(self._stream.fileno(), 0, place) for place in (os.SEEK_CUR, os.SEEK_END))
            if end - here > _LEAST_REST:
                self.faults.append(
                    f"its header promises {stated} frames, and more follow, which are not read"
                )
        self._begin_again()

    def _begin_again(self) -> None:
        self._file.close()
        self._file, self._place = self._decoder(piped=self._piped), 0

    def read(self, frames: int) -> Array:
        frames = min(frames, self.metadata.frames - self._place)  # some decoders fail at a tag behind them
        try:
            block = np.asarray(self._file.read(frames, dtype="float64", always_2d=True))
        except soundfile.SoundFileError as error:
            raise ValueError(f"{self._path} cannot be decoded: {error}") from error
        self._place += len(block)
        return block if len(block) == frames else block.copy()  # which does not hold the rest of its memory

    def seek(self, frame: int) -> None:
        if self._seeks:
            try:
                self._file.seek(frame)
            except soundfile.SoundFileError:  # a codec that is read from the beginning alone
                self._seeks = False
                self._begin_again()
            else:
                self._place = frame
        elif frame < self._place:
            self._begin_again()
        while self._place < frame and len(self.read(min(frame - self._place, _BLOCK))):
            pass

    def close(self) -> None:
        self._file.close()
        self._stream.close()


def _pipe_of(file: int) -> int:
    """Return a pipe through which the whole file can be read, wherever it is read now.

    A thread writes into it, until all is there or the pipe is closed.
    """
    reading, writing = os.pipe()

    def feed() -> None:
        place = 0
        with contextlib.suppress(OSError), open(writing, "wb", buffering=0) as pipe:  # closed by its reader
            while part := os.pread(file, 2**16, place):
                place += pipe.write(part)

    threading.Thread(target=feed, daemon=True).start()
    return reading


def _doubts(file: Any) -> list[str]:
    """Return what libsndfile's log says of sizes in a header that are wrong, or of a lacking end."""
    lines = [line for line in file.extra_info.splitlines() if any(map(line.__contains__, _DOUBTS))]
    return [f"libsndfile says {' '.join(line.split())!r}" for line in lines[:1]]


def _read_chunks(
    path: Path, file: BinaryIO, layout: Layout | None, texts: Collection[str]
) -> tuple[int, tuple[str, ...]]:
    """Return the channel mask and the names of other chunks; refuse headers with two meanings."""
    if layout is None:
        return 0, ()
    if wrong := contradiction(file, layout):
        raise ValueError(
            f"{path} contradicts itself: its header {wrong}; convert it with another program first"
        )
    return channel_mask(file, layout), other_chunks(file, layout, texts)


def _try_to_write(about: AudioMetadata) -> str:
    """Say why such a file cannot be written and read again; empty if it can."""
    try:
        _frames_of_a_block(about)
    except ValueError as error:
        return str(error)
    return ""


def _frames_of_a_block(about: AudioMetadata) -> int:
    """Return how many frames a file of one frame is read with: some codecs store whole blocks."""
    if soundfile is None:
        from scipy.io import wavfile

        try:
            empty = np.empty((0, about.channels), _PLAIN_SUBTYPES[about.subtype])
            wavfile.write(io.BytesIO(), about.sample_rate, empty)
        except struct.error:
            raise ValueError("a header has 32 bits for bytes per second, 16 for channels") from None
        return 1
    numbers = {"Hz": about.sample_rate, "channels": about.channels}
    for unit, most in _MOST_OF_VORBIS.items():
        if about.subtype == "VORBIS" and numbers[unit] > most:
            raise ValueError(f"Vorbis has at most {most} {unit}")
    content = io.BytesIO()
    try:
        with _encoder(content, about) as file:
            file.write(np.zeros((1, about.channels)))
    except soundfile.SoundFileError as error:
        raise ValueError(error.error_string.rstrip(".").replace(*_UNCLEAR)) from None
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(str(error)) from None
    content.seek(0)
    try:
        with _Decoder(content) as again:
            rate, frames = again.samplerate, int(again.frames)
    except soundfile.SoundFileError:
        raise ValueError("what is written could not be read again") from None
    if rate != about.sample_rate:  # as in AIFF files beyond 2**30 Hz
        raise ValueError(f"the file would state {rate} Hz")
    return frames


def _encoder(file: BinaryIO | int, about: AudioMetadata) -> Any:
    """A new file of libsndfile's."""
    return soundfile.SoundFile(
        file,
        "w",
        closefd=False,
        format=about.format,
        subtype=about.subtype,
        samplerate=about.sample_rate,
        channels=about.channels,
    )


class _SoundfileWriter:
    def __init__(self, file: BinaryIO, name: Path, about: AudioMetadata) -> None:
        about = replace(about, format=_container(about))
        self._name, self._about, self._subtype = name, about, about.subtype
        small = about.subtype in ("VORBIS", "OPUS")
        self._step = _ENCODED_FRAMES if small else max(_BLOCK // about.channels, 1)
        self.clipped = 0
        self._frames = 0
        self._descriptor = file.fileno()
        try:
            self._file = _encoder(self._descriptor, about)
        except soundfile.SoundFileError as error:  # as of a full disk: what cannot be was refused before
            raise OSError(errno.EIO, f"cannot be written: {error.error_string}", str(name)) from None
        for tag, text in about.tags.items():
            if tag in _TAGS and (about.format != "MP3" or text.isascii()):
                with contextlib.suppress(
                    soundfile.SoundFileError
                ):  # a tag that the format has no place for
                    setattr(self._file, tag, text)

    def write(self, block: Array) -> None:
        stored, clipped = quantise(block, self._subtype)
        self.clipped += clipped
        self._frames += len(stored)
        for start in range(0, len(stored), self._step):
            try:
                self._file.write(stored[start : start + self._step])
            except soundfile.SoundFileError as error:
                self._check_room("cannot be written")
                raise OSError(errno.EIO, f"cannot be written: {error}", str(self._name)) from error

    def _check_room(self, failure: str) -> None:
        """Fail as the last write of the encoder did, of which it tells no reason."""
        end = os.lseek(self._descriptor, 0, os.SEEK_END)
        try:
            os.write(self._descriptor, bytes(1))
            os.ftruncate(self._descriptor, end)
        except OSError as error:
            raise OSError(error.errno, f"{failure}, {error.strerror}", str(self._name)) from None

    def close(self) -> None:
        self._file.close()

    def check(self) -> None:
        """Make sure that all is there: encoders do not report that their last write failed."""
        self._check_room("was not written whole")
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        padding = 0
        try:
            with _Decoder(self._descriptor, closefd=False) as again:
                padding = again.frames - self._frames
                last = min(self._frames, _ENCODED_FRAMES)
                try:
                    again.seek(again.frames - last)
                except soundfile.SoundFileError:  # a codec that is read from the beginning alone
                    last = again.frames
                whole = sum(map(len, _all_of(again, last))) == last
        except soundfile.SoundFileError:
            whole = False
        if not whole or padding < 0 or (padding and padding >= _frames_of_a_block(self._about)):
            raise OSError(errno.EIO, "was not written whole; is the disk full?", str(self._name))


def _all_of(file: Any, frames: int, most: int = _BLOCK) -> Iterator[Array]:
    """Yield the next frames of a decoder, a block of at most so many at a time."""
    step = max(min(_BLOCK // file.channels, most), 1)
    while frames > 0 and len(block := file.read(min(frames, step), always_2d=True)):
        frames -= len(block)
        yield block


_TAGS = {
    "title",
    "copyright",
    "software",
    "artist",
    "comment",
    "date",
    "album",
    "license",
    "tracknumber",
    "genre",
}


def _not_readable(path: Path) -> str:
    more = f"; for other formats {INSTALL}" if soundfile is None else ""
    return f"{path} is not a sound file that can be read; accepted are {', '.join(readable())}{more}"


# --------------------------------------------------------------------------------------------------- SciPy


class _SciPyReader:
    """WAV files, whole: the bytes of the file are what memory is taken for."""

    def __init__(self, path: Path) -> None:
        with open_file(path) as file:
            content = io.BytesIO(file.read())
        layout = read_layout(content)
        self.faults = layout.faults if layout else []
        mask, chunks = _read_chunks(path, content, layout, ())
        decoded = _decode_wav(content)
        empty = isinstance(decoded, Exception) or not decoded[1].size
        if layout and layout.can_be_mended and (layout.displaced or empty):
            copy = io.BytesIO()
            mend(content, layout, copy, only_samples=True)
            decoded = _decode_wav(copy)
        if isinstance(decoded, Exception):
            raise ValueError(f"{_not_readable(path)}: {decoded}")
        sample_rate, samples = decoded
        self._samples = samples if samples.ndim == 2 else samples[:, None]
        frames, channels = self._samples.shape
        subtypes = {np.dtype(code): subtype for subtype, code in _PLAIN_SUBTYPES.items()}
        subtype = subtypes.get(samples.dtype.newbyteorder("="), "PCM_32")
        self.metadata = AudioMetadata(
            sample_rate, channels, frames, "WAV", subtype, channel_mask=mask, chunks=chunks
        )
        self._place = 0

    def read(self, frames: int) -> Array:
        part = self._samples[self._place : self._place + frames]
        self._place += len(part)
        if part.dtype.kind == "f":
            with np.errstate(invalid="ignore"):  # signalling NaN
                return np.asarray(part, np.float64)
        half = 2.0 ** (8 * part.itemsize - 1)
        return np.asarray((part.astype(np.float64) - (half if part.dtype.kind == "u" else 0)) / half)

    def seek(self, frame: int) -> None:
        self._place = frame

    def close(self) -> None:
        del self._samples


def _decode_wav(content: BinaryIO) -> tuple[int, Array] | Exception:
    """Return the sample rate and the samples, or the error that SciPy raises."""
    from scipy.io import wavfile

    content.seek(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # chunks that say nothing about the samples; an early end
            sample_rate, samples = wavfile.read(content)
            return int(sample_rate), samples
    except Exception as error:  # a damaged file makes SciPy raise almost anything
        return error


class _SciPyWriter:
    """WAV files, written when all samples are there."""

    def __init__(self, file: BinaryIO, name: Path, about: AudioMetadata) -> None:
        self._file, self._about = file, about
        self._blocks: list[Array] = []
        self.clipped = 0

    def write(self, block: Array) -> None:
        stored, clipped = quantise(block, self._about.subtype)
        self.clipped += clipped
        code = np.dtype(_PLAIN_SUBTYPES[self._about.subtype])
        if code.kind in "iu":
            stored = stored >> (32 - 8 * code.itemsize)
            stored = stored + (128 if code.kind == "u" else 0)
        self._blocks.append(stored.astype(code))

    def close(self) -> None:
        from scipy.io import wavfile

        about = self._about
        empty = np.empty((0, about.channels), _PLAIN_SUBTYPES[about.subtype])
        wavfile.write(self._file, about.sample_rate, np.concatenate([empty, *self._blocks]))

    def check(self) -> None:
        """Whatever failed has raised."""
