"""NumPy and SciPy as second oracles, each by the recipe that the README gives for it."""

import numpy as np
import pytest
import scipy.ndimage
import scipy.signal
from cases import numbers

import fftconv

SIZES = [(20, 5), (20, 4), (5, 20), (7, 7), (1, 3)]
NDIMAGE_BOUNDARIES = ["constant", "nearest", "reflect", "mirror", "wrap"]


def assert_equal_up_to_rounding(result, expected, plan):
    assert result.shape == expected.shape
    assert np.abs(result - expected).max() <= 2 * plan.error_bound


@pytest.mark.parametrize(("n", "m"), SIZES)
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_numpy_convolve_full(n, m, dtype):
    signal, kernel = numbers(n, dtype, 1), numbers(m, dtype, 2)
    assert_equal_up_to_rounding(
        fftconv.convolve(signal, kernel),
        np.convolve(signal, kernel),
        fftconv.explain(signal, kernel),
    )


@pytest.mark.parametrize(("n", "m"), [size for size in SIZES if size[0] >= size[1]])
@pytest.mark.parametrize("mode", ["same", "valid"])
def test_numpy_convolve_agrees_where_the_signal_is_the_longer(n, m, mode):
    signal, kernel = numbers(n, "float64", 1), numbers(m, "float64", 2)
    assert_equal_up_to_rounding(
        fftconv.convolve(signal, kernel, mode=mode),
        np.convolve(signal, kernel, mode),
        fftconv.explain(signal, kernel, mode=mode),
    )


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("shapes", [((9, 8), (3, 4)), ((6, 5, 7), (2, 3, 3)), ((12,), (5,))])
@pytest.mark.parametrize("method", ["direct", "fft"])
@pytest.mark.parametrize("ours", [fftconv.convolve, fftconv.correlate])
def test_scipy_signal(shapes, mode, method, ours):
    signal, kernel = (numbers(shape, "complex128", i) for i, shape in enumerate(shapes))
    theirs = getattr(scipy.signal, ours.__name__)
    assert_equal_up_to_rounding(
        ours(signal, kernel, mode=mode, method=method),
        theirs(signal, kernel, mode, method=method),
        fftconv.explain(signal, kernel, mode=mode, method="fft"),
    )


def test_scipy_signal_oaconvolve():
    signal, kernel = numbers(3000, "float64", 1), numbers(200, "float64", 2)
    expected = scipy.signal.oaconvolve(signal, kernel)
    plan = fftconv.explain(signal, kernel)
    assert_equal_up_to_rounding(fftconv.convolve(signal, kernel), expected, plan)
    live = fftconv.StreamingConvolver(kernel, block_size=64)
    parts = [live.process(signal[start : start + 64]) for start in range(0, 3000, 64)]
    assert_equal_up_to_rounding(np.concatenate([*parts, live.flush()]), expected, plan)


def test_scipy_signal_savgol_filter():
    signal = numbers(100, "float64", 1)
    expected = scipy.signal.savgol_filter(signal, 11, 3, mode="mirror")
    smooth = fftconv.audio.smooth(signal, 11, window="savitzky_golay", order=3, boundary="mirror")
    np.testing.assert_allclose(smooth, expected, atol=1e-12)


def test_scipy_signal_fftconvolve_broadcasts_alike():
    signal, kernel = numbers((4, 1, 30), "float64", 1), numbers((1, 3, 5), "float64", 2)
    assert_equal_up_to_rounding(
        fftconv.convolve(signal, kernel, axes=2),
        scipy.signal.fftconvolve(signal, kernel, axes=2),
        fftconv.explain(signal, kernel, axes=2),
    )


@pytest.mark.parametrize("boundary", NDIMAGE_BOUNDARIES)
@pytest.mark.parametrize("sides", [(3, 5), (4, 3), (2, 6)])
def test_scipy_ndimage_convolve(boundary, sides):
    """ndimage's even kernels are centred one sample later: origin=-1 moves them to ours."""
    signal, kernel = numbers((9, 10), "float64", 1), numbers(sides, "float64", 2)
    options = {"mode": "same", "boundary": boundary}
    fill = {"cval": 2.5} if boundary == "constant" else {}
    if fill:
        options["fill_value"] = 2.5
    origin = [-1 if side % 2 == 0 else 0 for side in sides]
    assert_equal_up_to_rounding(
        fftconv.convolve(signal, kernel, **options),
        scipy.ndimage.convolve(signal, kernel, mode=boundary, origin=origin, **fill),
        fftconv.explain(signal, kernel, **options),
    )


@pytest.mark.parametrize("boundary", NDIMAGE_BOUNDARIES)
@pytest.mark.parametrize("sides", [(3, 5), (4, 3), (2, 6)])
def test_scipy_ndimage_correlate(boundary, sides):
    signal, kernel = numbers((9, 10), "float64", 1), numbers(sides, "float64", 2)
    options = {"mode": "same", "boundary": boundary}
    assert_equal_up_to_rounding(
        fftconv.correlate(signal, kernel, **options),
        scipy.ndimage.correlate(signal, kernel, mode=boundary),
        fftconv.explain(signal, kernel, **options),
    )


def test_scipy_ndimage_gaussian_filter():
    signal = numbers((40, 50), "float64", 1)
    kernel = fftconv.kernels.gaussian((2.0, 1.0))
    ours = fftconv.convolve(signal, kernel, mode="same", boundary="reflect")
    theirs = scipy.ndimage.gaussian_filter(signal, (2.0, 1.0))
    assert np.allclose(ours, theirs, rtol=0, atol=1e-14)


@pytest.mark.parametrize("sides", [(3, 5), (4, 3), (2, 6)])
@pytest.mark.parametrize(("ours", "theirs"), [("reflect", "symm"), ("wrap", "wrap"), ("zero", "fill")])
def test_scipy_signal_convolve2d(ours, theirs, sides):
    signal, kernel = numbers((9, 10), "float64", 1), numbers(sides, "float64", 2)
    assert_equal_up_to_rounding(
        fftconv.convolve(signal, kernel, mode="same", boundary=ours),
        scipy.signal.convolve2d(signal, kernel, "same", boundary=theirs),
        fftconv.explain(signal, kernel, mode="same", boundary=ours),
    )


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("m", [3, 4])
def test_numpy_correlate(mode, m):
    signal, kernel = numbers(20, "complex128", 1), numbers(m, "complex128", 2)
    assert_equal_up_to_rounding(
        fftconv.correlate(signal, kernel, mode=mode),
        np.correlate(signal, kernel, mode),
        fftconv.explain(signal, kernel, mode=mode),
    )


@pytest.mark.parametrize("sides", [(3, 5), (4, 3), (2, 6)])
@pytest.mark.parametrize(
    ("boundary", "border"),
    [("mirror", "BORDER_DEFAULT"), ("reflect", "BORDER_REFLECT"), ("nearest", "BORDER_REPLICATE")],
)
def test_opencv_filter2d(boundary, border, sides):
    cv2 = pytest.importorskip("cv2")
    signal, kernel = numbers((9, 10), "float64", 1), numbers(sides, "float64", 2)
    assert_equal_up_to_rounding(
        fftconv.correlate(signal, kernel, mode="same", boundary=boundary),
        cv2.filter2D(signal, -1, kernel, borderType=getattr(cv2, border)),
        fftconv.explain(signal, kernel, mode="same", boundary=boundary),
    )
