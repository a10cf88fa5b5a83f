"""Templates are found where they are, whatever the brightness, and nowhere else."""

import re

import numpy as np
import pytest
from PIL import Image

from fftconv import image

RNG = np.random.default_rng(8)


def by_definition(pixels, template, weights):
    """Weighted correlation coefficients, place by place."""
    rows, columns = template.shape[:2]
    scores = np.zeros((pixels.shape[0] - rows + 1, pixels.shape[1] - columns + 1))
    w = np.broadcast_to(weights.reshape(weights.shape + (1,) * (template.ndim - 2)), template.shape)
    t = template - (w * template).sum() / w.sum()
    for r in range(scores.shape[0]):
        for c in range(scores.shape[1]):
            x = pixels[r : r + rows, c : c + columns].astype(float)
            x = x - (w * x).sum() / w.sum()
            size = np.sqrt((w * t**2).sum() * (w * x**2).sum())
            scores[r, c] = (w * t * x).sum() / size if size > 1e-9 else 0
    return scores


@pytest.mark.parametrize("channels", [(), (3,)])
@pytest.mark.parametrize("masked", [None, "bool", "weights"])
@pytest.mark.parametrize("kind", [np.uint8, np.float64])
def test_scores_are_those_of_the_definition(channels, masked, kind):
    pixels = (255 * RNG.random((20, 25, *channels))).astype(kind)
    template = (255 * RNG.random((5, 4, *channels))).astype(kind)
    mask = {"bool": RNG.random((5, 4)) > 0.3, "weights": RNG.random((5, 4))}.get(masked)
    scores = image.match_template(pixels, template, mask=mask).scores
    weights = np.ones((5, 4)) if mask is None else mask.astype(float)
    np.testing.assert_allclose(scores, by_definition(pixels, template.astype(float), weights), atol=1e-7)


def test_a_template_is_found_at_any_brightness_and_contrast():
    pixels = RNG.normal(100, 1, (60, 70))
    template = RNG.normal(0, 1, (9, 7))
    pixels[10:19, 20:27] = 3 * template + 50
    pixels[40:49, 50:57] = 0.01 * template + 200
    pixels[30:39, 5:12] = -template
    found = image.match_template(pixels, template, threshold=0.99)
    assert sorted(peak[:2] for peak in found.peaks) == [(10, 20), (40, 50)]
    assert found.scores[30, 5] == pytest.approx(-1)
    assert np.abs(found.scores).max() <= 1


def test_flat_patches_match_nothing():
    pixels = np.full((30, 30), 7, np.uint8)
    pixels[5:10, 5:10] = RNG.integers(0, 255, (5, 5))
    scores = image.match_template(pixels, pixels[5:10, 5:10]).scores
    assert (scores[10:, 10:] == 0).all()
    assert scores[5, 5] == pytest.approx(1)
    assert image.match_template(np.zeros((9, 9)), RNG.random((3, 3))).peaks == []


def test_what_the_mask_leaves_out_does_not_count():
    template = RNG.random((8, 8))
    pixels = RNG.random((40, 40))
    pixels[12:20, 9:17] = template
    pixels[12:16, 9:17] = RNG.random((4, 8))
    mask = np.zeros((8, 8), bool)
    mask[4:] = True
    best = image.match_template(pixels, template, mask=mask).peaks[0]
    assert best[:2] == (12, 9)
    assert best.score == pytest.approx(1)


def test_of_places_that_are_alike_the_first_is_kept():
    stripe = np.zeros((40, 30))
    stripe[:, 10:14] = 1
    peaks = image.match_template(stripe, stripe[:8, 6:18]).peaks
    assert [peak[:2] for peak in peaks] == [(0, 6), (5, 6), (10, 6), (15, 6), (20, 6), (25, 6), (30, 6)]


def test_pictures_are_taken_as_they_are():
    picture = Image.fromarray(RNG.integers(0, 255, (30, 40, 3)).astype(np.uint8))
    part = picture.crop((11, 4, 20, 12))
    assert [peak[:2] for peak in image.match_template(picture, part).peaks] == [(4, 11)]


@pytest.mark.parametrize(
    ("template", "options", "message"),
    [
        (np.ones((3, 3)), {}, "template is flat"),
        (np.eye(11), {}, "larger than the image, (10, 10)"),
        (np.ones((3, 3, 3)), {}, "pass both with the same channels"),
        (np.eye(3), {"threshold": 0}, "threshold=0 is not accepted"),
        (np.eye(3), {"mask": np.ones((2, 3))}, "mask has shape (2, 3)"),
        (np.eye(3), {"mask": np.zeros((3, 3))}, "not all 0"),
        (np.full((3, 3), np.nan), {}, "template holds NaN"),
        (np.ones(3), {}, "template has shape (3,)"),
    ],
)
def test_what_is_refused_says_what_to_pass(template, options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        image.match_template(RNG.random((10, 10)), template, **options)
