"""Comparisons: that other libraries do the same work, that errors and memory are true, the report."""

import base64
import dataclasses
import io
import itertools
import json
import re
import shutil
import subprocess
from fractions import Fraction
from html.parser import HTMLParser

import numpy as np
import pytest
from drawn import assert_legible, marks_of
from PIL import Image, ImageFilter

import fftconv
from fftconv import kernels
from fftconv._pictures import new_figure
from fftconv.cli.main import run
from fftconv.comparison import installed_peers, timing
from fftconv.comparison.comparing import _problem
from fftconv.comparison.drawing import COLOURS, PANELS
from fftconv.comparison.memory import can_measure, measure_bytes
from fftconv.comparison.peers import PEERS, Unable, prepare_peer

QUIET = {"memory": False, "repeats": 1}


def measured(found, name):
    return next(item for item in found.measurements if item.name == name)


@pytest.mark.parametrize("name", PEERS)
def test_a_peer_does_the_same_work(name):
    """In every mode and boundary that it says it can do, and there is one."""
    if PEERS[name].library not in installed_peers():
        pytest.skip(f"{PEERS[name].library} is not installed")
    if PEERS[name].note:
        pytest.skip("is an approximation, which has a test of its own")
    rng = np.random.default_rng(3)
    done = 0
    cases = [
        ((40,), (7,), None),
        ((40,), (6,), None),
        ((12, 14), (3, 4), None),
        ((12, 14, 3), (5, 2), (0, 1)),
    ]
    bells = [
        ((40,), kernels.gaussian(1.5), None),
        ((20, 24), kernels.gaussian((0.8, 2.0)), None),
        ((20, 24, 3), kernels.gaussian((1.1, 1.1), truncate=3.0), (0, 1)),
    ]
    random = [(shape, rng.standard_normal(taps), axes) for shape, taps, axes in cases]
    for shape, k, axes in random + bells:
        for mode in ("full", "same", "valid"):
            for boundary in ("zero", "nearest", "reflect", "mirror", "wrap")[: 1 if mode == "valid" else 5]:
                options = {"mode": mode, "boundary": boundary, "axes": axes, "workers": None}
                x = rng.standard_normal(shape)
                try:
                    y = prepare_peer(name, _problem(x, k, options))()
                except Unable:
                    continue
                np.testing.assert_allclose(y, fftconv.convolve(x, k, **options), atol=1e-12)
                done += 1
    assert done


GAUSSIAN_PEERS = [name for name in PEERS if "aussian" in name]


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_gaussian_filters_run_for_gaussian_kernels_alone(dtype):
    rng = np.random.default_rng(5)
    options = {"mode": "same", "boundary": "reflect", "axes": None, "workers": None}
    x = rng.uniform(0, 255, (30, 40)).astype(dtype)
    names = [name for name in GAUSSIAN_PEERS if PEERS[name].library in installed_peers()]
    assert {"scipy.ndimage.gaussian_filter", "PIL.GaussianBlur"} <= set(names)
    for sigma, truncate in [*zip(rng.uniform(0.3, 9, 12), rng.uniform(2, 5, 12), strict=True), (5, 4)]:
        taps = kernels.gaussian((sigma, sigma), truncate=truncate).astype(dtype)
        if taps.size == 1:
            continue
        expected = fftconv.convolve(x, taps, **options)
        for name in names:
            found = prepare_peer(name, _problem(x, taps, options))()
            if not PEERS[name].note:
                np.testing.assert_allclose(found, expected, rtol=2e-5 if dtype == "f4" else 1e-10)
    bell = kernels.gaussian((2.0, 2.0))
    others = [
        kernels.box((5, 5)),
        rng.uniform(size=(5, 5)),
        kernels.laplace(8).astype(float),
        2 * bell,
        np.roll(bell, 1, axis=0),
        bell * (1 + 1e-3 * rng.standard_normal(bell.shape)),
        kernels.gaussian((2.0, 2.0))[:-1],
        kernels.disk(3),
        np.where(bell == bell.max(), np.nan, bell),
    ]
    for taps in others:
        for name in names:
            with pytest.raises(Unable, match="kernels that are Gaussians only"):
                prepare_peer(name, _problem(x, taps.astype(dtype), options))


