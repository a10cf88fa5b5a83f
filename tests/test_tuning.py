"""Profiles of a machine: measured, saved whole, and not believed when damaged or another machine's."""

import json
import os
import subprocess
import sys
import warnings

import numpy as np
import pytest

import fftconv
from fftconv import _profile, tuning
from fftconv._profile import (
    ENVIRONMENT_VARIABLE,
    machine_profile,
    save_profile,
    shipped_profile,
    use_profile,
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where profiles are kept, empty; plans look there."""
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(tmp_path))
    use_profile(None)
    yield tmp_path
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, "shipped")
    use_profile(None)


@pytest.fixture(scope="module")
def tuned():
    done = []
    result = fftconv.tune(0.01, save=False, progress=done.append)
    use_profile(None)
    return result, done


def test_tuning_measures_every_kind_of_work(tuned):
    tuning_, progress = tuned
    shipped = shipped_profile()
    profile = tuning_.profile
    assert profile.source.startswith("tuned on ")
    assert {path: {d: set(c) for d, c in of.items()} for path, of in profile.rates.items()} == {
        path: {d: set(c) for d, c in of.items()} for path, of in shipped.rates.items()
    }
    assert profile.rates != shipped.rates
    assert all(0 <= gain <= 1 for gain in profile.thread_gain.values())
    assert {row[1] for row in tuning_.rows} == {"float32", "float64", "complex64", "complex128"}
    assert progress == sorted(progress)
    assert progress[-1] == 1


def test_what_was_measured_is_predicted_afterwards(tuned):
    """The geometric mean of measured over predicted time, by code path and dtype, is near 1."""
    tuning_, _ = tuned
    assert all(0.5 < after < 2 for *_, after in tuning_.rows)
    text = repr(tuning_)
    assert "measured over predicted time" in text
    assert "not saved" in text


def test_scaling_is_exact_for_one_sample_of_a_kind():
    shipped = shipped_profile()
    path = next(iter(shipped.rates))
    dtype, counts = next(iter(shipped.rates[path].items()))
    sample = tuning._Sample(path, dtype, dict.fromkeys(counts, 10.0), [], lambda: 0.0)
    sample.times = [3 * sum(10.0 * rate for rate in counts.values())]
    rates, ((_, _, count, before, after),) = tuning._scaled(shipped, [sample])
    assert (count, before, after) == (1, pytest.approx(3), pytest.approx(1))
    assert all(rates[path][dtype][name] == pytest.approx(3 * rate) for name, rate in counts.items())
    unlike = next(other for other in shipped.rates if other != path)
    assert rates[unlike] == shipped.rates[unlike]


def test_a_profile_is_saved_found_and_named_in_the_plan(folder):
    before = fftconv.plan_convolution(1000, 100)
    assert before.profile.startswith("shipped")
    shipped = shipped_profile()
    rates = {
        p: {d: {n: 2 * r for n, r in c.items()} for d, c in of.items()} for p, of in shipped.rates.items()
    }
    mine = _profile.Profile("mine", shipped.thread_gain, rates)
    path = _profile.profile_path()
    save_profile(mine, path)
    assert [item.name for item in folder.iterdir()] == [path.name]
    assert fftconv.plan_convolution(1000, 100).profile.startswith("shipped")  # found at the next start
    use_profile(None)
    after = fftconv.plan_convolution(1000, 100)
    assert after.profile == "mine"
    assert after.seconds == pytest.approx(2 * before.seconds)


def test_tune_saves_and_is_used_at_once_and_by_other_processes(folder):
    result = fftconv.tune(0.01)
    assert result.path == folder / "profile.json"
    assert fftconv.plan_convolution(1000, 100).profile == result.profile.source
    code = "import fftconv; print(fftconv.plan_convolution(1000, 100).profile)"
    done = subprocess.run([sys.executable, "-P", "-W", "error", "-c", code],
                          env=os.environ | {ENVIRONMENT_VARIABLE: str(folder)},
                          capture_output=True, text=True, check=True)  # fmt: skip
    assert done.stdout.strip() == result.profile.source


def spoil(change):
    """A saved profile with something changed."""

    def write(path):
        save_profile(shipped_profile(), path)
        content = json.loads(path.read_text())
        change(content)
        path.write_text(json.dumps(content))

    return write


def cut(path):
    save_profile(shipped_profile(), path)
    path.write_text(path.read_text()[:-100])


def negative(content):
    next(iter(next(iter(content["rates"].values())).values()))["call"] = -1


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (cut, r"profile.json is damaged \(JSONDecodeError"),
        (lambda path: path.write_bytes(b"\xff\x00"), "is damaged"),
        (lambda path: path.write_text("[]"), "is damaged"),
        (spoil(lambda content: content.pop("rates")), "is damaged"),
        (spoil(lambda content: content["rates"].popitem()), "is damaged .KeyError"),
        (spoil(negative), "is damaged .ValueError: rate .*, call is -1"),
        (
            spoil(lambda content: content["made for"].update(version="0.0")),
            "was made for version '0.0' and not",
        ),
        (spoil(lambda content: content["made for"].update(threads=99)), "was made for threads 99 and not"),
    ],
)
def test_a_profile_that_cannot_be_used_is_told_once(folder, write, message):
    write(_profile.profile_path())
    use_profile(None)
    with pytest.warns(UserWarning, match=message) as caught:
        plan = fftconv.plan_convolution(1000, 100)
    assert plan.profile.startswith("shipped")
    assert len(caught) == 1
    assert "fftconv tune" in str(caught[0].message)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fftconv.plan_convolution(2000, 100)


def test_wisdom_of_another_build_is_told_once(folder):
    code = (
        "import warnings, numpy as np, fftconv\n"
        "from fftconv import _profile\n"
        "shipped = _profile.shipped_profile()\n"
        "import dataclasses\n"
        "_profile.use_profile(dataclasses.replace(shipped, wisdom=('(fftw-9.9 nonsense', '', '')))\n"
        "with warnings.catch_warnings(record=True) as caught:\n"
        "    warnings.simplefilter('always')\n"
        "    for n in (50, 60):\n"
        "        fftconv.convolve(np.ones(n), np.ones(9), method='fft')\n"
        "print(*[item.message for item in caught], sep='\\n')"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == 1
    assert "of another build of FFTW" in done.stdout


def test_wisdom_is_learned_and_accepted(folder):
    pyfftw_provider = pytest.importorskip("fftconv._fft.pyfftw_provider")
    import pyfftw

    wisdom = pyfftw_provider.learn([(64, 64)], 0.2)
    assert wisdom[0].startswith("(fftw")
    assert any(pyfftw.import_wisdom(tuple(text.encode() for text in wisdom)))


def test_nothing_is_measured_or_looked_for_at_import():
    code = "import sys, fftconv; print('platformdirs' in sys.modules, 'pyfftw' in sys.modules)"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), "3", True])
def test_bad_seconds(seconds):
    with pytest.raises((ValueError, TypeError), match="seconds="):
        fftconv.tune(seconds, save=False)


def test_nowhere_to_save():
    with pytest.raises(ValueError, match="FFTCONV_PROFILE=shipped rules saved ones out; unset it"):
        fftconv.tune(0.01)


def test_a_profile_changes_plans_not_results(folder):
    rng = np.random.default_rng(0)
    x, k = rng.standard_normal(5000), rng.standard_normal(70)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        before = fftconv.convolve(x, k)
        shipped = shipped_profile()
        slow = {
            path: {
                d: {n: r * (1e6 if "direct" in path else 1) for n, r in c.items()} for d, c in of.items()
            }
            for path, of in shipped.rates.items()
        }
        use_profile(_profile.Profile("slow sums", shipped.thread_gain, slow))
        assert fftconv.explain(x, k).method != "direct"
        after = fftconv.convolve(x, k)
    assert np.allclose(before, after, rtol=0, atol=1e-12)
    assert machine_profile().source == "slow sums"
