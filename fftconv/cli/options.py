"""Options that several commands have in common."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Literal

import click

from fftconv.cli.streams import FilePath, OutputPath

Command = Callable[..., Any]

POSITIVE = click.FloatRange(min=0, min_open=True)
INPUTS = click.argument("inputs", metavar="INPUT...", nargs=-1, required=True, type=FilePath())
OUTPUT = click.option(
    "-o",
    "--output",
    metavar="FILE",
    required=True,
    type=OutputPath(),
    help="File to write; a folder, which exists or ends with /, and is made; or - for standard output, as "
    "an INPUT of - is standard input.",
)
FORMAT = click.option(
    "--format",
    "form",
    metavar="SUFFIX",
    callback=lambda context, option, text: text and text.lower().removeprefix("."),
    help="Of -o -, such as png or wav; a file has that of its suffix  [default: that of the input]",
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


class Name(click.Choice[str]):
    """The name of a mode, boundary or method; for one of another library the error names ours."""

    def __init__(self, parameter: Literal["mode", "boundary", "method"], choices: Sequence[str]) -> None:
        super().__init__(choices)
        self._parameter: Literal["mode", "boundary", "method"] = parameter

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name, or a usage error."""
        if isinstance(value, str) and value not in self.choices:
            from fftconv._names import find_advice  # with NumPy, which usage errors alone need

            advice = find_advice(self._parameter, value, tuple(self.choices))
            if advice is not None:
                self.fail(f"{value!r} {advice}", param, ctx)
        return super().convert(value, param, ctx)


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
        except (ValueError, KeyError):
            self.fail(f"{value!r} is no size; write for example 500M or 2GiB", param, ctx)
        return count


class Shape(click.ParamType[tuple[int, ...]]):
    """Lengths of the axes: 1000000, 1e6, 1920x1080."""

    name = "shape"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        """The lengths, or a usage error."""
        from fractions import Fraction  # 3 ms that other commands need not take

        try:
            lengths = [Fraction(part) for part in str(value).lower().split("x")]
        except (ValueError, ZeroDivisionError):
            lengths = []
        if not lengths or not all(length >= 1 and length.denominator == 1 for length in lengths):
            self.fail(f"{value!r} is no shape; write 1000000, 1e6 or 1920x1080", param, ctx)
        return tuple(int(length) for length in lengths)
