"""NaN and infinity after a transform: their pattern is put back to that of the definition.

A transform mixes all samples of a slice, so one NaN makes every output of it NaN, which also means
that one output tells. Then the finite part is convolved on its own, and where a NaN or an infinity
belongs is found by counting, for each output, the products in its window that are NaN, +inf and -inf.
The counts are convolutions of indicators, so this too costs what the engine costs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from fftconv._geometry import Geometry

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


def is_poisoned(out: Array, geometry: Geometry) -> bool:
    """Whether any slice's first output is not finite; if one output of a slice is not, none is."""
    first: list[Any] = [slice(None)] * out.ndim
    for axis in geometry.axes:
        first[axis] = slice(1)
    return not np.isfinite(out[tuple(first)]).all()


def restore(signal: Array, kernel: Array, fill_value: Any, compute: Compute, out: Array) -> None:
    """Overwrite `out` with what the definition gives for input that is not finite everywhere."""
    out[...] = compute(_finite(signal), _finite(kernel), _finite(np.asarray(fill_value))[()])
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


def _finite(array: Array) -> Array:
    return np.where(np.isfinite(array), array, array.dtype.type(0))


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
            samples, taps = _indicator(of_sample, signal), _indicator(of_tap, kernel)
            outside = _indicator(of_sample, np.asarray(fill_value, signal.dtype))[()]
            if taps.any() and (outside or samples.any()):
                found |= compute(samples, taps, outside) > 0.5
    return found


def _indicator(name: str, values: Array) -> Array:
    """1 where the values belong to the class, 0 elsewhere; float64, so that counts come out whole."""
    return np.asarray(_CLASSES[name](values)).astype(np.float64)
