"""Savitzky-Golay taps are the projection on polynomials that exact integers give."""

import math

import numpy as np
import pytest

from fftconv import audio
from fftconv._savitzky_golay import savitzky_golay
from fftconv.cli.main import run

ONE = 2**200  # in which the exact taps are counted


def exact_taps(width, order, places):
    """The sum of the definition at some places, by Chebyshev's polynomials, which are whole numbers there.

    (d + 1) t_{d+1}(j) = (2 d + 1) 2 j t_d(j) - d (n² - d²) t_{d-1}(j), and the sum of t_d² over all places
    is n (n² - 1) ... (n² - d²) / (2 d + 1) (G. Szegő, Orthogonal Polynomials, 1939, section 2.8).
    """
    columns = [0, *places]
    earlier, values = [0] * len(columns), [1] * len(columns)
    squares = width
    sums = [0] * len(columns)
    for d in range(order + 1):
        if d:
            squares *= width**2 - d**2
        sums = [
            total + ONE * (2 * d + 1) * values[0] * value // squares
            for total, value in zip(sums, values, strict=True)
        ]
        later = [
            ((2 * d + 1) * 2 * j * value - d * (width**2 - d**2) * before) // (d + 1)
            for j, value, before in zip(columns, values, earlier, strict=True)
        ]
        earlier, values = values, later
    return np.array([total / ONE for total in sums[1:]])


def sample_of_widths_and_orders():
    rng = np.random.default_rng(5)
    for width in (*range(1, 16, 2), 51, 101, 251, 1001, *(2 * rng.integers(8, 400, 6) + 1)):
        orders = {0, 1, width - 2, width - 1, *rng.integers(0, width, 3)}
        yield from ((int(width), int(order)) for order in sorted(orders) if 0 <= order < width)


@pytest.mark.parametrize(("width", "order"), list(sample_of_widths_and_orders()))
def test_taps_are_the_exact_ones_sum_to_1_and_keep_polynomials(width, order):
    taps, half = savitzky_golay(width, order), width // 2
    assert taps.shape == (width,)
    np.testing.assert_array_equal(taps, taps[::-1])
    assert math.fsum(taps) == pytest.approx(1, abs=3e-16)
    some = np.unique(np.r_[0, 1, half, np.random.default_rng(width).integers(0, half + 1, 12)])
    places = [int(place) for place in some if place <= half]
    expected = exact_taps(width, order, places)
    assert np.abs(taps[half:][places] - expected).max() <= 1e-14 * np.abs(taps).max()
    polynomials = np.polynomial.chebyshev.chebvander(np.linspace(-1, 1, width), order)
    np.testing.assert_allclose(taps @ polynomials, polynomials[half], atol=1e-12)


def test_the_highest_order_leaves_every_sample_alone():
    for width in (1, 3, 75):
        identity = np.zeros(width)
        identity[width // 2] = 1
        np.testing.assert_array_equal(savitzky_golay(width, width - 1), identity)


@pytest.mark.parametrize("boundary", ["reflect", "mirror", "nearest"])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_smoothing_leaves_a_constant_alone(boundary, kind):
    for width, order in ((5, 4), (51, 12), (101, 20), (101, 70), (221, 8), (301, 299)):
        smoothed = audio.smooth(
            np.full(400, 3, kind), width, window="savitzky_golay", order=order, boundary=boundary
        )
        assert smoothed.dtype == kind
        np.testing.assert_allclose(smoothed, 3, rtol=1e-6 if kind is np.float32 else 1e-13)


def test_smoothing_keeps_a_polynomial_of_its_order_in_files_as_well(tmp_path):
    t = np.linspace(-1, 1, 3000)
    curve = np.polynomial.Chebyshev(np.full(9, 0.1))(t)
    arrays = audio.smooth(curve, 221, window="savitzky_golay", order=8)
    np.testing.assert_allclose(arrays[110:-110], curve[110:-110], atol=1e-13)
    source, target = tmp_path / "curve.wav", tmp_path / "smooth.wav"
    audio.write(source, curve, 44100, subtype="DOUBLE")
    command = ["audio", "smooth", str(source), "-o", str(target), "--window", "savitzky_golay"]
    assert run([*command, "--width", "0.005", "--order", "8"]) == 0
    np.testing.assert_allclose(audio.read(target)[0][:, 0], arrays, atol=1e-12)


@pytest.mark.parametrize(
    ("width", "order", "kind", "message"),
    [
        (4, 2, ValueError, "width=4 with order=2 .* pass an odd width and an order below it"),
        (5, 5, ValueError, "width=5 with order=5 is not accepted"),
        (0, 0, ValueError, "width=0 is not accepted"),
        (5, -1, ValueError, "order=-1 is not accepted; pass a whole number from 0"),
        (5.0, 2, TypeError, "width=5.0"),
        (5, 2.0, TypeError, "order=2.0"),
        (20001, 9000, ValueError, "pass less of either, until width × .* is at most 34359738368"),
    ],
)
def test_what_is_refused_says_what_to_pass(width, order, kind, message):
    with pytest.raises(kind, match=message):
        savitzky_golay(width, order)
