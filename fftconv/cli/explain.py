"""`fftconv explain`: the plan of a convolution, from shapes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from fftconv._fft import PROVIDERS
from fftconv._geometry import MODES
from fftconv._names import BOUNDARIES
from fftconv.cli.options import (
    METHOD,
    WORKERS,
    Bytes,
    Count,
    Dtype,
    Name,
    Shape,
    check_axes,
    examples,
)

if TYPE_CHECKING:
    from fftconv.planning import ConvolutionPlan

_MOST_AXES = 65  # more than an array of NumPy has


def _axes(context: click.Context, option: click.Parameter, text: str | None) -> tuple[int, ...] | None:
    """Numbers between commas."""
    try:
        axes = None if text is None else tuple(int(part) for part in text.split(","))
    except ValueError:
        axes = (_MOST_AXES,)
    if axes and max(map(abs, axes)) >= _MOST_AXES:
        shown = repr(text) if len(str(text)) <= 60 else f"{str(text)[:60]!r}..."
        raise click.BadParameter(f"{shown} is not whole numbers between commas, such as 0,1")
    return axes


@click.command(
    epilog=examples(
        "fftconv explain --signal 1e6 --kernel 129 --dtype float32",
        "fftconv explain --signal 1920x1080 --kernel 15x15 --mode same --json",
    )
)
@click.option(
    "--signal",
    metavar="SHAPE",
    type=Shape(),
    required=True,
    help="Shape of the signal: 1000000, 1e6, 1920x1080.",
)
@click.option("--kernel", metavar="SHAPE", type=Shape(), required=True, help="Shape of the kernel.")
@click.option(
    "--dtype",
    type=Dtype("biufcO"),
    default="float64",
    show_default=True,
    help="Type of both: float32, uint8, complex64 or another.",
)
@click.option(
    "--mode", type=Name("mode", MODES), default="full", show_default=True, help="Size of the output."
)
@click.option(
    "--boundary",
    type=Name("boundary", BOUNDARIES),
    default="zero",
    show_default=True,
    help="What stands beyond the edges.",
)
@click.option(
    "--axes", metavar="AXES", callback=_axes, help="Axes to convolve, such as 0,1  [default: all]"
)
@METHOD
@click.option("--stride", type=Count(1), default=1, show_default=True, help="Keep every Nth output.")
@click.option(
    "--dilation", type=Count(1), default=1, show_default=True, help="Samples from one tap to the next."
)
@click.option(
    "--accuracy",
    type=click.Choice(("normwise", "componentwise")),
    default="normwise",
    show_default=True,
    help="Whether the error is bounded for the whole result, or for each output.",
)
@click.option("--workers", type=WORKERS, help="Threads  [default: all cores]")
@click.option("--max-memory", type=Bytes(), help="Working memory to use, such as 500M.")
@click.option(
    "--fft-provider",
    type=click.Choice(PROVIDERS),
    help="Library that computes Fourier transforms.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON.")
def explain(as_json: bool, signal: tuple[int, ...], kernel: tuple[int, ...], **options: Any) -> None:
    """Show which method a convolution takes, how long, and why."""
    from fftconv.planning import plan_convolution

    check_axes(signal, kernel, options["axes"])
    try:
        plan = plan_convolution(signal, kernel, **options)
    except (ValueError, TypeError) as error:
        raise click.UsageError(str(error)) from error
    if as_json:
        click.echo(json.dumps(plan.to_dict(), indent=2))
    else:
        _print(plan)


def _print(plan: ConvolutionPlan) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    facts = Table(show_header=False, box=None, pad_edge=False)
    facts.add_column(style="bold")
    facts.add_column(overflow="fold")
    for name, text in plan.facts():
        facts.add_row(name, text)
    console.print(facts)
    candidates = Table()
    candidates.add_column("candidate")
    candidates.add_column("time", justify="right")
    candidates.add_column("memory", justify="right")
    candidates.add_column("verdict", overflow="fold")
    for method, *row in plan.table():
        candidates.add_row(method, *row, style="bold" if method == plan.method else None)
    console.print(candidates)
