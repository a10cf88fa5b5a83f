"""The gradients of a layer, which are layers themselves."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from fftconv._arguments import Array, read_array, read_fill, result_dtype
from fftconv._boundary import FILLED
from fftconv._names import check_name
from fftconv.layers.convolutional import turned
from fftconv.layers.engines import (
    LayerMethod,
    Sum,
    choose,
    make_sum,
    sum_gradient_by_patches,
    sum_over_channels,
)
from fftconv.layers.padding import LAYER_BOUNDARIES, LayerBoundary, unpad
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
    fill_value: Any = 0.0,
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
    stride, padding, dilation, groups, flip, boundary, fill_value
        As they were passed to `conv_layer`.
    method, workers
        As in `conv_layer`.

    Returns
    -------
    LayerGradients
        ``x``, ``weights`` and ``bias``. What padding has goes to the samples that it was copied from.
        Where gradient, x and weights are integers all three are exact, each in int64, or uint64 as in
        `convolve`; otherwise they are floats of one dtype.

    Raises
    ------
    ValueError, TypeError
        As `conv_layer`, and for a gradient of another shape than the output, or complex arrays.
    OverflowError
        If an integer of a gradient does not fit its dtype.

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
    samples, kernels, axes, groups = read_layer(x, weights, stride, padding, dilation, groups, strict=False)
    check_name("boundary", boundary, LAYER_BOUNDARIES)
    given = read_array("gradient", gradient)
    arrays = [given, samples, kernels]
    if any(array.dtype.kind == "c" for array in arrays):
        raise TypeError(
            f"gradient has dtype {given.dtype}, x {samples.dtype} and weights {kernels.dtype}; accepted "
            f"are real numbers"
        )
    expected = (len(samples), len(kernels), *(axis.outputs for axis in axes))
    if given.shape != expected:
        raise ValueError(
            f"gradient has shape {given.shape}, the output of this layer {expected} "
            f"{axis_names('NO', axes)}"
        )
    dtype = result_dtype(samples.dtype, kernels.dtype)
    if any(array.dtype.kind not in "biu" for array in arrays):
        common = np.result_type(*arrays, np.float16)
        dtype = result_dtype(common, common)
        given, samples, kernels = (array.astype(dtype, copy=False) for array in arrays)
    laid = turned(kernels) if flip else kernels
    fill = read_fill(fill_value, boundary, dtype, "x")
    task = make_sum(samples, laid, axes, groups, workers, boundary, fill)
    of_samples = _gradient_of_samples(task, given, method)
    of_weights = _gradient_of_weights(task, given, method)
    return LayerGradients(
        of_samples,
        turned(of_weights) if flip else of_weights,
        _sum_in_64_bits(given, lambda part: part.sum((0, *range(2, given.ndim)))),
    )


def _sum_of(task: Sum, method: str) -> Array:
    """The sums of a layer; of integers that do not fit with an error that speaks of gradients."""
    try:
        return sum_over_channels(task, method)
    except OverflowError:
        raise _overflow(result_dtype(task.x.dtype, task.weights.dtype)) from None


def _gradient_of_samples(task: Sum, gradient: Array, method: str) -> Array:
    """Follow each sample to the outputs that read it, and those in the padding to their sources."""
    if task.dtype.kind == "f" and not np.isfinite(task.weights).all():
        # Zeros between the numbers of the gradient would make NaN of infinities.
        return unpad(_scatter(task, gradient), task.axes, task.boundary)
    back = _way_back(task, gradient)
    if task.boundary in FILLED:
        return _sum_of(back, method)
    try:
        padded = _sum_of(back, method)
    except OverflowError:  # which may cancel where padding is added to the samples it was copied from
        objects = dataclasses.replace(back, x=back.x.astype(object), weights=back.weights.astype(object))
        total = unpad(_sum_of(objects, "convolve"), task.axes, task.boundary)
        return _in_64_bits(total, result_dtype(back.x.dtype, back.weights.dtype))
    return _sum_in_64_bits(padded, lambda part: unpad(part, task.axes, task.boundary))


def _sum_in_64_bits(array: Array, add_up: Callable[[Array], Array]) -> Array:
    """Apply a function that adds up elements; sums of integers are exact, or raise OverflowError.

    The upper and the lower 32 bits are added up apart, so that 2^31 of each cannot overflow.
    """
    if array.dtype.kind not in "biu":
        return add_up(array)
    dtype = result_dtype(array.dtype, array.dtype)
    numbers = array.astype(dtype, copy=False)
    upper, lower = add_up(numbers >> 32), add_up(numbers & dtype.type(2**32 - 1))
    upper = upper + (lower >> 32)
    limits = np.iinfo(dtype)
    if upper.min() < limits.min >> 32 or upper.max() > limits.max >> 32:
        raise _overflow(dtype)
    return np.asarray((upper << 32) | (lower & dtype.type(2**32 - 1)))


def _in_64_bits(total: Array, dtype: np.dtype[Any]) -> Array:
    """Python's integers as those of a dtype, if they fit."""
    limits = np.iinfo(dtype)
    if total.min() < limits.min or total.max() > limits.max:
        raise _overflow(dtype)
    return total.astype(dtype)


