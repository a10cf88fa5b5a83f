"""Pictures: the numbers in them, and what is said beside them."""

import sys

import numpy as np
import pytest
from drawn import assert_legible
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import fftconv
from fftconv import kernels, layers, plotting
from fftconv.cli.main import run


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
    with pytest.raises(ValueError, match="pass real numbers along 1 or 2 axes"):
        plotting.plot_kernel(np.ones((2, 2, 2)))
    with pytest.raises(ValueError, match=r"before has shape \(2, 2, 7\)"):
        plotting.plot_image_pair(np.ones((2, 2, 7)), np.ones((2, 2)))


def test_signals_stand_at_their_times():
    figure = plotting.plot_signals({"few": [1, 2, 3], "many": np.arange(100.0)}, sample_rate=10, start=5)
    few, many = figure.axes
    assert few.get_lines()[0].get_data()[0].tolist() == [0.5, 0.6, 0.7]
    assert len(few.collections) == 0
    assert len(plotting.plot_signals([1, 2, 3]).axes[0].collections) == 1  # stems
    assert many.get_lines()[0].get_xdata()[-1] == pytest.approx(10.4)
    assert many.get_xlabel() == "seconds"
    assert plotting.plot_signals([1.0, 2.0]).axes[0].get_xlabel() == "sample"


def test_a_matrix_is_drawn_as_it_is():
    matrix = layers.toeplitz_matrix([[1, -2]], (3, 4), "valid")
    figure = plotting.plot_toeplitz(matrix)
    assert np.array_equal(figure.axes[0].get_images()[0].get_array(), matrix.toarray())
    assert figure.axes[0].get_title() == "9 × 12, 18 of 108 entries not zero, 2 different weights"


@settings(max_examples=30)
@given(data=st.data())
def test_every_frame_is_an_output(data):
    ndim = data.draw(st.integers(1, 2))
    shapes = [data.draw(st.tuples(*[st.integers(1, 6)] * ndim)) for _ in range(2)]
    mode = data.draw(st.sampled_from(["full", "same", "valid"]))
    if mode == "valid":
        shapes[1] = tuple(min(pair) for pair in zip(*shapes, strict=True))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    f, g = (rng.integers(-9, 9, shape).astype(float) for shape in shapes)
    moving = plotting.animate_sliding(f, g, mode=mode, frames=1000, step=0.5, starts=(2, -1))
    y = fftconv.convolve(f, g, mode=mode)
    assert [frame.index for frame in moving.frames] == list(np.ndindex(y.shape))
    for frame in moving.frames:
        assert frame.total == y[frame.index] * 0.5**ndim
        assert frame.product.shape == f.shape
        output = [round((at - 1) / 0.5) for at in frame.at]  # of full
        for place in np.ndindex(f.shape):
            tap = tuple(c - a for c, a in zip(output, place, strict=True))
            inside = all(0 <= t < size for t, size in zip(tap, g.shape, strict=True))
            assert frame.product[place] == (f[place] * g[tap] if inside else 0)


def test_what_a_frame_shows():
    f, g = [0.4, 0.3, 0.2, 0.1], [0.1, 0.2, 0.3, 0.5]
    both, product, output = plotting.plot_sliding(f, g, at=2).axes
    lines = {line.get_label(): line for line in both.get_lines()}
    assert lines["g(c − a)"].get_ydata().tolist() == g[::-1]
    np.testing.assert_allclose(lines["g(c − a)"].get_xdata(), [-1, 0, 1, 2], atol=0.1)
    assert lines["f(a)"].get_ydata().tolist() == f
    (drawn,) = (line for line in product.get_lines() if len(line.get_xdata()) == 4)
    np.testing.assert_allclose(drawn.get_ydata(), [0.4 * 0.3, 0.3 * 0.2, 0.2 * 0.1, 0])
    point = output.get_lines()[-1]
    assert (point.get_xdata()[0], point.get_ydata()[0]) == (2, pytest.approx(0.2))
    assert output.get_title() == "(f ∗ g)(2) = 0.2"
    assert output.get_ylim()[1] > 0.3  # the scale of the whole

    image = np.arange(20.0).reshape(4, 5)
    seen, kernel, filled = plotting.plot_sliding(image, [[1, 2], [3, -4]], at=(2, 3)).axes
    assert seen.patches[0].get_xy() == (1.5, 0.5)  # columns 2 and 3, rows 1 and 2
    assert kernel.get_images()[0].get_array().tolist() == [[-4, 3], [2, 1]]
    done = np.asarray(filled.get_images()[0].get_array().filled(np.nan))
    y = fftconv.convolve(image, [[1, 2], [3, -4]], mode="valid")
    assert filled.get_title().startswith("(f ∗ g)(2, 3) = ")
    assert np.array_equal(done[0], y[0])
    assert np.isnan(done[2:]).all()
    assert np.array_equal(np.isnan(done[1]), [False, False, False, True])


def test_the_moving_picture(tmp_path):
    moving = plotting.animate_sliding(np.ones(50), np.ones(30), step=0.1, frames=7)
    assert [frame.index[0] for frame in moving.frames] == [0, 13, 26, 39, 52, 65, 78]
    moving.save(tmp_path / "m.gif", frames_per_second=10)
    with Image.open(tmp_path / "m.gif") as picture:
        assert picture.n_frames == 7
        assert picture.info["duration"] == 100
        assert picture.info["loop"] == 0
        seen = []
        for number in range(7):
            picture.seek(number)
            seen.append(np.asarray(picture.convert("RGB")).astype(int))
        assert picture.info["duration"] == 1500
    red = [(np.abs(each - (0xD5, 0x5E, 0)).max(axis=2) < 40).sum() for each in seen]
    assert red == sorted(red)  # the output fills in
    assert red[-1] > red[0]
    assert "data:image/gif;base64," in moving._repr_html_()
    odd = plotting.animate_sliding([1, 2], [1e-20], labels=('"><b>', "$a_$"))
    assert "<b>" not in odd._repr_html_()
    assert odd.plot(0).axes[1].get_title().endswith("sum 1e−20")
    assert moving.plot(3).axes[2].get_title() == "(f ∗ g)(3.9) = 3"


