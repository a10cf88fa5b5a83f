"""The plan says beforehand what convolve does, and why."""

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest
from cases import ENGINES

import fftconv
from fftconv import _cost
from fftconv._native import core
from fftconv._profile import SHIPPED, machine_profile
from fftconv._recording import recorded_plans


def test_small_kernels_are_direct_and_large_ones_transformed():
    assert fftconv.plan_convolution(1_000_000, 3).method == "direct"
    assert fftconv.plan_convolution(1_000_000, 1_000).method == "overlap_save"
    assert fftconv.plan_convolution(30_000, 30_000, dtype="longdouble").method == "fft"
    assert fftconv.plan_convolution((1024, 1024), (3, 3), dtype="float32").method == "direct"
    assert fftconv.plan_convolution((1024, 1024), (100, 100), dtype="float32").method == "overlap_save"


def test_one_tap_is_never_transformed():
    """SciPy issue 10887: a cost counted wrongly chose the FFT for a single tap."""
    for size in (10, 1000, 10**6, 10**8):
        assert fftconv.plan_convolution(size, 1).method == "direct"


def test_every_engine_is_a_candidate_with_time_memory_and_verdict():
    plan = fftconv.explain(np.ones((80, 90)), np.ones((9, 9)))
    assert [item.method for item in plan.candidates] == ENGINES
    chosen = next(item for item in plan.candidates if item.verdict == "chosen")
    assert chosen.method == plan.method
    assert chosen.seconds == min(item.seconds for item in plan.candidates) == plan.seconds
    assert all(item.bytes > 0 for item in plan.candidates)
    assert all("times as slow" in item.verdict for item in plan.candidates if item is not chosen)


def test_a_named_method_is_obeyed_and_the_faster_one_is_shown():
    plan = fftconv.plan_convolution(1_000_000, 3, method="fft")
    assert plan.method == "fft"
    assert plan.reason == "asked for by method='fft'"
    assert "times as fast" in plan.candidates[0].verdict


def candidate(plan, method):
    return next(item for item in plan.candidates if item.method == method)


def test_refused_candidates_say_why():
    plan = fftconv.explain([10**30], [1, 2])
    assert plan.method == "direct"
    assert plan.reason == "no other engine can do this"
    assert candidate(plan, "fft").verdict == "refused: objects have no Fourier transform"
    assert candidate(plan, "fft").seconds is None
    plan = fftconv.plan_convolution(2**39, 2**39, dtype=np.int64)
    assert plan.method == "direct"
    assert "the taps are not known" in candidate(plan, "running_sum").verdict
    assert "integers could come out wrong" in candidate(plan, "fft").verdict
    plan = fftconv.explain(np.ones((9, 9)), np.arange(9.0).reshape(3, 3) ** 2)
    assert "not all the same" in candidate(plan, "running_sum").verdict


@pytest.mark.parametrize(
    ("signal", "kernel", "options", "method", "reason"),
    [
        (np.ones(5), np.ones(3), {}, "separable", "a kernel along one axis has no factors"),
        (np.ones(5), np.arange(3.0), {}, "running_sum", "taps are not all the same finite number"),
        (np.ones(5), np.full(3, np.inf), {}, "running_sum", "taps are not all the same finite number"),
        (np.ones((3, 5, 5)), np.ones((3, 2, 2)), {"axes": (1, 2)}, "separable", "slice to slice"),
        (np.ones((3, 5)), np.ones((3, 2)), {"axes": 1}, "running_sum", "slice to slice"),
        (np.ones((5, 5), int), np.eye(3, dtype=int), {}, "separable", "no single outer product"),
        (np.ones((5, 5, 5)), np.arange(27.0).reshape(3, 3, 3), {}, "separable", "not an outer product"),
        (np.ones((5, 5)), np.full((3, 3), np.nan), {}, "separable", "kernel is not finite"),
        (np.ones((5, 5), "g"), np.ones((3, 3)), {}, "separable", "not found in the precision of"),
    ],
)
def test_engines_for_some_kernels_refuse_the_others(signal, kernel, options, method, reason):
    with pytest.raises(ValueError, match=f"method='{method}' cannot do this: .*{reason}.*'auto'"):
        fftconv.convolve(signal, kernel, method=method, **options)


