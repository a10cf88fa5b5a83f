"""Bad input: one clear built-in exception that names the argument, the value and what is accepted."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from cases import GENERAL

import fftconv

ONES = np.ones(5)
IMAGE = np.ones((4, 6))

REFUSED = {
    "empty signal": (([], ONES), {}, ValueError, r"signal is empty \(shape \(0,\)\)"),
    "empty kernel": ((ONES, np.ones((0,))), {}, ValueError, "kernel is empty"),
    "empty axis": ((np.ones((3, 0)), IMAGE), {}, ValueError, r"signal is empty \(shape \(3, 0\)\)"),
    "scalar": ((3.0, ONES), {}, ValueError, r"signal is a scalar \(3.0\).*pass \[3.0\]"),
    "string": (("abc", ONES), {}, TypeError, "signal is of type str, accepted are"),
    "strings": ((ONES, ["a", "b"]), {}, TypeError, "kernel has dtype <U1"),
    "none": ((None, ONES), {}, TypeError, "signal is None; pass numbers in rows"),
    "list of none": (([1, None], ONES), {}, TypeError, "signal holds None, a missing value; pass float"),
    "object string": ((np.array([1, "a"], object), ONES), {}, TypeError, "signal holds 'a'"),
    "dates": ((np.array(["2026-01-01"], "M8[D]"), ONES), {}, TypeError, r"signal is a time \(datetime64"),
    "ragged": (([[1, 2], [3]], ONES), {}, ValueError, "signal cannot be made an array.*equal length"),
    "masked": ((np.ma.array([1, 2]), ONES), {}, TypeError, "signal is a masked array.*filled"),
    "ranks": ((IMAGE, ONES), {}, ValueError, r"shape \(4, 6\).*shape \(5,\).*axes=\(1,\)"),
    "valid": ((ONES, np.ones(6)), {"mode": "valid"}, ValueError, "covers 6 samples.*has 5"),
    "valid dilated": (
        (ONES, np.ones(3)), {"mode": "valid", "dilation": 3}, ValueError, "covers 7 samples"
    ),
    "ranks, more of the kernel": ((ONES, IMAGE), {}, ValueError, r"asarray\(signal\)\[numpy.newaxis\]$"),
    "axis": ((IMAGE, ONES), {"axes": 2}, ValueError, r"axes=2 does not fit.*-2 to 1"),
    "axis twice": ((IMAGE, IMAGE), {"axes": (0, -2)}, ValueError, "axes=.* names an axis twice"),
    "no axis": ((IMAGE, IMAGE), {"axes": ()}, ValueError, r"axes=\(\) does not fit"),
    "true is no axis": ((IMAGE, ONES), {"axes": True}, TypeError, "axes=True is not accepted"),
    "true is no step": ((ONES, ONES), {"stride": True}, TypeError, "stride=True is not accepted"),
    "axis name": ((IMAGE, ONES), {"axes": "x"}, TypeError, "axes='x' is not accepted"),
    "axes order": ((np.ones((2, 3, 4)), IMAGE), {"axes": (2, 0)}, ValueError, r"pass axes=\(0, 2\)"),
    "axes rank": (
        (np.ones((2, 3, 4)), IMAGE), {"axes": 1}, ValueError, r"kernel has 2 axes.*are 1.*or 3"
    ),
    "broadcast": (
        (np.ones((4, 6)), np.ones((3, 2))), {"axes": 1}, ValueError, "along axis 0.*4 and 3"
    ),
    "mode": ((ONES, ONES), {"mode": "SAME"}, ValueError, "mode='SAME' is .*; here it is 'same'"),
    "mode none": ((ONES, ONES), {"mode": None}, ValueError, "mode=None is not accepted"),
    "boundary": ((ONES, ONES), {"boundary": "edge"}, ValueError, "boundary='edge'.*'nearest'"),
    "boundary valid": (
        (ONES, ONES), {"mode": "valid", "boundary": "wrap"}, ValueError, "no effect with mode='valid'"
    ),
    "method": (
        (ONES, ONES), {"method": "fast"}, ValueError, "method='fast'.*'auto', 'direct', 'separable'"
    ),
    "method type": ((ONES, ONES), {"method": None}, TypeError, "method=None"),
    "stride": ((ONES, ONES), {"stride": 0}, ValueError, "stride=0 is not accepted"),
    "stride float": ((ONES, ONES), {"stride": 1.5}, TypeError, "stride=1.5"),
    "strides": ((ONES, ONES), {"stride": (1, 2)}, ValueError, r"stride=\(1, 2\).*a tuple of 1"),
    "dilation": ((ONES, ONES), {"dilation": -1}, ValueError, "dilation=-1 is not accepted"),
    "workers": ((ONES, ONES), {"workers": 0}, ValueError, "workers=0 is not accepted"),
    "workers bool": ((ONES, ONES), {"workers": True}, ValueError, "workers=True"),
    "fill unused": ((ONES, ONES), {"fill_value": 1.0}, ValueError, "fill_value=1.0 has no effect"),
    "fill text": (
        (ONES, ONES), {"fill_value": "a", "boundary": "constant"}, TypeError, "fill_value='a'"
    ),
    "fill fraction": (
        ([1, 2], [1]), {"fill_value": 0.5, "boundary": "constant"}, ValueError, "whole number"
    ),
    "fill nan": (
        ([1, 2], [1]), {"fill_value": np.nan, "boundary": "constant"}, ValueError, "whole number"
    ),
    "fill complex": (
        (ONES, ONES), {"fill_value": 1j, "boundary": "constant"}, TypeError, "fill_value=1j is complex"
    ),
    "fill complex integer": (
        ([1], [1]), {"fill_value": 1j, "boundary": "constant"}, TypeError, "fill_value=1j is complex"
    ),
    "fill array": (
        (ONES, ONES), {"fill_value": np.zeros(2), "boundary": "constant"}, TypeError, "fill_value=array"
    ),
    "fill large integer": (
        ([1], [1]), {"fill_value": 2**63, "boundary": "constant"}, OverflowError, "does not fit int64"
    ),
    "fill large": (
        (ONES, ONES), {"fill_value": 10**400, "boundary": "constant"}, ValueError, "beyond the range"
    ),
    "fill large single": (
        (ONES.astype("f4"),) * 2, {"fill_value": 1e300, "boundary": "constant"}, ValueError, "of float32"
    ),
    "mode array": ((ONES, ONES), {"mode": np.array(["full"])}, ValueError, "mode=array"),
    "axes order, whole kernel": (
        (IMAGE, IMAGE), {"axes": (1, 0), "stride": (1, 3)}, ValueError, "not in ascending order"
    ),
    "too many workers": ((ONES, ONES), {"workers": 2**40}, ValueError, "pass 1 to 1024"),
    "out type": ((ONES, ONES), {"out": [0] * 9}, TypeError, "out is a list"),
    "out shape": ((ONES, ONES), {"out": np.empty(5)}, ValueError, r"out has shape \(5,\).*\(9,\)"),
    "out dtype": ((ONES, ONES), {"out": np.empty(9, "f4")}, ValueError, "float32.*float64"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("function", [fftconv.convolve, fftconv.correlate])
def test_refused_by_name(function, name):
    arguments, options, error, message = REFUSED[name]
    with pytest.raises(error, match=message):
        function(*arguments, **options)


@pytest.mark.parametrize("name", [name for name in REFUSED if not name.startswith("out")])
def test_explain_refuses_the_same(name):
    arguments, options, error, message = REFUSED[name]
    with pytest.raises(error, match=message):
        fftconv.explain(*arguments, **options)


@pytest.mark.parametrize("engine", GENERAL)
def test_empty_input_is_one_error_on_every_engine(engine):
    with pytest.raises(ValueError, match="kernel is empty"):
        fftconv.convolve(ONES, [], method=engine)


def test_read_only_out_is_refused():
    out = np.empty(9)
    out.flags.writeable = False
    with pytest.raises(ValueError, match="out is read-only"):
        fftconv.convolve(ONES, ONES, out=out)


def test_nothing_is_written_when_the_call_is_refused():
    out = np.full(9, 7.0)
    with pytest.raises(ValueError, match="method"):
        fftconv.convolve(ONES, ONES, out=out, method="none")
    assert (out == 7).all()


@pytest.mark.parametrize("engine", GENERAL)
@pytest.mark.parametrize("dtype", ["float64", "int64", "complex64"])
def test_out_receives_the_result(engine, dtype):
    signal, kernel = np.arange(8).astype(dtype), np.arange(3).astype(dtype)
    out = np.empty(10, dtype)
    assert fftconv.convolve(signal, kernel, method=engine, out=out) is out
    assert np.allclose(out, np.convolve(signal, kernel), atol=1e-5)


@pytest.mark.parametrize("engine", GENERAL)
@pytest.mark.parametrize("shape", [(50,), (20, 30)])
def test_out_may_be_the_signal_or_a_view(engine, shape):
    rng = np.random.default_rng(0)
    kernel = rng.random((3,) * len(shape))
    signal = rng.random(shape)
    expected = fftconv.convolve(signal, kernel, mode="same", method=engine)
    fftconv.convolve(signal, kernel, mode="same", method=engine, out=signal)
    assert np.array_equal(signal, expected)
    frame = np.zeros([2 * side for side in shape])
    view = frame[(slice(None, None, -2),) * len(shape)]
    fftconv.convolve(expected, kernel, mode="same", method=engine, out=view)
    assert np.array_equal(view, fftconv.convolve(expected, kernel, mode="same", method=engine))


@pytest.mark.parametrize("engine", GENERAL)
def test_memory_layout_and_byte_order_do_not_matter(engine):
    rng = np.random.default_rng(0)
    signal, kernel = rng.random((9, 8)), rng.random((3, 4))
    expected = fftconv.convolve(signal, kernel, method=engine)
    for layout in (np.asfortranarray, lambda a: a[::-1, ::-1][::-1, ::-1], lambda a: a.astype(">f8")):
        result = fftconv.convolve(layout(signal), layout(kernel), method=engine)
        assert result.dtype == np.float64
        assert np.array_equal(result, expected)


@pytest.mark.parametrize("engine", GENERAL)
def test_inputs_are_never_modified(engine):
    signal, kernel = np.arange(6.0), np.array([1.0, -1.0])
    for boundary in ("zero", "reflect"):
        fftconv.correlate(signal, kernel, mode="same", boundary=boundary, method=engine)
    assert np.array_equal(signal, np.arange(6.0))
    assert np.array_equal(kernel, [1.0, -1.0])


def test_objects_are_exact():
    thirds = [Fraction(1, 3)] * 3
    assert list(fftconv.convolve(np.arange(5), thirds, mode="valid")) == [1, 2, 3]
    assert list(fftconv.convolve([10**30, 1], [10**30, 1])) == [10**60, 2 * 10**30, 1]
    assert fftconv.convolve([Decimal("0.1")], [Decimal("0.2")])[0] == Decimal("0.02")
    image = np.array([[Fraction(1, 2), 1], [2, 3]], object)
    assert fftconv.convolve(image, [[1, 1]], mode="valid").tolist() == [[Fraction(3, 2)], [5]]


def test_objects_have_no_transform():
    with pytest.raises(ValueError, match="method='fft' cannot do this: objects have no Fourier"):
        fftconv.convolve([10**30], [1], method="fft")


@pytest.mark.parametrize("engine", GENERAL)
def test_strides_may_be_an_array_and_larger_than_the_result(engine):
    expected = fftconv.convolve(IMAGE, np.ones((2, 2)), stride=(2, 3), method=engine)
    assert np.array_equal(
        fftconv.convolve(IMAGE, np.ones((2, 2)), stride=np.array([2, 3]), method=engine), expected
    )
    assert fftconv.convolve(IMAGE, np.ones((2, 2)), stride=2**62, method=engine).shape == (1, 1)


def test_whole_fill_values_of_any_type():
    for fill in (4, 4.0, np.int8(4), Fraction(8, 2), Decimal(4)):
        result = fftconv.convolve([1], [1, 1, 1], mode="same", boundary="constant", fill_value=fill)
        assert result.tolist() == [9]


@pytest.mark.parametrize(
    ("signal", "kernel", "result"),
    [
        ("float16", "float16", "float32"),
        ("float32", "float32", "float32"),
        ("float32", "float64", "float64"),
        ("float32", "int8", "float32"),
        ("float32", "complex64", "complex64"),
        ("uint8", "int8", "int64"),
        ("bool", "bool", "int64"),
        ("uint64", "int64", "int64"),
        ("longdouble", "float32", "longdouble"),
    ],
)
@pytest.mark.parametrize("engine", GENERAL)
def test_result_dtype_does_not_depend_on_the_engine(engine, signal, kernel, result):
    computed = fftconv.convolve(np.ones(6, signal), np.ones(3, kernel), method=engine)
    assert computed.dtype == np.dtype(result)
    plan = fftconv.explain(np.ones(6, signal), np.ones(3, kernel), method=engine)
    assert abs(computed[2] - 3) <= plan.error_bound
