"""Options that several commands have in common."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NoReturn

import click
from click.shell_completion import CompletionItem

from fftconv._names import METHODS, Parameter, find_advice
from fftconv.cli.streams import FilePath, OutputPath

Command = Callable[..., Any]

_INT64 = 2**63 - 1  # the largest number that arrays can count

INPUTS = click.argument("inputs", metavar="INPUT...", nargs=-1, required=True, type=FilePath())
OUTPUT = click.option(
    "-o",
    "--output",
    metavar="FILE",
    required=True,
    type=OutputPath(),
    help="File to write; or a folder, which exists already, or is made if the name ends with /; or - for "
    "standard output.  An INPUT of - is standard input.",
)
FORMAT = click.option(
    "--format",
    "form",
    metavar="SUFFIX",
    callback=lambda context, option, text: text and text.lower().removeprefix("."),
    help="Format of standard output, such as png or wav; files have that of their suffix  "
    "[default: that of the input]",
)


def total_of(written: int, total: int, others: Mapping[str, int]) -> str:
    """Return the last line of a batch, which counts the files that were written and the others."""
    told = [f"{count} {what}" for what, count in others.items() if count]
    return ", ".join([f"{written} of {total} files written", *told])


def all_of(*options: Command) -> Command:
    """One decorator for several, which appear in this order."""
    return lambda command: functools.reduce(
        lambda decorated, option: option(decorated), reversed(options), command
    )


def examples(*commands: str) -> str:
    """Return the end of a help page, made of commands that run as written."""
    return "\b\nExamples:\n" + "\n".join(f"  {command}" for command in commands)


class Commands(click.Group):
    """A group that names the nearest command where none has the name that was typed."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which one may be meant."""
        if not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            from difflib import get_close_matches

            names = {name: name for name in self.list_commands(ctx)}
            for name in list(names):
                command = self.get_command(ctx, name)
                if isinstance(command, click.Group):
                    names |= {
                        each: f"{name} {each}" for each in command.list_commands(ctx) if each not in names
                    }
            near = get_close_matches(args[0], names, 1)
            hint = f"; did you mean {ctx.command_path} {names[near[0]]}?" if near else ""
            ctx.fail(f"No such command {args[0]!r}{hint}")
        return super().resolve_command(ctx, args)


