"""A convolution as a sparse matrix."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fftconv._arguments import Array, read_array, result_dtype
from fftconv._boundary import sources
from fftconv._checks import in_digits, read_sides, shown
from fftconv._geometry import Mode, geometry
from fftconv._names import check_name
from fftconv.layers.padding import LAYER_BOUNDARIES, LayerBoundary
from fftconv.layers.shapes import Steps

_MOST_ENTRIES = 2**31  # of each some 40 bytes are needed


def toeplitz_matrix(
    kernel: ArrayLike,
    shape: int | Sequence[int],
    mode: Mode = "full",
    *,
    boundary: LayerBoundary = "zero",
    stride: Steps = 1,
    dilation: Steps = 1,
) -> Any:
    r"""Write a convolution as a sparse matrix.

    .. math:: W[p, q] = \sum_{i: \, p - d i = q} k[i], \qquad W \, \mathrm{vec}(x) = \mathrm{vec}(k * x)

    The same weights stand in every row, one place further on: a Toeplitz matrix, and in more dimensions
    a Toeplitz matrix of Toeplitz matrices.

    Parameters
    ----------
    kernel : array_like
        Taps, with as many axes as the signal.
    shape : int or sequence of int
        Of the signal.
    mode : {"full", "same", "valid"}, default "full"
        As in `convolve`.
    boundary : {"zero", "nearest", "reflect", "mirror", "wrap"}, default "zero"
        As in `convolve`.
    stride, dilation : int or sequence of int, default 1
        As in `convolve`.

    Returns
    -------
    scipy.sparse.csr_array, shape (outputs, samples)
        ``(W @ x.ravel()).reshape(y.shape)`` is ``y = convolve(x, kernel, mode=mode, ...)`` up to rounding.

    Raises
    ------
    ValueError, TypeError
        As `convolve` would.

    References
    ----------
    .. [1] R. M. Gray, Toeplitz and Circulant Matrices: A Review, 2006, https://doi.org/10.1561/0100000006

    Examples
    --------
    >>> from fftconv import layers
    >>> layers.toeplitz_matrix([1, 2], 3).toarray()
    array([[1, 0, 0],
           [2, 1, 0],
           [0, 2, 1],
           [0, 0, 2]])
    """
    taps = read_array("kernel", kernel)
    if taps.dtype.kind == "O":
        raise TypeError("kernel has dtype object, of which there are no sparse matrices; pass numbers")
    taps = taps.astype(result_dtype(taps.dtype, taps.dtype), copy=False)
    sizes = read_sides("shape", shape, taps.ndim)
    check_name("mode", mode)
    check_name("boundary", boundary, tuple(name for name in LAYER_BOUNDARIES if name != "constant"))
    if mode == "valid" and boundary != "zero":
        raise ValueError(
            f"boundary={boundary!r} has no effect with mode='valid'; leave it out, or pass mode='same'"
        )
    steps = (
        read_sides(name, value, taps.ndim) for name, value in (("stride", stride), ("dilation", dilation))
    )
    layout = geometry(sizes, taps.shape, tuple(range(taps.ndim)), mode, *steps)
    entries = math.prod(layout.output_shape) * taps.size
    if entries > _MOST_ENTRIES:
        name, value = (
            ("shape", shape) if math.prod(sizes) * taps.size > _MOST_ENTRIES else ("dilation", dilation)
        )
        raise ValueError(
            f"{name}={shown(value)} is not accepted: it makes a matrix of {in_digits(entries)} entries, "
            f"more than {_MOST_ENTRIES}; pass less, or use convolve"
        )
    # Which sample each tap of each output reads, axis by axis; -1 where there is none.
    columns, missing = np.zeros((1, 1), np.int64), np.zeros((1, 1), bool)
    for window in layout.windows:
        outputs = np.arange(window.start, window.stop, window.stride)
        positions = outputs[:, np.newaxis] - window.dilation * np.arange(window.taps)
        found = sources(positions.ravel(), window.size, boundary).reshape(positions.shape)
        columns = _outer(columns * window.size, found, np.add)
        missing = _outer(missing, found < 0, np.logical_or)
    rows = np.broadcast_to(np.arange(len(columns))[:, np.newaxis], columns.shape)
    values = np.broadcast_to(taps.reshape(1, -1), columns.shape)
    there = ~missing
    placed = values[there], (rows[there], columns[there])
    if taps.dtype.kind in "iu" and sum(abs(int(tap)) for tap in taps.flat) > np.iinfo(taps.dtype).max:
        raise OverflowError(
            f"taps that meet in one entry may not fit {taps.dtype}; convert the kernel with "
            f"numpy.asarray(kernel, float)"
        )
    import scipy.sparse  # 80 ms that other layers need not take

    return scipy.sparse.coo_array(placed, shape=(len(columns), math.prod(sizes))).tocsr()


def _outer(first: Array, second: Array, combine: Callable[..., Any]) -> Array:
    """(a, b) and (c, d) give (a c, b d): every row with every row, every column with every column."""
    combined = combine(first[:, np.newaxis, :, np.newaxis], second[np.newaxis, :, np.newaxis, :])
    return np.asarray(combined.reshape(len(first) * len(second), -1))