def test_plan_from_shapes_is_the_plan_from_data():
    """Of a kernel whose taps have nothing in common; shapes cannot tell more."""
    rng = np.random.default_rng(0)
    signal, kernel = np.zeros((60, 50), "f4"), rng.random((30, 30)).astype("f4")
    options = {"mode": "same", "boundary": "mirror", "stride": 2}
    from_data = fftconv.explain(signal, kernel, **options)
    from_shapes = fftconv.plan_convolution((60, 50), (30, 30), dtype="f4", **options)
    unlike = {"error_bound": None, "candidates": ()}
    assert dataclasses.replace(from_data, **unlike) == dataclasses.replace(from_shapes, **unlike)


def test_integers_known_to_be_small_need_no_limbs():
    signal, kernel = np.ones(10**5, np.int64), np.arange(10**4) % 3
    assert fftconv.explain(signal, kernel, method="fft").schedule.limbs is None
    unknown = fftconv.plan_convolution(10**5, 10**4, dtype=np.int64, method="fft")
    assert unknown.schedule.limbs.products >= 16
    assert unknown.seconds > 8 * fftconv.explain(signal, kernel, method="fft").seconds
    assert fftconv.plan_convolution(10**5, 10**4, dtype=np.uint8, method="fft").schedule.limbs is None
    rng = np.random.default_rng(0)
    sparse, dense = np.zeros(10**5, np.int64), rng.integers(-(2**40), 2**40, 10**5)
    sparse[7] = 2**40 - 1  # as large, but not as a whole
    kernel = rng.integers(-1024, 1024, 10**4)
    few, many = (fftconv.explain(x, kernel, method="fft").schedule.limbs.products for x in (sparse, dense))
    assert few < many


def test_convolve_follows_the_plan():
    signal, kernel = np.ones(3000), np.arange(2000.0)
    with recorded_plans() as plans:
        fftconv.convolve(signal, kernel, mode="same")
    expected = fftconv.explain(signal, kernel, mode="same")
    assert plans == [dataclasses.replace(expected, error_bound=None)]


def test_plan_is_json():
    plan = fftconv.explain(np.ones(100), np.ones(3), boundary="wrap", mode="same")
    read = json.loads(json.dumps(plan.to_dict()))
    assert read["method"] == "direct"
    assert read["boundary"] == "wrap"
    assert read["error_bound"] == plan.error_bound > 0
    assert [item["method"] for item in read["candidates"]] == ENGINES


def test_repr_is_for_a_person():
    text = repr(fftconv.plan_convolution((500, 400), (91, 91), dtype="float32"))
    for words in ("method", "fft", "times as fast as", "(500, 400)", "transform", "MiB", "chosen"):
        assert words in text


def test_html_for_notebooks_escapes_and_shows_the_same():
    html = fftconv.plan_convolution(500, 3)._repr_html_()
    assert html.count("<tr>") >= 8
    assert "direct" in html
    assert "<script" not in html


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_output_shape(mode):
    plan = fftconv.plan_convolution((10, 12), (3, 4), mode=mode)
    assert plan.output_shape == fftconv.convolve(np.ones((10, 12)), np.ones((3, 4)), mode=mode).shape


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (((0,), (3,)), ValueError, r"signal_shape=\(0,\) is empty"),
        (((3,), ()), ValueError, r"kernel_shape=\(\) is empty"),
        (((3.5,), (3,)), TypeError, "signal_shape=.*pass a length"),
        (("abc", (3,)), TypeError, "signal_shape='abc'"),
    ],
)
def test_bad_shapes(arguments, error, message):
    with pytest.raises(error, match=message):
        fftconv.plan_convolution(*arguments)


