"""Standard input and output as files: "-" on the command line.

Decoders and encoders seek in files, so the streams are copied from and to files of a private folder.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import click

from fftconv._files import check_target, temporary_folder

STANDARD = Path("-")
_names: dict[str, str] = {}  # by the paths of the files that stand for streams
_COPIED = 2**20  # bytes at a time


def as_path(text: str) -> Path:
    """Convert an argument, of which - means a standard stream and ./- a file of that name."""
    path = Path(text)
    return path.absolute() if path == STANDARD and text != "-" else path


class FilePath(click.Path):
    """A path, in which - is a standard stream."""

    def __init__(self) -> None:
        super().__init__(readable=False)  # one that cannot be read is reported when it is its turn

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path as it was given; an empty one, as of a variable that is not set, is refused."""
        if value == "":
            self.fail("the name is empty", param, ctx)
        return as_path(os.fsdecode(super().convert(value, param, ctx)))


class Output(NamedTuple):
    """The value of -o, which names a file, a folder, or standard output."""

    path: Path
    is_folder: bool


class OutputPath(FilePath):
    """A file, a folder that exists or is written with a slash at its end, or - for standard output."""

    name = "output"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path, and whether it is a folder."""
        if isinstance(value, Output):
            return value
        path, text = super().convert(value, param, ctx), os.fspath(value)
        is_folder = os.path.isdir(path) or os.path.basename(text) in ("", os.curdir, os.pardir)
        return Output(path, is_folder and path != STANDARD)


class StandardFiles:
    """The files that stand for standard input and output while a command runs."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self._stack, self._folder, self._output = stack, Path(), Path()

    def readable(self, path: Path) -> Path:
        """Return the path, or for - the path of a file into which all of standard input is copied."""
        return self._take_in() if path == STANDARD else path

    def writable(self, path: Path, find_suffix: Callable[[], str]) -> Path:
        """Return the path, or for - the path of a file that `deliver` copies to standard output."""
        if path != STANDARD:
            return path
        self._output = self._new(f"standard-output{find_suffix()}", "standard output")
        return self._output

    def deliver(self) -> None:
        """Write the file that stands for standard output, if there is one, to it."""
        if self._output.is_file():
            with _told_of("standard output"), open(self._output, "rb") as file:
                shutil.copyfileobj(file, sys.stdout.buffer, _COPIED)
                sys.stdout.flush()

    def _new(self, name: str, stands_for: str) -> Path:
        if not self._folder.name:
            self._folder = self._stack.enter_context(temporary_folder())
        path = self._folder / name
        _names[str(path)] = stands_for
        return path

    def _take_in(self) -> Path:
        stream = _standard_input()
        path = self._new("standard-input", "standard input")
        with (
            _told_of("standard input", f"cannot be kept in {path.parent.parent}, "),
            open(path, "wb") as file,
        ):
            while True:
                with _told_of("standard input"):
                    part = stream.read(_COPIED)
                if not part:
                    break
                file.write(part)
        if path.stat().st_size == 0:
            raise ValueError("standard input is empty; redirect a file or a pipe into it")
        return path


@contextlib.contextmanager
def standard_files() -> Iterator[StandardFiles]:
    """Provide files for standard streams; they are removed at the end of the block."""
    with contextlib.ExitStack() as stack:
        yield StandardFiles(stack)


def shown(text: object) -> str:
    """Replace the paths of files that stand for streams by the names of the streams."""
    found = str(text)
    for path, name in _names.items():
        found = found.replace(path, name)
    return found


def name_of(path: Path) -> str:
    """Return the name of an input in messages."""
    return "standard input" if path == STANDARD else str(path)


def given(path: Path) -> str:
    """Return the path as it was given, which is - for a file that stands for a stream."""
    return str(STANDARD) if str(path) in _names else str(path)


def check_streams(inputs: tuple[Path, ...], output: Output, *, many: bool, form: str | None) -> None:
    """Refuse what standard streams cannot do, and --format where it chooses nothing."""
    if STANDARD in inputs and len(inputs) > 1:
        raise click.UsageError("- is standard input, and stands alone; name one input, or files")
    if STANDARD in inputs and output.is_folder:
        raise click.UsageError(
            f"standard input has no name to have in the folder {output.path}; name the file to write"
        )
    if output.path != STANDARD:
        if form is not None:
            raise click.UsageError("--format is for -o -; the suffix of a file chooses its format")
        if not many and not output.is_folder and not output.path.suffix:
            check_target(output.path)
            other = (
                "or write to - and redirect standard output to it"
                if os.path.lexists(output.path)
                else f"or, to make it a folder, a / at its end: -o {output.path}/"
            )
            raise click.UsageError(
                f"-o {output.path} has no suffix, which chooses the format; give it one {other}"
            )
        if many and not output.is_folder and output.path.suffix:
            raise click.UsageError(
                f"-o {output.path} is one file, and the inputs may be several; name a folder, with / at "
                f"its end: -o {output.path.with_suffix('')}/"
            )
    elif many:
        raise click.UsageError(
            "-o - takes one input, which is no folder or pattern; name a folder to write to"
        )
    elif sys.stdout is None:
        raise click.UsageError("-o - needs a standard output, and it is closed")
    elif sys.stdout.isatty():
        raise click.UsageError("-o - writes to a terminal; redirect it into a file or a pipe")


def check_form(form: str, suffixes: Collection[str]) -> None:
    """Refuse what --format cannot be, before the work."""
    if f".{form}" not in suffixes:
        accepted = ", ".join(suffix[1:] for suffix in suffixes)
        raise click.UsageError(
            f"--format {form} names no format that can be written; accepted are {accepted}"
        )


def _standard_input() -> BinaryIO:
    if sys.stdin is None:
        raise click.UsageError("- is standard input, and it is closed")
    if sys.stdin.isatty():
        raise click.UsageError(
            "- is standard input, and that is a terminal; redirect a file or a pipe into it"
        )
    return sys.stdin.buffer


@contextlib.contextmanager
def _told_of(stream: str, what: str = "") -> Iterator[None]:
    """Make errors of the system name a stream, and say what could not be done."""
    try:
        yield
    except OSError as error:
        named = error.filename == stream
        raise error if named else OSError(error.errno, f"{what}{error.strerror}", stream) from None
