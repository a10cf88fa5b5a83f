"""Filters with results of both signs: what they keep, on which grey."""

import numpy as np
import pytest
from PIL import Image

from fftconv import image, kernels
from fftconv.cli.main import run

RNG = np.random.default_rng(6)
GREY = {np.uint8: 128, np.uint16: 32768, np.float32: 0, np.float64: 0}


def blurred(pixels, sigma):
    return image.gaussian_blur(pixels.astype(np.float64), sigma)


@pytest.mark.parametrize("kind", GREY)
@pytest.mark.parametrize("channels", [(), (3,)])
def test_detail_on_grey(kind, channels):
    full = 1.0 if kind in (np.float32, np.float64) else np.iinfo(kind).max
    pixels = (full * RNG.random((20, 24, *channels))).astype(kind)
    for result, expected in (
        (image.high_pass(pixels, 2), pixels - blurred(pixels, 2)),
        (image.difference_of_gaussians(pixels, 1, 3), blurred(pixels, 1) - blurred(pixels, 3)),
    ):
        assert result.dtype == kind
        wanted = expected + GREY[kind]
        wanted = wanted.clip(0, full) if full > 1 else wanted
        assert (
            np.abs(result - wanted).max() <= {1: 1e-5, 255: 0.51, 65535: 0.55}[full]
        )  # float32 has 24 bits
    assert np.array_equal(
        image.high_pass(pixels, 2, bias=GREY[kind] / 2),
        image.apply_kernel(pixels, high(2), bias=GREY[kind] / 2),
    )


def high(sigma):
    taps = -kernels.gaussian((sigma, sigma))
    taps[taps.shape[0] // 2, taps.shape[1] // 2] += 1
    return taps


def test_flat_parts_become_grey():
    flat = np.full((9, 9), 77, np.uint8)
    assert (image.high_pass(flat, 1.5) == 128).all()
    assert (image.difference_of_gaussians(Image.fromarray(flat), 1, 2).getextrema()) == (128, 128)


def test_scale_and_bias_of_a_kernel():
    pixels = RNG.integers(0, 100, (6, 7)).astype(np.uint8)
    kernel = [[0, 1, 0], [1, -4, 1], [0, 1, 0]]
    plain = image.apply_kernel(pixels.astype(float), kernel)
    expected = np.rint(0.25 * plain + 100.5).clip(0, 255)
    assert np.array_equal(image.apply_kernel(pixels, kernel, scale=0.25, bias=100.5), expected)


def test_scale_and_bias_from_a_shell(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pixels = RNG.integers(0, 256, (9, 8, 3)).astype(np.uint8)
    image.write("a.png", pixels)
    command = ["image", "convolve", "a.png", "-o", "b.png", "--kernel", "laplace", "--scale", "0.5"]
    assert run([*command, "--bias", "128"]) == 0
    expected = image.apply_kernel(pixels, kernels.laplace(), scale=0.5, bias=128)
    assert np.array_equal(image.read("b.png"), expected)


def test_bias_leaves_opacity_alone():
    pixels = np.full((5, 5, 4), (10, 20, 30, 200), np.uint8)
    result = image.high_pass(pixels, 1)
    assert (result[..., 3] == 200).all()
    assert np.abs(result[..., :3].astype(int) - 128).max() <= 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: image.high_pass(x, 0), "sigma=0 is not accepted; pass pixels above 0"),
        (lambda x: image.difference_of_gaussians(x, 2, 1), "wider=1 is not wider than sigma=2"),
        (lambda x: image.difference_of_gaussians(x, 1, -1), "wider=-1 is not accepted"),
        (lambda x: image.apply_kernel(x, [[1]], bias=np.nan), "bias=nan"),
        (lambda x: image.apply_kernel(x, [[1]], scale=np.inf), "scale=inf"),
    ],
)
def test_what_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(np.ones((4, 4)))
