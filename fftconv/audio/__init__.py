"""Sounds: smooth, echo, reverberate, filter and find them, as arrays or from file to file."""

from typing import TYPE_CHECKING

from fftconv._later import imported_later

if TYPE_CHECKING:
    from fftconv.audio.codecs import AudioMetadata
    from fftconv.audio.effects import Detection, decaying_noise, detect, echo, fir, reverb, smooth
    from fftconv.audio.files import AudioReport, filter_file
    from fftconv.audio.io import info, read, read_with_metadata, write

__all__ = [
    "AudioMetadata",
    "AudioReport",
    "Detection",
    "decaying_noise",
    "detect",
    "echo",
    "filter_file",
    "fir",
    "info",
    "read",
    "read_with_metadata",
    "reverb",
    "smooth",
    "write",
]

# Names are imported when they are first used: what filters an array needs no library that reads files.
_LATER = {
    "AudioMetadata": "codecs",
    "AudioReport": "files",
    "Detection": "effects",
    "decaying_noise": "effects",
    "detect": "effects",
    "echo": "effects",
    "filter_file": "files",
    "fir": "effects",
    "info": "io",
    "read": "io",
    "read_with_metadata": "io",
    "reverb": "effects",
    "smooth": "effects",
    "write": "io",
}


__getattr__ = imported_later(__name__, _LATER)


def __dir__() -> list[str]:
    return __all__
