"""`fftconv image`: filter pictures on disk."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fftconv.cli.complaints import complain, describe_here, describe_of_file, tell
from fftconv.cli.options import (
    FORMAT,
    INPUTS,
    KERNEL,
    METHOD,
    OUTPUT,
    WORKERS,
    Bytes,
    Commands,
    Count,
    Name,
    Number,
    all_of,
    degrees,
    examples,
    pixels,
    read_picture,
    total_of,
)
from fftconv.cli.signals import prepare_to_leave
from fftconv.cli.streams import (
    STANDARD,
    FilePath,
    Output,
    StandardFiles,
    check_form,
    check_streams,
    given,
    name_of,
    shown,
    standard_files,
)

if TYPE_CHECKING:
    from fftconv.image import FileReport
    from fftconv.image.batch import BatchInterrupted


_MOST_KERNELS = 12  # drawn by --compare
ANY, NOT_NEGATIVE, POSITIVE = Number(), Number(min=0), Number(min=0, min_open=True)
LENGTH = pixels(min=0, min_open=True)
BOUNDARIES = ("reflect", "mirror", "nearest", "wrap", "zero")
OPERATORS = ("sobel", "prewitt", "scharr", "difference", "laplace", "log")

# Which options describe which shape of blur, with their defaults.
_BLURS: dict[str, dict[str, float]] = {
    "gaussian": {"sigma": 2.0},
    "box": {"size": 5},
    "disk": {"radius": 3.0},
    "motion": {"length": 15.0, "angle": 0.0},
}


_max_pixels = click.option(
    "--max-pixels",
    type=Count(1),
    help="Refuse pictures with more, by their header  [default: 178956970; none for parts]",
)

# The arguments and options that every image command has.
_files = all_of(
    INPUTS,
    OUTPUT,
    FORMAT,
    click.option(
        "--boundary",
        type=Name("boundary", BOUNDARIES),
        default="reflect",
        show_default=True,
        help="What stands beyond the edges.",
    ),
    METHOD,
    click.option(
        "--quality",
        type=Count(1, 100),
        help="How well JPEG, WebP and AVIF files look  [default: as read; WebP without loss]",
    ),
    _max_pixels,
    click.option(
        "--max-memory",
        type=Bytes(),
        help="Memory to use, such as 500M; larger TIFF files are filtered in parts.",
    ),
    click.option("--workers", type=WORKERS, help="Threads for each file  [default: cores over jobs]"),
    click.option("-j", "--jobs", type=Count(1), help="Files at a time  [default: as many as cores]"),
    click.option("-r", "--recursive", is_flag=True, help="Take folders with all that is in them."),
    click.option(
        "--overwrite/--skip-existing",
        default=True,
        show_default=True,
        help="What to do where the file to be written exists.",
    ),
    click.option("-n", "--dry-run", is_flag=True, help="Say what would be done, and do nothing."),
    click.option(
        "--report",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Write what became of every file as JSON.",
    ),
    click.option(
        "--compare",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Draw before and after side by side, with the kernel and the method (one input).",
    ),
)


_linear = click.option(
    "--linear",
    is_flag=True,
    help="Filter in linear light, by the colour profile or sRGB, instead of the stored values.",
)


@click.group(
    cls=Commands,
    invoke_without_command=True,
    epilog=examples(
        "fftconv image blur photo.jpg -o soft.jpg --sigma 2.5",
        "fftconv image edges *.png -o edges/ --operator scharr --gain 2",
    ),
)
@click.pass_context
def image(context: click.Context) -> None:
    """Filter pictures on disk: blur, sharpen, edges, any kernel.

    Reads PNG, JPEG, TIFF, WebP, AVIF, BMP, GIF, PPM and PFM; the suffix of the output chooses its format.
    Colour profile, resolution and EXIF data are kept. A file is written whole or not at all, and never
    over its own input. Inputs may be files, folders and patterns, or - for standard input; in a folder of
    outputs each file lies where it lay in its own.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@image.command(
    epilog=examples(
        "fftconv image blur photo.jpg -o soft.jpg --sigma 2.5",
        "fftconv image blur photo.jpg -o moved.jpg --shape motion --length 25",
    )
)
@click.option(
    "--shape",
    type=click.Choice(list(_BLURS)),
    default="gaussian",
    show_default=True,
    help="Shape of the blur.",
)
@click.option("--sigma", type=pixels(min=0), help="Gaussian: standard deviation  [default: 2]")
@click.option("--size", type=Count(1, unit="px"), metavar="PIXELS", help="Box: side  [default: 5]")
@click.option("--radius", type=LENGTH, help="Disk: radius  [default: 3]")
@click.option("--length", type=LENGTH, help="Motion: length  [default: 15]")
@click.option(
    "--angle", type=degrees(), help="Motion: direction, counterclockwise from the horizontal  [default: 0]"
)
@_linear
@_files
def blur(shape: str, **options: Any) -> int:
    """Blur with a Gaussian, a box, a disk or straight motion."""
    parameters = dict(_BLURS[shape])
    for owner, defaults in _BLURS.items():
        for name in defaults:
            value = options.pop(name)
            if value is not None and owner != shape:
                raise click.UsageError(f"--{name} belongs to --shape {owner}, not to --shape {shape}")
            if value is not None:
                parameters[name] = value
    return _filter(f"{shape}_blur", parameters, **options)


