"""What is public, that it is documented, and that every documented example runs."""

import doctest
import importlib
import importlib.metadata
import inspect
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

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
def test_everything_after_the_two_arrays_is_keyword_only(function):
    kinds = [parameter.kind for parameter in inspect.signature(function).parameters.values()]
    assert kinds[:2] == [inspect.Parameter.POSITIONAL_OR_KEYWORD] * 2
    assert set(kinds[2:]) == {inspect.Parameter.KEYWORD_ONLY}
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
