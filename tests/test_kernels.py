"""Kernels: sums, symmetry, and the values that formula, SciPy or numerical integration give."""

import doctest
import itertools

import numpy as np
import pytest
import scipy.integrate
import scipy.ndimage

from fftconv import correlate, kernels

SUM_TO_ONE = {
    "box": kernels.box((3, 4)),
    "moving_average": kernels.moving_average(5),
    "exponential": kernels.exponential(0.3),
    "gaussian": kernels.gaussian((1.5, 2.5)),
    "disk": kernels.disk(3.3),
    "motion": kernels.motion(7, 30),
    "sharpen": kernels.sharpen(0.7),
    "unsharp": kernels.sharpen(0.7, sigma=1.5),
    "emboss": kernels.emboss(0.5),
}
SUM_TO_ZERO = {
    "laplace 4": kernels.laplace(4),
    "laplace 8": kernels.laplace(8),
    "log": kernels.laplacian_of_gaussian(1.4),
    "sobel": kernels.sobel(),
    "prewitt": kernels.prewitt(),
    "scharr": kernels.scharr(),
    "difference": kernels.difference(),
}


@pytest.mark.parametrize("name", SUM_TO_ONE)
def test_smoothing_and_sharpening_keep_the_mean(name):
    assert SUM_TO_ONE[name].sum() == pytest.approx(1, abs=1e-14)


@pytest.mark.parametrize("name", SUM_TO_ZERO)
def test_edge_kernels_are_blind_to_constants(name):
    assert SUM_TO_ZERO[name].sum() == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize("sigma", [5e-324, 1e-200, 1e-160, 1e-10, 0.1])
