"""Arguments that would lose something, or have the wrong size or kind, are refused by every function."""

import ast
import dataclasses
import datetime
import inspect
import itertools
import re
from collections import Counter
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import click
import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from public_calls import BYTES, CALLS, FIELD, FUNCTIONS, LINE, TAPS
from scipy import stats

import fftconv
from fftconv import kernels
from fftconv.cli.main import cli, run

_ARRAYS = ("ArrayLike", "Array", "ImageT")
_COUNTS = ("int", "int | None")
_NUMBERS = ("float", "float | None", "str | float")
_CHANCES = ("float | Fraction", "Any")
_TEXTS = ("tuple[str, str]", "Sequence[str]")
_SIZES = {
    "Axes": "counts", "Steps": "counts", "Steps | None": "counts", "Padding": "counts",
    "int | Sequence[int]": "counts", "Sequence[int]": "counts", "int | tuple[int, int]": "counts",
    "Sequence[int | Sequence[int]]": "counts",
    "float | Sequence[float]": "numbers", "float | tuple[float, float]": "numbers",
    "tuple[float, float]": "numbers", "float | Sequence[float] | None": "numbers",
}  # fmt: skip
# Parameters whose annotation does not say that they take arrays, or items that are.
_MORE_ARRAYS = {
    "image.match_template": ("image", "template"),
    "image.write": ("image",),
    "image.write_frames": ("frames",),
    "plotting.plot_toeplitz": ("matrix",),
    "probability.mixture": ("weights",),
    **{f"probability.Pmf.{name}": ("x",) for name in ("pmf", "log_pmf", "cdf", "sf", "at_least", "log_sf")},
    **{f"probability.Density.{name}": ("x",) for name in ("pdf", "cdf", "sf")},
    "probability.Density.quantile": ("q",),
}
_NO_ARRAYS = {("probability.Density.from_pdf", "pdf")}  # a function, whose annotation has arrays


def takes_arrays(name, parameter):
    annotation = str(parameter.annotation)
    return (name, parameter.name) not in _NO_ARRAYS and (
        parameter.name in (*_MORE_ARRAYS.get(name, ()), "fill_value")
        or any(
            word in _ARRAYS
            for word in annotation.replace("[", " ").replace("]", " ").replace(",", " ").split()
        )
    )


def parameters(kind):
    return [
        (name, parameter.name)
        for name, function in FUNCTIONS.items()
        for parameter in inspect.signature(function).parameters.values()
        if kind(name, parameter)
    ]


def call(name, folder, monkeypatch=None, **changes):
    """The function with the right arguments but for the changes; files go to a folder."""
    base, others = CALLS[name]
    context = {}
    for parameter in changes:
        context |= others.get(parameter, (None, {}))[1]
    given = base | context | changes
    for key, value in given.items():
        if isinstance(value, str) and value.partition(".")[0] in ("TARGET", "FOLDER"):
            given[key] = str(folder / value)
    return FUNCTIONS[name](**given)


def right(name, parameter):
    base, others = CALLS[name]
    return others[parameter][0] if parameter in others else base[parameter]


def test_every_public_function_has_an_entry():
    assert set(CALLS) == set(FUNCTIONS)


class Quantity(np.ndarray):
    """As astropy's and unyt's: an array with a unit."""

    unit = "m"


class Wrapped:
    """As pint's: no array, but something that NumPy makes one of."""

    units = "metre"

    def __init__(self, magnitude):
        self.magnitude = magnitude

    def __array__(self, dtype=None, copy=None):
        return np.array(self.magnitude, dtype)

    def __len__(self):
        return len(self.magnitude)

    def __getitem__(self, index):
        return Wrapped(self.magnitude[index])


class Series(Wrapped):
    """As those of pandas: numbers with an index."""

    units = property()
    __module__ = "pandas.core.series"

    def __getitem__(self, index):
        return self.magnitude[index]


class Length(float):
    """A number with a unit."""

    unit = "m"


class Items(int):
    """A whole number with a unit."""

    unit = "samples"


class Masked(np.ndarray):
    """As astropy's `Masked`: a mask beside an array that is none of numpy.ma."""

    mask = np.array(True)


class Plain(np.ndarray):
    """As numpy.memmap: nothing but an array."""


def masked(array):
    mask = np.zeros(np.shape(array), bool)
    mask.flat[0] = True
    return np.ma.array(array, mask=mask)


def objects_with_hidden(array):
    held = np.array(array, object)
    held.flat[0] = np.ma.masked
    return held


LOSSES = {
    "masked": (masked, "is a masked array, whose mask would be lost"),
    "masked nowhere": (np.ma.array, "is a masked array, whose mask would be lost"),
    "masked of astropy": (lambda array: np.asarray(array).view(Masked), "is a masked array"),
    "unit": (lambda array: np.asarray(array).view(Quantity), "has the unit 'm', which would be lost"),
    "units": (lambda array: Wrapped(np.asarray(array)), "has the units 'metre', which would be lost"),
    "pandas": (lambda array: Series(np.asarray(array)), "is a pandas Series, whose index would be lost"),
    "rows with units": (lambda array: list(Wrapped(np.asarray(array))), "has the units 'metre'"),
    "masked rows": (lambda array: tuple(masked(row) for row in np.asarray(array)), "is a masked array"),
    "rows of pandas": (
        lambda array: [Series(np.atleast_1d(row)) for row in array],
        "is a pandas Series",
    ),
    "numbers with units": (
        lambda array: np.vectorize(Length, otypes=[object])(array).tolist(),
        "has the unit 'm', which",
    ),
    "hidden objects": (objects_with_hidden, "is a masked array"),
    "nothing but a mask": (lambda array: np.ma.masked, "is a masked array"),
}
# Of the array itself, not of its items.
WHOLE_LOSSES = ("masked", "unit", "units", "pandas", "nothing but a mask")
_SCALARS = ("fill_value", ("probability.Pmf.at_least", "x"), ("probability.Pmf.log_sf", "x"))


@pytest.mark.parametrize(("name", "parameter"), parameters(takes_arrays))
def test_what_would_be_lost_is_refused(name, parameter, tmp_path):
    value = right(name, parameter)
    is_scalar = parameter in _SCALARS or (name, parameter) in _SCALARS
    for kind, (change, words) in LOSSES.items():
        if (is_scalar or parameter == "out") and kind not in WHOLE_LOSSES:
            continue  # nor would plain lists and objects do
        pattern = (
            rf"(?s)^{parameter}=.*is not accepted" if is_scalar else rf"^{parameter}(\[\d+\])* {words}"
        )
        if is_scalar:
            pattern += rf"|{words}"
        with pytest.raises(TypeError, match=pattern):
            call(name, tmp_path, **{parameter: change(value)})
        assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("name", "parameter"), parameters(takes_arrays))