@image.command(
    epilog=examples(
        "fftconv image edges *.png -o edges/ --operator scharr --gain 2",
        "fftconv image edges photo.jpg -o edges.tif --operator log --signed float",
    )
)
@click.option(
    "--operator",
    type=click.Choice(OPERATORS),
    default="sobel",
    show_default=True,
    help="Which differences; log is the Laplacian of a Gaussian.",
)
@click.option("--sigma", type=LENGTH, help="log: standard deviation  [default: 1]")
@click.option("--gain", type=POSITIVE, default=1.0, show_default=True, help="Multiplies the result.")
@click.option(
    "--signed",
    type=click.Choice(["positive", "offset", "abs", "float"]),
    default="positive",
    show_default=True,
    help="laplace, log: the bright sides, grey for 0, magnitudes, or floats (.tif, .pfm).",
)
@click.option(
    "--channel",
    type=click.Choice(["each", "luminance"]),
    default="each",
    show_default=True,
    help="Edges of each colour, or grey ones.",
)
@click.option("--direction", is_flag=True, help="Colour edges by the direction to where it gets brighter.")
@_files
def edges(
    operator: str,
    sigma: float | None,
    gain: float,
    signed: str,
    channel: str,
    direction: bool,
    **options: Any,
) -> int:
    """Find edges: bright where the picture changes."""
    if direction:
        if operator in ("laplace", "log"):
            raise click.UsageError(
                f"--operator {operator} tells no direction; give sobel, prewitt, scharr or difference"
            )
        others = {"--sigma": sigma, "--signed": signed != "positive", "--channel": channel != "each"}
        for flag, is_given in others.items():
            if is_given:
                raise click.UsageError(f"{flag} does not go with --direction; leave one of them out")
        return _filter("edge_directions", {"operator": operator, "gain": gain}, **options)
    parameters: dict[str, Any] = {"operator": operator, "gain": gain, "signed": signed, "channel": channel}
    if signed in ("offset", "abs") and operator not in ("laplace", "log"):
        raise click.UsageError(
            f"--signed {signed} belongs to --operator laplace or log, not to --operator {operator}"
        )
    if sigma is not None:
        if operator != "log":
            raise click.UsageError(f"--sigma belongs to --operator log, not to --operator {operator}")
        parameters["sigma"] = sigma
    return _filter("edges", parameters, **options)


@image.command(
    epilog=examples(
        "fftconv image sharpen photo.jpg -o crisp.jpg --amount 0.5",
        "fftconv image sharpen scan.tif -o crisp.tif --amount 1.5 --sigma 2",
    )
)
@click.option("--amount", type=NOT_NEGATIVE, default=1.0, show_default=True, help="How much detail to add.")
@click.option("--sigma", type=LENGTH, help="Size of the detail  [default: the finest]")
@_linear
@_files
def sharpen(amount: float, sigma: float | None, **options: Any) -> int:
    """Sharpen by adding fine detail (unsharp mask with --sigma)."""
    return _filter("sharpen", {"amount": amount, "sigma": sigma}, **options)


@image.command(
    epilog=examples(
        "fftconv image emboss photo.jpg -o relief.png",
        "fftconv image emboss photo.jpg -o flat.png --depth 0.5",
    )
)
@click.option("--depth", type=NOT_NEGATIVE, default=1.0, show_default=True, help="Height of the relief.")
@_linear
@_files
def emboss(depth: float, **options: Any) -> int:
    """Turn brightness into relief, lit from the upper left."""
    return _filter("emboss", {"depth": depth}, **options)


