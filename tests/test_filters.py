"""Prepared kernels: the same results as `convolve`, from any thread, with the spectra made once."""

import copy
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import fftconv
from fftconv import _spectra
from fftconv._spectra import Spectra, clear_spectra, kept_spectrum

RNG = np.random.default_rng(0)
IMAGE = RNG.standard_normal((120, 130)).astype("f4")
TAPS = RNG.standard_normal((21, 21)).astype("f4")


@pytest.mark.parametrize("method", ["auto", "direct", "overlap_save", "fft"])
@pytest.mark.parametrize(
    "options",
    [{}, {"mode": "full", "boundary": "wrap"}, {"mode": "valid"}, {"stride": 2, "dilation": (1, 3)}],
    ids=str,
)
def test_a_filter_is_convolve(method, options):
    prepared = fftconv.Filter(TAPS, method=method, **options)
    defaults = {"mode": "same", "boundary": "zero" if options.get("mode") == "valid" else "reflect"}
    expected = fftconv.convolve(IMAGE, TAPS, method=method, **defaults | options)
    for _ in range(2):
        assert np.array_equal(prepared(IMAGE), expected)
    out = np.empty_like(expected)
    assert prepared(IMAGE, out=out) is out
    assert np.array_equal(out, expected)
    expected_plan = fftconv.explain(IMAGE, TAPS, method=method, **defaults | options)
    assert prepared.explain(IMAGE) == expected_plan


def test_a_filter_takes_signals_of_any_shape_and_dtype():
    prepared = fftconv.Filter([1.0, 2.0, 1.0], axes=-1)
    for shape, dtype in (((9,), "f4"), ((3, 50), "f8"), ((2, 3, 4), "i2"), ((9,), "f8")):
        signal = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
        expected = fftconv.convolve(signal, [1.0, 2.0, 1.0], axes=-1, mode="same", boundary="reflect")
        assert np.array_equal(prepared(signal), expected)
        assert prepared(signal).dtype == expected.dtype


def test_integers_are_exact_or_raise():
    prepared = fftconv.Filter(np.array([3, 2]), mode="full", boundary="zero")
    assert prepared([1, 10]).tolist() == [3, 32, 20]
    assert prepared([2**60, 0]).tolist() == [3 * 2**60, 2**61, 0]
    with pytest.raises(OverflowError):
        prepared([2**62, 0])


def test_changing_the_array_changes_nothing():
    taps = np.ones(3)
    prepared = fftconv.Filter(taps)
    taps[:] = 0
    assert prepared(np.ones(5)).tolist() == [3] * 5
    with pytest.raises(ValueError, match="read-only"):
        prepared.kernel[0] = 5


def test_calls_from_many_threads_are_as_one_after_the_other():
    prepared = fftconv.Filter(TAPS, method="overlap_save")
    signals = [RNG.standard_normal((100 + n % 5, 90)).astype("f4") for n in range(64)]
    expected = [fftconv.Filter(TAPS, method="overlap_save")(signal) for signal in signals]
    with ThreadPoolExecutor(8) as pool:
        for result, wanted in zip(pool.map(prepared, signals), expected, strict=True):
            assert np.array_equal(result, wanted)


@pytest.mark.parametrize("method", ["overlap_save", "fft"])
def test_the_spectrum_is_made_once(method, monkeypatch):
    made = []
    original = Spectra.get

    def counting(self, key, make):
        return original(self, key, lambda: made.append(key) or make())

    monkeypatch.setattr(Spectra, "get", counting)
    prepared = fftconv.Filter(TAPS, method=method)
    for _ in range(3):
        prepared(IMAGE)
    assert len(made) == 1
    clear_spectra()
    for _ in range(3):
        fftconv.convolve(IMAGE, TAPS, method=method)
    fftconv.convolve(IMAGE, TAPS + 1, method=method)
    assert len(made) == 3
    clear_spectra()
    fftconv.convolve(IMAGE, TAPS, method=method)
    assert len(made) == 4


def test_the_store_is_bounded_and_forgets_what_was_used_longest_ago():
    store = Spectra(most_bytes=3000)
    made = []

    def use(name):
        return store.get(name, lambda: made.append(name) or np.zeros(1000, "u1"))

    for name in "abcadab":
        use(name)
    assert "".join(made) == "abcdb"
    assert store.nbytes == 3000
    store.clear()
    assert store.nbytes == 0


def test_very_large_spectra_are_kept_by_filters_alone(monkeypatch):
    monkeypatch.setattr(_spectra, "_LARGEST_BYTES", 100)
    made = []

    def use():
        return kept_spectrum(np.ones(3), ("x",), lambda: made.append(1) or np.zeros(200, "u1"), 200)

    use(), use()
    assert len(made) == 2
    with Spectra().in_use():
        use(), use()
    assert len(made) == 3


