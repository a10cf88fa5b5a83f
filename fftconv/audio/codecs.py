"""Sound files block by block: through soundfile where it is installed, WAV through SciPy where not.

A reader gives frames x channels as float64 with full scale at 1, until there are no more; nothing that a
header says decides how much memory is taken. A writer takes such blocks, rounds them once and counts what
it clips.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import struct
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np

from fftconv._files import open_file

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
INSTALL = 'install soundfile with: pip install "fftconv[audio]"'


@dataclass(frozen=True, slots=True)
class AudioMetadata:
    """What a file says about its samples, to be written with the filtered ones.

    Attributes
    ----------
    sample_rate : int
        Frames per second.
    channels, frames : int
        What the header says; a damaged file may hold fewer frames.
    format, subtype : str
        "WAV", "FLAC", ... and "PCM_16", "PCM_24", "FLOAT", "VORBIS", ..., as in soundfile.
    tags : mapping
        Title, artist, date and so on, by name.
    """

    sample_rate: int
    channels: int
    frames: int
    format: str
    subtype: str
    tags: Mapping[str, str] = field(default_factory=dict)


class Reader(Protocol):
    """An open sound file."""

    metadata: AudioMetadata

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
    return _SciPyReader(path) if soundfile is None else _SoundfileReader(path)


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


def choose_subtype(target: Path, wanted: str | None, source: AudioMetadata | None) -> str:
    """How samples are stored: as wanted, or as in the source if the format has that or nearly that."""
    chosen = choose_format(target)
    if soundfile is None:
        known, usual = list(_PLAIN_SUBTYPES), "PCM_16"
    else:
        known = [each for each in soundfile.available_subtypes(chosen) if not each.startswith("MPEG")]
        usual = soundfile.default_subtype(chosen)
        known = known or [usual]  # of MP3 it lists layers, and for WAV one, that it cannot write
    if target.suffix.lower() == ".opus":
        known, usual = ["OPUS"], "OPUS"
    if wanted is None:
        of_source = source.subtype if source else usual
        nearest = "PCM_24" if of_source in _FINE else usual
        return next(subtype for subtype in (of_source, nearest, usual) if subtype in known)
    if wanted not in known:
        more = f", or {INSTALL}" if soundfile is None else ""
        raise ValueError(
            f"subtype={wanted!r} is not accepted for {target}; {chosen} has {', '.join(known)}{more}"
        )
    return wanted


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


class _SoundfileReader:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._stream = open_file(path)  # closed with the reader
        try:
            self._file = soundfile.SoundFile(self._stream.fileno(), closefd=False)
        except (soundfile.SoundFileError, TypeError, ValueError):
            self._stream.close()
            raise ValueError(_not_readable(path)) from None
        file = self._file
        self.metadata = AudioMetadata(
            file.samplerate,
            file.channels,
            max(file.frames, 0),
            file.format,
            file.subtype,
            {tag: text for tag, text in file.copy_metadata().items() if text},
        )

    def read(self, frames: int) -> Array:
        try:
            return np.asarray(self._file.read(frames, dtype="float64", always_2d=True))
        except soundfile.SoundFileError as error:
            raise ValueError(f"{self._path} cannot be decoded: {error}") from error

    def seek(self, frame: int) -> None:
        try:
            self._file.seek(frame)
        except soundfile.SoundFileError as error:
            raise ValueError(f"{self._path} cannot be read from frame {frame} on: {error}") from error

    def close(self) -> None:
        self._file.close()
        self._stream.close()


class _SoundfileWriter:
    def __init__(self, file: BinaryIO, name: Path, about: AudioMetadata) -> None:
        chosen, subtype, channels = about.format, about.subtype, about.channels
        stored = _INTEGER_BITS.get(subtype, 64 if subtype == "DOUBLE" else 32) // 8
        if chosen == "WAV" and about.frames * channels * stored > _MOST_WAV_BYTES:
            chosen = "RF64"
        self._name, self._subtype = name, subtype
        self._step = _ENCODED_FRAMES if subtype in ("VORBIS", "OPUS") else max(_BLOCK // channels, 1)
        self.clipped = 0
        self._frames = 0
        self._descriptor = file.fileno()
        try:
            self._file = soundfile.SoundFile(
                self._descriptor,
                "w",
                closefd=False,
                format=chosen,
                subtype=subtype,
                samplerate=about.sample_rate,
                channels=channels,
            )
        except (soundfile.SoundFileError, TypeError, ValueError, OverflowError) as error:
            raise ValueError(
                f"{name} cannot be written as {chosen} {subtype} with {about.sample_rate} Hz and "
                f"{channels} channels: {getattr(error, 'error_string', error)}"
            ) from None
        for tag, text in about.tags.items():
            if tag in _TAGS and (chosen != "MP3" or text.isascii()):
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
                raise OSError(errno.EIO, f"cannot be written: {error}", str(self._name)) from error

    def close(self) -> None:
        self._file.close()

    def check(self) -> None:
        """Read the end again: what an encoder writes last may have failed without a word."""
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        try:
            with soundfile.SoundFile(self._descriptor, closefd=False) as again:
                end = min(self._frames, _ENCODED_FRAMES)
                again.seek(max(again.frames - end, 0))
                whole = again.frames == self._frames and len(again.read(end)) == end
        except soundfile.SoundFileError:
            whole = False
        if not whole:
            raise OSError(errno.EIO, "was not written whole; is the disk full?", str(self._name))


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
        from scipy.io import wavfile

        with open_file(path) as file:
            content = io.BytesIO(file.read())
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # chunks that say nothing about the samples; an early end
                sample_rate, samples = wavfile.read(content)
        except Exception as error:  # a damaged file makes SciPy raise almost anything
            raise ValueError(f"{_not_readable(path)}: {error}") from None
        self._samples = samples if samples.ndim == 2 else samples[:, None]
        frames, channels = self._samples.shape
        subtypes = {np.dtype(code): subtype for subtype, code in _PLAIN_SUBTYPES.items()}
        subtype = subtypes.get(samples.dtype.newbyteorder("="), "PCM_32")
        self.metadata = AudioMetadata(sample_rate, channels, frames, "WAV", subtype)
        self._place = 0

    def read(self, frames: int) -> Array:
        part = self._samples[self._place : self._place + frames]
        self._place += len(part)
        if part.dtype.kind == "f":
            return np.asarray(part, np.float64)
        half = 2.0 ** (8 * part.itemsize - 1)
        return np.asarray((part.astype(np.float64) - (half if part.dtype.kind == "u" else 0)) / half)

    def seek(self, frame: int) -> None:
        self._place = frame

    def close(self) -> None:
        del self._samples


class _SciPyWriter:
    """WAV files, written when all samples are there."""

    def __init__(self, file: BinaryIO, name: Path, about: AudioMetadata) -> None:
        self._file, self._name, self._about = file, name, about
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
        try:
            wavfile.write(self._file, about.sample_rate, np.concatenate([empty, *self._blocks]))
        except struct.error:
            raise ValueError(
                f"{self._name} cannot be written as WAV with {about.sample_rate} Hz and {about.channels} "
                "channels"
            ) from None

    def check(self) -> None:
        """Whatever failed has raised."""