def test_plain_subclasses_are_taken(name, parameter, tmp_path):
    value = right(name, parameter)
    if not np.ndim(value):
        return
    call(name, tmp_path, **{parameter: np.array(value).view(Plain)})


NAN, INF = float("nan"), float("inf")
NO_NUMBERS = (
    Length(1.0),
    *("3", b"3", None, True, np.True_, 1j, np.complex64(1), [1], (1, 2), {}, np.ones(1), np.ones((2, 2))),
    *(
        NAN,
        INF,
        -INF,
        np.float32("nan"),
        np.timedelta64(5),
        np.datetime64(5, "s"),
        np.ma.masked,
        np.array(1.0).view(Quantity),
        Wrapped(1.0),
    ),
)
NO_COUNTS = (*NO_NUMBERS, 1.5, 2.0, np.float64(2))
NO_SIZES = (
    *(
        (),
        "12",
        b"12",
        ("1", "2"),
        None,
        (None, None),
        True,
        (True, True),
        (np.True_, 1),
        np.timedelta64(1),
        (np.timedelta64(1), np.timedelta64(2)),
        np.array([1, 2], "m8[s]"),
        (1j, 1),
        (NAN, 1),
        (1, INF),
    ),
    *(((1, 2), (3,)), (((1, 2), 3), 1), np.ones((1, 2), int), {1, 2}, {1: 2, 3: 4}, np.array([1.0, NAN])),
    *(np.ma.array([1, 2], mask=[False, True]), np.array([1, 2]).view(Quantity), [Wrapped(1), Wrapped(2)]),
)
NO_LENGTHS = ((1.0, 2.0), (1.5, 2), (-1, 1), np.array([1.0, 2.0]))
NOT_TWO = ((1,), np.array([1]), (1, 2, 3), [1, 2, 3, 4], np.arange(1, 4))
NO_TEXTS = ((), ("a",), ("a", "b", "c"), "ab", b"ab", None, 2, (1, 2), (("a",), "b"), {"a", "b"})
# A kernel gets as many axes as there are numbers, windows lie along the last axes of an array, and many
# sizes are compared.
ANY_LENGTH = {"kernels.box", "kernels.gaussian", "layers.pool-size", "compare_sizes"}
# Their number of axes is held against that of another argument, which the message may name instead.
SHAPES = {"signal_shape", "kernel_shape", "input", "input_shape"}


def is_right_as_one(name, parameter):
    """Whether one number in a sequence is for all axes."""
    return parameter in ("stride", "dilation") and not name.startswith("layers")


def bad_values(name, parameter):
    """Values that a parameter with this annotation does not take; none for other kinds."""
    annotation = str(parameter.annotation)
    if annotation in _TEXTS:
        return NO_TEXTS
    if annotation in _COUNTS:
        return NO_COUNTS
    if annotation in _NUMBERS:
        return NO_NUMBERS
    if annotation not in _SIZES:
        return ()
    bad = [*NO_SIZES, *(NO_LENGTHS if _SIZES[annotation] == "counts" else ())]
    if not ANY_LENGTH & {name, f"{name}-{parameter.name}"}:
        bad += NOT_TWO[2:] if is_right_as_one(name, parameter.name) else NOT_TWO
    return bad


def is_a_size(name, parameter):
    """Whether it is a number or sizes; of distributions, which have checks of their own, shapes alone."""
    is_of_lattice = name.startswith("probability")
    return bool(bad_values(name, parameter)) and parameter.name != "seed" and not is_of_lattice


@pytest.mark.parametrize(("name", "parameter"), parameters(is_a_size))
def test_wrong_sizes_and_kinds_are_refused_by_name(name, parameter, tmp_path):
    described = inspect.signature(FUNCTIONS[name]).parameters[parameter]
    for value in bad_values(name, described):
        if value is None and (described.default is None or "None" in str(described.annotation)):
            continue
        pattern = None if parameter in SHAPES else rf"\b{parameter}\b"
        with pytest.raises((TypeError, ValueError), match=pattern):
            pytest.fail(f"{value!r} gave {call(name, tmp_path, **{parameter: value})!r}")
        assert not list(tmp_path.iterdir())


# Their results are times that were measured.
_TIMED = ("compare", "compare_sizes", "tune")


def is_a_number(name, parameter):
    """Whether there is a number, or sizes, in CALLS for it."""
    base, others = CALLS[name]
    annotated = str(parameter.annotation) in (*_COUNTS, *_NUMBERS, *_SIZES, *_CHANCES)
    return name not in _TIMED and annotated and (parameter.name in base or parameter.name in others)


SMALL = (np.uint8, np.int8, np.int16, np.int64, np.float16, np.float32, np.float64)


