"""`fftconv image`: filter pictures on disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fftconv.cli.complaints import complain, describe
from fftconv.cli.kernel_text import parse_kernel
from fftconv.cli.options import INPUTS, OUTPUT, POSITIVE, all_of

if TYPE_CHECKING:
    from fftconv.image import FileReport


NOT_NEGATIVE = click.FloatRange(min=0)
BOUNDARIES = ("reflect", "mirror", "nearest", "wrap", "zero")
OPERATORS = ("sobel", "prewitt", "scharr", "difference", "laplace", "log")

# Which options describe which shape of blur, with their defaults.
_BLURS: dict[str, dict[str, float]] = {
    "gaussian": {"sigma": 2.0},
    "box": {"size": 5},
    "disk": {"radius": 3.0},
    "motion": {"length": 15.0, "angle": 0.0},
}


# The arguments and options that every image command has.
_files = all_of(
    INPUTS,
    OUTPUT,
    click.option(
        "--boundary",
        type=click.Choice(BOUNDARIES),
        default="reflect",
        show_default=True,
        help="What stands beyond the edges.",
    ),
    click.option(
        "--method",
        type=click.Choice(["auto", "direct", "fft"]),
        default="auto",
        show_default=True,
        help="How to convolve; auto takes the fastest.",
    ),
    click.option(
        "--quality",
        type=click.IntRange(1, 100),
        help="Of JPEG, WebP and AVIF files  [default: as read; WebP without loss]",
    ),
    click.option(
        "--max-pixels",
        type=click.IntRange(min=1),
        default=178_956_970,
        show_default=True,
        help="Refuse pictures with more, by their header.",
    ),
    click.option("--workers", type=click.IntRange(min=1), help="Threads  [default: all cores]"),
)


_linear = click.option("--linear", is_flag=True, help="Filter light instead of stored values (sRGB).")


@click.group(invoke_without_command=True)
@click.pass_context
def image(context: click.Context) -> None:
    """Filter pictures on disk: blur, edges, sharpen, emboss, or any kernel.

    Reads PNG, JPEG, TIFF, WebP, AVIF, BMP, GIF, PPM and PFM; the suffix of the output chooses its format.
    Colour profile, resolution and EXIF data are kept. A file is written whole or not at all, and never
    over its own input.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@image.command()
@click.option(
    "--shape",
    type=click.Choice(list(_BLURS)),
    default="gaussian",
    show_default=True,
    help="What a point becomes.",
)
@click.option("--sigma", type=NOT_NEGATIVE, help="Gaussian: standard deviation in pixels  [default: 2]")
@click.option("--size", type=click.IntRange(min=1), help="Box: side in pixels  [default: 5]")
@click.option("--radius", type=POSITIVE, help="Disk: radius in pixels  [default: 3]")
@click.option("--length", type=POSITIVE, help="Motion: length in pixels  [default: 15]")
@click.option("--angle", type=float, help="Motion: degrees from the horizontal  [default: 0]")
@_linear
@_files
def blur(shape: str, **options: Any) -> int:
    """Blur with a Gaussian, a box, a disk or straight motion."""
    from fftconv import image as filters

    parameters = dict(_BLURS[shape])
    for owner, defaults in _BLURS.items():
        for name in defaults:
            value = options.pop(name)
            if value is not None and owner != shape:
                raise click.UsageError(f"--{name} belongs to --shape {owner}, not to --shape {shape}")
            if value is not None:
                parameters[name] = value
    return _filter(getattr(filters, f"{shape}_blur"), parameters, **options)


@image.command()
@click.option(
    "--operator", type=click.Choice(OPERATORS), default="sobel", show_default=True, help="How to find them."
)
@click.option("--sigma", type=POSITIVE, help="log: standard deviation in pixels  [default: 1]")
@click.option("--gain", type=POSITIVE, default=1.0, show_default=True, help="Multiplies the result.")
@_files
def edges(operator: str, sigma: float | None, gain: float, **options: Any) -> int:
    """Find edges: bright where the picture changes."""
    from fftconv import image as filters

    parameters: dict[str, Any] = {"operator": operator, "gain": gain}
    if sigma is not None:
        if operator != "log":
            raise click.UsageError(f"--sigma belongs to --operator log, not to --operator {operator}")
        parameters["sigma"] = sigma
    return _filter(filters.edges, parameters, **options)


