"""How long a transform has to be, and which lengths are fast."""

from __future__ import annotations

from bisect import bisect_left
from functools import lru_cache

from fftconv._geometry import Geometry, Window


@lru_cache(maxsize=1)
def _smooth_numbers(limit: int = 2**40) -> list[int]:
    """All 2^a 3^b 5^c 7^d up to `limit`, in order."""
    numbers = [1]
    for factor in (2, 3, 5, 7):
        multiples = numbers
        while multiples := [n * factor for n in multiples if n * factor <= limit]:
            numbers = numbers + multiples
    return sorted(numbers)


@lru_cache(maxsize=4096)
def fast_length(at_least: int) -> int:
    """The next length whose only prime factors are 2, 3, 5 and 7: others are slow and less exact."""
    numbers = _smooth_numbers()
    return numbers[bisect_left(numbers, at_least)]


def linear_length(window: Window) -> int:
    """The shortest circular convolution that leaves the window's outputs untouched by wrap-around.

    Output `p` of the full convolution meets `p + N` and `p - N`; it is enough that both lie outside
    the full range for every `p` that is kept.
    """
    full = window.size + window.span - 1
    return max(window.size, window.span, window.stop, full - window.start)


def fft_shape(geometry: Geometry, extended: bool) -> tuple[int, ...]:
    """Transform length of every convolved axis, of the signal as given or extended."""
    return tuple(
        fast_length(linear_length(window.extended if extended else window)) for window in geometry.windows
    )
