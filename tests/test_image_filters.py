"""Image filters: values, rounding, saturation, alpha, and the same kind out as in."""

import re
from fractions import Fraction

import numpy as np
import oracle
import pytest
from PIL import Image

from fftconv import image, kernels

RNG = np.random.default_rng(7)
GREY = RNG.integers(0, 256, (9, 11)).astype(np.uint8)
COLOUR = RNG.integers(0, 256, (9, 11, 3)).astype(np.uint8)

FILTERS = {
    "gaussian_blur": lambda x, **o: image.gaussian_blur(x, 1.2, **o),
    "box_blur": lambda x, **o: image.box_blur(x, (3, 5), **o),
    "disk_blur": lambda x, **o: image.disk_blur(x, 2.0, **o),
    "motion_blur": lambda x, **o: image.motion_blur(x, 5, 30, **o),
    "sharpen": lambda x, **o: image.sharpen(x, 0.5, **o),
    "unsharp": lambda x, **o: image.sharpen(x, 0.5, sigma=1.0, **o),
    "emboss": lambda x, **o: image.emboss(x, **o),
    "sobel": lambda x, **o: image.edges(x, **o),
    "log": lambda x, **o: image.edges(x, "log", **o),
    "apply_kernel": lambda x, **o: image.apply_kernel(x, [[0, 1], [2, 3]], **o),
}


def saturated(values, dtype):
    """Exact numbers to integers: half to even, then to the range of the dtype."""
    limits = np.iinfo(dtype)
    rounded = [min(max(round(Fraction(v)), limits.min), limits.max) for v in values.flat]
    return np.array(rounded, dtype).reshape(values.shape)


# Taps that are exact in binary, so that every tie is one.
@pytest.mark.parametrize(
    "kernel", [[[0.5, 0.5]], [[0.25], [0.5], [0.25]], [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]]]
)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32])
@pytest.mark.parametrize("boundary", ["reflect", "nearest", "zero"])
def test_integer_images_round_half_to_even_and_saturate_once(kernel, dtype, boundary):
    pixels = (GREY.astype(np.int64) * (1 if dtype == np.uint8 else 257)).astype(dtype)
    exact = oracle.convolve(pixels, np.array(kernel, float), mode="same", boundary=boundary)
    # Through a transform, a tie may go either way: it is as near as the rounding error.
    result = image.apply_kernel(pixels, kernel, boundary=boundary, method="direct")
    assert result.dtype == dtype
    assert np.array_equal(result, saturated(exact, dtype))


def test_laplace_is_clipped_white_edges_on_black():
    """8 in the centre of -1s on a bright square: its rim is white, the rest black."""
    square = np.zeros((8, 8), np.uint8)
    square[2:6, 2:6] = 200
    result = image.edges(square, "laplace")
    assert result.max() == 255
    assert not result[3:5, 3:5].any()
    assert not result[:2].any()


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(9, 11), (9, 11, 1), (9, 11, 3)])
def test_same_kind_out_and_channels_on_their_own(name, dtype, shape):
    pixels = RNG.integers(0, 200, shape).astype(dtype)
    before = pixels.copy()
    result = FILTERS[name](pixels)
    assert result.dtype == dtype
    assert result.shape == shape
    assert np.array_equal(pixels, before)
    if shape == (9, 11, 3):
        alone = FILTERS[name](np.ascontiguousarray(pixels[..., 1]))
        # One of the two may go through a transform, where a tie may go either way.
        tolerance = 1 if np.dtype(dtype).kind == "u" else 1e-3
        assert np.allclose(result[..., 1].astype(float), alone, atol=tolerance)


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("method", ["direct", "fft"])
def test_method_makes_no_difference(name, method):
    result = FILTERS[name](COLOUR.astype(np.float64), method=method)
    assert np.allclose(result, FILTERS[name](COLOUR.astype(np.float64)), atol=1e-10)


@pytest.mark.parametrize(
    "name", ["gaussian_blur", "box_blur", "disk_blur", "motion_blur", "sharpen", "unsharp"]
)
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_flat_images_stay_flat(name, channels):
    flat = np.full((12, 10, channels), 77, np.uint8)
    assert np.array_equal(FILTERS[name](flat), flat)


def test_gaussian_is_that_of_ndimage():
    ndimage = pytest.importorskip("scipy.ndimage")
    pixels = RNG.random((40, 30))
    for sigma in (0, 0.7, 3):
        assert np.allclose(
            image.gaussian_blur(pixels, sigma), ndimage.gaussian_filter(pixels, sigma), atol=1e-13
        )