@image.command(
    epilog=examples(
        'fftconv image convolve photo.jpg -o disk.png --kernel "disk(4)"',
        'fftconv image convolve photo.jpg -o out.png --kernel "1 1; -1 -1"',
    )
)
@click.option("--kernel", type=KERNEL, required=True, help="A name, rows of taps, or a file; see above.")
@click.option("--normalize", is_flag=True, help="Divide the taps by their sum.")
@click.option("--correlate", is_flag=True, help="Lay the kernel on the picture as written, not flipped.")
@click.option("--scale", type=ANY, default=1.0, show_default=True, help="Multiplies the result.")
@click.option("--bias", type=ANY, default=0.0, show_default=True, help="Is added to it, as 128 for grey.")
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
    parameters = {
        "kernel": _kernel(kernel, normalize=normalize),
        "flip": not correlate,
        "scale": scale,
        "bias": bias,
    }
    return _filter("apply_kernel", parameters, **options)


@image.command(
    "high-pass",
    epilog=examples(
        "fftconv image high-pass photo.jpg -o detail.png --sigma 3",
        "fftconv image high-pass photo.jpg -o dark.png --bias 0",
    ),
)
@click.option(
    "--sigma", type=LENGTH, default=2.0, show_default=True, help="Standard deviation of the blur."
)
@click.option("--bias", type=ANY, help="What stands for no detail  [default: grey]")
@_linear
@_files
def high_pass(**options: Any) -> int:
    """Keep fine detail, on grey: what a blur takes away."""
    return _filter("high_pass", _taken(options, "sigma", "bias", "linear"), **options)


@image.command(
    epilog=examples(
        "fftconv image dog photo.jpg -o detail.png --sigma 1 --wider 3",
        "fftconv image dog *.png -o detail/",
    )
)
@click.option(
    "--sigma", type=LENGTH, default=1.0, show_default=True, help="Standard deviation of the narrower blur."
)
@click.option(
    "--wider", type=LENGTH, default=1.6, show_default=True, help="Standard deviation of the wider blur."
)
@click.option("--bias", type=ANY, help="What stands for no detail  [default: grey]")
@_linear
@_files
def dog(**options: Any) -> int:
    """Keep detail between two sizes: a difference of Gaussians."""
    parameters = _taken(options, "sigma", "wider", "bias", "linear")
    return _filter("difference_of_gaussians", parameters, **options)


@image.command(
    epilog=examples(
        'fftconv image deconvolve blurred.png -o sharp.png --kernel "disk(4)"',
        'fftconv image deconvolve moved.png -o out.png --kernel "motion(9)" --linear',
    )
)
@click.option("--kernel", type=KERNEL, required=True, help="Kernel of the blur, written as for convolve.")
@click.option(
    "--algorithm",
    type=click.Choice(["wiener", "richardson-lucy"]),
    default="wiener",
    show_default=True,
    help="One filter, or step by step.",
)
@click.option(
    "--noise", type=POSITIVE, help="wiener: power of the noise over the picture's  [default: 0.01]"
)
@click.option("--iterations", type=Count(1), help="richardson-lucy: number of steps  [default: 30]")
@_linear
@_files
def deconvolve(kernel: str, algorithm: str, **options: Any) -> int:
    """Undo a blur whose kernel is known."""
    for name, owner in (("noise", "wiener"), ("iterations", "richardson-lucy")):
        if options[name] is not None and algorithm != owner:
            raise click.UsageError(
                f"--{name} belongs to --algorithm {owner}, not to --algorithm {algorithm}"
            )
    given = _taken(options, "noise", "iterations", "linear")
    parameters = {name: value for name, value in given.items() if value is not None}
    parameters |= {"kernel": _kernel(kernel), "algorithm": algorithm.replace("-", "_")}
    return _filter("deconvolve", parameters, **options)


