"""`fftconv compare`: every method, here and in other libraries, on the same arrays."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fftconv._geometry import MODES
from fftconv._names import BOUNDARIES, METHODS
from fftconv.cli.options import (
    WORKERS,
    Count,
    Dtype,
    Name,
    Names,
    Shape,
    check_axes,
    examples,
    pixels,
    read_picture,
)
from fftconv.cli.options import seconds as time
from fftconv.cli.streams import FilePath, standard_files

_MOST_DRAWN = 2**32  # random numbers, half a minute

if TYPE_CHECKING:
    from fftconv.comparison import Comparison


def _libraries() -> tuple[str, ...]:
    from fftconv.comparison.peers import LIBRARIES  # with NumPy

    return LIBRARIES


@click.command(
    epilog=examples(
        "fftconv compare --signal 1e6 --kernel 129",
        "fftconv compare --image photo.jpg --sigma 5 --html report.html",
    )
)
@click.option("--signal", metavar="SHAPE", type=Shape(), help="Random numbers: 1000000, 1e6, 1920x1080.")
@click.option("--kernel", metavar="SHAPE", type=Shape(), help="Random taps, of as many axes.")
@click.option("--image", type=FilePath(), metavar="FILE", help="A picture instead, under a Gaussian.")
@click.option(
    "--sigma",
    type=pixels(min=0, min_open=True),
    default=3.0,
    show_default=True,
    help="Standard deviation of the Gaussian.",
)
@click.option(
    "--dtype",
    type=Dtype(),
    default="float32",
    show_default=True,
    help="Type of both: float64, complex64, int64 or another.",
)
@click.option(
    "--mode", type=Name("mode", MODES), help="Size of the output  [default: full; same for a picture]"
)
@click.option(
    "--boundary",
    type=Name("boundary", [name for name in BOUNDARIES if name not in ("constant", "missing")]),
    help="What stands beyond the edges  [default: zero; reflect for a picture]",
)
@click.option(
    "--methods",
    type=Names(lambda: METHODS[1:], "all"),
    default="all",
    show_default=True,
    help="Methods between commas: direct,fft.",
)
@click.option(
    "--peers",
    type=Names(_libraries, "installed", "none"),
    default="installed",
    show_default=True,
    help="Other libraries, between commas: numpy,scipy.signal,cv2; or none.",
)
@click.option(
    "--repeats", type=Count(1), default=7, show_default=True, help="Number of turns that each takes."
)
@click.option("--workers", type=WORKERS, help="Threads  [default: all cores]")
@click.option("--no-memory", is_flag=True, help="Do not measure memory, which takes a process for each.")
@click.option(
    "--max-seconds",
    type=time(min=0, min_open=True),
    default=5.0,
    show_default=True,
    help="Leave out what is expected to take longer for a call.",
)
@click.option("--html", type=click.Path(path_type=Path), metavar="FILE", help="Write a page with pictures.")
@click.option("--plot", type=click.Path(path_type=Path), metavar="FILE", help="Write the pictures alone.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def compare(
    signal: tuple[int, ...] | None,
    kernel: tuple[int, ...] | None,
    image: Path | None,
    sigma: float,
    dtype: str,
    mode: str | None,
    boundary: str | None,
    no_memory: bool,
    html: Path | None,
    plot: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Time every method on the same arrays, beside other libraries.

    Shows the memory and the error of each as well.
    """
    from fftconv.comparison import compare as run  # with whatever it compares

    if image is None and (signal is None or kernel is None):
        raise click.UsageError("pass --signal and --kernel, or --image")
    if html is not None and html == plot:
        raise click.UsageError("--html and --plot are one file; name two")
    if image is not None and (signal or kernel):
        raise click.UsageError("--image stands for --signal and --kernel; leave them out")
    if signal is not None and kernel is not None:
        check_axes(signal, kernel)
    for target in (html, plot):
        _check(target, html)
    arrays = _random(signal, kernel, dtype) if image is None else _picture(image, sigma, dtype)
    options["mode"] = mode or ("full" if image is None else "same")
    if options["mode"] != "valid":
        options["boundary"] = boundary or ("zero" if image is None else "reflect")
    elif boundary:
        options["boundary"] = boundary
    try:
        found = run(*arrays, axes=None if image is None else (0, 1), memory=not no_memory, **options)
    except (ValueError, TypeError, ImportError) as error:
        raise click.UsageError(str(error)) from error
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=2))
    else:
        _print(found)
    if html is not None:
        _write(html, lambda: found.to_html().encode())
    if plot is not None:
        from fftconv._pictures import save_figure

        save_figure(found.plot(), plot)


def _check(target: Path | None, page: Path | None) -> None:
    """Whether it can be written, before minutes have passed."""
    if target is None:
        return
    from fftconv._files import check_target
    from fftconv._pictures import check_picture, import_matplotlib

    if target is page:
        import_matplotlib("figure")
        check_target(target)
    else:
        check_picture(target)


def _write(target: Path, make: Callable[[], bytes]) -> None:
    from fftconv._files import complete_file

    content = make()
    with complete_file(target) as file:
        file.write(content)


def _random(signal: Any, kernel: Any, dtype: str) -> tuple[Any, Any]:
    """Normal numbers; whole ones up to 100 for integers."""
    import numpy as np

    from fftconv._checks import in_digits

    for name, shape in (("signal", signal), ("kernel", kernel)):
        size = math.prod(shape)
        if size > _MOST_DRAWN:
            raise click.UsageError(
                f"--{name} of {in_digits(size)} samples is not accepted; pass at most {_MOST_DRAWN}, or "
                f"ask fftconv explain, which makes none"
            )
    rng, number = np.random.default_rng(0), _number(dtype)

    def draw(shape: tuple[int, ...]) -> Any:
        if number.kind in "biu":
            least = 0 if number.kind in "bu" else -100
            return rng.integers(least, 2 if number.kind == "b" else 100, shape).astype(number)
        numbers = rng.standard_normal(shape)
        if number.kind == "c":
            numbers = numbers + 1j * rng.standard_normal(shape)
        return numbers.astype(number)

    return draw(signal), draw(kernel)


def _number(dtype: str) -> Any:
    import numpy as np

    return np.dtype(dtype)


def _picture(path: Path, sigma: float, dtype: str) -> tuple[Any, Any]:
    from fftconv import kernels

    if _number(dtype).kind != "f":
        raise click.UsageError(
            f"--dtype {dtype} cannot hold the weights of a Gaussian; give float32 or float64"
        )
    with standard_files() as standard:
        picture = read_picture(standard.readable(path))
    return picture.astype(dtype), kernels.gaussian((sigma, sigma)).astype(dtype)


def _print(found: Comparison) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from fftconv.comparison.comparing import HEAD

    console = Console(highlight=False, markup=False)
    console.print(found.title, style="bold")
    table = Table(box=None, pad_edge=False)
    for number, name in enumerate(HEAD[:-1]):
        table.add_column(name, justify="right" if number else "left", no_wrap=True)
    for (*cells, _), item in zip(found.rows(), found.ran, strict=True):
        table.add_row(*map(Text, cells), style="bold" if item.name == found.plan.method else None)
    console.print(table)
    notes = [f"{item.name}: {item.note}" for item in found.ran if item.note]
    for line in (*notes, *found.legend(), *(f"not run: {line}" for line in found.left_out())):
        console.print(line, style="dim")
