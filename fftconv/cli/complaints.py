"""How an error reads on the command line: one line, led by the file if there is one."""

from __future__ import annotations

import click


def describe(error: Exception) -> str:
    """What went wrong, without the type and number of the exception."""
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error) or type(error).__name__


def complain(message: str) -> None:
    """Print one line on standard error."""
    click.echo(f"fftconv: {' '.join(message.split())}", err=True)
