"""fftconv: convolution of signals, images on disk and probability distributions."""

from importlib import import_module
from types import ModuleType

from fftconv import kernels
from fftconv._configuration import show_config
from fftconv.convolution import convolve, correlate
from fftconv.planning import Candidate, ConvolutionPlan, explain, plan_convolution

__all__ = [
    "Candidate",
    "ConvolutionPlan",
    "convolve",
    "correlate",
    "explain",
    "image",
    "kernels",
    "plan_convolution",
    "show_config",
]


def __getattr__(name: str) -> ModuleType:
    """Import a domain when it is first used: `import fftconv` costs no image library."""
    if name == "image":
        return import_module("fftconv.image")
    raise AttributeError(f"module 'fftconv' has no attribute {name!r}")
