"""`fftconv`: the top command and what becomes of errors.

A command raises; here a usage error ends with code 2, a failure with code 1, each in one line on
standard error. `--debug` shows the traceback instead.
"""

from __future__ import annotations

import gc
import io
import os
import sys
import warnings
from importlib import import_module

import click
from click.shell_completion import shell_complete

import fftconv
from fftconv.cli.complaints import complain, describe
from fftconv.cli.descriptors import keep_standard_error_for_python, open_missing_descriptors
from fftconv.cli.options import Commands, examples
from fftconv.cli.signals import INTERRUPTED, end_listening, leave, listen, was_heard

USAGE, FAILURE = 2, 1
_NAME, _COMPLETION = "fftconv", "_FFTCONV_COMPLETE"
_OBJECTS = 100_000  # made before cycles are searched for: modules are half as many, and never garbage


_COMMANDS = ("audio", "compare", "dist", "explain", "image", "info", "tune")


class _Commands(Commands):
    """A group whose commands, each a module of its own, are imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"fftconv.cli.{cmd_name}"), cmd_name)
        return command


def _show_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        click.echo(f"fftconv, version {fftconv.__version__}")
        context.exit()


@click.group(
    cls=_Commands,
    invoke_without_command=True,
    epilog=examples(
        "fftconv image blur photo.jpg -o soft.jpg --sigma 2.5",
        "fftconv explain --signal 1e6 --kernel 129",
    ),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version and exit.",
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def cli(context: click.Context, debug: bool) -> None:
    """Convolve signals, images, sounds and distributions, by the fastest of several methods.

    Filter pictures and sounds on disk with `fftconv image` and `fftconv audio`, add up dice with `fftconv
    dist`, see which method a convolution takes and why with `fftconv explain`, hold it against others with
    `fftconv compare`, see what this machine runs it on with `fftconv info`, and let choices fit it with
    `fftconv tune`.
    """
    context.obj = {"debug": debug, "arguments": context.obj or ()}
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def main() -> None:
    """Run the command line and exit with its code. Being told to stop leaves nothing half-written."""
    try:
        listen()
        gc.set_threshold(_OBJECTS)
        open_missing_descriptors()
        if "--debug" not in sys.argv:
            keep_standard_error_for_python()
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
                # A terminal gets \xb5 for a letter that it has not. Where names may be bytes they stay so.
                stream.reconfigure(errors="backslashreplace")
        code = _flushed(run(sys.argv[1:]))
        if code == INTERRUPTED:
            leave()
        end_listening()
    except KeyboardInterrupt:  # before the command, or while an interrupt of it is handled
        leave()
    gc.freeze()  # what is left goes with the process; to search it for cycles takes a tenth of a short one
    sys.exit(code)


def _flushed(code: int) -> int:
    """Flush standard output and return the exit code, which is that of a failure if this fails."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())  # or Python tries again at exit, and prints a traceback
        if code == 0 and not isinstance(error, BrokenPipeError):
            complain(f"standard output: {error.strerror}")
        return code or FAILURE
    return code


def run(arguments: list[str]) -> int:
    """Run the command line; returns the exit code."""
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        return _run(arguments)


def _show_warning(message: Warning | str, *where: object, **more: object) -> None:
    complain(f"warning: {message}")


def _run(arguments: list[str]) -> int:
    completion = os.environ.get(_COMPLETION)
    if completion:
        return shell_complete(cli, {}, _NAME, _COMPLETION, completion)
    try:
        # `cli.main` of click would print an empty line at an interrupt.
        with cli.make_context(_NAME, arguments.copy(), obj=arguments) as context:
            code = cli.invoke(context)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.UsageError as error:
        hint = f" (see {error.ctx.command_path} --help)" if error.ctx else ""
        return _complain(describe(error, cli, arguments) + hint, USAGE)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # whoever reads the output has read enough
        return FAILURE
    except Exception as error:
        if was_heard():  # an interrupt in the locks of Python's threads may end in another error
            return INTERRUPTED
        if "--debug" in arguments:
            raise
        return _complain(describe(error, cli, arguments), FAILURE)
    return code if isinstance(code, int) else 0


def _complain(message: str, code: int) -> int:
    complain(message)
    return code
