"""`fftconv tune`: measure this machine."""

from __future__ import annotations

import click

from fftconv import tuning


@click.command()
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=3.0,
    show_default=True,
    help="About how long to measure; every kind of work is timed once.",
)
@click.option("--no-save", is_flag=True, help="Show what comes out and keep nothing.")
def tune(seconds: float, no_save: bool) -> None:
    """Measure this machine, so that the choice of method fits it.

    Without this, choices follow rates that were fitted on another machine. Best run with nothing beside it.
    """
    from rich.console import Console
    from rich.progress import Progress
    from rich.table import Table

    try:
        with Progress(console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("measuring", total=1.0)
            done = tuning.tune(
                seconds, save=not no_save, progress=lambda part: bar.update(task, completed=part)
            )
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
