"""What is public, that it is documented, and that every documented example runs."""

import doctest
import importlib
import importlib.metadata
import inspect
import itertools
import os
import pkgutil
import rlcompleter
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fftconv
import fftconv.audio
import fftconv.image
import fftconv.probability

ROOT = Path(__file__).parents[1]
MODULES = [
    name for _, name, _ in pkgutil.walk_packages(fftconv.__path__, "fftconv.") if "pyfftw" not in name
]


def test_all_is_what_is_public_and_nothing_is_imported_before_it_is_used():
    code = (
        "import sys, fftconv; print(*(n for n in vars(fftconv) if not n.startswith('_')));"
        "print(*(n for n in sys.modules if n.partition('.')[0] in ('numpy', 'PIL', 'fftconv')))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    names, modules = done.stdout.splitlines()
    assert set(names.split()) == {"imported_later", "TYPE_CHECKING"}
    assert set(modules.split()) == {"fftconv", "fftconv._later"}
    assert set(fftconv.__all__) == {*fftconv._LATER, *fftconv._MODULES}


def test_the_version_is_that_of_the_installed_metadata_or_says_that_there_is_none():
    assert fftconv.__version__ == importlib.metadata.version("fftconv")
    code = (
        "import importlib.metadata as metadata\n"
        "def from_name(name): raise metadata.PackageNotFoundError(name)\n"
        "metadata.Distribution.from_name = from_name\n"
        "import fftconv; from fftconv.cli.main import run\n"
        "print(fftconv.__version__); run(['--version']); fftconv.show_config()"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    version, of_command, of_show_config, *_ = done.stdout.splitlines()
    assert version == "0+unknown"
    assert of_command == "fftconv, version 0+unknown"
    assert of_show_config.split() == ["fftconv", "0+unknown"]


@pytest.mark.parametrize("module", [fftconv, fftconv.audio, fftconv.image])
def test_what_is_imported_later_is_there(module):
    assert set(module._LATER) <= set(module.__all__) == set(dir(module))
    with pytest.raises(AttributeError, match=f"module '{module.__name__}' has no attribute 'nothing'"):
        module.nothing  # noqa: B018


@pytest.mark.parametrize(
    "module", [fftconv, fftconv.audio, fftconv.image, fftconv.kernels, fftconv.probability]
)
def test_every_public_name_is_there_and_documented(module):
    for name in module.__all__:
        member = getattr(module, name)
        assert inspect.getdoc(member), name
        if inspect.isfunction(member):
            assert "Examples\n" in member.__doc__, name


@pytest.mark.parametrize("function", [fftconv.convolve, fftconv.correlate])
def test_everything_after_the_two_arrays_and_the_mode_is_keyword_only(function):
    kinds = [parameter.kind for parameter in inspect.signature(function).parameters.values()]
    assert kinds[:3] == [inspect.Parameter.POSITIONAL_OR_KEYWORD] * 3
    assert set(kinds[3:]) == {inspect.Parameter.KEYWORD_ONLY}
    names = list(inspect.signature(function).parameters)
    assert names == [
        "signal", "kernel", "mode", "boundary", "fill_value", "axes", "method", "stride", "dilation",
        "nan_policy", "mask", "accuracy", "workers", "max_memory", "fft_provider",
        "out", "return_weight",
    ]  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples_run(name, monkeypatch):
    monkeypatch.chdir(ROOT)
    module = importlib.import_module(name)
    assert module.__doc__
    assert doctest.testmod(module).failed == 0


# What draws random numbers, by the name of the parameter that says from where on.
DRAWN = {
    "rng": lambda rng: fftconv.probability.poisson(50.0).sample(rng, 20),
    "rng of a joint one": lambda rng: fftconv.probability.Pmf(np.full((40, 9), 1 / 360)).sample(
        rng=rng, size=20
    ),
    "seed": lambda seed: fftconv.audio.decaying_noise(100, 0.5, seed=seed),
    "seed of sizes": lambda seed: (
        fftconv.compare_sizes([9], [3], methods=["direct"], repeats=1, seed=seed).methods
    ),
    "seed of a check": lambda seed: fftconv.verify_convolution([1, 3, 5, 3], [1, 2, 3], [1, 1], seed=seed),
}


@pytest.mark.parametrize("name", DRAWN)
def test_random_numbers_come_from_a_seed_a_generator_a_sequence_or_anywhere(name):
    draw = DRAWN[name]
    rng = np.random
    expected = draw(7)
    for same in (np.int64(7), rng.default_rng(7), rng.SeedSequence(7), rng.PCG64(7)):
        np.testing.assert_array_equal(draw(same), expected)
    going_on = rng.default_rng(7)
    results = [draw(going_on), draw(going_on), draw(None), draw(None)]
    np.testing.assert_array_equal(results[0], expected)
    if name in ("rng", "rng of a joint one", "seed"):
        assert len({result.tobytes() for result in results}) == 4
    for given, error in ((-1, ValueError), ("7", TypeError), (1.5, TypeError), (True, TypeError)):
        message = (
            rf"{name.split()[0]}={given!r} is not accepted; pass a whole number from 0, a numpy.random"
        )
        with pytest.raises(error, match=message):
            draw(given)


PUBLIC = [name for name in MODULES if name.count(".") == 1 and "._" not in name and name != "fftconv.cli"]


@pytest.mark.parametrize("name", ["fftconv", *PUBLIC])
def test_completion_lists_what_is_public_and_nothing_else(name):
    module = importlib.import_module(name)
    assert dir(module) == sorted(module.__all__)
    completer = rlcompleter.Completer({"module": module})
    listed = itertools.takewhile(
        lambda found: found, map(completer.complete, itertools.repeat("module."), itertools.count())
    )
    assert {found.partition(".")[2].rstrip("()") for found in listed} == set(module.__all__) - {
        "__version__"
    }


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'fftconv' has no attribute 'sound'"):
        fftconv.sound  # noqa: B018


def test_engines_do_not_know_the_planner():
    """Imports go one way: command line, domains, convolution, planning, engines."""
    for path in (ROOT / "fftconv" / "_engines").glob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "fftconv.planning" not in text, path
        assert "fftconv.convolution" not in text, path


def test_readme_examples_run(monkeypatch):
    monkeypatch.chdir(ROOT)
    assert os.path.exists("README.md")
    results = doctest.testfile(str(ROOT / "README.md"), module_relative=False, encoding="utf-8")
    assert results.attempted > 10
    assert results.failed == 0
