"""Sound files to arrays and back."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fftconv._arguments import read_array
from fftconv._checks import MOST_SAMPLES, check_count, check_finite, in_digits, shown
from fftconv._files import StrPath, check_target, complete_file, read_path
from fftconv.audio.codecs import (
    AudioMetadata,
    Reader,
    Writer,
    full_scale,
    lost_parts,
    open_reader,
    open_writer,
    plan_output,
)

Array = np.ndarray[Any, np.dtype[Any]]

BLOCK = 2**16  # frames that are read together
_SAMPLES_OF_ANY_FILE = 2**26  # that a conversion may make, 0.5 GiB; of larger files more
_MOST_GROWTH = 64  # of those: 3 kHz becomes 192 kHz
_MOST_STEPS = 2**18  # numbers of a ratio of rates, for SciPy, whose filter has 20 taps for each


def read(path: StrPath, *, sample_rate: int | None = None, resample: bool = False) -> tuple[Array, int]:
    """Read a sound file into an array.

    Parameters
    ----------
    path : path-like
        A WAV, FLAC, OGG (Vorbis, Opus), MP3 or AIFF file; its content counts, not its name. Without
        soundfile, which the extra `audio` installs, WAV alone.
    sample_rate : int, optional
        Frames per second that are wanted.
    resample : bool, default False
        Whether a file of another rate is converted to `sample_rate`, by soxr where it is installed and
        otherwise by `scipy.signal.resample_poly`. Levels stay. An impulse response would lose what comes
        before its first sample: read it at its own rate and pass that to `reverb` as ``response_rate``.

    Returns
    -------
    signal : numpy.ndarray of float64, shape (frames, channels)
        Full scale is 1: 16-bit samples are divided by 32768, exactly.
    sample_rate : int
        In frames per second.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is no sound file or is damaged, holds no samples, or has another rate than is wanted.

    See Also
    --------
    read_with_metadata : Also how samples are stored, and tags.

    Examples
    --------
    >>> from fftconv import audio
    >>> melody, sample_rate = audio.read("samples/melody.wav")
    >>> melody.shape, sample_rate
    ((132300, 1), 22050)
    """
    if sample_rate is not None:
        sample_rate = check_count("sample_rate", sample_rate)
    signal, metadata = read_with_metadata(path)
    if sample_rate is None or metadata.sample_rate == sample_rate:
        return signal, metadata.sample_rate
    if not resample:
        raise ValueError(
            f"{path} has {metadata.sample_rate} Hz and {shown(sample_rate)} Hz are wanted; pass "
            "resample=True to convert it"
        )
    _check_growth(path, signal, metadata.sample_rate, sample_rate)
    return _resample(path, signal, metadata.sample_rate, sample_rate), sample_rate


def _check_growth(path: StrPath, signal: Array, rate: int, wanted: int) -> None:
    """Refuse a rate that makes very many samples of far fewer, as where a header states a wrong one."""
    after = signal.size * wanted // rate
    most = max(_SAMPLES_OF_ANY_FILE, min(_MOST_GROWTH * signal.size, MOST_SAMPLES), 4 * signal.size)
    if after > most:
        raise ValueError(
            f"sample_rate={shown(wanted)} is not accepted for {path}, of {rate} Hz: it makes "
            f"{in_digits(after)} samples of {signal.size}; pass at most {most * rate // signal.size}"
        )


def read_with_metadata(path: StrPath) -> tuple[Array, AudioMetadata]:
    """Read a sound file into an array, and what the file says about it.

    Parameters
    ----------
    path : path-like
        As in `read`.

    Returns
    -------
    signal : numpy.ndarray of float64, shape (frames, channels)
        As from `read`.
    metadata : AudioMetadata
        To be passed to `write`.

    Raises
    ------
    OSError, ValueError
        As from `read`.

    Examples
    --------
    >>> from fftconv import audio
    >>> audio.read_with_metadata("samples/melody.wav")[1].subtype
    'PCM_16'
    """
    with opened(path) as reader:
        blocks = list(blocks_of(reader))
        metadata, faults = reader.metadata, reader.faults
    if not blocks:
        raise ValueError(f"{path} holds no samples")
    signal = np.concatenate(blocks)
    warn_of_damage(path, len(signal), metadata, faults)
    return signal, metadata


def warn_of_damage(path: StrPath, frames: int, metadata: AudioMetadata, faults: list[str]) -> None:
    """Say so if a header is wrong, or a file holds less than it promises."""
    if frames < metadata.frames:
        lost = f"its header promises {metadata.frames} frames, and {frames} can be decoded"
        faults = [*faults, lost]
    if faults:
        warnings.warn(f"{path} is damaged: {'; '.join(faults)}", stacklevel=3)


def warn_of_lost_parts(target: Path, planned: AudioMetadata) -> None:
    """Say what a source holds beside its samples that a file does not keep."""
    if lost := lost_parts(planned):
        warnings.warn(f"{target} does not keep what its source holds in {', '.join(lost)}", stacklevel=3)


def info(path: StrPath) -> AudioMetadata:
    """What a sound file says about itself, without decoding it.

    Parameters
    ----------
    path : path-like
        As in `read`.

    Returns
    -------
    AudioMetadata
        Sample rate, channels, frames, how samples are stored, and tags.

    Raises
    ------
    OSError, ValueError
        As from `read`.

    Examples
    --------
    >>> from fftconv import audio
    >>> about = audio.info("samples/melody.wav")
    >>> about.frames / about.sample_rate  # seconds
    6.0
    """
    with opened(path) as reader:
        metadata, faults = reader.metadata, reader.faults
    warn_of_damage(path, metadata.frames, metadata, faults)
    return metadata


def write(
    path: StrPath,
    signal: ArrayLike,
    sample_rate: int,
    *,
    subtype: str | None = None,
    headroom: float | None = None,
    metadata: AudioMetadata | None = None,
) -> None:
    """Write a sound file, whole or not at all.

    Integers are rounded half to even, once, and saturate; how many samples did is said in a warning.

    Parameters
    ----------
    path : path-like
        The suffix chooses the format: .wav, .flac, .ogg, .opus, .mp3, .aif or .aiff; a WAV file of 4 GiB or
        more becomes RF64. Without soundfile, which the extra `audio` installs, .wav alone.
    signal : array_like, shape (frames,) or (frames, channels)
        Samples with full scale at 1; int16 and int32 with theirs at 32768 and 2147483648.
    sample_rate : int
        Frames per second.
    subtype : str, optional
        How samples are stored: "PCM_16", "PCM_24", "PCM_32", "FLOAT", ...; by default as `metadata` says if
        the format has that, or else what is usual for it, which is 16 bits for WAV, FLAC and AIFF.
    headroom : float, optional
        Scale the signal so that its peak is so many decibels below full scale.
    metadata : AudioMetadata, optional
        As from `read_with_metadata`: its tags are kept where the format has them. A warning names chunks,
        and a channel mask, that are not kept.

    Raises
    ------
    ValueError
        If the format or subtype is unknown or cannot hold such samples.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> from pathlib import Path
    >>> from fftconv import audio
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     audio.write(Path(folder) / "step.wav", [0.0, 0.5, -0.5], 8000)
    ...     audio.read(Path(folder) / "step.wav")
    (array([[ 0. ],
           [ 0.5],
           [-0.5]]), 8000)
    """
    target = read_path("path", path)
    samples = _read_signal(signal)
    if metadata is not None and not isinstance(metadata, AudioMetadata):
        raise TypeError(f"metadata is a {type(metadata).__name__}; pass what read_with_metadata returns")
    frames, channels = samples.shape
    rate = check_count("sample_rate", sample_rate)
    if rate >= 2**31:
        raise ValueError(f"sample_rate={shown(sample_rate)} is not accepted; pass Hz, below 2**31")
    about = metadata or AudioMetadata(rate, channels, frames, "", "")
    planned = plan_output(
        target, subtype, replace(about, sample_rate=rate, channels=channels, frames=frames)
    )
    if headroom is not None:
        samples = samples * gain_for(peak_of(samples), check_headroom(headroom, planned.subtype))
    with writing(target, planned) as writer:
        for start in range(0, len(samples), BLOCK):
            writer.write(samples[start : start + BLOCK])
    warn_of_lost_parts(target, planned)
    if writer.clipped:
        warnings.warn(
            f"{target}: {writer.clipped} of {samples.size} samples were beyond full scale and clipped; "
            "pass headroom=0 to scale the whole, or a float subtype",
            stacklevel=2,
        )


def check_headroom(headroom: float, subtype: str) -> float:
    """The peak that is so many decibels below full scale."""
    decibels = check_finite("headroom", headroom)
    if not decibels >= 0:
        raise ValueError(
            f"headroom={headroom!r} is not accepted; pass decibels below full scale, 0 or more"
        )
    return full_scale(subtype) * float(10 ** (-decibels / 20))


def peak_of(samples: Array) -> float:
    """The largest magnitude of those that are finite."""
    return float(np.abs(samples).max(initial=0.0, where=np.isfinite(samples)))


def gain_for(peak: float, wanted: float) -> float:
    """What brings one peak to another; silence, and what is next to it, stays."""
    return wanted / peak if peak > np.finfo(np.float64).tiny else 1.0


@contextlib.contextmanager
def opened(path: StrPath) -> Iterator[Reader]:
    """A file to read, closed at the end."""
    reader = open_reader(read_path("path", path))
    try:
        yield reader
    finally:
        reader.close()


def blocks_of(reader: Reader, frames: int = BLOCK) -> Iterator[Array]:
    """All that is left of a file, so many frames at a time."""
    frames = max(1, min(frames, 2**22 // reader.metadata.channels))
    while len(block := reader.read(frames)):
        yield block


@contextlib.contextmanager
def writing(target: Path, about: AudioMetadata) -> Iterator[Writer]:
    """A file that takes the place of `target` when the block ends well."""
    check_target(target)
    with complete_file(target) as file:
        writer = open_writer(file, target, about)
        try:
            yield writer
        finally:
            writer.close()
        writer.check()


def _read_signal(signal: ArrayLike) -> Array:
    samples = read_array("signal", signal)
    if samples.ndim == 1:
        samples = samples[:, None]
    if samples.ndim != 2:
        raise ValueError(f"signal has shape {samples.shape}; accepted are (frames,) and (frames, channels)")
    if samples.dtype.kind == "f":
        return samples.astype(np.float64)
    if samples.dtype in (np.dtype(np.int16), np.dtype(np.int32)):
        return samples / 2.0 ** (8 * samples.itemsize - 1)
    raise TypeError(f"signal has dtype {samples.dtype}; accepted are floats, int16 and int32")


def _resample(path: StrPath, signal: Array, rate: int, wanted: int) -> Array:
    try:
        import soxr
    except ImportError:
        from math import gcd

        from scipy.signal import resample_poly

        common = gcd(rate, wanted)
        if max(rate, wanted) // common > _MOST_STEPS:
            raise ValueError(
                f"sample_rate={wanted} is not accepted for {path}, of {rate} Hz: SciPy would take a filter "
                f"of {20 * max(rate, wanted) // common + 1} taps; pass a rate in a ratio of smaller "
                "numbers to it, or install soxr"
            ) from None
        return np.asarray(resample_poly(signal, wanted // common, rate // common, axis=0))
    return np.asarray(soxr.resample(signal, rate, wanted))
