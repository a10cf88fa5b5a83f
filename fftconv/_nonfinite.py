"""NaN, infinity, overflow and underflow: the outputs are put back to those of the definition.

A transform mixes all samples of a slice, so one NaN makes every output of it NaN, products of spectra
overflow where the sums do not, and lose digits where these are subnormal. Then the finite part of the data
is scaled by powers of two and convolved on its own, and where a NaN or an infinity belongs is found by
counting, for each output, the products in its window that are NaN, +inf and -inf. The counts are
convolutions of indicators, so this too costs what the engine costs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from fftconv._range import extreme_power, times_power

Array = np.ndarray[Any, np.dtype[Any]]
Compute = Callable[[Array, Array, Any], Array]  # of a signal, a kernel and a fill value


class _Products(NamedTuple):
    """Real products that enter a sum with the sign `sign`."""

    signal: Array
    kernel: Array
    fill_value: Any
    sign: int


_CLASSES: dict[str, Callable[[Any], Any]] = {
    "any": np.ones_like,
    "nan": np.isnan,
    "inf": np.isinf,
    "+inf": np.isposinf,
    "-inf": np.isneginf,
    "0": lambda values: np.equal(values, 0),
    "+": lambda values: np.greater(values, 0),
    "-": lambda values: np.less(values, 0),
}
# Classes of sample and tap whose product is NaN, +inf and -inf.
_NAN = (("nan", "any"), ("any", "nan"), ("inf", "0"), ("0", "inf"))
_PLUS = (("+inf", "+"), ("-inf", "-"), ("+", "+inf"), ("-", "-inf"))
_MINUS = (("+inf", "-"), ("-inf", "+"), ("+", "-inf"), ("-", "+inf"))


@np.errstate(over="ignore", invalid="ignore")
def restore(
    signal: Array, kernel: Array, fill_value: Any, compute: Compute, add_up: Compute, out: Array
) -> None:
    """Overwrite `out` with what the definition gives where a NaN, an infinity or the range struck.

    `compute` convolves by the engine, `add_up` term by term: where sums of the definition overflow, the
    engine's error, which is relative to the largest of them, would overflow everywhere.
    """
    samples, taps = finite_part(signal), finite_part(kernel)
    outside = finite_part(np.asarray(fill_value, signal.dtype))
    of_signal, of_kernel = extreme_power(samples, outside), extreme_power(taps)
    scaled = compute(
        times_power(samples, -of_signal),
        times_power(taps, -of_kernel),
        times_power(outside, -of_signal)[()],
    )
    out[...] = times_power(scaled, of_signal + of_kernel)
    if not np.isfinite(out).all():
        out[...] = add_up(samples, taps, outside[()])
    mark(signal, kernel, fill_value, compute, out)


def mark(signal: Array, kernel: Array, fill_value: Any, compute: Compute, out: Array) -> None:
    """Put NaN and infinities into `out`, made of what is finite, where the definition has them."""
    if np.isfinite(fill_value) and is_finite(signal) and is_finite(kernel):
        return
    if out.dtype.kind == "f":
        _mark(out, [_Products(signal, kernel, fill_value, 1)], compute)
        return
    # (a + bi)(c + di) = (ac - bd) + (ad + bc)i: each part is a real sum with a pattern of its own.
    fill = complex(fill_value)
    real, imaginary = (signal.real, kernel.real, fill.real), (signal.imag, kernel.imag, fill.imag)
    _mark(out.real, [_Products(*real, 1), _Products(*imaginary, -1)], compute)
    crossed = [
        _Products(signal.real, kernel.imag, fill.real, 1),
        _Products(signal.imag, kernel.real, fill.imag, 1),
    ]
    _mark(out.imag, crossed, compute)


def finite_part(array: Array) -> Array:
    """The array with 0 for NaN and infinities; the array itself if it has none."""
    if is_finite(array):
        return array
    if array.dtype.kind == "c":
        return np.asarray(finite_part(array.real) + 1j * finite_part(array.imag)).astype(array.dtype)
    return np.where(np.isfinite(array), array, array.dtype.type(0))


@np.errstate(over="ignore", invalid="ignore")
def is_finite(array: Array) -> bool:
    """Whether all numbers are; their sum tells at once, unless it overflows."""
    return bool(np.isfinite(array.sum()) or np.isfinite(array).all())


def _mark(out: Array, products: list[_Products], compute: Compute) -> None:
    """Put NaN, +inf and -inf where the sum of these products has them."""
    plus = _any_product(((p, _PLUS if p.sign > 0 else _MINUS) for p in products), out, compute)
    minus = _any_product(((p, _MINUS if p.sign > 0 else _PLUS) for p in products), out, compute)
    nan = _any_product(((p, _NAN) for p in products), out, compute)
    out[plus] = np.inf
    out[minus] = -np.inf
    out[nan | (plus & minus)] = np.nan


def _any_product(
    products: Iterable[tuple[_Products, tuple[tuple[str, str], ...]]],
    out: Array,
    compute: Compute,
) -> Array:
    """Which outputs have in their window a product of any of these classes."""
    found = np.zeros(out.shape, bool)
    for (signal, kernel, fill_value, _), pairs in products:
        for of_sample, of_tap in pairs:
            taps = _CLASSES[of_tap](kernel)
            if not np.any(taps):
                continue
            samples = _CLASSES[of_sample](signal)
            outside = bool(np.any(_CLASSES[of_sample](np.asarray(fill_value, signal.dtype))))
            if outside or np.any(samples):  # as float64, so that counts come out whole
                numbers = np.asarray(samples, np.float64), np.asarray(taps, np.float64)
                found |= compute(*numbers, np.float64(outside)) > 0.5
    return found
