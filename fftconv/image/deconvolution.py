"""Undoing a blur whose kernel is known: by one filter (Wiener), or step by step (Richardson-Lucy)."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from fftconv._arguments import Array, Method
from fftconv._boundary import Boundary
from fftconv._checks import check_choice, check_count, check_finite
from fftconv.convolution import convolve, correlate
from fftconv.image.light import InLight
from fftconv.image.processing import ImageT, Settings, process
from fftconv.image.steps import Step, linear, read_kernel

ALGORITHMS = ("wiener", "richardson_lucy")
_LEAST_SIDE, _MOST_SIDE = 64, 2048  # of the transform in which a Wiener filter is made
_LEFT_OUT = 1e-6  # of the magnitude of its taps, at most, unless it would be longer than that


def deconvolve(
    image: ImageT,
    kernel: ArrayLike,
    algorithm: str = "wiener",
    *,
    noise: float = 0.01,
    iterations: int = 30,
    boundary: Boundary = "reflect",
    alpha: bool | None = None,
    linear: InLight = False,
    method: Method = "auto",
    workers: int | None = None,
) -> ImageT:
    r"""Undo a blur whose kernel is known.

    "wiener" is the filter with the least mean square error, for noise of a known share,

    .. math:: G = \frac{\overline{K}}{|K|^2 + n} \cdot \frac{|K_0|^2 + n}{\overline{K_0}},

    as a kernel of its own that is laid on the image by the same engines and boundaries as any other; the
    second factor keeps the mean. "richardson_lucy" looks for the image x, nowhere negative, that most
    likely gives the observed y with Poisson noise,

    .. math:: x \leftarrow x \cdot \frac{k \star (y / (k * x))}{k \star 1},

    where x is as much larger than y as the kernel reaches, so that nothing is assumed of what lies beyond
    the edges.

    Parameters
    ----------
    image : numpy.ndarray or PIL.Image.Image
        As in `gaussian_blur`.
    kernel : array_like, shape (rows, columns)
        What a point became, flipped as in `convolve`; it is divided by its sum.
    algorithm : {"wiener", "richardson_lucy"}, default "wiener"
        See above.
    noise : float, default 0.01
        For "wiener": n, the power of the noise over that of the image. Less is sharper and noisier.
    iterations : int, default 30
        For "richardson_lucy". More are sharper and noisier.
    boundary : str, default "reflect"
        For "wiener", as in `gaussian_blur`.
    alpha, linear, method, workers
        As in `gaussian_blur`; opacity stays as it is.

    Returns
    -------
    numpy.ndarray or PIL.Image.Image
        The same kind, shape and dtype as `image`.

    Raises
    ------
    ValueError, TypeError
        If `image` is not one, the kernel has no positive sum, or, for "richardson_lucy", a tap or a pixel
        is negative or not finite.

    References
    ----------
    .. [1] R. C. Gonzalez, R. E. Woods, Digital Image Processing, 4th ed., 2018, section 5.8.
    .. [2] L. B. Lucy, "An iterative technique for the rectification of observed distributions",
           Astronomical Journal 79, 1974.
    .. [3] M. Bertero, P. Boccacci, "A simple method for the reduction of boundary effects in the
           Richardson-Lucy approach", Astronomy & Astrophysics 437, 2005.

    Examples
    --------
    >>> import numpy as np
    >>> from fftconv import image, kernels
    >>> point = np.zeros((9, 9))
    >>> point[4, 4] = 1
    >>> blurred = image.gaussian_blur(point, 1.0)
    >>> sharp = image.deconvolve(blurred, kernels.gaussian((1.0, 1.0)), noise=1e-4)
    >>> bool(sharp[4, 4] > 4 * blurred[4, 4])
    True
    """
    check_choice("algorithm", algorithm, ALGORITHMS)
    taps = read_kernel(kernel).astype(np.float64)
    total = float(taps.sum())
    if total <= 0:
        raise ValueError(f"kernel sums to {total:g}; pass one with a positive sum, that of a blur")
    settings = Settings(boundary, alpha=alpha, method=method, workers=workers)
    if algorithm == "wiener":
        step = _wiener(taps / total, noise, linear)
    else:
        if boundary != "reflect":
            raise ValueError(
                f"boundary={boundary!r} has no effect with algorithm='richardson_lucy', which assumes "
                f"nothing of what lies beyond the edges; leave it out"
            )
        if (taps < 0).any():
            raise ValueError("kernel has negative taps; algorithm='richardson_lucy' takes none")
        repeats = check_count("iterations", iterations)
        undo = partial(_richardson_lucy, taps=taps / total, iterations=repeats, settings=settings)
        step = Step(((),), transform=undo, in_light=linear, keeps_opacity=True)
    return process(image, [step], settings)


def _wiener(taps: Array, noise: float, in_light: InLight) -> Step:
    if not check_finite("noise", noise) > 0:
        raise ValueError(f"noise={noise!r} is not accepted; pass a number above 0")
    return linear(wiener_kernel(taps, noise), in_light=in_light, keeps_opacity=True)


def wiener_kernel(taps: Array, noise: float) -> Array:
    """Taps, to be laid on an image as they are written, that undo a convolution with these of sum 1.

    They are as many as matter: a transform is made longer until they vanish towards its ends.
    """
    side = max(_LEAST_SIDE, 2 ** int(np.ceil(np.log2(4 * max(taps.shape)))))
    while True:
        shape = (side, side)
        padded = np.zeros(shape)
        padded[: taps.shape[0], : taps.shape[1]] = taps
        # The middle tap, as `same` has it, to the origin.
        padded = np.roll(padded, [-(size - 1 - (size - 1) // 2) for size in taps.shape], (0, 1))
        spectrum = np.fft.rfft2(padded)
        inverse = np.fft.irfft2(np.conj(spectrum) / (np.abs(spectrum) ** 2 + noise), shape)
        centred = np.fft.fftshift(inverse)[1:, 1:]  # odd sides, around the origin
        reach = _reach(centred)
        if reach < side // 4 or side >= _MOST_SIDE:
            break
        side *= 2
    middle = side // 2 - 1
    cut = centred[middle - reach : middle + reach + 1, middle - reach : middle + reach + 1]
    return np.ascontiguousarray(np.flip(cut) / cut.sum())


def _reach(centred: Array) -> int:
    """How far from the middle taps go that matter."""
    middle = centred.shape[0] // 2
    rows, columns = np.indices(centred.shape)
    rings = np.maximum(np.abs(rows - middle), np.abs(columns - middle))
    of_ring = np.bincount(rings.ravel(), np.abs(centred).ravel())
    beyond = of_ring[::-1].cumsum()[::-1]
    return int(np.count_nonzero(beyond > _LEFT_OUT * beyond[0])) - 1


def _richardson_lucy(observed: Array, taps: Array, iterations: int, settings: Settings) -> Array:
    """The likeliest image, of which a part was seen through a blur."""
    if not np.isfinite(observed).all() or (observed < 0).any():
        raise ValueError(
            "image has negative, NaN or infinite pixels; algorithm='richardson_lucy' takes none"
        )
    taps = taps.astype(observed.dtype)
    method, workers = settings.method, settings.workers

    def seen(whole: Array) -> Array:
        blurred = convolve(whole, taps, mode="valid", axes=(0, 1), method=method, workers=workers)
        return np.asarray(np.maximum(blurred, smallest))

    def spread(part: Array) -> Array:  # the adjoint
        back = correlate(part, taps, mode="full", axes=(0, 1), method=method, workers=workers)
        return np.asarray(np.maximum(back, smallest))

    smallest = np.finfo(observed.dtype).tiny
    margins = [(size // 2, (size - 1) // 2) for size in taps.shape] + [(0, 0)] * (observed.ndim - 2)
    found = np.pad(observed, margins, mode="edge")
    weight = spread(np.ones_like(observed))
    for _ in range(iterations):
        found *= spread(observed / seen(found)) / weight
    (top, _), (left, _) = margins[:2]
    return np.ascontiguousarray(found[top:, left:][: observed.shape[0], : observed.shape[1]])
