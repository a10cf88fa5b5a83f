"""fftconv: convolution of signals, of images and sounds on disk, and of probability distributions."""

from importlib import import_module
from typing import Any

from fftconv import kernels
from fftconv._configuration import show_config
from fftconv._profile import Profile, machine_profile
from fftconv._spectra import clear_spectra
from fftconv.convolution import convolve, correlate
from fftconv.filters import Filter, FilterBank
from fftconv.missing import interpolate_missing
from fftconv.planning import Candidate, ConvolutionPlan, explain, plan_convolution
from fftconv.streaming import StreamingConvolver
from fftconv.verification import verify_convolution

__all__ = [
    "Candidate",
    "ConvolutionPlan",
    "Filter",
    "FilterBank",
    "Profile",
    "StreamingConvolver",
    "Tuning",
    "audio",
    "clear_spectra",
    "convolve",
    "correlate",
    "explain",
    "image",
    "interpolate_missing",
    "kernels",
    "machine_profile",
    "plan_convolution",
    "probability",
    "show_config",
    "tune",
    "verify_convolution",
]


def __getattr__(name: str) -> Any:
    """Import what is seldom needed when it is first used: `import fftconv` costs no image library."""
    if name in ("audio", "image", "probability"):
        return import_module(f"fftconv.{name}")
    if name in ("Tuning", "tune"):
        return getattr(import_module("fftconv.tuning"), name)
    raise AttributeError(f"module 'fftconv' has no attribute {name!r}")
