"""The plan says beforehand what convolve does, and why."""

import dataclasses
import json

import numpy as np
import pytest
from cases import ENGINES

import fftconv
from fftconv import _cost
from fftconv._native import core
from fftconv._profile import SHIPPED, machine_profile
from fftconv.planning import recorded_plans


def test_small_kernels_are_direct_and_large_ones_transformed():
    assert fftconv.plan_convolution(1_000_000, 3).method == "direct"
    assert fftconv.plan_convolution(1_000_000, 100_000).method == "fft"
    assert fftconv.plan_convolution((1024, 1024), (3, 3), dtype="float32").method == "direct"
    assert fftconv.plan_convolution((1024, 1024), (200, 200), dtype="float32").method == "fft"


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
    plan = fftconv.plan_convolution(10**6, 10**6, dtype=np.int64)
    assert plan.method == "direct"
    assert "integers could come out wrong" in candidate(plan, "fft").verdict
    assert "the taps are not known" in candidate(plan, "running_sum").verdict
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


def test_integers_known_to_be_small_may_go_where_unknown_ones_may_not():
    signal, kernel = np.ones(10**5, np.int64), np.arange(10**4) % 3
    assert fftconv.explain(signal, kernel).method == "fft"
    assert fftconv.plan_convolution(10**5, 10**4, dtype=np.int64).method == "direct"
    assert fftconv.plan_convolution(10**5, 10**4, dtype=np.uint8).method == "fft"


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
    for words in ("method", "fft", "times as fast as direct", "(500, 400)", "transform", "MiB", "chosen"):
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
    plan = fftconv.plan_convolution(10**13, 10**6)
    assert plan.method == "direct"
    assert candidate(plan, "fft").verdict == "refused: the transform would be longer than 2^40 points"
    with pytest.raises(ValueError, match="longer than 2"):
        fftconv.plan_convolution(10**13, 10**6, method="fft")
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
