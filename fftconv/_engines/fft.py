"""One transform of the whole: pad, transform both, multiply, transform back, crop."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from fftconv._arguments import Options
from fftconv._boundary import extend_into
from fftconv._engines.schedule import Convolver, Schedule
from fftconv._fft import Workspace, workspace
from fftconv._geometry import Geometry
from fftconv._spectra import kept_spectrum

Array = np.ndarray[Any, np.dtype[Any]]


def path(options: Options, dtype: np.dtype[Any]) -> str:
    """Transforms of one axis cost otherwise than of more."""
    del dtype
    return "fft one axis" if len(options.geometry.axes) == 1 else "fft more axes"


def prepare(kernel: Array, options: Options, schedule: Schedule) -> Convolver:
    """Circular convolution of lengths `schedule.fft_shape`, where no output that is kept wraps.

    False if an output is not finite: a NaN, an infinity or a product beyond the range of the dtype
    reaches every output of its slice. A sum that overflows says so too, which costs time, not truth.

    The signal is extended straight into the transform's buffer, and the crop scales on its way out,
    so no padded copy is made.
    """
    return partial(_convolve, kernel, options, schedule)


@np.errstate(over="ignore", invalid="ignore")  # found out, and put right, afterwards
def _convolve(kernel: Array, options: Options, schedule: Schedule, signal: Array, out: Array) -> bool:
    geometry = options.geometry
    extended = options.boundary != "zero"

    made: dict[tuple[int, ...], Workspace] = {}

    def work_for(shape: tuple[int, ...]) -> Workspace:
        assert schedule.fft_provider is not None
        if shape not in made:
            made[shape] = workspace(
                schedule.fft_provider, shape, geometry.axes, signal.dtype, schedule.workers
            )
        return made[shape]

    signal_work = work_for(_padded(signal.shape, geometry, schedule))
    output_work = work_for(_padded(geometry.output_shape, geometry, schedule))

    dilation = [window.dilation for window in geometry.windows]

    def transform_kernel() -> Array:
        kernel_work = work_for(_padded(kernel.shape, geometry, schedule))
        _place(kernel, kernel_work.samples, geometry, dilation)
        return kernel_work.forward().copy()

    response = kept_spectrum(
        kernel,
        ("whole", schedule.fft_provider, geometry.axes, tuple(dilation), schedule.fft_shape),
        transform_kernel,
        math.prod(_padded(kernel.shape, geometry, schedule)) * signal.dtype.itemsize,
    )

    if extended:
        sizes = geometry.extended_shape
        inside = signal_work.samples[tuple(slice(size) for size in sizes)]
        extend_into(inside, signal, geometry, options.boundary, options.fill_value)
        _clear_beyond(signal_work.samples, sizes)
    else:
        _place(signal, signal_work.samples, geometry, [1] * len(geometry.axes))
    spectrum = signal_work.forward()

    if output_work is signal_work:
        samples = signal_work.inverse(np.multiply(spectrum, response, out=spectrum))
    else:  # more kernels than slices of the signal
        samples = output_work.inverse(spectrum * response)

    crop = [slice(None)] * signal.ndim
    windows = geometry.extended_windows if extended else geometry.windows
    for axis, window in zip(geometry.axes, windows, strict=True):
        crop[axis] = slice(window.start, window.stop, window.stride)
    np.multiply(samples[tuple(crop)], output_work.inverse_scale, out=out)
    return bool(np.isfinite(out.sum()))


def _padded(shape: tuple[int, ...], geometry: Geometry, schedule: Schedule) -> tuple[int, ...]:
    padded = list(shape)
    for axis, length in zip(geometry.axes, schedule.fft_shape, strict=True):
        padded[axis] = length
    return tuple(padded)


def _place(array: Array, buffer: Array, geometry: Geometry, steps: list[int]) -> None:
    """`array` at the front of `buffer`, its samples `step` apart, zeros everywhere else."""
    where = [slice(None)] * array.ndim
    for axis, step in zip(geometry.axes, steps, strict=True):
        where[axis] = slice(0, (array.shape[axis] - 1) * step + 1, step)
    if any(step > 1 for step in steps):
        buffer[...] = 0
    else:
        _clear_beyond(buffer, array.shape)
    buffer[tuple(where)] = array


def _clear_beyond(buffer: Array, sizes: tuple[int, ...]) -> None:
    """Zero what `buffer` holds outside its first `sizes` elements, and nothing else."""
    inside = [slice(None)] * buffer.ndim
    for axis, size in enumerate(sizes):
        if size < buffer.shape[axis]:
            region = list(inside)
            region[axis] = slice(size, None)
            buffer[tuple(region)] = 0
            inside[axis] = slice(size)
