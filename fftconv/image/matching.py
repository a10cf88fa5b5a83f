"""Where a small picture is in a large one."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image

from fftconv._arguments import read_array
from fftconv._matching import check_threshold, match_scores, read_numbers
from fftconv.image.pixels import Array, pixels_of


class TemplatePeak(NamedTuple):
    """A place where a template was found."""

    row: int
    column: int
    score: float


class TemplateMatches(NamedTuple):
    """How alike a template and each part of an image are, and the places where they are most."""

    scores: Array
    """For each place of the template's upper left corner, from -1 to 1."""
    peaks: list[TemplatePeak]
    """Best first."""


def match_template(
    image: Any, template: Any, *, mask: ArrayLike | None = None, threshold: float = 0.8
) -> TemplateMatches:
    r"""Find a small picture in a large one, however bright and however rich in contrast.

    .. math:: r[p] = \frac{\sum_i w[i] \, \hat t[i] \, x[p + i]}
              {\sqrt{\sum_i w[i] \, \hat t[i]^2} \, \sqrt{\sum_i w[i] \, (x[p + i] - \bar x_p)^2}}

    with :math:`\hat t = t - \bar t`, means weighted with the mask w, and channels added up. Where the image
    is flat, r is 0.

    Parameters
    ----------
    image : array_like or PIL.Image.Image, shape (height, width) or (height, width, channels)
        Where to look; real, finite numbers.
    template : array_like or PIL.Image.Image
        What to look for: not larger, with as many channels, and not flat.
    mask : array_like, shape (height, width) of the template, optional
        How much each of its pixels counts: booleans, or weights from 0 to 1.
    threshold : float, default 0.8
        Least score of a peak, above 0.

    Returns
    -------
    TemplateMatches
        `scores`, float64 of shape (height - rows + 1, width - columns + 1), and `peaks`, places that no
        better one is near to, half a template away.

    Raises
    ------
    ValueError, TypeError
        If a shape does not fit, the template is flat, or a number is not accepted.

    References
    ----------
    J. P. Lewis, "Fast normalized cross-correlation", Vision Interface (1995) 120-123.

    Examples
    --------
    >>> from fftconv import image
    >>> picture = image.read("samples/picture.png")
    >>> rings = picture[600:660, 690:750]
    >>> image.match_template(picture, rings).peaks[0][:2]
    (600, 690)
    """
    least = check_threshold(threshold)
    pixels, wanted = _numbers("image", image), _numbers("template", template)
    if pixels.ndim != wanted.ndim or pixels.shape[2:] != wanted.shape[2:]:
        raise ValueError(
            f"template has shape {wanted.shape} and the image {pixels.shape}; pass both with "
            "the same channels"
        )
    if any(small > large for small, large in zip(wanted.shape, pixels.shape, strict=True)):
        raise ValueError(f"template has shape {wanted.shape}, larger than the image, {pixels.shape}")
    scores = match_scores(pixels, wanted, _weights(mask, wanted.shape)).reshape(
        [n - m + 1 for n, m in zip(pixels.shape[:2], wanted.shape[:2], strict=True)]
    )
    return TemplateMatches(scores, _peaks(scores, wanted.shape, least))


def _peaks(scores: Array, shape: tuple[int, ...], threshold: float) -> list[TemplatePeak]:
    """The best places, each at least half a template from every better one; of equal ones the first."""
    from scipy.ndimage import maximum_filter

    down, along = (side // 2 for side in shape[:2])
    highest = maximum_filter(scores, (2 * down + 1, 2 * along + 1), mode="nearest")
    places = np.argwhere((scores >= threshold) & (scores == highest))
    near = np.zeros(scores.shape, bool)
    peaks = []
    for row, column in places[np.argsort(-scores[tuple(places.T)], kind="stable")]:
        if not near[row, column]:
            near[max(row - down, 0) : row + down + 1, max(column - along, 0) : column + along + 1] = True
            peaks.append(TemplatePeak(int(row), int(column), float(scores[row, column])))
    return peaks


def _numbers(name: str, image: Any) -> Array:
    values = pixels_of(image)[0] if isinstance(image, Image.Image) else image
    return read_numbers(name, values, {2: "(height, width)", 3: "(height, width, channels)"})


def _weights(mask: ArrayLike | None, shape: tuple[int, ...]) -> Array:
    if mask is None:
        return np.ones(shape)
    weights = read_array("mask", mask).astype(np.float64)
    if weights.shape != shape[:2] or not ((weights >= 0) & (weights <= 1)).all() or not weights.any():
        raise ValueError(
            f"mask has shape {weights.shape}; accepted are booleans or weights from 0 to 1, not all "
            f"0, of shape {shape[:2]}, that of the template"
        )
    return np.ascontiguousarray(
        np.broadcast_to(weights.reshape(weights.shape + (1,) * (len(shape) - 2)), shape)
    )
