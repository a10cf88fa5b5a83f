"""What a process imports: the libraries that its work needs, of all that are installed, and no more."""

import importlib.metadata
import json
import os
import subprocess
import sys

import pytest

INSTALLED = set(importlib.metadata.packages_distributions())
SCIPY = {
    f"scipy.{name}" for name in ("fft", "fftpack", "io", "ndimage", "optimize", "signal", "sparse", "stats")
}
CONVOLVE = "fftconv.convolve(np.ones({}), np.ones({}), {})"
RUN = "assert run({!r}) == 0"

# What one process does, step by step, and the packages that each step may import.
ARRAYS = {
    "import fftconv": set(),
    "dir(fftconv), fftconv.__version__": set(),
    "import numpy as np": {"numpy"},
    "fftconv.kernels.gaussian(2.0)": set(),
    "fftconv.layers.pool(np.ones((1, 1, 4, 4)), 2), fftconv.plotting.plot_kernel, fftconv.compare": set(),
    CONVOLVE.format(9, 3, ""): {"platformdirs"},  # which says where a machine's profile lies
    "fftconv.Filter([1.0, 2.0])([1.0, 3.0])": set(),
    "fftconv.StreamingConvolver([1.0, 2.0], block_size=2).process([1.0])": set(),
    "fftconv.probability.die(6) + fftconv.probability.die(6)": set(),
    "fftconv.audio.smooth(np.ones(9), 3)": set(),
    "fftconv.image.box_blur(np.zeros((9, 9), np.uint8), 1)": {"PIL"},
    CONVOLVE.format(99, 50, "method='fft', fft_provider='pyfftw'"): {"pyfftw"},
}
WITH_SCIPY = {
    "import numpy as np, fftconv": {"numpy"},
    CONVOLVE.format(99, 50, "method='fft', fft_provider='scipy'"): {"platformdirs", "scipy", "scipy.fft"},
}
WITHOUT_CORE = {
    "import numpy as np, fftconv": {"numpy"},
    CONVOLVE.format(50_000, 500, ""): {"platformdirs"},
    CONVOLVE.format(99, 50, "method='fft', fft_provider='pyfftw'"): {"pyfftw"},
}
COMMANDS = {
    "from fftconv.cli.main import run": {"click"},
    RUN.format(["--help"]): {"numpy"},
    RUN.format(["dist", "2d6"]): {"platformdirs"},
    RUN.format(["explain", "--signal", "100", "--kernel", "9"]): {
        "markdown_it",
        "mdurl",
        "pygments",
        "rich",
    },
    RUN.format(["audio", "reverb", "--help"]): set(),
    RUN.format(["image", "blur", "--help"]): set(),
}


def imported(steps, environment):
    """The modules that a fresh process imports in each step."""
    lines = ["import sys, json", "before = set(sys.modules)", "found = []"]
    for step in steps:
        lines += [step, "found.append(sorted(set(sys.modules) - before))", "before |= set(sys.modules)"]
    lines.append("print(); print(json.dumps(found))")
    done = subprocess.run(
        [sys.executable, "-P", "-c", "\n".join(lines)], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(steps, json.loads(done.stdout.splitlines()[-1]), strict=True))


@pytest.mark.parametrize(
    ("steps", "core"), [(ARRAYS, ""), (WITH_SCIPY, ""), (WITHOUT_CORE, "python"), (COMMANDS, "")]
)
def test_only_what_is_needed_is_imported(steps, core):
    allowed = {"fftconv"}
    for step, modules in imported(steps, os.environ | {"FFTCONV_CORE": core}).items():
        allowed |= steps[step]
        parts = {module.split(".")[0] for module in modules} | (SCIPY & set(modules))
        assert parts & (INSTALLED | SCIPY) <= allowed, step
        assert ("pyfftw" in parts) == ("pyfftw" in step), step  # where it is needed, and no earlier


