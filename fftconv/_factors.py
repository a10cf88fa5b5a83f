"""What a plan wants to know of a kernel: whether all taps are equal, and its outer products.

A matrix of low rank shows itself in a few steps of elimination with full pivoting; the singular value
decomposition of what they find gives the factors. Facts and factors are kept for the kernels last seen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache, reduce
from typing import Any

import numpy as np

from fftconv._content import Content, content_of
from fftconv._error_bound import unit_roundoff
from fftconv._range import exponent, times_power

Array = np.ndarray[Any, np.dtype[Any]]
Factors = tuple[tuple[Array, ...], ...]  # terms, of each the taps along every axis

# The part of a kernel's norm that may be left out, in units of roundoff: a kernel computed as an outer
# product and normalised has taps that are off by one or two.
TOLERANCE = 8
MOST_TERMS = 8  # looked for when nobody asked; with more, hardly any kernel is faster by its factors
_SAMPLED = 12  # rows and columns of a large kernel that are tried first
_KEPT_TAPS = 2**16  # facts of kernels up to this size are kept


@dataclass(frozen=True, slots=True)
class KernelFacts:
    """Facts of the taps, in the dtype of the result.

    `rank` is how many outer products add up to the kernel; None if they are more than can pay, there are
    none that are exact, or it was not looked for. `residual` is the part of the kernel's norm that they
    miss.
    """

    constant: bool = False
    rank: int | None = None
    residual: float = 0.0


UNKNOWN = KernelFacts()


def kernel_facts(taps: Array, *, every_rank: bool = False, several: bool = False) -> KernelFacts:
    """The facts of a kernel with one axis for each convolved one.

    `every_rank` looks for any number of terms, not only for few. `several` looks for more than one term of
    integers, too.
    """
    if taps.dtype.kind == "O" or taps.size > _KEPT_TAPS:
        return _look_at(taps, every_rank, several)
    return _kept_facts(content_of(taps), every_rank, several)


@lru_cache(maxsize=128)
def _kept_facts(taps: Content, every_rank: bool, several: bool) -> KernelFacts:
    return _look_at(taps.array, every_rank, several)


def _look_at(taps: Array, every_rank: bool, several: bool) -> KernelFacts:
    constant = _is_constant(taps)
    if taps.ndim < 2 or taps.dtype.char in "OgG" or not np.isfinite(taps).all():
        return KernelFacts(constant)
    if constant and taps.dtype.kind != "i":  # sums of integers may be too large for factors
        return KernelFacts(constant, 1)
    if not every_rank and not _may_be_low(taps):
        return KernelFacts(constant)
    factors = _factorize(taps, every_rank, several)
    if factors is None:
        return KernelFacts(constant)
    return KernelFacts(constant, len(factors), _residual(taps, factors))


def _is_constant(taps: Array) -> bool:
    """Whether all taps are the same finite number."""
    first = taps.flat[0]
    if first != taps.flat[-1] or (taps.dtype.kind in "fc" and not np.isfinite(first)):
        return False
    return bool((taps == first).all())


def factorize(taps: Array, *, several: bool = False) -> Factors:
    """Vectors whose outer products add up to `taps`, as near as the dtype allows; exact for integers."""
    factors = _factorize(taps, False, several) or _factorize(taps, True, several)
    assert factors is not None, "the plan has found some"
    return factors


def _factorize(taps: Array, every_rank: bool, several: bool) -> Factors | None:
    return _kept_factors(content_of(taps), every_rank, several)


@lru_cache(maxsize=128)
def _kept_factors(content: Content, every_rank: bool, several: bool) -> Factors | None:
    taps = content.array
    if taps.dtype.kind == "i":
        found = _whole_outer_product(taps)
        if found is None and several and taps.ndim == 2:
            found = _whole_lines(taps, None if every_rank else MOST_TERMS)
        return found
    power = exponent(taps)  # without it norms neither overflow nor underflow
    found = _find_factors(_widened(taps, power), TOLERANCE * unit_roundoff(taps.dtype), every_rank)
    if found is None:
        return None
    return tuple((*lines, times_power(last, power)) for *lines, last in found)


def _widened(taps: Array, power: int) -> Array:
    """`taps` over 2^power in double precision."""
    return times_power(taps.astype(np.result_type(taps.dtype, np.float64)), -power)


def _find_factors(wide: Array, tolerance: float, every_rank: bool) -> Factors | None:
    single = _outer_product(wide)
    if np.linalg.norm(wide - _product(single)) <= tolerance * np.linalg.norm(wide):
        return (single,)
    if wide.ndim > 2:
        return None
    if every_rank:
        left, sizes, right = np.linalg.svd(wide, full_matrices=False)
    else:
        found = _eliminate(wide, tolerance, min(MOST_TERMS, *wide.shape))
        if found is None:
            return None
        columns, rows = found
        q_columns, r_columns = np.linalg.qr(columns)
        q_rows, r_rows = np.linalg.qr(rows.T)
        left, sizes, right = np.linalg.svd(r_columns @ r_rows.T)
        left, right = q_columns @ left, right @ q_rows.T
    count = max(1, int((sizes > tolerance * sizes[0] / math.sqrt(len(sizes))).sum()))
    roots = np.sqrt(sizes)
    return tuple((left[:, k] * roots[k], right[k] * roots[k]) for k in range(count))


def _may_be_low(taps: Array) -> bool:
    """Whether some rows and columns of a large matrix alone do not already need too many terms."""
    if taps.ndim != 2 or min(taps.shape) < 2 * _SAMPLED or taps.dtype.kind == "i":
        return True
    rows, columns = (size // _SAMPLED for size in taps.shape)
    sample = taps[rows // 2 :: rows, columns // 2 :: columns]
    wide = _widened(sample, exponent(sample))
    # The whole may be allowed more than the sample alone would be.
    tolerance = TOLERANCE * unit_roundoff(taps.dtype) * taps.size / sample.size
    return _eliminate(wide, tolerance, MOST_TERMS) is not None


def _eliminate(taps: Array, tolerance: float, most: int) -> tuple[Array, Array] | None:
    """Columns and rows whose products, at most so many, add up to `taps` within the tolerance."""
    rest = taps.copy()
    allowed = tolerance * float(np.linalg.norm(taps))
    columns: list[Array] = []
    rows: list[Array] = []
    while not columns or np.linalg.norm(rest) > allowed:
        if len(columns) == most:
            return None
        column, row = _outer_product(rest)
        rest -= np.outer(column, row)
        columns.append(column)
        rows.append(row)
    return np.stack(columns, axis=1), np.stack(rows)


def _lines(taps: Array) -> tuple[list[Array], tuple[Any, ...]]:
    """The lines along every axis through the largest tap, and where that is."""
    pivot: tuple[Any, ...] = np.unravel_index(np.abs(taps).argmax(), taps.shape)
    lines = [taps[(*pivot[:axis], slice(None), *pivot[axis + 1 :])] for axis in range(taps.ndim)]
    return lines, pivot


def _outer_product(taps: Array) -> tuple[Array, ...]:
    """The outer product that agrees with `taps` on the lines through its largest tap."""
    lines, pivot = _lines(taps)
    largest = taps[pivot]
    if largest == 0:
        return tuple(np.zeros_like(line) for line in lines)
    return (*(line / largest for line in lines[:-1]), lines[-1].copy())


def _whole_outer_product(taps: Array) -> Factors | None:
    """The outer product of integers that `taps` is; None if it is none."""
    if np.abs(taps.astype(np.float64)).sum() >= 2.0**62:
        return None
    lines, pivot = _lines(taps)
    if taps[pivot] == 0:
        return (tuple(np.zeros_like(line) for line in lines),)
    primitive = [line // np.gcd.reduce(line) for line in lines]
    scale = int(taps[pivot]) // math.prod(int(line[at]) for line, at in zip(primitive, pivot, strict=True))
    primitive[-1] = primitive[-1] * scale
    return (tuple(primitive),) if np.array_equal(_product(tuple(primitive)), taps) else None


def _whole_lines(taps: Array, most: int | None) -> Factors | None:
    """Outer products of integers, one for all rows, or columns, that are multiples of the same line.

    No partial sum of them is larger than that of the kernel's magnitudes.
    """
    rows, columns = _parallel_rows(taps), _parallel_rows(taps.T)
    fewest = min(len(rows), len(columns))
    if most is not None and fewest > most:
        return None
    if len(rows) == fewest:
        return tuple((multiples, line) for line, multiples in rows)
    return tuple((line, multiples) for line, multiples in columns)


def _parallel_rows(taps: Array) -> list[tuple[Array, Array]]:
    """The different lines without a common divisor that rows are multiples of, and the multiples."""
    found: dict[bytes, tuple[Array, Array]] = {}
    for row, line in enumerate(taps):
        if not line.any():
            continue
        multiple = np.gcd.reduce(line) * np.sign(line[line.nonzero()[0][0]])
        primitive = line // multiple
        _, multiples = found.setdefault(primitive.tobytes(), (primitive, np.zeros(len(taps), taps.dtype)))
        multiples[row] = multiple
    return list(found.values())


def _product(term: tuple[Array, ...]) -> Array:
    return reduce(np.multiply.outer, term)


def _residual(taps: Array, factors: Factors) -> float:
    """What the factors miss, as part of the kernel's norm; twice that, as this too is rounded."""
    if taps.dtype.kind == "i":
        return 0.0
    power = exponent(taps)
    wide = _widened(taps, power)
    norm = float(np.linalg.norm(wide))
    terms = ((*lines, times_power(last, -power)) for *lines, last in factors)
    missed = float(np.linalg.norm(wide - sum(_product(term) for term in terms)))
    return 2 * missed / norm if norm else 0.0
