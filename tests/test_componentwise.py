"""accuracy="componentwise": every output is right relative to the sum of the magnitudes that define it."""

from fractions import Fraction

import numpy as np
import oracle
import pytest
from cases import GENERAL, GRID, numbers
from hypothesis import given, settings
from hypothesis import strategies as st

import fftconv
from fftconv import _componentwise
from fftconv._error_bound import componentwise_error

TRANSFORMS = ["overlap_save", "fft"]


@pytest.fixture
def eager(monkeypatch):
    """Let transforms and tilts be tried wherever they can be, not only where they pay."""
    monkeypatch.setattr(_componentwise, "_WORTH_IT", 1e-9)
    monkeypatch.setattr(_componentwise, "_SHORTEST_BLOCK", {1: 16, 2: 8})


def assert_componentwise(result, signal, kernel, tolerance=None, **options):
    """The exact error of every output against the exact sum of magnitudes."""
    taps = np.asarray(kernel).size
    if tolerance is None:
        tolerance = componentwise_error(taps, result.dtype)
    expected = oracle.convolve(signal, kernel, **options)
    fill = {"fill_value": abs(options["fill_value"])} if "fill_value" in options else {}
    sizes = oracle.convolve(np.abs(signal), np.abs(kernel), **{**options, **fill})
    parts = expected if isinstance(expected, tuple) else (expected,)
    views = (result.real, result.imag) if isinstance(expected, tuple) else (result,)
    smallest = oracle.exact(np.finfo(result.dtype).smallest_subnormal)
    for view, part in zip(views, parts, strict=True):
        for value, truth, size in zip(view.flat, part.flat, sizes.flat, strict=True):
            allowed = Fraction(1.001) * Fraction(tolerance) * size + (taps + 1) * smallest
            assert abs(oracle.exact(value) - truth) <= allowed


