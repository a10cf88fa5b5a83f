"""The gradients of a layer, which are layers themselves."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from fftconv._arguments import Array, check_choice, read_array, result_dtype
from fftconv.layers.convolutional import turned
from fftconv.layers.engines import LayerMethod, sum_over_channels
from fftconv.layers.padding import LAYER_BOUNDARIES, LayerBoundary, pad, unpad
from fftconv.layers.shapes import LayerAxis, Padding, Steps, axis_names, read_layer


class LayerGradients(NamedTuple):
    """Of a number, with respect to what went into a layer; each in the shape of its argument."""

    x: Array
    weights: Array
    bias: Array


def conv_layer_backward(
    gradient: ArrayLike,
    x: ArrayLike,
    weights: ArrayLike,
    *,
    stride: Steps = 1,
    padding: Padding = 0,
    dilation: Steps = 1,
    groups: int = 1,
    flip: bool = False,
    boundary: LayerBoundary = "zero",
    method: LayerMethod = "auto",
    workers: int | None = None,
) -> LayerGradients:
    r"""Take the gradient with respect to a layer's output back to its input, weights and bias.

    For a number L that depends on the output y of `conv_layer`, with :math:`g = \partial L / \partial y`,

    .. math:: \frac{\partial L}{\partial \bar{x}[n, c, q]} =
       \sum_{o, p, i: p S + i D = q} w[o, c, i] g[n, o, p],
       \quad \frac{\partial L}{\partial w[o, c, i]} = \sum_{n, p} g[n, o, p] \bar{x}[n, c, p S + i D],
       \quad \frac{\partial L}{\partial b[o]} = \sum_{n, p} g[n, o, p].

    The first two are layers themselves: of g, spread by the stride, under the weights turned around; and of
    x under g.

    Parameters
    ----------
    gradient : array_like, shape (N, O, \*outputs)
        With respect to the output.
    x, weights
        As they were passed to `conv_layer`; real.
    stride, padding, dilation, groups, flip, boundary
        As they were passed to `conv_layer`.
    method, workers
        As in `conv_layer`.

    Returns
    -------
    LayerGradients
        ``x``, ``weights`` and ``bias``. What padding has goes to the samples that it was copied from.

    Raises
    ------
    ValueError, TypeError
        As `conv_layer`, and for a gradient of another shape than the output, or complex arrays.

    References
    ----------
    .. [1] I. Goodfellow, Y. Bengio, A. Courville, Deep Learning, 2016, section 9.5.

    Examples
    --------
    >>> from fftconv import layers
    >>> back = layers.conv_layer_backward([[[1.0, 0.0, 2.0]]], [[[3.0, 4.0, 5.0, 6.0]]], [[[-1.0, 1.0]]])
    >>> back.x, back.weights, back.bias
    (array([[[-1.,  1., -2.,  2.]]]), array([[[13., 16.]]]), array([3.]))
    """
    samples, kernels, axes = read_layer(x, weights, stride, padding, dilation, groups, strict=False)
    check_choice("boundary", boundary, LAYER_BOUNDARIES)
    given = read_array("gradient", gradient)
    dtype = np.result_type(given, samples, kernels, np.float16)
    if dtype.kind != "f":
        raise TypeError(
            f"gradient ({given.dtype}), x ({samples.dtype}) and weights ({kernels.dtype}) make {dtype}; "
            f"accepted are real numbers"
        )
    dtype = result_dtype(dtype, dtype)
    expected = (len(samples), len(kernels), *(axis.outputs for axis in axes))
    if given.shape != expected:
        raise ValueError(
            f"gradient has shape {given.shape}, the output of this layer {expected} "
            f"{axis_names('NO', axes)}"
        )
    given, samples, kernels = (array.astype(dtype, copy=False) for array in (given, samples, kernels))
    laid = turned(kernels) if flip else kernels
    padded = pad(samples, axes, boundary, 0)
    of_x = _gradient_of_padded(given, laid, axes, groups, method, workers)
    of_weights = _gradient_of_weights(given, padded, axes, groups, method, workers)
    return LayerGradients(
        unpad(of_x, axes, boundary),
        turned(of_weights) if flip else of_weights,
        given.sum((0, *range(2, given.ndim))),
    )


def _gradient_of_padded(
    gradient: Array,
    weights: Array,
    axes: tuple[LayerAxis, ...],
    groups: int,
    method: str,
    workers: int | None,
) -> Array:
    """The layer that leads back: outputs spread by the stride, weights turned, kernels for channels."""
    spread = np.zeros(
        (*gradient.shape[:2], *(axis.padded + axis.span - 1 for axis in axes)), gradient.dtype
    )
    where: tuple[Any, ...] = tuple(
        slice(axis.span - 1, axis.span - 1 + (axis.outputs - 1) * axis.stride + 1, axis.stride)
        for axis in axes
    )
    spread[:, :, *where] = gradient
    taps = weights.shape[2:]
    swapped = weights.reshape(groups, -1, weights.shape[1], *taps).swapaxes(1, 2)
    swapped = swapped.reshape(-1, len(weights) // groups, *taps)
    back = tuple(LayerAxis(axis.padded + axis.span - 1, axis.taps, 1, 0, 0, axis.dilation) for axis in axes)
    return sum_over_channels(spread, turned(swapped), back, groups, method, workers)


def _gradient_of_weights(
    gradient: Array,
    padded: Array,
    axes: tuple[LayerAxis, ...],
    groups: int,
    method: str,
    workers: int | None,
) -> Array:
    """The layer whose kernels are the gradients, and whose channels are the inputs of the batch."""
    batch, channels = padded.shape[:2]
    inputs = padded.reshape(batch, groups, -1, *padded.shape[2:]).transpose(
        2, 1, 0, *range(3, padded.ndim + 1)
    )
    inputs = inputs.reshape(channels // groups, groups * batch, *padded.shape[2:])
    kernels = np.ascontiguousarray(gradient.swapaxes(0, 1))
    over = []
    for number, axis in enumerate(axes):  # without what no receptive field read
        size = (axis.outputs - 1) * axis.stride + axis.span
        inputs = inputs[(slice(None),) * (2 + number) + (slice(size),)]
        over.append(LayerAxis(size, axis.outputs, axis.dilation, 0, 0, axis.stride))
    found = sum_over_channels(np.ascontiguousarray(inputs), kernels, tuple(over), groups, method, workers)
    return np.ascontiguousarray(found.swapaxes(0, 1))
