"""xarray: dimensions by name, and coordinates and attributes that stay with the numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray

import fftconv.convolution as plain
from fftconv._arguments import align, read_array
from fftconv._arrays import convolve_of
from fftconv._geometry import Window, geometry


def convolve(signal: Any, kernel: Any, options: dict[str, Any], correlate: bool) -> Any:
    """A DataArray; lazy if its numbers are."""
    if not isinstance(signal, xarray.DataArray):
        raise TypeError(
            f"signal is a {type(signal).__name__} and another array of xarray; pass it as a DataArray, "
            f"too, or the other one as {'mask' if options['mask'] is not None else 'kernel'}.data"
        )
    taps, axes = _read_kernel(kernel, signal, options["axes"])
    mask = options["mask"]
    if isinstance(mask, xarray.DataArray):
        mask = mask.broadcast_like(signal).transpose(*signal.dims).data
    if options["out"] is not None:
        raise ValueError("out= is not accepted for arrays of xarray; leave it out")
    call = plain.correlate if correlate else plain.convolve
    found = call(signal.data, taps, **(options | {"axes": axes, "mask": mask}))
    shape = tuple(taps.shape)
    aligned, convolved = align(signal.shape, shape, axes)
    steps = [_steps(options[name], len(convolved)) for name in ("stride", "dilation")]
    layout = geometry(signal.shape, aligned, convolved, options["mode"], *steps)
    windows = dict(zip(convolved, layout.windows, strict=True))
    results = [
        _labelled(signal, each, windows) for each in (found if isinstance(found, tuple) else (found,))
    ]
    return tuple(results) if isinstance(found, tuple) else results[0]


def stack(arrays: list[Any]) -> Any:
    """Along a new first dimension."""
    return xarray.concat(arrays, dim="kernel")


def _read_kernel(kernel: Any, signal: Any, axes: Any) -> tuple[Any, Any]:
    """The taps, and the axes that they go along; of a DataArray its own dimensions."""
    if isinstance(kernel, xarray.DataArray):
        unknown = [name for name in kernel.dims if name not in signal.dims]
        if unknown:
            raise ValueError(
                f"kernel has the dimensions {kernel.dims}, of which {unknown} are none of the signal's "
                f"{signal.dims}; rename them with kernel.rename(...)"
            )
        if axes is None:
            ordered = [name for name in signal.dims if name in kernel.dims]
            return kernel.transpose(*ordered).data, tuple(signal.dims.index(name) for name in ordered)
        kernel = kernel.data
    taps = kernel if convolve_of(kernel) is not None else read_array("kernel", kernel)
    return taps, _numbers(axes, signal)


def _numbers(axes: Any, signal: Any) -> Any:
    """Axes by number, of those by name."""
    if axes is None:
        return None
    given = (axes,) if isinstance(axes, (str, int, np.integer)) else tuple(axes)
    unknown = [name for name in given if isinstance(name, str) and name not in signal.dims]
    if unknown:
        raise ValueError(f"axes={axes!r} is not accepted; the dimensions of signal are {signal.dims}")
    return tuple(signal.dims.index(name) if isinstance(name, str) else name for name in given)


def _steps(value: Any, count: int) -> tuple[int, ...]:
    return (int(value),) * count if isinstance(value, (int, np.integer)) else tuple(map(int, value))


def _labelled(signal: Any, numbers: Any, windows: dict[int, Window]) -> Any:
    """The outputs with the coordinates of the samples that they are centred on, where they are on one."""
    chosen = {}
    dropped = []
    for axis, window in windows.items():
        name = signal.dims[axis]
        centre = (window.span - 1) // 2
        first, last = window.start - centre, window.stop - centre
        if first < 0 or last > window.size:  # of mode "full"
            dropped.append(name)
        else:
            chosen[name] = slice(first, last, window.stride)
    labels = signal.isel(chosen)
    coords = {
        name: coordinate
        for name, coordinate in labels.coords.items()
        if not any(dimension in dropped for dimension in coordinate.dims)
    }
    return xarray.DataArray(numbers, coords=coords, dims=signal.dims, attrs=signal.attrs, name=signal.name)
