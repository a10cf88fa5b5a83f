"""Pooling: the largest value, the mean or the sum of each window."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from fftconv._arguments import Array, read_array
from fftconv._checks import axes_in_words, check_choice, read_sides, shown
from fftconv.convolution import convolve
from fftconv.layers.padding import pad
from fftconv.layers.shapes import LayerAxis, Padding, Steps, read_axes

_KINDS = ("max", "average", "sum")


def pool(
    x: ArrayLike,
    size: Steps,
    *,
    kind: Literal["max", "average", "sum"] = "max",
    stride: Steps | None = None,
    padding: Padding = 0,
    count_padding: bool = False,
    strict: bool = False,
) -> Array:
    r"""Summarise each window by its largest value, its mean or its sum.

    .. math:: y[p] = \max_i x[p S + i], \qquad y[p] = \frac{1}{M} \sum_i x[p S + i], \qquad
       y[p] = \sum_i x[p S + i]

    Parameters
    ----------
    x : array_like, shape (N, C, \*spatial), or (..., \*spatial)
        Values.
    size : int or sequence of int
        Of the windows along the spatial axes. A number is for all axes but the first two; a sequence has
        one for each of the last axes, and whatever comes before them is left alone.
    kind : {"max", "average", "sum"}, default "max"
        The summary.
    stride : int or sequence of int, optional
        Samples from one window to the next; by default their size, so that they lie side by side.
    padding : int, sequence, "same" or "valid", default 0
        As in `conv_layer`, but less than the size of the windows. It never is the largest value, and adds
        nothing.
    count_padding : bool, default False
        Whether a mean counts padding as zeros.
    strict : bool, default False
        As in `conv_layer`.

    Returns
    -------
    numpy.ndarray
        The largest values in the dtype of x. Sums of integers are exact int64, means of them float64.

    Raises
    ------
    ValueError, TypeError
        For arguments that are not accepted; the message says what is.

    References
    ----------
    .. [1] I. Goodfellow, Y. Bengio, A. Courville, Deep Learning, 2016, section 9.3.

    Examples
    --------
    >>> import numpy as np
    >>> from fftconv import layers
    >>> layers.pool(np.array([[1, 7, 2, 0], [3, 4, 8, 5]]), (2, 2))
    array([[7, 8]])
    >>> layers.pool([[[1.0, 3.0, 5.0, 7.0]]], 2, kind="average", stride=1)
    array([[[2., 4., 6.]]])
    """
    values = read_array("x", x)
    check_choice("kind", kind, _KINDS)
    if isinstance(size, Sequence) or np.ndim(size):
        sizes = read_sides("size", size, None)
        if len(sizes) > values.ndim:
            raise ValueError(
                f"size={size!r} has {len(sizes)} numbers and x "
                f"{axes_in_words(values.ndim)} (shape {values.shape}); "
                f"pass one for each of the last axes"
            )
    elif values.ndim < 3:
        raise ValueError(
            f"x has shape {values.shape}, and size={size!r} is for the axes behind (N, C); pass "
            f"size={(size,) * values.ndim} for all axes"
        )
    else:
        sizes = read_sides("size", size, values.ndim - 2)
    first = values.ndim - len(sizes)
    axes = read_axes(values.shape[first:], sizes, sizes if stride is None else stride, padding, 1, strict)
    for axis in axes:
        if max(axis.before, axis.after) >= axis.taps:
            raise ValueError(
                f"padding={shown(padding)} is not accepted; it must be less than the size of the windows "
                f"({axis.taps}), some of which would hold nothing else"
            )
    if kind == "max":
        return _largest(values, axes, first)
    if kind == "average" and values.dtype.kind in "biu":
        values = values.astype(np.float64)
    sums = _sum_windows(values, axes, first)
    if kind == "sum":
        return sums
    inside = [np.ones(axis.size) for axis in axes]
    counts: Any = np.ones(())
    for ones, axis in zip(inside, axes, strict=True):
        each = np.full(axis.outputs, float(axis.taps))
        if not count_padding:
            each = _sum_windows(ones, (axis,), 0)
        counts = counts[..., np.newaxis] * each
    if sums.dtype.kind == "O":
        return np.asarray(sums / counts.astype(int).astype(object))
    return np.asarray(sums / counts.astype(sums.real.dtype))


def _sum_windows(values: Array, axes: tuple[LayerAxis, ...], first: int) -> Array:
    """Convolution with ones, which costs the same for windows of any size."""
    sums = convolve(
        pad(values, axes, "zero", 0, first),
        np.ones(
            [axis.taps for axis in axes], np.uint8 if values.dtype.kind in "biuO" else values.real.dtype
        ),
        axes=tuple(range(first, values.ndim)),
        mode="valid",
        stride=tuple(axis.stride for axis in axes),
    )
    return np.asarray(sums)


def _largest(values: Array, axes: tuple[LayerAxis, ...], first: int) -> Array:
    """The largest of each window, axis by axis."""
    if values.dtype.kind not in "biuf":
        raise TypeError(f"x has dtype {values.dtype}; accepted for the largest are real numbers of NumPy")
    least: Any = False if values.dtype.kind == "b" else -np.inf
    if values.dtype.kind in "iu":
        least = np.iinfo(values.dtype).min
    values = pad(values, axes, "constant", least, first)
    for place, axis in enumerate(axes, first):
        values = _largest_along(values, place, axis)
    return values


def _largest_along(values: Array, place: int, axis: LayerAxis) -> Array:
    before = (slice(None),) * place
    covered, stop = 1, values.shape[place]
    # Windows twice as long from two that overlap, until two of them cover one.
    while axis.taps > 2 * axis.stride and 2 * covered <= axis.taps:
        stop = values.shape[place]
        values = np.maximum(
            values[(*before, slice(None, stop - covered))], values[(*before, slice(covered, None))]
        )
        covered *= 2
    reach = (axis.outputs - 1) * axis.stride + 1
    offsets = [*range(0, axis.taps - covered, covered), axis.taps - covered]
    views = [values[(*before, slice(offset, offset + reach, axis.stride))] for offset in offsets]
    largest = views[0].copy()
    for view in views[1:]:
        np.maximum(largest, view, out=largest)
    return largest
