"""How many numbers a layer learns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from fftconv._checks import check_count, read_integers, read_sides
from fftconv.layers.shapes import Padding, Steps, check_groups, read_axes


@dataclass(frozen=True, slots=True)
class ParameterCount:
    """How many numbers a layer learns, beside a layer in which every neuron sees every input.

    Attributes
    ----------
    input_shape, output_shape : tuple of int
        Channels, or kernels, and spatial sizes.
    weights, biases : int
        Of the convolutional layer.
    fully_connected_weights, fully_connected_biases : int
        Of a fully connected layer from as many inputs to as many outputs.
    weights_per_neuron : int
        Of one neuron of that: the number of its inputs.
    """

    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    weights: int
    biases: int
    fully_connected_weights: int
    fully_connected_biases: int
    weights_per_neuron: int


def count_parameters(
    input_shape: Sequence[int],
    kernels: int,
    receptive_field: Steps,
    *,
    stride: Steps = 1,
    padding: Padding = 0,
    dilation: Steps = 1,
    groups: int = 1,
    bias: bool = True,
    strict: bool = False,
) -> ParameterCount:
    r"""Count the parameters of a layer, and of the fully connected layer it stands for.

    .. math:: O \frac{C}{groups} \prod R + O \quad \text{against} \quad \prod I \cdot \prod Y + \prod Y

    Parameters
    ----------
    input_shape : sequence of int
        (C, \*spatial), without the batch.
    kernels : int
        O, the number of kernels, which is the depth of the output.
    receptive_field, stride, padding, dilation, groups, strict
        As in `conv_layer`.
    bias : bool, default True
        Whether each kernel has a bias.

    Returns
    -------
    ParameterCount

    Raises
    ------
    ValueError, TypeError
        As `conv_layer`.

    Examples
    --------
    >>> from fftconv import layers
    >>> count = layers.count_parameters((3, 256, 256), 1, 3, padding=1)
    >>> count.weights, count.weights_per_neuron, count.fully_connected_weights
    (27, 196608, 12884901888)
    """
    shape = read_integers("input_shape", input_shape, "(channels, *spatial)")
    if len(shape) < 2 or min(shape) < 1:
        raise ValueError(f"input_shape={input_shape!r} is not accepted; pass (channels, *spatial), from 1")
    count = check_count("kernels", kernels)
    groups = check_groups(groups, shape[0], count)
    fields = read_sides("receptive_field", receptive_field, len(shape) - 1)
    axes = read_axes(shape[1:], fields, stride, padding, dilation, strict)
    output_shape = (count, *(axis.outputs for axis in axes))
    inputs, outputs = math.prod(shape), math.prod(output_shape)
    return ParameterCount(
        input_shape=shape,
        output_shape=output_shape,
        weights=count * (shape[0] // groups) * math.prod(fields),
        biases=count if bias else 0,
        fully_connected_weights=inputs * outputs,
        fully_connected_biases=outputs if bias else 0,
        weights_per_neuron=inputs,
    )
