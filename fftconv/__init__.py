"""fftconv: convolution of signals, of images and sounds on disk, and of probability distributions."""

from typing import TYPE_CHECKING

from fftconv._later import imported_later

if TYPE_CHECKING:
    from fftconv._configuration import show_config
    from fftconv._profile import Profile, machine_profile
    from fftconv._spectra import clear_spectra
    from fftconv._version import __version__
    from fftconv.comparison import Comparison, SizeComparison, compare, compare_sizes
    from fftconv.convolution import convolve, correlate
    from fftconv.filters import Filter, FilterBank
    from fftconv.missing import interpolate_missing
    from fftconv.planning import Candidate, ConvolutionPlan, explain, plan_convolution
    from fftconv.streaming import StreamingConvolver
    from fftconv.tuning import Tuning, tune
    from fftconv.verification import verify_convolution

__all__ = [
    "Candidate",
    "Comparison",
    "ConvolutionPlan",
    "Filter",
    "FilterBank",
    "Profile",
    "SizeComparison",
    "StreamingConvolver",
    "Tuning",
    "__version__",
    "audio",
    "clear_spectra",
    "compare",
    "compare_sizes",
    "convolve",
    "correlate",
    "explain",
    "image",
    "interpolate_missing",
    "kernels",
    "layers",
    "machine_profile",
    "plan_convolution",
    "plotting",
    "probability",
    "show_config",
    "tune",
    "verify_convolution",
]

# All is imported when it is first used, and from where: `import fftconv` costs nothing, and no command more
# than it needs.
_LATER = {
    "Candidate": "planning",
    "Comparison": "comparison",
    "ConvolutionPlan": "planning",
    "Filter": "filters",
    "FilterBank": "filters",
    "Profile": "_profile",
    "SizeComparison": "comparison",
    "StreamingConvolver": "streaming",
    "Tuning": "tuning",
    "__version__": "_version",
    "clear_spectra": "_spectra",
    "compare": "comparison",
    "compare_sizes": "comparison",
    "convolve": "convolution",
    "correlate": "convolution",
    "explain": "planning",
    "interpolate_missing": "missing",
    "machine_profile": "_profile",
    "plan_convolution": "planning",
    "show_config": "_configuration",
    "tune": "tuning",
    "verify_convolution": "verification",
}
_MODULES = ("audio", "image", "kernels", "layers", "plotting", "probability")


__getattr__ = imported_later(__name__, _LATER, _MODULES)


def __dir__() -> list[str]:
    return __all__
