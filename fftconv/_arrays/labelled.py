"""xarray: dimensions by name, and coordinates and attributes that stay with the numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray

import fftconv.convolution as plain
from fftconv._arguments import align, read_array
from fftconv._arrays import package_of
from fftconv._checks import read_steps
from fftconv._geometry import Window, geometry


def convolve(signal: Any, kernel: Any, options: dict[str, Any], correlate: bool) -> Any:
    """A DataArray; lazy if its numbers are."""
    for name, array in (("signal", signal), ("kernel", kernel), ("mask", options["mask"])):
        if package_of(array) == "xarray" and not isinstance(array, xarray.DataArray):
            raise TypeError(f"{name} is a {type(array).__name__}; pass a DataArray, one of its variables")
    if not isinstance(signal, xarray.DataArray):
        whose = "kernel" if isinstance(kernel, xarray.DataArray) else "mask"
        raise TypeError(
            f"{whose} is a DataArray and signal is none; pass {whose}.to_numpy(), or such a signal"
        )
    if len(set(signal.dims)) < len(signal.dims):
        raise ValueError(f"signal has the dimensions {signal.dims}, one of them twice; rename them")
    if options["out"] is not None:
        raise ValueError("out= is not accepted for arrays of xarray; leave it out")
    taps, axes = _read_kernel(kernel, signal, options["axes"])
    changed = options | {"axes": axes, "mask": _read_mask(options["mask"], signal)}
    found = (plain.correlate if correlate else plain.convolve)(signal.data, taps, **changed)
    aligned, convolved = align(signal.shape, tuple(taps.shape), axes)
    steps = [read_steps(name, options[name], len(convolved)) for name in ("stride", "dilation")]
    layout = geometry(signal.shape, aligned, convolved, options["mode"], *steps)
    windows = dict(zip(convolved, layout.windows, strict=True))
    if not isinstance(found, tuple):
        return _labelled(signal, found, windows)
    result, weight = (_labelled(signal, each, windows) for each in found)
    return result, weight.rename(None).drop_attrs()


def stack(arrays: list[Any]) -> Any:
    """Along a new first dimension."""
    if "kernel" in arrays[0].dims:
        raise ValueError("signal has a dimension 'kernel', as the results of a FilterBank; rename it")
    return xarray.concat(arrays, dim="kernel")


def _read_mask(mask: Any, signal: Any) -> Any:
    """In the order of the signal's labels, which have to be the same."""
    if not isinstance(mask, xarray.DataArray):
        return mask
    if unknown := [name for name in mask.dims if name not in signal.dims]:
        raise ValueError(f"mask has the dimensions {unknown}, which are none of the signal's {signal.dims}")
    for name in mask.dims:
        if name in signal.indexes and name in mask.indexes:
            ours, theirs = signal.indexes[name], mask.indexes[name]
            if len(ours) != len(theirs) or not ours.isin(theirs).all():
                raise ValueError(
                    f"mask and signal have other labels along {name!r}; mask.reindex_like(signal) first"
                )
            mask = mask.sel({name: ours}) if not ours.equals(theirs) else mask
    ordered = mask.transpose(*(name for name in signal.dims if name in mask.dims))
    return ordered.data.reshape(
        [size if name in mask.dims else 1 for name, size in zip(signal.dims, signal.shape, strict=True)]
    )


def _read_kernel(kernel: Any, signal: Any, axes: Any) -> tuple[Any, Any]:
    """The taps, and the axes that they go along, in order; of a DataArray its own dimensions."""
    given = _numbers(axes, signal)
    if isinstance(kernel, xarray.DataArray):
        unknown = [name for name in kernel.dims if name not in signal.dims]
        if unknown:
            raise ValueError(
                f"kernel has the dimensions {kernel.dims}, of which {unknown} are none of the signal's "
                f"{signal.dims}; rename them with kernel.rename(...)"
            )
        ordered = [name for name in signal.dims if name in kernel.dims]
        own = tuple(signal.dims.index(name) for name in ordered)
        if given is not None and sorted(given) != list(own):
            raise ValueError(
                f"axes={axes!r} and the kernel's dimensions {kernel.dims} differ; leave axes out"
            )
        return kernel.transpose(*ordered).data, own
    taps = kernel if package_of(kernel) else read_array("kernel", kernel)
    if given is not None and taps.ndim == len(given):  # by name they may come in any order
        order = sorted(range(len(given)), key=lambda number: given[number])
        return taps.transpose(order), tuple(given[number] for number in order)
    return taps, given


def _numbers(axes: Any, signal: Any) -> tuple[int, ...] | None:
    """Axes by number, of those by name."""
    if axes is None:
        return None
    single = isinstance(axes, (str, int, np.integer)) or axes in signal.dims
    try:
        given = (axes,) if single else tuple(axes)
    except TypeError:
        given = (axes,)
    numbers = []
    for name in given:
        if name in signal.dims and not isinstance(name, (int, np.integer)):
            numbers.append(signal.dims.index(name))
        elif isinstance(name, (int, np.integer)) and -signal.ndim <= name < signal.ndim:
            numbers.append(int(name) % signal.ndim)
        else:
            raise ValueError(f"axes={axes!r} is not accepted; the dimensions of signal are {signal.dims}")
    return tuple(numbers)


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
    sizes = dict(zip(signal.dims, numbers.shape, strict=True))
    coords = {
        name: coordinate
        for name, coordinate in labels.coords.items()
        if not any(dimension in dropped for dimension in coordinate.dims)
        and all(coordinate.sizes[each] == sizes[each] for each in coordinate.dims)
    }
    return xarray.DataArray(numbers, coords=coords, dims=signal.dims, attrs=signal.attrs, name=signal.name)
