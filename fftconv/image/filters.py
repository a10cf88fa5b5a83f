"""Image filters: each builds its kernels and hands them to `correlate`; how pixels become numbers and
numbers pixels is said once, in `_filter`.

Integer images are computed in float (int32 in float64, others in float32), rounded half to even and
saturated once, at the end. Colours are weighted with their opacity before filtering (premultiplied)
so that invisible pixels do not bleed into visible ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image

from fftconv import kernels
from fftconv._arguments import Method, check_choice, check_finite, read_array, read_mask
from fftconv._boundary import Boundary
from fftconv._integers import round_to
from fftconv.convolution import correlate, correlate_pixels
from fftconv.image.light import from_linear, light_of
from fftconv.image.pixels import pixels_of, to_picture

Array = np.ndarray[Any, np.dtype[Any]]
ImageT = TypeVar("ImageT", Array, Image.Image)
Linear = Callable[[Array], Array]
OpacityFilter = Callable[[Array], Array | None]  # None where opacity stays as it is

# What full opacity is. Only 8- and 16-bit images are taken to have it because of their channels.
_OPAQUE = {
    np.dtype(np.uint8): 255.0,
    np.dtype(np.uint16): 65535.0,
    np.dtype(np.float16): 1.0,
    np.dtype(np.float32): 1.0,
    np.dtype(np.float64): 1.0,
}
_COMPUTE = {
    np.dtype(np.uint8): np.float32,
    np.dtype(np.uint16): np.float32,
    np.dtype(np.int32): np.float64,
    np.dtype(np.float16): np.float32,
    np.dtype(np.float32): np.float32,
    np.dtype(np.float64): np.float64,
}


def gaussian_blur(
    image: ImageT,
    sigma: float,
    *,
    truncate: float = 4.0,
    boundary: Boundary = "reflect",
    mask: ArrayLike | None = None,
    alpha: bool | None = None,
    linear: bool = False,
    method: Method = "auto",
    workers: int | None = None,
) -> ImageT:
    r"""Blur with a Gaussian.

    .. math:: k[i, j] \propto \exp\left(-\frac{i^2 + j^2}{2 \sigma^2}\right)

    Parameters
    ----------
    image : numpy.ndarray or PIL.Image.Image, shape (height, width) or (height, width, channels)
        uint8, uint16, int32 or float pixels.
    sigma : float
        Standard deviation in pixels; 0 changes nothing.
    truncate : float, default 4
        Radius of the kernel in standard deviations.
    boundary : str, default "reflect"
        What stands beyond the edges, as in `fftconv.convolve`.
    mask : array_like of shape (height, width), optional
        Which pixels count: booleans, or weights from 0 to 1. With taps that are not negative, a pixel
        becomes the weighted mean of those in its window that count. With others it is filtered only if its
        whole window counts. Where it is not, float images get NaN, and integer images keep the pixel
        (`edges` gives 0).
    alpha : bool, optional
        Whether the last channel is opacity (0 to 255, 65535 or, in floats, 1); by default it is in uint8
        and uint16 images of two or four channels.
    linear : bool, default False
        Whether to filter light instead of stored values: colours are taken through the transfer function of
        sRGB and back, so that a border between bright and dark does not darken. For uint8, uint16 and
        floats from 0 to 1.
    method, workers
        As in `fftconv.convolve`.

    Returns
    -------
    numpy.ndarray or PIL.Image.Image
        The same kind, shape and dtype as `image`.

    Raises
    ------
    ValueError, TypeError
        If `image` is not one, or sigma or truncate is negative.

    References
    ----------
    .. [1] R. C. Gonzalez, R. E. Woods, Digital Image Processing, 4th ed., 2018, section 3.5.

    Examples
    --------
    >>> import numpy as np
    >>> from fftconv import image
    >>> image.gaussian_blur(np.array([[0, 0, 255, 0, 0]], np.uint8), 1)
    array([[ 15,  62, 102,  62,  15]], dtype=uint8)
    """
    line = kernels.gaussian(sigma, truncate=truncate)
    return _filter_linear(image, _passes(line, line), boundary, mask, alpha, linear, method, workers)


def box_blur(
    image: ImageT,
    size: int | tuple[int, int],
    *,
    boundary: Boundary = "reflect",
    mask: ArrayLike | None = None,
    alpha: bool | None = None,
    linear: bool = False,
    method: Method = "auto",
    workers: int | None = None,
) -> ImageT:
    r"""Replace every pixel by the mean of a box around it.

    .. math:: k[i, j] = \frac{1}{m n}

    Parameters
    ----------
    image : numpy.ndarray or PIL.Image.Image
        As in `gaussian_blur`.
    size : int or tuple of int
        Sides of the box, in rows and columns.
    boundary, mask, alpha, linear, method, workers
        As in `gaussian_blur`.

    Returns
    -------
    numpy.ndarray or PIL.Image.Image
        The same kind, shape and dtype as `image`.

    Raises
    ------
    ValueError, TypeError
        If `image` is not one, or a side is not a whole number from 1.

    References
    ----------
    .. [1] R. C. Gonzalez, R. E. Woods, Digital Image Processing, 4th ed., 2018, section 3.5.

    Examples
    --------
    >>> import numpy as np
    >>> from fftconv import image
    >>> image.box_blur(np.array([[0, 0, 90, 0, 0]], np.uint8), 3)
    array([[ 0, 30, 30, 30,  0]], dtype=uint8)
    """
    kernel = kernels.box(size)
    passes = [kernel]
    if kernel.size > _MOST_TAPS:
        passes = _passes(*(kernels.moving_average(side) for side in kernel.shape))
    return _filter_linear(image, passes, boundary, mask, alpha, linear, method, workers)


def disk_blur(
    image: ImageT,
    radius: float,
    *,
    boundary: Boundary = "reflect",
    mask: ArrayLike | None = None,
    alpha: bool | None = None,
    linear: bool = False,
    method: Method = "auto",
    workers: int | None = None,
) -> ImageT:
    """Blur as a lens out of focus does: every point becomes a uniform disk.

    Parameters
    ----------
    image : numpy.ndarray or PIL.Image.Image
        As in `gaussian_blur`.
    radius : float
        Radius of the disk in pixels; see `fftconv.kernels.disk` for the taps.
    boundary, mask, alpha, linear, method, workers
        As in `gaussian_blur`.

    Returns
    -------
    numpy.ndarray or PIL.Image.Image
        The same kind, shape and dtype as `image`.

    Raises
    ------
    ValueError, TypeError
        If `image` is not one, or the radius is not positive.

    References
    ----------
    .. [1] B. K. P. Horn, Robot Vision, 1986, section 6.10.

    Examples
    --------
    >>> import numpy as np
    >>> from fftconv import image
    >>> point = np.zeros((3, 3))
    >>> point[1, 1] = 1
    >>> bool(image.disk_blur(point, 1.0)[1, 1] == image.disk_blur(point, 1.0).max())
    True
    """
    return _filter_linear(image, [kernels.disk(radius)], boundary, mask, alpha, linear, method, workers)


def motion_blur(
    image: ImageT,
    length: float,
    angle: float = 0.0,
    *,
    boundary: Boundary = "reflect",
    mask: ArrayLike | None = None,
    alpha: bool | None = None,
    linear: bool = False,
    method: Method = "auto",
    workers: int | None = None,
) -> ImageT:
    """Blur as straight motion during exposure does.

    Parameters
    ----------
    image : numpy.ndarray or PIL.Image.Image
        As in `gaussian_blur`.
    length : float
        Length of the streak in pixels; see `fftconv.kernels.motion` for the taps.
    angle : float, default 0
        Degrees from the horizontal, counter-clockwise.
    boundary, mask, alpha, linear, method, workers
        As in `gaussian_blur`.

    Returns
    -------
    numpy.ndarray or PIL.Image.Image
        The same kind, shape and dtype as `image`.

    Raises
    ------
    ValueError, TypeError
        If `image` is not one, or the length is not positive.

    References
    ----------
    .. [1] R. C. Gonzalez, R. E. Woods, Digital Image Processing, 4th ed., 2018, section 5.6.

    Examples
    --------
    >>> import numpy as np
    >>> from fftconv import image
    >>> image.motion_blur(np.array([[0, 0, 90, 0, 0]], np.uint8), 3)
    array([[ 0, 30, 30, 30,  0]], dtype=uint8)
    """
    kernel = kernels.motion(length, angle)
    return _filter_linear(image, [kernel], boundary, mask, alpha, linear, method, workers)


def sharpen(
    image: ImageT,
    amount: float = 1.0,
    sigma: float | None = None,
    *,
    boundary: Boundary = "reflect",
    mask: ArrayLike | None = None,
    alpha: bool | None = None,
    linear: bool = False,
    method: Method = "auto",
    workers: int | None = None,
) -> ImageT:
    r"""Add a multiple of the image's fine detail to it.

    .. math:: y = x + a \, (L * x) \quad\text{or}\quad y = x + a \, (x - G_\sigma * x)

    Parameters
    ----------
    image : numpy.ndarray or PIL.Image.Image
        As in `gaussian_blur`.
    amount : float, default 1
        How much detail a is added; 0 changes nothing.
    sigma : float, optional
        Without it the detail is the 4-neighbour Laplacian; with it, what a Gaussian blur of this
        standard deviation takes away (unsharp masking).
    boundary, mask, alpha, linear, method, workers
        As in `gaussian_blur`.

    Returns
    -------
    numpy.ndarray or PIL.Image.Image
        The same kind, shape and dtype as `image`.

    Raises
    ------
    ValueError, TypeError
        If `image` is not one, or amount or sigma is negative.

    References
    ----------
    .. [1] R. C. Gonzalez, R. E. Woods, Digital Image Processing, 4th ed., 2018, section 3.6.

    Examples
    --------
    >>> import numpy as np
    >>> from fftconv import image
    >>> image.sharpen(np.array([[10, 10, 20, 20]], np.uint8))
    array([[10,  0, 30, 20]], dtype=uint8)
    """
    kernel = kernels.sharpen(amount, sigma)
    return _filter_linear(image, [kernel], boundary, mask, alpha, linear, method, workers)


def emboss(
    image: ImageT,
    depth: float = 1.0,
    *,
    boundary: Boundary = "reflect",
    mask: ArrayLike | None = None,
    alpha: bool | None = None,
    linear: bool = False,
    method: Method = "auto",
    workers: int | None = None,
) -> ImageT:
    """Turn brightness into relief, lit from the upper left.

    Parameters
    ----------
    image : numpy.ndarray or PIL.Image.Image
        As in `gaussian_blur`.
    depth : float, default 1
        Height of the relief; see `fftconv.kernels.emboss` for the taps.
    boundary, mask, alpha, linear, method, workers
        As in `gaussian_blur`.

    Returns
    -------
    numpy.ndarray or PIL.Image.Image
        The same kind, shape and dtype as `image`.

    Raises
    ------
    ValueError, TypeError
        If `image` is not one, or depth is negative.

    References
    ----------
    .. [1] GIMP documentation, "Convolution Matrix" filter, emboss example.

    Examples
    --------
    >>> import numpy as np
    >>> from fftconv import image
    >>> image.emboss(np.array([[10, 10, 20, 20]], np.uint8))
    array([[10, 40, 50, 20]], dtype=uint8)
    """
    return _filter_linear(image, [kernels.emboss(depth)], boundary, mask, alpha, linear, method, workers)


def edges(
    image: ImageT,
    operator: str = "sobel",
    *,
    sigma: float | None = None,
    gain: float = 1.0,
    boundary: Boundary = "reflect",
    mask: ArrayLike | None = None,
    alpha: bool | None = None,
    method: Method = "auto",
    workers: int | None = None,
) -> ImageT:
    r"""Find edges: bright where the image changes, dark where it does not.

    .. math:: y = g \sqrt{(k_x \star x)^2 + (k_y \star x)^2} \quad\text{or}\quad y = g \, (k \star x)

    Parameters
    ----------
    image : numpy.ndarray or PIL.Image.Image
        As in `gaussian_blur`. Each channel is treated on its own; opacity is kept as it is.
    operator : {"sobel", "prewitt", "scharr", "difference", "laplace", "log"}, default "sobel"
        The first four give the magnitude of the gradient, scaled so that a step of height h gives h.
        "laplace" (8 in the centre of -1) and "log" (Laplacian of Gaussian) are signed: positive on
        the bright side of an edge; integer images keep that side only.
    sigma : float, optional
        Standard deviation of the Gaussian of "log", in pixels, 1 by default; for "log" alone.
    gain : float, default 1
        Multiplies the result.
    boundary, mask, alpha, method, workers
        As in `gaussian_blur`.

    Returns
    -------
    numpy.ndarray or PIL.Image.Image
        The same kind, shape and dtype as `image`.

    Raises
    ------
    ValueError, TypeError
        If `image` is not one, or the operator is unknown.

    References
    ----------
    .. [1] R. C. Gonzalez, R. E. Woods, Digital Image Processing, 4th ed., 2018, section 10.2.

    Examples
    --------
    >>> import numpy as np
    >>> from fftconv import image
    >>> image.edges(np.array([[10, 10, 30, 30]] * 3, np.uint8))[1]
    array([ 0, 20, 20,  0], dtype=uint8)
    """
    check_choice("operator", operator, tuple(_EDGE_KERNELS))
    if sigma is not None and operator != "log":
        raise ValueError(f"sigma={sigma!r} has no effect with operator={operator!r}; pass operator='log'")
    factor = check_finite("gain", gain)
    taps = [factor * kernel for kernel in _EDGE_KERNELS[operator](1.0 if sigma is None else sigma)]

    def magnitude(pixels: Array) -> Array:
        numbers = pixels.astype(_COMPUTE[pixels.dtype], copy=False)
        parts = [_filter_once(numbers, kernel, boundary, mask, method, workers) for kernel in taps]
        return parts[0] if len(parts) == 1 else np.hypot(*parts)

    return _filter(image, magnitude, alpha, lambda opacity: None, unknown=0)


# Divided by the weight across, so that a step of height h gives a gradient of h.
_EDGE_KERNELS: dict[str, Callable[[float], Sequence[Array]]] = {
    "sobel": lambda sigma: [kernels.sobel(axis) / 4 for axis in (0, 1)],
    "prewitt": lambda sigma: [kernels.prewitt(axis) / 3 for axis in (0, 1)],
    "scharr": lambda sigma: [kernels.scharr(axis) / 16 for axis in (0, 1)],
    "difference": lambda sigma: [kernels.difference(axis, ndim=2) for axis in (0, 1)],
    "laplace": lambda sigma: [kernels.laplace(8)],
    "log": lambda sigma: [kernels.laplacian_of_gaussian(sigma)],
}
EDGE_OPERATORS = tuple(_EDGE_KERNELS)


def apply_kernel(
    image: ImageT,
    kernel: ArrayLike,
    *,
    flip: bool = True,
    scale: float = 1.0,
    bias: float = 0.0,
    boundary: Boundary = "reflect",
    mask: ArrayLike | None = None,
    alpha: bool | None = None,
    linear: bool = False,
    method: Method = "auto",
    workers: int | None = None,
) -> ImageT:
    r"""Filter with a kernel of your own.

    .. math:: y[p, q] = s \sum_{i, j} k[i, j] \, x[p - i, q - j] + b

    Parameters
    ----------
    image : numpy.ndarray or PIL.Image.Image
        As in `gaussian_blur`.
    kernel : array_like, shape (rows, columns)
        Real, finite taps. Opacity is filtered with them divided by their sum; where that is 0, it is kept
        as it is, and the colours are those of the picture on black.
    flip : bool, default True
        True convolves, as in the formula; False lays the kernel on the image as it is written
        (correlation, which cv2.filter2D and Pillow's ImageFilter do).
    scale : float, default 1
        s, which multiplies the taps.
    bias : float, default 0
        b, which is added to colours before they are rounded, in the units of the image.
    boundary, mask, alpha, linear, method, workers
        As in `gaussian_blur`.

    Returns
    -------
    numpy.ndarray or PIL.Image.Image
        The same kind, shape and dtype as `image`.

    Raises
    ------
    ValueError, TypeError
        If `image` is not one, or `kernel` is not a real array of two axes.

    References
    ----------
    .. [1] R. C. Gonzalez, R. E. Woods, Digital Image Processing, 4th ed., 2018, section 3.4.

    Examples
    --------
    >>> import numpy as np
    >>> from fftconv import image
    >>> image.apply_kernel(np.array([[10, 20, 40]], np.uint8), [[1, -1]])
    array([[ 0, 10, 20]], dtype=uint8)
    """
    taps = read_array("kernel", kernel)
    if taps.ndim != 2 or taps.dtype.kind not in "biuf":
        raise ValueError(
            f"kernel has {taps.ndim} axes (shape {taps.shape}) and dtype {taps.dtype}; pass real taps in "
            f"rows and columns, for one row [[...]]"
        )
    if taps.dtype.kind != "f":
        taps = taps.astype(np.float64)
    if not np.isfinite(taps).all():
        raise ValueError("kernel holds a NaN or an infinity; pass finite taps")
    taps = check_finite("scale", scale) * (np.flip(taps) if flip else taps)
    offset = check_finite("bias", bias)
    return _filter_linear(image, [taps], boundary, mask, alpha, linear, method, workers, offset)


def high_pass(
    image: ImageT,
    sigma: float,
    *,
    bias: float | None = None,
    boundary: Boundary = "reflect",
    mask: ArrayLike | None = None,
    alpha: bool | None = None,
    linear: bool = False,
    method: Method = "auto",
    workers: int | None = None,
) -> ImageT:
    r"""Keep what a Gaussian blur takes away: fine detail, on grey.

    .. math:: y = x - G_\sigma * x + b

    Parameters
    ----------
    image : numpy.ndarray or PIL.Image.Image
        As in `gaussian_blur`.
    sigma : float
        Standard deviation of the blur in pixels, above 0.
    bias : float, optional
        b, by default 128 for uint8 and 32768 for uint16, so that neither side is lost, and 0 otherwise.
    boundary, mask, alpha, linear, method, workers
        As in `gaussian_blur`.

    Returns
    -------
    numpy.ndarray or PIL.Image.Image
        The same kind, shape and dtype as `image`.

    Raises
    ------
    ValueError, TypeError
        If `image` is not one, or sigma is not positive.

    References
    ----------
    .. [1] R. C. Gonzalez, R. E. Woods, Digital Image Processing, 4th ed., 2018, section 3.7.

    Examples
    --------
    >>> import numpy as np
    >>> from fftconv import image
    >>> image.high_pass(np.array([[0, 0, 255, 0, 0]], np.uint8), 1)
    array([[113,  66, 255,  66, 113]], dtype=uint8)
    """
    line = _blur_line("sigma", sigma)
    taps = -np.outer(line, line)
    taps[line.size // 2, line.size // 2] += 1
    return _filter_linear(image, [taps], boundary, mask, alpha, linear, method, workers, _grey(image, bias))


def difference_of_gaussians(
    image: ImageT,
    sigma: float,
    wider: float,
    *,
    bias: float | None = None,
    boundary: Boundary = "reflect",
    mask: ArrayLike | None = None,
    alpha: bool | None = None,
    linear: bool = False,
    method: Method = "auto",
    workers: int | None = None,
) -> ImageT:
    r"""Keep detail between two sizes: what a wider blur takes away of a narrower one.

    .. math:: y = G_{\sigma_1} * x - G_{\sigma_2} * x + b

    Parameters
    ----------
    image : numpy.ndarray or PIL.Image.Image
        As in `gaussian_blur`.
    sigma, wider : float
        Standard deviations of the narrower and the wider blur in pixels, above 0; 1.6 times as wide is near
        the Laplacian of a Gaussian.
    bias : float, optional
        As in `high_pass`.
    boundary, mask, alpha, linear, method, workers
        As in `gaussian_blur`.

    Returns
    -------
    numpy.ndarray or PIL.Image.Image
        The same kind, shape and dtype as `image`.

    Raises
    ------
    ValueError, TypeError
        If `image` is not one, or the standard deviations are not positive and in order.

    References
    ----------
    .. [1] D. Marr, E. Hildreth, "Theory of edge detection", Proc. R. Soc. Lond. B 207, 1980.

    Examples
    --------
    >>> import numpy as np
    >>> from fftconv import image
    >>> image.difference_of_gaussians(np.array([[0, 0, 255, 0, 0]], np.uint8), 0.5, 1)
    array([[113,  93, 227,  93, 113]], dtype=uint8)
    """
    narrow, wide = _blur_line("sigma", sigma), _blur_line("wider", wider)
    if wider <= sigma:
        raise ValueError(f"wider={wider!r} is not wider than sigma={sigma!r}; pass the wider one last")
    taps = -np.outer(wide, wide)
    inner = slice((wide.size - narrow.size) // 2, (wide.size + narrow.size) // 2)
    taps[inner, inner] += np.outer(narrow, narrow)
    return _filter_linear(image, [taps], boundary, mask, alpha, linear, method, workers, _grey(image, bias))


def _blur_line(name: str, sigma: float) -> Array:
    if not check_finite(name, sigma) > 0:
        raise ValueError(f"{name}={sigma!r} is not accepted; pass pixels above 0")
    return kernels.gaussian(sigma)


def _grey(image: Any, bias: float | None) -> float:
    """What stands for nothing in a signed result."""
    if bias is not None:
        return check_finite("bias", bias)
    dtype = pixels_of(image)[0].dtype if isinstance(image, Image.Image) else np.asarray(image).dtype
    return {"uint8": 128.0, "uint16": 32768.0}.get(dtype.name, 0.0)


_MOST_TAPS = 2**20  # of an outer product; with more, two passes of transforms are as fast


def _passes(down: Array, along: Array) -> list[Array]:
    """What to filter with, one after the other: the outer product, or its factors if that is huge."""
    if down.size * along.size <= _MOST_TAPS:
        return [np.outer(down, along)]
    return [down[:, None], along[None, :]]


def _filter_linear(
    image: ImageT,
    passes: Sequence[Array],
    boundary: Boundary,
    mask: ArrayLike | None,
    alpha: bool | None,
    in_light: bool,
    method: Method,
    workers: int | None,
    bias: float = 0.0,
) -> ImageT:
    """One kernel after the other, each laid on the image as it is written."""
    kept = [taps for taps in passes if taps.size > 1 or taps.flat[0] != 1]
    if mask is not None or boundary == "missing":  # a mean of means would have other weights
        kept = [reduce(np.multiply, kept, np.ones((1, 1)))]

    def linear(pixels: Array) -> Array:
        if len(kept) > 1 or bias:  # rounded once, at the end
            pixels = pixels.astype(_COMPUTE[pixels.dtype], copy=False)
        for taps in kept:
            pixels = _filter_once(pixels, taps, boundary, mask, method, workers)
        return pixels

    def opacity_filter(opacity: Array) -> Array | None:
        total = math.prod(float(taps.sum()) for taps in kept)
        if abs(total) < 1e-6 * math.prod(float(np.abs(taps).sum()) for taps in kept):
            return None
        if boundary != "zero" and boundary != "constant" and (opacity == 1).all():
            return opacity  # a mean of ones
        return np.clip(linear(opacity) / total, 0, 1)

    return _filter(image, linear, alpha, opacity_filter, in_light=in_light, bias=bias)


def _correlate(
    pixels: Array, taps: Array, boundary: Boundary, method: Method, workers: int | None
) -> Array:
    """Filtered pixels in the dtype of the pixels; those of integers are rounded."""
    converted = _taps_for(_COMPUTE[pixels.dtype], taps)
    return correlate_pixels(pixels, converted, boundary, method, workers)


def _filter_once(
    pixels: Array,
    taps: Array,
    boundary: Boundary,
    mask: ArrayLike | None,
    method: Method,
    workers: int | None,
) -> Array:
    """Filtered pixels; where some may be missing in float, NaN where too little of the window counts."""
    if mask is None and boundary != "missing":
        return _correlate(pixels, taps, boundary, method, workers)
    weights = read_mask(True if mask is None else mask, pixels.shape[:2])
    if pixels.ndim == 3:
        weights = np.broadcast_to(weights[..., np.newaxis], pixels.shape)
    numbers = pixels.astype(_COMPUTE[pixels.dtype], copy=False)
    if (taps >= 0).all():
        converted = _taps_for(numbers.dtype, taps)
        return correlate_pixels(numbers, converted, boundary, method, workers, weights)
    result = _correlate(np.where(weights > 0, numbers, 0), taps, boundary, method, workers)
    result[~_is_whole(weights > 0, taps, boundary, workers)] = np.nan
    return result


def _is_whole(valid: Array, taps: Array, boundary: Boundary, workers: int | None) -> Array:
    """Which windows hold valid pixels alone, by counting the others; those beyond fixed edges are valid."""
    support = (taps != 0).astype(np.uint8)
    beyond: dict[str, Any] = {"boundary": boundary}
    if boundary in ("zero", "constant", "missing"):
        beyond = {"boundary": "constant", "fill_value": int(boundary == "missing")}
    others = correlate(~valid, support, axes=(0, 1), mode="same", workers=workers, **beyond)
    return np.asarray(others == 0)


def _taps_for(dtype: Any, taps: Array) -> Array:
    """The taps in the dtype to compute in, which must be able to hold them."""
    if taps.dtype == dtype:
        return taps
    with np.errstate(over="ignore"):
        converted = taps.astype(dtype)
    if not np.isfinite(converted).all():
        raise ValueError(
            f"kernel has taps up to {np.abs(taps).max():g}, beyond the range of {converted.dtype}"
        )
    return converted


def _filter(
    image: ImageT,
    compute: Linear,
    alpha: bool | None,
    opacity_filter: OpacityFilter,
    unknown: float | None = None,
    in_light: bool = False,
    bias: float = 0.0,
) -> ImageT:
    """`compute` on pixels of any kind, in their dtype or in float: the one place that knows of alpha.

    In integer images what comes out as NaN becomes `unknown`, or else stays as it was.
    """
    if alpha is not None and not isinstance(alpha, bool):
        raise TypeError(f"alpha={alpha!r} is not accepted; pass True, False or None")
    if isinstance(image, Image.Image):
        pixels, mode = pixels_of(image)
        has_alpha = mode in ("LA", "RGBA")
        if alpha and not has_alpha:
            raise ValueError(f"alpha=True, but an image of mode {mode} has no opacity; leave alpha out")
        if in_light and mode == "CMYK":
            raise ValueError("linear=True is for grey and RGB images; convert this one of mode CMYK first")
        alpha = has_alpha if alpha is None else alpha
        filtered = _filter(pixels, compute, alpha, opacity_filter, unknown, in_light, bias)
        picture = to_picture(filtered, mode)
        picture.info = {key: value for key, value in image.info.items() if key != "transparency"}
        return picture
    pixels = _read_pixels(image)
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    if alpha and (channels < 2 or pixels.dtype not in _OPAQUE):
        raise ValueError(
            f"alpha=True, but an image of dtype {pixels.dtype} and shape {pixels.shape} has no channel of "
            f"opacity; pass uint8, uint16 or float pixels with opacity as the last of two or more channels"
        )
    has_opacity = alpha if alpha is not None else pixels.dtype.kind == "u" and channels in (2, 4)
    colours = slice(0, channels - 1 if has_opacity else channels)
    numbers = pixels
    if in_light:
        numbers = _to_light(pixels, colours)
    if has_opacity:
        numbers = numbers.astype(_COMPUTE[pixels.dtype], copy=False)
        result = _filter_with_alpha(numbers, _OPAQUE[pixels.dtype], compute, opacity_filter)
    else:
        result = compute(numbers)
    if in_light:
        full = _OPAQUE[pixels.dtype]
        part = result[..., colours] if pixels.ndim == 3 else result
        part[...] = full * from_linear(part / full)
    if bias:
        part = result[..., colours] if pixels.ndim == 3 else result
        part += np.asarray(bias, result.dtype)
    if result.dtype.kind == "f" and pixels.dtype.kind != "f":
        result = np.where(np.isnan(result), pixels if unknown is None else unknown, result)
    return round_to(result, pixels.dtype)


def _to_light(pixels: Array, colours: slice) -> Array:
    """The pixels as numbers, of which colours are linear in light."""
    if pixels.dtype not in _OPAQUE:
        raise ValueError(
            f"linear=True is for uint8, uint16 and float images; this one has dtype {pixels.dtype}"
        )
    full, dtype = _OPAQUE[pixels.dtype], _COMPUTE[pixels.dtype]
    numbers = pixels.astype(dtype)
    part = (numbers[..., colours], pixels[..., colours]) if pixels.ndim == 3 else (numbers, pixels)
    part[0][...] = light_of(part[1], full, dtype)
    return numbers


def _filter_with_alpha(
    numbers: Array, opaque: float, compute: Linear, opacity_filter: OpacityFilter
) -> Array:
    """Filter colours weighted with their opacity, and divide by the filtered opacity."""
    given = numbers[..., -1:] / opaque
    colour = compute(numbers[..., :-1] * given)
    opacity = opacity_filter(given)
    if opacity is None:
        return np.concatenate([colour, numbers[..., -1:]], axis=-1)
    visible = opacity * opaque >= 0.5 if opaque > 1 else opacity > 0
    colour = np.where(visible, colour / np.where(visible, opacity, 1), 0 * opacity)  # NaN stays
    return np.concatenate([colour, opacity * opaque], axis=-1)


def _read_pixels(image: Any) -> Array:
    pixels = read_array("image", image)
    native = pixels.dtype.newbyteorder("=")
    if native not in _COMPUTE or pixels.ndim not in (2, 3):
        accepted = ", ".join(str(dtype) for dtype in _COMPUTE)
        raise ValueError(
            f"image has dtype {pixels.dtype} and shape {pixels.shape}; accepted are {accepted} and "
            f"shapes (height, width) or (height, width, channels)"
        )
    return pixels.astype(native, copy=False)