def _overflow(dtype: np.dtype[Any]) -> OverflowError:
    return OverflowError(
        f"a gradient does not fit {dtype}; convert the gradient with numpy.asarray(gradient, object) "
        f"for integers of any size, or with numpy.asarray(gradient, float) for rounded ones"
    )


def _way_back(task: Sum, gradient: Array) -> Sum:
    """The layer that leads back to the samples, and to their padding where that was copied from them.

    It is of the gradient, numbers a stride apart, under the weights turned around, kernels as channels.
    """
    groups, kernels, channels = task.weights.shape[:3]
    apart = gradient
    if any(axis.stride > 1 for axis in task.axes):
        sizes = [(axis.outputs - 1) * axis.stride + 1 for axis in task.axes]
        apart = np.zeros((*gradient.shape[:2], *sizes), gradient.dtype)
        apart[:, :, *(slice(None, None, axis.stride) for axis in task.axes)] = gradient
    back = []
    for place, axis in enumerate(task.axes, 2):
        first, count = (axis.before, axis.size) if task.boundary in FILLED else (0, axis.padded)
        # So many zeros stand before and after; where there are fewer than none the gradient is cut.
        before = axis.span - 1 - first
        after = first + count - apart.shape[place]
        kept = slice(max(-before, 0), max(apart.shape[place] + min(after, 0), 0))
        apart = apart[(slice(None),) * place + (kept,)]
        before, after = max(before, 0), max(after, 0)
        if apart.shape[place] == 0:  # no output reads these samples
            apart = np.zeros((*apart.shape[:place], 1, *apart.shape[place + 1 :]), apart.dtype)
            before, after = 0, count + axis.span - 2
        back.append(LayerAxis(apart.shape[place], axis.taps, 1, before, after, axis.dilation))
    swapped = task.weights.swapaxes(1, 2).reshape(groups * channels, kernels, *task.weights.shape[3:])
    return make_sum(apart, turned(swapped), tuple(back), groups, task.workers)


def _scatter(task: Sum, gradient: Array) -> Array:
    """The same, tap by tap, of terms that there are and no others."""
    grouped = gradient.reshape(task.output_shape)
    total = np.zeros((*task.x.shape[:3], *(axis.padded for axis in task.axes)), gradient.dtype)
    for tap in np.ndindex(task.weights.shape[3:]):
        weights = task.weights[(slice(None),) * 3 + tap]
        where = tuple(
            slice(
                at * axis.dilation, at * axis.dilation + (axis.outputs - 1) * axis.stride + 1, axis.stride
            )
            for at, axis in zip(tap, task.axes, strict=True)
        )
        with np.errstate(invalid="ignore"):
            total[:, :, :, *where] += np.einsum("ngo...,goc->ngc...", grouped, weights)
    return total.reshape(len(total), -1, *total.shape[3:])


def _gradient_of_weights(task: Sum, gradient: Array, method: str) -> Array:
    """By matrices, or as the layer whose kernels are the gradients and whose channels the inputs."""
    if method == "auto":  # the matrices and the transforms are as many, and as large, as those of the layer
        method = choose(task, ("patches", "spectra"))
    if method == "patches" and task.dtype.kind in "fc":  # of other numbers it is refused below
        grouped = gradient.reshape(task.output_shape)
        return sum_gradient_by_patches(task, grouped).reshape(-1, *task.weights.shape[2:])
    found = _sum_of(_dual(task, gradient), method)
    return np.ascontiguousarray(found.swapaxes(0, 1))


def _dual(task: Sum, gradient: Array) -> Sum:
    """That layer; without what no receptive field read."""
    axes, inputs = [], task.padded()
    batch, groups, channels = inputs.shape[:3]
    for number, axis in enumerate(task.axes):
        size = (axis.outputs - 1) * axis.stride + axis.span
        inputs = inputs[(slice(None),) * (3 + number) + (slice(size),)]
        axes.append(LayerAxis(size, axis.outputs, axis.dilation, 0, 0, axis.stride))
    turned_around = inputs.swapaxes(0, 2).reshape(channels, groups * batch, *inputs.shape[3:])
    return make_sum(turned_around, gradient.swapaxes(0, 1), tuple(axes), groups, task.workers)