USES = [
    "import pyfftw.interfaces.scipy_fft as made",
    "from pyfftw.interfaces import *; made = scipy_fft",
    "from pyfftw import *; made = interfaces.scipy_fft",
    "import pyfftw.interfaces.numpy_fft; made = pyfftw.interfaces.scipy_fft",
    "import pyfftw; assert 'interfaces' in dir(pyfftw); made = pyfftw.interfaces.scipy_fft",
    "import pyfftw; assert 'scipy_fft' in dir(pyfftw.interfaces); made = pyfftw.interfaces.scipy_fft",
    "import importlib.util as util; assert util.find_spec('pyfftw.interfaces').origin\n"
    "assert util.find_spec('pyfftw.interfaces.scipy_fft').origin\n"
    "from pyfftw.interfaces import scipy_fft as made",
    "import importlib, pyfftw; importlib.reload(pyfftw.interfaces); made = pyfftw.interfaces.scipy_fft",
    "import pickle, pyfftw; made = pyfftw.interfaces.scipy_fft\n"
    "assert pickle.loads(pickle.dumps(made.fft)) is made.fft",
    "import scipy.fft, pyfftw.interfaces.scipy_fft as made; scipy.fft.set_global_backend(made)\n"
    "assert scipy.fft.fft(np.ones(4))[0] == 4",
    "from unittest import mock\n"
    "with mock.patch('pyfftw.interfaces.scipy_fft.fft') as fake:\n"
    "    from pyfftw.interfaces import scipy_fft as made; assert made.fft is fake",
    "import pyfftw; from concurrent.futures import ThreadPoolExecutor\n"
    "with ThreadPoolExecutor(8) as pool:\n"
    "    made, = set(pool.map(lambda _: pyfftw.interfaces.scipy_fft, range(32)))",
]


@pytest.mark.parametrize("use", USES)
def test_what_pyfftw_imports_by_itself_is_there_for_others(use):
    steps = [
        "sys.modules['dask'] = None",  # which would take a second
        "import numpy as np, fftconv; fftconv.convolve(np.ones(9), np.ones(5), method='fft')",
        f"{use}\nassert made.fft(np.ones(4))[0] == 4; import pyfftw\n"
        "assert pyfftw.interfaces.scipy_fft is made is sys.modules['pyfftw.interfaces.scipy_fft']\n"
        "assert pyfftw.interfaces is sys.modules['pyfftw.interfaces']",
    ]
    _, first, then = imported(steps, os.environ | {"FFTCONV_FFT": "pyfftw"}).values()
    assert "pyfftw" in first
    assert not {"pyfftw.interfaces", "pyfftw.interfaces.scipy_fft", "scipy"} & set(first)
    assert "pyfftw.interfaces.scipy_fft" in then


def test_a_search_through_all_modules_does_not_import_what_was_put_off():
    """As pickle searches for the home of a function that names none."""
    steps = [
        "import numpy as np, fftconv; fftconv.convolve(np.ones(9), np.ones(5), method='fft')",
        "for name, module in sys.modules.copy().items(): getattr(module, 'of_nobody', None)",
    ]
    first, then = imported(steps, os.environ | {"FFTCONV_FFT": "pyfftw"}).values()
    assert "pyfftw" in first
    assert not [name for name in then if name.startswith("pyfftw")]


RACES = [
    "import pyfftw; pyfftw.interfaces.numpy_fft.fft",
    "from pyfftw import interfaces; interfaces.numpy_fft.fft",
    "from pyfftw import FFTW",
    "import numpy as np, fftconv; fftconv.convolve(np.ones(9), np.ones(5), method='fft')",
]


def test_threads_may_import_pyfftw_while_a_first_transform_does():
    code = (
        "sys.modules['dask'] = None; import numpy as np, fftconv; from threading import Barrier\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        f"tasks = {RACES} * 2; barrier = Barrier(len(tasks))\n"
        "def run(task): barrier.wait(); exec(task, {})\n"
        "with ThreadPoolExecutor(len(tasks)) as pool: list(pool.map(run, tasks))\n"
        "import pyfftw; assert pyfftw.interfaces is sys.modules['pyfftw.interfaces']"
    )
    imported([code], os.environ | {"FFTCONV_FFT": "pyfftw"})


def test_a_pyfftw_that_does_not_load_leaves_nothing_behind():
    code = (
        "import numpy as np, fftconv, pytest; sys.modules['pyfftw.pyfftw'] = None\n"
        "with pytest.raises(ImportError): fftconv.convolve(np.ones(9), np.ones(5), method='fft')\n"
        "del sys.modules['pyfftw.pyfftw']; fftconv.convolve(np.ones(9), np.ones(5), method='fft')\n"
        "assert 'pyfftw' in sys.modules and 'pyfftw.interfaces' not in sys.modules"
    )
    imported([code], os.environ | {"FFTCONV_FFT": "pyfftw"})


def test_a_pyfftw_that_is_imported_before_is_left_alone():
    code = (
        "sys.modules['dask'] = None; import pyfftw, numpy as np, fftconv; of_user = pyfftw.interfaces; "
        "fftconv.convolve(np.ones(9), np.ones(5), method='fft'); assert pyfftw.interfaces is of_user; "
        "assert 'numpy_fft' in vars(of_user)"
    )
    imported([code], os.environ)
