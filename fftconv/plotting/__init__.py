"""Pictures of signals, kernels, images and matrices, and of a kernel that slides.

Matplotlib is imported when one is drawn. Colours are those of Okabe and Ito, told apart by all eyes.
"""

from fftconv.plotting.images import plot_image_pair, plot_kernel
from fftconv.plotting.signals import plot_signals, plot_toeplitz
from fftconv.plotting.sliding import SlidingAnimation, SlidingFrame, animate_sliding, plot_sliding

__all__ = [
    "SlidingAnimation",
    "SlidingFrame",
    "animate_sliding",
    "plot_image_pair",
    "plot_kernel",
    "plot_signals",
    "plot_sliding",
    "plot_toeplitz",
]


def __dir__() -> list[str]:
    return __all__
