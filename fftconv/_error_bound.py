"""How far a result can be from the true one, and the proof that integers come out exact.

The FFT bound is that of Brent, Percival and Zimmermann, "Error bounds on complex floating-point
multiplication", Math. Comp. 76 (2007), after Percival (2003): for transforms of length N = 2^n with
twiddle factors good to beta,

    max |error| <= |x|_2 |h|_2 ((1 + u)^(3n) (1 + sqrt(5) u)^(3n + 1) (1 + beta)^(3n) - 1).

It is proven for radix 2; for the mixed-radix transforms in use here it is a model with beta = u and
n = ceil(log2 N), which the tests hold against measured errors.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from fftconv._content import Content, content_of
from fftconv._limbs import Limbs, count_limbs, split

Array = np.ndarray[Any, np.dtype[Any]]


@lru_cache(maxsize=32)
def unit_roundoff(dtype: np.dtype[Any]) -> float:
    """Half the distance from 1 to the next number; 0 where arithmetic is exact."""
    return float(np.finfo(dtype).eps) / 2 if dtype.kind in "fc" else 0.0


def fft_error_factor(length: int, dtype: np.dtype[Any]) -> float:
    """Largest error of an FFT convolution of `length` points, as a multiple of |x|_2 |h|_2."""
    u = unit_roundoff(dtype)
    n = max(math.ceil(math.log2(length)), 1)
    log_growth = 6 * n * math.log1p(u) + (3 * n + 1) * math.log1p(math.sqrt(5) * u)
    return math.expm1(log_growth) + 2 * u  # both operands may have been converted to `dtype`


def tile_error_factor(points: int, dtype: np.dtype[Any]) -> float:
    """The same for tiles of so many points, transformed in pairs, or folded.

    A pair holds every sample of the signal at most twice, so its norm is at most sqrt(2) |x|_2. A folded
    tile holds them once. It has one stage less, and instead three products by powers that are products of
    two rounded numbers; each adds at most 10 u, together far less than sqrt(2) allows.
    """
    return math.sqrt(2) * fft_error_factor(points, dtype)


def direct_error_factor(taps: int, dtype: np.dtype[Any]) -> float:
    """Largest error of a sum of `taps` products, as a multiple of |x|_2 |h|_2 (Higham 2002, 3.1).

    Two roundings more than the sum has: an operand may have been converted to `dtype`.
    """
    u = unit_roundoff(dtype)
    # A complex product has two real ones in each part.
    terms = taps * (4 if dtype.kind == "c" else 1) + 2
    return terms * u / (1 - terms * u) if terms * u < 1 else math.inf


def componentwise_error(taps: int, dtype: np.dtype[Any]) -> float:
    """What "componentwise" allows, as a multiple of sum |x| |h| over each output's window.

    Four times what a real sum of products in any order may be off by, and as much as a complex one, so that
    transforms can reach it for ordinary data.
    """
    return (4 * taps + 64) * unit_roundoff(dtype)


def may_certify(taps: int, tolerance: float, dtype: np.dtype[Any]) -> bool:
    """Whether a transform of ordinary data has errors below the tolerance times sum |x| |h|.

    With random numbers in a tile of four times the kernel, of which norms and sums are known; a few outputs
    in a hundred are left out then.
    """
    error = fft_error_factor(4 * taps, dtype) * math.sqrt(3 * 4 * taps * taps)
    return error < 0.8 * tolerance * (2 / math.pi) * taps


def separable_error_factor(
    taps: tuple[int, ...], rank: int, residual: float, dtype: np.dtype[Any]
) -> float:
    """Largest error of passes along each axis, summed over the rank, as a multiple of |x|_2 |h|_2.

    A pass rounds as a direct sum does, and its factor was rounded to `dtype` twice before. The terms of the
    singular value decomposition have norms whose sum is at most sqrt(rank) |h|_2; a single term has |h|_2.
    """
    u = unit_roundoff(dtype)
    if not u:
        return 0.0
    terms = (sum(taps) + 4 * len(taps)) * (4 if dtype.kind == "c" else 1) + rank + 2
    growth = terms * u / (1 - terms * u) if terms * u < 1 else math.inf
    return math.sqrt(rank) * (1 + residual) * growth + residual


@dataclass(frozen=True, slots=True)
class Magnitudes:
    """Upper bounds on the size of integer data: all that a proof of exactness needs.

    `limbs` are ways to split the data, those with the fewest products first.
    """

    signal_peak: int
    signal_norm: float
    kernel_sum: int
    kernel_norm: float
    limbs: tuple[Limbs, ...] = ()

    @property
    def peak(self) -> int:
        """No output, no partial sum of one and no operand is larger; the second bound is Cauchy's."""
        norms = max(self.signal_norm, 1.0) * max(self.kernel_norm, 1.0)
        return min(max(self.signal_peak, 1) * max(self.kernel_sum, 1), math.floor(norms) + 1)

    @property
    def norms(self) -> float:
        return self.signal_norm * self.kernel_norm