def outcome(name, folder, **changes):
    """The result and the files of a call, or the type of its error."""
    folder.mkdir()
    try:
        result = call(name, folder, **changes)
    except (TypeError, ValueError, OverflowError, MemoryError) as error:
        result = type(error)
    return described(result), {file.name: file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def described(result):
    """Something that is equal for results of equal types and numbers."""
    if isinstance(result, (np.ndarray, np.generic)):
        return type(result), result.dtype, result.shape, result.tolist()
    if dataclasses.is_dataclass(result) and not isinstance(result, type):
        names = [field.name for field in dataclasses.fields(result) if "seconds" not in field.name]
        return type(result), [described(getattr(result, name)) for name in names]
    if isinstance(result, (tuple, list)):
        return type(result), list(map(described, result))
    if isinstance(result, (bool, int, float, complex, str, type)):
        return type(result), result
    if isinstance(result, fftconv.probability.Pmf):
        return [described(value) for pair in result.to_dict().items() for value in pair]
    return type(result)


def of_small_types(value):
    """A number, and a larger one, or sizes, in NumPy's types that hold them, each with what Python has."""
    if isinstance(value, (tuple, list)):
        if any(isinstance(item, tuple) for item in value):
            yield list(value), value
            return
        kind = np.uint8 if all(isinstance(item, int) for item in value) else np.float16
        yield np.array(value, kind), tuple(np.array(value, kind).tolist())
        yield [kind(item) for item in value], [kind(item).item() for item in value]
        return
    whole = isinstance(value, int)
    yield np.array(value), value  # an array without axes
    yield np.array(value, object), value
    for dtype in SMALL:
        is_integer = np.issubdtype(dtype, np.integer)
        if whole and not is_integer:
            continue
        for number in {value, 100 if whole else 100.0}:
            if is_integer and (number != int(number) or number > np.iinfo(dtype).max):
                continue
            yield dtype(number), dtype(number).item()


@pytest.mark.parametrize(("name", "parameter"), parameters(is_a_number))
def test_numbers_of_numpy_give_what_those_of_python_give(name, parameter, tmp_path):
    value = right(name, parameter)
    parts = value if isinstance(value, (tuple, list)) else [value]
    if not all(isinstance(part, (int, float, tuple)) for part in parts):
        return
    expected = {}
    for place, (number, plain) in enumerate(of_small_types(value)):
        if parameter == "accuracy" and isinstance(plain, int):
            continue
        key = repr(plain)
        if key not in expected:
            expected[key] = outcome(name, tmp_path / f"plain {place}", **{parameter: plain})
        found = outcome(name, tmp_path / f"{place}", **{parameter: number})
        assert found == expected[key], f"{number!r}"


# Parameters whose values are held against something that the error names instead.
_HELD_AGAINST = {
    ("layers.pool", "size"): "receptive field",
    ("layers.count_parameters", "receptive_field"): "receptive field",
    ("layers.output_size", "receptive_field"): "receptive field",
    ("layers.conv_layer_backward", "stride"): "gradient",
}
# As many iterations as are asked for are done; the others have filters of a minute.
_LONG = {
    ("image.deconvolve", "iterations"),
    ("audio.reverb", "sample_rate"),
    ("audio.reverb", "response_rate"),
}


def extremes(value):
    """Numbers, or sizes, beyond all that is meant, of the kind that this parameter has."""
    parts = value if isinstance(value, (tuple, list)) else [value]
    if all(isinstance(part, (int, tuple)) for part in parts):
        numbers = [10**18, 10**400, -(10**400), 10**5000]
    elif all(isinstance(part, float) for part in parts):
        numbers = [1e300, -1.7e308, 5e-324, 10**400, 10**5000]
    else:
        return
    for number in numbers:
        yield number
        if parts is value:
            yield (number,) * len(parts)


def is_a_number_of_arrays(name, parameter):
    """Leaves out distributions, which have bounds of their own."""
    return is_a_number(name, parameter) and not name.startswith("probability")


@pytest.mark.parametrize(("name", "parameter"), parameters(is_a_number_of_arrays))
def test_numbers_with_units_are_refused(name, parameter, tmp_path):
    value = right(name, parameter)
    parts = value if isinstance(value, (tuple, list)) else [value]
    if not all(isinstance(part, (int, float)) for part in parts):
        return
    kind = {int: Items, float: Length}
    changed = [kind[type(part)](part) for part in parts]
    with pytest.raises((TypeError, ValueError), match=rf"\b{parameter}\b.*(has the unit|is not accepted)"):
        call(name, tmp_path, **{parameter: changed if parts is value else changed[0]})


@pytest.mark.parametrize(("name", "parameter"), parameters(is_a_number_of_arrays))
def test_extreme_numbers_are_taken_or_refused_by_name(name, parameter, tmp_path):
    if (name, parameter) in _LONG:
        return
    pattern = rf"\b({parameter}|{_HELD_AGAINST.get((name, parameter), parameter)})\b"
    for place, value in enumerate(extremes(right(name, parameter))):
        folder = tmp_path / str(place)
        folder.mkdir()
        try:
            call(name, folder, **{parameter: value})
        except (TypeError, ValueError) as error:
            message = str(error)
        else:
            continue
        assert len(message) < 600
        assert parameter in SHAPES or re.search(pattern, message), message


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: kernels.moving_average(10**9), "^length=1000000000 is not accepted: it makes a ker"),
        (lambda: kernels.echo(3, 0.5, repeats=10**9), "^repeats=1000000000"),
        (lambda: kernels.gaussian(1.0, truncate=1e9), "^truncate=1000000000.0"),
        (lambda: kernels.gaussian(1e9), "^sigma=1000000000.0"),
        (lambda: kernels.gabor(1.0, 4.0, truncate=1e9), "^truncate="),
        (lambda: kernels.gabor(1.0, 4.0, aspect=1e-12), "^aspect="),
        (lambda: kernels.sharpen(1.0, 1.0, truncate=1e9), "^truncate="),
        (lambda: kernels.laplacian_of_gaussian(1.0, truncate=1e9), "^truncate="),
        (lambda: kernels.laplacian_of_gaussian(1.0, truncate=5e-324), "^truncate=.*pass at least 0.5$"),
        (lambda: fftconv.image.difference_of_gaussians(BYTES, 1.0, wider=1e9), "^wider=1000000000.0"),
        (lambda: fftconv.image.edges(BYTES, gain=1e300), "^gain=1e.300 .*range of float32; pass less"),
        (lambda: fftconv.image.edges(BYTES, "laplace", gain=1e308), "^gain=1e.308 .*float64; pass less"),
        (lambda: fftconv.image.emboss(BYTES, depth=1e300), "^depth=1e.300 .*; pass less"),
        (lambda: fftconv.image.sharpen(BYTES, amount=1e300), "^amount=1e.300 .*; pass less"),
        (lambda: fftconv.image.apply_kernel(BYTES, TAPS, scale=1e300), "^scale=1e.300 .*; pass less"),
        (lambda: fftconv.image.apply_kernel(BYTES, TAPS, bias=1e300), "^bias=1e.300 .*; pass less"),
        (lambda: fftconv.image.edge_directions(BYTES, gain=1e300), "^gain=1e.300 .*; pass less"),
        (lambda: fftconv.convolve([1, 2], [1, 2], dilation=10**11), "^dilation=100000000000 .*pass less"),
        (lambda: fftconv.convolve([1, 2], [1], boundary=np.array([2])), "^boundary=array.* choose one of"),
        (lambda: fftconv.Filter([1.0], boundary=0), "^boundary=0 is not accepted; choose one of"),
        (lambda: fftconv.FilterBank([[1.0]], boundary=[]), "^boundary=.* choose one of"),
        (lambda: fftconv.plan_convolution((10**17, 1), (3, 4)), "^signal_shape=.*below 2..56"),
        (lambda: fftconv.layers.toeplitz_matrix([1.0, 2.0], 10**12), "^shape=1000000000000"),
        (lambda: fftconv.layers.toeplitz_matrix([1.0, 2.0], 3, dilation=10**12), "^dilation=1000000000000"),
        (lambda: fftconv.audio.decaying_noise(8000, 1.0, seed=-1), "^seed=-1 .*whole number from 0"),
        (lambda: fftconv.compare_sizes([20], [3], seed="x"), "^seed='x'"),
        (lambda: fftconv.image.write_frames("x.tif", iter([BYTES])), "^frames is a list_iterator; pass"),
        (lambda: fftconv.compare(LINE, [1.0], methods=3), "^methods=3 .*a list of"),
        (lambda: fftconv.compare(LINE, [1.0], peers=3), "^peers=3 .*a list of"),
        (lambda: fftconv.image.filter_files(3, "x", "emboss"), "^sources=3 .*a list of paths"),
        (lambda: fftconv.image.filter_files([3], "x", "emboss"), "^sources holds 3; pass a list of paths"),
        (lambda: fftconv.image.pipeline(BYTES, 3), "^steps=3 .*pass a text"),
        (lambda: fftconv.image.pipeline(BYTES, [3]), "^steps holds 3; pass a text"),
        (lambda: fftconv.StreamingConvolver([1.0], block_size=4, dtype={0: 1}), "^dtype={0: 1} .*float64"),
    ],
)  # fmt: skip
def test_the_parameter_that_is_wrong_is_named(wrong, words):
    with pytest.raises((TypeError, ValueError), match=words):
        wrong()


