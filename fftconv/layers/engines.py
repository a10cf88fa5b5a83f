"""Sums over channels, three ways: through `convolve`, as a product of matrices, and by spectra.

Each takes x of shape (N, groups, C, *padded) and weights of shape (groups, O, C, *taps), and gives
y[n, g, o, p] = sum over c and i of weights[g, o, c, i] x[n, g, c, p stride + i dilation].
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.lib.stride_tricks import as_strided

from fftconv._arguments import Array, check_choice, result_dtype
from fftconv._fft import Workspace, provider_name, workspace
from fftconv._fft.lengths import fast_length
from fftconv._profile import available_cores
from fftconv.convolution import convolve
from fftconv.layers.shapes import LayerAxis
from fftconv.planning import plan_convolution

LayerMethod = Literal["auto", "convolve", "patches", "spectra"]
LayerEngine = Callable[[Array, Array, tuple[LayerAxis, ...], int | None], Array]

_PATCH_BYTES = 2**20  # of a block of patches, which stays in the cache until it is multiplied
_SPECTRA_BYTES = 2**25  # of the weights that are transformed at a time
_BLAS = "fdFD"
# Seconds, on two cores of a Cascade Lake Xeon with OpenBLAS; only their ratios decide anything.
_PRODUCT, _PATCH, _BLOCK = 1.1e-11, 4e-10, 2e-5
_BUTTERFLY, _SPECTRAL_PRODUCT, _SPECTRAL_CALL = 4.5e-10, 1e-10, 5e-8
_SPECTRA = 1.5e-4  # for each call
_MANY_SHORT_SUMS = 1.6  # so much longer than one convolution of as many products


def sum_by_convolve(x: Array, weights: Array, axes: tuple[LayerAxis, ...], workers: int | None) -> Array:
    """A convolution over channels and space at once, of which one output along the channels is whole."""
    turned = weights[(slice(None),) * 2 + (slice(None, None, -1),) * (weights.ndim - 2)]
    y = convolve(
        x[:, :, np.newaxis],
        turned[np.newaxis],
        axes=_convolved(axes),
        mode="valid",
        stride=(1, *(axis.stride for axis in axes)),
        dilation=(1, *(axis.dilation for axis in axes)),
        workers=workers,
    )
    return np.asarray(y[:, :, :, 0])


def sum_by_patches(x: Array, weights: Array, axes: tuple[LayerAxis, ...], workers: int | None) -> Array:
    """Receptive fields as columns of a matrix, block by block, times the weights as rows, through BLAS."""
    del workers  # BLAS has threads of its own
    groups, kernels = weights.shape[:2]
    outputs = [axis.outputs for axis in axes]
    y = np.empty((len(x), groups, kernels, *outputs), x.dtype)
    rows = weights.reshape(groups, kernels, -1)
    fields, line = rows.shape[-1], math.prod(outputs[1:])
    height = min(max(1, _PATCH_BYTES // (fields * line * x.itemsize)), outputs[0])
    buffer = np.empty(fields * height * line, x.dtype)
    for n in range(len(x)):
        for group in range(groups):
            views = _receptive_fields(x[n, group], axes)
            target = y[n, group].reshape(kernels, -1)
            for start in range(0, outputs[0], height):
                block = views[(slice(None),) * (1 + len(axes)) + (slice(start, start + height),)]
                if fields == weights.shape[2] and block.flags.c_contiguous:
                    columns = block.reshape(fields, -1)
                else:
                    columns = buffer[: block.size].reshape(fields, -1)
                    np.copyto(columns.reshape(block.shape), block)
                stop = start * line + columns.shape[1]
                np.matmul(rows[group], columns, out=target[:, start * line : stop])
    return y


def _receptive_fields(x: Array, axes: tuple[LayerAxis, ...]) -> Array:
    """(channels, *taps, *outputs) of (channels, *padded), without a copy."""
    steps = [x.strides[1 + number] for number in range(len(axes))]
    shape = (len(x), *(axis.taps for axis in axes), *(axis.outputs for axis in axes))
    strides = (
        x.strides[0],
        *(step * axis.dilation for step, axis in zip(steps, axes, strict=True)),
        *(step * axis.stride for step, axis in zip(steps, axes, strict=True)),
    )
    return as_strided(x, shape, strides, writeable=False)


@np.errstate(over="ignore", invalid="ignore")  # found out afterwards
def sum_by_spectra(x: Array, weights: Array, axes: tuple[LayerAxis, ...], workers: int | None) -> Array:
    """Transforms of inputs and weights, products added up over the channels, and one transform back.

    A NaN, an infinity or an overflow spreads over its slice; such layers are computed by `convolve`.
    """
    lengths = _fft_shape(axes)
    batch, groups, channels = x.shape[:3]
    prepare = partial(_workspace, lengths=lengths, dtype=x.dtype, workers=workers)
    of_x = _spectrum(x, [1] * len(axes), prepare).transpose(0, 2, 1, 3)
    y = np.empty((batch, *weights.shape[:2], *(axis.outputs for axis in axes)), x.dtype)
    kept: tuple[Any, ...] = tuple(
        slice(0, (axis.outputs - 1) * axis.stride + 1, axis.stride) for axis in axes
    )
    last = lengths[-1] // 2 + 1 if x.dtype.kind == "f" else lengths[-1]
    step = max(1, _SPECTRA_BYTES // (groups * channels * math.prod(lengths) * x.itemsize))
    for start in range(0, weights.shape[1], step):
        part = np.conjugate(weights[:, start : start + step])
        of_weights = _spectrum(part, [axis.dilation for axis in axes], prepare)
        # For each frequency and group (N, C) @ (C, O). What is conjugated twice stays as it is written.
        products = np.matmul(of_x, np.conjugate(of_weights).transpose(0, 1, 3, 2))
        work = prepare((batch, *part.shape[:2]))
        ordered = products.transpose(2, 1, 3, 0).reshape(*work.samples.shape[:-1], last)
        np.multiply(
            work.inverse(ordered)[:, :, :, *kept], work.inverse_scale, out=y[:, :, start : start + step]
        )
    return y if np.isfinite(y.sum()) else sum_by_convolve(x, weights, axes, workers)


def _workspace(
    lead: tuple[int, ...], lengths: tuple[int, ...], dtype: np.dtype[Any], workers: int | None
) -> Workspace:
    """To transform so many slices."""
    axes = tuple(range(len(lead), len(lead) + len(lengths)))
    return workspace(provider_name(), (*lead, *lengths), axes, dtype, workers or available_cores())


def _spectrum(array: Array, steps: Sequence[int], prepare: Callable[..., Workspace]) -> Array:
    """Of every slice, its numbers `steps` apart; frequencies first, as each has a matrix of its own."""
    work = prepare(array.shape[:3])
    work.samples[...] = 0
    inside: tuple[Any, ...] = tuple(
        slice(0, (size - 1) * step + 1, step) for size, step in zip(array.shape[3:], steps, strict=True)
    )
    work.samples[:, :, :, *inside] = array
    return np.array(np.moveaxis(work.forward().reshape(*array.shape[:3], -1), -1, 0), order="C")


LAYER_ENGINES: dict[str, LayerEngine] = {
    "convolve": sum_by_convolve,
    "patches": sum_by_patches,
    "spectra": sum_by_spectra,
}


LAYER_METHODS = ("auto", *LAYER_ENGINES)


def choose(
    x_shape: tuple[int, ...],
    weights_shape: tuple[int, ...],
    dtype: np.dtype[Any],
    axes: tuple[LayerAxis, ...],
) -> str:
    """The engine with the least predicted time; numbers that BLAS does not have go through `convolve`."""
    if dtype.char not in _BLAS:
        return "convolve"
    seconds = {name: predict(x_shape, weights_shape, dtype, axes) for name, predict in _SECONDS.items()}
    return min(seconds, key=lambda name: seconds[name])


def _seconds_of_convolve(
    x_shape: tuple[int, ...],
    weights_shape: tuple[int, ...],
    dtype: np.dtype[Any],
    axes: tuple[LayerAxis, ...],
) -> float:
    return (
        plan_convolution(
            (*x_shape[:2], 1, *x_shape[2:]),
            (1, *weights_shape),
            dtype=dtype,
            axes=_convolved(axes),
            mode="valid",
            stride=(1, *(axis.stride for axis in axes)),
            dilation=(1, *(axis.dilation for axis in axes)),
        ).seconds
        * _MANY_SHORT_SUMS
    )


def _seconds_of_patches(
    x_shape: tuple[int, ...],
    weights_shape: tuple[int, ...],
    dtype: np.dtype[Any],
    axes: tuple[LayerAxis, ...],
) -> float:
    width = dtype.itemsize / 4
    columns = x_shape[0] * x_shape[1] * math.prod(axis.outputs for axis in axes)
    fields = math.prod(weights_shape[2:])
    blocks = -(-columns * fields * dtype.itemsize // _PATCH_BYTES) + x_shape[0] * x_shape[1]
    return width * columns * fields * (_PRODUCT * weights_shape[1] + _PATCH) + blocks * _BLOCK


def _seconds_of_spectra(
    x_shape: tuple[int, ...],
    weights_shape: tuple[int, ...],
    dtype: np.dtype[Any],
    axes: tuple[LayerAxis, ...],
) -> float:
    width = dtype.itemsize / 4
    points = math.prod(_fft_shape(axes))
    batch, groups, channels = x_shape[:3]
    kernels = weights_shape[1]
    lines = groups * (batch * channels + kernels * channels + batch * kernels)
    each = _BUTTERFLY * math.log2(points) * width
    products = groups * (_SPECTRAL_PRODUCT * width * batch * channels * kernels + _SPECTRAL_CALL)
    return _SPECTRA + points * (lines * each + products)


_SECONDS: dict[str, Callable[..., float]] = {
    "convolve": _seconds_of_convolve,
    "patches": _seconds_of_patches,
    "spectra": _seconds_of_spectra,
}


def _convolved(axes: tuple[LayerAxis, ...]) -> tuple[int, ...]:
    """Of (N, groups, kernels, channels, *spatial): the channels, and space."""
    return tuple(range(3, 4 + len(axes)))


def _fft_shape(axes: tuple[LayerAxis, ...]) -> tuple[int, ...]:
    """What is read beyond the last receptive field wraps around, onto nothing that is kept."""
    return tuple(fast_length(axis.padded) for axis in axes)


def sum_over_channels(
    padded: Array,
    weights: Array,
    axes: tuple[LayerAxis, ...],
    groups: int,
    method: str,
    workers: int | None,
) -> Array:
    """The layer itself, of inputs that have their padding and weights that lie as they are laid on."""
    check_choice("method", method, LAYER_METHODS)
    batch, channels = padded.shape[:2]
    x = padded.reshape(batch, groups, channels // groups, *padded.shape[2:])
    grouped = weights.reshape(groups, -1, *weights.shape[1:])
    dtype = result_dtype(x.dtype, grouped.dtype)
    if method == "auto":
        method = choose(x.shape, grouped.shape, dtype, axes)
    elif method != "convolve" and dtype.char not in "fdFD":
        raise ValueError(f"method={method!r} does not compute in {dtype}; pass method='convolve' or 'auto'")
    if dtype.kind in "fc":
        x, grouped = x.astype(dtype, copy=False), grouped.astype(dtype, copy=False)
    y = LAYER_ENGINES[method](x, grouped, axes, workers)
    return np.asarray(y).reshape(batch, len(weights), *y.shape[3:])
