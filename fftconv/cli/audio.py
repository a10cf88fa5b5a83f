"""`fftconv audio`: filter sounds on disk."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fftconv._folders import Pair, is_pattern, make_room, targets_in
from fftconv.cli.complaints import complain, describe_of_file, tell
from fftconv.cli.options import (
    FORMAT,
    INPUTS,
    OUTPUT,
    Commands,
    Count,
    Name,
    Number,
    all_of,
    decibels,
    examples,
    hertz,
    seconds,
    total_of,
)
from fftconv.cli.signals import prepare_to_leave
from fftconv.cli.streams import (
    STANDARD,
    FilePath,
    Output,
    check_form,
    check_streams,
    name_of,
    standard_files,
)

if TYPE_CHECKING:
    from fftconv.audio import AudioMetadata, AudioReport
    from fftconv.audio.responses import KernelLimit

# From what a file says, and how many taps it allows, to the parameters of an effect.
Parameters = Callable[["AudioMetadata", "KernelLimit"], dict[str, Any]]

SHARE = Number(min=0, max=1)
TIME, FREQUENCY = seconds(min=0, min_open=True), hertz(min=0, min_open=True)
WINDOWS = ("moving_average", "hann", "gaussian", "exponential", "savitzky_golay")
BANDS = ("lowpass", "highpass", "bandpass", "bandstop")
BOUNDARIES = ("reflect", "mirror", "nearest", "zero")


# The arguments and options of every command that writes sounds.
_files = all_of(
    INPUTS,
    OUTPUT,
    FORMAT,
    click.option(
        "--subtype",
        metavar="NAME",
        help="How samples are stored: PCM_16, PCM_24, FLOAT and so on  [default: as read]",
    ),
    click.option("--normalize", is_flag=True, help="Scale so that the peak is at full scale."),
    click.option(
        "--headroom",
        type=decibels(min=0),
        help="Scale so that the peak is so many decibels below full scale.",
    ),
    click.option(
        "--plot",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Draw spectrograms, before and after, into a picture.",
    ),
)


@click.group(
    cls=Commands,
    invoke_without_command=True,
    epilog=examples(
        "fftconv audio echo voice.wav -o echo.flac --delay 300ms --decay 0.5",
        "fftconv audio fir *.wav -o out/ --band bandpass --cutoff 80 --cutoff 3.5kHz",
    ),
)
@click.pass_context
def audio(context: click.Context) -> None:
    """Filter sounds on disk: smooth, echo, reverb, or pass a band.

    Reads and writes WAV, FLAC, OGG, Opus, MP3 and AIFF with soundfile installed (pip install
    "fftconv[audio]"), WAV without. Files of any length go through block by block. A file is written
    whole or not at all, with the tags of its input, and never over its own input. An input may be - for
    standard input.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@audio.command(
    epilog=examples(
        "fftconv audio smooth sensor.wav -o smooth.wav --width 5ms",
        "fftconv audio smooth sensor.wav -o smooth.wav --width 5ms --window hann",
    )
)
@click.option(
    "--width",
    type=TIME,
    default=0.001,
    show_default=True,
    help="Length of the window; full width at half maximum of a Gaussian; time constant of an exponential.",
)
@click.option(
    "--window",
    type=click.Choice(WINDOWS),
    default="moving_average",
    show_default=True,
    help="Shape of the window.",
)
@click.option("--order", type=Count(0), help="savitzky_golay: order of the polynomial  [default: 2]")
@click.option("--causal", is_flag=True, help="Look at the past alone, as a live filter does.")
@click.option(
    "--boundary",
    type=Name("boundary", BOUNDARIES),
    default="reflect",
    show_default=True,
    help="What stands beyond the ends.",
)
@_files
def smooth(
    width: float, window: str, order: int | None, causal: bool, boundary: str, **options: Any
) -> int:
    """Smooth along time."""
    from fftconv import audio as effects
    from fftconv._savitzky_golay import takes_long
    from fftconv.audio.responses import TAPS_OF_WIDTH

    fixed: dict[str, Any] = {"window": window, "causal": causal, "boundary": boundary}
    if order is not None:
        if window != "savitzky_golay":
            raise click.UsageError(f"--order belongs to --window savitzky_golay, not to --window {window}")
        fixed["order"] = order

    def parameters(about: AudioMetadata, limit: KernelLimit) -> dict[str, Any]:
        samples, taps_of_sample = width * about.sample_rate, TAPS_OF_WIDTH.get(window, 1)
        cure = f"pass a --width of {limit.longest(taps_of_sample)}"
        limit.check(f"--width {width:g} s", samples * taps_of_sample, cure)
        if window == "savitzky_golay":
            taps, degree = 2 * round(samples / 2) + 1, fixed.get("order", 2)
            wrong = "few" if taps <= degree else "many" if takes_long(taps, degree) else ""
            if wrong:
                cure = "more seconds" if wrong == "few" else "fewer seconds or a lower --order"
                raise ValueError(
                    f"width={width:g} seconds are {taps} samples at {about.sample_rate} Hz, too {wrong} "
                    f"for a polynomial of order {degree}; give {cure}"
                )
            return fixed | {"width": taps}
        return fixed | {
            "width": max(round(samples), 1) if window in ("moving_average", "hann") else samples
        }

    return _filter(effects.smooth, parameters, **options)


