"""A kernel as a person types it: a name, rows of numbers, or a file."""

from __future__ import annotations

import ast
import inspect
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from fftconv import kernels
from fftconv._files import open_file

Kernel = np.ndarray[Any, np.dtype[Any]]


def parse_kernel(text: str, *, normalize: bool = False) -> Kernel:
    """The taps that `text` stands for; ValueError says what is wrong with it."""
    if Path(text).suffix.lower() in (".csv", ".npy"):
        taps = _read_file(Path(text))
    elif text.split("(")[0].strip().isidentifier() and text.strip().lower() not in ("nan", "inf"):
        taps = _build(text)
    else:
        taps = _read_rows(text)
    if taps.ndim != 2 or taps.size == 0:
        raise ValueError(
            f"{_short(text)} makes {' x '.join(map(str, taps.shape)) or 1} taps and a picture needs rows "
            f"and columns; for example 'gaussian((2, 2))', 'difference(axis=0, ndim=2)'"
        )
    if taps.dtype.kind not in "biuf" or not np.isfinite(taps).all():
        raise ValueError(f"{_short(text)} has taps that are not finite real numbers")
    if normalize:
        total = taps.sum()
        if abs(total) <= 1e-12 * np.abs(taps).sum():
            raise ValueError(f"{_short(text)} sums to 0 and cannot be normalized; leave --normalize out")
        taps = taps / total
    return taps


def _read_file(path: Path) -> Kernel:
    if not path.exists():
        raise ValueError(f"{path} is not an existing file")
    try:
        with open_file(path) as file:
            return _load(file, path)
    except OSError as error:
        raise ValueError(f"{path} cannot be read as a kernel: {error.strerror or error}") from error


def _load(file: BinaryIO, path: Path) -> Kernel:
    is_text = path.suffix.lower() == ".csv"
    try:
        if not is_text:
            return cast(Kernel, np.lib.format.read_array(file, allow_pickle=False))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that the file is empty, which the caller tells
            return np.loadtxt(file, delimiter=",", ndmin=2)
    except (ValueError, EOFError):
        what = "rows of equally many numbers with commas between them" if is_text else "an array of numbers"
        raise ValueError(f"{path} does not hold {what}") from None


def _build(text: str) -> Kernel:
    """Call a builder of `fftconv.kernels` with the literal arguments in `text`."""
    try:
        expression = ast.parse(text.strip(), mode="eval").body
    except SyntaxError:
        raise ValueError(f"{_short(text)} is not a name with parameters, such as 'disk(4)'") from None
    call = expression if isinstance(expression, ast.Call) else ast.Call(expression, [], [])
    name = getattr(call.func, "id", "")
    if name not in kernels.__all__:
        raise ValueError(
            f"{_short(text)} names no kernel; choose one of {', '.join(kernels.__all__)}, or type rows of "
            f"numbers"
        )
    builder = getattr(kernels, name)
    signature = inspect.signature(builder)
    form = f"{name}({', '.join(str(p.replace(annotation=p.empty)) for p in signature.parameters.values())})"
    try:
        positional = [ast.literal_eval(argument) for argument in call.args]
        named = {item.arg or "**": ast.literal_eval(item.value) for item in call.keywords}
    except ValueError:
        raise ValueError(
            f"{_short(text)} has parameters that are not plain values; its form is {form}"
        ) from None
    try:
        if len(named) != len(call.keywords):
            raise TypeError("a parameter is given twice")
        check_parameters(signature, positional, named)
        return np.asarray(builder(*positional, **named))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{_short(text)}: {error}; its form is {form}") from error


def check_parameters(signature: inspect.Signature, positional: Sequence[Any], named: Iterable[str]) -> None:
    """TypeError says which parameter is missing, unknown or too much, in words of any notation."""
    parameters = signature.parameters.values()
    by_place = [p.name for p in parameters if p.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
    if len(positional) > len(by_place):
        raise TypeError(f"{len(positional)} values are given without a name, of at most {len(by_place)}")
    given = by_place[: len(positional)]
    for name in named:
        if name not in signature.parameters:
            raise TypeError(f"it has no {name}")
        if name in given:
            raise TypeError(f"{name} is given twice")
    for parameter in parameters:
        if parameter.default is parameter.empty and parameter.name not in (*given, *named):
            raise TypeError(f"{parameter.name} is missing")


def _read_rows(text: str) -> Kernel:
    lines = text.replace("\n", ";").split(";")
    rows = [line.replace(",", " ").split() for line in lines if line.strip()]
    if not rows or len({len(row) for row in rows}) != 1:
        raise ValueError(
            f"{_short(text)} needs rows of equally many numbers, such as '0 -1 0; -1 4 -1; 0 -1 0'"
        )
    try:
        return np.array(rows, float)
    except ValueError:
        raise ValueError(
            f"{_short(text)} is neither numbers, nor a named kernel, nor a .csv or .npy file"
        ) from None


def _short(text: str) -> str:
    """Return what was typed, or the beginning of a long text."""
    return repr(text) if len(text) <= 100 else f"{text[:60]!r}..."
