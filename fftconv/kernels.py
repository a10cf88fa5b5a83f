"""Kernel builders: each returns an array of taps, and its docstring gives the formula and the source.

Kernels that smooth or sharpen sum to 1; difference, sobel, prewitt, scharr, laplace and
laplacian_of_gaussian sum to 0. Those that tell one direction from the
opposite one (`difference`, `sobel`, `prewitt`, `scharr`, `emboss`, `gabor`) are written as they are
laid on the image, so `fftconv.correlate` gives the derivative with its sign and `convolve` its
negative. Whole-number kernels are integer arrays: integer images keep exact integer results.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache, reduce
from typing import Any

import numpy as np

from fftconv._checks import (
    MOST_TAPS,
    check_choice,
    check_count,
    check_finite,
    check_taps,
    read_numbers,
    read_sides,
    rounded_up,
    scaled,
    shown,
)

Kernel = np.ndarray[Any, np.dtype[Any]]
Floats = np.ndarray[Any, np.dtype[np.float64]]

__all__ = [
    "box",
    "difference",
    "disk",
    "echo",
    "emboss",
    "exponential",
    "gabor",
    "gaussian",
    "laplace",
    "laplacian_of_gaussian",
    "motion",
    "moving_average",
    "prewitt",
    "scharr",
    "sharpen",
    "sobel",
]


def __dir__() -> list[str]:
    return __all__


_TRUNCATE, _GABOR_TRUNCATE = 4.0, 3.0  # by default
_MOST_AXES = 32  # of arrays, in all versions of NumPy


def _check_positive(name: str, value: float, *, zero: bool = False) -> float:
    number = check_finite(name, value)
    if number < 0 or (number == 0 and not zero):
        least = "0 or more" if zero else "greater than 0"
        raise ValueError(f"{name}={shown(value)} is not accepted; pass a finite number {least}")
    return number


def _check_axis(axis: int, ndim: int) -> int:
    number = check_count("axis", axis, None)
    if not -ndim <= number < ndim:
        raise ValueError(f"axis={shown(axis)} is not accepted; pass one of {-ndim} to {ndim - 1}")
    return number


def _check_reach(*parameters: tuple[str, Any, float]) -> None:
    """Refuse kernels of too many taps in the name of the parameter that makes them so many.

    Each parameter comes with the taps that there are with the defaults of those behind it.
    """
    for name, value, taps in parameters if parameters[-1][2] > MOST_TAPS else ():
        check_taps(name, value, taps)


def _square(side: float) -> float:
    """Return the taps of a square; infinity where a power would raise OverflowError."""
    return side * side


def _outer(lines: Sequence[Kernel]) -> Kernel:
    return reduce(np.multiply.outer, lines)


def box(size: int | Sequence[int]) -> Kernel:
    r"""Mean over a box: every tap is the same.

    .. math:: k[i] = 1 / \prod_a n_a

    Parameters
    ----------
    size : int or sequence of int
        Taps along each axis; a number is a square of that side.

    Returns
    -------
    numpy.ndarray of float64, shape `size`

    References
    ----------
    .. [1] R. C. Gonzalez, R. E. Woods, Digital Image Processing, 4th ed., 2018, section 3.5.

    Examples
    --------
    >>> from fftconv import kernels
    >>> kernels.box(2)
    array([[0.25, 0.25],
           [0.25, 0.25]])
    """
    shape = read_sides("size", size, None)
    check_taps("size", size, math.prod(shape))
    return np.full(shape, 1.0 / math.prod(shape))


def moving_average(length: int) -> Kernel:
    r"""Mean of neighbouring samples.

    .. math:: k[i] = 1 / n, \quad 0 \le i < n

    Parameters
    ----------
    length : int
        Taps n.

    Returns
    -------
    numpy.ndarray of float64, shape (length,)

    References
    ----------
    .. [1] S. W. Smith, The Scientist and Engineer's Guide to Digital Signal Processing, 1997, ch. 15.

    Examples
    --------
    >>> from fftconv import kernels
    >>> kernels.moving_average(4)
    array([0.25, 0.25, 0.25, 0.25])
    """
    count = check_count("length", length)
    check_taps("length", length, count)
    return np.full(count, 1.0 / count)


def exponential(smoothing: float, length: int | None = None) -> Kernel:
    r"""Exponential smoothing: every sample counts less than the next by the same factor.

    .. math:: k[i] \propto (1 - \alpha)^i, \quad 0 \le i < n, \quad \sum_i k[i] = 1

    Parameters
    ----------
    smoothing : float
        alpha in (0, 1]: 1 does not smooth, and the nearer to 0, the more alike all samples count.
    length : int, optional
        Taps n; by default as many as hold all but a millionth of the weight.

    Returns
    -------
    numpy.ndarray of float64, shape (length,)
        Causal: use ``mode="full"`` and keep the first outputs, not ``mode="same"``, to smooth without
        looking ahead.

    References
    ----------
    .. [1] R. G. Brown, Smoothing, Forecasting and Prediction of Discrete Time Series, 1963.

    Examples
    --------
    >>> from fftconv import kernels
    >>> kernels.exponential(0.5, length=3).round(3)
    array([0.571, 0.286, 0.143])
    """
    alpha = _check_positive("smoothing", smoothing)
    if alpha > 1:
        raise ValueError(f"smoothing={smoothing!r} is not accepted; pass a number in (0, 1]")
    if length is None:
        taps = 1.0 if alpha == 1 else math.log(1e-6) / math.log1p(-alpha)
        check_taps("smoothing", smoothing, taps, "pass more, or a length")
        length = math.ceil(taps)
    count = check_count("length", length)
    check_taps("length", length, count)
    weights = (1 - alpha) ** np.arange(count)
    return np.asarray(weights / weights.sum())


def _radius(sigma: float, truncate: float) -> int:
    return int(truncate * sigma + 0.5)  # the rule of scipy.ndimage


def _gaussian_line(sigma: float, truncate: float) -> Floats:
    offsets = np.arange(-_radius(sigma, truncate), _radius(sigma, truncate) + 1)
    if sigma == 0:
        return np.ones(1)
    with np.errstate(over="ignore"):  # of a weight that is 0 then
        weights = np.exp(-0.5 * (offsets / sigma) ** 2)
    return np.asarray(weights / weights.sum())


# Lines that reach up to so many taps are kept: to make one takes a large part of blurring a small image.
_KEPT_REACH = 1000.0
_kept_line = lru_cache(maxsize=64)(_gaussian_line)


def gaussian(sigma: float | Sequence[float], *, truncate: float = 4.0) -> Kernel:
    r"""Gaussian, sampled and normalised.

    .. math:: k[i] \propto \exp\left(-\sum_a \frac{i_a^2}{2 \sigma_a^2}\right), \quad
              |i_a| \le \lfloor t \sigma_a + 1/2 \rfloor, \quad \sum_i k[i] = 1

    Parameters
    ----------
    sigma : float or sequence of float
        Standard deviation in samples; one for each axis. 0 leaves an axis alone.
    truncate : float, default 4
        Radius t in standard deviations. The taps are those of scipy.ndimage.gaussian_filter.

    Returns
    -------
    numpy.ndarray of float64
        One axis for each sigma.

    References
    ----------
    .. [1] T. Lindeberg, "Scale-space for discrete signals", IEEE Trans. PAMI 12(3), 1990.

    Examples
    --------
    >>> from fftconv import kernels
    >>> kernels.gaussian(0.5, truncate=2).round(3)
    array([0.107, 0.787, 0.107])
    >>> kernels.gaussian((2, 1)).shape
    (17, 9)
    """
    accepted = "a finite number from 0, or one for each axis"
    sigmas = read_numbers("sigma", sigma, None, accepted)
    if min(sigmas) < 0:
        raise ValueError(f"sigma={sigma!r} is not accepted; pass {accepted}")
    reach = _check_positive("truncate", truncate)
    _check_reach(
        ("sigma", sigma, math.prod(2.0 * _TRUNCATE * s + 1 for s in sigmas)),
        ("truncate", truncate, math.prod(2.0 * reach * s + 1 for s in sigmas)),
    )
    lines = [(_kept_line if s * reach <= _KEPT_REACH else _gaussian_line)(s, reach) for s in sigmas]
    return _outer(lines) if len(lines) > 1 else lines[0].copy()


def _quadrant_area(x: Floats, y: Floats, radius: float) -> Floats:
    """Area of the disk over [0, x] × [0, y], with the sign of x y."""
    sign = np.sign(x) * np.sign(y)
    x, y = np.minimum(np.abs(x), radius), np.minimum(np.abs(y), radius)
    # Up to `flat` the strip below y is full; from there on the circle is its upper edge.
    flat = np.minimum(x, np.sqrt(radius**2 - y**2))

    def below_circle(u: Floats) -> Floats:
        result = u * np.sqrt(np.maximum(radius**2 - u**2, 0)) + radius**2 * np.arcsin(u / radius)
        return np.asarray(result / 2)

    return np.asarray(sign * (flat * y + below_circle(x) - below_circle(flat)))


def disk(radius: float) -> Kernel:
    r"""Uniform disk: the blur of a lens out of focus.

    .. math:: k[i, j] \propto \text{area of pixel } (i, j) \text{ inside the circle } x^2 + y^2 = r^2

    The areas are exact, so the kernel is antialiased and grows smoothly with the radius.

    Parameters
    ----------
    radius : float
        r in pixels, from the centre of the middle pixel.

    Returns
    -------
    numpy.ndarray of float64, shape (n, n)
        n is odd; the taps sum to 1.

    References
    ----------
    .. [1] B. K. P. Horn, Robot Vision, 1986, section 6.10.

    Examples
    --------
    >>> from fftconv import kernels
    >>> kernels.disk(1).round(3)
    array([[0.025, 0.145, 0.025],
           [0.145, 0.318, 0.145],
           [0.025, 0.145, 0.025]])
    """
    r = _check_positive("radius", radius)
    check_taps("radius", radius, _square(2 * r + 1))
    reach = max(math.ceil(r - 0.5), 0)
    if reach == 0:
        return np.ones((1, 1))
    edges: Floats = np.arange(-reach, reach + 2, dtype=np.float64) - 0.5
    area = _quadrant_area(edges[:, None], edges[None, :], r)
    covered = np.diff(np.diff(area, axis=0), axis=1)
    covered[covered < 64 * np.finfo(np.float64).eps * r * r] = 0  # what rounding leaves of nothing
    return np.asarray(covered / covered.sum())


def motion(length: float, angle: float = 0.0) -> Kernel:
    r"""Straight motion during exposure.

    .. math:: k[i, j] \propto \max(0, 1 - d_{ij})

    with d the distance of pixel (i, j) from the segment of the given length through the centre.

    Parameters
    ----------
    length : float
        Length of the streak in pixels, at least 1.
    angle : float, default 0
        Degrees from the positive column axis, counter-clockwise as seen on a screen.

    Returns
    -------
    numpy.ndarray of float64, shape (n, n)
        n is odd; the taps sum to 1.

    References
    ----------
    .. [1] R. C. Gonzalez, R. E. Woods, Digital Image Processing, 4th ed., 2018, section 5.6.

    Examples
    --------
    >>> from fftconv import kernels
    >>> kernels.motion(3)[1]
    array([0.33333333, 0.33333333, 0.33333333])
    """
    half = (max(_check_positive("length", length), 1.0) - 1) / 2
    check_taps("length", length, _square(2 * half + 1))
    direction = math.radians(check_finite("angle", angle))
    step_x, step_y = math.cos(direction), -math.sin(direction)  # rows grow downwards
    reach = math.ceil(half)
    offsets = np.arange(-reach, reach + 1)
    y, x = offsets[:, None], offsets[None, :]
    along = np.clip(x * step_x + y * step_y, -half, half)
    distance = np.hypot(x - along * step_x, y - along * step_y)
    weights = np.maximum(0, 1 - distance)
    weights[weights < 1e-12] = 0  # what sin and cos of right angles leave behind
    return np.asarray(weights / weights.sum())


def laplace(neighbours: int = 8) -> Kernel:
    r"""Negative Laplacian: how much a pixel exceeds its neighbours.

    .. math:: k = \begin{pmatrix} -1 & -1 & -1 \\ -1 & 8 & -1 \\ -1 & -1 & -1 \end{pmatrix}
              \quad\text{or}\quad
              \begin{pmatrix} 0 & -1 & 0 \\ -1 & 4 & -1 \\ 0 & -1 & 0 \end{pmatrix}

    Parameters
    ----------
    neighbours : {8, 4}, default 8
        With or without the diagonal ones.

    Returns
    -------
    numpy.ndarray of int64, shape (3, 3)
        scipy.ndimage.laplace and cv2.Laplacian have the opposite sign.

    References
    ----------
    .. [1] R. C. Gonzalez, R. E. Woods, Digital Image Processing, 4th ed., 2018, section 3.6.

    Examples
    --------
    >>> from fftconv import kernels
    >>> kernels.laplace()
    array([[-1, -1, -1],
           [-1,  8, -1],
           [-1, -1, -1]])
    """
    count = check_count("neighbours", neighbours)
    if count not in (4, 8):
        raise ValueError(f"neighbours={shown(neighbours)} is not accepted; choose 4 or 8")
    corner = -1 if count == 8 else 0
    return np.array([[corner, -1, corner], [-1, count, -1], [corner, -1, corner]])


_LEAST_SIGMA = 0.03  # of which the weight one pixel away, exp(-1 / (2 sigma²)), is no zero


def laplacian_of_gaussian(sigma: float, *, truncate: float = 4.0) -> Kernel:
    r"""Negative Laplacian of a Gaussian: edges and blobs of size sigma, bright on dark positive.

    .. math:: k[i, j] \propto \left(2 - c - \frac{r^2}{\sigma^2}\right)
              \exp\left(-\frac{r^2}{2 \sigma^2}\right), \quad r^2 = i^2 + j^2

    scaled as :math:`-\nabla^2 G_\sigma`, with a small c such that the taps sum to 0. The sign is that of
    `laplace`; scipy.ndimage.gaussian_laplace has the opposite one.

    Parameters
    ----------
    sigma : float
        Standard deviation in pixels.
    truncate : float, default 4
        Radius in standard deviations.

    Returns
    -------
    numpy.ndarray of float64, shape (n, n)
        n is odd.

    References
    ----------
    .. [1] D. Marr, E. Hildreth, "Theory of edge detection", Proc. R. Soc. Lond. B 207, 1980.

    Examples
    --------
    >>> from fftconv import kernels
    >>> k = kernels.laplacian_of_gaussian(1.5)
    >>> k.shape, bool(abs(k.sum()) < 1e-15), bool(k[6, 6] > 0)
    ((13, 13), True, True)
    """
    s = _check_positive("sigma", sigma)
    deviations = _check_positive("truncate", truncate)
    _check_reach(
        ("sigma", sigma, _square(2 * _TRUNCATE * s + 1)),
        ("truncate", truncate, _square(2 * deviations * s + 1)),
    )
    reach = _radius(s, deviations)
    if reach == 0 and 0.5 / s <= _TRUNCATE:
        raise ValueError(
            f"truncate={truncate!r} is too small: all of the weight lies on one tap; pass at least "
            f"{rounded_up(0.5 / s):g}"
        )
    least = max(0.5 / max(deviations, 0.01), _LEAST_SIGMA)
    if reach == 0 or s < _LEAST_SIGMA:
        raise ValueError(
            f"sigma={sigma!r} is too small: all of its weight lies on one tap; pass at least "
            f"{rounded_up(least):g}"
        )
    offsets = np.arange(-reach, reach + 1)
    squared = (offsets[:, None] ** 2 + offsets[None, :] ** 2) / s**2
    bell = np.exp(-squared / 2)
    weight = bell / bell.sum()
    taps = (2 - squared) * weight / s**2
    # Less a multiple of the Gaussian, which keeps the kernel a sum of two outer products.
    for _ in range(2):  # the first time leaves the rounding of the sum
        taps -= taps.sum() * weight
    return np.asarray(taps)


_ACROSS = {"sobel": (1, 2, 1), "prewitt": (1, 1, 1), "scharr": (3, 10, 3)}


def _gradient(name: str, axis: int, ndim: int) -> Kernel:
    ndim = check_count("ndim", ndim)
    check_taps("ndim", ndim, 3.0 ** min(ndim, 100))
    lines = [np.array(_ACROSS[name])] * ndim
    lines[_check_axis(axis, ndim)] = np.array((-1, 0, 1))
    return _outer(lines)


def sobel(axis: int = -1, ndim: int = 2) -> Kernel:
    r"""Sobel's derivative: a central difference along one axis, (1, 2, 1) across.

    .. math:: k = (1, 2, 1)^T (-1, 0, 1)

    Parameters
    ----------
    axis : int, default -1
        Axis of the derivative.
    ndim : int, default 2
        Number of axes.

    Returns
    -------
    numpy.ndarray of int64, shape (3,) * ndim
        Not normalised: a ramp of slope 1 gives 8.

    References
    ----------
    .. [1] I. Sobel, G. Feldman, "An isotropic 3×3 image gradient operator", Stanford AI Project, 1968.

    Examples
    --------
    >>> from fftconv import kernels
    >>> kernels.sobel()
    array([[-1,  0,  1],
           [-2,  0,  2],
           [-1,  0,  1]])
    """
    return _gradient("sobel", axis, ndim)


def prewitt(axis: int = -1, ndim: int = 2) -> Kernel:
    r"""Prewitt's derivative: a central difference along one axis, (1, 1, 1) across.

    .. math:: k = (1, 1, 1)^T (-1, 0, 1)

    Parameters
    ----------
    axis, ndim
        As in `sobel`.

    Returns
    -------
    numpy.ndarray of int64, shape (3,) * ndim
        Not normalised: a ramp of slope 1 gives 6.

    References
    ----------
    .. [1] J. M. S. Prewitt, "Object enhancement and extraction", Picture Processing and
       Psychopictorics, 1970.

    Examples
    --------
    >>> from fftconv import kernels
    >>> kernels.prewitt(axis=0)
    array([[-1, -1, -1],
           [ 0,  0,  0],
           [ 1,  1,  1]])
    """
    return _gradient("prewitt", axis, ndim)


def scharr(axis: int = -1, ndim: int = 2) -> Kernel:
    r"""Scharr's derivative: a central difference along one axis, (3, 10, 3) across.

    .. math:: k = (3, 10, 3)^T (-1, 0, 1)

    Its magnitude depends less on the direction of an edge than Sobel's.

    Parameters
    ----------
    axis, ndim
        As in `sobel`.

    Returns
    -------
    numpy.ndarray of int64, shape (3,) * ndim
        Not normalised: a ramp of slope 1 gives 32.

    References
    ----------
    .. [1] H. Scharr, Optimale Operatoren in der Digitalen Bildverarbeitung, PhD thesis, Heidelberg,
       2000.

    Examples
    --------
    >>> from fftconv import kernels
    >>> kernels.scharr()[1]
    array([-10,   0,  10])
    """
    return _gradient("scharr", axis, ndim)


def difference(axis: int = -1, ndim: int = 1) -> Kernel:
    r"""Difference of two neighbours.

    .. math:: k = (-1, 1)

    Parameters
    ----------
    axis : int, default -1
        Axis of the difference.
    ndim : int, default 1
        Number of axes; all others have one tap.

    Returns
    -------
    numpy.ndarray of int64

    References
    ----------
    .. [1] R. C. Gonzalez, R. E. Woods, Digital Image Processing, 4th ed., 2018, section 3.6.

    Examples
    --------
    >>> from fftconv import kernels
    >>> kernels.difference()
    array([-1,  1])
    >>> kernels.difference(axis=0, ndim=2).shape
    (2, 1)
    """
    count = check_count("ndim", ndim)
    if count > _MOST_AXES:
        raise ValueError(f"ndim={shown(ndim)} is not accepted; pass at most {_MOST_AXES} axes")
    shape = [1] * count
    shape[_check_axis(axis, count)] = 2
    return np.array((-1, 1)).reshape(shape)


def sharpen(amount: float = 1.0, sigma: float | None = None, *, truncate: float = 4.0) -> Kernel:
    r"""The image plus a multiple of its fine detail.

    .. math:: k = \delta + a L \quad\text{or}\quad k = \delta + a (\delta - G_\sigma)

    with L the 4-neighbour `laplace` (no sigma), or unsharp masking with a Gaussian (with sigma).

    Parameters
    ----------
    amount : float, default 1
        How much detail a is added; 0 changes nothing.
    sigma : float, optional
        Standard deviation in pixels of the blur whose difference from the image is the detail.
    truncate : float, default 4
        Radius of that blur in standard deviations.

    Returns
    -------
    numpy.ndarray of float64, shape (n, n)
        The taps sum to 1.

    References
    ----------
    .. [1] R. C. Gonzalez, R. E. Woods, Digital Image Processing, 4th ed., 2018, section 3.6.

    Examples
    --------
    >>> from fftconv import kernels
    >>> kernels.sharpen()
    array([[ 0., -1.,  0.],
           [-1.,  5., -1.],
           [ 0., -1.,  0.]])
    """
    strength = _check_positive("amount", amount, zero=True)
    if sigma is None:
        detail = laplace(4).astype(np.float64)
    else:
        side = 2.0 * _TRUNCATE * _check_positive("sigma", sigma) + 1
        check_taps("sigma", sigma, side * side)
        detail = -gaussian((sigma, sigma), truncate=truncate)
        detail[tuple(side // 2 for side in detail.shape)] += 1
    taps = scaled("amount", strength, detail)
    taps[tuple(side // 2 for side in taps.shape)] += 1
    return np.asarray(taps + 0.0)  # no negative zeros


def emboss(depth: float = 1.0) -> Kernel:
    r"""Relief: the image lit from the upper left.

    .. math:: k = \begin{pmatrix} -2d & -d & 0 \\ -d & 1 & d \\ 0 & d & 2d \end{pmatrix}

    Parameters
    ----------
    depth : float, default 1
        Height d of the relief; 0 changes nothing.

    Returns
    -------
    numpy.ndarray of float64, shape (3, 3)
        The taps sum to 1; laid on the image as written (`correlate`), edges that get brighter towards
        the lower right are lit.

    References
    ----------
    .. [1] GIMP documentation, "Convolution Matrix" filter, emboss example.

    Examples
    --------
    >>> from fftconv import kernels
    >>> kernels.emboss()
    array([[-2., -1.,  0.],
           [-1.,  1.,  1.],
           [ 0.,  1.,  2.]])
    """
    d = _check_positive("depth", depth, zero=True)
    taps = scaled("depth", d, np.array([[-2.0, -1, 0], [-1, 0, 1], [0, 1, 2]]))
    taps[1, 1] = 1
    return np.asarray(taps + 0.0)


def gabor(
    sigma: float,
    wavelength: float,
    angle: float = 0.0,
    *,
    phase: float = 0.0,
    aspect: float = 1.0,
    part: str = "real",
    truncate: float = 3.0,
) -> Kernel:
    r"""A wave under a Gaussian: responds to stripes of one width and direction.

    .. math:: k = \exp\left(-\frac{u^2 + \gamma^2 v^2}{2 \sigma^2}\right)
              \exp\left(\mathrm{i} \left(\frac{2 \pi u}{\lambda} + \psi\right)\right)

    with u along the wave and v across it.

    Parameters
    ----------
    sigma : float
        Standard deviation of the Gaussian along the wave, in pixels.
    wavelength : float
        lambda in pixels, at least 2.
    angle : float, default 0
        Direction of the wave, degrees from the positive column axis, counter-clockwise on a screen.
    phase : float, default 0
        psi in degrees: 0 is even (a bright bar), 90 odd (an edge).
    aspect : float, default 1
        gamma, the ratio of the widths along and across the wave.
    part : {"real", "imaginary", "complex"}, default "real"
        What to return of the complex wave.
    truncate : float, default 3
        Radius in standard deviations, along and across the wave.

    Returns
    -------
    numpy.ndarray of float64 or complex128
        Two axes of odd length.

    References
    ----------
    .. [1] J. G. Daugman, "Uncertainty relation for resolution in space, spatial frequency, and
       orientation optimized by two-dimensional visual cortical filters", J. Opt. Soc. Am. A 2(7), 1985.

    Examples
    --------
    >>> from fftconv import kernels
    >>> k = kernels.gabor(2, 4)
    >>> k.shape, float(k[6, 6])
    ((13, 13), 1.0)
    """
    check_choice("part", part, ("real", "imaginary", "complex"))
    s, ratio = _check_positive("sigma", sigma), _check_positive("aspect", aspect)
    wavelength = _check_positive("wavelength", wavelength)
    if wavelength < 2:
        raise ValueError(
            f"wavelength={wavelength!r} is not accepted; pass at least 2, the shortest wave that "
            f"pixels can hold"
        )
    direction, shift = (
        math.radians(check_finite("angle", angle)),
        math.radians(check_finite("phase", phase)),
    )
    cosine, sine = math.cos(direction), math.sin(direction)
    reach = _check_positive("truncate", truncate) * s
    _check_reach(
        ("sigma", sigma, _square(2 * _GABOR_TRUNCATE * s + 1)),
        ("truncate", truncate, _square(2 * reach + 1)),
        ("aspect", aspect, _square(2 * reach * max(1, 1 / ratio) + 1)),
    )
    half_y = math.ceil(max(abs(reach * sine), abs(reach / ratio * cosine)) - 1e-9)
    half_x = math.ceil(max(abs(reach * cosine), abs(reach / ratio * sine)) - 1e-9)
    y = -np.arange(-half_y, half_y + 1)[:, None]  # rows grow downwards
    x = np.arange(-half_x, half_x + 1)[None, :]
    along, across = x * cosine + y * sine, -x * sine + y * cosine
    with np.errstate(over="ignore"):  # where the envelope is 0 then
        envelope = np.exp(-0.5 * ((along / s) ** 2 + (ratio * across / s) ** 2))
    wave = envelope * np.exp(1j * (2 * np.pi * along / wavelength + shift))
    parts = {"real": wave.real, "imaginary": wave.imag, "complex": wave}
    return np.ascontiguousarray(parts[part])


def echo(delay: int, decay: float, repeats: int = 1) -> Kernel:
    r"""The sound itself and its later, quieter copies.

    .. math:: k[i] = \sum_{r=0}^{R} g^r \, \delta[i - r D]

    Parameters
    ----------
    delay : int
        D in samples.
    decay : float
        g, the loudness of each copy relative to the one before.
    repeats : int, default 1
        Copies R.

    Returns
    -------
    numpy.ndarray of float64, shape (repeats * delay + 1,)

    References
    ----------
    .. [1] S. J. Orfanidis, Introduction to Signal Processing, 1996, section 8.2.

    Examples
    --------
    >>> from fftconv import kernels
    >>> kernels.echo(3, 0.5)
    array([1. , 0. , 0. , 0.5])
    """
    count = check_count("repeats", repeats, 0)
    apart = check_count("delay", delay)
    _check_reach(("delay", delay, apart + 1), ("repeats", repeats, count * apart + 1))
    taps = np.zeros(count * apart + 1)
    loudness = check_finite("decay", decay)
    if abs(loudness) > 1 and count * math.log2(abs(loudness)) >= 1024:
        raise ValueError(f"decay={decay!r} grows beyond any float in {count} repeats; pass at most 1")
    taps[::apart] = loudness ** np.arange(count + 1)
    return taps
