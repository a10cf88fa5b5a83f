"""Several filters in a row: without rounding between them, merged only where that changes nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fftconv import image, kernels
from fftconv.image.pipelines import FILTERS, merge
from fftconv.image.pixels import Sketch
from fftconv.image.processing import Settings

_RNG = np.random.default_rng(11)
_FLOATS = _RNG.uniform(0, 1, (31, 43, 3))
_BYTES = _RNG.integers(0, 256, (31, 43, 3)).astype(np.uint8)


def _linear(boundary):
    return Settings(boundary=boundary)


def test_steps_are_filters_one_after_the_other():
    found = image.pipeline(_FLOATS, "blur 1.5 | sharpen 0.5 2 | edges scharr gain=2", boundary="nearest")
    expected = image.gaussian_blur(_FLOATS, 1.5, boundary="nearest")
    expected = image.sharpen(expected, 0.5, 2, boundary="nearest")
    expected = image.edges(expected, "scharr", gain=2, boundary="nearest")
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13)


def test_functions_are_steps_too():
    def soften(pixels):
        return image.box_blur(pixels, 5)

    assert np.array_equal(image.pipeline(_BYTES, [soften]), image.box_blur(_BYTES, 5))
    with pytest.raises(ValueError, match="is no filter of fftconv.image"):
        image.pipeline(_BYTES, [lambda pixels: pixels])
    with pytest.raises(ValueError, match="steps differ in boundary"):
        image.pipeline(_BYTES, [soften, lambda pixels: image.box_blur(pixels, 3, boundary="zero")])
    with pytest.raises(ValueError, match="steps is empty"):
        image.pipeline(_BYTES, [])


def test_nothing_is_rounded_or_cut_off_between_steps():
    """An overshoot that the second filter takes back survives; on its own it would saturate."""
    pixels = _BYTES[..., 0]
    there = "convolve '0 -1 0; -1 5 -1; 0 -1 0' | box 3"
    numbers = image.box_blur(image.sharpen(pixels.astype(float)), 3)
    found = image.pipeline(pixels, there)
    assert np.array_equal(found, np.clip(np.rint(numbers), 0, 255).astype(np.uint8))
    separate = image.box_blur(image.sharpen(pixels), 3)
    assert not np.array_equal(found, separate)


@pytest.mark.parametrize("boundary", ["reflect", "mirror", "wrap", "nearest", "zero"])
@given(
    sides=st.tuples(*[st.integers(1, 9)] * 4),
    symmetric=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_merging_changes_nothing_up_to_the_edges(boundary, sides, symmetric, seed):
    """Whether or not it is done, for kernels of any size and symmetry, longer than the image too."""
    generator = np.random.default_rng(seed)
    first, second = generator.normal(size=sides[:2]), generator.normal(size=sides[2:])
    if symmetric:
        first = first + first[::-1] + first[:, ::-1] + first[::-1, ::-1]
    pixels = generator.normal(size=(7, 6))
    sketch = Sketch(pixels.shape, pixels.dtype)
    chain = [
        lambda x, taps=taps: image.apply_kernel(x, taps, boundary=boundary, method="direct")
        for taps in (first, second)
    ]
    steps = [step for each in chain for step in each(sketch).steps]
    merged = merge(steps, sketch, Settings(boundary=boundary, method="direct"))
    together = image.pipeline(pixels, chain)
    apart = chain[1](chain[0](pixels))
    scale = np.abs(first).sum() * np.abs(second).sum() * np.abs(pixels).max()
    np.testing.assert_allclose(together, apart, rtol=0, atol=1e-14 * max(scale, 1))
    if boundary in ("nearest", "zero"):
        assert len(merged) == 2


@pytest.mark.parametrize(
    ("text", "boundary", "count"),
    [
        ("blur 1 | blur 1", "reflect", 1),
        ("blur 1 | blur 1", "nearest", 2),
        ("disk 20 | edges laplace", "mirror", 1),
        ("edges sobel | blur 1", "reflect", 2),
        ("high-pass 2 | blur 1", "reflect", 2),  # its bias is added in between
        ("emboss | blur 1", "reflect", 2),  # it is not symmetric
        ("emboss | box 3", "wrap", 1),
    ],
)
def test_what_merges(text, boundary, count):
    sketch = Sketch((3000, 3000), np.dtype(np.uint8))
    assert len(image.pipeline(sketch, text, boundary=boundary).steps) == count


def test_kernels_merge_only_if_that_is_faster():
    """A disk costs a transform either way; small kernels of one outer product each do not."""
    sketch = Sketch((3000, 3000), np.dtype(np.uint8))
    assert len(image.pipeline(sketch, "disk 30 | disk 30").steps) == 1
    assert len(image.pipeline(sketch, "blur 1 | edges sobel").steps) == 2


def test_pictures_with_opacity_are_filtered_step_by_step():
    pixels = _RNG.integers(0, 256, (20, 21, 4)).astype(np.uint8)
    floats = pixels / 255
    found = image.pipeline(floats, "blur 1 | blur 2", alpha=True)
    expected = image.gaussian_blur(image.gaussian_blur(floats, 1, alpha=True), 2, alpha=True)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13)
    picture, twice = Image.fromarray(pixels), image.pipeline(pixels, "box 3 | box 3")
    assert np.array_equal(np.asarray(image.pipeline(picture, "box 3 | box 3")), twice)


def test_light_and_bias_go_with_their_steps():
    text = "blur 2 | high-pass 3 | edges luminance".replace("edges luminance", "edges channel=luminance")
    found = image.pipeline(_FLOATS, text, linear=True)
    expected = image.gaussian_blur(_FLOATS, 2, linear=True)
    expected = image.high_pass(expected, 3, linear=True)
    expected = image.edges(expected, channel="luminance")
    assert found.shape == expected.shape == (31, 43)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "step '' names no filter; accepted are blur"),
        ("blur 2 |", "step '' names no filter"),
        ("blur", "step 'blur': .*sigma is missing; its form is blur sigma"),
        ("blur 1 2 3", "step 'blur 1 2 3': 3 values are given without a name.*its form is blur sigma"),
        ("blur -1", "step 'blur': sigma=-1"),
        ("blur sigma=1 boundary=zero", "has no 'boundary'; its form is blur sigma"),
        ("convolve '1 2; 3'", "rows of equally many numbers"),
        ("convolve '1 2", "No closing quotation"),
        ("edges nothing", "step 'edges': operator='nothing' is not accepted"),
    ],
)
def test_steps_that_are_not_understood(text, message):
    with pytest.raises(ValueError, match=message):
        image.pipeline(_BYTES, text)


def test_every_filter_has_a_name():
    own = {FILTERS[name] for name in FILTERS}
    linear = {image.gaussian_blur, image.box_blur, image.disk_blur, image.motion_blur, image.sharpen}
    others = {image.emboss, image.edges, image.high_pass, image.difference_of_gaussians, image.apply_kernel}
    assert own == linear | others


def test_a_named_kernel_is_a_step():
    found = image.pipeline(_FLOATS, "convolve 'disk(2)'")
    np.testing.assert_allclose(found, image.apply_kernel(_FLOATS, kernels.disk(2)), rtol=0, atol=1e-14)


def test_steps_after_grey_have_one_channel():
    found = image.pipeline(_BYTES, "edges sobel channel=luminance | blur 1")
    numbers = image.edges(_BYTES.astype(np.float32) / 255, channel="luminance") * 255
    expected = image.gaussian_blur(numbers, 1)
    assert found.shape == (31, 43)
    np.testing.assert_allclose(found, np.clip(expected, 0, 255), atol=0.51)
    assert image.pipeline(np.zeros((3, 3, 3), np.uint8), "edges channel=luminance | box 3").shape == (3, 3)