def test_kernels_are_flipped_unless_told_otherwise():
    point = np.zeros((5, 5))
    point[2, 2] = 1
    taps = np.arange(9.0).reshape(3, 3)
    assert np.allclose(image.apply_kernel(point, taps)[1:4, 1:4], taps)
    assert np.allclose(image.apply_kernel(point, taps, flip=False)[1:4, 1:4], taps[::-1, ::-1])


def test_pillow_kernel_has_its_rows_upside_down():
    from PIL import ImageFilter

    taps = kernels.emboss()
    theirs = Image.fromarray(GREY).filter(ImageFilter.Kernel((3, 3), taps.ravel().tolist(), scale=1))
    ours = image.apply_kernel(GREY, taps[::-1], flip=False)  # Pillow counts its rows from the bottom
    inner = (slice(1, -1), slice(1, -1))
    assert np.array_equal(np.asarray(theirs)[inner], ours[inner])


@pytest.mark.parametrize("operator", ["sobel", "prewitt", "scharr", "difference"])
def test_a_step_gives_its_height(operator):
    step = np.zeros((8, 8), np.uint8)
    step[:, 4:] = 60
    result = image.edges(step, operator)
    assert result.max() == 60
    assert set(np.flatnonzero(result[4])) <= {3, 4}
    assert np.array_equal(image.edges(step.T, operator), result.T)


def test_invisible_colour_does_not_bleed():
    """A red shape on invisible green: blurred, it is red everywhere it can be seen."""
    pixels = np.zeros((20, 20, 4), np.uint8)
    pixels[..., 1] = 255
    pixels[5:15, 5:15] = (200, 0, 0, 255)
    result = image.gaussian_blur(pixels, 2)
    visible = result[..., 3] > 0
    assert (result[visible][:, 1] == 0).all()
    assert (abs(result[visible][:, 0].astype(int) - 200) <= 1).all()
    assert 0 < result[10, 3, 3] < 255


def test_opacity_is_filtered_like_a_grey_image():
    pixels = np.dstack([COLOUR, GREY])
    assert np.allclose(image.box_blur(pixels, 3)[..., 3].astype(int), image.box_blur(GREY, 3), atol=1)


def test_edges_keep_opacity():
    pixels = np.dstack([COLOUR, GREY])
    assert np.array_equal(image.edges(pixels)[..., 3], GREY)


@pytest.mark.parametrize("boundary", ["zero", "reflect"])
def test_opacity_far_away_changes_nothing_here(boundary):
    pixels = np.full((9, 30, 4), 255, np.uint8)
    opaque = image.box_blur(pixels, 3, boundary=boundary)
    pixels[4, 29, 3] = 254
    assert np.array_equal(image.box_blur(pixels, 3, boundary=boundary)[:, :20], opaque[:, :20])


@pytest.mark.parametrize("gain", [0.5, 2.0])
def test_kernels_of_another_sum_change_colour_not_opacity(gain):
    pixels = np.full((5, 5, 4), 100, np.uint8)
    taps = np.zeros((3, 3))
    taps[1, 1] = gain
    result = image.apply_kernel(pixels, taps)
    assert (result[..., :3] == 100 * gain).all()
    assert (result[..., 3] == 100).all()


@pytest.mark.parametrize("dtype", [np.int32, np.float32, np.float64])
@pytest.mark.parametrize("channels", [2, 4])
def test_only_8_and_16_bit_images_are_taken_to_have_opacity(dtype, channels):
    flat = np.full((6, 7, channels), 200, dtype)
    assert np.allclose(image.box_blur(flat, 3), flat)


def test_opacity_of_floats_is_at_most_one():
    pixels = np.zeros((9, 9, 4))
    pixels[..., 1] = 1
    pixels[3:6, 3:6] = (0.8, 0, 0, 1)
    result = image.gaussian_blur(pixels, 1, alpha=True)
    assert np.allclose(result[result[..., 3] > 0][:, :3], (0.8, 0, 0))


def test_four_channels_without_alpha():
    pixels = np.dstack([COLOUR, GREY])
    result = image.box_blur(pixels, 3, alpha=False)
    assert np.array_equal(result[..., :3], image.box_blur(COLOUR, 3))


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "I;16", "I", "F", "CMYK"])
def test_pil_images_come_back_as_pil_images(mode):
    source = Image.fromarray(GREY)
    picture = Image.fromarray(GREY.astype(np.uint16)) if mode == "I;16" else source.convert(mode)
    picture.info["dpi"] = (72, 72)
    result = image.gaussian_blur(picture, 1)
    assert isinstance(result, Image.Image)
    assert (result.mode, result.size, result.info["dpi"]) == (mode, picture.size, (72, 72))
    assert np.array_equal(np.asarray(image.apply_kernel(picture, [[1]])), np.asarray(picture))


