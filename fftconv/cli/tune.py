"""`fftconv tune`: measure this machine."""

from __future__ import annotations

import click

from fftconv.cli.options import examples
from fftconv.cli.options import seconds as seconds_type


@click.command(epilog=examples("fftconv tune", "fftconv tune --seconds 10s --no-save"))
@click.option(
    "--seconds",
    type=seconds_type(min=0, min_open=True),
    default=3.0,
    show_default=True,
    help="About how long to measure; every kind of work is timed once.",
)
@click.option(
    "--save/--no-save",
    default=True,
    show_default=True,
    help="Whether to keep what comes out, or to show it alone.",
)
def tune(seconds: float, save: bool) -> None:
    """Measure this machine, so that methods are chosen for it.

    Without this, choices follow rates that were fitted on another machine. Best run with nothing beside it.
    """
    from rich.console import Console
    from rich.progress import Progress
    from rich.table import Table

    from fftconv import tuning

    try:
        console = Console(stderr=True)
        with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task("measuring", total=1.0)
            done = tuning.tune(seconds, save=save, progress=lambda part: bar.update(task, completed=part))
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    table = Table(title="measured over predicted time")
    for name in ("code path", "dtype"):
        table.add_column(name)
    for name in ("timed", "before", "after"):
        table.add_column(name, justify="right")
    for row in done.table():
        table.add_row(*row)
    console = Console(highlight=False)
    console.print(table)
    for line in done.notes():
        console.print(line, soft_wrap=True)
