"""Images in bands of rows: each as when the whole is there, to the last bit."""

import numpy as np
import pytest

from fftconv import image, kernels
from fftconv._native import core
from fftconv._pixels import Band, correlate_pixels, plan_rows
from fftconv.image.bands import most_rows, plan_banding
from fftconv.image.pixels import Sketch

_RNG = np.random.default_rng(7)
_KERNELS = {
    "direct": _RNG.normal(size=(5, 4)),
    "separable": np.outer(kernels.gaussian(2.0), kernels.gaussian(1.0)),
    "running_sum": np.full((7, 6), 1 / 42),
    "overlap_save": _RNG.normal(size=(21, 16)),
    "fft": _RNG.normal(size=(9, 9)),
}
_BOUNDARIES = ("reflect", "mirror", "nearest", "zero")


def _pixels(shape, dtype):
    numbers = np.random.default_rng(1).uniform(0, 255, shape)
    return numbers.astype(dtype)


def _same(part, whole):
    """To the last bit; without the core BLAS adds up as it likes."""
    if core is None:
        one = 1 if whole.dtype.kind == "u" else 0
        np.testing.assert_allclose(part, whole, rtol=0, atol=one + 1e-4 * np.abs(whole).max())
    else:
        np.testing.assert_array_equal(part, whole)


@pytest.mark.parametrize("boundary", _BOUNDARIES)
@pytest.mark.parametrize("method", list(_KERNELS))
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
@pytest.mark.parametrize("channels", [(), (3,)])
def test_rows_are_those_of_the_whole(method, boundary, dtype, channels):
    """Whatever the engine: cut at its period, the same bits."""
    pixels = _pixels((390, 130, *channels), dtype)
    taps = _KERNELS[method].astype("float64" if dtype == "float64" else "float32")
    whole = correlate_pixels(pixels, taps, boundary, method, 2)
    plan = plan_rows(pixels.shape, pixels.dtype, taps, boundary, method, 2)
    height = len(pixels)
    if method in ("direct", "separable"):
        assert plan.period == 1
    elif method == "fft":
        assert plan.period == height
    step = plan.period * max(1, 37 // plan.period)
    for first in range(0, height, step):
        last = min(first + step, height)
        have = max(first - plan.above - 3, 0), min(last + plan.below + 1, height)
        if first == 0:
            have = 0, max(have[1], plan.above + 1)
        if last == height:
            have = min(have[0], height - plan.below - 1), height
        band = Band(height, have, (first, last))
        part = correlate_pixels(pixels[slice(*have)], taps, boundary, method, 1, band=band)
        _same(part, whole[first:last])


_FILTERS = {
    "small blur": (image.gaussian_blur, {"sigma": 1.5}),
    "large blur": (image.gaussian_blur, {"sigma": 9.0}),
    "huge blur": (image.gaussian_blur, {"sigma": 140.0}),
    "box": (image.box_blur, {"size": 11}),
    "disk": (image.disk_blur, {"radius": 6.5}),
    "edges": (image.edges, {"operator": "sobel"}),
    "signed": (image.edges, {"operator": "laplace", "signed": "float"}),
    "light": (image.gaussian_blur, {"sigma": 2.0, "linear": True}),
    "bias": (image.high_pass, {"sigma": 3.0}),
    "grey": (image.edges, {"operator": "scharr", "channel": "luminance"}),
    "none": (image.gaussian_blur, {"sigma": 0}),
    "sharpen": (image.sharpen, {"amount": 2.0}),
    "deconvolve": (image.deconvolve, {"kernel": np.ones((3, 3))}),
    "several": (image.pipeline, {"steps": "sharpen 2 | blur 1 | emboss | high-pass 2"}),
}


@pytest.mark.parametrize("boundary", _BOUNDARIES)
@pytest.mark.parametrize("name", list(_FILTERS))
@pytest.mark.parametrize("channels", [(), (3,), (4,)])
def test_filters_in_bands_are_those_of_the_whole(name, boundary, channels):
    """Passes, branches, opacity, light and bias, for bands of several heights."""
    function, parameters = _FILTERS[name]
    pixels = _pixels((311, 67, *channels), "uint8")
    if channels == (4,):
        pixels[100:200, 10:40, 3] = 255
    whole = function(pixels, boundary=boundary, **parameters)
    sketch = Sketch(pixels.shape, pixels.dtype)
    recipe = function(sketch, boundary=boundary, **parameters)
    banding = plan_banding(
        recipe, sketch, see_through=True if channels == (4,) and name == "sharpen" else None
    )
    reads = []

    def read(first, last):
        reads.append((first, last))
        return pixels[first:last]

    for rows in {banding.step, 5 * banding.step, len(pixels)}:
        parts = list(banding.run(read, rows))
        joined = np.concatenate(parts)
        assert joined.dtype == whole.dtype
        _same(joined, whole)
    assert all(0 <= first < last <= len(pixels) for first, last in reads)


def test_opaque_pictures_stay_opaque_in_bands():
    pixels = _pixels((60, 20, 4), "uint8")
    pixels[..., 3] = 255
    sketch = Sketch(pixels.shape, pixels.dtype)
    banding = plan_banding(image.gaussian_blur(sketch, 2.0), sketch)
    rows = 7 * banding.step
    parts = np.concatenate(list(banding.run(lambda first, last: pixels[first:last], rows)))
    _same(parts, image.gaussian_blur(pixels, 2.0))
    assert (parts[..., 3] == 255).all()


@pytest.mark.skipif(core is None, reason="NumPy holds copies of the whole")
def test_rows_at_a_time_follow_from_memory():
    sketch = Sketch((40_000, 40_000), np.dtype(np.uint8))
    banding = plan_banding(image.gaussian_blur(sketch, 20.0), sketch)
    rows = most_rows(banding, 400_000_000)
    assert rows % banding.step == 0
    assert banding.bytes_for(rows) <= 400_000_000 < banding.bytes_for(rows + banding.step)
    with pytest.raises(ValueError, match="raise max_memory by"):
        most_rows(banding, 1_000_000)


@pytest.mark.parametrize(
    "given", [{"boundary": "wrap"}, {"boundary": "missing"}, {"mask": np.ones((9, 9))}]
)
def test_what_needs_the_whole_says_so(given):
    sketch = Sketch((9, 9), np.dtype(np.uint8))
    recipe = image.gaussian_blur(sketch, 1.0, **given)
    with pytest.raises(ValueError, match="needs the whole image in memory"):
        plan_banding(recipe, sketch)
