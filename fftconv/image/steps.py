"""What an image filter does, as data: kernels, and what becomes of them. `processing` follows it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fftconv import kernels
from fftconv._arguments import read_array
from fftconv._checks import axes_in_words, check_choice, check_finite, check_taps, read_sides, scaled
from fftconv._quotients import Quotient, divide
from fftconv.image.light import InLight

Array = np.ndarray[Any, np.dtype[Any]]

_ROUNDED = 1e-6  # sums of taps below so much of their magnitudes are 0, but for the rounding of float32
_MOST_TAPS = 2**20  # of an outer product; with more, two passes of transforms are as fast
_BLOCK = 2**14  # pixels whose magnitudes are found together, in the cache
# Below which sums of squares have roots that are exact enough, see _rounded_magnitudes.
_EXACT_FLOAT32_ROOTS, _EXACT_FLOAT64_ROOTS = 2.0**20, 2.0**49
_UNSURE = 2.0**-50  # relative error of a magnitude in double precision, at most


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """Kernels that are laid on an image as they are written.

    Attributes
    ----------
    branches : tuple of tuple of numpy.ndarray
        Each branch filters the same image, with one kernel after the other.
    combine : callable, optional
        What becomes of the results of all branches; without it there is one branch, and the step is linear.
    divide : callable, optional
        The same for whole sums that are to be divided: the exact result, rounded, without the bias.
    transform : callable, optional
        What is done to colours instead, that no kernel does; it needs the whole image. It keeps the mean,
        takes each channel on its own, and one that is c times as bright to c times the result.
    bias : float
        Is added to colours, in the units of the image.
    in_light : bool or bytes
        Whether light is filtered instead of stored values; or by which ICC profile it is.
    in_grey : bool
        Whether colours become grey of the same luminance first.
    keeps_opacity : bool
        Whether opacity stays as it is; otherwise it is filtered with the kernels divided by their sums. It
        always stays where these are 0.
    unknown : float, optional
        What a pixel of an integer image becomes of which too little is known; without it, it stays.
    gives_float : bool
        Whether integer images become float ones.
    """

    branches: tuple[tuple[Array, ...], ...]
    combine: Callable[[Sequence[Array]], Array] | None = None
    divide: Callable[[Sequence[Array], Quotient], Array] | None = None
    transform: Callable[[Array], Array] | None = None
    bias: float = 0.0
    in_light: InLight = False
    in_grey: bool = False
    keeps_opacity: bool = False
    unknown: float | None = None
    gives_float: bool = False

    @property
    def is_linear(self) -> bool:
        return self.combine is None and self.transform is None

    @property
    def total(self) -> float:
        """The sum of the taps of all passes as one kernel; 0 if it may come from the rounding of taps."""
        if self.combine is not None:
            return 0.0
        (kernels,) = self.branches
        total = math.prod(float(taps.sum(dtype=np.float64)) for taps in kernels)
        size = math.prod(float(np.abs(taps).sum(dtype=np.float64)) for taps in kernels)
        return total if abs(total) > _ROUNDED * size else 0.0


def linear(
    *passes: Array, bias: float = 0.0, in_light: InLight = False, keeps_opacity: bool = False
) -> Step:
    """One kernel after the other."""
    return Step((passes,), bias=bias, in_light=in_light, keeps_opacity=keeps_opacity)


def read_kernel(kernel: ArrayLike) -> Array:
    """Taps that a person gave, as floats in rows and columns."""
    taps = read_array("kernel", kernel)
    if taps.ndim != 2 or taps.dtype.kind not in "biuf":
        raise ValueError(
            f"kernel has {axes_in_words(taps.ndim)} (shape {taps.shape}) and dtype {taps.dtype}; "
            "pass real taps in rows and columns, for one row [[...]]"
        )
    if taps.dtype.kind != "f":
        taps = taps.astype(np.float64)
    if not np.isfinite(taps).all():
        raise ValueError("kernel holds a NaN or an infinity; pass finite taps")
    return taps


def blur(down: Array, along: Array, in_light: InLight) -> Step:
    """The outer product of two lines, or one after the other if that is huge."""
    if down.size * along.size <= _MOST_TAPS:
        return linear(np.multiply.outer(down, along), in_light=in_light)
    return linear(down[:, None], along[None, :], in_light=in_light)


def box(size: int | tuple[int, int], in_light: InLight) -> Step:
    """Equal taps, or one line after the other if they are many."""
    rows, columns = read_sides("size", size, 2)
    check_taps("size", size, max(rows, columns))
    if rows * columns <= _MOST_TAPS:
        return linear(kernels.box((rows, columns)), in_light=in_light)
    down, along = kernels.moving_average(rows), kernels.moving_average(columns)
    return linear(down[:, None], along[None, :], in_light=in_light)


def gaussian_line(name: str, sigma: float) -> Array:
    """The taps of a blur that is not none."""
    pixels = check_finite(name, sigma)
    if not pixels > 0:
        raise ValueError(f"{name}={sigma!r} is not accepted; pass pixels above 0")
    check_taps(name, sigma, 8.0 * pixels + 1)
    return kernels.gaussian(pixels)


# Divided by the weight across, so that a step of height h gives a gradient of h.
_GRADIENTS: dict[str, Callable[[int], Array]] = {
    "sobel": lambda axis: kernels.sobel(axis) / 4,
    "prewitt": lambda axis: kernels.prewitt(axis) / 3,
    "scharr": lambda axis: kernels.scharr(axis) / 16,
    "difference": lambda axis: kernels.difference(axis, ndim=2),
}
_SIGNED: dict[str, Callable[[float], Array]] = {
    "laplace": lambda sigma: kernels.laplace(8),
    "log": kernels.laplacian_of_gaussian,
}
GRADIENTS = tuple(_GRADIENTS)
EDGE_OPERATORS = (*GRADIENTS, *_SIGNED)
SIGNED = ("positive", "offset", "abs", "float")


def gradient(operator: str, gain: float) -> tuple[Array, Array]:
    """Taps of the change down the rows and along them."""
    check_choice("operator", operator, GRADIENTS)
    factor = check_finite("gain", gain)
    down, along = (scaled("gain", factor, _GRADIENTS[operator](axis)) for axis in (0, 1))
    return down, along


def change(taps: Array, in_grey: bool) -> Step:
    """How much an image changes in one direction, as a number."""
    return Step(((taps,),), in_grey=in_grey, keeps_opacity=True, gives_float=True)


def edges(operator: str, sigma: float | None, gain: float, signed: str, middle: float) -> Step:
    """The magnitude of a gradient, or a signed operator; `middle` stands for 0 where signs are kept so."""
    check_choice("operator", operator, EDGE_OPERATORS)
    check_choice("signed", signed, SIGNED)
    if sigma is not None and operator != "log":
        raise ValueError(f"sigma={sigma!r} has no effect with operator={operator!r}; pass operator='log'")
    as_float = signed == "float"
    if operator in GRADIENTS:
        if signed in ("offset", "abs"):
            raise ValueError(
                f"signed={signed!r} has no effect with operator={operator!r}, whose magnitudes have "
                f"no sign; pass operator='laplace' or 'log'"
            )
        branches = tuple((taps,) for taps in gradient(operator, gain))
        return Step(
            branches, _magnitude, _divided_magnitude, keeps_opacity=True, unknown=0, gives_float=as_float
        )
    taps = scaled("gain", check_finite("gain", gain), _SIGNED[operator](1.0 if sigma is None else sigma))
    return Step(
        ((taps,),),
        _absolute if signed == "abs" else None,
        _divided_absolute if signed == "abs" else None,
        bias=middle if signed == "offset" else 0.0,
        keeps_opacity=True,
        unknown=middle if signed == "offset" else 0.0,
        gives_float=as_float,
    )


def _magnitude(parts: Sequence[Array]) -> Array:
    return np.asarray(np.hypot(*parts))


def _absolute(parts: Sequence[Array]) -> Array:
    return np.abs(parts[0])


def _divided_absolute(sums: Sequence[Array], quotient: Quotient) -> Array:
    return divide(np.abs(sums[0]), quotient)


def _divided_magnitude(sums: Sequence[Array], quotient: Quotient) -> Array:
    """Return sqrt(a^2 + b^2) / divisor of whole numbers, block by block in the cache."""
    a, b = (part.reshape(-1) for part in sums)
    result = np.empty(a.shape, quotient.dtype)
    for first in range(0, a.size, _BLOCK):
        block = slice(first, first + _BLOCK)
        magnitudes = _rounded_magnitudes(a[block], b[block], quotient)
        result[block] = np.minimum(magnitudes, np.iinfo(quotient.dtype).max, out=magnitudes)
    return result.reshape(sums[0].shape)


def _rounded_magnitudes(a: Array, b: Array, quotient: Quotient) -> Array:
    """Return the magnitudes over the divisor, rounded half to even, as floats.

    One that is not half-way between two integers is off by more than 1 / (8 squares) of it. Root and
    division round by half an ulp each, so where sums of squares are small enough, rounding is right.
    """
    divisor = quotient.divisor
    # Magnitudes of uint16 are hardly ever small enough for single precision.
    if quotient.dtype == np.uint8 and a.dtype == np.float32:
        squares = a * a
        squares += b * b
        if squares.max() < _EXACT_FLOAT32_ROOTS:
            return _rounded_roots(squares, divisor)
    a, b = a.astype(np.float64, copy=False), b.astype(np.float64, copy=False)
    squares = a * a
    squares += b * b
    if squares.max() < _EXACT_FLOAT64_ROOTS:
        return _rounded_roots(squares, divisor)
    near = np.sqrt(squares) / divisor
    result, lower = np.rint(near), np.floor(near)
    unsure = (np.abs(near - lower - 0.5) <= near * _UNSURE) & (near < 2.0**33)  # larger ones saturate
    for i in np.flatnonzero(unsure):
        below = int(lower[i])
        excess = 4 * (int(a[i]) ** 2 + int(b[i]) ** 2) - ((2 * below + 1) * divisor) ** 2
        result[i] = below + (excess > 0 or (excess == 0 and below % 2 == 1))
    return np.asarray(result)


def _rounded_roots(squares: Array, divisor: int) -> Array:
    roots = np.sqrt(squares, out=squares)
    roots /= divisor
    return np.rint(roots, out=roots)