def test_extreme_numbers_that_are_taken_give_no_warnings():
    image = FIELD * 1e-290
    assert np.isfinite(fftconv.image.edges(image, gain=1e300)).all()
    loud = fftconv.StreamingConvolver([1e300, 1e300], block_size=4)
    assert loud.error_bound(1.0) == float("inf")
    assert loud.process([1.0, 1.0]).tolist() == [1e300, 2e300]
    filled = fftconv.interpolate_missing([1.0, np.nan, 2.0], [1.0, 1.0, 1.0], mask=5e-324)
    assert filled[0] == 1.0
    fftconv.image.deconvolve(BYTES, TAPS, noise=np.uint64(2**64 - 1))


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (f"image convolve samples/cutout.png -o x.png --kernel box(1{'0' * 400})", "size=1.00e400 is not"),
        ("audio fir samples/melody.wav -o x.wav --cutoff 500 --transition 5e-324", "--transition"),
        ("compare --signal 1e18 --kernel 3", "--signal of 1000000000000000000 samples"),
        ("explain --signal 1e300 --kernel 3", "'1e300' is no shape; write 1000000, 1e6 or 1920x1080"),
        ("image sharpen samples/cutout.png -o x.png --amount 1e308", "--amount 1e+308 is not accepted"),
    ],
)
def test_extreme_numbers_of_commands_are_refused_in_one_line(command, words, capsys):
    assert run(command.split()) in (1, 2)
    printed = capsys.readouterr().err
    assert words in printed
    assert printed.strip().count("\n") == 0
    assert len(printed) < 500


def objects(*items):
    held = np.empty(len(items), object)
    held[:] = items
    return held


@pytest.mark.parametrize(
    "times",
    [
        [np.timedelta64(1), np.timedelta64(2)],
        [1.0, np.timedelta64(2)],
        np.array([1, 2], "m8[s]"),
        objects(1.0, np.timedelta64(2)),
        objects(np.datetime64(1, "s")),
        objects(datetime.timedelta(1)),
    ],
    ids=repr,
)
@pytest.mark.parametrize(("name", "parameter"), parameters(takes_arrays))
def test_times_are_no_numbers(name, parameter, times, tmp_path):
    value = right(name, parameter)
    if parameter == "fill_value" or (name, parameter) in _SCALARS:
        times = np.timedelta64(5)
    elif np.ndim(value) > 1 and not isinstance(times, list):
        times = np.broadcast_to(times, (*np.shape(value)[:-1], len(times)))
    with pytest.raises((TypeError, ValueError), match=rf"\b{parameter}\b"):
        call(name, tmp_path, **{parameter: times})


def test_cures_that_are_named_work():
    signal, kernel = np.ma.array([1.0, 9.0, 3.0], mask=[0, 1, 0]), np.ma.array([1.0, 5.0], mask=[0, 1])
    with pytest.raises(
        TypeError, match="pass signal.data and mask=~signal.mask, or fill it with signal.fill"
    ):
        fftconv.convolve(signal, [1.0, 1.0])
    found = fftconv.convolve(signal.data, [1.0, 1.0], mask=~signal.mask, mode="valid")
    assert found.tolist() == [2.0, 6.0]  # half of each window is there, and twice that counts
    with pytest.raises(
        TypeError, match=r"kernel is a masked array.* lost; fill it with kernel.filled\(0\)$"
    ):
        fftconv.convolve([1.0, 2.0], kernel)
    assert fftconv.convolve([1.0, 2.0], kernel.filled(0)).tolist() == [1.0, 2.0, 0.0]
    out = np.ma.zeros(4)
    with pytest.raises(TypeError, match="out is a masked array.*pass out.data"):
        fftconv.convolve([1.0, 2.0, 3.0], [1.0, 1.0], out=out)
    fftconv.convolve([1.0, 2.0, 3.0], [1.0, 1.0], out=out.data)
    assert out.tolist() == [1.0, 3.0, 5.0, 3.0]


def cure_of(error):
    """What an error says to pass."""
    return re.search(r"(?:pass|fill it with) (\w+[\w.]*(?:\([^,]*?\))?)", str(error).partition(";")[2])[1]


def advice_of(error):
    """The call that an error asks for: a function or None for the same one, arguments, and options."""
    cure = str(error).partition("; ")[2]
    for lead in ("such as ", "for example ", "call ", "pass ", "use "):
        tail = cure.partition(lead)[2]
        for end in range(len(tail), 0, -1):
            text = tail[:end].strip() if lead == "call " else f"same({tail[:end]})"
            try:
                asked = ast.parse(text, mode="eval").body
            except SyntaxError:
                continue
            if isinstance(asked, ast.Call) and (asked.args or asked.keywords):
                options = {item.arg: ast.unparse(item.value) for item in asked.keywords}
                return ast.unparse(asked.func), [ast.unparse(item) for item in asked.args], options
    raise AssertionError(f"no advice in: {error}")


