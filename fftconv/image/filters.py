"""Image filters: each says its steps, kernels mostly, and `processing` takes the image through them."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image

from fftconv import kernels
from fftconv._arguments import Array
from fftconv._arrays import package_of
from fftconv._checks import check_choice, check_finite, scaled
from fftconv._integers import round_to
from fftconv._names import Boundary, Method
from fftconv.image import steps
from fftconv.image.again import kept
from fftconv.image.light import InLight
from fftconv.image.pixels import Sketch, pixels_of
from fftconv.image.processing import ImageT, Settings, full_scale, has_opacity, process, read_pixels


@kept
def gaussian_blur(
    image: ImageT,
    sigma: float,
    *,
    truncate: float = 4.0,
    boundary: Boundary = "reflect",
    mask: ArrayLike | None = None,
    alpha: bool | None = None,
    linear: InLight = False,
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
        and uint16 images of two or four channels. Colours count by their opacity: they are multiplied with
        it, filtered, and divided by the filtered opacity, which is cut off only then. So one colour stays
        one colour under any opacity. Where that comes out below half a step (in floats, not above the error
        bound of the engine), the colour is 0.
    linear : bool or bytes, default False
        Whether to filter light instead of stored values: colours are taken through the transfer function of
        sRGB and back, so that a border between bright and dark does not darken. Or an ICC profile, by which
        they are taken there (extra `deep`); pictures and files that have one are filtered by their own. For
        uint8, uint16 and floats from 0 to 1.
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
    line = kernels.gaussian(check_finite("sigma", sigma), truncate=truncate)
    settings = Settings(boundary, mask, alpha, method, workers)
    return process(image, [steps.blur(line, line, linear)], settings)


@kept
def box_blur(
    image: ImageT,
    size: int | tuple[int, int],
    *,
    boundary: Boundary = "reflect",
    mask: ArrayLike | None = None,
    alpha: bool | None = None,
    linear: InLight = False,
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
    settings = Settings(boundary, mask, alpha, method, workers)
    return process(image, [steps.box(size, linear)], settings)


@kept
def disk_blur(
    image: ImageT,
    radius: float,
    *,
    boundary: Boundary = "reflect",
    mask: ArrayLike | None = None,
    alpha: bool | None = None,
    linear: InLight = False,
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
    settings = Settings(boundary, mask, alpha, method, workers)
    return process(image, [steps.linear(kernels.disk(radius), in_light=linear)], settings)


@kept
def motion_blur(
    image: ImageT,
    length: float,
    angle: float = 0.0,
    *,
    boundary: Boundary = "reflect",
    mask: ArrayLike | None = None,
    alpha: bool | None = None,
    linear: InLight = False,
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
    settings = Settings(boundary, mask, alpha, method, workers)
    return process(image, [steps.linear(kernels.motion(length, angle), in_light=linear)], settings)


@kept
def sharpen(
    image: ImageT,
    amount: float = 1.0,
    sigma: float | None = None,
    *,
    boundary: Boundary = "reflect",
    mask: ArrayLike | None = None,
    alpha: bool | None = None,
    linear: InLight = False,
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
    settings = Settings(boundary, mask, alpha, method, workers)
    taps = kernels.sharpen(amount, sigma)
    _check_range("amount", amount, image, taps)
    return process(image, [steps.linear(taps, in_light=linear)], settings)


@kept
def emboss(
    image: ImageT,
    depth: float = 1.0,
    *,
    boundary: Boundary = "reflect",
    mask: ArrayLike | None = None,
    alpha: bool | None = None,
    linear: InLight = False,
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
    settings = Settings(boundary, mask, alpha, method, workers)
    taps = kernels.emboss(depth)
    _check_range("depth", depth, image, taps)
    return process(image, [steps.linear(taps, in_light=linear)], settings)


@kept
def edges(
    image: ImageT,
    operator: str = "sobel",
    *,
    sigma: float | None = None,
    gain: float = 1.0,
    signed: str = "positive",
    channel: str = "each",
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
        the bright side of an edge.
    sigma : float, optional
        Standard deviation of the Gaussian of "log", in pixels, 1 by default; for "log" alone.
    gain : float, default 1
        Multiplies the result.
    signed : {"positive", "offset", "abs", "float"}, default "positive"
        What becomes of negative results of "laplace" and "log": integer images keep the positive side
        only; or 128 (uint16: 32768) stands for 0; or magnitudes are taken; or integer images become float
        ones, so that nothing is lost.
    channel : {"each", "luminance"}, default "each"
        Whether each channel has edges of its own, or the result is grey: those of the luminance
        (ITU-R BT.709, of sRGB colours).
    boundary, mask, alpha, method, workers
        As in `gaussian_blur`.

    Returns
    -------
    numpy.ndarray or PIL.Image.Image
        The same kind, shape and dtype as `image`, but for luminance, which has one channel, and
        ``signed="float"``.

    Raises
    ------
    ValueError, TypeError
        If `image` is not one, or the operator is unknown.

    See Also
    --------
    gradient : Magnitude and direction as numbers.
    edge_directions : Direction as a colour.

    References
    ----------
    .. [1] R. C. Gonzalez, R. E. Woods, Digital Image Processing, 4th ed., 2018, section 10.2.

    Examples
    --------
    >>> import numpy as np
    >>> from fftconv import image
    >>> image.edges(np.array([[10, 10, 30, 30]] * 3, np.uint8))[1]
    array([ 0, 20, 20,  0], dtype=uint8)
    >>> image.edges(np.array([[10, 10, 30, 30]] * 3, np.uint8), "laplace", signed="offset")[1]
    array([128,  68, 188, 128], dtype=uint8)
    """
    step = steps.edges(operator, sigma, gain, signed, _grey(image))
    _check_range("gain", gain, image, *chain.from_iterable(step.branches))
    settings = Settings(boundary, mask, alpha, method, workers)
    return process(image, [replace(step, in_grey=_in_grey(channel))], settings)