@pytest.mark.parametrize("method", ["auto", "direct", "overlap_save", "fft"])
@pytest.mark.parametrize("shape", [(130,), (40, 50), (6, 40, 50), (40, 50, 3)])
def test_a_bank_is_one_convolution_after_the_other(method, shape):
    axes = {1: None, 2: None, 3: (1, 2) if shape[0] == 6 else (0, 1)}[len(shape)]
    taps = RNG.standard_normal((5, *((9,) if len(shape) == 1 else (9, 8))))
    signal = RNG.standard_normal(shape)
    bank = fftconv.FilterBank(taps, axes=axes, method=method)
    results = bank(signal)
    options = {"mode": "same", "boundary": "reflect", "axes": axes}
    bound = max(fftconv.explain(signal, one, method="fft", **options).error_bound for one in taps)
    assert results.shape == (5, *shape)
    for one, result in zip(taps, results, strict=True):
        assert abs(result - fftconv.convolve(signal, one, method="direct", **options)).max() <= 2 * bound
    out = np.empty_like(results)
    assert bank(signal, out=out) is out
    assert np.array_equal(out, results)


def test_kernels_of_a_bank_may_take_engines_of_their_own():
    taps = np.stack([np.outer(np.arange(1.0, 62), np.arange(2.0, 63)), np.ones((61, 61))])
    signal = RNG.standard_normal((400, 400))
    for method in ("auto", "separable"):
        results = fftconv.FilterBank(taps, method=method)(signal)
        for one, result in zip(taps, results, strict=True):
            expected = fftconv.convolve(signal, one, mode="same", boundary="reflect", method=method)
            assert np.allclose(result, expected, rtol=1e-12, atol=1e-9 * abs(expected).max())


def test_a_bank_may_write_over_its_signal():
    signals = RNG.standard_normal((1, 50))
    expected = fftconv.FilterBank([[1.0, 2.0]])(signals[0])
    fftconv.FilterBank([[1.0, 2.0]])(signals[0], out=signals)
    assert np.array_equal(signals, expected)


def test_a_kernel_that_fails_leaves_out_as_it_was():
    bank = fftconv.FilterBank([[1, 1], [2**62, 2**62]], method="running_sum", axes=-1)
    out = np.zeros((2, 1, 3), np.int64)
    with pytest.raises(OverflowError):
        bank([[1, 2, 3]], out=out)
    assert not out.any()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: fftconv.Filter([]), ValueError, "kernel is empty"),
        (lambda: fftconv.Filter([1], mode="some"), ValueError, "mode='some' is not accepted"),
        (lambda: fftconv.Filter([1], boundary="none"), ValueError, "boundary='none' is not accepted"),
        (lambda: fftconv.Filter([1], method="magic"), ValueError, "method='magic' is not accepted"),
        (lambda: fftconv.Filter([1])(3.0), ValueError, "signal is a scalar"),
        (lambda: fftconv.Filter([1])([[1]]), ValueError, r"signal has 2 axes .* kernel 1"),
        (lambda: fftconv.FilterBank(3.0), TypeError, "kernels=3.0 is not accepted; pass a sequence of"),
        (lambda: fftconv.FilterBank([]), ValueError, "kernels is empty; pass at least one kernel"),
        (
            lambda: fftconv.FilterBank([[1], [1, 2]]),
            ValueError,
            r"kernels have shapes \(1,\), \(2,\), accepted",
        ),
        (lambda: fftconv.FilterBank([[1], []]), ValueError, r"kernels\[1\] is empty"),
        (
            lambda: fftconv.FilterBank([[1.0]])([1.0], out=np.empty(1)),
            ValueError,
            r"result has shape \(1, 1\)",
        ),
    ],
)
def test_bad_input(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_repr_names_what_is_not_default():
    assert repr(fftconv.Filter([1.0], method="direct", stride=2)) == (
        "Filter(kernel of shape (1,) and dtype float64, mode='same', boundary='reflect', "
        "method='direct', stride=2)"
    )


@pytest.mark.parametrize("kind", [fftconv.Filter, fftconv.FilterBank])
def test_options_are_those_of_the_time_when_a_filter_was_made(kind):
    axes, stride, fill = [0, 1], [1, 2], np.array(3.0)
    kernel = np.ones((2, 2))
    made = kind(
        kernel if kind is fftconv.Filter else [kernel, -kernel],
        axes=axes, stride=stride, boundary="constant", fill_value=fill,
    )  # fmt: skip
    signals = np.arange(30.0).reshape(5, 6), np.arange(42.0).reshape(6, 7)
    expected = [made(signal) for signal in signals]
    fresh = copy.copy(made)
    axes[:], stride[:], fill[...] = [7], [5, 5, 5], 100
    for each in (made, fresh):
        for signal, result in zip(signals, expected, strict=True):
            np.testing.assert_array_equal(each(signal), result)


def test_an_error_of_a_signal_says_nothing_of_what_is_kept():
    with pytest.raises(ValueError, match="signal has 2 axes") as caught:
        fftconv.Filter([1.0, 2.0])(np.ones((3, 4)))
    assert caught.value.__context__ is None
