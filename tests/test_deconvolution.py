"""Undoing a blur: against the formulas, in steps a person can check, and at the edges."""

from pathlib import Path

import numpy as np
import pytest

from fftconv import convolve, image, kernels
from fftconv.cli.main import run
from fftconv.image.deconvolution import wiener_kernel
from fftconv.image.parts import filter_in_parts

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


@pytest.mark.parametrize("algorithm", ["wiener", "richardson_lucy"])
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


def _likeliest(observed, taps, iterations):
    """The formula of Richardson and Lucy, from its sums as one matrix, on a flat first guess."""
    taps = taps / taps.sum()
    (rows, columns), (height, width) = taps.shape, observed.shape
    above, left = rows - 1 - (rows - 1) // 2, columns - 1 - (columns - 1) // 2
    whole = (height + rows - 1, width + columns - 1)
    blur = np.zeros((height, width, *whole))
    for p, q, i, j in np.ndindex(height, width, rows, columns):
        blur[p, q, p + (rows - 1) // 2 - i + above, q + (columns - 1) // 2 - j + left] += taps[i, j]
    blur = blur.reshape(observed.size, -1)
    seen = blur.sum(axis=0)
    found = np.full(blur.shape[1], observed.mean())
    for _ in range(iterations):
        model = blur @ found
        ratio = np.divide(observed.ravel(), model, out=np.zeros_like(model), where=model > 0)
        found = np.divide(found * (ratio @ blur), seen, out=np.zeros_like(found), where=seen > 0)
    inside = (slice(above, above + height), slice(left, left + width))
    known = seen.reshape(whole)[inside] > 0
    return np.where(known, found.reshape(whole)[inside], observed)


def _sparse(rows, columns):
    taps = _RNG.uniform(0.1, 1, (rows, columns)) * (_RNG.uniform(size=(rows, columns)) < 0.3)
    taps[_RNG.integers(rows), _RNG.integers(columns)] = 1
    return taps


_METHODS = ("auto", "direct", "fft", "overlap_save", "separable", "running_sum")
_NON_NEGATIVE = {
    "corners of 0": kernels.disk(2),
    "two taps": np.array([[1, 0, 1]]),
    "middle of 0": np.array([[1, 0, 2], [0, 0, 0], [3, 0, 1.0]]),
    "one tap": np.array([[0, 0, 0], [0, 0, 0], [0, 1.0, 0]]),
    "even sides": np.ones((2, 4)),
    "rank 1": np.outer([1, 3.0, 2], [2, 1.0]),
    "tiny taps": np.array([[1, 1e-7, 0], [1e-300, 1e-20, 2.0]]),
    "sparse": _sparse(5, 6),
    "one row": _sparse(1, 7),
    "larger than the picture": _sparse(15, 4),
}


def _accepted(observed, taps, **options):
    """The results of all methods that take this kernel."""
    found = {}
    for method in _METHODS:
        try:
            found[method] = image.deconvolve(observed, taps, "richardson_lucy", method=method, **options)
        except ValueError as error:
            if method not in str(error):
                raise
    assert found.keys() >= {"auto", "direct", "fft", "overlap_save"}
    return found


@pytest.mark.parametrize("name", _NON_NEGATIVE)
@pytest.mark.parametrize("picture", ["noise", "points"])
def test_richardson_lucy_is_its_formula(name, picture):
    """By every method, on pictures with zeros and without."""
    taps = _NON_NEGATIVE[name]
    observed = _RNG.uniform(0.1, 1, (11, 9))
    if picture == "points":
        observed *= _RNG.uniform(size=observed.shape) < 0.2
        observed[5, 4] = 1
    expected = _likeliest(observed, taps, 30)
    for method, found in _accepted(observed, taps).items():
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6 * expected.max(), err_msg=method)


_LARGE = {
    "motion": kernels.motion(41, 20),
    "disk": kernels.disk(8),
    "gaussian": kernels.gaussian((2.0, 3.0)),
    "random": _RNG.uniform(0, 1, (15, 13)),
    "sparse": _sparse(15, 14),
}


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float16, np.float32, np.float64])
@pytest.mark.parametrize("name", [*_NON_NEGATIVE, *_LARGE])
def test_richardson_lucy_finds_what_our_own_blur_made_of_a_point(name, dtype):
    """Finite, nowhere negative, as bright as it was, and the same by all methods."""
    taps = (_NON_NEGATIVE | _LARGE)[name]
    integer = np.dtype(dtype).kind in "iu"
    most = {np.uint8: 255, np.uint16: 65535, np.int32: 10**6}.get(dtype, 1)
    truth = np.zeros((45, 52, 3), dtype)
    truth[22, 25] = most, most // 2 if integer else 0.5, 0
    blurred = image.apply_kernel(truth, taps / taps.sum(), method="fft", boundary="zero")
    tolerance = 1e-6 if np.dtype(dtype).itemsize == 8 else 1e-3
    first = None
    for method, found in _accepted(blurred, taps).items():
        assert (found.dtype, found.shape) == (truth.dtype, truth.shape)
        assert np.isfinite(found).all(), method
        assert (found >= 0).all(), method
        assert not found[..., 2].any()
        first = found.astype(float) if first is None else first
        step = 1.0 if integer else 0.0
        atol = tolerance * first.max() + step
        np.testing.assert_allclose(found.astype(float), first, rtol=0, atol=atol, err_msg=method)
        for channel in range(2):
            if not integer or blurred[..., channel].max() >= 8:  # fewer steps say little of where it was
                plane = found[..., channel]
                assert np.unravel_index(plane.argmax(), plane.shape) == (22, 25), method
        if not integer and dtype is not np.float16:
            np.testing.assert_allclose(found.mean((0, 1)), truth.mean((0, 1)), rtol=5e-3, err_msg=method)