def test_palettes_and_bitmaps_are_filtered_as_what_they_show():
    palette = Image.fromarray(COLOUR).quantize(16)
    assert image.box_blur(palette, 3).mode == "RGB"
    assert np.array_equal(
        np.asarray(image.apply_kernel(palette, [[1]])), np.asarray(palette.convert("RGB"))
    )
    palette.info["transparency"] = 3
    assert image.box_blur(palette, 3).mode == "RGBA"
    assert image.box_blur(Image.fromarray(GREY).convert("1"), 3).mode == "L"


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: image.gaussian_blur(np.ones(5), 1),
            ValueError,
            r"image has dtype float64 and shape \(5,\)",
        ),
        (
            lambda: image.gaussian_blur(GREY.astype(np.int64), 1),
            ValueError,
            "dtype int64.*accepted are uint8",
        ),
        (lambda: image.gaussian_blur(GREY.astype(complex), 1), ValueError, "dtype complex128"),
        (
            lambda: image.gaussian_blur("picture.png", 1),
            TypeError,
            "image is of type str, .*fftconv.image.read",
        ),
        (lambda: image.gaussian_blur(np.ones((0, 3)), 1), ValueError, "image is empty"),
        (lambda: image.gaussian_blur(GREY, -1), ValueError, "sigma=-1"),
        (lambda: image.edges(GREY, "canny"), ValueError, "operator='canny'.*'sobel'"),
        (lambda: image.apply_kernel(GREY, [1, 2]), ValueError, "kernel has 1 axis"),
        (lambda: image.apply_kernel(GREY, [[1j]]), ValueError, "dtype complex128"),
        (lambda: image.box_blur(GREY, 3, boundary="edge"), ValueError, "boundary='edge'"),
        (
            lambda: image.box_blur(GREY, 3, alpha=True),
            ValueError,
            "alpha=True, but an image of dtype uint8",
        ),
        (lambda: image.box_blur(GREY, 3, alpha="no"), TypeError, "alpha='no'"),
        (lambda: image.box_blur(Image.fromarray(GREY), 3, alpha=True), ValueError, "mode L has no opacity"),
        (lambda: image.box_blur(np.ones((3, 3, 2), np.int32), 3, alpha=True), ValueError, "dtype int32"),
        (lambda: image.apply_kernel(GREY, [[np.nan]]), ValueError, "kernel holds a NaN"),
        (lambda: image.apply_kernel(GREY, [[1e39]]), ValueError, "beyond the range of float32"),
        (lambda: image.edges(GREY, gain=np.nan), ValueError, "gain=nan"),
        (lambda: image.edges(GREY, gain="a"), TypeError, "gain='a'"),
        (lambda: image.edges(GREY, sigma=3), ValueError, "sigma=3 has no effect with operator='sobel'"),
        (lambda: image.motion_blur(GREY, 3, np.nan), ValueError, "angle=nan"),
        (lambda: image.gaussian_blur(GREY, 1e300), ValueError, "sigma=1e[+]300 is not accepted: it makes"),
        (lambda: image.box_blur(Image.new("LAB", (3, 3)), 3), ValueError, "mode LAB; accepted are 1, L"),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_picture_that_becomes_grey_has_no_profile_of_colours():
    picture = Image.new("RGB", (4, 4))
    picture.info["icc_profile"] = b"of colours"
    assert "icc_profile" not in image.edges(picture, channel="luminance").info
    assert image.edges(picture).info["icc_profile"] == b"of colours"


@pytest.mark.parametrize("method", ["auto", "direct", "fft"])
def test_half_floats_beyond_their_range_are_infinite(method):
    pixels = np.zeros((9, 9), np.float16)
    pixels[4, 4] = 60000
    sharpened = image.sharpen(pixels, 3.0, method=method)  # 13 times as large, and -3 times beside it
    assert sharpened[4, 4] == np.inf
    assert (sharpened[[3, 5, 4, 4], [4, 4, 3, 5]] == -np.inf).all()
    assert np.count_nonzero(np.isinf(sharpened)) == 5


@pytest.mark.parametrize(
    "pixels", [[1, 2, 3], np.arange(3.0), np.ones((3, 3), bool), np.ones((2, 2, 3), np.int64)]
)
def test_advice_about_pixels_of_another_kind_runs_as_written(pixels):
    with pytest.raises(ValueError, match="^image has dtype") as caught:
        image.box_blur(pixels, 3)
    advised = re.search(r"; pass (numpy\.asarray\(.*?\))", str(caught.value))[1]
    image.box_blur(eval(advised, {"numpy": np, "image": pixels}), 3)
