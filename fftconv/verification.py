"""A check of integer convolutions that is independent of how they were computed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fftconv._arguments import Array, read_array
from fftconv._checks import Seed, make_generator

__all__ = ["verify_convolution"]


def __dir__() -> list[str]:
    return __all__


_PRIME = np.uint64(2**61 - 1)
_HALF = np.uint64(2**31 - 1)
_BLOCK = 2**14


def verify_convolution(
    result: ArrayLike,
    signal: ArrayLike,
    kernel: ArrayLike,
    *,
    seed: Seed = None,
) -> bool:
    r"""Check a full convolution of integers, in time proportional to its size.

    .. math:: A(r) \, B(r) \equiv C(r) \pmod{2^{61} - 1}

    where A, B and C are the polynomials whose coefficients are signal, kernel and result, and r is random,
    one number for each axis. A right result always passes. A wrong one passes with a probability below
    N / 2^60, where N is the sum of the lengths of its axes; unless it is wrong by multiples of 2^61 - 1
    everywhere.

    Parameters
    ----------
    result : array_like of integers
        What is claimed to be ``convolve(signal, kernel)``, along all axes.
    signal, kernel : array_like of integers
        With as many axes each; Python integers of any size as objects are accepted, too.
    seed : int, numpy.random.Generator or SeedSequence, optional
        Makes the point reproducible.

    Returns
    -------
    bool
        Whether both sides agree.

    Raises
    ------
    ValueError, TypeError
        For data that are not integers, or a result whose shape is not that of the full convolution.

    References
    ----------
    .. [1] R. Motwani, P. Raghavan, Randomized Algorithms, 1995, section 7.2.

    Examples
    --------
    >>> import fftconv
    >>> fftconv.verify_convolution([1, 3, 5, 3], [1, 2, 3], [1, 1])
    True
    >>> fftconv.verify_convolution([1, 3, 4, 3], [1, 2, 3], [1, 1])
    False
    """
    given = {"result": result, "signal": signal, "kernel": kernel}
    arrays = [_read(name, value) for name, value in given.items()]
    claimed, samples, taps = arrays
    full = tuple(n + m - 1 for n, m in zip(samples.shape, taps.shape, strict=False))
    if samples.ndim != taps.ndim or claimed.shape != full:
        raise ValueError(
            f"result has shape {claimed.shape}, accepted is that of the full convolution of shapes "
            f"{samples.shape} and {taps.shape}, which need as many axes each"
        )
    points = make_generator("seed", seed).integers(1, int(_PRIME), claimed.ndim, np.uint64)
    of_result, of_signal, of_kernel = (_evaluate(array, points) for array in arrays)
    return of_result == of_signal * of_kernel % int(_PRIME)


def _read(name: str, value: ArrayLike) -> Array:
    array = read_array(name, value)
    if array.dtype.kind == "O" and all(isinstance(number, int) for number in array.flat):
        return np.asarray(array % int(_PRIME)).astype(np.uint64)
    if array.dtype.kind not in "biu":
        raise TypeError(f"{name} has dtype {array.dtype}, accepted are integers")
    if array.dtype.kind == "u" and array.dtype.itemsize == 8:
        return np.asarray(array % _PRIME)
    return np.asarray(array.astype(np.int64) % np.int64(_PRIME)).astype(np.uint64)


def _evaluate(array: Array, points: Array) -> int:
    """The polynomial with these coefficients, axis by axis, the last one first."""
    for point in points[::-1]:
        array = _along_last_axis(array, point)
    return int(array)


def _along_last_axis(array: Array, point: np.uint64) -> Array:
    """Sum of array[..., i] point^i modulo the prime."""
    powers = np.ones(min(_BLOCK, array.shape[-1]), np.uint64)
    filled = 1
    while filled < powers.size:
        step = _times(powers[filled - 1 : filled], point)
        count = min(filled, powers.size - filled)
        powers[filled : filled + count] = _times(powers[:count], step)
        filled += count
    over_a_block = _times(powers[-1:], point)[0]
    total = np.zeros(array.shape[:-1], np.uint64)
    for first in reversed(range(0, array.shape[-1], _BLOCK)):  # Horner's rule, block by block
        block = array[..., first : first + _BLOCK]
        terms = _times(block, powers[: block.shape[-1]])
        low, high = terms & _HALF, terms >> np.uint64(31)  # sums of 2^14 such halves fit 64 bits
        part = _reduce(_times(_reduce(high.sum(-1)), np.uint64(2**31)) + _reduce(low.sum(-1)))
        total = _reduce(_times(total, over_a_block) + part)
    return total


def _times(a: Any, b: Any) -> Any:
    """Product modulo 2^61 - 1 of numbers below it, by halves of 31 bits: 2^61 is 1."""
    a_low, a_high = a & _HALF, a >> np.uint64(31)
    b_low, b_high = b & _HALF, b >> np.uint64(31)
    middle = a_low * b_high + a_high * b_low  # below 2^62
    # 2^31 times the lower 30 bits of the middle is below 2^61, and the others are taken 2^61 times.
    crossed = ((middle & np.uint64(2**30 - 1)) << np.uint64(31)) + (middle >> np.uint64(30))
    return _reduce(_reduce(a_low * b_low) + _reduce(a_high * b_high * np.uint64(2)) + crossed)


def _reduce(number: Any) -> Any:
    """Modulo 2^61 - 1."""
    folded = (number & _PRIME) + (number >> np.uint64(61))
    return folded - (folded >= _PRIME) * _PRIME
