"""Kernels of low rank, or of equal taps, are found by themselves and filtered right."""

from fractions import Fraction

import numpy as np
import oracle
import pytest
from cases import assert_within_bound

import fftconv
from fftconv import kernels
from fftconv._factors import factorize, kernel_facts
from fftconv._native import core

RANKS = {
    "gaussian": (kernels.gaussian((2.0, 3.0)), 1),
    "normalised gaussian": (
        np.exp(-(np.arange(-9, 10) ** 2)[:, None] / 9 - np.arange(-9, 10) ** 2 / 20),
        1,
    ),
    "box": (kernels.box((5, 9)), 1),
    "sobel": (kernels.sobel(0), 1),
    "prewitt": (kernels.prewitt(1), 1),
    "scharr": (kernels.scharr(1), 1),
    "laplacian of gaussian": (kernels.laplacian_of_gaussian(2.0), 2),
    "laplace": (kernels.laplace(4), 2),
    "one line": (kernels.gaussian(2.0)[None, :], 1),
    "zeros": (np.zeros((4, 5)), 1),
    "volume": (kernels.gaussian((1.0, 2.0, 1.5)), 1),
}


@pytest.mark.parametrize("name", RANKS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64"])
def test_rank(name, dtype):
    kernel, rank = RANKS[name]
    facts = kernel_facts(kernel.astype(dtype))
    assert facts.rank == rank
    assert facts.residual < 50 * np.finfo(dtype).eps


@pytest.mark.parametrize("shape", [(3, 3), (9, 9), (40, 40), (31, 90)])
def test_factors_add_up_to_the_kernel(shape):
    kernel = np.random.default_rng(0).standard_normal(shape)
    sum_of_products = sum(np.outer(*term) for term in factorize(kernel))
    assert np.abs(sum_of_products - kernel).max() < 1e-13
    facts = kernel_facts(kernel)
    assert facts.rank == (min(shape) if min(shape) <= 8 else None)
    assert kernel_facts(kernel, every_rank=True).rank == min(shape)


@pytest.mark.parametrize(
    "kernel", [np.outer([2, 4, -6], [3, 9]), np.outer([0, 5, 0], [7, 0, 1]), np.zeros((2, 3), int)]
)
def test_factors_of_integers_are_integers(kernel):
    ((down, along),) = factorize(kernel.astype(np.int64))
    assert down.dtype == along.dtype == np.int64
    assert np.array_equal(np.outer(down, along), kernel)
    assert np.abs(down).sum() * np.abs(along).sum() == np.abs(kernel).sum()  # no sum in between is larger


@pytest.mark.parametrize("kernel", [np.array([[1, 2], [2, 5]]), np.eye(3, dtype=int)])
def test_integers_that_are_no_outer_product(kernel):
    assert kernel_facts(kernel).rank is None


@pytest.mark.skipif(core is None, reason="in pure Python the transform may be faster")
@pytest.mark.parametrize("name", ["gaussian", "laplacian of gaussian", "volume"])
def test_auto_filters_by_factors_where_that_is_faster(name):
    kernel = RANKS[name][0].astype(np.float32)
    signal = np.ones((300, 300) if kernel.ndim == 2 else (60, 60, 60), np.float32)
    plan = fftconv.explain(signal, kernel)
    assert (plan.method, plan.rank) == ("separable", RANKS[name][1])
    assert "rank" in repr(plan)
    assert fftconv.explain(signal, np.ones((41,) * kernel.ndim, np.float32)).method == "running_sum"


@pytest.mark.parametrize("name", RANKS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_result_is_within_the_bound(name, dtype):
    """Exactly: against the kernel as it was given, whose factors are only near."""
    kernel = RANKS[name][0].astype(dtype)[:5, :5]
    signal = np.random.default_rng(0).standard_normal((7, 8, 6)[: kernel.ndim]).astype(dtype)
    for boundary in ("zero", "mirror"):
        options = {"mode": "same", "boundary": boundary}
        plan = fftconv.explain(signal, kernel, method="separable", **options)
        result = fftconv.convolve(signal, kernel, method="separable", **options)
        assert_within_bound(result, oracle.convolve(signal, kernel, **options), plan)


@pytest.mark.parametrize("size", [(1, 3), (7, 7), (40, 33)])
def test_running_sums_do_not_drift(size):
    """Large values that have left the window leave nothing behind: the error is that of the window."""
    rng = np.random.default_rng(0)
    signal = rng.random((150, 200)).astype(np.float32)
    signal[40:60, 50:90] = 1e10
    result = fftconv.convolve(signal, np.ones(size, np.float32), mode="valid", method="running_sum")
    windows = np.lib.stride_tricks.sliding_window_view(signal.astype(np.float64), size)
    expected = windows.sum(axis=(2, 3))
    assert (np.abs(result - expected) <= size[0] * size[1] * 2.0**-24 * expected).all()


@pytest.mark.parametrize(
    ("dtype", "large", "fill_value"), [("int64", 2**60, 0), ("int32", 5, 1e17), ("uint16", 65535, 1e17)]
)
def test_running_sums_of_integers_weighed_by_floats_do_not_drift(dtype, large, fill_value):
    """Such sums round: neither what has left the window nor what stands beyond the edge stays in them."""
    signal = np.random.default_rng(0).integers(1, 9, (300, 200)).astype(dtype)
    signal[:150] = large
    options = {"mode": "same", "boundary": "constant", "fill_value": fill_value}
    kernel = np.full((5, 5), 0.3, np.float32 if dtype == "uint16" else np.float64)
    result = fftconv.convolve(signal, kernel, method="running_sum", **options)
    expected = fftconv.convolve(signal.astype(float), kernel.astype(float), method="direct", **options)
    assert np.abs(result / expected - 1).max() < 30 * np.finfo(result.dtype).eps


def test_running_sums_of_integers_are_exact():
    signal = np.random.default_rng(0).integers(-(2**40), 2**40, (60, 70))
    result = fftconv.convolve(signal, np.full((9, 8), -3), method="running_sum")
    total = Fraction(int(result.sum()))
    assert total == -3 * 72 * int(signal.sum())
    assert np.array_equal(result, fftconv.convolve(signal, np.full((9, 8), -3), method="direct"))
