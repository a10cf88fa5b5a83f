"""The worked examples of introductions to convolution, by number."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from cases import GENERAL

from fftconv import convolve, correlate, image, kernels

SAMPLES = Path(__file__).parents[1] / "samples"
F = np.loadtxt(SAMPLES / "f.csv", skiprows=1, dtype=int)


def test_smoothed_signal():
    """A dip of one sample lasts three after smoothing with (1/3, 1/3, 1/3)."""
    assert F.tolist() == [10, 9, 10, 9, 10, 1, 10, 9, 10, 8]
    thirds = [Fraction(n, 3) for n in (10, 19, 29, 28, 29, 20, 21, 20, 29, 27, 18, 8)]
    assert list(convolve(F, [Fraction(1, 3)] * 3)) == thirds
    assert np.allclose(convolve(F, kernels.moving_average(3)), np.array(thirds, float), atol=1e-15)


@pytest.mark.parametrize("engine", GENERAL)
def test_one_weight_for_all_is_multiplication(engine):
    x = np.sin(np.linspace(-2 * np.pi, 2 * np.pi, 200))
    assert np.allclose(convolve(x, [2.0], method=engine), 2 * x, atol=1e-15)


def test_peaks_where_the_signal_looks_like_the_weights():
    pattern = np.r_[np.arange(50), np.arange(49, -1, -1)] / 50 / 2
    signal = np.zeros(800)
    signal[300:400] = pattern
    assert correlate(signal, pattern, mode="valid").argmax() == 300


def test_box_mean_and_edges():
    square = np.zeros((5, 5))
    square[1:4, 1:4] = 9
    blurred = convolve(square, kernels.box(3), mode="same")
    assert blurred[2, 2] == pytest.approx(9)
    assert blurred[0, 0] == pytest.approx(1)
    assert correlate([0, 0, 5, 5, 5], kernels.difference(), mode="valid").tolist() == [0, 5, 0, 0]


def test_a_patch_is_a_weighted_sum_when_not_flipped():
    """[a..i] under [1..9] is a + 2b + ... + 9i; flipped it is 9a + 8b + ... + i."""
    patch, weights = np.arange(11, 20).reshape(3, 3), np.arange(1, 10).reshape(3, 3)
    total = sum((i + 1) * (11 + i) for i in range(9))
    assert correlate(patch, weights, mode="valid").tolist() == [[total]]
    flipped = sum((9 - i) * (11 + i) for i in range(9))
    assert convolve(patch, weights, mode="valid").tolist() == [[flipped]]


@pytest.mark.parametrize("engine", GENERAL)
@pytest.mark.parametrize("shape", [(8, 8), (12, 10), (10, 10), (12, 8)])
def test_exercise_of_valid_feature_maps(engine, shape):
    pixels = np.random.default_rng(0).integers(0, 9, shape)
    kernel = np.random.default_rng(1).integers(-2, 3, (3, 3))
    result = convolve(pixels, kernel, mode="valid", method=engine)
    assert result.shape == (shape[0] - 2, shape[1] - 2)
    for i, j in np.ndindex(result.shape):
        expected = sum(pixels[i + 2 - a, j + 2 - b] * kernel[a, b] for a in range(3) for b in range(3))
        assert result[i, j] == expected


def test_two_by_two_kernel_over_a_four_by_four_image():
    assert convolve(np.ones((4, 4), int), np.ones((2, 2), int), mode="valid").tolist() == [[4] * 3] * 3


def test_the_ball_dropped_twice():
    """The chance of a total of 3 is f(0)g(3) + f(1)g(2) + f(2)g(1) + f(3)g(0)."""
    f = [Fraction(n, 10) for n in (4, 3, 2, 1)]
    g = [Fraction(n, 10) for n in (1, 2, 3, 4)]
    total = convolve(f, g)
    assert total[3] == f[0] * g[3] + f[1] * g[2] + f[2] * g[1] + f[3] * g[0]
    assert sum(total) == 1


def test_two_boxes_make_a_triangle():
    assert convolve([1] * 4, [1] * 4).tolist() == [1, 2, 3, 4, 3, 2, 1]


def test_an_echo_is_a_second_spike():
    sound = np.array([1, 2, 3])
    assert convolve(sound, kernels.echo(4, 0.5)).tolist() == [1, 2, 3, 0, 0.5, 1, 1.5]


def test_a_layer_of_neurons_with_shared_weights():
    """w0 x[n] + w1 x[n + 1] is convolution with (w1, w0)."""
    x, w = np.array([3, 1, 4, 1, 5]), (2, 7)
    layer = [w[0] * x[n] + w[1] * x[n + 1] for n in range(4)]
    assert convolve(x, w[::-1], mode="valid").tolist() == layer


def test_output_width_with_stride_and_padding():
    """(I - R + 2P) / S + 1: 13 inputs, a field of 3 and a stride of 2 make 6 outputs."""
    assert convolve(np.ones(13), np.ones(3), mode="valid", stride=2).shape == (6,)
    assert convolve(np.ones((10, 5)), np.ones((3, 3)), mode="valid").shape == (8, 3)
    assert convolve(np.ones((10, 5)), np.ones((3, 3)), mode="same").shape == (10, 5)


def test_laplace_of_the_sample_picture_is_white_edges_on_black():
    picture = image.read(SAMPLES / "picture.png")
    result = image.edges(picture, "laplace")
    assert result[50:200, 100:600].max() < 12  # the sky
    assert result[580:692, 850:962].max() == 255  # the chessboard


def test_smoothing_the_noisy_sample_signal():
    seconds, noisy, clean = np.loadtxt(SAMPLES / "noisy_signal.csv", delimiter=",", skiprows=1).T
    smooth = convolve(noisy, kernels.gaussian(12), mode="same", boundary="reflect")
    assert np.std(smooth - clean) < 0.3 * np.std(noisy - clean)
    assert len(seconds) == 2000
