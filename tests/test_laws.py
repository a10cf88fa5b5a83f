"""The laws of convolution, on random integers, where they hold exactly on every engine."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from cases import ENGINES, FAMILIES, GENERAL, KERNELS, Shapes, numbers, refuses
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from strategies import SMALL_INTEGERS, integer_arrays, integer_arrays_of_equal_rank

import fftconv
from fftconv import image

engines = st.sampled_from([*GENERAL, "auto"])


@given(integer_arrays_of_equal_rank(2), engines)
def test_commutes(arrays, method):
    f, g = arrays
    left = fftconv.convolve(f, g, method=method)
    assert np.array_equal(left, fftconv.convolve(g, f, method=method))


@given(integer_arrays_of_equal_rank(3), engines)
def test_associates(arrays, method):
    f, g, h = arrays
    left = fftconv.convolve(fftconv.convolve(f, g, method=method), h, method=method)
    right = fftconv.convolve(f, fftconv.convolve(g, h, method=method), method=method)
    assert np.array_equal(left, right)


@given(integer_arrays_of_equal_rank(2), SMALL_INTEGERS, SMALL_INTEGERS, engines, st.data())
def test_is_linear(arrays, a, b, method, data):
    f, k = arrays
    g = data.draw(hnp.arrays(np.int64, f.shape, elements=SMALL_INTEGERS))
    whole = fftconv.convolve(a * f + b * g, k, method=method)
    parts = a * fftconv.convolve(f, k, method=method) + b * fftconv.convolve(g, k, method=method)
    assert np.array_equal(whole, parts)


@given(integer_arrays(max_dims=3, max_side=5), engines, st.data())
def test_impulse_is_the_identity_and_moves_the_signal(f, method, data):
    at = tuple(data.draw(st.integers(0, 3)) for _ in range(f.ndim))
    impulse = np.zeros([i + 1 for i in at], int)
    impulse[at] = 1
    moved = fftconv.convolve(f, impulse, method=method)
    assert np.array_equal(moved, np.pad(f, [(i, 0) for i in at]))


@given(integer_arrays_of_equal_rank(2), engines, st.data())
def test_correlation_is_the_adjoint(arrays, method, data):
    """⟨k ∗ x, y⟩ = ⟨x, k ⋆ y⟩ with full convolution and valid correlation."""
    x, k = arrays
    forward = fftconv.convolve(x, k, mode="full", method=method)
    y = data.draw(hnp.arrays(np.int64, forward.shape, elements=SMALL_INTEGERS))
    back = fftconv.correlate(y, k, mode="valid", method=method)
    assert np.sum(forward * y) == np.sum(x * back)


@given(integer_arrays_of_equal_rank(2), engines)
def test_total_is_the_product_of_totals(arrays, method):
    f, g = arrays
    assert fftconv.convolve(f, g, method=method).sum() == f.sum() * g.sum()


@given(integer_arrays_of_equal_rank(2), engines, st.integers(1, 4))
def test_stride_is_every_so_many_outputs(arrays, method, stride):
    f, k = arrays
    everything = fftconv.convolve(f, k, method=method)
    strided = fftconv.convolve(f, k, stride=stride, method=method)
    assert np.array_equal(strided, everything[(slice(None, None, stride),) * f.ndim])


@given(integer_arrays_of_equal_rank(2), engines, st.integers(1, 4))
def test_dilation_is_a_kernel_with_gaps(arrays, method, dilation):
    f, k = arrays
    gappy = np.zeros([(m - 1) * dilation + 1 for m in k.shape], int)
    gappy[(slice(None, None, dilation),) * k.ndim] = k
    assert np.array_equal(
        fftconv.convolve(f, k, dilation=dilation, method=method),
        fftconv.convolve(f, gappy, method=method),
    )


@given(integer_arrays(1, 1, 12), integer_arrays(1, 1, 5), engines)
def test_wrap_turns_with_the_signal(f, k, method):
    options = {"mode": "same", "boundary": "wrap", "method": method}
    turned = fftconv.convolve(np.roll(f, 2), k, **options)
    assert np.array_equal(turned, np.roll(fftconv.convolve(f, k, **options), 2))


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128", "longdouble"])
@pytest.mark.parametrize("method", GENERAL)
@pytest.mark.parametrize("exponent", [-30, -1, 7, 40])
def test_scaling_by_a_power_of_two_scales_every_bit(method, dtype, exponent):
    signal, kernel = numbers((40, 30), dtype, 1), numbers((5, 6), dtype, 2)
    factor = np.real(signal).dtype.type(2) ** exponent
    scaled = fftconv.convolve(signal * factor, kernel, method=method)
    assert np.array_equal(scaled, fftconv.convolve(signal, kernel, method=method) * factor)


@pytest.mark.parametrize("shape", [(300, 500), (300_000,), (3, 200, 400), (40, 90, 110)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize("method", ENGINES)
def test_result_does_not_depend_on_workers(method, shape, dtype):
    shapes = Shapes(shape, (3,) + (9,) * (len(shape) - 1))
    if refuses(method, shapes, dtype):
        return
    signal, kernel = numbers(shape, dtype, 1), KERNELS[FAMILIES.get(method, "any")](shapes, dtype)
    alone, *others = (
        fftconv.convolve(signal, kernel, method=method, workers=workers) for workers in (1, 2, 3, 4)
    )
    assert all(np.array_equal(alone, other) for other in others)


def test_the_engine_does_not_depend_on_workers():
    """Where two engines are about as fast, threads could tip the balance."""
    for samples in (3000, 30_000, 300_000):
        for taps in range(10, 260, 10):
            for dtype in ("float32", "float64"):
                plans = [
                    fftconv.plan_convolution(samples, taps, dtype=dtype, workers=n)
                    for n in (None, 1, 2, 3, 16)
                ]
                assert len({(plan.method, plan.fft_shape) for plan in plans}) == 1
    for side in range(2, 30):
        plans = [fftconv.plan_convolution((500, 600), (side, side), workers=n) for n in (None, 1, 2, 16)]
        assert len({(plan.method, plan.fft_shape) for plan in plans}) == 1


def test_image_does_not_depend_on_workers():
    pixels = np.random.default_rng(0).integers(0, 256, (700, 900, 3)).astype(np.uint8)
    for kernel in (np.ones((9, 9)) / 81, fftconv.kernels.gaussian((2.0, 2.0)), np.eye(7) / 7):
        alone, *others = (image.apply_kernel(pixels, kernel, workers=workers) for workers in (1, 2, 3))
        assert all(np.array_equal(alone, other) for other in others)


@pytest.mark.parametrize("accuracy", ["normwise", "componentwise"])
@pytest.mark.parametrize("method", GENERAL)
def test_result_does_not_depend_on_the_thread_or_on_who_else_is_at_work(method, accuracy):
    rng = np.random.default_rng(0)
    signal, kernel = rng.standard_normal((40, 3000)), rng.standard_normal(400)
    options = {"axes": 1, "mode": "same", "method": method, "accuracy": accuracy}
    alone = fftconv.convolve(signal, kernel, **options)
    with ThreadPoolExecutor(4) as threads:
        others = list(threads.map(lambda _: fftconv.convolve(signal, kernel, **options), range(8)))
    assert all(np.array_equal(alone, other) for other in others)


@pytest.mark.parametrize("method", GENERAL)
def test_threads_do_not_warn_of_what_is_put_right(method):
    """Warnings are errors in these tests, and threads of a pool have settings of their own."""
    signal = np.full((6, 7, 8, 9), 1e300)
    signal[3, 3, 3, 3] = np.nan
    result = fftconv.convolve(signal, np.full((2, 2, 2, 2), 1e10), mode="same", method=method, workers=3)
    assert np.isnan(result).sum() == 16
    assert np.isinf(result).sum() == result.size - 16