def follow_advice(function, parameter, value, context):
    """Call the function, follow the advice of its errors, and return how often that was needed."""
    names = {"numpy": np, "fftconv": fftconv, "Pmf": fftconv.probability.Pmf}
    given = context | {parameter: value}
    for steps in range(5):
        try:
            function(**given)
        except (TypeError, ValueError, OverflowError) as error:
            name, arguments, options = advice_of(error)
            known = names | given
            changed = [eval(text, known) for text in arguments]
            options = {key: eval(text, known) for key, text in options.items()}
            if name == "same":
                named, index = re.match(r"(\w+)(?:\[(\d+)\])?", str(error)).groups()
                named = named if named in given else parameter
                if index is not None:
                    changed = [[*given[named][: int(index)], *changed, *given[named][int(index) + 1 :]]]
                given |= dict(zip([named], changed, strict=False)) | options
            else:
                called, context = eval(name, known), options
                parameter = next(iter(inspect.signature(called).parameters))
                function, given = called, {parameter: changed[0]} | options
        else:
            return steps
    raise AssertionError(f"the advice does not end: {given}")


def disguises(value):
    """The same numbers as something that is no array of numbers."""
    array = np.asarray(value)
    if array.ndim == 0:
        return
    yield (row for row in array)
    yield map(np.asarray, array)
    yield dict(enumerate(array))
    yield dict(enumerate(array)).values()
    if array.dtype.kind in "iuf":
        yield array.astype(str)
        yield array.astype(str).tolist()
    yield array.astype([("a", array.dtype), ("b", array.dtype)])
    if array.ndim == 2:
        yield scipy.sparse.coo_array(array)
        yield scipy.sparse.csr_matrix(array)
        yield SparseOfOthers(array)


class SparseOfOthers:
    """As those of the package sparse."""

    def __init__(self, array):
        self.array = array

    def todense(self):
        return self.array


# Texts give floats, which no picture file holds, and a record is no weight from 0 to 1.
_OWN_ADVICE = ("image.write", "image.write_frames")


@pytest.mark.parametrize(("name", "parameter"), parameters(takes_arrays))
def test_advice_about_arrays_works(name, parameter, tmp_path):
    value = right(name, parameter)
    if parameter in ("fill_value", "out") or name in _OWN_ADVICE:
        return
    for number, disguised in enumerate(disguises(value)):
        folder = tmp_path / str(number)
        folder.mkdir()
        follow_advice(lambda folder=folder, **given: call(name, folder, **given), parameter, disguised, {})


@pytest.mark.parametrize("number", [2, 0.5, np.float32(2), np.array(2), np.array(1j), Fraction(1, 2), True])
@pytest.mark.parametrize("signal", [LINE, FIELD, LINE.tolist()], ids=["line", "field", "list"])
def test_advice_about_scalars_works(signal, number):
    with pytest.raises(ValueError, match=r"^kernel is a scalar .*; pass \[") as caught:
        fftconv.convolve(signal, number)
    if isinstance(number, int):
        assert str(caught.value).endswith(f"pass [{number}]")
    for function in (fftconv.convolve, fftconv.correlate, fftconv.explain):
        follow_advice(function, "kernel", number, {"signal": signal})
        follow_advice(function, "signal", number, {"kernel": signal})
    follow_advice(lambda kernel, **more: fftconv.Filter(kernel, **more)(signal), "kernel", number, {})


@pytest.mark.parametrize(("name", "parameter"), parameters(takes_arrays))
def test_what_has_no_numbers_is_refused_by_name(name, parameter, tmp_path):
    for value in (None, object(), print, "no numbers", ["a", "b"], slice(3), Path("x.png")):
        default = inspect.signature(FUNCTIONS[name]).parameters[parameter].default
        if value is default or parameter == "fill_value" or name in _OWN_ADVICE:
            continue
        with pytest.raises((TypeError, ValueError), match=rf"^{parameter}\b"):
            pytest.fail(f"{value!r} gave {call(name, tmp_path, **{parameter: value})!r}")


def _id_of(value):
    """Return the same text in each process that collects the tests."""
    return re.sub(r" at 0x\w+", "", repr(value))


@pytest.mark.parametrize(
    "given",
    [
        {0: 0.4},
        {0: 0.25, 2: 0.5},
        {0: 0.5, 3: 0.5},
        {1: 2, 6: Fraction(1, 2)},
        Counter([1, 1, 2, 5]),
        "2d6",
        stats.poisson(2.0),
        stats.binom(5, 0.5),
        [0.4],
        [1, 2, 3],
        0.4,
        3,
        np.array(2),
        np.float32(0.5),
        iter([0.5, 0.25]),
        scipy.sparse.coo_array([[0.5, 0.25]]),
    ],
    ids=_id_of,
)
def test_advice_about_probabilities_works(given):
    assert follow_advice(fftconv.probability.Pmf, "probabilities", given, {}) <= 3
    if isinstance(given, (list, Counter)):
        follow_advice(fftconv.probability.Pmf.from_counts, "counts", given, {})
        follow_advice(fftconv.probability.Pmf.from_dict, "weights", given, {})


@pytest.mark.parametrize("signal", [[3, 5], (1, 2), [[1, 2], [3, 4]], range(3)], ids=repr)
def test_advice_about_dtypes_works_for_lists(signal):
    taps = np.ones((1,) * np.ndim(signal), int)
    for fill in (1.5, float("nan"), 10**30, 1j):
        with pytest.raises((ValueError, OverflowError, TypeError)) as caught:
            fftconv.convolve(signal, taps, mode="same", boundary="constant", fill_value=fill)
        cure = re.search(r"numpy\.asarray\(signal, \w+\)", str(caught.value))[0]
        converted = eval(cure, {"numpy": np, "signal": signal})
        fftconv.convolve(converted, taps, mode="same", boundary="constant", fill_value=fill)
    with pytest.raises(OverflowError) as caught:
        fftconv.convolve(signal, taps * (2**63 - 1), mode="same")
    for cure in re.findall(r"numpy\.asarray\(signal, \w+\)", str(caught.value)):
        fftconv.convolve(eval(cure, {"numpy": np, "signal": signal}), taps * (2**63 - 1), mode="same")


@pytest.mark.parametrize("dtype", ["?", "i2", "u8", "f2", "f4", "f8", "c8", "c16", "O", "g"])
@pytest.mark.parametrize("wrong", [3, [0, 0], np.zeros(1), np.zeros(5, "S1"), "read-only"], ids=repr)
def test_advice_about_out_works(dtype, wrong):
    signal = np.ones(5, dtype)
    if isinstance(wrong, str):
        wrong = fftconv.convolve(signal, signal)
        wrong.flags.writeable = False
    follow_advice(fftconv.convolve, "out", wrong, {"signal": signal, "kernel": signal})