def test_kernels_narrower_than_a_sample_leave_it_alone(sigma):
    for taps in (
        kernels.gaussian(sigma, truncate=1 / max(sigma, 1e-300)),
        kernels.gaussian((sigma, sigma)),
        kernels.sharpen(1, sigma),
        kernels.gabor(sigma, 3),
        kernels.exponential(1.0),
    ):
        identity = np.zeros(taps.shape)
        identity[tuple(side // 2 for side in taps.shape)] = 1
        np.testing.assert_allclose(taps, identity, atol=1e-15)


def test_docstring_examples():
    assert doctest.testmod(kernels).failed == 0


def test_every_kernel_has_formula_source_and_example():
    for name in kernels.__all__:
        text = getattr(kernels, name).__doc__
        assert ".. math::" in text, name
        assert "References" in text, name
        assert ">>> " in text, name


@pytest.mark.parametrize("sigma", [0.3, 1, 2.7])
@pytest.mark.parametrize("truncate", [3.0, 4.0])
def test_gaussian_taps_are_those_of_ndimage(sigma, truncate):
    impulse = np.zeros(41)
    impulse[20] = 1
    expected = scipy.ndimage.gaussian_filter1d(impulse, sigma, truncate=truncate)
    taps = kernels.gaussian(sigma, truncate=truncate)
    assert np.allclose(np.trim_zeros(expected), taps[taps > 0], rtol=1e-13)


def test_gaussian_is_the_product_of_its_lines():
    image = kernels.gaussian((1.0, 3.0))
    assert np.allclose(image, np.outer(kernels.gaussian(1.0), kernels.gaussian(3.0)), rtol=1e-15)
    assert kernels.gaussian((0, 1.0)).shape == (1, 9)
    assert np.array_equal(kernels.gaussian(np.array([1.0, 3.0])), image)


def test_a_disk_inside_one_pixel_is_that_pixel():
    assert kernels.disk(1e-200).tolist() == [[1.0]]


@pytest.mark.parametrize("radius", [0.3, 0.5, 1.0, 2.6, 5.0])
def test_disk_taps_are_areas(radius):
    taps = kernels.disk(radius)
    centre = len(taps) // 2
    for row, column in np.ndindex(taps.shape):
        y0, x0 = row - centre - 0.5, column - centre - 0.5

        def height(x, y0=y0):
            edge = np.sqrt(max(radius**2 - x**2, 0))
            return max(min(y0 + 1, edge) - max(y0, -edge), 0)

        kinks = [x for y in (y0, y0 + 1) if abs(y) < radius for x in _circle(radius, y)]
        inside = sorted({x0, x0 + 1, *(x for x in [*kinks, -radius, radius] if x0 < x < x0 + 1)})
        area = sum(scipy.integrate.quad(height, a, b, limit=200)[0] for a, b in itertools.pairwise(inside))
        assert taps[row, column] == pytest.approx(area / (np.pi * radius**2), abs=1e-8)


def _circle(radius, y):
    x = np.sqrt(radius**2 - y**2)
    return -x, x


def test_laplacian_of_gaussian_is_that_of_ndimage_with_the_other_sign():
    impulse = np.zeros((41, 41))
    impulse[20, 20] = 1
    expected = -scipy.ndimage.gaussian_laplace(impulse, 2.0, truncate=8)
    taps = kernels.laplacian_of_gaussian(2.0, truncate=8)
    side = len(taps) // 2
    assert np.abs(taps - expected[20 - side : 21 + side, 20 - side : 21 + side]).max() < 1e-6


@pytest.mark.parametrize("name", ["sobel", "prewitt"])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_gradients_are_those_of_ndimage(name, axis):
    image = np.random.default_rng(0).random((8, 9))
    expected = getattr(scipy.ndimage, name)(image, axis=axis)
    kernel = getattr(kernels, name)(axis)
    assert np.allclose(correlate(image, kernel, mode="same", boundary="reflect"), expected, atol=1e-14)


@pytest.mark.parametrize(("name", "slope"), [("sobel", 8), ("prewitt", 6), ("scharr", 32)])
def test_gradients_of_a_ramp(name, slope):
    ramp = np.arange(5) * np.ones((4, 1), int)
    kernel = getattr(kernels, name)(axis=1)
    assert (correlate(ramp, kernel, mode="valid") == slope).all()
    volume = getattr(kernels, name)(axis=0, ndim=3)
    assert volume.shape == (3, 3, 3)


@pytest.mark.parametrize("angle", [0, 45, 90, 135, 180])
def test_motion_lies_along_its_angle(angle):
    taps = kernels.motion(9, angle)
    rows, columns = np.indices(taps.shape) - len(taps) // 2
    along = columns * np.cos(np.radians(angle)) - rows * np.sin(np.radians(angle))
    across = columns * np.sin(np.radians(angle)) + rows * np.cos(np.radians(angle))
    assert (taps * along**2).sum() > 5 * (taps * across**2).sum()
    assert np.allclose(taps, taps[::-1, ::-1])


def test_gabor_answers_to_its_own_stripes():
    _rows, columns = np.indices((64, 64))
    stripes = np.cos(2 * np.pi * columns / 8)
    answers = [
        np.abs(correlate(stripes, kernels.gabor(4, 8, angle, part="complex"), mode="valid")).max()
        for angle in (0, 45, 90)
    ]
    assert answers[0] > 10 * max(answers[1:])


def test_gabor_parts():
    whole = kernels.gabor(2, 5, 30, part="complex")
    assert np.array_equal(whole.real, kernels.gabor(2, 5, 30))
    assert np.array_equal(whole.imag, kernels.gabor(2, 5, 30, part="imaginary"))


def test_echo():
    assert kernels.echo(2, 0.5, repeats=3).tolist() == [1, 0, 0.5, 0, 0.25, 0, 0.125]
    assert kernels.echo(5, 0.5, repeats=0).tolist() == [1]


def test_exponential_is_geometric():
    taps = kernels.exponential(0.25, length=6)
    assert np.allclose(taps[1:] / taps[:-1], 0.75)
    assert kernels.exponential(1).tolist() == [1]


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda: kernels.box(0), ValueError, "size=0"),
        (lambda: kernels.box(2.5), TypeError, "size=2.5"),
        (lambda: kernels.box(None), TypeError, "size=None"),
        (lambda: kernels.box(10**5), ValueError, "size=100000 .* 1e[+]10 taps"),
        (lambda: kernels.gaussian(()), TypeError, "sigma="),
        (lambda: kernels.gaussian(1e300), ValueError, "sigma=1e[+]300"),
        (lambda: kernels.disk(1e9), ValueError, "radius=1000000000.0 .* taps"),
        (lambda: kernels.motion(3, np.inf), ValueError, "angle=inf"),
        (lambda: kernels.laplace(4.0), TypeError, "neighbours=4.0"),
        (lambda: kernels.sobel("x"), TypeError, "axis='x'"),
        (lambda: kernels.laplacian_of_gaussian(0.1), ValueError, "sigma=0.1 is too small"),
        (lambda: kernels.laplacian_of_gaussian(1e-200, truncate=1e201), ValueError, "is too small"),
        (lambda: kernels.laplacian_of_gaussian(0.01, truncate=100), ValueError, "pass at least 0.03"),
        (lambda: kernels.laplacian_of_gaussian(1e200), ValueError, "it makes a kernel of inf taps"),
        (lambda: kernels.disk(1e200), ValueError, "it makes a kernel of inf taps; pass less"),
        (lambda: kernels.motion(1e200), ValueError, "it makes a kernel of inf taps"),
        (lambda: kernels.gabor(1e200, 3), ValueError, "it makes a kernel of inf taps"),
        (lambda: kernels.exponential(1e-320), ValueError, "inf taps; pass more, or a length"),
        (lambda: kernels.exponential(0.5, 10**9), ValueError, "length=1000000000 is not accepted"),
        (lambda: kernels.exponential(1e-12), ValueError, "smoothing=1e-12 .* taps"),
        (lambda: kernels.gabor(1, 4, np.nan), ValueError, "angle=nan"),
        (lambda: kernels.gabor(1, 4, phase=np.inf), ValueError, "phase=inf"),
        (lambda: kernels.echo(1, "a"), TypeError, "decay='a'"),
        (lambda: kernels.echo(1, 1e200, 3), ValueError, "decay=1e[+]200 grows"),
        (lambda: kernels.moving_average(-1), ValueError, "length=-1"),
        (lambda: kernels.gaussian(-1), ValueError, "sigma=-1"),
        (lambda: kernels.gaussian("1"), TypeError, "sigma='1'"),
        (lambda: kernels.gaussian(np.nan), ValueError, "sigma=nan"),
        (lambda: kernels.disk(0), ValueError, "radius=0"),
        (lambda: kernels.motion(np.inf), ValueError, "length=inf"),
        (lambda: kernels.laplace(6), ValueError, "neighbours=6.*4 or 8"),
        (lambda: kernels.sobel(axis=2), ValueError, "axis=2.*-2 to 1"),
        (lambda: kernels.exponential(1.5), ValueError, "smoothing=1.5"),
        (lambda: kernels.sharpen(-1), ValueError, "amount=-1"),
        (lambda: kernels.gabor(2, 1), ValueError, "wavelength=1"),
        (lambda: kernels.gabor(2, 5, part="both"), ValueError, "part='both'"),
        (lambda: kernels.echo(0, 0.5), ValueError, "delay=0"),
        (lambda: kernels.echo(3, np.nan), ValueError, "decay=nan"),
    ],
)
def test_bad_parameters(build, error, message):
    with pytest.raises(error, match=message):
        build()