@audio.command(
    epilog=examples(
        "fftconv audio echo voice.wav -o echo.flac --delay 300ms --decay 0.5",
        "fftconv audio echo voice.wav -o echo.wav --delay 0.1 --decay 0.6 --repeats 5",
    )
)
@click.option("--delay", type=TIME, required=True, help="Time between copies, such as 300ms.")
@click.option("--decay", type=Number(), required=True, help="Loudness of each copy relative to the last.")
@click.option("--repeats", type=Count(0), default=1, show_default=True, help="Number of copies.")
@click.option("--mix", type=SHARE, default=1.0, show_default=True, help="How much of them is added.")
@_files
def echo(delay: float, decay: float, repeats: int, mix: float, **options: Any) -> int:
    """Add later, quieter copies of the sound."""
    from fftconv import audio as effects

    fixed = {"delay": delay, "decay": decay, "repeats": repeats, "mix": mix}
    return _filter(effects.echo, lambda about, limit: fixed, **options)


@audio.command(
    epilog=examples(
        "fftconv audio reverb voice.wav -o hall.wav --decay-time 2s",
        "fftconv audio reverb voice.wav -o out.wav --response room.wav --headroom 1dB",
    )
)
@click.option(
    "--response",
    type=FilePath(),
    metavar="FILE",
    help="What a room makes of a click  [default: noise that decays]",
)
@click.option("--resample", is_flag=True, help="Convert a response of another sample rate.")
@click.option("--decay-time", type=TIME, help="Time in which the noise falls to -60 dB  [default: 1.5]")
@click.option("--mix", type=SHARE, default=0.3, show_default=True, help="Share of the room.")
@_files
def reverb(
    response: Path | None, resample: bool, decay_time: float | None, mix: float, **options: Any
) -> int:
    """Put the sound into another room."""
    from fftconv import audio as effects

    if resample and response is None:
        raise click.UsageError("--resample is for a --response; give one")
    if response is not None and decay_time is not None:
        raise click.UsageError(
            "--decay-time is of the noise that stands in for --response; give one of them"
        )

    def parameters(about: AudioMetadata, limit: KernelLimit) -> dict[str, Any]:
        fixed: dict[str, Any] = {"mix": mix}
        if path is None:
            seconds, rate = 1.5 if decay_time is None else decay_time, about.sample_rate
            cure = f"pass a decay_time of {limit.longest(1)}"
            limit.check(f"decay_time={seconds:g} s", seconds * rate, cure)
            taps = effects.decaying_noise(rate, seconds, channels=about.channels)
        else:
            taps, rate = effects.read(path, sample_rate=None if resample else about.sample_rate)
            if taps.shape[1] not in (1, about.channels):
                raise ValueError(
                    f"--response {response} is {_channels(taps.shape[1])} and the sound is "
                    f"{_channels(about.channels)}; give one that is mono, or like the sound"
                )
            fixed["response_rate"] = rate
        return fixed | {"impulse_response": taps}

    if response == STANDARD and STANDARD in options["inputs"]:
        raise click.UsageError(
            "- is standard input, which holds the sound or the --response; name the other"
        )
    with standard_files() as standard:
        path = None if response is None else standard.readable(response)
        return _filter(effects.reverb, parameters, **options)