def test_bounds_that_errors_name_are_accepted():
    for taps in (*range(1, 60), 1000, 12345):
        for dtype in ("f4", "f8"):
            ones = np.ones(taps, dtype)
            with pytest.raises(ValueError, match="pass a number from") as caught:
                fftconv.explain(ones, ones, accuracy=1e-30)
            least = float(re.search(r"from (\S+) to", str(caught.value))[1])
            fftconv.explain(ones, ones, accuracy=least)
    for size in np.random.default_rng(0).uniform(0.13, 30, 100):
        with pytest.raises(ValueError, match="^truncate=.*too small") as caught:
            kernels.laplacian_of_gaussian(size, truncate=0.01 / size)
        kernels.laplacian_of_gaussian(size, truncate=float(str(caught.value).split()[-1]))
        with pytest.raises(ValueError, match="^sigma=.*too small") as caught:
            kernels.laplacian_of_gaussian(1e-6, truncate=size)
        kernels.laplacian_of_gaussian(float(str(caught.value).split()[-1]), truncate=size)


def shapes_of(largest, ndim):
    return itertools.product(range(1, largest + 1), repeat=ndim)


@pytest.mark.parametrize(("ndim", "largest"), [(1, 6), (2, 3)])
def test_advice_about_valid_works(ndim, largest):
    refused = swaps = 0
    for signal_shape, kernel_shape in itertools.product(shapes_of(largest, ndim), repeat=2):
        for dilation, axes in itertools.product((1, 2), (None, -1)):
            sides = (0,) * (ndim - 1) if axes == -1 else ()
            if any(len({1, signal_shape[i], kernel_shape[i]}) == 3 for i in sides):
                continue  # nothing that broadcasts
            options = {"dilation": dilation, "axes": axes}
            signal, kernel = np.ones(signal_shape), np.ones(kernel_shape)
            try:
                fftconv.convolve(signal, kernel, "valid", **options)
            except ValueError as error:
                message = str(error)
            else:
                continue
            refused += 1
            modes = re.findall(r"use mode='(\w+)' or mode='(\w+)'", message)[0]
            for mode in modes:
                fftconv.convolve(signal, kernel, mode, **options)
            try:
                fftconv.convolve(kernel, signal, "valid", **options)
            except ValueError:
                assert "swap" not in message
            else:
                swaps += "swap" in message
                assert "swap" in message or axes == -1
    assert 0 < swaps < refused


def test_mode_stands_third_in_convolve_and_correlate_alone():
    signal, kernel = np.arange(5.0), np.array([1.0, 2.0])
    for function in (fftconv.convolve, fftconv.correlate):
        for mode in ("full", "same", "valid"):
            expected = function(signal, kernel, mode=mode)
            np.testing.assert_array_equal(function(signal, kernel, mode), expected)
            np.testing.assert_array_equal(function(signal.tolist(), kernel, mode), expected)
        with pytest.raises(TypeError, match="positional"):
            function(signal, kernel, "same", "zero")
    for name, function in FUNCTIONS.items():
        mode = inspect.signature(function).parameters.get("mode")
        if mode is not None:
            stands = name in ("convolve", "correlate", "layers.toeplitz_matrix")
            assert mode.kind is (mode.POSITIONAL_OR_KEYWORD if stands else mode.KEYWORD_ONLY), name


def followed(signal, kernel=(1.0, 1.0), **options):
    """What convolve gives when the errors' cures are followed, and how many were needed."""
    given = {"signal": signal, "kernel": kernel} | options
    for steps in range(4):
        try:
            result = fftconv.convolve(**given)
        except TypeError as error:
            name = str(error).split()[0].partition(".")[0]
            given[name] = eval(cure_of(error), {"numpy": np, name: given[name]})
        else:
            return given.get("out", result), steps
    raise AssertionError("the cures do not end")


@pytest.mark.parametrize("package", ["pandas", "astropy", "xarray", "torch"])
def test_cures_for_arrays_of_other_libraries_work(package):
    pytest.importorskip(package)
    line = np.array([1.0, 2.0, 3.0])
    summed, arrays, kernels = [1.0, 3.0, 5.0, 3.0], [], []
    if package == "pandas":
        import pandas

        arrays = kernels = [pandas.Series(line), pandas.Index(line), pandas.Series(line, dtype="Float64")]
    if package == "astropy":
        from astropy import units
        from astropy.table import Column, MaskedColumn
        from astropy.utils.masked import Masked

        kernels = [Masked(line, mask=False), MaskedColumn(line, mask=[False] * 3)]
        arrays = [*kernels, line * units.m, MaskedColumn(line, unit="m"), Column(line, unit="m")]
        assert followed(Column(line))[1] == 0  # whose unit is None
        out, steps = followed([1.0, 2.0, 3.0], out=Masked(np.zeros(4)))
        assert steps == 1
        assert out.tolist() == summed
    if package == "xarray":
        import xarray

        kernels = [xarray.DataArray(line)]
    if package == "torch":
        import torch

        with pytest.raises(
            TypeError, match=r"^kernel is an array of torch.*pass kernel.numpy\(force=True\)"
        ):
            fftconv.Filter(torch.ones(2))
    for array in arrays:
        result, steps = followed(array)
        assert result.tolist() == summed
        assert steps
    for array in kernels:
        result, steps = followed((1.0, 1.0), array)
        assert np.asarray(result).tolist() == summed
        assert steps


@pytest.mark.parametrize(("name", "parameter"), parameters(takes_arrays))
def test_dimensions_of_xarray_are_kept_or_refused(name, parameter, tmp_path):
    xarray = pytest.importorskip("xarray")
    value = right(name, parameter)
    if parameter == "fill_value" or (name, parameter) in _SCALARS:
        return
    array = xarray.DataArray(value if np.ndim(value) else [value])
    kept = name in ("convolve", "correlate") or (name.endswith("__call__") and name != "Filter")
    if kept and parameter != "out":
        return  # by functions that tests/test_xarray.py is about
    words = (
        rf"^{parameter} is a DataArray of xarray, whose dimensions would be lost; pass {parameter}\.to_n"
    )
    with pytest.raises(TypeError, match=words):
        call(name, tmp_path, **{parameter: array})
    words = (
        rf"^{parameter} is a Dataset of many variables; pass one of them|^signals\['speed'\] is a DataArr"
    )
    with pytest.raises(TypeError, match=words):
        call(name, tmp_path, **{parameter: xarray.Dataset({"speed": array})})
    for data, lost in ((masked([1.0, 2.0]), "masked array"), (np.ones(2).view(Quantity), "unit 'm'")):
        inside = xarray.DataArray(np.ones(2))
        inside.variable._data = data
        if parameter != "out":
            with pytest.raises(TypeError, match=rf"^{parameter}\[0\]\.data .*{lost}"):
                call(name, tmp_path, **{parameter: [inside, inside]})


