"""The sliding picture: f, g turned around and moved along, their product, and its sum as one output."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from fftconv._arguments import Array
from fftconv._checks import check_count, check_finite, read_names, read_numbers, shown
from fftconv._files import StrPath, check_target, complete_file, read_path
from fftconv._geometry import Geometry, Mode, geometry
from fftconv._names import check_name
from fftconv._pictures import BLUE, GREY, ORANGE, PURPLE, RED, import_matplotlib, new_figure
from fftconv.convolution import convolve
from fftconv.plotting.signals import read_real

_MOST_STEMS = 40  # samples that are drawn one by one
_ASIDE = 0.06  # of a step, by which stems of f and g stand apart
_DPI, _COLOURS = 90, 96  # of moving pictures
_MOST_NUMBERS = 12  # pixels along a side of an image whose numbers are written into it
_BOTH_SIGNS = "RdBu_r"


@dataclass(frozen=True, slots=True, eq=False)
class SlidingFrame:
    """One position of the kernel.

    Attributes
    ----------
    at : tuple of float
        The output, in the units of the axes.
    index : tuple of int
        The same as an index into the output.
    product : numpy.ndarray
        f times g turned around and moved to `at`, in the shape of f.
    total : float
        The sum of it, times the step: the output.
    """

    at: tuple[float, ...]
    index: tuple[int, ...]
    product: Array
    total: float


@dataclass(frozen=True, slots=True, eq=False)
class _Slide:
    """What slides over what."""

    f: Array
    g: Array
    layout: Geometry
    starts: tuple[float, float]
    step: float
    labels: tuple[str, str]
    output: Array

    @property
    def largest(self) -> float:
        """Magnitude of an output."""
        return float(np.abs(self.output).max())

    @property
    def places(self) -> list[Array]:
        """Where the outputs stand, along each axis."""
        first = sum(self.starts)
        return [first + self.step * np.arange(window.start, window.stop) for window in self.layout.windows]

    def frame(self, index: tuple[int, ...]) -> SlidingFrame:
        """The products that make this output."""
        product = np.zeros_like(self.f)
        here: list[Any] = []
        there: list[Any] = []
        for place, window in zip(index, self.layout.windows, strict=True):
            output = window.start + place
            low, high = max(output - window.taps + 1, 0), min(output + 1, window.size)
            here.append(slice(low, high))
            taps = output - np.arange(low, high)
            there.append(taps)
        product[tuple(here)] = self.f[tuple(here)] * self.g[np.ix_(*there)]
        at = tuple(float(places[place]) for places, place in zip(self.places, index, strict=True))
        return SlidingFrame(at, index, product, float(product.sum()) * self.step**self.f.ndim)


def plot_sliding(
    f: ArrayLike,
    g: ArrayLike,
    at: float | Sequence[float] | None = None,
    *,
    mode: Mode | None = None,
    step: float = 1.0,
    starts: tuple[float, float] = (0.0, 0.0),
    labels: tuple[str, str] = ("f", "g"),
) -> Any:
    r"""Draw how one output of a convolution comes about.

    .. math:: (f * g)(c) = \sum_a f(a) \, g(c - a) \, \Delta

    g is turned around and moved to c; where it lies on f both are multiplied; the sum is the output at c.

    Parameters
    ----------
    f, g : array_like, shape (n,) and (m,), or (rows, columns) each
        Real numbers: a signal and a kernel, two distributions, an image and a kernel.
    at : float, or two of them, optional
        The output c; by default the largest one.
    mode : {"full", "same", "valid"}, optional
        As in `convolve`; by default "full", and "valid" for images.
    step : float, default 1
        :math:`\Delta`, the distance of neighbouring samples. With another than 1 the sum is an integral.
    starts : tuple of float, default (0, 0)
        Where the first samples of f and g stand.
    labels : tuple of str, default ("f", "g")
        Names of the two.

    Returns
    -------
    matplotlib.figure.Figure
        Displayed by a notebook; ``figure.savefig("sliding.png")`` writes it.

    Raises
    ------
    ValueError, TypeError
        If the arrays are not real or not of one or two axes each, or `at` is no output.
    ImportError
        If Matplotlib is missing.

    See Also
    --------
    animate_sliding : The same, moving.

    References
    ----------
    .. [1] C. Olah, Understanding Convolutions, 2014,
       https://colah.github.io/posts/2014-07-Understanding-Convolutions/

    Examples
    --------
    The ways in which two throws come to 3:

    >>> from fftconv import plotting
    >>> figure = plotting.plot_sliding([0.4, 0.3, 0.2, 0.1], [0.1, 0.2, 0.3, 0.4], at=3)
    >>> figure.axes[1].get_title()
    'f(a) · g(3 − a), sum 0.3'
    """
    slide = _read(f, g, mode, step, starts, labels)
    frame = slide.frame(_index(slide, at))
    scene = _scene(slide)
    scene.show(frame)
    return scene.figure


def animate_sliding(
    f: ArrayLike,
    g: ArrayLike,
    *,
    mode: Mode | None = None,
    step: float = 1.0,
    starts: tuple[float, float] = (0.0, 0.0),
    labels: tuple[str, str] = ("f", "g"),
    frames: int = 60,
) -> SlidingAnimation:
    """Let g slide over f, and the output fill in.

    Parameters
    ----------
    f, g, mode, step, starts, labels
        As in `plot_sliding`.
    frames : int, default 60
        Pictures at most; outputs between them are left out.

    Returns
    -------
    SlidingAnimation
        Displayed by a notebook; ``.save("sliding.gif")`` writes it.

    Raises
    ------
    ValueError, TypeError, ImportError
        As `plot_sliding`.

    Examples
    --------
    Two boxes give a triangle:

    >>> from fftconv import plotting
    >>> moving = plotting.animate_sliding([1, 1, 1], [1, 1, 1])
    >>> [frame.total for frame in moving.frames]
    [1.0, 2.0, 3.0, 2.0, 1.0]
    >>> moving
    SlidingAnimation(5 frames of f ∗ g)
    """
    most = check_count("frames", frames)
    slide = _read(f, g, mode, step, starts, labels)
    count = slide.output.size
    chosen = np.unique(np.linspace(0, count - 1, min(most, count)).round().astype(int))
    shown = tuple(
        slide.frame(tuple(int(i) for i in np.unravel_index(number, slide.output.shape)))
        for number in chosen
    )
    return SlidingAnimation(slide, shown)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SlidingAnimation:
    """A kernel that slides, as `animate_sliding` makes it.

    Attributes
    ----------
    frames : tuple of SlidingFrame
        Each with its product and its sum.
    """

    _slide: _Slide
    frames: tuple[SlidingFrame, ...]

    def plot(self, number: int) -> Any:
        """Draw one frame.

        Parameters
        ----------
        number : int
            Which one.

        Returns
        -------
        matplotlib.figure.Figure
        """
        place = check_count("number", number, None)
        if not 0 <= place < len(self.frames):
            raise ValueError(
                f"number={shown(number)} is not accepted; pass one of 0 to {len(self.frames) - 1}, a frame"
            )
        scene = _scene(self._slide)
        scene.show(self.frames[place])
        return scene.figure

    def save(self, path: StrPath, *, frames_per_second: float = 8.0) -> None:
        """Write a GIF that repeats for ever, whole or not at all.

        Parameters
        ----------
        path : path
            Ends in .gif.
        frames_per_second : float, default 8
            From 0.002 to 50; GIF counts in hundredths of a second.
        """
        target = read_path("path", path)
        if target.suffix.lower() != ".gif":
            raise ValueError(f"path={str(path)!r} is not accepted; the name has to end in .gif")
        check_target(target)
        content = self.to_gif(frames_per_second=frames_per_second)
        with complete_file(target) as file:
            file.write(content)

    def to_gif(self, *, frames_per_second: float = 8.0) -> bytes:
        """The GIF itself, as `save` writes it."""
        from PIL import Image  # which drawing alone does not need

        rate = check_finite("frames_per_second", frames_per_second)
        if not 0.002 <= rate <= 50:  # a picture stays for up to 65535 hundredths of a second
            raise ValueError(f"frames_per_second={frames_per_second!r} is not accepted; pass 0.002 to 50")
        scene = _scene(self._slide)
        scene.figure.set_dpi(_DPI)
        canvas = import_matplotlib("backends.backend_agg").FigureCanvasAgg(scene.figure)
        pictures = []
        for frame in self.frames:
            scene.show(frame)
            canvas.draw()
            scene.figure.set_layout_engine("none")  # laid out once; nothing moves from frame to frame
            pictures.append(Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3]))
        # One palette for all, so that nothing flickers: that of the first, the middle and the last.
        some = [np.asarray(pictures[number * (len(pictures) - 1) // 2]) for number in range(3)]
        palette = Image.fromarray(np.concatenate(some)).quantize(_COLOURS)
        shown = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
        file = io.BytesIO()
        pause = round(1000 / rate)
        shown[0].save(
            file,
            "GIF",
            save_all=True,
            append_images=shown[1:],
            duration=[pause] * (len(shown) - 1) + [max(pause, 1500)],
            loop=0,
            optimize=True,
        )
        return file.getvalue()

    def __repr__(self) -> str:
        f, g = self._slide.labels
        return f"SlidingAnimation({len(self.frames)} frames of {f} ∗ {g})"

    def _repr_html_(self) -> str:
        data = base64.b64encode(self.to_gif()).decode()
        f, g = map(html.escape, self._slide.labels)
        return f'<img alt="{g} slides over {f}" src="data:image/gif;base64,{data}">'


def _read(f: ArrayLike, g: ArrayLike, mode: Mode | None, step: float, starts: Any, labels: Any) -> _Slide:
    """Checked arrays, and their convolution."""
    first, second = read_real("f", f, (1, 2)), read_real("g", g, (1, 2))
    if first.ndim != second.ndim:
        raise ValueError(f"f has shape {first.shape} and g {second.shape}; give them equally many axes")
    size = ("full" if first.ndim == 1 else "valid") if mode is None else mode
    check_name("mode", size)
    distance = check_finite("step", step)
    if distance <= 0:
        raise ValueError(f"step={step!r} is not accepted; pass a distance above 0")
    accepted = "two of each, finite numbers for f and g"
    if not isinstance(starts, (Sequence, np.ndarray)):
        raise TypeError(f"starts={shown(starts)} is not accepted; pass {accepted}")
    origin = read_numbers("starts", starts, 2, accepted)
    # A dollar sign would begin a formula.
    names = tuple(name.replace("$", r"\$") for name in read_names("labels", labels, 2))
    ones = (1,) * first.ndim
    layout = geometry(first.shape, second.shape, tuple(range(first.ndim)), size, ones, ones)
    with np.errstate(over="ignore", invalid="ignore"):
        output = np.asarray(convolve(first, second, mode=size)) * np.float64(distance) ** first.ndim
    if not np.isfinite(output).all():
        raise ValueError(f"step={step!r} makes sums beyond the range of float64; pass less")
    return _Slide(first, second, layout, (origin[0], origin[1]), distance, (names[0], names[1]), output)


def _index(slide: _Slide, at: float | Sequence[float] | None) -> tuple[int, ...]:
    """The output at these places."""
    if at is None:
        return tuple(int(i) for i in np.unravel_index(int(slide.output.argmax()), slide.output.shape))
    places = slide.places
    accepted = f"{len(places)} number{'s' * (len(places) > 1)}, finite, one for each axis"
    wanted = read_numbers("at", at, len(places), accepted)
    found = []
    for place, along in zip(wanted, places, strict=True):
        nearest = int(np.abs(along - place).argmin())
        if not abs(along[nearest] - place) <= slide.step / 2:
            raise ValueError(f"at={at!r} is no output; they stand from {along[0]:g} to {along[-1]:g}")
        found.append(nearest)
    return tuple(found)


class _Scene(Protocol):
    """A figure that shows one frame after another."""

    figure: Any

    def show(self, frame: SlidingFrame) -> None: ...


def _scene(slide: _Slide) -> _Scene:
    return _LineScene(slide) if slide.f.ndim == 1 else _ImageScene(slide)


class _LineScene:
    """f with g on it, their product, and the output so far, under each other."""

    def __init__(self, slide: _Slide) -> None:
        self._slide = slide
        self.figure = new_figure(8, 5.2)
        both, product, output = self.figure.subplots(3, 1, sharex=True)
        self._axes = both, product, output
        f, g = slide.labels
        self._at_f = slide.starts[0] + slide.step * np.arange(slide.f.size)
        (self._at_output,) = slide.places
        self._stems = max(slide.f.size, slide.g.size) <= _MOST_STEMS
        reach = slide.step * (slide.g.size - 1)
        low = min(self._at_f[0], self._at_output[0] - slide.starts[1] - reach)
        high = max(self._at_f[-1], self._at_output[-1])
        pad = (high - low) * 0.03 or 1.0
        both.set_xlim(low - pad, high + pad)
        values = np.concatenate([slide.f, slide.g])
        products = slide.f[:, np.newaxis] * slide.g
        for ax, numbers in ((both, values), (product, products), (output, slide.output)):
            _limit(ax, numbers)
            ax.axhline(0, color=GREY, linewidth=0.8)
            ax.spines[["top", "right"]].set_visible(False)
        aside = _ASIDE * slide.step if self._stems else 0.0  # where they are equal both are seen
        self._draw_f = _Samples(both, self._at_f - aside, slide.f, BLUE, f"{f}(a)", self._stems)
        self._draw_g = _Samples(both, self._at_f[:1], slide.f[:1], ORANGE, f"{g}(c − a)", self._stems)
        self._draw_product = _Samples(product, self._at_f, slide.f, PURPLE, "", self._stems)
        self._draw_output = _Samples(output, self._at_output[:1], slide.output[:1], RED, "", self._stems)
        (self._point,) = output.plot([], [], "o", color=RED, markersize=9, markeredgecolor="black")
        self._line = both.axvline(0, color=GREY, linewidth=0.8, linestyle=":")
        both.legend(frameon=False, loc="upper right", fontsize="small")
        output.set_xlabel("a, and c")

    def show(self, frame: SlidingFrame) -> None:
        slide, (at,) = self._slide, frame.at
        _, product, output = self._axes
        f, g = slide.labels
        turned = at - slide.starts[1] - slide.step * np.arange(slide.g.size)
        turned += _ASIDE * slide.step if self._stems else 0.0
        self._draw_g.show(turned[::-1], slide.g[::-1])
        self._line.set_xdata([at - slide.starts[1]] * 2)
        self._draw_product.show(self._at_f, frame.product)
        done = frame.index[0] + 1
        self._draw_output.show(self._at_output[:done], slide.output[:done])
        self._point.set_data([at], [frame.total])
        what = "sum" if slide.step == 1 else "integral"
        place, total = _text(at, slide.step), _text(frame.total, slide.largest)
        product.set_title(f"{f}(a) · {g}({place} − a), {what} {total}", fontsize="medium")
        output.set_title(f"({f} ∗ {g})({place}) = {total}", fontsize="medium")


class _Samples:
    """Samples of one colour: stems where they are few, a filled line where they are many."""

    def __init__(self, ax: Any, places: Array, values: Array, colour: str, label: str, stems: bool) -> None:
        self._stems = None
        if stems:
            self._stems = ax.vlines(places, 0, values, color=colour, linewidth=2)
        style = "o" if stems else "-"
        (self._line,) = ax.plot(places, values, style, color=colour, label=label or None)
        self._fill = None if stems else ax.fill_between(places, values, color=colour, alpha=0.25)

    def show(self, places: Array, values: Array) -> None:
        self._line.set_data(places, values)
        if self._stems is not None:
            self._stems.set_segments([[(x, 0), (x, y)] for x, y in zip(places, values, strict=True)])
        if self._fill is not None:
            self._fill.set_data(places, values, 0)


class _ImageScene:
    """The image with the kernel on it, the kernel as it lies there, and the output so far."""

    def __init__(self, slide: _Slide) -> None:
        self._slide = slide
        rectangle = import_matplotlib("patches").Rectangle
        self.figure = new_figure(10, 4.2)
        image, kernel, output = self.figure.subplots(1, 3, width_ratios=[3, 1.6, 3])
        self._axes = image, kernel, output
        f, g = slide.labels
        rows, columns = slide.layout.windows
        low, high = slide.f.min(), slide.f.max()
        image.imshow(slide.f, cmap="gray", vmin=low, vmax=high if high > low else low + 1)
        image.set_title(f)
        self._outline = rectangle((0, 0), columns.taps, rows.taps, fill=False, color=ORANGE, linewidth=2.5)
        image.add_patch(self._outline)
        image.set_xlim(columns.reads[0] - 0.5, max(columns.size, columns.stop) - 0.5)
        image.set_ylim(max(rows.size, rows.stop) - 0.5, rows.reads[0] - 0.5)
        largest = float(np.abs(slide.g).max()) or 1.0
        kernel.imshow(slide.g[::-1, ::-1], cmap=_BOTH_SIGNS, vmin=-largest, vmax=largest)
        kernel.set_title(f"{g}, turned around", fontsize="medium")
        if max(slide.g.shape) <= _MOST_NUMBERS:
            for (row, column), weight in np.ndenumerate(slide.g[::-1, ::-1]):
                ink = "white" if abs(weight) > 0.6 * largest else "black"
                kernel.text(
                    column,
                    row,
                    _text(weight, largest),
                    ha="center",
                    va="center",
                    fontsize="small",
                    color=ink,
                )
        self._shown = np.full(slide.output.shape, np.nan)
        least, most = float(slide.output.min()), float(slide.output.max())
        colours = {"cmap": "gray", "vmin": least, "vmax": most if most > least else least + 1}
        if least < 0 < most:
            widest = max(-least, most)
            colours = {"cmap": _BOTH_SIGNS, "vmin": -widest, "vmax": widest}
        self._picture = output.imshow(self._shown, **colours)
        output.set_facecolor("#E8E8E8")
        self._here = rectangle((0, 0), 1, 1, fill=False, color=ORANGE, linewidth=2.5)
        output.add_patch(self._here)
        for ax in self._axes:
            ax.set(xticks=[], yticks=[])

    def show(self, frame: SlidingFrame) -> None:
        slide, (row, column) = self._slide, frame.index
        _, kernel, output = self._axes
        rows, columns = slide.layout.windows
        corner = columns.start + column - columns.taps + 1, rows.start + row - rows.taps + 1
        self._outline.set_xy((corner[0] - 0.5, corner[1] - 0.5))
        done = int(np.ravel_multi_index(frame.index, slide.output.shape)) + 1
        self._shown[...] = np.nan
        self._shown.flat[:done] = slide.output.flat[:done]
        self._picture.set_data(self._shown)
        self._here.set_xy((column - 0.5, row - 0.5))
        kernel.set_xlabel(f"sum of products\n{_text(frame.total, slide.largest)}", fontsize="medium")
        f, g = slide.labels
        place = ", ".join(_text(along, slide.step) for along in frame.at)
        total = _text(frame.total, slide.largest)
        output.set_title(f"({f} ∗ {g})({place}) = {total}", fontsize="medium")


def _text(number: float, scale: float) -> str:
    """Four digits, with a minus sign as it is set; what is left of rounding at this scale is 0."""
    return f"{0.0 if abs(number) < 1e-12 * scale else number:.4g}".replace("-", "−")


def _limit(ax: Any, numbers: Array) -> None:
    """So that every frame has the same scale."""
    low, high = min(float(numbers.min()), 0.0), max(float(numbers.max()), 0.0)
    pad = (high - low) * 0.1 or 1.0
    ax.set_ylim(low - pad * (low < 0), high + pad)