@pytest.mark.parametrize("engine", TRANSFORMS)
@pytest.mark.parametrize(("shapes", "mode", "boundary"), GRID[::9], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
@pytest.mark.usefixtures("eager")
def test_the_whole_grid(engine, shapes, mode, boundary, dtype):
    options = {"mode": mode, "boundary": boundary, "axes": shapes.axes, **shapes.options}
    if boundary == "constant":
        options["fill_value"] = 1.25
    signal, kernel = numbers(shapes.signal, dtype, 1), numbers(shapes.kernel, dtype, 2)
    signal = signal * 2.0 ** np.random.default_rng(3).integers(-60, 60, signal.shape)
    signal = signal.astype(dtype)
    result = fftconv.convolve(signal, kernel, method=engine, accuracy="componentwise", **options)
    assert result.dtype == np.dtype(dtype)
    assert_componentwise(result, signal, kernel, **options)


SHAPES_OF_DATA = {
    "decaying": lambda n: 2.0 ** (-990 * np.arange(n) / n),
    "growing, signed": lambda n: 2.0 ** (800 * np.arange(n) / n - 400) * np.where(np.arange(n) % 3, 1, -1),
    "bell": lambda n: np.exp(-0.5 * (np.linspace(-25, 25, n)) ** 2),
    "spikes": lambda n: np.where(np.arange(n) % 17 == 5, 1e60, 1e-60),
    "gaps": lambda n: np.where(np.arange(n) % 7, 0.0, 0.5 ** np.arange(n)),
    "every exponent": lambda n: 2.0 ** np.random.default_rng(n).integers(-1000, 900, n),
    "subnormal": lambda n: np.random.default_rng(n).random(n) * 2.0**-1060,
    "largest": lambda n: np.where(np.arange(n) % 2, 2.0**1010, 2.0**-1010),
}


@pytest.mark.parametrize("engine", TRANSFORMS)
@pytest.mark.parametrize("of_kernel", ["bell", "decaying", "every exponent", "gaps"])
@pytest.mark.parametrize("of_signal", SHAPES_OF_DATA)
@pytest.mark.usefixtures("eager")
def test_any_dynamic_range(engine, of_signal, of_kernel):
    signal, kernel = SHAPES_OF_DATA[of_signal](90), SHAPES_OF_DATA[of_kernel](24)
    kernel = kernel / np.abs(kernel).max()
    result = fftconv.convolve(signal, kernel, method=engine, accuracy="componentwise")
    assert_componentwise(result, signal, kernel)


def rough(rng, size):
    """Numbers over hundreds of decades, each kind in a way that some step must find out."""
    t = np.arange(size)
    kind = rng.integers(7)
    with np.errstate(over="ignore"):
        if kind == 0:
            x = rng.standard_normal(size)
        elif kind == 1:
            x = np.exp(np.cumsum(rng.standard_normal(size)) * rng.choice([0.05, 0.5]))
        elif kind == 2:
            x = 2.0 ** (rng.uniform(-900, 0) * t / size)
        elif kind == 3:
            x = np.where(rng.random(size) < 0.01, 10.0 ** rng.uniform(0, 100), 1.0) * rng.random(size)
        elif kind == 4:
            x = np.where(t // max(1, size // rng.integers(2, 20)) % 2, rng.random(size), 0.0)
        elif kind == 5:
            x = np.exp(-0.5 * ((t - size * rng.random()) / (size / rng.uniform(5, 80))) ** 2)
        else:
            x = 2.0 ** rng.integers(-300, 300, size)
    return x * np.where(rng.random(size) < 0.5, 1, -1) if rng.random() < 0.4 else x


@pytest.mark.parametrize("seed", range(120))
def test_rough_data_at_the_size_of_blocks_and_tiles(seed):
    """Against the sum of the definition, whose own errors are a quarter of what is allowed at most."""
    rng = np.random.default_rng(seed)
    if rng.random() < 0.7:
        size = int(10 ** rng.uniform(3, 4.4))
        signal, kernel = rough(rng, size), rough(rng, int(min(size, 10 ** rng.uniform(1.5, 3.6))))
        options = {"stride": int(rng.choice([1, 1, 2, 3])), "dilation": int(rng.choice([1, 1, 2]))}
    else:
        rows, columns, tall, wide = rng.integers([60, 60, 3, 3], [300, 300, 40, 40])
        signal = np.multiply.outer(rough(rng, rows), rough(rng, columns))
        kernel = rough(rng, int(tall * wide)).reshape(tall, wide)
        options = {}
    dtype = rng.choice(["float64", "float64", "float32", "complex128"])
    limit = float(np.finfo(dtype).max) ** 0.25
    signal, kernel = (np.clip(x, -limit, limit).astype(dtype) for x in (signal, kernel))
    if dtype == "complex128":
        signal = signal * np.exp(6j * rng.random(signal.shape))
    options |= {"mode": str(rng.choice(["full", "same"])), "boundary": str(rng.choice(["zero", "wrap"]))}
    method = str(rng.choice(TRANSFORMS))
    result = fftconv.convolve(signal, kernel, method=method, accuracy="componentwise", **options)
    wide = np.result_type(signal.dtype, np.float64)
    x, h = signal.astype(wide), kernel.astype(wide)
    direct = fftconv.convolve(x, h, method="direct", **options)
    sizes = fftconv.convolve(np.abs(x), np.abs(h), method="direct", **options)
    smallest = float(np.finfo(result.dtype).smallest_subnormal) * (kernel.size + 2)
    allowed = 1.3 * componentwise_error(kernel.size, result.dtype) * sizes + smallest
    assert (np.abs(result.astype(wide) - direct) <= allowed).all()


def test_blocks_of_several_tiles_do_not_spoil_one_another():
    """The magnitudes of a complex signal may take smaller tiles than it does, which go in other pairs."""
    t = np.arange(15_596)
    signal = 2.0 ** (-250 * t / t.size) * np.exp(6j * np.random.default_rng(0).random(t.size))
    kernel = np.random.default_rng(1).standard_normal(1166)
    options = {"stride": 2, "method": "overlap_save"}
    result = fftconv.convolve(signal, kernel, accuracy="componentwise", **options)
    direct = fftconv.convolve(signal, kernel, stride=2, method="direct")
    sizes = fftconv.convolve(np.abs(signal), np.abs(kernel), stride=2, method="direct")
    assert (np.abs(result - direct) <= 1.3 * componentwise_error(1166, result.dtype) * sizes).all()


exponents = st.integers(-1000, 960)
wide = st.builds(lambda m, e: m * 2.0**e, st.sampled_from([-1.5, -1.0, 0.0, 1.0, 1.25]), exponents)


@settings(max_examples=60)
@given(
    st.lists(wide, min_size=1, max_size=40),
    st.lists(wide, min_size=1, max_size=12),
    st.sampled_from(TRANSFORMS),
)
@pytest.mark.usefixtures("eager")
def test_random_numbers_of_every_size(signal, kernel, engine):
    kernel = np.array(kernel) * 2.0**-960
    result = fftconv.convolve(signal, kernel, method=engine, accuracy="componentwise")
    assert_componentwise(result, np.array(signal), kernel)


@pytest.mark.parametrize("engine", TRANSFORMS)
def test_complex_in_two_dimensions(engine):
    rng = np.random.default_rng(0)
    fall = 2.0 ** -np.add.outer(np.arange(90) * 3, np.arange(80) * 2.0)
    signal = fall * (rng.standard_normal((90, 80)) + 1j * rng.standard_normal((90, 80)))
    kernel = (fall * np.exp(1j * rng.random((90, 80))))[:30, :30]
    result = fftconv.convolve(signal, kernel, method=engine, accuracy="componentwise")
    direct = fftconv.convolve(signal, kernel, method="direct")
    sizes = fftconv.convolve(np.abs(signal), np.abs(kernel), method="direct")
    assert (np.abs(result - direct) <= 1.3 * componentwise_error(900, result.dtype) * sizes).all()


@pytest.mark.parametrize("engine", TRANSFORMS)
def test_the_counterexample_to_scipy(engine):
    """scipy #22390: ten values of a range of 81 decades behind many zeros."""
    zeros = 40_000  # so many that adding up all products takes longer than transforms
    signal = np.array([0] * zeros + [10.0 ** (9 * i) for i in range(10)])
    result = fftconv.convolve(signal, signal, method=engine, accuracy="componentwise")
    expected = np.convolve(signal[zeros:], signal[zeros:])
    assert not result[: 2 * zeros].any()
    assert np.abs(result[2 * zeros :] / expected - 1).max() < 1e-14
    coverage = dict(fftconv.explain(signal, signal, method=engine, accuracy="componentwise").coverage)
    assert coverage["zero"] == 2 * zeros
    assert sum(coverage.values()) == result.size


def test_a_decay_over_300_decades_by_tilts():
    n = 20_000
    signal = 10.0 ** (-300 * np.arange(n) / n)
    plan = fftconv.explain(signal, signal, method="fft", accuracy="componentwise")
    coverage = dict(plan.coverage)
    assert coverage["tilted"] > 0.9 * sum(coverage.values())
    assert "tilted" in repr(plan)
    result = fftconv.convolve(signal, signal, method="fft", accuracy="componentwise")
    direct = fftconv.convolve(signal, signal, method="direct")
    tolerance = componentwise_error(n, result.dtype)
    assert plan.tolerance == tolerance
    assert plan.to_dict()["coverage"] == coverage
    assert (np.abs(result - direct) <= 1.3 * tolerance * direct + n * 5e-324).all()
    assert (result[direct > 1e-290] > 0).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_ordinary_data_are_certified_at_once(dtype):
    rng = np.random.default_rng(0)
    signal, kernel = rng.standard_normal(50_000).astype(dtype), rng.standard_normal(3000).astype(dtype)
    plan = fftconv.explain(signal, kernel, accuracy="componentwise")
    assert plan.method in TRANSFORMS
    assert dict(plan.coverage)["plain"] > 0.97 * signal.size
    result = fftconv.convolve(signal, kernel, accuracy="componentwise")
    wide = fftconv.convolve(signal.astype(float), kernel.astype(float), method="direct")
    sizes = fftconv.convolve(np.abs(signal).astype(float), np.abs(kernel).astype(float), method="direct")
    assert (np.abs(result - wide) <= plan.tolerance * sizes).all()


def test_a_bright_spot_leaves_the_dark_ones_right():
    rng = np.random.default_rng(0)
    picture, kernel = rng.random((400, 500)), rng.random((31, 31))
    picture[100, 200] = 1e14
    plan = fftconv.explain(picture, kernel, mode="same", method="overlap_save", accuracy="componentwise")
    result = fftconv.convolve(picture, kernel, mode="same", method="overlap_save", accuracy="componentwise")
    direct = fftconv.convolve(picture, kernel, mode="same", method="direct")
    assert (np.abs(result - direct) <= 1.3 * plan.tolerance * direct).all()
    assert np.abs(fftconv.convolve(picture, kernel, mode="same", method="fft") - direct).max() > 1e-4


@pytest.mark.parametrize("engine", GENERAL)
def test_a_number_is_the_tolerance(engine):
    rng = np.random.default_rng(0)
    signal, kernel = rng.random(3000) ** 9, rng.random(500)
    plan = fftconv.explain(signal, kernel, method=engine, accuracy=1e-9)
    assert plan.tolerance == 1e-9
    result = fftconv.convolve(signal, kernel, method=engine, accuracy=1e-9)
    assert np.abs(result / np.convolve(signal, kernel) - 1).max() < 1e-9


@pytest.mark.parametrize("engine", TRANSFORMS)
def test_what_is_not_finite_stays_local(engine):
    signal = np.random.default_rng(0).random(3000)
    signal[700], signal[900], signal[2000] = np.nan, np.inf, -np.inf
    kernel = np.ones(200)
    options = {"mode": "same", "method": engine, "accuracy": "componentwise"}
    result = fftconv.convolve(signal, kernel, **options)
    with np.errstate(invalid="ignore"):
        expected = np.convolve(signal, kernel, "same")
    clean = np.isfinite(expected)
    assert np.array_equal(result[~clean], expected[~clean], equal_nan=True)
    assert np.abs(result[clean] / expected[clean] - 1).max() < 1e-12


def test_filters_masks_and_other_dtypes_take_it():
    rng = np.random.default_rng(0)
    signal, kernel = rng.random(4000), rng.random(900)
    options = {"mode": "same", "boundary": "reflect", "accuracy": "componentwise"}
    expected = fftconv.convolve(signal, kernel, **options)
    prepared = fftconv.Filter(kernel, accuracy="componentwise")
    assert np.array_equal(prepared(signal), expected)
    out = np.empty(4000)
    assert prepared(signal, out=out) is out
    assert np.array_equal(out, expected)
    masked = fftconv.convolve(signal, kernel, mask=np.ones(4000, bool), **options)
    assert np.array_equal(masked, expected)
    integers = fftconv.convolve([1, 2, 3], [4, 5], accuracy="componentwise")
    assert integers.tolist() == [4, 13, 22, 15]
    wide = fftconv.explain(signal.astype(np.longdouble), kernel, accuracy="componentwise")
    assert wide.method == "direct"
    with pytest.raises(ValueError, match="outputs are not certified in longdouble|in float128|in float96"):
        fftconv.convolve(signal.astype(np.longdouble), kernel, method="fft", accuracy="componentwise")


def test_short_kernels_are_not_certified_and_say_so():
    plan = fftconv.plan_convolution(10**6, 20, accuracy="componentwise")
    assert plan.method == "direct"
    verdicts = {item.method: item.verdict for item in plan.candidates}
    assert "too short for its outputs to be certified" in verdicts["fft"]
    assert (
        "relative to the largest taps"
        in {
            item.method: item.verdict
            for item in fftconv.plan_convolution((99, 99), (9, 9), accuracy="componentwise").candidates
        }["separable"]
    )


@pytest.mark.parametrize(
    ("accuracy", "error", "message"),
    [
        (
            "perfect",
            ValueError,
            "accuracy='perfect' is not accepted; choose one of 'normwise', 'componentwise'",
        ),
        (1e-17, ValueError, "with 3 taps in float64 pass a number from 8.5e-15 to below 1"),
        (2.0, ValueError, "accuracy=2.0 is not accepted"),
        (True, TypeError, "accuracy=True is not accepted; pass 'normwise', 'componentwise' or a number"),
        (None, TypeError, "accuracy=None is not accepted"),
    ],
)
def test_bad_input(accuracy, error, message):
    with pytest.raises(error, match=message):
        fftconv.convolve(np.ones(5), np.ones(3), accuracy=accuracy)


def test_results_do_not_depend_on_workers():
    rng = np.random.default_rng(0)
    signal, kernel = rng.standard_normal(60_000), rng.standard_normal(2000)
    signal[30_000:] *= 1e-30
    alone, *others = (
        fftconv.convolve(signal, kernel, accuracy="componentwise", method="overlap_save", workers=workers)
        for workers in (1, 2, 3)
    )
    assert all(np.array_equal(alone, other) for other in others)