def test_what_functions_of_callers_return_is_checked():
    die = fftconv.probability.die(6)
    for answer in (np.ma.masked, np.ma.array([True], mask=[True])[0], np.array(True).view(Quantity)):
        with pytest.raises(TypeError, match=r"^holds\(x\)\[\d\] (is a masked|has the unit)"):
            die.condition(lambda x, answer=answer: answer if x > 3 else True)
    for change in (masked, lambda x: x.view(Quantity), lambda x: Wrapped(x)):
        with pytest.raises(TypeError, match=r"^pdf\(x\) (is a masked|has the unit)"):
            fftconv.probability.Density.from_pdf(lambda x, change=change: change(2 * x), 0, 1).mean()


def test_items_of_pandas_and_times_are_called_what_they_are():
    pandas = pytest.importorskip("pandas")
    for item in (pandas.NA, pandas.NaT):
        with pytest.raises(TypeError, match=r"^signal\[1\] is .* a missing value; pass float\('nan'\)"):
            fftconv.convolve([1.0, item], [1.0])
    for item in (pandas.Timedelta(1), pandas.Timestamp(1), datetime.date(2000, 1, 1)):
        with pytest.raises(TypeError, match=r"^signal\[1\] is a time .* pass numbers"):
            fftconv.convolve([1.0, item], [1.0])


@pytest.mark.parametrize(
    ("items", "cure"),
    [
        ((each for each in (1.0, 2.0)), r"list\(signal\)"),
        ({1.0, 2.0}, r"list\(signal\)"),
        ({1: 2.0}.values(), r"list\(signal\)"),
        ({1: 2.0}, r"list\(signal.values\(\)\)"),
        (map(float, "12"), r"list\(signal\)"),
    ],
)
def test_what_has_items_but_is_no_array_is_not_called_a_scalar(items, cure):
    with pytest.raises(TypeError, match=rf"^signal is a {type(items).__name__}, .*pass {cure}"):
        fftconv.convolve(items, [1.0])


def test_what_is_nested_deeply_is_found():
    for value in (
        [[1.0, 2.0], [3.0, np.ma.masked]],
        ((1.0, Wrapped(2.0)),),
        [[np.array(1.0).view(Quantity)]],
    ):
        with pytest.raises(TypeError, match=r"signal(\[\d\])+ (is a masked array|has the unit)"):
            fftconv.convolve(value, [[1.0]])


@pytest.mark.parametrize("package", ["pandas", "astropy", "xarray", "dask", "torch"])
def test_the_real_ones_are_refused_or_kept(package):
    """The stand-ins above have what these libraries' own arrays have."""
    pytest.importorskip(package)
    refused, taken = [], []
    if package == "pandas":
        import pandas

        refused = [pandas.Series([1.0, 2.0]), pandas.Index([1.0, 2.0]), pandas.array([1, 2])]
    if package == "astropy":
        from astropy import units
        from astropy.utils.masked import Masked

        refused = [[1.0, 2.0] * units.m, [1 * units.m, 2 * units.m], Masked([1.0, 2.0], mask=[True, False])]
    if package == "xarray":
        import xarray

        taken = [xarray.DataArray([1.0, 2.0], dims="x", attrs={"units": "K"})]
        assert fftconv.convolve(taken[0], [1.0], mode="same").attrs == {"units": "K"}
    if package == "dask":
        import dask.array

        refused = [dask.array.ma.masked_array(np.ones(2), mask=[True, False]),
                   dask.array.from_array(np.ones(2).view(Quantity), asarray=False)]  # fmt: skip
        taken = [dask.array.ones(2)]
    if package == "torch":
        import torch

        taken = [torch.ones(2)]
    for value in refused:
        with pytest.raises(TypeError, match=r"^signal(\[0\])? (is a|has the unit)"):
            fftconv.convolve(value, [1.0])
    for value in taken:
        fftconv.convolve(value, [1.0])
        with pytest.raises(TypeError, match="^kernel is a masked array"):
            fftconv.convolve(value, np.ma.array([1.0]))
        with pytest.raises(TypeError, match="^kernel has the unit"):
            fftconv.convolve(value, np.ones(1).view(Quantity))


def test_signals_by_name_are_refused_by_that_name():
    with pytest.raises(TypeError, match=r"signals\['speed'\] has the unit 'm'"):
        fftconv.plotting.plot_signals({"speed": LINE.view(Quantity)})


def test_a_box_of_three_numbers_is_no_blur_of_an_image():
    colours = np.full((9, 9, 3), 90, np.uint8)
    for size in ((1, 7, 3), (7,), ()):
        with pytest.raises(
            ValueError,
            match=r"size=\(.*\) is not accepted; pass a whole number from 1, or 2 of them, one for each",
        ):
            fftconv.image.box_blur(colours, size)
    with pytest.raises(ValueError, match=r"step .*size=\[1, 7, 3\] is not accepted"):
        fftconv.image.pipeline(colours, "box [1,7,3]")
    assert fftconv.kernels.box((1, 7, 3)).shape == (1, 7, 3)
    for size in ((1, 7), [1, 7], np.array([1, 7]), 7, np.int8(7)):
        assert (fftconv.image.box_blur(colours, size) == 90).all()


