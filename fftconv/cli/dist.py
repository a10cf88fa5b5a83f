"""`fftconv dist`: sums of dice and of distributions in files."""

from __future__ import annotations

import csv
import io
import math
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from fftconv._files import check_target, complete_file, open_file
from fftconv.cli.options import examples
from fftconv.cli.streams import STANDARD, as_path, name_of, standard_files

if TYPE_CHECKING:
    from fftconv.probability import Pmf

_ROWS = 40
_MASS = 1e-9  # that probabilities may miss of 1
_SMALLEST_FLOAT = 1e-300  # with all of its digits


class _Dice(click.Command):
    """A command that takes arguments such as -d6+10, which are dice and no options."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put a space before the minus of dice, up to "--", behind which no argument is an option."""
        with_value = {
            flag
            for option in self.params
            if isinstance(option, click.Option) and not option.is_flag
            for flag in option.opts
        }
        end = args.index("--") if "--" in args else len(args)
        dice = [
            f" {word}" if re.match(r"-\s*[0-9dD%(]", word) and before not in with_value else word
            for before, word in zip(["", *args], args[:end], strict=False)
        ]
        return super().parse_args(ctx, dice + args[end:])


def _complete_terms(
    context: click.Context, argument: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete the word sum, and files behind it."""
    terms = context.params.get("terms") or ()
    return [CompletionItem(incomplete, type="file") if terms[:1] == ("sum",) else CompletionItem("sum")]


@click.command(
    cls=_Dice,
    epilog=examples(
        'fftconv dist "3d6+2d8-1" --at-least 20', "fftconv dist sum a.csv b.csv --csv total.csv"
    ),
)
@click.argument(
    "terms", nargs=-1, required=True, metavar="DICE | sum FILE...", shell_complete=_complete_terms
)
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
@click.option("--exact", is_flag=True, help="Compute, print and write exact fractions.")
def dist(
    terms: tuple[str, ...], bounds: tuple[str, ...], plot: str | None, table: str | None, exact: bool
) -> None:
    """Add up dice, or independent variables in files.

    \b
    3d6, d6, d%      three dice of 6 sides, one, one of 100
    4d6kh3, 2d20kl1  keep the highest 3 of 4 dice, the lowest of 2; k is kh
    4d6dl1, 4d6dh1   drop the lowest of 4 dice, the highest
    2d6*3, 3x2d6     multiply with a whole number
    -d6+10           subtract
    "2d6 >= 9"       how likely that is, in one line; also <=, >, <, =, !=
    "1d20 > 1d12"    dice against dice

    Put dice in quotes: a shell would read > as the name of a file to write, and * as a pattern.

    A file has a value and its probability in each row, between them a comma, as 0.5,1/3; the FILE - is
    standard input.
    """
    with _all_digits():
        _run(terms, bounds, plot, table, exact)


@contextmanager
def _all_digits() -> Iterator[None]:
    """Let exact fractions be read and printed whole, which Python refuses beyond 4300 digits."""
    limit = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        yield
    finally:
        sys.set_int_max_str_digits(limit)


def _run(
    terms: tuple[str, ...], bounds: tuple[str, ...], plot: str | None, table: str | None, exact: bool
) -> None:
    from fftconv.probability import Pmf, sum_independent  # other commands need none of it
    from fftconv.probability.dice import is_comparison

    if plot is not None:
        from fftconv._pictures import check_picture

        suffix = check_picture(Path(plot))
    if table is not None:
        check_target(Path(table))
    is_question = False
    if terms[0] == "sum":
        if len(terms) < 2:
            raise click.UsageError("sum needs at least one file")
        paths = [as_path(term) for term in terms[1:]]
        if paths.count(STANDARD) > 1:
            raise click.UsageError("- is standard input, which can be read once; name it once")
        total = sum_independent([_read(path, exact=exact) for path in paths])
    elif len(terms) == 1:
        notation = terms[0].strip()
        total, is_question = Pmf.parse(notation, exact=exact), is_comparison(notation)
    else:
        raise click.UsageError(
            f'expected one text of dice, got {len(terms)}; put it in quotes, such as "2d6 >= 9"'
        )
    values = [(bound.strip(), _number(bound)) for bound in bounds]
    if is_question:
        click.echo(f"{notation}: {_likely(total, total._first_from(1))}")
    else:
        _print(total)
    for bound, value in values:
        click.echo(f"at least {bound}: {_likely(total, total._first_from(value))}")
    if table is not None:
        _write(total, Path(table))
    if plot is not None:
        axes = total.plot()
        axes.set_title(" ".join(terms), parse_math=False)
        buffer = io.BytesIO()
        axes.figure.savefig(buffer, format=suffix, dpi=150)
        with complete_file(Path(plot)) as file:
            file.write(buffer.getvalue())


def _print(total: Pmf) -> None:
    """Print the table, the mean and the standard deviation."""
    from fftconv.probability.drawing import chart

    for line in chart(total, shutil.get_terminal_size().columns, _ROWS):
        click.echo(line)
    if total.is_exact:
        click.echo(f"mean {total.mean()}, standard deviation {_root(total.var())}")
    else:
        click.echo(f"mean {float(total.mean()):.6g}, standard deviation {total.std():.6g}")


def _root(square: Fraction) -> str:
    """The square root of a fraction: a fraction, or as the root that it is."""
    top, bottom = math.isqrt(square.numerator), math.isqrt(square.denominator)
    if Fraction(top, bottom) ** 2 == square:
        return str(Fraction(top, bottom))
    return f"sqrt({square})"


def _likely(total: Pmf, first: int) -> str:
    """Write the probability of the lattice points from `first` on: ten digits, or three beyond floats."""
    from fftconv.probability.drawing import SMALL, decimal_text

    part = slice(first, None)
    if total.is_exact:
        return str(total._sum(part))
    mantissa, exponent = total._mass(part)
    if exponent > 0 or (mantissa == 0.5 and exponent == 1):
        return "1"
    return decimal_text(mantissa, exponent, 10 if exponent > SMALL else 3)


def _number(text: str) -> Fraction:
    if not _is_number(text):
        raise click.BadParameter(f"{text.strip()!r} is no number", param_hint="--at-least")
    return _fraction(text)


def _read(path: Path, *, exact: bool) -> Pmf:
    """A distribution from a file of values and probabilities."""
    from fftconv.probability import Pmf
    from fftconv.probability.exact import shortly

    name = name_of(path)
    pairs: dict[Fraction, Fraction] = {}
    for place, (number, row) in enumerate(_rows(path)):
        if place == 0 and not _is_number(row[0]):  # the names of the columns
            continue
        if len(row) != 2 or not all(map(_is_number, row)):
            raise ValueError(
                f"{name}: line {number} is {','.join(row)!r}, expected a value and its probability"
            )
        value, chance = map(_fraction, row)
        if chance < 0:
            raise ValueError(f"{name}: line {number} has the probability {row[1].strip()}, below 0")
        pairs[value] = pairs.get(value, Fraction(0)) + chance
    if not pairs:
        raise ValueError(f"{name}: holds no values; each row is a value and its probability")
    chances = pairs.values()
    total = sum(chances, Fraction(0)) if exact else Fraction(math.fsum(map(float, chances)))
    if not total or abs(total - 1) > (0 if exact else _MASS):
        raise ValueError(
            f"{name}: probabilities add up to {shortly(total if exact else float(total))}, not to 1"
        )
    try:
        return Pmf.from_dict(pairs) if exact else Pmf._from_fractions(pairs)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not blank, and their numbers."""
    name = name_of(path)
    try:
        with standard_files() as standard, open_file(standard.readable(path)) as file:
            text = io.TextIOWrapper(file, newline="", encoding="utf-8-sig")
            for number, row in enumerate(csv.reader(text), start=1):
                if any(cell.strip() for cell in row):
                    yield number, row
    except UnicodeDecodeError:
        raise ValueError(f"{name}: is no text in UTF-8; save it as comma-separated text") from None
    except csv.Error as error:
        raise ValueError(f"{name}: is no comma-separated text: {error}") from None


def _is_number(text: str) -> bool:
    try:
        return abs(_fraction(text)) < sys.float_info.max
    except (ValueError, ZeroDivisionError):
        return False


def _fraction(text: str) -> Fraction:
    """A decimal or a fraction; very large powers of ten, which take for ever, are refused."""
    power = re.search(r"[eE]([-+]?[0-9]+)", text)
    if power and len(power[1].lstrip("+-")) > 5:
        raise ValueError(f"{text.strip()!r} is not accepted; pass a power of ten of five digits at most")
    return Fraction(text.strip())


def _decimal_or_fraction(value: Fraction, *, exact: bool) -> str:
    """A value as it is read again: 1/3 is no decimal."""
    try:
        decimal = repr(float(value))
    except OverflowError:
        return str(value)
    is_whole = exact or value.denominator == 1
    return str(value) if is_whole or Fraction(decimal) != value else decimal


def _write(total: Pmf, target: Path) -> None:
    from fftconv.probability.drawing import decimal_text

    text = io.StringIO(newline="")
    rows = csv.writer(text)
    rows.writerow(["value", "probability"])
    places = [at for at, positive in enumerate(total._positive().tolist()) if positive]
    chances = total.probabilities[places].tolist()
    for at, chance in zip(places, chances, strict=True):
        value = _decimal_or_fraction(total.start[0] + total.step[0] * at, exact=total.is_exact)
        is_small = not total.is_exact and chance < _SMALLEST_FLOAT
        rows.writerow([value, decimal_text(*total._mass(slice(at, at + 1)), 17) if is_small else chance])
    with complete_file(target) as file:
        file.write(text.getvalue().encode())
