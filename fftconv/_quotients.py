"""Exact quotients: what integer images get from a kernel whose taps are fractions of one divisor.

With taps n[i] / d the sums of n[i] * x[p + i] are whole numbers. Engines add them up without any rounding,
in a dtype that holds them all, and (sum + offset) / d is rounded once, half to even.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from fftconv._content import Content, content_of

Array = np.ndarray[Any, np.dtype[Any]]

_FLOAT32, _FLOAT64, _INT64 = np.dtype(np.float32), np.dtype(np.float64), np.dtype(np.int64)
MOST_DIVISOR = 2**16
_MOST_EQUAL_TAPS = 2**20  # a mean has as large a divisor as it has taps
_ULPS = 4  # by which a multiple of a tap may miss the integer
_EXACT_NUMERATOR = 2.0**53
_KEPT_TAPS = 2**16  # fractions of kernels up to this size are kept

# A quotient half-way between two integers is a float, so IEEE 754 division gives it exactly. Any other one
# is at least 1 / (2 divisor) away from there, which is more than its error while sums are below 2^23, or
# 2^52 in double precision. A product by the rounded reciprocal takes another bit, as does the way that the
# native core rounds doubles. Powers of two divide without rounding.
_EXACT_FLOAT32, _EXACT_FLOAT32_BY_POWER = 2**22, 2**24
_EXACT_FLOAT64 = 2**51
_EXACT_INT64 = 2**62


@dataclass(frozen=True, slots=True)
class Quotient:
    """The division that turns whole sums into pixels.

    A pixel is (sum + offset) / divisor, rounded half to even and saturated.
    """

    divisor: int
    offset: int
    dtype: np.dtype[Any]
    """Dtype of the result. A float one asks for the sums themselves."""
    sums: np.dtype[Any]
    """A dtype in which every sum and partial sum is exact."""
    peak: int
    """No sample is larger."""

    @property
    def division(self) -> str:
        """Name the division of the native core; it multiplies by 1 / divisor where that keeps every tie."""
        if self.divisor == 1 and self.offset == 0:
            return "none"
        power = _is_power_of_two(self.divisor)
        return "product" if self.offset == 0 and (power or self.divisor % 2) else "quotient"

    @property
    def divides(self) -> bool:
        """Tell whether the sums have to be divided or converted."""
        return self.dtype.kind in "iu" and self.sums != self.dtype


@dataclass(frozen=True, slots=True, eq=False)
class Fractions:
    """A kernel of integers, and the quotient that makes pixels of its sums."""

    numerators: Array
    quotient: Quotient

    @property
    def sums(self) -> Fractions:
        """Return this kernel without its division."""
        quotient = self.quotient
        dtype = _INT64 if quotient.sums.kind == "i" else quotient.sums
        return replace(self, quotient=replace(quotient, divisor=1, offset=0, dtype=dtype))


def as_fractions(
    source: np.dtype[Any], kernels: Sequence[Array], bias: float = 0.0
) -> tuple[Fractions, ...] | None:
    """Return the kernels, and the bias that is added, as fractions of one divisor; None if there is none.

    `source` is the dtype of the pixels. The divisor is at most 65536, for a mean of pixels 2^20.
    """
    if sum(taps.size for taps in kernels) > _KEPT_TAPS:
        return _find_fractions(source, tuple(kernels), bias)
    return _kept_fractions(source, tuple(map(content_of, kernels)), bias)


@lru_cache(maxsize=256)
def _kept_fractions(
    source: np.dtype[Any], kernels: tuple[Content, ...], bias: float
) -> tuple[Fractions, ...] | None:
    return _find_fractions(source, tuple(taps.array for taps in kernels), bias)


def _find_fractions(
    source: np.dtype[Any], kernels: tuple[Array, ...], bias: float
) -> tuple[Fractions, ...] | None:
    divisor = common_divisor(kernels, bias)
    if divisor is None:
        return None
    limits = np.iinfo(source)
    peak, offset = max(-int(limits.min), int(limits.max)), int(np.rint(bias * divisor))
    found = []
    for taps in kernels:
        numerators = np.rint(taps.astype(np.float64) * divisor).astype(np.int64)
        total = sum(map(abs, numerators.ravel().tolist()))
        sums = _dtype_of_sums(peak * total + abs(offset), divisor, narrow=source.itemsize <= 2)
        found.append(Fractions(numerators, Quotient(divisor, offset, source, sums, peak)))
    return tuple(found)


def _dtype_of_sums(largest: int, divisor: int, *, narrow: bool) -> np.dtype[Any]:
    """Return the fastest dtype that is exact; `narrow` says that float32 holds every pixel."""
    if narrow and largest < (_EXACT_FLOAT32_BY_POWER if _is_power_of_two(divisor) else _EXACT_FLOAT32):
        return _FLOAT32
    if largest < _EXACT_FLOAT64:
        return _FLOAT64
    return _INT64 if largest < _EXACT_INT64 else np.dtype(object)


def _is_power_of_two(number: int) -> bool:
    return number & (number - 1) == 0


def common_divisor(kernels: Sequence[Array], bias: float = 0.0) -> int | None:
    """Return the least divisor that makes every tap, and the bias, an integer within 4 ulp, or None."""
    sizes, ulps = _sizes_and_ulps([*kernels, np.array([bias])])
    divisor, candidates = 1, None
    while True:
        near = _are_whole(sizes * divisor, ulps)
        if near.all():
            return divisor if sizes.max(initial=0) * divisor < _EXACT_NUMERATOR else None
        wrong = int(near.argmin())
        if candidates is None:
            candidates = np.arange(2, MOST_DIVISOR + 1)
        candidates = candidates[_are_whole(candidates * sizes[wrong], ulps[wrong])]
        if not candidates.size:
            break
        divisor = int(candidates[0])
    if len(sizes) > 1 or sizes[0] * _MOST_EQUAL_TAPS < 1:
        return None
    divisor = round(1 / float(sizes[0]))
    return divisor if _are_whole(sizes * divisor, ulps).all() else None


def _sizes_and_ulps(arrays: Sequence[Array]) -> tuple[Array, Array]:
    """Magnitudes other than 0, each once for each dtype, and the ulp of 1 that they were computed with."""
    sizes, ulps = [], []
    for numbers in arrays:
        wide = np.abs(numbers.astype(np.float64).ravel())
        wide = np.unique(wide[wide > 0])
        ulp = float(np.finfo(np.float64).eps)
        if numbers.dtype.kind == "f":
            ulp = max(ulp, float(np.finfo(numbers.dtype).eps))
        sizes.append(wide)
        ulps.append(np.full(wide.shape, ulp))
    return np.concatenate(sizes), np.concatenate(ulps)


def _are_whole(multiples: Array, ulp: Any) -> Array:
    """Whether numbers are integers within a few units in the last place."""
    whole = np.rint(multiples)
    exponents = np.frexp(np.maximum(multiples, whole))[1] - 1
    return np.asarray(np.abs(multiples - whole) <= np.ldexp(_ULPS * ulp, exponents))


def divide(sums: Array, quotient: Quotient) -> Array:
    """Return the quotients of exact sums, floats or integers, in the dtype that the quotient asks for."""
    if quotient.dtype.kind == "f":
        return sums.astype(quotient.dtype, copy=False)
    sums = sums + quotient.offset
    if sums.dtype.kind == "f":
        return saturate(np.rint(sums / quotient.divisor), quotient.dtype)
    result = sums // quotient.divisor  # objects have no divmod
    rest = sums - result * quotient.divisor
    return saturate(result + (2 * rest + result % 2 > quotient.divisor), quotient.dtype)


def saturate(whole: Array, dtype: np.dtype[Any]) -> Array:
    """Return whole numbers as integers of this dtype, which end at its limits."""
    limits = np.iinfo(dtype)
    return np.clip(whole, limits.min, limits.max).astype(dtype)
