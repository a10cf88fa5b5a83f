"""Pictures of signals under each other, and of a convolution as a matrix."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fftconv._arguments import Array, read_array
from fftconv._checks import check_finite, check_text
from fftconv._pictures import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, new_figure

_COLOURS = (BLUE, RED, GREEN, PURPLE, ORANGE)
_MOST_STEMS = 60  # samples that are drawn one by one
_MOST_ENTRIES = 400  # rows or columns of a matrix that can be told apart


def plot_signals(
    signals: Mapping[str, ArrayLike] | ArrayLike,
    *,
    sample_rate: float | None = None,
    start: float = 0.0,
    title: str = "",
) -> Any:
    r"""Draw signals under each other, on one axis of time.

    Sample n stands at :math:`(start + n) / r` seconds for a sample rate r, or at start + n without one.

    Parameters
    ----------
    signals : dict of str to array_like, or array_like of shape (n,)
        Real signals of one axis and their names. Where all are short they are drawn as stems.
    sample_rate : float, optional
        Samples in a second.
    start : float, default 0
        Where the first sample stands, in samples.
    title : str, optional
        Above all.

    Returns
    -------
    matplotlib.figure.Figure
        Displayed by a notebook; ``figure.savefig("signals.png")`` writes it.

    Raises
    ------
    ValueError
        If a signal is not real, or has more than one axis.
    ImportError
        If Matplotlib is missing.

    Examples
    --------
    >>> from fftconv import audio, plotting
    >>> noisy = [10, 9, 10, 9, 10, 1, 10, 9, 10, 8]
    >>> figure = plotting.plot_signals({"measured": noisy, "smooth": audio.smooth(noisy, 3)})
    >>> [ax.get_title() for ax in figure.axes]
    ['measured', 'smooth']
    """
    given = signals if isinstance(signals, Mapping) else {"": signals}
    if not given:
        raise ValueError("signals is empty; pass at least one")
    drawn = {
        name: read_real(f"signals[{name!r}]" if name else "signals", item, (1,))
        for name, item in given.items()
    }
    first = check_finite("start", start)
    rate = 1.0 if sample_rate is None else check_finite("sample_rate", sample_rate)
    if rate <= 0:
        raise ValueError(f"sample_rate={sample_rate!r} is not accepted; pass samples per second, above 0")
    figure = new_figure(9, 0.8 + 1.5 * len(drawn))
    check_text("title", title)
    if title:
        figure.suptitle(title)
    rows = figure.subplots(len(drawn), 1, sharex=True, squeeze=False)[:, 0]
    stems = max(samples.size for samples in drawn.values()) <= _MOST_STEMS
    for number, (ax, (name, samples)) in enumerate(zip(rows, drawn.items(), strict=True)):
        ax.set_title(name, fontsize="medium")
        with np.errstate(over="ignore"):
            places = (first + np.arange(samples.size)) / rate
        if not np.isfinite(places).all():
            raise ValueError(f"sample_rate={sample_rate!r} makes times beyond all floats; pass more")
        colour = _COLOURS[number % len(_COLOURS)]
        if stems:
            ax.stem(places, samples, linefmt=colour, markerfmt="o", basefmt=GREY)
        else:
            ax.plot(places, samples, color=colour, linewidth=1)
        ax.spines[["top", "right"]].set_visible(False)
    rows[-1].set_xlabel("sample" if sample_rate is None else "seconds")
    return figure


def plot_toeplitz(matrix: Any, *, title: str = "") -> Any:
    """Draw a convolution as a matrix: the same weights in every row, one place further on.

    Parameters
    ----------
    matrix : scipy.sparse array, or array_like of two axes
        As from `layers.toeplitz_matrix`; red is positive, blue negative, white is 0.
    title : str, optional
        Above it; by default what there is to count.

    Returns
    -------
    matplotlib.figure.Figure
        As from `plot_signals`.

    Raises
    ------
    ValueError
        If it has more rows or columns than can be told apart.
    ImportError
        If Matplotlib is missing.

    Examples
    --------
    >>> from fftconv import layers, plotting
    >>> figure = plotting.plot_toeplitz(layers.toeplitz_matrix([1, 2], 10))
    >>> figure.axes[0].get_title()
    '11 × 10, 20 of 110 entries not zero, 2 different weights'
    """
    is_sparse = hasattr(matrix, "toarray")
    shape = matrix.shape if is_sparse else read_array("matrix", matrix).shape
    if max(shape, default=0) > _MOST_ENTRIES:  # before it is made dense
        raise ValueError(
            f"matrix has shape {shape}; no more than {_MOST_ENTRIES} rows and columns can be told "
            f"apart; pass a part of it"
        )
    check_text("title", title)
    entries = read_real("matrix", matrix.toarray() if is_sparse else matrix, (2,))
    figure = new_figure(7, 1 + 6 * min(entries.shape[0] / entries.shape[1], 1.2))
    ax = figure.subplots()
    largest = float(np.abs(entries).max()) or 1.0
    drawn = ax.imshow(entries, cmap="RdBu_r", vmin=-largest, vmax=largest, interpolation="nearest")
    there = np.count_nonzero(entries)
    counted = (
        f"{entries.shape[0]} × {entries.shape[1]}, {there} of {entries.size} entries not zero, "
        f"{np.unique(entries[entries != 0]).size} different weights"
    )
    ax.set(title=title or counted, xlabel="sample", ylabel="output")
    figure.colorbar(drawn, ax=ax, label="weight", shrink=0.8)
    return figure


def read_real(name: str, value: Any, dimensions: tuple[int, ...]) -> Array:
    """An array of real numbers, as float64."""
    array = read_array(name, value)
    if array.ndim not in dimensions or array.dtype.kind not in "biuf":
        axes = " or ".join(map(str, dimensions))
        raise ValueError(
            f"{name} has shape {array.shape} and dtype {array.dtype}; pass real numbers along {axes} axes"
        )
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds NaN or infinity, which cannot be drawn; replace it")
    return array.astype(np.float64)
