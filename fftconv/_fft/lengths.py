"""How long a transform has to be, and which lengths are fast."""

from __future__ import annotations

from bisect import bisect_left
from functools import lru_cache

from fftconv._geometry import Geometry, Window

LONGEST = 2**40  # points along an axis; eight tebibytes in single precision


@lru_cache(maxsize=1)
def _smooth_numbers(limit: int = 2 * LONGEST) -> list[int]:
    """All 2^a 3^b 5^c 7^d up to `limit`, in order."""
    numbers = [1]
    for factor in (2, 3, 5, 7):
        multiples = numbers
        while multiples := [n * factor for n in multiples if n * factor <= limit]:
            numbers = numbers + multiples
    return sorted(numbers)


@lru_cache(maxsize=4096)
def fast_length(at_least: int) -> int:
    """The next length of the form 2^a 3^b 5^c 7^d, from 16 on a multiple of 4.

    Other primes are slow and less exact. Odd lengths take FFTW's real transforms up to 1.7 times as
    long per point, twice an odd length up to 1.4 times (measured on 1280 to 1536 with AVX).
    """
    numbers = _smooth_numbers()
    step = 4 if at_least > 16 else 1
    return step * numbers[bisect_left(numbers, -(-at_least // step))]


def linear_length(window: Window) -> int:
    """The shortest circular convolution that leaves the window's outputs untouched by wrap-around.

    Output `p` of the full convolution meets `p + N` and `p - N`; it is enough that both lie outside
    the full range for every `p` that is kept.
    """
    full = window.size + window.span - 1
    return max(window.size, window.span, window.stop, full - window.start)


def fft_shape(geometry: Geometry, extended: bool) -> tuple[int, ...] | None:
    """Transform length of every convolved axis, of the signal as given or extended; None if too long."""
    windows = geometry.extended_windows if extended else geometry.windows
    lengths = [linear_length(window) for window in windows]
    return tuple(fast_length(length) for length in lengths) if max(lengths) <= LONGEST else None