EXACT_FLOAT64 = 2**53
EXACT_INT64 = 2**63
_MARGIN = 1 + 1e-6  # covers the rounding of the sums of squares themselves, for up to 1e9 elements
_BITS = range(30, 3, -1)  # of a limb
_HARDEST_LENGTH = 2**40
_KEPT_TAPS = 2**10  # of kernels whose measures are kept; of others they take a small part of a call


def measure(signal: Array, kernel: Array, fill_value: int, extended_size: int) -> Magnitudes:
    """Magnitudes of integer arrays; the signal's norm covers its extension over the boundary.

    They are no closer than need be, so that arrays that are much alike have the same, and the same plan.
    """
    of_kernel = _measure_kernel(kernel)
    peak = max(_largest(signal.dtype), abs(fill_value))
    small = _in_powers_of_two(peak, extended_size, of_kernel)
    if small is None:
        peak = max(_peak(signal), abs(fill_value))
        small = _in_powers_of_two(peak, extended_size, of_kernel)
    if small is not None:
        return small
    norm = float(peak) * math.sqrt(extended_size)
    if extended_size == signal.size and fill_value == 0:
        norm = min(norm, _norm(signal))
    found = Magnitudes(peak, norm * _MARGIN, of_kernel.total, of_kernel.norm * _MARGIN)
    rough = Magnitudes(
        _rounded_up(peak), *map(_rounded_up, (found.signal_norm, found.kernel_sum, found.kernel_norm))
    )
    limits = (EXACT_FLOAT64, EXACT_INT64, 2 * EXACT_INT64)
    if all((found.peak < limit) == (rough.peak < limit) for limit in limits):
        found = rough
    return _with_limbs(found, peak, of_kernel.peak, extended_size, kernel.size)


def magnitudes_of_all(
    dtype: np.dtype[Any], kernel: Array, fill_value: int, extended_size: int
) -> Magnitudes | None:
    """Magnitudes that no signal of a dtype exceeds, if they are all that a plan needs to know."""
    peak = max(_largest(dtype), abs(fill_value))
    return _in_powers_of_two(peak, extended_size, _measure_kernel(kernel))


def bound_magnitudes(peak: int, kernel: Array, extended_size: int) -> Magnitudes:
    """Magnitudes that no signal exceeds with samples up to `peak`, with limbs if they may be needed."""
    of_kernel = _measure_kernel(kernel)
    small = _in_powers_of_two(peak, extended_size, of_kernel)
    if small is not None:
        return small
    norms = (peak * math.sqrt(extended_size) * _MARGIN, of_kernel.norm * _MARGIN)
    found = Magnitudes(peak, norms[0], of_kernel.total, norms[1])
    return _with_limbs(found, peak, of_kernel.peak, extended_size, kernel.size)


class _OfKernel(NamedTuple):
    peak: int
    total: int
    norm: float


def _measure_kernel(kernel: Array) -> _OfKernel:
    if kernel.size > _KEPT_TAPS:
        return _look_at(kernel)
    return _kept_measures(content_of(kernel))


@lru_cache(maxsize=128)
def _kept_measures(taps: Content) -> _OfKernel:
    return _look_at(taps.array)


def _look_at(kernel: Array) -> _OfKernel:
    return _OfKernel(_peak(kernel), _absolute_sum(kernel), _norm(kernel))


def _in_powers_of_two(peak: int, size: int, kernel: _OfKernel) -> Magnitudes | None:
    """Upper bounds, if they are so small that every engine is exact in float64; None for larger ones."""
    norms = (peak * math.sqrt(size) * _MARGIN, kernel.norm * _MARGIN)
    signal_norm, kernel_norm = (2.0 ** math.frexp(norm)[1] for norm in norms)
    found = Magnitudes(1 << peak.bit_length(), signal_norm, 1 << kernel.total.bit_length(), kernel_norm)
    return found if found.peak < EXACT_FLOAT64 and _is_easy(found) else None


