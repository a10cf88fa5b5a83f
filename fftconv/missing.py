"""`interpolate_missing`: fill holes from what is around them, and leave everything else alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fftconv._arguments import Array, Axes, is_nan, read_array, read_mask
from fftconv._names import Boundary, Method
from fftconv.convolution import convolve

__all__ = ["interpolate_missing"]


def __dir__() -> list[str]:
    return __all__


def interpolate_missing(
    signal: ArrayLike,
    kernel: ArrayLike,
    *,
    mask: ArrayLike | None = None,
    boundary: Boundary = "missing",
    fill_value: Any = 0.0,
    axes: Axes = None,
    method: Method = "auto",
    workers: int | None = None,
    max_memory: int | None = None,
) -> Array:
    r"""Fill holes with weighted means of the samples around them.

    .. math:: y[p] = \frac{\sum_i k[i] \, m[p - i] \, x[p - i]}{\sum_i |k[i]| \, m[p - i]} \sum_i |k[i]|

    in the holes, which are the samples that are NaN or that the mask gives no weight, and y = x elsewhere.

    Parameters
    ----------
    signal : array_like
        Samples, as in `convolve`; integers give float64.
    kernel : array_like
        Weights of the neighbours, as in `convolve`. Its sum should be 1, as a hole among equal samples is
        then filled with the same.
    mask : array_like, optional
        How much each sample counts, as in `convolve`; holes are where it is False or 0.
    boundary : str, default "missing"
        What stands beyond the edges, as in `convolve`.
    fill_value, axes, method, workers, max_memory
        As in `convolve`.

    Returns
    -------
    numpy.ndarray
        The shape of `signal`. A hole with no sample in its window stays NaN; pass a wider kernel.

    Raises
    ------
    ValueError, TypeError
        As `convolve`.

    See Also
    --------
    convolve : With ``nan_policy="omit"`` it smooths what there is, too.

    References
    ----------
    .. [1] H. Knutsson, C.-F. Westin, Normalized and differential convolution, CVPR 1993.

    Examples
    --------
    >>> import numpy as np, fftconv
    >>> weights = fftconv.kernels.gaussian(1.0)
    >>> fftconv.interpolate_missing([1.0, 2.0, np.nan, 4.0, 5.0], weights).round(12)
    array([1., 2., 3., 4., 5.])
    """
    samples, taps = read_array("signal", signal, has_mask=True), read_array("kernel", kernel)
    weights = None if mask is None else read_mask(mask, samples.shape)
    smooth = convolve(
        samples,
        taps,
        mode="same",
        boundary=boundary,
        fill_value=fill_value,
        axes=axes,
        method=method,
        nan_policy="omit",
        mask=weights,
        workers=workers,
        max_memory=max_memory,
    )
    if smooth.shape != samples.shape:
        raise ValueError(
            f"kernel gives results of shape {smooth.shape} for a signal of shape {samples.shape}; pass one "
            f"kernel for each slice"
        )
    holes = is_nan(samples)
    if weights is not None:
        holes |= weights == 0
    return np.where(holes, smooth, samples.astype(smooth.dtype, copy=False))
