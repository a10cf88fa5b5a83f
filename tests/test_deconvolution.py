"""Undoing a blur: against the formulas, in steps a person can check, and at the edges."""

import numpy as np
import pytest

from fftconv import convolve, image, kernels
from fftconv.image.deconvolution import wiener_kernel

_RNG = np.random.default_rng(2)


def _error(found, truth):
    return float(np.sqrt(np.mean((np.asarray(found, float) - truth) ** 2)))


@pytest.mark.parametrize("noise", [1.0, 0.1, 0.01])
@pytest.mark.parametrize(
    "taps",
    [kernels.disk(3), kernels.gaussian((1.5, 1.5)), kernels.motion(7, 30), np.array([[0.5, 0.3, 0.2]])],
)
def test_a_wiener_filter_has_the_response_of_its_formula(taps, noise):
    """On a ring of pixels, where the transform of the definition can be taken as it is."""
    inverse = wiener_kernel(taps, noise)
    assert inverse.shape[0] % 2 == inverse.shape[1] % 2 == 1
    side = 512
    blurred = np.zeros((side, side))
    blurred[: taps.shape[0], : taps.shape[1]] = taps
    blurred = np.roll(blurred, [-(size // 2) for size in taps.shape], (0, 1))
    spectrum = np.fft.fft2(blurred)
    wanted = np.conj(spectrum) / (np.abs(spectrum) ** 2 + noise) * (1 + noise)
    laid = np.zeros((side, side))
    laid[: inverse.shape[0], : inverse.shape[1]] = np.flip(inverse)  # as a convolution
    laid = np.roll(laid, [-(size // 2) for size in inverse.shape], (0, 1))
    assert np.abs(np.fft.fft2(laid) - wanted).max() < 1e-4 * np.abs(wanted).max()
    assert inverse.sum() == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("algorithm", ["wiener", "richardson_lucy"])
@pytest.mark.parametrize("shape", [(40, 50), (40, 50, 3)])
def test_what_was_blurred_comes_closer_to_what_it_was(algorithm, shape):
    truth = np.zeros(shape)
    truth[10:20, 12:30], truth[25:33, 5:14] = 0.9, 0.5
    blurred = image.disk_blur(truth, 3)
    found = image.deconvolve(blurred, kernels.disk(3), algorithm, noise=1e-3, iterations=60)
    assert found.shape == shape
    assert _error(found, truth) < 0.5 * _error(blurred, truth)


def test_a_blur_that_is_not_centred_is_undone_where_it_was():
    truth = np.zeros((30, 30))
    truth[12, 17] = 1
    taps = np.array([[0, 0, 0], [0, 0.2, 0.3], [0, 0.1, 0.4]])
    blurred = image.apply_kernel(truth, taps)
    for algorithm in ("wiener", "richardson_lucy"):
        found = image.deconvolve(blurred, taps, algorithm, noise=1e-3, iterations=200)
        assert np.unravel_index(found.argmax(), found.shape) == (12, 17)


@pytest.mark.parametrize("algorithm", ["wiener"])
@pytest.mark.parametrize("rows", range(1, 7))
@pytest.mark.parametrize("columns", range(1, 7))
def test_a_point_that_was_blurred_comes_back_where_it_was(algorithm, rows, columns):
    point = np.zeros((40, 37))
    point[20, 17] = 1
    corner = np.zeros((rows, columns))
    corner[-1, 0] = 1
    for taps in (np.ones((rows, columns)), _RNG.uniform(0, 1, (rows, columns)), corner):
        blurred = image.apply_kernel(point, taps / taps.sum())
        found = image.deconvolve(blurred, taps, algorithm)
        assert np.unravel_index(found.argmax(), found.shape) == (20, 17)
    if algorithm == "wiener":
        blurred = image.box_blur(point, (rows, columns))
        found = image.deconvolve(blurred, np.ones((rows, columns)))
        np.testing.assert_allclose(found[20, 17], found.max(), rtol=1e-9)


@pytest.mark.parametrize("noise", [1e-1, 1e-2, 1e-3, 1e-4])
@pytest.mark.parametrize(
    "taps", [kernels.motion(41, 20), kernels.disk(8), np.ones((9, 9)) / 81, np.ones((1, 30)) / 30]
)
def test_a_wiener_filter_cut_short_restores_as_well_as_one_that_is_not(taps, noise):
    """The other one works on the period of the picture and its reflections, whose transform is exact."""
    scene = image.gaussian_blur(_RNG.uniform(0, 1, (290, 310)) ** 8, 1.0)
    scene /= scene.max()
    truth = scene[30:230, 30:250]
    (rows, columns), (height, width) = taps.shape, truth.shape
    blurred = convolve(scene, taps, mode="same")[30:230, 30:250]
    blurred = blurred + _RNG.normal(0, np.sqrt(noise) * truth.std(), truth.shape)

    period = np.pad(blurred, ((0, height), (0, width)), mode="symmetric")
    spread = np.zeros(period.shape)
    spread[:rows, :columns] = taps
    spectrum = np.fft.fft2(np.roll(spread, (-((rows - 1) // 2), -((columns - 1) // 2)), (0, 1)))
    response = (1 + noise) * spectrum.conj() / (np.abs(spectrum) ** 2 + noise)
    whole = np.fft.ifft2(np.fft.fft2(period) * response).real[:height, :width]

    found = image.deconvolve(blurred, taps, noise=noise)
    assert wiener_kernel(taps, noise).sum() == pytest.approx(1, abs=1e-12)
    assert _error(found, truth) < 1.02 * _error(whole, truth)


def test_richardson_lucy_is_its_formula():
    """Two steps by hand: the image is larger than what was seen of it by the reach of the kernel."""
    seen = _RNG.uniform(0.1, 1, (5, 6))
    taps = _RNG.uniform(0, 1, (2, 3))
    taps /= taps.sum()
    whole = np.pad(seen, ((1, 0), (1, 1)), mode="edge")

    def blur(x):
        return convolve(x, taps, mode="valid", method="direct")

    def back(y):
        return convolve(y, taps[::-1, ::-1], mode="full", method="direct")

    for _ in range(2):
        whole = whole * back(seen / blur(whole)) / back(np.ones_like(seen))
    found = image.deconvolve(seen, taps, "richardson_lucy", iterations=2)
    np.testing.assert_allclose(found, whole[1:, 1:-1], rtol=1e-12)


def test_richardson_lucy_makes_nothing_of_the_edges():
    """A scene that goes on beyond the picture: at its edges the error is what it is within."""
    scene = _RNG.uniform(0, 1, (90, 90)) ** 4
    scene = image.gaussian_blur(scene, 1.5)
    blurred = convolve(scene, kernels.disk(4), mode="valid")
    truth = scene[4:-4, 4:-4]
    found = image.deconvolve(blurred, kernels.disk(4), "richardson_lucy", iterations=50)
    inner = (slice(15, -15), slice(15, -15))
    assert _error(found, truth) < 2 * _error(found[inner], truth[inner])
    assert _error(found, truth) < _error(blurred, truth)


def test_flat_pictures_and_opacity_stay_as_they_are():
    pixels = np.full((20, 20, 4), 77, np.uint8)
    pixels[..., 3] = _RNG.integers(1, 256, (20, 20))
    for algorithm in ("wiener", "richardson_lucy"):
        assert np.array_equal(image.deconvolve(pixels, kernels.disk(2), algorithm)[..., 3], pixels[..., 3])
        opaque = pixels[..., :3]
        assert np.array_equal(image.deconvolve(opaque, kernels.disk(2), algorithm), opaque)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kernel": [[1.0, -1.0]]}, "kernel sums to 0; pass one with a positive sum"),
        ({"kernel": [1.0]}, "kernel has 1 axes"),
        ({"kernel": [[1.0]], "noise": 0}, "noise=0 is not accepted"),
        ({"kernel": [[1.0]], "algorithm": "magic"}, "algorithm='magic' is not accepted"),
        ({"kernel": [[3.0, -1.0]], "algorithm": "richardson_lucy"}, "kernel has negative taps"),
        ({"kernel": [[1.0]], "algorithm": "richardson_lucy", "iterations": 0}, "iterations=0"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        image.deconvolve(np.ones((4, 4)), **arguments)


def test_richardson_lucy_wants_light():
    with pytest.raises(ValueError, match="image has negative, NaN or infinite pixels"):
        image.deconvolve(np.array([[1.0, -1.0]]), [[1.0]], "richardson_lucy")


def test_a_boundary_without_effect_is_refused():
    with pytest.raises(ValueError, match="boundary='wrap' has no effect with algorithm='richardson_lucy'"):
        image.deconvolve(np.ones((4, 4)), [[1.0]], "richardson_lucy", boundary="wrap")
