"""Templates are found where they are, whatever the brightness, and nowhere else."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fftconv import audio, image

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


def powers_of_two(kind):
    """Exponents from the least to the largest that keep numbers from 1e-3 to 1e3 normal."""
    limits = np.finfo(kind)
    return st.integers(int(limits.minexp) + 10, int(limits.maxexp) - 11)


@given(st.data(), st.sampled_from([np.float32, np.float64, np.longdouble]), st.integers(0, 10**6))
def test_scores_do_not_change_with_a_power_of_two(data, kind, seed):
    rng = np.random.default_rng(seed)
    shape = data.draw(st.sampled_from([(12, 14), (12, 14, 3)]))
    offsets = st.sampled_from([0.0, 1.0, -100.0])
    pixels = (rng.uniform(0.01, 5, shape) + data.draw(offsets)).astype(kind)
    template = (rng.uniform(0.01, 5, (4, 3, *shape[2:])) + data.draw(offsets)).astype(kind)
    pixels[6:10, 2:5] = template * data.draw(st.sampled_from([1, 0.5]))
    masks = {"bool": rng.random((4, 3)) > 0.3, "weights": rng.uniform(0.01, 1, (4, 3))}
    masks["bool"][0, 0] = masks["bool"][1, 1] = True
    mask = masks.get(data.draw(st.sampled_from(["none", *masks])))
    expected = image.match_template(pixels, template, mask=mask)
    powers = [data.draw(powers_of_two(kind)) for _ in range(2)]
    lighter = data.draw(st.integers(-1000, 0))  # of the mask, whose weights are at most 1
    scaled = [np.ldexp(pixels, powers[0]), np.ldexp(template, powers[1])]
    weights = mask if mask is None or mask.dtype == bool else np.ldexp(mask, lighter)
    for image_of, template_of in ((scaled[0], template), (pixels, scaled[1]), scaled):
        found = image.match_template(image_of, template_of, mask=weights)
        np.testing.assert_allclose(found.scores, expected.scores, atol=1e-9)
        assert [peak[:2] for peak in found.peaks] == [peak[:2] for peak in expected.peaks]
    definition = by_definition(
        pixels.astype(float), template.astype(float), np.ones((4, 3)) if mask is None else mask
    )
    np.testing.assert_allclose(expected.scores, definition, atol=1e-7)


@given(st.data(), st.sampled_from([np.float32, np.float64]), st.integers(0, 10**6), st.integers(1, 2))
def test_sounds_are_found_at_any_power_of_two(data, kind, seed, channels):
    rng = np.random.default_rng(seed)
    level = data.draw(st.sampled_from([0.0, 3.0]))
    sound = (rng.normal(size=(300, channels)) + level).astype(kind)
    template = rng.normal(size=(20, channels)).astype(kind)
    sound[200:220] += 3 * template
    expected = audio.detect(sound, template, 100, threshold=0.5)
    assert 2.0 in [hit.time for hit in expected]
    powers = st.integers(int(np.finfo(kind).minexp) + 40, int(np.finfo(kind).maxexp) - 6)
    of_sound, of_template = data.draw(powers), data.draw(powers)
    found = audio.detect(np.ldexp(sound, of_sound), np.ldexp(template, of_template), 100, threshold=0.5)
    assert [hit.time for hit in found] == [hit.time for hit in expected]
    np.testing.assert_allclose(
        [hit.score for hit in found], [hit.score for hit in expected], rtol=0, atol=1e-9
    )


@pytest.mark.parametrize("scale", [1e-300, 1e-150, 1e-77, 1e77, 1e154, 1e300])
def test_extreme_scales_give_what_the_definition_gives(scale):
    samples, template = RNG.normal(size=(9, 10)), RNG.normal(size=(3, 4))
    expected = by_definition(samples, template, np.ones((3, 4)))
    for one, other in ((scale, 1), (1, scale), (scale, scale), (scale, 1 / scale)):
        found = image.match_template(one * samples, other * template).scores
        np.testing.assert_allclose(found, expected, atol=1e-9)
    flat = np.full((9, 10), scale)
    assert (image.match_template(flat, template).scores == 0).all()
    with pytest.raises(ValueError, match="template is flat"):
        image.match_template(samples, flat[:3, :4])


@pytest.mark.parametrize("quiet", [1e-9, 1e-14, 1e-100, 1e-140])
@pytest.mark.parametrize("masked", [False, True])
def test_quiet_parts_beside_bright_ones_are_found(quiet, masked):
    template = RNG.normal(size=(20, 20))
    pixels = np.zeros((200, 150))
    pixels[:100] = RNG.normal(size=(100, 150))
    pixels[150:170, 60:80] = quiet * template
    mask = RNG.random((20, 20)) if masked else None
    peaks = image.match_template(pixels, template, mask=mask, threshold=0.99).peaks
    assert [peak[:2] for peak in peaks] == [(150, 60)]
    assert peaks[0].score == pytest.approx(1, abs=1e-8)


def test_what_does_not_count_has_no_scale():
    template = RNG.normal(size=(5, 5))
    pixels = RNG.normal(size=(20, 20))
    mask = np.ones((5, 5))
    mask[2, 3] = 0
    expected = image.match_template(pixels, template, mask=mask).scores
    template[2, 3] = 1e300
    np.testing.assert_allclose(
        image.match_template(pixels, template, mask=mask).scores, expected, atol=1e-9
    )


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
