"""Sums over channels, four ways: in the native core, by matrices, by spectra, and through `convolve`.

Each takes a `Sum` and gives, with x̄ the samples with their padding,
y[n, g, o, p] = sum over c and i of weights[g, o, c, i] x̄[n, g, c, p stride + i dilation].
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.lib.stride_tricks import as_strided

from fftconv._arguments import Array, result_dtype
from fftconv._checks import check_workers
from fftconv._fft import Workspace, provider_name, workspace
from fftconv._fft.lengths import fast_length
from fftconv._names import check_name
from fftconv._native import core
from fftconv._threads import available_cores
from fftconv.convolution import convolve
from fftconv.layers.padding import LayerBoundary, pad, sources_of
from fftconv.layers.shapes import LayerAxis
from fftconv.planning import plan_convolution

LayerMethod = Literal["auto", "direct", "patches", "spectra", "convolve"]

_PATCH_BYTES = 2**20  # of a block of patches, which stays in the cache until it is multiplied
_SPECTRA_BYTES = 2**25  # of the weights that are transformed at a time
# Seconds, on two cores of a Cascade Lake Xeon with OpenBLAS; only their ratios decide anything.
_PRODUCT, _PATCH, _BLOCK = 1.1e-11, 4e-10, 2e-5
_BUTTERFLY, _SPECTRAL_PRODUCT, _SPECTRAL_CALL = 5.5e-10, 1e-10, 5e-9
_SPECTRA = 1.5e-4  # for each call
_CORE, _CORE_PRODUCT, _CORE_COPY = 1e-5, 8e-12, 3e-10
_MANY_SHORT_SUMS, _SHORT_SUM = 1.6, 1.1e-9  # so much longer than one convolution of as many products


@dataclass(frozen=True, slots=True, eq=False)
class Sum:
    """What to add up: numbers of one dtype, in groups."""

    x: Array
    """(N, groups, channels, *spatial), without padding."""
    weights: Array
    """(groups, kernels, channels, *taps)."""
    axes: tuple[LayerAxis, ...]
    boundary: LayerBoundary
    fill_value: Any
    workers: int | None
    bias: Array | None = None
    """(groups, kernels); added by engines whose entry in the table says so."""

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.x.dtype

    @property
    def output_shape(self) -> tuple[int, ...]:
        return (len(self.x), *self.weights.shape[:2], *(axis.outputs for axis in self.axes))

    @property
    def threads(self) -> int:
        return self.workers or available_cores()

    def padded(self) -> Array:
        """The samples with their padding."""
        return pad(self.x, self.axes, self.boundary, self.fill_value, 3)


def sum_in_core(task: Sum) -> Array:
    """Kernels times outputs in registers, of samples that are copied with their padding into the cache."""
    assert core is not None
    y = np.empty(task.output_shape, task.dtype)
    axes = [
        np.concatenate(
            [
                [axis.outputs, axis.taps, axis.stride, axis.dilation, axis.size, axis.before],
                sources_of(axis, task.boundary) if axis.before or axis.after else [],
            ]
        ).astype(np.int64)
        for axis in task.axes
    ]
    fill = np.asarray(task.fill_value if task.boundary == "constant" else 0, task.dtype)
    core.layer(task.x, np.ascontiguousarray(task.weights), task.bias, y, fill, axes, task.threads)
    return y


def sum_by_patches(task: Sum) -> Array:
    """Receptive fields as columns of a matrix, block by block, times the weights as rows, through BLAS."""
    y = np.empty(task.output_shape, task.dtype)
    groups, kernels = task.weights.shape[:2]
    rows = task.weights.reshape(groups, kernels, -1)
    for n, group, part, columns in _blocks_of_patches(task):
        np.matmul(rows[group], columns, out=y[n, group].reshape(kernels, -1)[:, part])
    return y


def sum_gradient_by_patches(task: Sum, gradient: Array) -> Array:
    """The same the other way: the gradient at the outputs times the receptive fields."""
    groups, kernels = task.weights.shape[:2]
    total = np.zeros((groups, kernels, math.prod(task.weights.shape[2:])), task.dtype)
    for n, group, part, columns in _blocks_of_patches(task):
        total[group] += gradient[n, group].reshape(kernels, -1)[:, part] @ columns.T
    return total.reshape(task.weights.shape)


def _blocks_of_patches(task: Sum) -> Iterator[tuple[int, int, slice, Array]]:
    """Input, group, outputs, and their receptive fields as columns, until the next are asked for."""
    x, axes = task.padded(), task.axes
    outputs = [axis.outputs for axis in axes]
    fields, line = math.prod(task.weights.shape[2:]), math.prod(outputs[1:])
    height = min(max(1, _PATCH_BYTES // (fields * line * x.itemsize)), outputs[0])
    buffer = np.empty(fields * height * line, x.dtype)
    for n, group in np.ndindex(x.shape[:2]):
        views = _receptive_fields(x[n, group], axes)
        for start in range(0, outputs[0], height):
            block = views[(slice(None),) * (1 + len(axes)) + (slice(start, start + height),)]
            if fields == x.shape[2] and block.flags.c_contiguous:
                columns = block.reshape(fields, -1)
            else:
                columns = buffer[: block.size].reshape(fields, -1)
                np.copyto(columns.reshape(block.shape), block)
            yield n, group, slice(start * line, start * line + columns.shape[1]), columns


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
def sum_by_spectra(task: Sum) -> Array:
    """Transforms of inputs and weights, products added up over the channels, and one transform back.

    A NaN, an infinity or an overflow spreads over its slice; such layers are computed by `convolve`.
    """
    axes, dtype = task.axes, task.dtype
    lengths = _fft_shape(axes)
    prepare = partial(_workspace, lengths=lengths, dtype=dtype, workers=task.threads)
    of_x = _spectrum(task.padded(), [1] * len(axes), prepare).transpose(0, 2, 1, 3)
    y = np.empty(task.output_shape, dtype)
    kept: tuple[Any, ...] = tuple(
        slice(0, (axis.outputs - 1) * axis.stride + 1, axis.stride) for axis in axes
    )
    last = lengths[-1] // 2 + 1 if dtype.kind == "f" else lengths[-1]
    groups, kernels, channels = task.weights.shape[:3]
    step = max(1, _SPECTRA_BYTES // (groups * channels * math.prod(lengths) * dtype.itemsize))
    for start in range(0, kernels, step):
        part = np.conjugate(task.weights[:, start : start + step])
        of_weights = _spectrum(part, [axis.dilation for axis in axes], prepare)
        # For each frequency and group (N, C) @ (C, O). What is conjugated twice stays as it is written.
        products = np.matmul(of_x, np.conjugate(of_weights).transpose(0, 1, 3, 2))
        work = prepare((len(y), *part.shape[:2]))
        ordered = products.transpose(2, 1, 3, 0).reshape(*work.samples.shape[:-1], last)
        samples = work.inverse(ordered)[:, :, :, *kept]
        np.multiply(samples, work.inverse_scale, out=y[:, :, start : start + step])
    return y if np.isfinite(y.sum()) else sum_by_convolve(task)


def _workspace(
    lead: tuple[int, ...], lengths: tuple[int, ...], dtype: np.dtype[Any], workers: int
) -> Workspace:
    """To transform so many slices."""
    axes = tuple(range(len(lead), len(lead) + len(lengths)))
    return workspace(provider_name(), (*lead, *lengths), axes, dtype, workers)


def _spectrum(array: Array, steps: Sequence[int], prepare: Callable[..., Workspace]) -> Array:
    """Of every slice, its numbers `steps` apart; frequencies first, as each has a matrix of its own."""
    work = prepare(array.shape[:3])
    work.samples[...] = 0
    inside: tuple[Any, ...] = tuple(
        slice(0, (size - 1) * step + 1, step) for size, step in zip(array.shape[3:], steps, strict=True)
    )
    work.samples[:, :, :, *inside] = array
    return np.array(np.moveaxis(work.forward().reshape(*array.shape[:3], -1), -1, 0), order="C")


def sum_by_convolve(task: Sum) -> Array:
    """A convolution over channels and space at once, of which one output along the channels is whole."""
    turned = task.weights[(slice(None),) * 2 + (slice(None, None, -1),) * (task.weights.ndim - 2)]
    y = convolve(
        task.padded()[:, :, np.newaxis],
        turned[np.newaxis],
        axes=_convolved(task.axes),
        mode="valid",
        stride=(1, *(axis.stride for axis in task.axes)),
        dilation=(1, *(axis.dilation for axis in task.axes)),
        workers=task.workers,
    )
    return np.asarray(y[:, :, :, 0])


def _fft_shape(axes: tuple[LayerAxis, ...]) -> tuple[int, ...]:
    """What is read beyond the last receptive field wraps around, onto nothing that is kept."""
    return tuple(fast_length(axis.padded) for axis in axes)


def _convolved(axes: tuple[LayerAxis, ...]) -> tuple[int, ...]:
    """Of (N, groups, kernels, channels, *spatial): the channels, and space."""
    return tuple(range(3, 4 + len(axes)))


# ------------------------------------------------------------------------------ which one, and how long

_MOST_BLOCK = 8  # kernels that the core takes together; of fewer it takes 4, 2 and 1


def _seconds_in_core(task: Sum) -> float:
    """Of products, dearer where kernels are few, and of copies of samples."""
    width = task.dtype.itemsize / 4
    columns = math.prod(task.output_shape) / task.weights.shape[1]
    terms, kernels = math.prod(task.weights.shape[2:]), task.weights.shape[1]
    whole, rest = divmod(kernels, _MOST_BLOCK)
    paid = whole * _MOST_BLOCK + rest + rest.bit_count()  # each smaller block loads the samples once more
    copied = task.weights.shape[2] * _CORE_COPY
    return float(_CORE + width * columns * (terms * paid * _CORE_PRODUCT + copied))


def _seconds_by_patches(task: Sum) -> float:
    width = task.dtype.itemsize / 4
    columns = math.prod(task.output_shape) / task.weights.shape[1]
    fields = math.prod(task.weights.shape[2:])
    blocks = -(-columns * fields * task.dtype.itemsize // _PATCH_BYTES) + len(task.x) * len(task.weights)
    return float(width * columns * fields * (_PRODUCT * task.weights.shape[1] + _PATCH) + blocks * _BLOCK)


def _seconds_by_spectra(task: Sum) -> float:
    width = task.dtype.itemsize / 4
    points = math.prod(_fft_shape(task.axes))
    batch, (groups, kernels, channels) = len(task.x), task.weights.shape[:3]
    lines = groups * (batch * channels + kernels * channels + batch * kernels)
    each = _BUTTERFLY * math.log2(points) * width
    products = groups * (_SPECTRAL_PRODUCT * width * batch * channels * kernels + _SPECTRAL_CALL)
    return float(_SPECTRA + points * (lines * each + products))


def _seconds_by_convolve(task: Sum) -> float:
    plan = plan_convolution(
        (*task.x.shape[:2], 1, task.x.shape[2], *(axis.padded for axis in task.axes)),
        (1, *task.weights.shape),
        dtype=task.dtype,
        axes=_convolved(task.axes),
        mode="valid",
        stride=(1, *(axis.stride for axis in task.axes)),
        dilation=(1, *(axis.dilation for axis in task.axes)),
    )  # for all cores, whatever `workers` is: another engine would round otherwise
    short = _SHORT_SUM * task.dtype.itemsize / 4 * math.prod(task.output_shape)
    return float(plan.seconds * _MANY_SHORT_SUMS + short)


@dataclass(frozen=True, slots=True)
class LayerEngine:
    """A way to add up, the numbers it has (codes of NumPy), and about how long it takes."""

    run: Callable[[Sum], Array]
    dtypes: str
    seconds: Callable[[Sum], float]
    adds_bias: bool = False


LAYER_ENGINES: dict[str, LayerEngine] = {
    "direct": LayerEngine(sum_in_core, "fd" if core is not None else "", _seconds_in_core, adds_bias=True),
    "patches": LayerEngine(sum_by_patches, "fdFD", _seconds_by_patches),
    "spectra": LayerEngine(sum_by_spectra, "fdFD", _seconds_by_spectra),
    "convolve": LayerEngine(sum_by_convolve, "", _seconds_by_convolve),  # which has all
}
LAYER_METHODS = ("auto", *LAYER_ENGINES)


def choose(task: Sum, among: Collection[str] = LAYER_ENGINES) -> str:
    """The engine with the least predicted time; what the others do not have goes through `convolve`."""
    able = [name for name in among if task.dtype.char in LAYER_ENGINES[name].dtypes]
    if able and "convolve" in among:
        able.append("convolve")
    return min(able, key=lambda name: LAYER_ENGINES[name].seconds(task), default="convolve")


def make_sum(
    samples: Array,
    weights: Array,
    axes: tuple[LayerAxis, ...],
    groups: int,
    workers: int | None,
    boundary: LayerBoundary = "zero",
    fill_value: Any = 0,
    bias: Array | None = None,
) -> Sum:
    """The sums of a layer; a bias is in the dtype of the result."""
    threads = check_workers(workers)
    dtype = result_dtype(samples.dtype, weights.dtype)
    if dtype.kind in "fc":
        samples, weights = samples.astype(dtype, copy=False), weights.astype(dtype, copy=False)
    elif boundary == "constant":
        samples = _with_room_for(fill_value, samples)
    batch, channels = samples.shape[:2]
    return Sum(
        samples.reshape(batch, groups, channels // groups, *samples.shape[2:]),
        weights.reshape(groups, -1, *weights.shape[1:]),
        axes,
        boundary,
        fill_value,
        threads,
        None if bias is None else np.ascontiguousarray(bias),
    )


def _with_room_for(fill_value: Any, samples: Array) -> Array:
    """Integers or objects in a dtype that holds the fill value, too."""
    if samples.dtype.kind == "O":
        return samples
    for dtype in (samples.dtype, np.dtype(np.int64), np.dtype(np.uint64)):
        low, high = (False, True) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
        fits = dtype == samples.dtype or (low <= samples.min() and samples.max() <= high)
        if fits and low <= fill_value <= high:
            return samples.astype(dtype, copy=False)
    raise OverflowError(
        f"fill_value={fill_value!r} and x ({samples.dtype}) do not fit one dtype of 64 bits; convert x "
        f"with numpy.asarray(x, object)"
    )


def sum_over_channels(task: Sum, method: str) -> Array:
    """The layer itself, (N, kernels, *outputs), of weights that lie as they are laid on."""
    check_name("method", method, LAYER_METHODS)
    if method == "auto":
        method = choose(task)
    engine = LAYER_ENGINES[method]
    dtype = result_dtype(task.x.dtype, task.weights.dtype)
    if method != "convolve" and dtype.char not in engine.dtypes:
        cure = "pass method='convolve' or 'auto'"
        if method == "direct" and core is None:
            raise ValueError(f"method='direct' needs the native core, which is not here; {cure}")
        raise ValueError(f"method={method!r} does not compute in {dtype}; {cure}")
    y = engine.run(task)
    if task.bias is not None and not engine.adds_bias:
        y += task.bias.reshape(*y.shape[1:3], *(1,) * len(task.axes))
    return y.reshape(len(y), -1, *y.shape[3:])