# Each command that has options of numbers, with what it needs, and what else an option needs.
COMMANDS = {
    "audio echo": ("{sound} -o {folder}/x.wav --delay 0.1 --decay 0.5", {}),
    "audio fir": ("{sound} -o {folder}/x.wav --cutoff 500", {}),
    "audio reverb": ("{sound} -o {folder}/x.wav", {}),
    "audio smooth": ("{sound} -o {folder}/x.wav", {}),
    "compare": ("", {"": "--signal 100 --kernel 3", "--sigma": "--image {picture}"}),
    "image blur": ("{picture} -o {folder}/x.png", {
        "--sigma": "--shape gaussian", "--radius": "--shape disk", "--length": "--shape motion",
        "--angle": "--shape motion",
    }),
    "image convolve": ("{picture} -o {folder}/x.png --kernel sobel()", {}),
    "image deconvolve": ("{picture} -o {folder}/x.png --kernel disk(2)", {}),
    "image dog": ("{picture} -o {folder}/x.png", {}),
    "image edges": ("{picture} -o {folder}/x.png", {"--sigma": "--operator log"}),
    "image emboss": ("{picture} -o {folder}/x.png", {}),
    "image high-pass": ("{picture} -o {folder}/x.png", {}),
    "image match": ("{picture} {picture}", {}),
    "image sharpen": ("{picture} -o {folder}/x.png", {}),
    "tune": ("", {}),
}  # fmt: skip


def number_options(group, path=""):
    """Command, option and type of every option of numbers."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from number_options(command, f"{name} ")
            continue
        for option in command.params:
            if isinstance(option, click.Option) and isinstance(option.type, click.types.FloatParamType):
                yield f"{path}{name}", option.opts[-1]


@pytest.mark.parametrize(("command", "option"), list(number_options(cli)))
@pytest.mark.parametrize("value", ["nan", "inf", "1,2", "(1, 2)", "1j", ""])
def test_options_that_are_no_finite_numbers_are_refused_by_name(command, option, value, tmp_path, capsys):
    needed, others = COMMANDS[command]
    words = f"{command} {needed} {others.get(option, others.get('', ''))}".split()
    names = {"sound": "samples/melody.wav", "picture": "samples/cutout.png", "folder": tmp_path}
    assert run([*(word.format(**names) for word in words), option, value]) in (1, 2)
    printed = capsys.readouterr()
    assert option in printed.err
    assert printed.err.strip().count("\n") == 0
    assert not list(tmp_path.iterdir())


NAMES = parameters(
    lambda name, parameter: (
        {"str", "Mode", "Boundary", "Method", "LayerBoundary"}.intersection(
            re.findall(r"\w+", str(parameter.annotation))
        )
        and not takes_arrays(name, parameter)
    )
)


@pytest.mark.parametrize(("name", "parameter"), NAMES)
def test_an_array_where_a_name_belongs_is_refused_by_the_name_of_the_argument(name, parameter, tmp_path):
    for value in (np.arange(3.0), np.array(["same", "zero", "fft"])):
        with pytest.raises((TypeError, ValueError), match=parameter) as caught:
            call(name, tmp_path, **{parameter: value})
        assert "ambiguous" not in str(caught.value)


PATHS = parameters(
    lambda name, parameter: parameter.annotation == "StrPath" and parameter.name != "folder"
)  # which is a parameter of `call`


@pytest.mark.parametrize(("name", "parameter"), PATHS)
def test_what_names_no_file_is_refused_as_a_path(name, parameter, tmp_path):
    for value in (None, 3, b"x.png", BYTES, ["x.png"], "x\0.png"):
        error = ValueError if isinstance(value, str) else TypeError
        with pytest.raises(error, match=f"^{parameter}(?: is of type|=)"):
            call(name, tmp_path, **{parameter: value})


@given(
    shape=st.lists(st.integers(1, 9), min_size=2, max_size=4),
    taps=st.lists(st.integers(1, 3), min_size=1, max_size=3),
)
def test_axes_that_an_error_advises_are_the_longest_and_accepted(shape, taps):
    if len(taps) >= len(shape):
        return
    with pytest.raises(ValueError, match="for example axes=") as caught:
        fftconv.convolve(np.ones(shape), np.ones(taps))
    axes = ast.literal_eval(str(caught.value).partition("for example axes=")[2])
    fftconv.convolve(np.ones(shape), np.ones(taps), axes=axes)
    others = [length for axis, length in enumerate(shape) if axis not in axes]
    assert min(shape[axis] for axis in axes) >= max(others)


@pytest.mark.parametrize("held", [None, "a", {1: 2}, [1.0, 2.0], (1.0,), object(), len])
def test_an_array_without_axes_is_no_list_of_what_it_holds(held):
    array = np.empty((), object)
    array[()] = held
    kind = type(held).__name__
    with pytest.raises(TypeError, match=f"kernel is an array without axes that holds a {kind}; pass"):
        fftconv.convolve([1.0], array)


def test_the_advice_about_a_number_runs_as_it_is_written():
    for number in (10**30, -(10**400), 10**5000, Fraction(1, 3), 2.5, True, np.uint64(7), 1j):
        with pytest.raises(ValueError, match="kernel is a scalar") as caught:
            fftconv.convolve([1], number)
        advised = eval(str(caught.value).rpartition("; pass ")[2], {"kernel": number})
        assert fftconv.convolve(np.array([1], object), advised)[0] == number


def test_a_mask_of_objects_is_not_told_to_be_a_list():
    with pytest.raises(TypeError, match="mask has dtype object, .*; pass one weight for each sample"):
        fftconv.convolve([1.0, 2.0], [1.0], mask=[None, None])


def test_a_sound_filter_is_no_text(tmp_path):
    with pytest.raises(TypeError, match="filter='echo' is not accepted; pass one of .*echo"):
        fftconv.audio.filter_file("samples/melody.wav", tmp_path / "x.wav", "echo")


@pytest.mark.parametrize("function", [fftconv.convolve, fftconv.correlate, fftconv.explain])
@pytest.mark.parametrize(
    ("signal", "kernel"),
    [
        ([Decimal(1), Decimal(2)], [1.5]),
        ([1.5, 2.0], [Decimal(1)]),
        ([Decimal(1), Fraction(1, 2)], [2]),
        ([Decimal(1), 0.5], [2]),
        ([1, 2], [Decimal(1), Fraction(1, 2)]),
        ([Fraction(1, 2)], [Decimal(1), 0.5]),
        ([Decimal(1)], [Fraction(1, 2)]),
    ],
)
def test_objects_that_do_not_multiply_are_refused_by_their_types(function, signal, kernel):
    given = {"signal": signal, "kernel": kernel}
    said = []
    while len(said) < 3:
        try:
            function(**given)
            break
        except TypeError as error:
            said.append(str(error))
        name = said[-1].rpartition("numpy.asarray(")[2].partition(",")[0]
        given[name] = np.asarray(given[name], float)
    assert len(said) in (1, 2)  # both may have to be converted
    for message in said:
        assert re.match(r"signal of \w+.* and kernel of \w+.* do not multiply and add up", message)
