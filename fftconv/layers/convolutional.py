"""The convolutional layer."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fftconv._arguments import Array, read_array, read_fill, result_dtype
from fftconv._names import check_name
from fftconv.layers.engines import LayerMethod, make_sum, sum_over_channels
from fftconv.layers.padding import LAYER_BOUNDARIES, LayerBoundary
from fftconv.layers.shapes import Padding, Steps, read_layer


def conv_layer(
    x: ArrayLike,
    weights: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    stride: Steps = 1,
    padding: Padding = 0,
    dilation: Steps = 1,
    groups: int = 1,
    flip: bool = False,
    boundary: LayerBoundary = "zero",
    fill_value: Any = 0.0,
    strict: bool = False,
    method: LayerMethod = "auto",
    workers: int | None = None,
) -> Array:
    r"""Apply a convolutional layer to a batch of inputs with channels.

    .. math:: y[n, o, p] = b[o] + \sum_{c} \sum_{i} w[o, c, i] \, \bar{x}[n, c, p S + i D]

    with stride S, dilation D, and :math:`\bar{x}` the input with its padding. As in all CNN libraries this
    is a cross-correlation: the weights are laid on the input as they are written. ``flip=True`` turns them
    around, and it is the convolution.

    Parameters
    ----------
    x : array_like, shape (N, C, \*spatial)
        N inputs of C channels, with one or more spatial axes.
    weights : array_like, shape (O, C / groups, \*receptive_field)
        O kernels. Complex ones are not conjugated.
    bias : array_like, shape (O,), optional
        Added to each output channel.
    stride : int or sequence of int, default 1
        Samples from one receptive field to the next; a number for all spatial axes or one for each.
    padding : int, sequence, "same" or "valid", default 0
        Samples added on both sides of each spatial axis: a number, or for each axis a number or a pair
        (before, after). "same" adds what gives ceil(size / stride) outputs, "valid" is 0.
    dilation : int or sequence of int, default 1
        Samples from one weight to the next.
    groups : int, default 1
        Into so many groups the channels and the kernels are cut; each group sees its own channels only.
        ``groups=C`` is the depthwise layer.
    flip : bool, default False
        Turn each kernel around along its spatial axes.
    boundary : {"zero", "constant", "nearest", "reflect", "mirror", "wrap"}, default "zero"
        What padding is made of, as in `convolve`.
    fill_value : scalar, default 0
        The padding of ``boundary="constant"``.
    strict : bool, default False
        Refuse a configuration that leaves samples unread, as `output_size` does. CNN libraries do not; they
        leave them unread, and so does ``padding="same"``.
    method : {"auto", "direct", "patches", "spectra", "convolve"}, default "auto"
        "direct" adds up in the native core, a few kernels times some outputs at a time; "patches" makes a
        matrix of the receptive fields, block by block, and leaves the sums to BLAS; "spectra" transforms
        inputs and weights, and adds up over channels there, but for inputs that are not finite, which go
        through "convolve": a convolution over channels and space at once, exact for integers. "auto" takes
        the one with the least predicted time.
    workers : int, optional
        Threads, as in `convolve`; BLAS has its own.

    Returns
    -------
    numpy.ndarray, shape (N, O, \*outputs)
        Outputs are `output_size` along each spatial axis. float32 stays float32. Integers are
        exact, in int64, or uint64 as in `convolve`; with a bias of floats they are computed in float64.

    Raises
    ------
    ValueError, TypeError
        For shapes that do not fit together; the message has both, with the names of their axes.
    OverflowError
        If an integer of the result does not fit its dtype.

    References
    ----------
    .. [1] V. Dumoulin, F. Visin, A guide to convolution arithmetic for deep learning, 2016,
       https://arxiv.org/abs/1603.07285
    .. [2] M. Mathieu, M. Henaff, Y. LeCun, Fast training of convolutional networks through FFTs, 2013,
       https://arxiv.org/abs/1312.5851 (``method="spectra"``)

    Examples
    --------
    The weights -1 and 1 find the edges of a line, wherever they are:

    >>> from fftconv import layers
    >>> layers.conv_layer([[[0, 0, 5, 5, 0]]], [[[-1, 1]]])
    array([[[ 0,  5,  0, -5]]])
    >>> import numpy as np
    >>> layers.conv_layer(np.ones((8, 3, 32, 32)), np.ones((16, 3, 5, 5)), padding="same", stride=2).shape
    (8, 16, 16, 16)
    """
    samples, kernels, axes, groups = read_layer(x, weights, stride, padding, dilation, groups, strict)
    check_name("boundary", boundary, LAYER_BOUNDARIES)
    dtype = result_dtype(samples.dtype, kernels.dtype)
    fill = read_fill(fill_value, boundary, dtype, "x")
    added = None if bias is None else _read_bias(bias, len(kernels))
    if added is not None:
        dtype = result_dtype(dtype, added.dtype)
    if flip:
        kernels = turned(kernels)
    if dtype.kind not in "fc":
        task = make_sum(samples, kernels, axes, groups, workers, boundary, fill)
        try:
            y = sum_over_channels(task, method)
        except OverflowError:  # which speaks of a signal
            raise OverflowError(
                f"the layer does not fit {dtype}; convert x with numpy.asarray(x, object) for integers "
                f"of any size, or with numpy.asarray(x, float) for rounded ones"
            ) from None
        return y if added is None else _add_bias(y, added.reshape(-1, *(1,) * len(axes)), dtype)
    if added is not None:
        added = added.astype(dtype, copy=False)
    samples, kernels = samples.astype(dtype, copy=False), kernels.astype(dtype, copy=False)
    task = make_sum(samples, kernels, axes, groups, workers, boundary, fill, added)
    return sum_over_channels(task, method)


def _read_bias(bias: ArrayLike, kernels: int) -> Array:
    values = read_array("bias", bias)
    if values.shape != (kernels,):
        raise ValueError(f"bias has shape {values.shape}, accepted is ({kernels},), one for each kernel")
    return values


def _add_bias(y: Array, bias: Array, dtype: np.dtype[Any]) -> Array:
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        each = zip(np.moveaxis(y, 1, 0), bias.ravel(), strict=True)
        # Python's integers do not overflow.
        if any(
            int(of_kernel.min()) + int(add) < limits.min or int(of_kernel.max()) + int(add) > limits.max
            for of_kernel, add in each
        ):
            raise OverflowError(
                f"the layer with its bias does not fit {dtype}; convert x with numpy.asarray(x, object) or "
                f"numpy.asarray(x, float)"
            )
    return np.asarray(np.add(y, bias, dtype=dtype))


def turned(weights: Array) -> Array:
    """Around, along the spatial axes."""
    return np.ascontiguousarray(np.flip(weights, tuple(range(2, weights.ndim))))