def test_an_approximation_says_so_and_has_its_error():
    picture = np.asarray(Image.open("samples/picture.png"))[:200, :300].astype("f4")
    taps = kernels.gaussian((3.0, 3.0)).astype("f4")
    found = fftconv.compare(
        picture, taps, axes=(0, 1), mode="same", boundary="reflect", methods=["direct"], **QUIET
    )
    pillow = measured(found, "PIL.GaussianBlur")
    assert "approximation: 8 bits" in pillow.note
    assert 1e-3 < pillow.relative_error < 0.1
    blurred = Image.fromarray(picture.astype(np.uint8)).filter(ImageFilter.GaussianBlur(3))
    exact = fftconv.convolve(picture, taps, axes=(0, 1), mode="same", boundary="reflect")
    assert pillow.error == pytest.approx(np.abs(np.asarray(blurred) - exact).max(), abs=1e-3)
    others = [item for item in found.ran if item is not pillow]
    assert len(others) >= 2
    assert all(item.relative_error < 1e-5 for item in others)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_pillow_blurs_pictures_with_opacity_and_without(channels):
    rng = np.random.default_rng(channels)
    picture = np.squeeze(rng.integers(0, 256, (30, 40, channels)).astype("f4"))
    options = {"mode": "same", "boundary": "nearest", "axes": (0, 1), "workers": None}
    taps = kernels.gaussian((2.0, 2.0)).astype("f4")
    found = prepare_peer("PIL.GaussianBlur", _problem(picture, taps, options))()
    assert found.shape == picture.shape
    for one, blurred in zip(np.atleast_3d(picture).T, np.atleast_3d(found).T, strict=True):
        pixels = np.ascontiguousarray(one.T, np.uint8)
        expected = Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(2))
        np.testing.assert_array_equal(blurred.T, np.asarray(expected))


def test_a_general_convolution_does_not_run_beside_the_gaussian_filter_of_its_library():
    rng = np.random.default_rng(6)
    for boundary in ("reflect", "wrap"):  # wrap: which OpenCV does not have
        for taps in (kernels.gaussian((2.0, 2.0)), rng.standard_normal((5, 5))):
            found = fftconv.compare(
                rng.uniform(0, 255, (30, 40)), taps, mode="same", boundary=boundary, **QUIET
            )
            ran = {item.name for item in found.ran}
            is_gaussian = "scipy.ndimage.gaussian_filter" in ran
            assert is_gaussian == (len(taps) > 5)
            assert ("scipy.ndimage.convolve" in ran) == (not is_gaussian)
            assert not {"cv2.filter2D", "cv2.GaussianBlur"} <= ran
            line = "scipy.ndimage.convolve: scipy.ndimage.gaussian_filter does it"
            assert (line in found.left_out()) == is_gaussian


def test_bound_and_errors_stand_in_one_unit():
    rng = np.random.default_rng(0)
    for scale in (1e-6, 1.0, 1e6):
        x = scale * rng.standard_normal((50, 60)).astype("f4")
        found = fftconv.compare(x, rng.standard_normal((5, 7)).astype("f4"), peers=(), **QUIET)
        assert found.relative_error_bound * found.largest == pytest.approx(found.plan.error_bound)
        assert all(item.relative_error <= found.relative_error_bound for item in found.ran)
        assert 1e-7 < found.relative_error_bound < 1e-3
        assert f"at most {found.relative_error_bound:.1e} of the largest output" in repr(found)
    assert fftconv.compare([1, 2], [3], peers=(), **QUIET).relative_error_bound == 0


def test_errors_are_told():
    x = np.full(300, 1000, np.int16)
    found = fftconv.compare(x, np.full(40, 1000, np.int16), peers=["numpy", "scipy.signal"], **QUIET)
    assert found.reference == "the exact result"
    assert measured(found, "direct").error == 0
    wrapped = measured(found, "numpy.convolve")  # 300 * 10^6 does not fit 16 bits
    assert "outputs are not exact" in wrapped.note
    ours = np.convolve(x, np.full(40, 1000, np.int16)).astype(object)
    exact = np.convolve(np.ones(300, int), np.ones(40, int)).astype(object) * 10**6
    assert wrapped.error == abs(ours - exact).max()

    y = np.ones(500)
    y[250] = np.nan
    found = fftconv.compare(y, np.ones(100), peers=["scipy.signal"], **QUIET)
    assert "499 outputs are not finite" in measured(found, "scipy.signal.fftconvolve").note
    assert measured(found, "fft").note == ""
    assert "the NaN and infinities of the definition" in repr(found)