@image.command(
    epilog=examples(
        'fftconv image pipeline "blur 2 | edges scharr" photo.jpg -o ink.png',
        'fftconv image pipeline "box 5 | box 5" *.png -o soft/ --linear',
    )
)
@click.argument("steps")
@_linear
@_files
def pipeline(steps: str, **options: Any) -> int:
    """Filter several times, and read, round and write once.

    STEPS are filters with their values between bars, such as "blur 2 | sharpen 0.5 | edges scharr gain=2".
    They are blur SIGMA, box SIZE, disk RADIUS, motion LENGTH ANGLE, sharpen AMOUNT SIGMA, emboss DEPTH,
    edges OPERATOR, high-pass SIGMA, dog SIGMA WIDER and convolve 'KERNEL'; other values by name.
    """
    from fftconv.image.pipelines import check_pipeline

    try:
        check_pipeline(steps)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    return _filter("pipeline", {"steps": steps} | _taken(options, "linear"), **options)


@image.command(
    epilog=examples(
        "fftconv image match page.png word.png",
        "fftconv image match page.png word.png --threshold 0.95",
    )
)
@click.argument("picture", type=FilePath())
@click.argument("template", type=FilePath())
@click.option(
    "--threshold",
    type=Number(min=0, max=1, min_open=True),
    default=0.8,
    show_default=True,
    help="Least score of a match; 1 is the template itself, however bright and rich in contrast.",
)
@_max_pixels
@click.pass_context
def match(
    context: click.Context, picture: Path, template: Path, threshold: float, max_pixels: int | None
) -> int:
    """Find TEMPLATE, a small picture, in a large one.

    Prints row, column (of the upper left corner) and score of every place, best first. The exit code is 0
    if there is one; 1 if there is none, and standard error tells the best score; 2 for an error.
    One of the two may be - for standard input.
    """
    from fftconv import image as filters

    if picture == template == STANDARD:
        raise click.UsageError("- is standard input, which holds one of the two; name the other")
    names = name_of(picture), name_of(template)
    try:
        with standard_files() as standard:
            large, small = (
                read_picture(standard.readable(path), max_pixels) for path in (picture, template)
            )
        _check_template(*names, large, small)
        found = filters.match_template(large, small, threshold=min(threshold, _EXACT_COPY))
    except Exception as error:  # code 1 says that the template is not there
        if context.find_root().obj["debug"]:
            raise
        complain(describe_here(error, *names))
        return 2
    for row, column, score in found.peaks:
        click.echo(f"{row},{column},{score:.4f}")
    if found.peaks:
        return 0
    best = found.scores.argmax()
    row, column = divmod(int(best), found.scores.shape[1])
    complain(
        f"no match of {names[1]} in {names[0]} with a score from {threshold:g}; the best score is "
        f"{found.scores.flat[best]:.4f}, at row {row}, column {column}"
    )
    return 1


def _check_template(picture: str, template: str, large: Any, small: Any) -> None:
    """Check that both are of the same kind, and the template is not larger."""
    (height, width), (rows, columns) = large.shape[:2], small.shape[:2]
    if rows > height or columns > width:
        raise ValueError(
            f"{template}: {columns} x {rows} pixels are larger than the {width} x {height} of {picture}"
        )
    kinds = [
        _KINDS.get(array.shape[2] if array.ndim == 3 else 1, "other colours") for array in (small, large)
    ]
    if kinds[0] != kinds[1]:
        raise ValueError(
            f"{template}: holds {kinds[0]} and {picture} holds {kinds[1]}; convert one of them"
        )


@image.command(
    "view-kernel",
    epilog=examples(
        "fftconv image view-kernel laplace",
        'fftconv image view-kernel "gabor(4,8,30)" --plot kernel.png',
    ),
)
@click.argument("kernel", type=KERNEL)
@click.option("--normalize", is_flag=True, help="Divide the taps by their sum.")
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Draw it, with its frequency response.",
)
def view_kernel(kernel: str, normalize: bool, plot: Path | None) -> int:
    """Print the taps of a kernel.

    KERNEL is a name, rows of taps, or a file, as `fftconv image convolve --kernel` takes it.
    """
    taps = _kernel(kernel, "KERNEL", normalize=normalize)
    if plot is not None:
        from fftconv._pictures import check_picture

        check_picture(plot)
    rows, columns = taps.shape
    click.echo(f"{kernel}: {rows} x {columns} taps, sum {taps.sum():.6g}, largest {abs(taps).max():.6g}")
    if taps.size <= _MOST_PRINTED:
        for line in taps:
            click.echo(" ".join(f"{tap:10.6f}" for tap in line))
    if plot is not None:
        from fftconv._pictures import save_figure
        from fftconv.plotting import plot_kernel

        save_figure(plot_kernel(taps, title=kernel), plot)
        click.echo(f"{plot}: the kernel and its frequency response")
    return 0


