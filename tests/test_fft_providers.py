"""Who transforms: pyFFTW or scipy.fft, chosen by environment, with plans kept for each thread."""

import multiprocessing
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scipy.fft
from cases import GRID, assert_within_bound, case

import fftconv
from fftconv import _fft
from fftconv._fft import pyfftw_provider


@pytest.fixture
def scipy_provider(monkeypatch):
    monkeypatch.setenv(_fft.ENVIRONMENT_VARIABLE, "scipy")


@pytest.mark.parametrize(("shapes", "mode", "boundary"), GRID[::5], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64", "longdouble", "complex64", "int16"])
def test_scipy_provider_gives_the_definition(scipy_provider, shapes, mode, boundary, dtype):
    signal, kernel, options, expected = case(shapes, mode, boundary, dtype)
    plan = fftconv.explain(signal, kernel, method="fft", **options)
    assert plan.fft_provider == "scipy"
    assert_within_bound(fftconv.convolve(signal, kernel, method="fft", **options), expected, plan)


class CountingBackend:
    """A scipy.fft backend that counts and passes on."""

    __ua_domain__ = "numpy.scipy.fft"
    calls = 0

    @staticmethod
    def __ua_function__(function, args, kwargs):
        CountingBackend.calls += 1
        with scipy.fft.skip_backend(CountingBackend):
            return function(*args, **kwargs)


def test_backend_set_in_scipy_fft_is_honoured(scipy_provider):
    CountingBackend.calls = 0
    with scipy.fft.set_backend(CountingBackend):
        fftconv.convolve(np.ones(50), np.ones(9), method="fft")
    assert CountingBackend.calls == 3  # two forward, one back


def test_pyfftw_is_the_default_and_scipy_is_used_without_it(monkeypatch):
    assert fftconv.plan_convolution(100, 50, method="fft").fft_provider == "pyfftw"
    code = (
        "import sys; sys.modules['pyfftw'] = None\n"
        "import numpy as np, fftconv\n"
        "print(fftconv.explain(np.ones(99), np.ones(9), method='fft').fft_provider)\n"
        "print(fftconv.convolve(np.ones(99), np.ones(9), method='fft')[50].round(9))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["scipy", "9.0"]


def test_unknown_provider_is_refused(monkeypatch):
    monkeypatch.setenv(_fft.ENVIRONMENT_VARIABLE, "cufft")
    with pytest.raises(ValueError, match="FFTCONV_FFT='cufft' is not accepted.*pyfftw, scipy"):
        fftconv.convolve(np.ones(9), np.ones(3), method="fft")


def test_many_threads_share_nothing():
    rng = np.random.default_rng(0)
    signals = [rng.random(1000 + i % 3) for i in range(64)]
    kernel = rng.random(100)
    serial = [fftconv.convolve(x, kernel, method="fft") for x in signals]
    with ThreadPoolExecutor(8) as pool:
        threaded = list(pool.map(lambda x: fftconv.convolve(x, kernel, method="fft"), signals))
    assert all(np.array_equal(a, b) for a, b in zip(serial, threaded, strict=True))


def _transform_in_a_child(image):
    return float(fftconv.convolve(image, np.ones((40, 40)), method="fft", workers=2).sum())


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork here")
def test_a_forked_child_has_threads_of_its_own():
    large = np.ones((600, 700))
    expected = _transform_in_a_child(large)
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert pool.apply_async(_transform_in_a_child, (large,)).get(timeout=60) == expected


def test_workspaces_kept_are_bounded():
    for size in range(100_000, 1_600_000, 100_000):
        fftconv.convolve(np.ones(size), np.ones(50), method="fft")
    kept = pyfftw_provider._kept.workspaces.values()
    assert 0 < sum(item.nbytes for item in kept) <= pyfftw_provider._KEPT_BYTES


def test_importing_fftconv_imports_no_fft_library():
    code = (
        "import sys, fftconv; print([m for m in ('pyfftw', 'scipy', 'PIL', 'click') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_argument_names_the_provider_over_the_environment(scipy_provider):
    x, k = np.ones(100), np.ones(50)
    plan = fftconv.plan_convolution(100, 50, method="fft", fft_provider="pyfftw")
    assert plan.fft_provider == "pyfftw"
    assert fftconv.plan_convolution(100, 50, method="fft").fft_provider == "scipy"
    assert fftconv.Filter(k, method="fft", fft_provider="pyfftw").explain(x).fft_provider == "pyfftw"
    results = [fftconv.convolve(x, k, method="fft", fft_provider=name) for name in _fft.PROVIDERS]
    assert np.allclose(*results, rtol=0, atol=1e-12)


@pytest.mark.parametrize("use", [fftconv.convolve, fftconv.explain])
def test_unknown_provider(use):
    with pytest.raises(ValueError, match="fft_provider='mkl' is not accepted; choose one of pyfftw, scipy"):
        use([1.0], [1.0], fft_provider="mkl")


def test_a_provider_that_is_not_installed(monkeypatch):
    monkeypatch.setattr(_fft, "_installed_provider", lambda: "scipy")
    with pytest.raises(ValueError, match="fft_provider='pyfftw' needs pyFFTW, which is not installed; pip"):
        fftconv.plan_convolution(100, 50, fft_provider="pyfftw")
