"""Sounds: smooth, echo, reverberate, filter and find them, as arrays or from file to file."""

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