def _check_range(name: str, value: Any, image: Any, *numbers: Any) -> None:
    """Refuse a parameter that makes numbers which this image is not computed in."""
    is_wide = type(image) in (list, tuple) or getattr(image, "dtype", None) == np.float64
    limit = float(np.finfo(np.float64 if is_wide else np.float32).max)
    largest = max(float(np.abs(each).max()) for each in numbers)
    if largest > limit:
        raise ValueError(
            f"{name}={value!r} is not accepted: it makes numbers up to {largest:g}, beyond the range of "
            f"{'float64' if is_wide else 'float32'}; pass less"
        )


def _in_grey(channel: str) -> bool:
    check_choice("channel", channel, ("each", "luminance"))
    return channel == "luminance"


class Gradient(NamedTuple):
    """How much an image changes, and where to."""

    magnitude: Array
    """In the units of the image for a step of one pixel."""
    direction: Array
    """To where it gets brighter: radians from -pi to pi, counter-clockwise from the right."""


def gradient(
    image: Array | Image.Image,
    operator: str = "sobel",
    *,
    channel: str = "each",
    boundary: Boundary = "reflect",
    method: Method = "auto",
    workers: int | None = None,
) -> Gradient:
    r"""Magnitude and direction of edges, as numbers.

    .. math:: m = \sqrt{x_x^2 + x_y^2}, \qquad \varphi = \operatorname{atan2}(-x_y, x_x)

    with the changes :math:`x_x` along the rows and :math:`x_y` down the columns.

    Parameters
    ----------
    image : numpy.ndarray or PIL.Image.Image
        As in `gaussian_blur`; opacity weights colours, and is left out of the result.
    operator : {"sobel", "prewitt", "scharr", "difference"}, default "sobel"
        As in `edges`, with the same scale.
    channel, boundary, method, workers
        As in `edges`.

    Returns
    -------
    Gradient
        Two arrays of floats, of the shape of the colours. Where the magnitude is 0 so is the direction.

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
    >>> found = image.gradient(np.array([[10.0] * 4, [10.0] * 4, [30.0] * 4, [30.0] * 4]))
    >>> found.magnitude[1, 1], found.direction[1, 1] * 180 / np.pi  # brighter further down
    (np.float64(20.0), np.float64(-90.0))
    """
    opaque = None
    if isinstance(image, Image.Image):
        pixels, mode = pixels_of(image)
        opaque = mode in ("LA", "RGBA")
    else:
        pixels = image if package_of(image) == "dask" else read_pixels(image)
    settings = Settings(boundary, alpha=opaque, method=method, workers=workers)
    grey = _in_grey(channel)
    changes = [
        process(pixels, [steps.change(taps, grey)], settings) for taps in steps.gradient(operator, 1.0)
    ]
    if has_opacity(pixels.shape, pixels.dtype, opaque):
        changes = [change[..., :-1] for change in changes]
    if channel == "luminance" or pixels.ndim == 2:
        changes = [change.reshape(pixels.shape[:2]) for change in changes]
    down, along = changes
    return Gradient(np.hypot(down, along), np.arctan2(0 - down, along))