def test_errors_of_floats_are_those_against_longer_ones():
    rng = np.random.default_rng(1)
    x, k = (rng.standard_normal(n).astype(np.float32) for n in (500, 60))
    found = fftconv.compare(x, k, peers=(), **QUIET)
    assert found.reference == "sums in floats of 53 bits"
    for item in found.ran:
        y = fftconv.convolve(x, k, method=item.name)
        exact = np.convolve(x.astype(float), k.astype(float))
        assert item.error == pytest.approx(np.abs(y - exact).max(), rel=1e-6)
        assert item.relative_error == pytest.approx(item.error / np.abs(exact).max())
        assert item.error <= found.plan.error_bound * 10
        assert item.predicted_seconds == {
            each.method: each.seconds for each in found.plan.candidates
        }[item.name]  # fmt: skip


def test_errors_of_exact_numbers_are_exact():
    rng = np.random.default_rng(2)
    x, k = rng.integers(-100, 100, 500), rng.integers(-100, 100, 60)
    found = fftconv.compare(x, k, peers=["scipy.signal"], **QUIET)
    rounded = measured(found, "scipy.signal.fftconvolve")
    assert 0 < rounded.error < 1e-8
    late = np.zeros(300_000, np.int8)
    late[:150_000], late[-100:] = 1, 100
    found = fftconv.compare(
        late, np.array([100, 100], np.int8), peers=["numpy"], methods=["direct"], **QUIET
    )
    assert measured(found, "numpy.convolve").error >= 9984
    thirds = np.array([Fraction(1, 3)] * 9, object)
    found = fftconv.compare(thirds, thirds, peers=["numpy"], **QUIET)
    assert {item.note for item in found.ran} == {""}
    json.dumps(fftconv.compare([1.0, np.nan], [1.0], peers=(), **QUIET).to_dict(), allow_nan=False)


