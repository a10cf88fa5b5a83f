"""Taps of Savitzky-Golay smoothing, by orthogonal polynomials on the places of the taps."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fftconv._checks import check_count, shown

Floats = np.ndarray[Any, np.dtype[np.float64]]

_MOST_WORK = 2**35  # width × (order + 2)²: about half a minute


def savitzky_golay(width: int, order: int) -> Floats:
    r"""Return the taps that fit a polynomial to `width` samples and take its value in the middle.

    .. math:: k[i] = \sum_{d=0}^{p} q_d(0) \, q_d(i), \quad |i| \le (n - 1) / 2

    with q_d the polynomials of degree d that are orthonormal on these places. Each is t times the last one,
    made orthogonal to all before it: powers of t lose every digit from order 12 on, and a recurrence that
    leaves out the earlier polynomials from about twice the square root of the width on.

    Parameters
    ----------
    width : int
        Taps n, odd.
    order : int
        Degree p of the polynomial, below the width.

    Returns
    -------
    numpy.ndarray of float64, shape (width,)
        Symmetric, with sum 1.

    Raises
    ------
    TypeError, ValueError
        If the width is even, or the order is not below it.

    References
    ----------
    A. Savitzky, M. J. E. Golay, Anal. Chem. 36 (1964) 1627-1639.
    P. A. Gorry, Anal. Chem. 62 (1990) 570-573, for the sum over orthogonal polynomials.
    """
    taps, degree = check_count("width", width), check_count("order", order, 0)
    if taps % 2 == 0 or degree >= taps:
        raise ValueError(
            f"width={shown(width)} with order={shown(order)} is not accepted for a Savitzky-Golay filter; "
            "pass an odd width and an order below it"
        )
    half = taps // 2
    if degree == taps - 1:  # the polynomial goes through every sample
        return np.asarray(np.eye(1, taps, half)[0])
    if takes_long(taps, degree):
        raise ValueError(
            f"width={shown(width)} with order={shown(order)} is not accepted for a Savitzky-Golay filter; "
            f"pass less of either, until width × (order + 2)² is at most {_MOST_WORK}"
        )
    right = _right_half(half, degree)
    right /= right[0] + 2 * math.fsum(right[1:])
    return np.concatenate([right[:0:-1], right])


def takes_long(width: int, order: int) -> bool:
    """Return whether such taps would take longer than anybody waits."""
    return order < width - 1 and width * (order + 2) ** 2 > _MOST_WORK


def _right_half(half: int, order: int) -> Floats:
    """Return the taps from the middle on.

    Even and odd polynomials are orthogonal to each other, so half of the places and of the degrees do.
    Places are divided by a power of two: rounded ones cost three digits at a width of 200.
    """
    places = np.arange(half + 1) / 2.0 ** half.bit_length()
    root = np.full(half + 1, math.sqrt(2))  # of how often a place counts: once on either side
    root[0] = 1
    polynomials = np.empty((2, order // 2 + 1, half + 1))  # even and odd ones, times `root`
    values = root
    for degree in range(order - order % 2 + 1):
        kind, before = degree % 2, degree // 2
        earlier = polynomials[kind, :before]
        for _ in range(2):  # once leaves the rounding of what cancels
            values = values - (earlier @ values) @ earlier
        values = values / np.linalg.norm(values)
        polynomials[kind, before] = values
        values = places * values
    even = polynomials[0]
    return np.asarray(even[:, 0] @ even / root)
