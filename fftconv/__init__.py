"""fftconv: convolution of signals, images on disk and probability distributions."""

from fftconv import kernels
from fftconv.convolution import convolve, correlate
from fftconv.planning import ConvolutionPlan, explain, plan_convolution

__all__ = ["ConvolutionPlan", "convolve", "correlate", "explain", "kernels", "plan_convolution"]
