"""Pictures of kernels, and of images before and after."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fftconv._arguments import read_array
from fftconv._checks import check_text, read_list, read_names
from fftconv._pictures import BLUE, GREY, new_figure
from fftconv.plotting.signals import read_real

Array = np.ndarray[Any, np.dtype[Any]]

_TRANSFORM = 256  # points along each axis of a frequency response, at least
_MOST_SHOWN = 1200  # pixels along a side of an image that is drawn
_BOTH_SIGNS = "RdBu_r"
_LONG = 4  # times as many taps along one axis as along the other
_KERNELS_IN_A_ROW = 2  # each with its frequency response
_IMAGE_INCHES, _KERNEL_INCHES = 4.2, 2.0  # heights of rows


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
    check_text("title", title)
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
    rows = -(-len(maps) // _KERNELS_IN_A_ROW)
    heights = [_IMAGE_INCHES, _KERNEL_INCHES * rows][: 1 + bool(maps)]
    figure = new_figure(10, sum(heights))
    images, *below = figure.subfigures(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
    for ax, picture, title in zip(images.subplots(1, 2), shown, titles, strict=True):
        ax.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        ax.set(title=title, xticks=(), yticks=())
        ax.spines[:].set_color(GREY)  # of what is white, too
    if below:
        across = min(len(maps), _KERNELS_IN_A_ROW)
        places = below[0].subplots(rows, 2 * across, squeeze=False).ravel()
        for number, taps in enumerate(maps):
            left, right = places[2 * number : 2 * number + 2]
            _draw_map(below[0], left, right, taps, is_small=True)
        for empty in places[2 * len(maps) :]:
            empty.set_axis_off()
    check_text("caption", caption)
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


def _draw_map(figure: Any, left: Any, right: Any, taps: Array, *, is_small: bool = False) -> None:
    largest = float(np.abs(taps).max()) or 1.0
    is_long = max(taps.shape) > _LONG * min(taps.shape)  # which would be a thin line in squares
    drawn = left.imshow(
        taps,
        cmap=_BOTH_SIGNS,
        vmin=-largest,
        vmax=largest,
        interpolation="nearest",
        aspect="auto" if is_long else "equal",
    )
    if is_long:
        left.set_box_aspect(1)
    for axis, count in ((left.yaxis, taps.shape[0]), (left.xaxis, taps.shape[1])):
        axis.set_ticks([0] if count == 1 else (0, count - 1) if is_small else _whole_places(count))
    points = [max(_TRANSFORM, 2 * side) for side in taps.shape]
    gain = np.abs(np.fft.fftshift(np.fft.fft2(taps, points)))
    around = (-0.5, 0.5, 0.5, -0.5)
    response = right.imshow(gain, cmap="cividis", vmin=0, extent=around, interpolation="nearest")
    right.set_xticks((-0.5, 0, 0.5))
    right.set_yticks((-0.5, 0, 0.5))
    if is_small:
        _add_words(figure, left, drawn, _said_of(taps))
        _add_words(figure, right, response, "gain, cycles per pixel")
        return
    left.set(xlabel="column", ylabel="row")
    right.set(xlabel="cycles per pixel", ylabel="cycles per pixel")
    figure.colorbar(drawn, ax=left, label="weight", shrink=0.8)
    figure.colorbar(response, ax=right, label="gain", shrink=0.8)


def _add_words(figure: Any, ax: Any, shown: Any, title: str) -> None:
    """Add a title in small letters and a scale that is as high as the map, so that they do not meet."""
    scale = figure.colorbar(shown, cax=ax.inset_axes((1.05, 0, 0.07, 1)))
    scale.ax.locator_params(axis="y", nbins=3)
    ax.set_title(title, fontsize="x-small")
    for each in (ax, scale.ax):
        each.tick_params(labelsize="xx-small")


def _whole_places(count: int) -> range:
    """Return at most six places of taps from the first on."""
    return range(0, count, -(-count // 6))


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
    return f"{size} taps, sum {round(float(taps.sum()), 6) + 0.0:.4g}"  # + 0.0: not -0