def test_what_else_cannot_be_drawn(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"f has shape \(2,\) and g \(1, 1\); give them equally many axes"):
        plotting.plot_sliding([1, 2], [[1]])
    with pytest.raises(ValueError, match=r"f has shape \(1, 1, 1\) .* along 1 or 2 axes"):
        plotting.plot_sliding([[[1]]], [[[1]]])
    with pytest.raises(ValueError, match="g holds NaN or infinity, which cannot be drawn"):
        plotting.plot_sliding([1, 2], [np.nan])
    with pytest.raises(ValueError, match="at=9 is no output; they stand from 0 to 2"):
        plotting.plot_sliding([1, 2], [1, 1], at=9)
    with pytest.raises(ValueError, match="pass 2 numbers"):
        plotting.plot_sliding([[1, 2]], [[1]], at=1)
    with pytest.raises(ValueError, match="step=-1"):
        plotting.animate_sliding([1, 2], [1], step=-1)
    with pytest.raises(ValueError, match="has to end in .gif"):
        plotting.animate_sliding([1, 2], [1]).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match="titles=.* is not accepted; pass two"):
        plotting.plot_image_pair(np.ones((2, 2)), np.ones((2, 2)), titles=("one",))
    with pytest.raises(ValueError, match=r"kernels\[0\] has shape"):
        plotting.plot_image_pair(np.ones((2, 2)), np.ones((2, 2)), kernels=[[1, 2]])
    with pytest.raises(ValueError, match="no more than 400"):
        plotting.plot_toeplitz(layers.toeplitz_matrix([1, 2], 10**6))
    with pytest.raises(TypeError, match="pass two of each"):
        plotting.plot_sliding([1], [1], starts=1)
    with pytest.raises(ValueError, match="frames_per_second=0.001"):
        plotting.animate_sliding([1, 2], [1]).to_gif(frames_per_second=0.001)
    with pytest.raises(ValueError, match="frames_per_second=100"):
        plotting.animate_sliding([1, 2], [1]).to_gif(frames_per_second=100)
    with pytest.raises(ValueError, match="signals is empty"):
        plotting.plot_signals({})
    with pytest.raises(ValueError, match="sample_rate=0"):
        plotting.plot_signals([1], sample_rate=0)
    with pytest.raises(ValueError, match="no more than 400 rows"):
        plotting.plot_toeplitz(np.ones((500, 2)))
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r'pip install "fftconv\[plot\]"'):
        plotting.plot_signals([1, 2])


def test_a_white_image_has_a_frame_and_a_sum_has_no_sign_of_zero():
    taps = kernels.laplace(8) * 1.0
    taps[0, 0] -= 1e-12
    figure = plotting.plot_image_pair(np.ones((5, 9)), np.ones((5, 9)), kernels=[taps])
    for ax in figure.axes[:2]:
        assert ax.axison
        assert all(spine.get_visible() for spine in ax.spines.values())
    assert figure.axes[2].get_title() == "3 × 3 taps, sum 0"


@pytest.mark.parametrize("count", [1, 6])
def test_pairs_of_images_stay_legible_with_many_kernels(count):
    rng = np.random.default_rng(count)
    taps = [
        kernels.gaussian((3, 3)),
        kernels.sobel(0),
        1e-12 * rng.standard_normal((5, 7)),
        kernels.box((1, 15)),
        kernels.box((41, 1)),
        -1e9 * kernels.gabor(2, 4),
        kernels.disk(30),
        np.ones((1, 1)),
        rng.standard_normal((2, 2)),
    ][:count]
    picture = rng.random((30, 50))
    for scale in (0.7, 1.0):
        figure = plotting.plot_image_pair(
            picture, picture, kernels=taps, titles=("a.png", "b.png"), caption="direct, in 0.1 s"
        )
        figure.set_size_inches(*(scale * figure.get_size_inches()))
        assert_legible(figure)
        drawn = [image.get_array() for ax in figure.axes[2:] for image in ax.get_images()]
        assert len(drawn) == 2 * count
        for kernel, shown in zip(taps, drawn[::2], strict=True):
            assert np.array_equal(shown, kernel)
        shown = [ax.get_window_extent() for ax in figure.axes[2:] if ax.axison]
        assert min(min(box.width, box.height) for box in shown) > 0.8 * figure.dpi * scale


def test_the_command_draws_every_kernel_of_a_pipeline(tmp_path, monkeypatch):
    figures = []
    monkeypatch.setattr("fftconv._pictures.save_figure", lambda figure, target: figures.append(figure))
    Image.fromarray(np.arange(600, dtype=np.uint8).reshape(20, 30)).save(tmp_path / "p.png")
    for steps, count in (("edges | blur 1 | edges | disk 2 | edges", 6), (" | ".join(["edges"] * 7), 12)):
        command = ["image", "pipeline", steps, str(tmp_path / "p.png"), "-o", str(tmp_path / "a.png")]
        assert run([*command, "--compare", str(tmp_path / "b.png")]) == 0
        titles = [ax.get_title() for ax in figures[-1].axes if "taps, sum" in ax.get_title()]
        assert len(titles) == count
    assert "the first 12 of 14 kernels" in figures[-1]._supxlabel.get_text()