_MOST_PRINTED = 225  # taps
_KINDS = {1: "grey", 2: "grey with opacity", 3: "RGB", 4: "RGB with opacity or CMYK"}  # by channels
_EXACT_COPY = 1 - 1e-9  # the least score of an exact copy, which rounding keeps from 1


def _taken(options: dict[str, Any], *names: str) -> dict[str, Any]:
    """These options, which are then no longer among the others."""
    return {name: options.pop(name) for name in names}


def _kernel(text: str, name: str = "--kernel", *, normalize: bool = False) -> Any:
    from fftconv._kernel_text import parse_kernel

    try:
        return parse_kernel(text, normalize=normalize)
    except ValueError as error:
        raise click.UsageError(f"{name} {error}") from error


def _filter(
    name: str,
    parameters: dict[str, Any],
    inputs: tuple[Path, ...],
    output: Output,
    *,
    form: str | None,
    report: Path | None,
    compare: Path | None,
    overwrite: bool,
    **options: Any,
) -> int:
    """One file to a file, or any number to a folder; returns the exit code."""
    from fftconv._folders import is_many
    from fftconv._pictures import check_picture
    from fftconv.image.batch import BatchInterrupted

    parameters = parameters | _taken(options, "boundary", "method", "workers")
    alone = len(inputs) == 1 and (inputs[0] == STANDARD or not is_many(inputs[0]))
    check_streams(inputs, output, many=not alone, form=form)
    if form is not None:
        from fftconv.image.encoding import SUFFIXES  # with Pillow

        check_form(form, SUFFIXES)
    _refuse_same(inputs, output.path, report, compare)
    if compare is not None:
        if not alone:
            raise click.UsageError("--compare draws one picture; name one input")
        if options["max_memory"] is not None:
            raise click.UsageError("--compare needs the whole picture; leave --max-memory out")
        check_picture(compare)
    options["existing"] = "overwrite" if overwrite else "skip"
    stopped = None
    say = partial(tell, err=output.path == STANDARD)
    describe_error = describe_here if alone else describe_of_file
    with standard_files() as standard:
        with _report_file(report, describe_error) as write_report:
            try:
                if alone and not output.is_folder:
                    reports = _filter_one(
                        standard, inputs[0], output.path, form, name, parameters | options
                    )
                else:
                    reports = _filter_many(inputs, output.path, name, parameters | options)
            except BatchInterrupted as interrupt:
                prepare_to_leave()  # the summary and the report are written in any case
                stopped, reports = interrupt, interrupt.reports
            write_report(reports)
            for each in reports:
                if each.error is None:
                    say(_summary(each))
                elif not isinstance(each.error, BrokenPipeError):  # whoever reads the output has enough
                    complain(describe_error(each.error, each.source, each.target))
            if len(reports) > 1 or stopped is not None:
                say(_total(reports, stopped))
            elif not reports:
                complain(f"warning: no pictures in {', '.join(str(path) for path in inputs)}")
        if stopped is not None:
            raise stopped
        if compare is not None and reports[0].status == "written":
            _draw(reports[0], name, parameters, options["max_pixels"], compare)
            say(f"{compare}: before and after")
    return 1 if any(each.error is not None for each in reports) else 0


def _refuse_same(inputs: tuple[Path, ...], output: Path, report: Path | None, compare: Path | None) -> None:
    """Nothing that is written may take the place of an input, or of something else that is written."""
    taken = {os.path.realpath(path): f"the input {path}" for path in inputs if path != STANDARD}
    taken[os.path.realpath(output)] = f"the output {output}"
    for name, path in (("--report", report), ("--compare", compare)):
        if path == STANDARD:
            raise click.UsageError(f"{name} writes a file, not standard output; name one")
        if path is not None:
            other = taken.setdefault(os.path.realpath(path), f"that of {name}")
            if other != f"that of {name}":
                raise click.UsageError(f"{name} {path} is {other}; choose another name")


