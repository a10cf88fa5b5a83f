"""Pictures of kernels, and of images before and after."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fftconv._arguments import read_array
from fftconv._checks import read_list, read_names
from fftconv._pictures import BLUE, GREY, new_figure
from fftconv.plotting.signals import read_real

Array = np.ndarray[Any, np.dtype[Any]]

_TRANSFORM = 256  # points along each axis of a frequency response, at least
_MOST_SHOWN = 1200  # pixels along a side of an image that is drawn
_BOTH_SIGNS = "RdBu_r"


def plot_kernel(kernel: ArrayLike, *, title: str = "") -> Any:
    r"""Draw a kernel and what it does to each frequency.

    .. math:: |K(f)| = \left|\sum_i k[i] \, e^{-2 \pi j f i}\right|

    Parameters
    ----------
    kernel : array_like, shape (m,) or (rows, columns)
        Real taps; drawn as stems or, in two dimensions, as a map in which red is positive, blue negative.
    title : str, optional
        Above it.

    Returns
    -------
    matplotlib.figure.Figure
        Displayed by a notebook; ``figure.savefig("kernel.png")`` writes it.

    Raises
    ------
    ValueError
        If the kernel is not real, or has more than two axes.
    ImportError
        If Matplotlib is missing.

    References
    ----------
    .. [1] A. V. Oppenheim, R. W. Schafer, Discrete-Time Signal Processing, 3rd ed., 2010, section 2.6.

    Examples
    --------
    >>> from fftconv import kernels, plotting
    >>> figure = plotting.plot_kernel(kernels.sobel())
    >>> [ax.get_title() for ax in figure.axes][:2]
    ['3 × 3 taps, sum 0', 'frequency response']
    """
    taps = read_real("kernel", kernel, (1, 2))
    figure = new_figure(9, 4)
    left, right = figure.subplots(1, 2)
    if title:
        figure.suptitle(title)
    left.set_title(_said_of(taps))
    right.set_title("frequency response")
    draw = _draw_line if taps.ndim == 1 else _draw_map
    draw(figure, left, right, taps)
    return figure


def plot_image_pair(
    before: ArrayLike,
    after: ArrayLike,
    *,
    kernels: Sequence[ArrayLike] = (),
    titles: Sequence[str] = ("before", "after"),
    caption: str = "",
) -> Any:
    """Draw an image and what became of it side by side, with the kernels that did it.

    Parameters
    ----------
    before, after : array_like, shape (height, width) or (height, width, channels)
        uint8, uint16, or floats from 0 to 1; other numbers are drawn from their least to their largest.
    kernels : sequence of array_like, optional
        Drawn below.
    titles : tuple of str
        Above the images.
    caption : str, optional
        Below everything, such as the method.

    Returns
    -------
    matplotlib.figure.Figure
        As from `plot_kernel`.

    Raises
    ------
    ValueError
        If an image has another shape.
    ImportError
        If Matplotlib is missing.

    Examples
    --------
    >>> import numpy as np
    >>> from fftconv import image, kernels, plotting
    >>> picture = image.read("samples/picture.png")
    >>> taps = kernels.gaussian((3, 3))
    >>> figure = plotting.plot_image_pair(picture, image.apply_kernel(picture, taps), kernels=[taps])
    >>> [ax.get_title() for ax in figure.axes][:3]
    ['before', 'after', '25 × 25 taps, sum 1']
    """
    shown = [_displayable(name, image) for name, image in (("before", before), ("after", after))]
    given = read_list("kernels", kernels, "a sequence of kernels")
    maps = [read_real(f"kernels[{number}]", kernel, (2,)) for number, kernel in enumerate(given)]
    titles = read_names("titles", titles, 2)
    figure = new_figure(10, 6.2 if maps else 4.2)
    images, *below = figure.subfigures(
        2 if maps else 1, 1, squeeze=False, height_ratios=[2, 1][: 1 + bool(maps)]
    )[:, 0]
    for ax, picture, title in zip(images.subplots(1, 2), shown, titles, strict=True):
        ax.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        ax.set_title(title)
        ax.set_axis_off()
    if below:
        places = below[0].subplots(1, 2 * len(maps), squeeze=False)[0]
        for number, taps in enumerate(maps):
            left, right = places[2 * number : 2 * number + 2]
            left.set_title(_said_of(taps), fontsize="small")
            right.set_title("frequency response", fontsize="small")
            _draw_map(below[0], left, right, taps)
    if caption:
        figure.supxlabel(caption, fontsize="small")
    return figure


def _draw_line(figure: Any, left: Any, right: Any, taps: Array) -> None:
    left.stem(np.arange(taps.size), taps, linefmt=BLUE, markerfmt="o", basefmt=GREY)
    left.set(xlabel="tap", ylabel="weight")
    points = max(_TRANSFORM, 4 * taps.size)
    right.plot(np.fft.rfftfreq(points), np.abs(np.fft.rfft(taps, points)), color=BLUE)
    right.set(xlabel="cycles per sample", ylabel="gain", xlim=(0, 0.5))
    right.set_ylim(bottom=0)


def _draw_map(figure: Any, left: Any, right: Any, taps: Array) -> None:
    largest = float(np.abs(taps).max()) or 1.0
    drawn = left.imshow(taps, cmap=_BOTH_SIGNS, vmin=-largest, vmax=largest, interpolation="nearest")
    left.set(xlabel="column", ylabel="row")
    figure.colorbar(drawn, ax=left, label="weight", shrink=0.8)
    points = [max(_TRANSFORM, 2 * side) for side in taps.shape]
    gain = np.abs(np.fft.fftshift(np.fft.fft2(taps, points)))
    around = (-0.5, 0.5, 0.5, -0.5)
    drawn = right.imshow(gain, cmap="cividis", vmin=0, extent=around, interpolation="nearest")
    right.set(xlabel="cycles per pixel", ylabel="cycles per pixel")
    figure.colorbar(drawn, ax=right, label="gain", shrink=0.8)


def _displayable(name: str, image: ArrayLike) -> Array:
    """Floats from 0 to 1, of grey or RGB or RGBA, of no more pixels than can be seen."""
    pixels = read_array(name, image)
    if pixels.dtype.kind not in "biuf":
        raise ValueError(f"{name} has dtype {pixels.dtype}; pass real numbers")
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] not in (1, 2, 3, 4)):
        raise ValueError(
            f"{name} has shape {pixels.shape}; accepted are (height, width) and "
            f"(height, width, 1 to 4 channels)"
        )
    step = -(-max(pixels.shape[:2]) // _MOST_SHOWN)
    pixels = pixels[::step, ::step]
    if pixels.dtype in (np.uint8, np.uint16):
        numbers = pixels / float(np.iinfo(pixels.dtype).max)
    else:
        finite = pixels.astype(np.float64)
        finite[~np.isfinite(finite)] = 0
        low, high = float(finite.min()), float(finite.max())
        numbers = finite if low >= 0 and high <= 1 else (finite - low) / ((high - low) or 1.0)
    if numbers.ndim == 3 and numbers.shape[2] < 3:  # grey, with opacity perhaps
        grey, rest = numbers[..., :1], numbers[..., 1:]
        numbers = np.concatenate([grey, grey, grey, rest], axis=-1)
    return np.asarray(numbers)


def _said_of(taps: Array) -> str:
    size = " × ".join(str(side) for side in taps.shape)
    return f"{size} taps, sum {round(float(taps.sum()), 6):.4g}"
