"""Pictures of kernels and images: the numbers in them, and what is said beside them."""

import numpy as np
import pytest

from fftconv import kernels, plotting


def test_a_line_of_taps_and_its_gain():
    figure = plotting.plot_kernel([0.25, 0.5, 0.25], title="binomial")
    left, right = figure.axes
    assert left.get_title() == "3 taps, sum 1"
    assert left.get_lines()[0].get_ydata().tolist() == [0.25, 0.5, 0.25]
    frequency, gain = right.get_lines()[0].get_data()
    np.testing.assert_allclose(gain, np.cos(np.pi * frequency) ** 2, atol=1e-12)
    assert right.get_xlabel() == "cycles per sample"


def test_a_map_of_taps_and_its_gain():
    figure = plotting.plot_kernel(kernels.laplace(4))
    left, right = figure.axes[:2]
    shown = left.get_images()[0]
    assert np.array_equal(shown.get_array(), kernels.laplace(4))
    assert shown.get_clim() == (-4, 4)  # white is 0
    gain = right.get_images()[0].get_array()
    assert gain[gain.shape[0] // 2, gain.shape[1] // 2] == pytest.approx(0, abs=1e-12)
    assert gain.max() == pytest.approx(8)


@pytest.mark.parametrize(
    ("dtype", "shape", "shown"),
    [("uint8", (4, 5), (4, 5)), ("uint16", (4, 5, 3), (4, 5, 3)), ("uint8", (4, 5, 2), (4, 5, 4))],
)
def test_images_side_by_side(dtype, shape, shown):
    full = np.iinfo(dtype).max
    before = np.full(shape, full, dtype)
    figure = plotting.plot_image_pair(before, before // 2, kernels=[np.ones((2, 2))], caption="direct")
    first, second, taps = figure.axes[:3]
    assert [ax.get_title() for ax in (first, second, taps)] == [
        "before",
        "after",
        "2 × 2 taps, sum 4",
    ]
    assert first.get_images()[0].get_array().shape == shown
    assert first.get_images()[0].get_array().max() == 1
    assert second.get_images()[0].get_array().max() == pytest.approx(0.5, abs=0.01)
    assert figure.get_supxlabel() == "direct"


def test_large_images_are_drawn_with_fewer_pixels():
    figure = plotting.plot_image_pair(np.zeros((5000, 10), np.uint8), np.linspace(-3, 3, 50).reshape(5, 10))
    first, second = (ax.get_images()[0].get_array() for ax in figure.axes)
    assert first.shape[0] == 1000
    assert (second.min(), second.max()) == (0, 1)


def test_what_cannot_be_drawn():
    with pytest.raises(ValueError, match="pass real taps of one or two axes"):
        plotting.plot_kernel(np.ones((2, 2, 2)))
    with pytest.raises(ValueError, match=r"before has shape \(2, 2, 7\)"):
        plotting.plot_image_pair(np.ones((2, 2, 7)), np.ones((2, 2)))