def _filter_one(
    standard: StandardFiles,
    source: Path,
    target: Path,
    form: str | None,
    name: str,
    parameters: dict[str, Any],
) -> list[FileReport]:
    from fftconv import image as filters
    from fftconv.image.io import suffix_of

    _taken(parameters, "jobs", "recursive")
    try:
        source = standard.readable(source)
        target = standard.writable(target, lambda: f".{form}" if form else suffix_of(source))
        report = filters.filter_file(source, target, name, **parameters)
        standard.deliver()
    except click.UsageError:
        raise
    except Exception as error:
        if click.get_current_context().find_root().obj["debug"]:
            raise
        return [filters.FileReport(source, target, status="failed", error=error)]
    return [report]


def _filter_many(
    inputs: tuple[Path, ...], output: Path, name: str, parameters: dict[str, Any]
) -> list[FileReport]:
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from fftconv import image as filters

    current, rate = TextColumn("{task.description}"), TextColumn("{task.fields[rate]}")
    columns = (current, BarColumn(), MofNCompleteColumn(), rate, TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("filtering", total=None, rate="")

        def advance(report: FileReport, total: int) -> None:
            speed = bar.tasks[task].speed
            rate = f"{speed:.1f} files/s" if speed else ""
            bar.update(task, advance=1, total=total, description=escape(report.source.name), rate=rate)

        return filters.filter_files(inputs, output, name, on_progress=advance, **parameters)


@contextlib.contextmanager
def _report_file(
    path: Path | None, describe_error: Callable[..., str]
) -> Iterator[Callable[[list[FileReport]], None]]:
    """Begin the file of --report, so that one that cannot be written is refused before the work."""
    if path is None:
        yield lambda reports: None
        return
    import json

    from fftconv._files import check_target, complete_file

    check_target(path)
    with complete_file(path) as file:

        def write(reports: list[FileReport]) -> None:
            entries = [each.to_dict() for each in reports]
            for entry, each in zip(entries, reports, strict=True):
                entry |= {"file": given(each.source), "target": given(each.target)}
                if each.error is not None:
                    entry["error"] = shown(describe_error(each.error, each.source, each.target))
            content = json.dumps(entries, indent=1, ensure_ascii=False)
            # A byte of a name that is no UTF-8 is \\udc80 to \\udcff, which os.fsencode turns back.
            file.write(content.encode("utf-8", "backslashreplace") + b"\n")

        yield write


def _draw(
    report: FileReport,
    name: str,
    parameters: dict[str, Any],
    max_pixels: int | None,
    target: Path,
) -> None:
    """The first frame before and after, side by side, with the kernels and the method."""
    from fftconv import image as filters
    from fftconv._pictures import name_to_draw, save_figure
    from fftconv.image import read_frames
    from fftconv.image.jpeg import MOST_PIXELS
    from fftconv.image.processing import kernels_of
    from fftconv.plotting import plot_image_pair

    most = max_pixels or MOST_PIXELS
    before, after = (read_frames(path, max_pixels=most)[0][0] for path in (report.source, report.target))
    caption = f"{' and '.join(report.methods) or 'unchanged'}, filtered in {report.filter_seconds:.3f} s"
    taps = kernels_of(getattr(filters, name), before, parameters)
    if len(taps) > _MOST_KERNELS:
        caption += f"; the first {_MOST_KERNELS} of {len(taps)} kernels"
    titles = (name_to_draw(report.source), name_to_draw(report.target))
    save_figure(
        plot_image_pair(before, after, kernels=taps[:_MOST_KERNELS], titles=titles, caption=caption), target
    )


def _total(reports: list[FileReport], stopped: BatchInterrupted | None) -> str:
    counts = Counter(report.status for report in reports)
    others = {status: counts[status] for status in ("planned", "skipped", "failed")}
    if stopped is not None:
        others |= {"not begun": stopped.not_begun, "stopped": stopped.stopped}
    total = len(reports) + others.get("not begun", 0) + others.get("stopped", 0)
    return total_of(counts["written"], total, others)


def _summary(report: FileReport) -> str:
    pair = f"{report.source} -> {report.target}"
    if report.status != "written":
        return f"{pair}: {'exists, skipped' if report.status == 'skipped' else 'would be written'}"
    height, width = report.shape[:2]
    methods = " and ".join(report.methods) or "unchanged"
    frames = f", {report.frames} frames" if report.frames > 1 else ""
    return (
        f"{pair}: {width} x {height}{frames}, {methods}, "
        f"filtered in {report.filter_seconds:.3f} s, {report.seconds:.2f} s with reading and writing"
    )