@audio.command(
    epilog=examples(
        "fftconv audio fir voice.wav -o dull.wav --cutoff 1.2kHz",
        "fftconv audio fir *.wav -o out/ --band bandpass --cutoff 80 --cutoff 3.5kHz",
    )
)
@click.option(
    "--band", type=click.Choice(BANDS), default="lowpass", show_default=True, help="What is let through."
)
@click.option(
    "--cutoff",
    type=FREQUENCY,
    required=True,
    multiple=True,
    help="Where half of the amplitude is left, such as 1.2kHz; give two for a band.",
)
@click.option("--transition", type=FREQUENCY, help="Distance from the pass band to the stop band.")
@click.option("--causal", is_flag=True, help="Delay the sound, as a live filter does.")
@_files
def fir(
    band: str, cutoff: tuple[float, ...], transition: float | None, causal: bool, **options: Any
) -> int:
    """Let a band of frequencies through, with linear phase."""
    from fftconv import audio as effects

    wanted = 1 if band in ("lowpass", "highpass") else 2
    if len(cutoff) != wanted:
        form = "one --cutoff" if wanted == 1 else "two, --cutoff LOWER --cutoff UPPER"
        raise click.UsageError(f"--band {band} takes {form}; {len(cutoff)} are given")
    fixed = {
        "cutoff": cutoff[0] if wanted == 1 else tuple(sorted(cutoff)),
        "band": band,
        "transition": transition,
        "causal": causal,
    }
    return _filter(effects.fir, lambda about, limit: fixed, **options)


@audio.command(
    epilog=examples(
        "fftconv audio info voice.wav",
        "fftconv audio info *.wav",
    )
)
@INPUTS
def info(inputs: tuple[Path, ...]) -> int:
    """Print what sound files hold.

    That is format, sample rate, channels, length and tags. An INPUT of - is standard input.
    """
    from fftconv import audio as effects

    if inputs.count(STANDARD) > 1:
        raise click.UsageError("- is standard input, which can be read once; name it once")
    code = 0
    for path in inputs:
        name = name_of(path)
        try:
            with standard_files() as standard:
                about = effects.info(standard.readable(path))
        except Exception as error:  # the other files are to be told of
            complain(describe_of_file(error, name))
            code = 1
            continue
        seconds = about.frames / about.sample_rate
        tell(
            f"{name}: {about.format} {about.subtype}, {about.sample_rate} Hz, {_channels(about.channels)}, "
            f"{about.frames} frames, {_clock(seconds)}"
        )
        for tag, value in about.tags.items():
            tell(f"  {tag}: {value}")
        if about.channel_mask:
            click.echo(f"  channel mask: 0x{about.channel_mask:x}")
        if about.chunks:
            click.echo(f"  also holds: {', '.join(about.chunks)}")
    return code


