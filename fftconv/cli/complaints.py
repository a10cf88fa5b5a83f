"""How an error reads on the command line: one line, led by the file if there is one."""

from __future__ import annotations

import re

import click


def describe(error: Exception, command: click.Command) -> str:
    """What went wrong, without the type and number of the exception, in the words of a command."""
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror}"
    text = error.format_message() if isinstance(error, click.ClickException) else str(error)
    return _with_flags(text, command) if text else type(error).__name__


def _with_flags(message: str, command: click.Command) -> str:
    """With arguments of Python, such as max_pixels=5, as they are given here: --max-pixels 5."""
    for option in command.params:
        if isinstance(option, click.Option) and option.name:
            flag, name = max(option.opts, key=len), rf"(?<![\w/.-]){option.name}"
            value, said = ("True", flag) if option.is_flag else (r"(['\"]?)([^\s'\";,]+)\1", rf"{flag} \2")
            message = re.sub(f"{name}={value}", said, message)
            if "_" in option.name:  # which is no word
                message = re.sub(rf"{name}\b(?!=)", flag, message)
    return message


def invoked(command: click.Command, arguments: list[str]) -> click.Command:
    """The command that these arguments name, of all those in a group."""
    for word in arguments:
        if not isinstance(command, click.Group):
            break
        command = command.get_command(click.Context(command), word) or command
    return command


def complain(message: str) -> None:
    """Print one line on standard error."""
    click.echo(f"fftconv: {' '.join(message.split())}", err=True)