def test_bad_dtype():
    with pytest.raises(TypeError, match="datetime64.* cannot be convolved"):
        fftconv.plan_convolution(3, 3, dtype="M8[s]")


def test_profile_has_a_rate_for_every_count():
    """No plan can meet a dtype or a code path without a predicted time."""
    profile = machine_profile()
    shapes = [
        ((50,), (3,)),
        ((50,), (30,)),
        ((50, 50), (3, 3)),
        ((9, 9, 9), (3, 3, 3)),
        ((900, 900), (9, 9)),
    ]
    for signal, kernel in shapes:
        for dtype in ("f4", "f8", "g", "F", "D", "G", "i8", "?", "u1", "O"):
            for dilation in (1, 2):
                plan = fftconv.plan_convolution(signal, kernel, dtype=dtype, dilation=dilation)
                assert plan.seconds > 0
                if dtype != "O":
                    data = np.ones(signal, dtype), np.ones(kernel, dtype)
                    assert fftconv.explain(*data, dilation=dilation).seconds > 0
    assert all(
        0 <= rate < 1 for path in profile.rates.values() for d in path.values() for rate in d.values()
    )


def test_every_level_of_the_core_has_the_same_rates():
    """A level without them would be planned with those of another."""
    levels = json.loads(SHIPPED.read_text(encoding="utf-8"))["core"]
    names = {
        level: {
            (path, dtype, count) for path in rates for dtype in rates[path] for count in rates[path][dtype]
        }
        for level, rates in levels.items()
    }
    assert len(set(map(frozenset, names.values()))) == 1
    assert set(core.levels() if core is not None else []) <= set(levels)


def test_predicted_bytes_of_a_transform_are_near_what_it_allocates():
    tracemalloc = pytest.importorskip("tracemalloc")
    signal, kernel = np.ones((700, 700)), np.ones((90, 90))
    plan = fftconv.explain(signal, kernel, method="fft")
    out = np.empty(plan.output_shape)
    fftconv.convolve(np.ones(9), np.ones(3), method="fft")  # imports the provider, which is not meant
    tracemalloc.start()
    fftconv.convolve(signal, kernel, method="fft", out=out)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 0.8 * peak < plan.bytes < 1.25 * peak


def test_sizes_beyond_any_transform_are_planned_without_one():
    plan = fftconv.plan_convolution(10**13, 10**7)
    assert plan.method == "direct"
    assert candidate(plan, "overlap_save").verdict == "refused: the kernel does not fit the largest tile"
    assert candidate(plan, "fft").verdict == "refused: the transform would be longer than 2^40 points"
    with pytest.raises(ValueError, match="longer than 2"):
        fftconv.plan_convolution(10**13, 10**7, method="fft")
    assert (
        fftconv.convolve([1.0, 2, 3], [1.0, 2], dilation=2**45, mode="same", method="direct").tolist()
        == [0] * 3
    )


def test_checking_for_overflow_is_in_the_prediction():
    proven = fftconv.explain(np.ones((300, 300), int), np.ones((3, 3), int), method="direct")
    checked = fftconv.explain(np.full((300, 300), 2**62), np.ones((3, 3), int), method="direct")
    assert checked.checks_overflow
    assert not proven.checks_overflow
    assert checked.seconds > 2 * proven.seconds
    assert checked.bytes > 4 * 8 * 300 * 300


def test_work_counts_scale_with_the_problem():
    small = fftconv.plan_convolution((100, 100), (5, 5), method="direct", workers=1)
    large = fftconv.plan_convolution((1000, 1000), (5, 5), method="direct", workers=1)
    assert 50 < large.seconds / small.seconds < 200
    assert set(_cost._WORK) == set(ENGINES)


