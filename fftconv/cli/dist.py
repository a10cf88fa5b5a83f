"""`fftconv dist`: sums of dice and of distributions in files."""

from __future__ import annotations

import csv
import io
import math
import os
import shutil
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fftconv._files import complete_file

if TYPE_CHECKING:
    from fftconv.probability import Pmf

_ROWS = 40


@click.command()
@click.argument("terms", nargs=-1, required=True, metavar="DICE | sum FILE...")
@click.option(
    "--at-least", "bounds", multiple=True, metavar="VALUE", help="Print how likely this or more is."
)
@click.option(
    "--plot", type=click.Path(dir_okay=False), metavar="FILE", help="Draw the distribution into a picture."
)
@click.option(
    "--csv",
    "table",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Write values and probabilities.",
)
@click.option("--exact", is_flag=True, help="Compute, and write, exact fractions.")
def dist(
    terms: tuple[str, ...], bounds: tuple[str, ...], plot: str | None, table: str | None, exact: bool
) -> None:
    """The distribution of a sum of dice, or of independent variables in files.

    \b
    fftconv dist "3d6+2d8-1" --at-least 20
    fftconv dist sum a.csv b.csv --csv total.csv

    A file has a value and its probability in each row, between them a comma.
    """
    from fftconv.probability import Pmf, sum_independent  # other commands need none of it
    from fftconv.probability.drawing import chart

    if terms[0] == "sum":
        if len(terms) < 2:
            raise click.UsageError("sum needs at least one file")
        total = sum_independent([_read(name, exact=exact) for name in terms[1:]])
    elif len(terms) == 1:
        total = Pmf.parse(terms[0], exact=exact)
    else:
        raise click.UsageError(f"expected one text of dice, such as '3d6+2d8-1', got {len(terms)}")
    for line in chart(total, shutil.get_terminal_size().columns, _ROWS):
        click.echo(line)
    click.echo(f"mean {float(total.mean()):.6g}, standard deviation {total.std():.6g}")
    for bound in bounds:
        value = _number(bound)
        likely = total.at_least(value)
        click.echo(f"at least {bound}: {likely if exact else format(likely, '.10g')}")
    if table is not None:
        _write(total, Path(table))
    if plot is not None:
        axes = total.plot()
        axes.set_title(" ".join(terms))
        suffix = os.path.splitext(plot)[1].lstrip(".") or "png"
        buffer = io.BytesIO()
        axes.figure.savefig(buffer, format=suffix, dpi=150)
        with complete_file(Path(plot)) as file:
            file.write(buffer.getvalue())


def _number(text: str) -> float | int:
    try:
        number = float(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is no number", param_hint="--at-least") from None
    return int(number) if number.is_integer() else number


def _read(name: str, *, exact: bool) -> Pmf:
    """A distribution from a file of values and probabilities."""
    from fftconv.probability import Pmf

    pairs: dict[Any, Any] = {}
    with open(name, newline="", encoding="utf-8-sig") as file:
        for number, row in enumerate(csv.reader(file), start=1):
            if not row or (number == 1 and not _is_number(row[0])):  # empty, or the names of the columns
                continue
            if len(row) != 2 or not all(map(_is_number, row)):
                raise ValueError(
                    f"{name}: line {number} is {','.join(row)!r}, expected a value and its probability"
                )
            value = _fraction(row[0])
            pairs[value] = pairs.get(value, 0) + (_fraction(row[1]) if exact else float(_fraction(row[1])))
    if not pairs:
        raise ValueError(f"{name}: holds no values; each row is a value and its probability")
    return Pmf.from_dict(pairs)


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(_fraction(text)))
    except (ValueError, ZeroDivisionError):
        return False


def _fraction(text: str) -> Fraction:
    return Fraction(text.strip())


def _write(total: Pmf, target: Path) -> None:
    text = io.StringIO(newline="")
    rows = csv.writer(text)
    rows.writerow(["value", "probability"])
    rows.writerows(total.to_dict().items())
    with complete_file(target) as file:
        file.write(text.getvalue().encode())