@pytest.mark.parametrize("scale", [1e-300, 1e-30, 1.0, 1e30, 1e300])
def test_richardson_lucy_follows_the_scale_of_each_channel(scale):
    channel = image.disk_blur(_RNG.uniform(0, 1, (20, 21)) ** 9, 2)
    expected = image.deconvolve(channel, kernels.disk(2), "richardson_lucy")
    both = np.stack([channel, channel * scale], axis=-1)
    found = image.deconvolve(both, kernels.disk(2), "richardson_lucy")
    np.testing.assert_allclose(found[..., 0], expected, rtol=0, atol=1e-9)
    np.testing.assert_allclose(found[..., 1] / scale, expected, rtol=0, atol=1e-9)


def test_a_kernel_is_divided_by_its_sum_whatever_its_scale():
    picture = _RNG.uniform(0, 1, (12, 13))
    for algorithm in ("wiener", "richardson_lucy"):
        expected = image.deconvolve(picture, np.ones((3, 3)), algorithm)
        for scale in (1e-310, 1e308):
            found = image.deconvolve(picture, np.full((3, 3), scale), algorithm)
            np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_pixels_barely_below_0_count_as_0():
    blurred = image.disk_blur(np.pad([[1.0]], 12), 3)
    ragged = blurred.copy()
    ragged[0, :4] = -0.99e-6 * blurred.max()
    expected = image.deconvolve(blurred, kernels.disk(3), "richardson_lucy")
    assert np.array_equal(image.deconvolve(ragged, kernels.disk(3), "richardson_lucy"), expected)
    ragged[0, 0] = -1.01e-6 * blurred.max()
    with pytest.raises(ValueError, match=r"negative ones above -1e-06 times the largest count as 0"):
        image.deconvolve(ragged, kernels.disk(3), "richardson_lucy")


@pytest.mark.parametrize("name", _NON_NEGATIVE)
def test_black_and_flat_pictures_stay(name):
    """Also the pixels at an edge that such a kernel moves out of sight."""
    for value in (0, 77, 255):
        flat = np.full((20, 21, 3), value, np.uint8)
        assert np.array_equal(image.deconvolve(flat, _NON_NEGATIVE[name], "richardson_lucy"), flat)


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
        ({"kernel": [1.0]}, "kernel has 1 axis"),
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
    with pytest.raises(ValueError, match="boundary='wrap' has no effect with Richardson-Lucy"):
        image.deconvolve(np.ones((4, 4)), [[1.0]], "richardson_lucy", boundary="wrap")


@pytest.mark.parametrize("algorithm", ["wiener", "richardson-lucy"])
@pytest.mark.parametrize(
    ("shape", "kernel"),
    [
        (["--shape", "motion", "--length", "41", "--angle", "20"], "motion(41,20)"),
        (["--shape", "disk", "--radius", "8"], "disk(8)"),
    ],
)
def test_a_picture_that_the_command_line_blurred_is_restored_by_it(tmp_path, algorithm, shape, kernel):
    truth = image.read(Path(__file__).parents[1] / "samples" / "picture.png")[300:620, 100:500]
    sharp, blurred, restored = (tmp_path / name for name in ("a.png", "b.png", "c.png"))
    image.write(sharp, truth)
    assert run(["image", "blur", str(sharp), *shape, "--output", str(blurred)]) == 0
    options = ["--kernel", kernel, "--algorithm", algorithm, "--output", str(restored)]
    assert run(["image", "deconvolve", str(blurred), *options]) == 0
    found, before = image.read(restored), image.read(blurred)
    assert _error(found, truth) < 0.85 * _error(before, truth)
    assert found.mean() == pytest.approx(before.mean(), rel=0.01)


def test_richardson_lucy_counts_its_memory_before_it_takes_it(tmp_path):
    source, target = tmp_path / "a.tif", tmp_path / "b.tif"
    image.write(source, np.zeros((100, 100), np.uint8))
    parameters = {"kernel": kernels.disk(2), "algorithm": "richardson_lucy"}
    with pytest.raises(ValueError, match="this filter needs the whole image in memory; raise max_memory"):
        filter_in_parts(source, target, image.deconvolve, parameters, 60 * 100 * 100, None)
    assert filter_in_parts(source, target, image.deconvolve, parameters, 80 * 100 * 100, None) is None


@pytest.mark.parametrize(
    "taps",
    [
        np.array([[1.0, 0, 0, 0, 1]]),
        np.array([[2.0, 0, 0, 0, 1]]),
        np.array([[1.0], [0], [0], [0], [0], [3]]),
        np.diag([1.0, 0, 0, 0, 0, 0, 1]),
        np.array([[1.0, 0, 1], [0, 0, 0], [1, 0, 1]]),
        (np.random.default_rng(3).random((6, 9)) < 0.15).astype(float),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_light_a_kernel_away_from_the_edges_stays_where_it_is(taps, dtype):
    """A ghost of it that is half out of the picture explains as much of what is seen."""
    rows, columns = taps.shape
    sharp = np.zeros((2 * rows + 1, 2 * columns + 1), dtype)
    sharp[rows, columns] = 1
    blurred = image.apply_kernel(sharp, taps / taps.sum(), boundary="zero")
    for method in ("auto", "direct", "fft"):
        found = image.deconvolve(blurred, taps, "richardson_lucy", method=method)
        assert np.unravel_index(found.argmax(), found.shape) == (rows, columns)
        assert found.mean() == pytest.approx(sharp.mean(), rel=0.005)