class Name(click.Choice[str]):
    """One of some names; an error about another library's boundary, mode or method says ours."""

    def __init__(self, parameter: Parameter, choices: Sequence[str]) -> None:
        super().__init__(choices)
        self._parameter = parameter

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name, or raise a usage error."""
        if isinstance(value, str) and value not in self.choices:
            advice = find_advice(self._parameter, value, self.choices)
            if advice is not None:
                self.fail(f"{value!r} {advice}", param, ctx)
        return super().convert(value, param, ctx)


METHOD = click.option(
    "--method",
    type=Name("method", METHODS),
    default="auto",
    show_default=True,
    help="How to convolve; auto takes the fastest.",
)


def _typed(value: Any) -> str:
    """Return what was typed, or the beginning of a long text."""
    text = str(value)
    return repr(text) if len(text) <= 60 else f"{text[:60]!r}..."


class Number(click.FloatRange):
    """A finite number, or one with a unit: 0.3, 300ms.

    `units` maps each unit to a factor and a divisor, whose order keeps 300 / 1000 correctly rounded.
    """

    _FORM = re.compile(r"([-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[-+]?[0-9]+)?) *([^0-9\s.]*)", re.IGNORECASE)

    def __init__(
        self,
        name: str = "number",
        accepted: str = "a number, such as 0.5",
        units: dict[str, tuple[int, int]] | None = None,
        **limits: Any,
    ) -> None:
        super().__init__(**limits)
        self.name = name
        self._accepted, self._units = accepted, {"": (1, 1)} | (units or {})

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number in the first unit, or raise a usage error."""
        if isinstance(value, (int, float)):  # a default
            return float(value)
        found = self._FORM.fullmatch(value.strip())
        unit = self._units.get(found[2].lower()) if found else None
        if found is None or unit is None:
            self._fail(value, param, ctx)
        number = float(found[1]) * unit[0] / unit[1]
        below = self.min is not None and (number <= self.min if self.min_open else number < self.min)
        above = self.max is not None and number > self.max
        if not math.isfinite(number) or below or above:
            self._fail(value, param, ctx)
        return number

    def _fail(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> NoReturn:
        limits = self._describe_range()
        accepted = f"{self._accepted}{limits and f', {limits}'}"
        self.fail(f"{_typed(value)} is not accepted; give {accepted}", param, ctx)

    def _describe_range(self) -> str:
        """Say the limits in words, for the help as well."""
        low = "" if self.min is None else f"{'above' if self.min_open else 'from'} {self.min:g}"
        high = "" if self.max is None else f"{'to' if low else 'up to'} {self.max:g}"
        return " ".join(part for part in (low, high) if part)


_SECONDS = {
    "s": (1, 1),
    "ms": (1, 1000),
    "us": (1, 10**6),
    "µs": (1, 10**6),
    "μs": (1, 10**6),
    "min": (60, 1),
}
_HERTZ = {"hz": (1, 1), "khz": (1000, 1), "mhz": (10**6, 1)}

seconds = functools.partial(Number, "seconds", "seconds, such as 0.3, 300ms or 2min", _SECONDS)
hertz = functools.partial(Number, "hz", "Hz, such as 440 or 1.2kHz", _HERTZ)
decibels = functools.partial(Number, "db", "decibels, such as 6 or 6dB", {"db": (1, 1)})
pixels = functools.partial(Number, "pixels", "pixels, such as 2.5 or 2.5px", {"px": (1, 1)})
degrees = functools.partial(Number, "degrees", "degrees, such as 30 or 30deg", {"deg": (1, 1), "°": (1, 1)})


class Count(click.IntRange):
    """A whole number between limits, with a unit behind it or without."""

    name = "n"

    def __init__(self, least: int, most: int = _INT64, unit: str = "") -> None:
        super().__init__(least, most)
        self._least, self._most, self._unit = least, most, unit

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number, or raise a usage error."""
        try:
            number = int(str(value).lower().strip().removesuffix(self._unit))
        except ValueError:
            number = self._least - 1
        if not self._least <= number <= self._most:
            with_unit = f", such as 5 or 5{self._unit}," if self._unit else ""
            accepted = f"a whole number{with_unit} {self._describe_range()}"
            self.fail(f"{_typed(value)} is not accepted; give {accepted}", param, ctx)
        return number

    def _describe_range(self) -> str:
        """Say the limits in words, for the help as well."""
        return f"from {self._least}{'' if self._most == _INT64 else f' to {self._most}'}"


WORKERS = Count(1, 1024)


class Bytes(click.ParamType[int]):
    """A number of bytes as people write it: 500M, 2GB, 1.5GiB."""

    name = "size"
    _UNITS: ClassVar = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
    _BINARY: ClassVar = {"KI": 2**10, "MI": 2**20, "GI": 2**30, "TI": 2**40}

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number, or a usage error."""
        found = re.fullmatch(r"([0-9.]+) *([KMGT]?I?)B?", str(value).strip().upper())
        try:
            if found is None:
                raise ValueError
            count = int(float(found[1]) * (self._UNITS | self._BINARY)[found[2]])
        except (ValueError, KeyError, OverflowError):
            count = 0
        if not 1 <= count <= _INT64:
            self.fail(f"{_typed(value)} is no size; write for example 500M or 2GiB", param, ctx)
        return count


class Dtype(click.ParamType[str]):
    """The name of a type of numbers."""

    name = "dtype"

    def __init__(self, kinds: str = "biufc") -> None:
        self._kinds = kinds

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name, or raise a usage error."""
        import numpy as np  # when it is used, and not for the help

        try:
            dtype = np.dtype(value)
        except Exception:  # NumPy raises errors of many types
            dtype = np.dtype("V1")
        if dtype.kind not in self._kinds or dtype.shape:
            names = "float32, float64, complex64, uint8 or int64"
            self.fail(f"{_typed(value)} is no type of numbers; write for example {names}", param, ctx)
        return str(value)


class Names(click.ParamType["str | tuple[str, ...]"]):
    """Words between commas, each of them one of `choices()`; or one that stands for several."""

    name = "names"

    def __init__(self, choices: Callable[[], Sequence[str]], several: str, nothing: str = "") -> None:
        self._choices, self._several, self._nothing = choices, several, nothing

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> str | tuple[str, ...]:
        """Return the words, or raise a usage error."""
        if value == self._several:
            return self._several
        if self._nothing and value == self._nothing:
            return ()
        words, choices = tuple(part.strip() for part in value.split(",")), self._choices()
        for word in words:
            if word not in choices:
                others = ", ".join(filter(None, (self._several, self._nothing)))
                self.fail(
                    f"{_typed(word)} is not accepted; give {others}, or some of these between commas: "
                    f"{', '.join(choices)}",
                    param,
                    ctx,
                )
        return words

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Complete the last word."""
        before, comma, last = incomplete.rpartition(",")
        words = [*([] if comma else [self._several, self._nothing]), *self._choices()]
        return [CompletionItem(before + comma + word) for word in words if word and word.startswith(last)]


class Shape(click.ParamType[tuple[int, ...]]):
    """Lengths of the axes: 1000000, 1e6, 1920x1080."""

    name = "shape"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        """The lengths, or a usage error."""
        from fractions import Fraction  # 3 ms that other commands need not take

        text = str(value).lower()
        is_huge = re.search(r"e[-+]?[0-9]{3}", text)  # powers that take for ever
        try:
            lengths = [] if is_huge else [Fraction(part) for part in text.split("x")]
        except (ValueError, ZeroDivisionError):
            lengths = []
        if not lengths or not all(1 <= n <= _INT64 and n.denominator == 1 for n in lengths):
            self.fail(f"{_typed(value)} is no shape; write 1000000, 1e6 or 1920x1080", param, ctx)
        return tuple(int(length) for length in lengths)


class _Kernel(click.ParamType[str]):
    """A kernel as a person types it; names of kernels and files are completed."""

    name = "kernel"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Complete the names of kernels, or else those of files."""
        from fftconv import kernels

        names = [name for name in kernels.__all__ if name.startswith(incomplete)]
        return [*map(CompletionItem, names)] or [CompletionItem(incomplete, type="file")]


KERNEL = _Kernel()


def read_picture(path: Path, max_pixels: int | None = None) -> Any:
    """Return the pixels of a file that holds one picture."""
    from fftconv.image import read_frames
    from fftconv.image.jpeg import MOST_PIXELS

    frames, _ = read_frames(path, max_pixels=max_pixels or MOST_PIXELS)
    if len(frames) > 1:
        raise ValueError(f"{path}: holds {len(frames)} frames; give a picture of one")
    return frames[0]


def check_axes(
    signal: tuple[int, ...], kernel: tuple[int, ...], axes: tuple[int, ...] | None = None
) -> None:
    """Refuse axes that the signal has not, and a kernel that does not lie along them."""
    if axes and not all(-len(signal) <= axis < len(signal) for axis in axes):
        raise click.UsageError(
            f"--axes {','.join(map(str, axes))} does not fit --signal {_lengths(signal)}; give axes from "
            f"{-len(signal)} to {len(signal) - 1}"
        )
    if len(kernel) == len(signal):
        taken = range(-len(signal), len(signal)) if axes is None else axes
        for axis, (samples, taps) in enumerate(zip(signal, kernel, strict=True)):
            if (
                axis not in taken
                and axis - len(signal) not in taken
                and samples != 1
                and taps not in (1, samples)
            ):
                raise click.UsageError(
                    f"--kernel {_lengths(kernel)} has the length {taps} along axis {axis}, which --axes "
                    f"leaves out; give 1 there"
                )
        return
    if axes is not None and len(kernel) == len(axes):
        return
    count = {1: "1 axis"}
    found = f"--kernel {_lengths(kernel)} has {count.get(len(kernel), f'{len(kernel)} axes')}"
    if axes is not None:
        named = ",".join(map(str, axes))
        raise click.UsageError(f"{found} and --axes {named} names {len(axes)}; give as many")
    raise click.UsageError(
        f"{found} and --signal {_lengths(signal)} has {len(signal)}; give both as many lengths, 1 for an "
        "axis that is left alone"
    )


def _lengths(shape: tuple[int, ...]) -> str:
    """Write a shape as it is typed."""
    return "x".join(map(str, shape))
