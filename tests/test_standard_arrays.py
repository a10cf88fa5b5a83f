"""Arrays of the array API standard: as NumPy's, in their own library, and nothing silently otherwise."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fftconv

strict = pytest.importorskip("array_api_strict")

BOUNDARIES = ("zero", "constant", "nearest", "reflect", "mirror", "wrap")


@pytest.fixture(params=["strict", "torch"])
def library(request):
    """What makes an array, and its type."""
    if request.param == "strict":
        return strict.asarray, type(strict.asarray(0))
    torch = pytest.importorskip("torch")
    return lambda array: torch.asarray(np.array(array)), torch.Tensor


def numbers(array):
    return np.from_dlpack(array)


@pytest.mark.filterwarnings("ignore:invalid value")  # of NumPy, below array_api_strict
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_same_as_numpy(library, data):
    draw, (make, kind) = data.draw, library
    ndim = draw(st.integers(1, 3))
    axes = tuple(sorted(draw(st.sets(st.integers(0, ndim - 1), min_size=1))))
    shape = draw(st.tuples(*[st.integers(1, {1: 30, 2: 9, 3: 6}[ndim])] * ndim))
    taps = [draw(st.integers(1, 6)) for _ in axes]
    mode = draw(st.sampled_from(["full", "same", "valid"]))
    dilation = draw(st.integers(1, 3))
    boundary = "zero"
    if mode == "valid":
        taps = [min(t, (shape[a] - 1) // dilation + 1) for t, a in zip(taps, axes, strict=True)]
    else:
        boundary = draw(st.sampled_from(BOUNDARIES))
    dtype = draw(
        st.sampled_from(["float32", "float64", "complex64", "complex128", "int64", "uint8", "bool"])
    )
    rng = np.random.default_rng(draw(st.integers(0, 9999)))
    x = (rng.normal(size=shape) * 50).astype(dtype)
    k = (rng.normal(size=taps) * 9).astype(dtype)
    options = {
        "mode": mode, "boundary": boundary, "axes": axes, "dilation": dilation,
        "stride": draw(st.integers(1, 3)),
    }  # fmt: skip
    if boundary == "constant":
        options["fill_value"] = 3
    if dtype.startswith("float"):
        for value in draw(st.lists(st.sampled_from([np.nan, np.inf, -np.inf]), max_size=2)):
            x[tuple(draw(st.integers(0, n - 1)) for n in shape)] = value
        k[rng.random(k.shape) < 0.2] = 0
        if draw(st.integers(0, 3)) == 0:
            k[tuple(draw(st.integers(0, n - 1)) for n in k.shape)] = draw(st.sampled_from([np.nan, np.inf]))
    method = draw(st.sampled_from(["auto", "direct", "fft"][: 2 + (np.dtype(dtype).kind in "fc")]))
    call = draw(st.sampled_from([fftconv.convolve, fftconv.correlate]))
    expected = call(x, k, **options)
    other = draw(st.sampled_from([make(k), k]))  # a kernel may be NumPy's
    found = call(make(x), other, method=method, **options)
    assert isinstance(found, kind)
    y = numbers(found)
    assert y.dtype == expected.dtype
    assert y.shape == expected.shape
    if expected.dtype.kind == "i":
        assert np.array_equal(y, expected)
        return
    finite = np.isfinite(expected)
    assert np.array_equal(y[~finite], expected[~finite], equal_nan=True)
    largest = np.abs(x[np.isfinite(x)]).max(initial=3) * np.abs(k[np.isfinite(k)]).sum() + 1
    assert (
        np.abs(y[finite] - expected[finite]).max(initial=0) <= 100 * np.finfo(expected.dtype).eps * largest
    )


def test_precision_stays():
    x = strict.asarray(np.ones(50, np.float32))
    assert fftconv.convolve(x, fftconv.kernels.gaussian(3), mode="same").dtype == strict.float32
    assert fftconv.convolve(x, np.ones(3)).dtype == strict.float32
    assert fftconv.convolve(np.ones(50), strict.asarray(np.ones(3))).dtype == strict.float64


DTYPES = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32"),
    *("float32", "float64", "complex64", "complex128"),
)


def expected_dtype(signal, kernel, is_kernel_of_numpy):
    """Exact sums of integers in int64; integers never widen floats, nor do floats of NumPy in a kernel."""
    one, other = np.dtype(signal), np.dtype(kernel)
    if one.kind in "biu" and other.kind in "biu":
        return np.dtype(np.int64)
    if one.kind in "biu" or other.kind in "biu":
        return one if one.kind in "fc" else other
    if is_kernel_of_numpy:
        single = one in (np.float32, np.complex64)
        return np.dtype({True: "c8", False: "c16"}[single] if "c" in one.kind + other.kind
                        else {True: "f4", False: "f8"}[single])  # fmt: skip
    return np.result_type(one, other)


@pytest.mark.parametrize("kernel", DTYPES)
@pytest.mark.parametrize("signal", DTYPES)
def test_result_dtype_is_the_same_in_every_library(library, signal, kernel):
    make, _ = library
    x, k = np.array([1, 0, 1, 1]).astype(signal), np.array([1, 1]).astype(kernel)
    lists = {"b": [True, True], "i": [1, 1], "u": [1, 1], "f": [1.0, 1.0], "c": [1j, 1j]}
    listed = lists[k.dtype.kind]
    calls = [(x, make(k), False)] if k.dtype.kind in "biu" or x.dtype.kind in "biu" else []
    calls += [(make(x), make(k), False), (make(x), k, True), (make(x), listed, True)]
    for samples, taps, is_kernel_of_numpy in calls:
        dtype = np.asarray(taps).dtype if taps is listed else k.dtype
        wanted = expected_dtype(signal, dtype, is_kernel_of_numpy)
        for found in (
            fftconv.convolve(samples, taps),
            fftconv.correlate(samples, taps, mode="same", boundary="constant", fill_value=1),
            *([fftconv.Filter(taps)(samples), fftconv.FilterBank([taps, taps])(samples)]
              if is_kernel_of_numpy else []),
        ):  # fmt: skip
            assert numbers(found).dtype == wanted
        wide = np.convolve(
            *(np.asarray(each).astype(wanted) for each in (x, listed if taps is listed else k))
        )
        np.testing.assert_allclose(numbers(fftconv.convolve(samples, taps)), wide)


@pytest.mark.parametrize("kernel", DTYPES)
@pytest.mark.parametrize("signal", DTYPES)
def test_arrays_of_numpy_follow_its_promotion_and_never_narrow_floats(library, signal, kernel):
    """The libraries differ from NumPy only where it widens floats for the sake of integers."""
    make, _ = library
    x, k = np.ones(4, signal), np.ones(2, kernel)
    plain, other = fftconv.convolve(x, k).dtype, numbers(fftconv.convolve(make(x), make(k))).dtype
    if plain != other:
        (floats,) = (dtype for dtype in (x.dtype, k.dtype) if dtype.kind in "fc")
        assert other == floats
        assert plain == np.result_type(x.dtype, k.dtype)


def test_half_precision_and_integers_give_single_precision():
    torch = pytest.importorskip("torch")
    half = torch.ones(4, dtype=torch.float16)
    assert fftconv.convolve(half, [70_000, 1]).dtype == torch.float32
    assert fftconv.convolve(half, torch.tensor([70_000, 1])).dtype == torch.float32
    assert fftconv.convolve(torch.tensor([70_000, 1]), half).dtype == torch.float32
    assert torch.isfinite(fftconv.convolve(np.array([70_000, 1]), half)).all()


def test_kernels_of_numpy_are_taken_as_they_are_or_refused():
    x = strict.asarray(np.ones(9, np.float32))
    for taps in ([1, 2, 1], np.array([1, 2, 3])[::-1], np.array([1.0, 2.0], ">f8"), np.array([1j])):
        wide = fftconv.convolve(np.ones(9, np.float32), np.asarray(taps))
        found = numbers(fftconv.convolve(x, taps))
        np.testing.assert_allclose(found, wide, rtol=1e-6)
        assert found.dtype.itemsize <= 8
    for taps in ([1e300], [1e-60]):
        with pytest.raises(ValueError, match="kernel has numbers beyond the range of float32"):
            fftconv.convolve(x, taps)
    assert (
        fftconv.convolve(np.array([1e300, 1]), strict.asarray(np.ones(1, np.float32))).dtype
        == strict.float64
    )
    with pytest.raises(ValueError, match="kernel holds a NaN"):
        fftconv.convolve(x, [1.0, np.nan], nan_policy="raise")
    da = pytest.importorskip("dask.array")
    with pytest.raises(TypeError, match="arrays of array_api_strict and dask are not convolved with each"):
        fftconv.convolve(x, da.ones(3))
    with pytest.raises(TypeError, match="signal is an array of array_api_strict, and would be"):
        fftconv.explain(x, [1.0])


def test_filters_take_them():
    x = np.random.default_rng(1).normal(size=60)
    smooth = fftconv.Filter(np.ones(5) / 5)
    found = smooth(strict.asarray(x))
    assert isinstance(found, type(strict.asarray(0)))
    np.testing.assert_allclose(numbers(found), smooth(x), atol=1e-14)
    bank = fftconv.FilterBank([[1.0, 1.0], [1.0, -1.0]])
    np.testing.assert_allclose(numbers(bank(strict.asarray(x))), bank(x), atol=1e-14)


def test_gradients_of_torch_go_through():
    torch = pytest.importorskip("torch")
    x = torch.randn(12, 9, dtype=torch.float64, requires_grad=True)
    k = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    for method in ("direct", "fft"):
        for boundary in ("zero", "reflect"):
            assert torch.autograd.gradcheck(
                lambda a, b, m=method, s=boundary: fftconv.convolve(
                    a, b, mode="same", boundary=s, method=m
                ),
                (x, k),
            )


def test_jax():
    """Its floats, its gradients, and no integers of 32 bits in the place of 64."""
    jax = pytest.importorskip("jax")
    rng = np.random.default_rng(3)
    x, k = (rng.normal(size=shape).astype("f4") for shape in ((30, 40), (9, 8)))
    for options in ({"boundary": "mirror"}, {"boundary": "zero", "method": "fft"}, {"method": "direct"}):
        y = fftconv.convolve(jax.numpy.asarray(x), jax.numpy.asarray(k), mode="same", **options)
        assert isinstance(y, jax.Array)
        options.pop("method", None)
        np.testing.assert_allclose(y, fftconv.convolve(x, k, mode="same", **options), atol=1e-4)
        slope = jax.grad(lambda a, o=options: fftconv.convolve(a, k, mode="valid").sum())(
            jax.numpy.asarray(x)
        )
        np.testing.assert_allclose(slope, fftconv.correlate(np.ones((22, 33)), k), atol=1e-4)
    with pytest.raises(TypeError, match="jax has no int64 here"):
        fftconv.convolve(jax.numpy.arange(5), jax.numpy.arange(2))


@pytest.mark.parametrize("method", ["direct", "fft"])
@pytest.mark.parametrize("boundary", ["zero", "reflect"])
def test_jax_traces_what_depends_on_the_numbers(method, boundary):
    """A function made by jit is right for finite numbers and others, and for other kernels."""
    jax = pytest.importorskip("jax")
    rng = np.random.default_rng(3)
    plain, k = (rng.normal(size=shape).astype("f4") for shape in ((30, 40), (3, 4)))
    gaps, huge = plain.copy(), k.copy()
    gaps[3, 5], gaps[20, 7], gaps[21, 30] = np.nan, np.inf, -np.inf
    huge[1, 1] = np.inf

    def function(x, k):
        return fftconv.convolve(x, k, mode="same", boundary=boundary, method=method)

    compiled = jax.jit(function)
    for x, taps in ((plain, k), (gaps, k), (plain, huge)):
        expected = fftconv.convolve(x, taps, mode="same", boundary=boundary)
        np.testing.assert_allclose(compiled(x_of(jax, x), x_of(jax, taps)), expected, rtol=1e-4, atol=1e-4)
    slope = jax.jit(jax.grad(lambda x: (function(x, k) ** 2).sum()))(x_of(jax, plain))
    eager = jax.grad(lambda x: (function(x, k) ** 2).sum())(x_of(jax, plain))
    np.testing.assert_allclose(slope, eager, atol=1e-3)
    stack = np.stack([plain, gaps])
    each = jax.vmap(function, in_axes=(0, None))(x_of(jax, stack), x_of(jax, k))
    expected = [fftconv.convolve(x, k, mode="same", boundary=boundary) for x in stack]
    np.testing.assert_allclose(each, expected, rtol=1e-4, atol=1e-4)
    with pytest.raises(ValueError, match="nan_policy='raise' needs numbers"):
        jax.jit(lambda x: fftconv.convolve(x, k, nan_policy="raise"))(x_of(jax, plain))


def x_of(jax, array):
    return jax.numpy.asarray(array)


def test_jax_counts_with_the_largest_of_a_dtype_where_it_traces():
    jax = pytest.importorskip("jax")
    with jax.enable_x64(True):
        small, large = jax.numpy.arange(9, dtype="int16"), jax.numpy.arange(9, dtype="int64")
        compiled = jax.jit(lambda x: fftconv.convolve(x, jax.numpy.asarray([1, 2], "int16")))
        assert np.array_equal(compiled(small), np.convolve(np.arange(9), [1, 2]))
        with pytest.raises(OverflowError, match="may not fit int64"):
            compiled(large)


def test_on_a_gpu():
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("no GPU here")
    x, k = torch.randn(300, 400, device="cuda"), torch.randn(31, 31, device="cuda")
    y = fftconv.convolve(x, k, mode="same", boundary="mirror")
    assert y.device.type == "cuda"
    expected = fftconv.convolve(x.cpu().numpy(), k.cpu().numpy(), mode="same", boundary="mirror")
    np.testing.assert_allclose(y.cpu().numpy(), expected, atol=1e-3)
    with pytest.raises(ValueError, match=r"signal is on cuda.* and kernel on cpu"):
        fftconv.convolve(x, k.cpu())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mask": np.ones(9, bool)}, "mask="),
        ({"out": np.ones(9)}, "out="),
        (
            {"accuracy": "componentwise"},
            "accuracy='componentwise' is not accepted for arrays of array_",
        ),
        ({"nan_policy": "omit"}, "nan_policy='omit' is not accepted"),
        ({"boundary": "missing", "mode": "same"}, "boundary='missing' is not accepted"),
        (
            {"method": "separable"},
            "choose one of 'auto', 'direct', 'fft'",
        ),
        ({"return_weight": True}, "return_weight=True"),
        ({"axes": 3}, "axes=3 does not fit"),
    ],
)
def test_what_is_not_had_here_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        fftconv.convolve(strict.asarray(np.ones(9)), np.ones(2), **options)


def test_integers_are_exact_or_refused():
    x = strict.asarray(np.full(9, 2**61))
    with pytest.raises(OverflowError, match="may not fit int64, which array_api_strict would wrap"):
        fftconv.convolve(x, strict.asarray(np.array([3, 3])))
    with pytest.raises(ValueError, match="method='fft' does not compute integers"):
        fftconv.convolve(x, strict.asarray(np.array([1])), method="fft")
    with pytest.raises(ValueError, match="signal holds a NaN"):
        fftconv.convolve(strict.asarray(np.array([1.0, np.nan])), np.ones(1), nan_policy="raise")
    with pytest.raises(TypeError, match="dtype object"):
        fftconv.convolve(strict.asarray(np.ones(3)), np.array([1, 2], object))
    with pytest.raises(ValueError, match="pass at least one element"):
        fftconv.convolve(strict.asarray(np.ones(0)), np.ones(1))