def _rounded_up(number: Any) -> Any:
    """To five binary digits, of the same type."""
    last = max(math.frexp(number)[1] - 5, 0)
    return type(number)(-(-number // 2**last) * 2**last)


def worst_case(dtype: np.dtype[Any], signal_size: int, kernel_size: int) -> Magnitudes:
    """Magnitudes of the largest integers that `dtype` can hold."""
    peak = _largest(dtype)
    magnitudes = Magnitudes(
        peak,
        peak * math.sqrt(signal_size) * _MARGIN,
        peak * kernel_size,
        peak * math.sqrt(kernel_size) * _MARGIN,
    )
    return _with_limbs(magnitudes, peak, peak, signal_size, kernel_size)


def _largest(dtype: np.dtype[Any]) -> int:
    """The largest magnitude of an integer or boolean of a dtype."""
    return 1 if dtype.kind == "b" else max(-int(np.iinfo(dtype).min), int(np.iinfo(dtype).max))


def _is_easy(magnitudes: Magnitudes) -> bool:
    """Whether transforms of any length are exact."""
    return fft_error_factor(_HARDEST_LENGTH, np.dtype(np.float64)) * magnitudes.norms < 0.25


def _with_limbs(
    magnitudes: Magnitudes, signal_peak: int, kernel_peak: int, signal_size: int, kernel_size: int
) -> Magnitudes:
    """With every way to split the data that is worth a thought, unless that is never needed."""
    if _is_easy(magnitudes):
        return magnitudes
    counts = tuple((count_limbs(signal_peak, bits), count_limbs(kernel_peak, bits)) for bits in _BITS)
    return dataclasses.replace(magnitudes, limbs=_limbs(counts, signal_size, kernel_size))


@lru_cache(maxsize=128)
def _limbs(counts: tuple[tuple[int, int], ...], signal_size: int, kernel_size: int) -> tuple[Limbs, ...]:
    ways: dict[tuple[int, int], Limbs] = {}
    for bits, (of_signal, of_kernel) in zip(_BITS, counts, strict=True):
        digit = 2 ** (bits - 1)
        norms = digit * math.sqrt(signal_size) * _MARGIN, digit * math.sqrt(kernel_size) * _MARGIN
        # The fewest bits with these counts.
        ways[of_signal, of_kernel] = Limbs(bits, of_signal, of_kernel, digit, *norms)
    return tuple(sorted(ways.values(), key=lambda way: way.products))


def with_measured_limbs(
    magnitudes: Magnitudes, chosen: Limbs, signal: Array, kernel: Array, fill_value: int, as_given: bool
) -> Magnitudes:
    """With the norms of these data's own digits for the way before the one that was chosen."""
    last = magnitudes.limbs.index(chosen)
    if last == 0:
        return magnitudes
    way = magnitudes.limbs[last - 1]
    of_signal = split(signal, way.bits, way.of_signal)
    peak = max(_peak(of_signal), 2 ** (way.bits - 1) if fill_value else 0)
    norm = way.signal_norm / 2 ** (way.bits - 1) * peak
    if as_given:
        norm = min(norm, max(_norm(digits) for digits in of_signal) * _MARGIN)
    of_kernel = max(_norm(digits) for digits in split(kernel, way.bits, way.of_kernel)) * _MARGIN
    found = dataclasses.replace(way, signal_peak=peak, signal_norm=norm, kernel_norm=of_kernel)
    return dataclasses.replace(magnitudes, limbs=(found, chosen))


def _peak(array: Array) -> int:
    # As Python integers: the absolute value of the smallest int64 does not fit int64.
    return max(-int(array.min()), int(array.max()))


def _norm(array: Array) -> float:
    flat = array.ravel().astype(np.float64)
    return math.sqrt(float(np.dot(flat, flat)))


def _absolute_sum(array: Array) -> int:
    peak = _peak(array)
    if peak * array.size < EXACT_INT64:
        return int(np.abs(array.astype(np.int64)).sum())
    return math.ceil(float(np.abs(array.astype(np.float64)).sum()) * _MARGIN)


def rounds_to_exact(error: float) -> bool:
    """Whether rounding a float64 result of integers that is so near gives the true integers.

    An error so small also says that the integers themselves are far below 2^53: it is a multiple of
    |x|_2 |h|_2, which no output exceeds.
    """
    return error < 0.25


def whole_error(data: Magnitudes | Limbs, points: int) -> float:
    """Largest error of one float64 transform of so many points, of the data or of their limbs."""
    return fft_error_factor(points, np.dtype(np.float64)) * data.signal_norm * data.kernel_norm


def tile_error(data: Magnitudes | Limbs, points: int) -> float:
    """The same for tiles: none holds more than its points."""
    norm = min(data.signal_norm, data.signal_peak * math.sqrt(points))
    return tile_error_factor(points, np.dtype(np.float64)) * norm * data.kernel_norm
