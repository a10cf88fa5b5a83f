"""How an error reads on the command line: one line, led by the file if there is one."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import click

from fftconv.cli.options import Shape
from fftconv.cli.streams import shown


def describe(error: Exception, root: click.Command, arguments: Iterable[str], *names: object) -> str:
    """What went wrong, without the type and number of the exception, in the words of the command line.

    Arguments of Python, such as max_pixels=5, are called what they are there: --max-pixels 5. What the
    person has written, and `names` of files, are left as they are.
    """
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    if isinstance(error, MemoryError):
        size = re.search(r"allocate ([0-9.]+ \w+)", str(error))  # of an array of NumPy
        needed = f"{size[1]} more are needed" if size else str(error)
        return f"not enough memory{needed and f': {needed}'}"
    message = error.format_message() if isinstance(error, click.ClickException) else str(error)
    if not message:
        return type(error).__name__
    command = _invoked(root, arguments)
    given = [part for word in (*arguments, *map(str, names)) for part in _parts(word)]
    kept = sorted({part for part in given if _with_flags(part, command) != part}, key=len, reverse=True)
    if not kept:
        return _with_flags(message, command)
    pieces = re.split(f"({'|'.join(map(re.escape, kept))})", message)
    return "".join(piece if n % 2 else _with_flags(piece, command) for n, piece in enumerate(pieces))


def describe_here(error: Exception, *names: object) -> str:
    """The same, inside of a command."""
    root = click.get_current_context().find_root()
    return describe(error, root.command, root.obj["arguments"], *names)


def describe_of_file(error: Exception, *names: object) -> str:
    """Describe the error of one file among several, and put its name before a message that lacks it."""
    message, shown_names = shown(describe_here(error, *names)), tuple(map(shown, names))
    return message if message.startswith(shown_names) else f"{shown_names[0]}: {message}"


def _parts(word: str) -> list[str]:
    """What a message may show of an argument: itself, the folders above it, the steps of a pipeline."""
    return [word, *map(str, Path(word).parents), *map(str.strip, word.split("|"))]


def _with_flags(message: str, command: click.Command) -> str:
    message = re.sub(
        r"\bwith sample_rate=([\w.+-]+)", r"at \1 Hz", message
    )  # which a file says, and no flag
    message = re.sub(r"\bsample_rate\b", "the sample rate", message)
    for option in command.params:
        if isinstance(option, click.Option) and option.name:
            flag, name = max(option.opts, key=len), rf"(?<![\w/.-]){option.name}(?:_shape)?"
            if option.is_flag:
                message = re.sub(f"{name}=True", flag, message)
                for off in option.secondary_opts:
                    message = re.sub(f"{name}=False", off, message)
            else:
                typed = partial(_as_option, option, flag)
                message = re.sub(rf"{name}=(\([^)]*\)|'[^']*'|[^\s;,]+)", typed, message)
            if "_" in option.name:  # which is no word
                message = re.sub(rf"{name}\b(?!=)", flag, message)
            else:  # a word, except where something is said of it
                message = re.sub(rf"(^|: ){option.name}(?= (?:has|holds|sums)\b)", rf"\1{flag}", message)
                message = re.sub(rf"\bleave {option.name} out\b", f"leave {flag} out", message)
    return message


def _as_option(option: click.Option, flag: str, found: re.Match[str]) -> str:
    """Write the option with its value as typed: a text bare, (1, 2) as 1,2, 1x2 or the option twice."""
    if not found[1].startswith("("):
        return flag + " " + found[1].strip("',")
    between = f" {flag} " if option.multiple else "x" if isinstance(option.type, Shape) else ","
    parts = re.sub("[()' ]", "", found[1]).strip(",").split(",")
    return f"{flag} {between.join(parts)}"


def _invoked(command: click.Command, arguments: Iterable[str]) -> click.Command:
    """The command that these arguments name, of all those in a group."""
    for word in arguments:
        if not isinstance(command, click.Group):
            break
        command = command.get_command(click.Context(command), word) or command
    return command


def complain(message: str) -> None:
    """Print one line on standard error."""
    lines = filter(None, map(str.strip, message.splitlines()))
    tell(f"fftconv: {' '.join(lines)}", err=True)


def tell(message: str, *, err: bool = False) -> None:
    """Print one line on standard output, or on standard error; if that cannot be written, go on without."""
    try:
        click.echo(printable(shown(message)), err=err)
    except OSError:  # of a full disk, or a descriptor for reading
        if not err:
            raise
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stderr.fileno())  # or Python tries again at exit, and changes the code
        os.close(nowhere)


def printable(text: str) -> str:
    """Escape what would break a line or command a terminal, as a name of a file may."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", lambda found: ascii(found[0])[1:-1], text)
