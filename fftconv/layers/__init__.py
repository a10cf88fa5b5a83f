"""The view of neural networks: layers with channels, stride and padding, their gradients, and pooling.

A layer is a convolution over space and a sum over channels. `convolutional` is the layer and `gradients`
the way back, `engines` the ways to compute both, `shapes` owns sizes and `padding` what is added.
"""

from fftconv.layers.convolutional import conv_layer
from fftconv.layers.gradients import LayerGradients, conv_layer_backward
from fftconv.layers.parameters import ParameterCount, count_parameters
from fftconv.layers.pooling import pool
from fftconv.layers.shapes import output_size
from fftconv.layers.toeplitz import toeplitz_matrix

__all__ = [
    "LayerGradients",
    "ParameterCount",
    "conv_layer",
    "conv_layer_backward",
    "count_parameters",
    "output_size",
    "pool",
    "toeplitz_matrix",
]


def __dir__() -> list[str]:
    return __all__
