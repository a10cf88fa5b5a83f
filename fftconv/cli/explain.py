"""`fftconv explain`: the plan of a convolution, from shapes."""

from __future__ import annotations

import json
from typing import Any

import click

from fftconv._boundary import BOUNDARIES
from fftconv._fft import PROVIDERS
from fftconv._geometry import MODES
from fftconv.cli.options import Name, Shape
from fftconv.planning import METHODS, ConvolutionPlan, plan_convolution


def _axes(context: click.Context, option: click.Parameter, text: str | None) -> tuple[int, ...] | None:
    """Numbers between commas."""
    try:
        return None if text is None else tuple(int(part) for part in text.split(","))
    except ValueError:
        message = f"{text!r} is not whole numbers between commas, such as 0,1"
        raise click.BadParameter(message) from None


@click.command()
@click.option(
    "--signal",
    metavar="SHAPE",
    type=Shape(),
    required=True,
    help="Shape of the signal: 1000000, 1e6, 1920x1080.",
)
@click.option("--kernel", metavar="SHAPE", type=Shape(), required=True, help="Shape of the kernel.")
@click.option(
    "--dtype", default="float64", show_default=True, help="Of both: float32, uint8, complex64, ..."
)
@click.option("--mode", type=Name("mode", MODES), default="full", show_default=True)
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
@click.option("--method", type=Name("method", METHODS), default="auto", show_default=True)
@click.option("--stride", type=int, default=1, show_default=True)
@click.option("--dilation", type=int, default=1, show_default=True)
@click.option(
    "--accuracy", type=click.Choice(("normwise", "componentwise")), default="normwise", show_default=True
)
@click.option("--workers", type=click.IntRange(min=1), help="Threads  [default: all cores]")
@click.option("--max-memory", type=click.IntRange(min=0), metavar="BYTES", help="Of working memory.")
@click.option("--fft-provider", type=click.Choice(PROVIDERS), help="Who transforms.")
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON.")
def explain(as_json: bool, signal: tuple[int, ...], kernel: tuple[int, ...], **options: Any) -> None:
    """Show which method a convolution takes, how long, and why."""
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