def test_every_peer_has_the_same_problem_or_none():
    """Kernels that vary, swapped bytes, and what lies beyond the edges missing."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(12, 14, 3))
    found = fftconv.compare(x, rng.normal(size=(3, 3, 3)), axes=(0, 1), mode="same", **QUIET)
    assert {item.library for item in found.ran} == {"fftconv"}
    swapped = x.astype(">f4")
    found = fftconv.compare(swapped, np.ones((3, 3), ">f4"), axes=(0, 1), mode="same", **QUIET)
    assert all(item.relative_error < 1e-5 for item in found.ran)
    found = fftconv.compare(x, np.ones((3, 3)), axes=(0, 1), mode="same", boundary="missing", **QUIET)
    assert {item.library for item in found.ran} == {"fftconv"}


def test_what_cannot_run_says_why():
    found = fftconv.compare(np.arange(50.0), [1.0, 2.0, 3.0], **QUIET)
    assert measured(found, "running_sum").timing is None
    assert any("running_sum: refused: the taps are not all the same" in line for line in found.left_out())
    assert any("scipy.ndimage.convolve: mode='same' only" in line for line in found.left_out())
    assert found.fastest is found.ran[0]
    medians = [item.timing.median for item in found.ran]
    assert medians == sorted(medians)
    with pytest.raises(ValueError, match=r"no method can be run \(direct: left out: about"):
        fftconv.compare(np.ones(1000), np.ones(50), max_seconds=1e-9, methods=["direct"], peers=(), **QUIET)
    with pytest.raises(ValueError, match=r"no method can be run \(none was asked for\)"):
        fftconv.compare([1, 2], [1], methods=(), peers=(), **QUIET)


@pytest.mark.skipif(not can_measure(), reason="the system does not tell")
def test_memory_is_that_of_the_call():
    x = np.ones(2**20)
    found = fftconv.compare(x, np.arange(1000.0), methods=["overlap_save", "fft"], peers=(), repeats=1)
    tiles, whole = measured(found, "overlap_save"), measured(found, "fft")
    assert tiles.bytes < 4 * 2**20
    assert 0.5 * whole.predicted_bytes < whole.bytes < 2 * whole.predicted_bytes
    # What was given back after the preparation of a call is not used again without being counted.
    x, taps = np.zeros((1000, 1000)), kernels.gaussian((2.0, 2.0))
    options = {"mode": "same", "boundary": "reflect", "axes": None, "workers": None}
    found = measure_bytes(["PIL.GaussianBlur"], x, taps, options)
    assert 0.9 * x.size < found["PIL.GaussianBlur"] < 4 * x.size


def test_turns_give_median_and_quartiles(monkeypatch):
    clock = iter(np.cumsum([0.0, 1, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5]))  # the first is not counted
    monkeypatch.setattr(timing.time, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(timing, "_SECONDS", 100)
    taken = timing.time_in_turns({"f": lambda: None}, 5)["f"]
    assert (taken.median, taken.lower, taken.upper) == (3, 2, 4)
    assert taken.spread == pytest.approx(1 / 3)


def test_many_sizes():
    found = fftconv.compare_sizes([50, 200_000], [3, 20_000], repeats=1, dtype="float32")
    assert found.planned == [["direct", "overlap_save"]] * 2
    assert found.seconds["direct"][1][1] is None  # 100 times as slow: not timed
    assert found.regret >= 1
    assert json.loads(json.dumps(found.to_dict()))["fastest"] == found.fastest
    assert "50" in repr(found)
    assert "200 000" in repr(found).replace("\N{NO-BREAK SPACE}", " ")
    figure = found.plot()
    assert [ax.get_title() for ax in figure.axes] == ["fastest, measured", "taken by the plan"]
    assert figure.axes[1].get_images()[0].get_array().shape == (2, 2, 3)
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert len(texts) == 4
    assert all(texts)
    assert "<table>" in found._repr_html_()


@pytest.fixture(scope="module")
def example():
    rng = np.random.default_rng(0)
    return fftconv.compare(rng.standard_normal((60, 70)), rng.standard_normal((5, 5)), mode="same", **QUIET)


def test_the_pictures_hold_the_numbers(example):
    axes = {ax.get_title().split(" (")[0]: ax for ax in example.plot().axes}
    assert set(axes) == {"time", "error", "memory", "crossover"}
    dots = axes["time"].collections[-1].get_offsets()[:, 0].tolist()
    assert dots == pytest.approx([1e3 * item.timing.median for item in example.ran])
    dots = axes["error"].collections[-1].get_offsets()[:, 0].tolist()
    assert dots == pytest.approx([item.relative_error for item in example.ran])
    (bound,) = (line.get_xdata()[0] for line in axes["error"].lines)
    assert bound == pytest.approx(example.relative_error_bound)
    lines = {line.get_label(): line.get_data() for line in axes["crossover"].lines}
    taps, milliseconds = lines["direct, predicted"]
    place = list(taps).index(4)
    plan = fftconv.plan_convolution((60, 70), (4, 4), mode="same", method="direct")
    assert milliseconds[place] == pytest.approx(1e3 * plan.seconds)


def other_comparisons(example):
    """Few rows and many, numbers of all sizes, no error, no bound, no memory, no prediction."""
    (first, *_) = example.ran

    def rows(*numbers):
        return tuple(
            dataclasses.replace(
                first,
                name=name,
                library="fftconv" if name in COLOURS else "scipy.signal",
                timing=timing.Timing(seconds, seconds * (1 - spread), seconds * (1 + spread)),
                relative_error=error,
                bytes=size,
                predicted_seconds=predicted,
            )
            for name, seconds, spread, error, size, predicted in numbers
        )

    wide = rows(
        ("direct", 1e-6, 0.0, 0.0, 0, 2e-3),
        ("scipy.ndimage.gaussian_filter", 3e-3, 0.99, 3e-2, 999, None),
        ("fft", 0.9997, 0.5, 1e-7, 10**6, 1e-6),
        ("overlap_save", 80.0, 0.3, 1.1e-16, 3 * 10**9, 3e3),
    )
    alike = rows(*((name, 1e-3, 0.1, 1e-7, 1000, 1e-3) for name in COLOURS))
    exact = rows(*((f"scipy.signal.method_{n}", 1e-3 * (n + 1), 0.9, 0.0, None, None) for n in range(14)))
    yield dataclasses.replace(example, measurements=wide)
    yield dataclasses.replace(example, measurements=alike, largest=None)
    yield dataclasses.replace(example, measurements=exact)
    yield dataclasses.replace(example, measurements=wide[:1])


def test_marks_and_words_of_the_charts_do_not_meet(example):
    for comparison in other_comparisons(example):
        figures = [comparison.plot()]
        for name in ("time", "error"):  # as on a page
            figures.append(new_figure(4.6, max(2.4, 1.2 + 0.28 * len(comparison.ran))))
            PANELS[name](figures[-1].subplots(), comparison)
        for figure in figures:
            words = assert_legible(figure)
            for ax in figure.axes:
                assert ax.get_xscale() == "linear" or not ax.patches  # where there is no zero
                for (x, y), (box, text) in itertools.product(marks_of(ax), words):
                    assert not (box.x0 - 2 < x < box.x1 + 2 and box.y0 - 2 < y < box.y1 + 2), text


def test_it_is_data_text_and_a_table(example):
    told = json.loads(json.dumps(example.to_dict()))
    assert told["measurements"][0]["timing"]["median"] == example.fastest.timing.median
    assert told["machine"]["numpy"] == np.__version__
    text = repr(example)
    assert example.plan.method + " (planned)" in text
    assert example._repr_html_().count("<tr>") == len(example.ran) + 1


class _Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.links, self.pictures = [], [], []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.links += [given[name] for name in ("src", "href") if name in given]
        if tag == "img":
            self.pictures.append(given)
        if tag not in ("img", "meta", "link", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_report_is_one_file(example):
    page = _Page()
    text = example.to_html()
    page.feed(text)
    assert page.open == []
    assert all(link.startswith("data:") for link in page.links)
    assert not re.search(r"https?://|@import|url\(", text)
    assert len(page.pictures) == 4
    for picture in page.pictures:
        assert picture["alt"]
        data = base64.b64decode(picture["src"].partition("base64,")[2])
        assert Image.open(io.BytesIO(data)).format == "PNG"
    assert 'name="viewport"' in text
    for item in example.ran:
        assert item.name in text


BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


def test_the_report_in_a_browser(example, tmp_path):
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        pytest.skip("needs Chromium (apt-get install chromium-headless-shell)")
    page = tmp_path / "report.html"
    # What is wrong with a page stands on the console, and what it asks for is refused by its own policy.
    page.write_text(example.to_html().replace("</body>", "<p id='w'></p></body>"), encoding="utf-8")
    done = subprocess.run(
        [browser, "--headless", "--no-sandbox", "--enable-logging=stderr", "--v=0", "--dump-dom",
         "--window-size=390,844", page.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert "CONSOLE" not in done.stderr
    assert example.fastest.name in done.stdout
    shot = tmp_path / "shot.png"
    subprocess.run(
        [browser, "--headless", "--no-sandbox", "--hide-scrollbars", "--window-size=390,2400",
         f"--screenshot={shot}", page.as_uri()],
        capture_output=True, timeout=120, check=True,
    )  # fmt: skip
    with Image.open(shot) as picture:
        seen = np.asarray(picture.convert("RGB"))
    assert seen.shape[1] == 390
    orange = np.abs(seen.astype(int) - (0xE6, 0x9F, 0x00)).max(axis=2) < 8
    assert orange.sum() > 100  # bars of overlap_save: the pictures are there


def test_the_command(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = [
        "compare",
        "--signal",
        "2e3",
        "--kernel",
        "20",
        "--peers",
        "numpy",
        "--repeats",
        "1",
        "--no-memory",
    ]
    assert run([*command, "--html", "r.html", "--plot", "r.png"]) == 0
    assert "numpy.convolve" in capsys.readouterr().out
    assert "</html>" in (tmp_path / "r.html").read_text(encoding="utf-8")
    with Image.open(tmp_path / "r.png") as picture:
        assert picture.format == "PNG"
    assert run([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["plan"]["signal_shape"] == [2000]
    Image.fromarray(np.arange(600, dtype=np.uint8).reshape(20, 30)).save("p.png")
    command = [
        "compare",
        "--image",
        "p.png",
        "--sigma",
        "1",
        "--peers",
        "none",
        "--repeats",
        "1",
        "--no-memory",
    ]
    assert run([*command, "--methods", "separable,direct", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["plan"]["boundary"] == "reflect"
    assert {item["name"] for item in told["measurements"]} == {"separable", "direct"}
    command[command.index("none")] = "scipy.ndimage,PIL"
    monkeypatch.setenv("COLUMNS", "80")
    assert run(command) == 0
    printed = capsys.readouterr().out
    row = next(line for line in printed.splitlines() if line.startswith("scipy.ndimage.gaussian_filter "))
    assert float(row.split()[-1]) < 1e-5  # its error, in the same line
    assert "\nPIL.GaussianBlur: approximation: 8 bits" in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--signal", "9"], "pass --signal and --kernel, or --image"),
        (["--image", "x.png", "--signal", "9"], "leave them out"),
        (
            ["--signal", "9", "--kernel", "2", "--peers", "foo"],
            "'foo' is not accepted; give installed, none, or some of these between commas: numpy,",
        ),
        (
            ["--signal", "9", "--kernel", "2", "--methods", "foo"],
            "some of these between commas: direct,",
        ),
        (["--signal", "9", "--kernel", "2", "--dtype", "str"], "'str' is no type of numbers; write for"),
        (["--signal", "9", "--kernel", "2", "--dtype", "foo"], "'foo' is no type of numbers; write for"),
        (["--signal", "9x", "--kernel", "2"], "is no shape; write 1000000"),
        (["--image", "x.png", "--dtype", "int64"], "--dtype int64 cannot hold the weights of a Gaussian"),
        (
            ["--signal", "9", "--kernel", "2", "--html", "a.png", "--plot", "a.png"],
            "are one file; name two",
        ),
    ],
)
def test_what_the_command_refuses(arguments, message, capsys):
    assert run(["compare", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_what_is_refused(monkeypatch):
    with pytest.raises(ValueError, match="methods='fourier' is not accepted"):
        fftconv.compare([1, 2], [1], methods=["fourier"])
    with pytest.raises(
        ValueError, match="'pandas' is not known; of those that are, there are here 'numpy'"
    ):
        fftconv.compare([1, 2], [1], peers=["pandas"])
    monkeypatch.setattr("fftconv.comparison.peers.find_spec", lambda name: None if name == "cv2" else name)
    with pytest.raises(ImportError, match="'cv2' is not installed; pip install opencv-python-headless, or"):
        fftconv.compare([1, 2], [1], peers=["cv2"])
    with pytest.raises(
        ValueError, match="methods='direct' is not accepted; pass 'all', or a list of some of"
    ):
        fftconv.compare([1, 2], [1], methods="direct")
    with pytest.raises(ValueError, match="max_seconds=-1"):
        fftconv.compare([1, 2], [1], max_seconds=-1)
    with pytest.raises(TypeError, match="signals=1000.0 is not accepted"):
        fftconv.compare_sizes([1e3], [2])
    with pytest.raises(ValueError, match="repeats=0"):
        fftconv.compare([1, 2], [1], repeats=0)
    with pytest.raises(ValueError, match="choose one of 'direct', 'overlap_save', 'fft'"):
        fftconv.compare_sizes([5], [2], methods=["separable"])
    with pytest.raises(TypeError, match="real or complex floats"):
        fftconv.compare_sizes([5], [2], dtype=int)
    with pytest.raises(ValueError, match="max_ratio=0.5"):
        fftconv.compare_sizes([5], [2], max_ratio=0.5)
    with pytest.raises(ValueError, match="at least one each"):
        fftconv.compare_sizes([], [2])
