"""Undoing a blur whose kernel is known: by one filter (Wiener), or step by step (Richardson-Lucy)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from fftconv._arguments import Array
from fftconv._checks import check_choice, check_count, check_finite
from fftconv._names import Boundary, Method
from fftconv.convolution import convolve, correlate
from fftconv.image.light import InLight
from fftconv.image.processing import ImageT, Settings, process
from fftconv.image.steps import Step, linear, read_kernel

ALGORITHMS = ("wiener", "richardson_lucy")
# Pixels along an axis on which a Wiener filter is computed. With noise=0.01, filters of up to 2047 taps
# restore photos by 0.2 dB more at most: discs, lines and random kernels of up to 64 taps along an axis.
_SHORTEST_RING, _LONG_RINGS = 64, (256, 512)
_LEFT_OUT = 1e-6  # of the magnitude of its taps, at most, unless it reaches beyond the longest ring
_NEGATIVE = 1e-6  # of the largest pixel: what rounding in a blur takes below 0
_ROUNDING = 1e-12  # of the largest pixel: rounding of transforms in float64, of 16 million pixels
_LEAST_SEEN = 1e-6  # of the light of a pixel; with less, rounding of transforms would say what the pixel is


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
    second factor keeps the mean. Where more than 255 taps along an axis matter (511, if `kernel` has more
    than 42), they fade out towards the ends.

    "richardson_lucy" looks for the image x, nowhere negative, that most likely gives the observed y with
    Poisson noise,

    .. math:: x \leftarrow x \cdot \frac{k \star (y / (k * x))}{k \star 1},

    from a flat image on, where x is as much larger than y as the kernel reaches, so that nothing is assumed
    of what lies beyond the edges. Only where y is dark along all its edges, for half of the kernel's side,
    it is taken to be dark beyond them, too. A pixel that the kernel moves out of the picture, all but a
    millionth of its light, keeps its value.

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
        As in `gaussian_blur`, but that opacity stays as it is. Colours are divided by the deconvolved
        opacity; where less of that comes out than a pixel has, its own colour is added for the rest.

    Returns
    -------
    numpy.ndarray or PIL.Image.Image
        The same kind, shape and dtype as `image`.

    Raises
    ------
    ValueError, TypeError
        If `image` is not one, the kernel has no positive sum, or, for "richardson_lucy", a tap or a pixel
        is negative or not finite. Pixels above -1e-6 times the largest count as 0, as rounding makes such
        in a blur.

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
    largest = float(np.abs(taps).max()) or 1.0
    taps /= largest  # so that no sum overflows
    total = float(taps.sum())
    if total <= 0:
        raise ValueError(
            f"kernel sums to {total * largest:g}; pass one with a positive sum, that of a blur"
        )
    settings = Settings(boundary, alpha=alpha, method=method, workers=workers)
    if algorithm == "wiener":
        step = _wiener(taps / total, noise, linear)
    else:
        if boundary != "reflect":
            raise ValueError(
                f"boundary={boundary!r} has no effect with Richardson-Lucy, which looks for what lies "
                f"beyond the edges; leave it out"
            )
        if (taps < 0).any():
            raise ValueError(
                "kernel has negative taps, of which Richardson-Lucy takes none; pass algorithm='wiener'"
            )
        repeats = check_count("iterations", iterations)
        undo = partial(_richardson_lucy, taps=taps / total, iterations=repeats, settings=settings)
        step = Step(((),), transform=undo, in_light=linear, keeps_opacity=True)
    return process(image, [step], settings)


def _wiener(taps: Array, noise: float, in_light: InLight) -> Step:
    power = check_finite("noise", noise)
    if not power > 0:
        raise ValueError(f"noise={noise!r} is not accepted; pass a number above 0")
    return linear(wiener_kernel(taps, power), in_light=in_light, keeps_opacity=True)


def wiener_kernel(taps: Array, noise: float) -> Array:
    """Return taps, to be laid on an image as written, that undo a convolution with `taps` of sum 1.

    They are computed on a ring of pixels, which is made longer along each axis until they vanish far from
    its ends. On the longest ring they fade out towards its ends, if they do not vanish by themselves: the
    response is then that of the formula, smoothed over neighbouring frequencies.
    """
    longest = _longest_ring(max(taps.shape))
    ring = [max(_SHORTEST_RING, _power_of_two(2 * size)) if size > 1 else 1 for size in taps.shape]
    while True:
        inverse = _inverse_on_ring(taps, noise, ring)
        magnitudes = np.abs(inverse)
        reaches = [_reach(magnitudes.sum(axis=1 - axis)) for axis in (0, 1)]
        longer = [
            2 * side if reach >= side // 4 and 1 < side < longest else side
            for side, reach in zip(ring, reaches, strict=True)
        ]
        if longer == ring:
            break
        ring = longer
    down, along = (_fading(reach, side) for reach, side in zip(reaches, ring, strict=True))
    window = np.outer(down, along)
    rows, columns = (
        slice(side // 2 - reach, side // 2 + reach + 1) for side, reach in zip(ring, reaches, strict=True)
    )
    found = window * np.flip(inverse[rows, columns])
    # What a sum of 1 lacks is added, and not multiplied: of a filter cut short, the sum may be near 0.
    return np.ascontiguousarray(found + (1 - found.sum()) / window.sum() * window)


def _inverse_on_ring(taps: Array, noise: float, ring: list[int]) -> Array:
    """Return the filter with the least mean square error, its origin at half of each side."""
    spectrum = np.fft.rfft2(taps, ring)
    power = spectrum.real**2 + spectrum.imag**2
    inverse = np.fft.irfft2((1 + noise) * np.conj(spectrum) / (power + noise), ring)
    # A point was spread around the tap that `same` takes for the middle, so that tap is the origin.
    shifts = [side // 2 + (size - 1) // 2 for side, size in zip(ring, taps.shape, strict=True)]
    return np.roll(inverse, shifts, (0, 1))


def _longest_ring(size: int) -> int:
    """Return six sides of the kernel if that is not too slow, and two in any case."""
    return max(int(np.clip(_power_of_two(6 * size), *_LONG_RINGS)), _power_of_two(2 * size))


def _power_of_two(at_least: int) -> int:
    return 1 << (at_least - 1).bit_length()


def _reach(magnitudes: Array) -> int:
    """Return how far from the middle of a line its taps matter, within what it has on both sides."""
    middle = len(magnitudes) // 2
    at_distance = np.bincount(np.abs(np.arange(len(magnitudes)) - middle), magnitudes)
    from_distance = at_distance[::-1].cumsum()[::-1]
    matter = int(np.count_nonzero(from_distance > _LEFT_OUT * from_distance[0]))
    return min(matter, (len(magnitudes) + 1) // 2) - 1


def _fading(reach: int, side: int) -> Array:
    """Return ones, or if taps matter to the ends of the ring, a raised cosine over the outer half."""
    distance = np.abs(np.arange(-reach, reach + 1)) / (reach + 1)
    outer = np.maximum(2 * distance - 1, 0) if 2 * (reach + 1) == side else np.zeros_like(distance)
    return np.asarray(0.5 + 0.5 * np.cos(np.pi * outer))


def _richardson_lucy(pixels: Array, taps: Array, iterations: int, settings: Settings) -> Array:
    """Find the likeliest image, each colour by itself."""
    largest = pixels.max()
    if not np.isfinite(pixels).all() or pixels.min() < -_NEGATIVE * largest:
        raise ValueError(
            "image has negative, NaN or infinite pixels, of which Richardson-Lucy takes none (negative "
            f"ones above {-_NEGATIVE:g} times the largest count as 0); replace them first, such ones by 0"
        )
    reach = [span // 2 for span in taps.shape]
    found = np.empty_like(pixels)
    for plane, out in zip(_planes(pixels), _planes(found), strict=True):
        peak = float(plane.max())
        if peak == 0:
            out[...] = 0
            continue
        observed = np.maximum(plane.astype(np.float64), 0) / peak
        margins = reach if _is_dark_within(observed, reach) else [0] * observed.ndim
        whole = np.pad(observed, [(margin, margin) for margin in margins])
        likeliest = _likeliest(whole, taps, iterations, settings)[_inside(observed.shape, margins)]
        with np.errstate(over="ignore"):  # beyond the range of the dtype, the largest number
            out[...] = np.minimum(peak * likeliest, np.finfo(out.dtype).max)
    return found


def _planes(pixels: Array) -> list[Array]:
    return [pixels] if pixels.ndim == 2 else [pixels[..., channel] for channel in range(pixels.shape[2])]


def _inside(shape: tuple[int, ...], margins: Sequence[int]) -> tuple[slice, ...]:
    """Return where a picture of this shape lies in a larger one."""
    return tuple(slice(margin, margin + size) for margin, size in zip(margins, shape, strict=True))


def _is_dark_within(observed: Array, margins: Sequence[int]) -> bool:
    """Whether all light lies inside of these margins."""
    lit = observed > _NEGATIVE
    inner = tuple(slice(margin, -margin or None) for margin in margins)
    return bool(np.count_nonzero(lit) == np.count_nonzero(lit[inner]))


def _likeliest(observed: Array, taps: Array, iterations: int, settings: Settings) -> Array:
    """Find the likeliest image of which `observed`, with a largest pixel of 1, was seen through a blur.

    This is computed in float64. In float32, rounding in transforms exceeds the light that reaches the
    picture from most of what lies beyond its edges.
    """
    method, workers = settings.method, settings.workers
    seen = _seen(taps, observed.shape)
    is_seen = seen > _LEAST_SEEN
    inverse = np.divide(1, seen, out=seen, where=is_seen)
    inverse[~is_seen] = 0
    # Flat, as a pixel that is once 0 stays so; of any level, as the first step is the same for all.
    whole = is_seen.astype(np.float64)
    for _ in range(iterations):
        model = np.asarray(convolve(whole, taps, mode="valid", method=method, workers=workers))
        np.maximum(model, _ROUNDING, out=model)
        ratio = np.divide(observed, model, out=model)
        factor = np.asarray(correlate(ratio, taps, mode="full", method=method, workers=workers))
        np.maximum(factor, 0, out=factor)
        factor *= inverse
        whole *= factor
    picture = _inside(observed.shape, [span // 2 for span in taps.shape])
    return np.where(is_seen[picture], whole[picture], observed)  # unseen pixels keep their value


def _seen(taps: Array, shape: tuple[int, ...]) -> Array:
    """Return which share of the light of each pixel of the whole reaches a picture of this shape.

    No transform has a part in these sums of taps: rounding errors stay far below `_LEAST_SEEN`.
    """
    sums = np.pad(taps.cumsum(0).cumsum(1), ((1, 0), (1, 0)))  # of all taps above and to the left
    for axis, (size, span) in enumerate(zip(shape, taps.shape, strict=True)):
        places = np.arange(size + span - 1)
        first, last = np.maximum(span - 1 - places, 0), np.minimum(span - 1 - places + size, span)
        sums = sums.take(last, axis) - sums.take(first, axis)
    return sums
