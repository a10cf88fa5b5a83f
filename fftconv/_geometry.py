"""Which outputs a mode keeps and which samples they read: the one home of size, centre and crop.

Everything is counted in the index of the full convolution: output `p` of an axis is the sum of
`kernel[i] * signal[p - i * dilation]`. A mode is nothing but a range of `p`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal, get_args

Mode = Literal["full", "same", "valid"]


@dataclass(frozen=True, slots=True)
class Window:
    """One convolved axis: the range of full outputs that is returned, every `stride`-th of them."""

    size: int
    taps: int
    dilation: int
    stride: int
    start: int
    stop: int

    @property
    def span(self) -> int:
        """Samples that the dilated kernel covers."""
        return (self.taps - 1) * self.dilation + 1

    @property
    def outputs(self) -> int:
        return -(-(self.stop - self.start) // self.stride)

    @property
    def reads(self) -> tuple[int, int]:
        """First and one past the last sample index that the outputs refer to, outside included."""
        return self.start - self.span + 1, self.stop

    @property
    def extended(self) -> Window:
        """The same outputs of a signal that already holds every sample in `reads`."""
        first, last = self.reads
        return Window(last - first, self.taps, self.dilation, self.stride, self.span - 1, last - first)


def _full(size: int, span: int) -> tuple[int, int]:
    return 0, size + span - 1


def _same(size: int, span: int) -> tuple[int, int]:
    centre = (span - 1) // 2  # as in scipy.signal: the first input's shape, whichever is longer
    return centre, centre + size


def _valid(size: int, span: int) -> tuple[int, int]:
    return span - 1, size


_RANGES: dict[Mode, Callable[[int, int], tuple[int, int]]] = {
    "full": _full,
    "same": _same,
    "valid": _valid,
}
MODES = get_args(Mode)


@dataclass(frozen=True, eq=False)  # made once for each set of shapes, so identity compares
class Geometry:
    """Shapes of one convolution; `kernel_shape` has as many axes as the signal."""

    mode: Mode
    signal_shape: tuple[int, ...]
    kernel_shape: tuple[int, ...]
    axes: tuple[int, ...]
    windows: tuple[Window, ...]
    output_shape: tuple[int, ...]

    @cached_property
    def outputs(self) -> int:
        return math.prod(self.output_shape)

    @cached_property
    def taps(self) -> int:
        """Products per output."""
        return math.prod(window.taps for window in self.windows)

    @cached_property
    def kernel_varies(self) -> bool:
        """Whether other slices of the signal meet other kernels."""
        return math.prod(self.kernel_shape) != self.taps

    @cached_property
    def slices(self) -> tuple[int, int, int]:
        """Of the signal, of kernels, and of results: how many times there is something to convolve."""
        shapes = (self.signal_shape, self.kernel_shape, self.output_shape)
        beside = [axis for axis in range(len(self.signal_shape)) if axis not in self.axes]
        of_signal, kernels, results = (math.prod(shape[axis] for axis in beside) for shape in shapes)
        return of_signal, kernels, results

    @cached_property
    def turned(self) -> tuple[slice, ...]:
        """Index that turns the kernel around."""
        steps = [-1 if axis in self.axes else 1 for axis in range(len(self.signal_shape))]
        return tuple(slice(None, None, step) for step in steps)

    @cached_property
    def is_compact(self) -> bool:
        """Whether what lies beyond the edges is not much more than the signal, so that it may be listed."""
        return all(window.span <= 4 * window.size + 2**16 for window in self.windows)

    @cached_property
    def extended_windows(self) -> tuple[Window, ...]:
        """The windows of a signal that already holds every sample that the outputs read."""
        return tuple(window.extended for window in self.windows)

    @cached_property
    def extended_shape(self) -> tuple[int, ...]:
        """The shape of that signal."""
        shape = list(self.signal_shape)
        for axis, window in zip(self.axes, self.extended_windows, strict=True):
            shape[axis] = window.size
        return tuple(shape)


@lru_cache(maxsize=1024)
def along(whole: Geometry, axes: tuple[int, ...], signal_shape: tuple[int, ...]) -> Geometry:
    """The same windows along some of the axes alone, for a pass over a signal of this shape."""
    windows = tuple(window for axis, window in zip(whole.axes, whole.windows, strict=True) if axis in axes)
    kernel_shape = [1] * len(signal_shape)
    output_shape = list(signal_shape)
    for axis, window in zip(axes, windows, strict=True):
        kernel_shape[axis] = window.taps
        output_shape[axis] = window.outputs
    return Geometry(whole.mode, signal_shape, tuple(kernel_shape), axes, windows, tuple(output_shape))


@lru_cache(maxsize=1024)
def merged(whole: Geometry) -> Geometry:
    """The same with neighbouring axes that are not convolved made one, for arrays without gaps."""
    groups: list[list[int]] = []
    for axis in range(len(whole.signal_shape)):
        if axis not in whole.axes and groups and groups[-1][-1] not in whole.axes:
            groups[-1].append(axis)
        else:
            groups.append([axis])
    if len(groups) == len(whole.signal_shape) or whole.kernel_varies:
        return whole

    def shape(of: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(math.prod(of[axis] for axis in group) for group in groups)

    axes = tuple(index for index, group in enumerate(groups) if group[0] in whole.axes)
    shapes = shape(whole.signal_shape), shape(whole.kernel_shape)
    return Geometry(whole.mode, *shapes, axes, whole.windows, shape(whole.output_shape))


@lru_cache(maxsize=1024)
def bank(whole: Geometry, kernels: int) -> Geometry:
    """The same for so many kernels: signal, kernels and results have an axis more in front."""
    axes = tuple(axis + 1 for axis in whole.axes)
    shapes = (1, *whole.signal_shape), (kernels, *whole.kernel_shape)
    return Geometry(whole.mode, *shapes, axes, whole.windows, (kernels, *whole.output_shape))


@lru_cache(maxsize=4096)
def geometry(
    signal_shape: tuple[int, ...],
    kernel_shape: tuple[int, ...],
    axes: tuple[int, ...],
    mode: Mode,
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
) -> Geometry:
    """Lay the mode's range over every convolved axis and broadcast the others."""
    if mode == "valid":
        _check_fit(signal_shape, kernel_shape, axes, dilation)
    windows = []
    output_shape = [max(a, b) if a and b else 0 for a, b in zip(signal_shape, kernel_shape, strict=True)]
    for axis, step, gap in zip(axes, stride, dilation, strict=True):
        size, taps = signal_shape[axis], kernel_shape[axis]
        start, stop = _RANGES[mode](size, (taps - 1) * gap + 1)
        window = Window(size, taps, gap, min(step, stop - start), start, stop)
        windows.append(window)
        output_shape[axis] = window.outputs
    return Geometry(mode, signal_shape, kernel_shape, axes, tuple(windows), tuple(output_shape))


def _check_fit(
    signal_shape: tuple[int, ...],
    kernel_shape: tuple[int, ...],
    axes: tuple[int, ...],
    dilation: tuple[int, ...],
) -> None:
    """Refuse a kernel that covers more than the signal, and say to swap them only where that helps."""
    sizes, taps = ([shape[axis] for axis in axes] for shape in (signal_shape, kernel_shape))
    spans = [(count - 1) * gap + 1 for count, gap in zip(taps, dilation, strict=True)]
    wrong = [place for place, (size, span) in enumerate(zip(sizes, spans, strict=True)) if span > size]
    if not wrong:
        return
    place = wrong[0]
    swapped = [(size - 1) * gap + 1 for size, gap in zip(sizes, dilation, strict=True)]
    helps = len(axes) == len(signal_shape) and all(
        span <= count for span, count in zip(swapped, taps, strict=True)
    )
    raise ValueError(
        f"mode='valid' needs a kernel that fits inside the signal, but along axis {axes[place]} the kernel "
        f"covers {spans[place]} samples and the signal has {sizes[place]}; use mode='same' or mode='full'"
        + (", or swap the two" if helps else "")
    )