@image.command()
@click.option("--amount", type=NOT_NEGATIVE, default=1.0, show_default=True, help="How much detail to add.")
@click.option("--sigma", type=POSITIVE, help="Size of the detail in pixels  [default: the finest]")
@_linear
@_files
def sharpen(amount: float, sigma: float | None, **options: Any) -> int:
    """Sharpen by adding fine detail (unsharp mask with --sigma)."""
    from fftconv import image as filters

    return _filter(filters.sharpen, {"amount": amount, "sigma": sigma}, **options)


@image.command()
@click.option("--depth", type=NOT_NEGATIVE, default=1.0, show_default=True, help="Height of the relief.")
@_linear
@_files
def emboss(depth: float, **options: Any) -> int:
    """Turn brightness into relief, lit from the upper left."""
    from fftconv import image as filters

    return _filter(filters.emboss, {"depth": depth}, **options)


@image.command()
@click.option("--kernel", required=True, help="A name, rows of taps, or a file; see above.")
@click.option("--normalize", is_flag=True, help="Divide the taps by their sum.")
@click.option("--correlate", is_flag=True, help="Lay the kernel on the picture as written, not flipped.")
@click.option("--scale", type=float, default=1.0, show_default=True, help="Multiplies the result.")
@click.option("--bias", type=float, default=0.0, show_default=True, help="Is added to it, as 128 for grey.")
@_linear
@_files
def convolve(
    kernel: str, normalize: bool, correlate: bool, scale: float, bias: float, **options: Any
) -> int:
    """Convolve with a kernel of your own.

    KERNEL is a named one, with its parameters in parentheses if it has any: laplace, "disk(4)",
    "gaussian((2, 2))", "sharpen(amount=0.5)". Or rows of numbers between semicolons:
    "0 -1 0; -1 4 -1; 0 -1 0". Or a .csv or .npy file.
    """
    from fftconv import image as filters

    try:
        taps = parse_kernel(kernel, normalize=normalize)
    except ValueError as error:
        raise click.UsageError(f"--kernel {error}") from error
    parameters = {"kernel": taps, "flip": not correlate, "scale": scale, "bias": bias}
    return _filter(filters.apply_kernel, parameters, **options)


def _filter(
    function: Callable[..., Any],
    parameters: dict[str, Any],
    inputs: tuple[Path, ...],
    output: Path,
    **options: Any,
) -> int:
    """One file to a file, or any number to a folder; returns the exit code."""
    from fftconv import image as filters

    parameters = parameters | options
    into_folder = output.is_dir() or len(inputs) > 1
    if not into_folder:
        report = filters.filter_file(inputs[0], output, function, **parameters)
        click.echo(_summary(report))
        return 0
    if not output.is_dir():
        raise NotADirectoryError(
            f"{output} is not an existing folder, which several inputs need; create it first"
        )
    reports = _with_progress(inputs, output, function, parameters)
    failed = [report for report in reports if report.error is not None]
    for report in reports:
        if report.error is None:
            click.echo(_summary(report))
        else:
            complain(describe(report.error))
    if len(reports) > 1:
        seconds = sum(report.seconds for report in reports)
        click.echo(f"{len(reports) - len(failed)} of {len(reports)} files written in {seconds:.2f} s")
    return 1 if failed else 0


def _with_progress(
    inputs: tuple[Path, ...], folder: Path, function: Callable[..., Any], parameters: dict[str, Any]
) -> list[FileReport]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from fftconv import image as filters

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("filtering", total=len(inputs))

        def advance(report: FileReport) -> None:
            bar.update(task, advance=1, description=report.source.name)

        return filters.filter_files(inputs, folder, function, on_progress=advance, **parameters)


def _summary(report: FileReport) -> str:
    height, width = report.shape[:2]
    methods = " and ".join(report.methods) or "unchanged"
    frames = f", {report.frames} frames" if report.frames > 1 else ""
    return (
        f"{report.source} -> {report.target}: {width} x {height}{frames}, {methods}, "
        f"filtered in {report.filter_seconds:.3f} s, {report.seconds:.2f} s with reading and writing"
    )