def _filter(
    effect: Callable[..., Any],
    parameters: Parameters,
    inputs: tuple[Path, ...],
    output: Output,
    form: str | None,
    normalize: bool,
    headroom: float | None,
    plot: Path | None,
    **options: Any,
) -> int:
    """One file to a file, or any number to a folder; returns the exit code."""
    if normalize and headroom is not None:
        raise click.UsageError("--normalize is --headroom 0; give one of them")
    options["headroom"] = 0.0 if normalize else headroom
    alone = len(inputs) == 1 and not is_pattern(inputs[0])
    check_streams(inputs, output, many=not alone, form=form)
    if form is not None:
        from fftconv.audio.codecs import FORMATS

        check_form(form, FORMATS)
    if plot is not None and not alone:
        raise click.UsageError("--plot draws one file; give one input")
    if plot == STANDARD:
        raise click.UsageError("--plot writes a file, not standard output; name one")
    if plot is not None:
        from fftconv._pictures import check_picture

        check_picture(plot)
    say = partial(tell, err=output.path == STANDARD)
    with standard_files() as standard:
        if alone and not output.is_folder:
            source = standard.readable(inputs[0])
            target = standard.writable(output.path, lambda: f".{form}" if form else _suffix_of(source))
            _filter_one(source, target, effect, parameters, options, say)
            standard.deliver()
            pairs, code = [Pair(source, target)], 0
        else:
            pairs = targets_in(output.path, list(inputs))
            code = _filter_many(pairs, output.path, effect, parameters, options)
        if plot is not None and not code:
            from fftconv.audio.drawing import draw_before_and_after

            draw_before_and_after(pairs[0].source, pairs[0].target, plot)
            say(f"{plot}: spectrograms before and after")
    return code


def _filter_many(
    pairs: list[Pair],
    folder: Path,
    effect: Callable[..., Any],
    parameters: Parameters,
    options: dict[str, Any],
) -> int:
    """Files into a folder, one after the other; returns the exit code."""
    begun = written = failed = 0
    try:
        for source, target, unreadable in pairs:
            begun += 1
            try:
                if unreadable is not None:
                    raise unreadable
                make_room(folder, target)
                _filter_one(source, target, effect, parameters, options, tell)
                written += 1
            except Exception as error:  # whatever is wrong with a file, the others are to be done
                complain(describe_of_file(error, source, target))
                failed += 1
    except KeyboardInterrupt:
        prepare_to_leave()  # the summary is printed in any case
        counts = {"failed": failed, "not begun": len(pairs) - begun, "stopped": begun - written - failed}
        click.echo(total_of(written, len(pairs), counts))
        raise
    if len(pairs) > 1:
        click.echo(total_of(written, len(pairs), {"failed": failed}))
    return 1 if failed else 0


def _suffix_of(source: Path) -> str:
    """The suffix that the format of a sound file has; ValueError if it is one that is not written."""
    from fftconv import audio as effects
    from fftconv.audio.codecs import FORMATS

    about = effects.info(source)
    if about.subtype == "OPUS":
        return ".opus"
    written = "WAV" if about.format in ("WAVEX", "RF64") else about.format
    for suffix, name in FORMATS.items():
        if name == written:
            return suffix
    raise ValueError(
        f"{source} is a {about.format} file, which is not written; choose another with --format"
    )


def _filter_one(
    source: Path,
    target: Path,
    effect: Callable[..., Any],
    parameters: Parameters,
    options: dict[str, Any],
    say: Callable[[str], None],
) -> None:
    """Filter a file and tell of it."""
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress

    from fftconv import audio as effects
    from fftconv.audio.files import kernel_limit

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # which filter_file gives, too
        about = effects.info(source)
    fitting = parameters(about, kernel_limit(source, about))
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(escape(source.name), total=None)

        def advance(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        report = effects.filter_file(source, target, effect, on_progress=advance, **fitting, **options)
    say(_summary(report))
    if report.clipped:
        total = report.frames * report.channels
        complain(
            f"warning: {report.clipped} of {total} samples of {target} were beyond full scale and "
            "clipped; use --normalize, --headroom or --subtype FLOAT"
        )


def _summary(report: AudioReport) -> str:
    gain = "" if report.gain == 1 else f", times {report.gain:.3g}"
    return (
        f"{report.source} -> {report.target}: {_clock(report.frames / report.sample_rate)}, "
        f"{_channels(report.channels)} at {report.sample_rate} Hz, {report.partitioning}{gain}, "
        f"filtered in {report.filter_seconds:.3f} s, {report.seconds:.2f} s with reading and writing"
    )


def _channels(count: int) -> str:
    return {1: "mono", 2: "stereo"}.get(count, f"{count} channels")


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}:{rest:06.3f}"