def edge_directions(
    image: ImageT,
    operator: str = "sobel",
    *,
    gain: float = 1.0,
    boundary: Boundary = "reflect",
    method: Method = "auto",
    workers: int | None = None,
) -> ImageT:
    """Edges of the luminance, coloured by the direction to where it gets brighter.

    Right is red, up is yellowish green, left cyan, down violet: the hue is the angle, the brightness the
    magnitude.

    Parameters
    ----------
    image : numpy.ndarray or PIL.Image.Image
        As in `gaussian_blur`, of grey or RGB.
    operator : {"sobel", "prewitt", "scharr", "difference"}, default "sobel"
        As in `edges`.
    gain : float, default 1
        Multiplies the magnitude, of which the full scale of the image is the brightest.
    boundary, method, workers
        As in `gaussian_blur`.

    Returns
    -------
    numpy.ndarray of uint8, shape (height, width, 3), or PIL.Image.Image
        Colours.

    Raises
    ------
    ValueError, TypeError
        If `image` is not one, or the operator is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> from fftconv import image
    >>> image.edge_directions(np.array([[0, 0, 255, 255]] * 3, np.uint8))[1].tolist()
    [[0, 0, 0], [255, 0, 0], [255, 0, 0], [0, 0, 0]]
    """
    factor = check_finite("gain", gain)
    _check_range("gain", gain, None, 255 * factor)
    if isinstance(image, Sketch):
        return image  # no recipe: colours are no numbers that kernels give
    pixels = pixels_of(image)[0] if isinstance(image, Image.Image) else read_pixels(image)
    found = gradient(
        image, operator, channel="luminance", boundary=boundary, method=method, workers=workers
    )
    hue = np.rint(found.direction / (2 * np.pi) * 255) % 255
    brightness = factor * 255 / full_scale(pixels.dtype) * found.magnitude.astype(np.float64)
    parts = [round_to(part, np.dtype(np.uint8)) for part in (hue, np.full_like(hue, 255), brightness)]
    picture = Image.merge("HSV", [Image.fromarray(part) for part in parts]).convert("RGB")
    if isinstance(image, Image.Image):
        return picture
    return np.asarray(picture)


@kept
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
    linear: InLight = False,
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
    taps = steps.read_kernel(kernel)
    factor = check_finite("scale", scale)
    taps = scaled("scale", factor, np.flip(taps) if flip else taps)
    if factor != 1:
        _check_range("scale", scale, image, taps)
    offset = check_finite("bias", bias)
    _check_range("bias", bias, image, offset)
    settings = Settings(boundary, mask, alpha, method, workers)
    return process(image, [steps.linear(taps, bias=offset, in_light=linear)], settings)


@kept
def high_pass(
    image: ImageT,
    sigma: float,
    *,
    bias: float | None = None,
    boundary: Boundary = "reflect",
    mask: ArrayLike | None = None,
    alpha: bool | None = None,
    linear: InLight = False,
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
    line = steps.gaussian_line("sigma", sigma)
    taps = -np.outer(line, line)
    taps[line.size // 2, line.size // 2] += 1
    settings = Settings(boundary, mask, alpha, method, workers)
    return process(image, [steps.linear(taps, bias=_grey(image, bias), in_light=linear)], settings)


@kept
def difference_of_gaussians(
    image: ImageT,
    sigma: float,
    wider: float,
    *,
    bias: float | None = None,
    boundary: Boundary = "reflect",
    mask: ArrayLike | None = None,
    alpha: bool | None = None,
    linear: InLight = False,
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
    narrow, wide = steps.gaussian_line("sigma", sigma), steps.gaussian_line("wider", wider)
    if wider <= sigma:
        raise ValueError(
            f"wider={wider!r} is not wider than sigma={sigma!r}; pass more, such as wider={1.6 * sigma:g}"
        )
    taps = -np.outer(wide, wide)
    inner = slice((wide.size - narrow.size) // 2, (wide.size + narrow.size) // 2)
    taps[inner, inner] += np.outer(narrow, narrow)
    taps[wide.size // 2, wide.size // 2] -= (
        taps.sum()
    )  # 0, beside the taps, even of two that are much alike
    settings = Settings(boundary, mask, alpha, method, workers)
    return process(image, [steps.linear(taps, bias=_grey(image, bias), in_light=linear)], settings)


def _grey(image: Any, bias: float | None = None) -> float:
    """What stands for nothing in a signed result."""
    if bias is not None:
        offset = check_finite("bias", bias)
        _check_range("bias", bias, image, offset)
        return offset
    if isinstance(image, Image.Image):
        image = pixels_of(image)[0]
    elif not hasattr(image, "dtype"):
        image = read_pixels(image)
    return {"uint8": 128.0, "uint16": 32768.0}.get(image.dtype.name, 0.0)