@pytest.mark.parametrize("method", ["direct", "overlap_save", "fft"])
def test_an_engine_that_needs_more_memory_is_refused(method):
    shapes = (300_000, 2_000)
    plan = fftconv.plan_convolution(*shapes, method=method)
    allowed = fftconv.plan_convolution(*shapes, method=method, max_memory=plan.bytes)
    assert allowed.schedule == plan.schedule
    least = candidate(fftconv.plan_convolution(*shapes, max_memory=10**9, workers=1), method).bytes
    if method != "overlap_save":
        with pytest.raises(ValueError, match=f"needs {least} bytes of working memory, and max_memory is"):
            fftconv.plan_convolution(*shapes, method=method, max_memory=least - 1, workers=1)


MEMORIES = (10**9, 70_000, 35_000)


def test_tiles_shrink_to_the_memory_there_is():
    plans = [
        fftconv.plan_convolution(10**6, 100, method="overlap_save", max_memory=most) for most in MEMORIES
    ]
    assert all(plan.bytes <= most for plan, most in zip(plans, MEMORIES, strict=True))
    sizes = [plan.bytes for plan in plans]
    assert sizes[0] > sizes[1] > sizes[2]
    rng = np.random.default_rng(0)
    x, k = rng.standard_normal(3000), rng.standard_normal(100)
    small = fftconv.convolve(x, k, method="overlap_save", max_memory=MEMORIES[2])
    assert np.allclose(small, np.convolve(x, k), rtol=0, atol=1e-11)


def test_too_little_memory_for_anything_says_what_suffices():
    with pytest.raises(
        ValueError, match="max_memory=10 bytes are too few for any engine; .* suffice"
    ) as info:
        fftconv.plan_convolution((400, 400), (31, 31), max_memory=10)
    enough = int(str(info.value).split("; ")[1].split()[0])
    plan = fftconv.plan_convolution((400, 400), (31, 31), max_memory=enough)
    assert plan.bytes == enough
    with pytest.raises(ValueError, match="too few"):
        fftconv.plan_convolution((400, 400), (31, 31), max_memory=enough - 1)


@pytest.mark.parametrize("value", [-1, 1.5, "1 GB", True])
def test_bad_max_memory(value):
    with pytest.raises(ValueError, match="max_memory=.* is not accepted; pass a whole number of bytes"):
        fftconv.plan_convolution(100, 10, max_memory=value)


MEASURE = """
import sys, numpy as np, fftconv
def high_water():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
method, shape, taps, dtype = sys.argv[1], eval(sys.argv[2]), eval(sys.argv[3]), sys.argv[4]
fftconv.convolve(np.ones((9,) * len(shape), dtype), np.ones((3,) * len(shape), dtype), method=method)
rng = np.random.default_rng(0)
x, k = rng.standard_normal(shape).astype(dtype), rng.standard_normal(taps).astype(dtype)
plan = fftconv.explain(x, k, mode="same", boundary="reflect", method=method, workers=1)
out = np.empty(shape, dtype)
out[...] = 0
open("/proc/self/clear_refs", "w").write("5")
before = high_water()
fftconv.convolve(x, k, mode="same", boundary="reflect", method=method, out=out, workers=1)
print(plan.bytes, high_water() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads the high-water mark of the kernel")
@pytest.mark.parametrize(
    ("method", "shape", "taps", "dtype"),
    [
        ("fft", (2500, 2500), (90, 90), "float32"),
        ("fft", (2_000_000,), (500_000,), "float64"),
        ("overlap_save", (2500, 2500), (700, 700), "float32"),
        ("overlap_save", (2_000_000,), (500_000,), "float64"),
        ("overlap_save", (120, 120, 120), (50, 50, 50), "float32"),
        ("direct", (60, 300, 300), (31, 15, 15), "float32"),
    ],
    ids=str,
)
def test_predicted_bytes_are_near_what_is_taken(method, shape, taps, dtype):
    arguments = [sys.executable, "-P", "-c", MEASURE, method, repr(shape), repr(taps), dtype]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    predicted, taken = map(int, done.stdout.split())
    assert 0.8 * taken < predicted < 1.25 * taken
