"""dask arrays: convolved chunk by chunk, when they are asked for.

Chunks get a halo, as wide as the kernel reaches, by dask's own overlap; what stands beyond the edges of the
whole is found at the chunks that lie there. Each chunk is a problem like any other, whose outputs are those
that lie in the chunk, so that modes, boundaries, strides, missing samples and guarantees mean what they do
in memory.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import dask.array as da
import numpy as np
from dask.array.overlap import ensure_minimum_chunksize, overlap
from dask.delayed import delayed
from numpy.typing import ArrayLike

from fftconv._arguments import (
    Array,
    Options,
    Problem,
    native_dtype,
    read_array,
    read_mask,
    read_plain,
    read_problem,
    refuse_nan,
)
from fftconv._arrays import check_losses
from fftconv._geometry import Geometry, Window
from fftconv._names import check_name
from fftconv.convolution import run
from fftconv.planning import plan_problem


@dataclass(frozen=True, slots=True)
class _Axis:
    """How one axis is cut: the chunks, the halo of each, and which outputs are whose."""

    chunks: tuple[int, ...]
    depth: tuple[int, int]
    is_periodic: bool
    skips: tuple[int, ...]
    """Samples at the start of each chunk with its halo that no output reads."""
    windows: tuple[Window, ...]
    """Of those that outputs read."""


def convolve(signal: Any, kernel: Any, options: dict[str, Any], correlate: bool) -> Any:
    """A dask array of the outputs; two of them, with their weights, if these are asked for."""
    options = dict(options)
    if options["out"] is not None:
        raise ValueError("out= is not accepted for dask arrays, which are computed later; leave it out")
    wants_weight = options.pop("return_weight")
    mask = options.pop("mask")
    if not isinstance(signal, da.Array):
        signal = da.from_array(read_array("signal", signal), chunks=-1)
    taps, kernel_like = _read_kernel(kernel)
    _check_known("signal", signal)
    signal = plain_chunks("signal", signal)
    check_name("method", options["method"])
    given = None if mask is None else np.broadcast_to(True, signal.shape)
    problem = read_problem(_as_if(signal), kernel_like, mask=given, **options)
    whole = problem.options.geometry
    axes = tuple(
        _cut(window, signal.chunks[axis], problem.options.boundary == "wrap")
        for axis, window in zip(whole.axes, whole.windows, strict=True)
    )
    arrays = [_with_halo(signal, whole.axes, axes)]
    if mask is not None:
        arrays.append(_with_halo(_read_mask(mask, signal), whole.axes, axes))
    chunks = _output_chunks(signal, whole, axes)
    ranges = tuple(_starts(sizes) for sizes in chunks)
    inner = dataclasses.replace(problem.options, workers=problem.options.workers or 1)
    # One task, whose result every chunk is given: what is common to all is sent to a worker once.
    shared = delayed(_prepare, pure=True)(taps, correlate, inner, axes, ranges)

    def compute(weight: bool, dtype: np.dtype[Any]) -> Any:
        return da.map_blocks(
            _compute_chunk,
            *arrays,
            shared=shared,
            weight=weight,
            dtype=dtype,
            chunks=chunks,
            meta=np.empty((0,) * len(chunks), dtype),
        )

    result = compute(False, problem.options.dtype)
    if not wants_weight:
        return result
    return result, compute(True, np.empty(0, problem.options.dtype).real.dtype)


def stack(arrays: list[Any]) -> Any:
    """Along a new first axis."""
    return da.stack(arrays)


class _Shared(NamedTuple):
    """What all chunks have in common."""

    kernel: Array
    options: Options
    axes: tuple[_Axis, ...]
    ranges: tuple[tuple[int, ...], ...]
    """Where the chunks of the result start, along each axis."""


def _compute_chunk(*arrays: Array, shared: _Shared, weight: bool, block_id: tuple[int, ...]) -> Array:
    """The outputs of one chunk, or their weights."""
    kernel, options, axes, ranges = shared
    whole = options.geometry
    windows = tuple(axis.windows[block_id[place]] for place, axis in zip(whole.axes, axes, strict=True))
    read = [slice(None)] * len(block_id)
    for place, axis in zip(whole.axes, axes, strict=True):
        start = axis.skips[block_id[place]]
        read[place] = slice(start, start + axis.windows[block_id[place]].size)
    if options.nan_policy == "raise":
        refuse_nan(signal=arrays[0])
    samples, *masks = (array[tuple(read)] for array in arrays)
    for number, place in enumerate(block_id):
        if number not in whole.axes and kernel.shape[number] > 1:
            start = ranges[number][place]
            size = samples.shape[number] if whole.signal_shape[number] > 1 else kernel.shape[number]
            kernel = kernel[(slice(None),) * number + (slice(start, start + size),)]
    part = _part(whole.mode, whole.axes, windows, samples.shape, kernel.shape)
    inner = dataclasses.replace(options, geometry=part)
    problem = Problem(samples, kernel, inner, mask=masks[0] if masks else None)
    result, found = run(problem, plan_problem)
    if not weight:
        return result
    return np.ones_like(result.real) if found is None else found


@lru_cache(maxsize=256)
def _part(
    mode: Any,
    axes: tuple[int, ...],
    windows: tuple[Window, ...],
    signal_shape: tuple[int, ...],
    kernel_shape: tuple[int, ...],
) -> Geometry:
    """The geometry of a chunk, the same object for chunks that are alike, so that they share a plan."""
    output_shape = [max(pair) for pair in zip(signal_shape, kernel_shape, strict=True)]
    for axis, window in zip(axes, windows, strict=True):
        output_shape[axis] = window.outputs
    return Geometry(mode, signal_shape, kernel_shape, axes, windows, tuple(output_shape))


def _cut(window: Window, chunks: tuple[int, ...], wraps: bool) -> _Axis:
    """Chunks that are as long as the kernel, at least; neighbours of smaller ones are taken together."""
    least = max(window.span, window.stride) + 1
    if len(chunks) > 1 and window.span + window.stride > 1:
        chunks = ensure_minimum_chunksize(least, chunks) if window.size >= 2 * least else (window.size,)
    centre = (window.span - 1) // 2
    before, after = window.span - 1 - centre, centre
    periodic = wraps and len(chunks) > 1 and window.span > 1
    if len(chunks) == 1:
        before = after = 0
    if periodic:  # which dask has with equal halos alone; outputs of "full" read further at the edges
        before = after = max(-window.reads[0], window.reads[1] - window.size, before, after)
    skips, windows = [], []
    for number, start in enumerate(_starts(chunks)):
        is_first, is_last = number == 0, number == len(chunks) - 1
        stop = start + chunks[number]
        low = window.start if is_first else max(start + centre, window.start)
        high = window.stop if is_last else min(stop + centre, window.stop)
        low = window.start + -(-(low - window.start) // window.stride) * window.stride
        origin = start - (before if periodic or not is_first else 0)
        end = stop + (after if periodic or not is_last else 0)
        skips.append(max(low - window.span + 1 - origin, 0) if periodic or not is_first else 0)
        origin += skips[-1]
        if periodic or not is_last:
            end = min(end, high)
        windows.append(
            dataclasses.replace(window, size=end - origin, start=low - origin, stop=high - origin)
        )
    return _Axis(tuple(chunks), (before, after), periodic, tuple(skips), tuple(windows))


class _Chunk(np.ndarray[Any, np.dtype[Any]]):
    """A chunk whose slices are copies.

    dask cuts the halos out of chunks: as views they would hold whole chunks in memory until the last of all
    neighbours is done (a third of the peak, measured on 100 chunks of 16 MiB).
    """

    def __getitem__(self, key: Any) -> Any:
        return np.array(super().__getitem__(key))


def _as_chunk(array: Array) -> Array:
    return np.asarray(array).view(_Chunk)


def _with_halo(array: Any, places: tuple[int, ...], axes: tuple[_Axis, ...]) -> Any:
    """Rechunked where chunks are too small, and with what chunks read of their neighbours."""
    array = array.rechunk({place: axis.chunks for place, axis in zip(places, axes, strict=True)})
    depth: dict[int, Any] = dict.fromkeys(range(array.ndim), 0)
    boundary: dict[int, Any] = dict.fromkeys(range(array.ndim), "none")
    for place, axis in zip(places, axes, strict=True):
        if any(axis.depth):
            depth[place] = axis.depth[0] if axis.is_periodic else axis.depth
            boundary[place] = "periodic" if axis.is_periodic else "none"
    if not any(np.any(deep) for deep in depth.values()):
        return array
    meta = np.empty((0,) * array.ndim, array.dtype)
    copying = array.map_blocks(_as_chunk, dtype=array.dtype, meta=meta)
    return overlap(copying, depth=depth, boundary=boundary, allow_rechunk=False)


def _output_chunks(signal: Any, whole: Geometry, axes: tuple[_Axis, ...]) -> tuple[tuple[int, ...], ...]:
    chunks = [
        sizes if whole.output_shape[axis] == whole.signal_shape[axis] else (whole.output_shape[axis],)
        for axis, sizes in enumerate(signal.chunks)
    ]
    for place, axis in zip(whole.axes, axes, strict=True):
        chunks[place] = tuple(window.outputs for window in axis.windows)
    return tuple(chunks)


def _read_kernel(kernel: Any) -> tuple[Any, Array]:
    """The taps, lazily if they are, and an array of their shape and dtype."""
    if isinstance(kernel, da.Array):
        _check_known("kernel", kernel)
        kernel = plain_chunks("kernel", kernel)
        return kernel, _as_if(kernel)
    taps = read_array("kernel", kernel)
    if taps.dtype.kind == "O":
        raise TypeError("kernel holds objects and the signal is a dask array; pass numbers")
    return taps, taps


def _prepare(
    taps: Array,
    correlate: bool,
    options: Options,
    axes: tuple[_Axis, ...],
    ranges: tuple[tuple[int, ...], ...],
) -> _Shared:
    """With the kernel in the shape that goes with the signal, turned around for a correlation."""
    if options.nan_policy == "raise":
        refuse_nan(kernel=np.asarray(taps))
    whole = options.geometry
    shaped = np.asarray(taps).reshape(whole.kernel_shape)
    kernel = np.conjugate(shaped[whole.turned]) if correlate else shaped
    return _Shared(kernel, options, axes, ranges)


def _read_mask(mask: ArrayLike, signal: Any) -> Any:
    """In the chunks of the signal; weights are looked at when they are there."""
    if isinstance(mask, da.Array):
        given = mask
    else:
        weights = read_plain("mask", mask, accepted="one weight for each sample")
        given = da.from_array(read_mask(weights, weights.shape), chunks=-1)
    _check_known("mask", given)
    if given.dtype.kind not in "biuf":
        raise TypeError(f"mask has dtype {given.dtype}, accepted are booleans and weights from 0 to 1")
    try:
        wide = da.broadcast_to(given, signal.shape)
    except ValueError:
        raise ValueError(
            f"mask has shape {given.shape} and signal {signal.shape}; pass one weight for each sample, or "
            f"what broadcasts to them"
        ) from None
    dtype = native_dtype(given.dtype) if given.dtype.kind == "f" else np.dtype(bool)
    meta = np.empty((0,) * signal.ndim, dtype)
    return plain_chunks("mask", wide).rechunk(signal.chunks).map_blocks(_check_mask, dtype=dtype, meta=meta)


def _check_mask(weights: Array) -> Array:
    return read_mask(weights, weights.shape)


def _check_known(name: str, array: Any) -> None:
    if any(math.isnan(size) for size in array.shape):
        raise ValueError(
            f"{name} has chunks of unknown size {array.chunks}; call {name}.compute_chunk_sizes() first"
        )
    if array.dtype.kind == "O":
        raise TypeError(f"{name} is a dask array of objects; pass numbers, or compute it first")
    if isinstance(array._meta, np.ma.MaskedArray):
        cure = f"fill it with dask.array.ma.filled({name}, {'False' if name == 'mask' else '0'})"
        if name == "signal":
            cure = f"pass dask.array.ma.getdata({name}) and mask=~dask.array.ma.getmaskarray({name})"
        raise TypeError(f"{name} is a masked dask array, whose mask would be lost; {cure}")
    check_losses(name, array._meta)


def plain_chunks(name: str, array: Any) -> Any:
    """Convert chunks to the byte order of the machine that computes them; any but plain arrays raise."""
    checked = array.map_blocks(_check_chunk, name, dtype=array.dtype, meta=array._meta)
    return checked if array.dtype.isnative else checked.astype(native_dtype(array.dtype))


def _check_chunk(chunk: Any, name: str) -> Any:
    try:
        check_losses(name, chunk)
    except TypeError as error:
        reason = str(error).partition(";")[0]
        raise TypeError(
            f"a chunk of {reason}; drop it on purpose with {name}.map_blocks(numpy.asarray)"
        ) from None
    return chunk


def _as_if(array: Any) -> Array:
    """A stand-in of its shape and dtype."""
    return np.broadcast_to(np.zeros((), array.dtype), array.shape)


def _starts(sizes: tuple[int, ...]) -> tuple[int, ...]:
    return (0, *np.cumsum(sizes).tolist()[:-1])
