"""Commands as a shell runs them: standard streams, signals, names and inputs of every kind."""

import io
import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from shutil import which

import numpy as np
import pytest
from PIL import Image
from test_cli import COMMANDS

from fftconv import audio, image
from fftconv.audio.codecs import FORMATS
from fftconv.cli.main import run
from fftconv.image.encoding import SUFFIXES

MAIN = [sys.executable, "-P", "-c", "from fftconv.cli import main; main()"]
ENDING = [signal.SIGHUP, signal.SIGTERM, signal.SIGINT]
_RNG = np.random.default_rng(27)
PIXELS = _RNG.integers(0, 256, (12, 17, 3), dtype=np.uint8)
SOUND = _RNG.uniform(-0.5, 0.5, (900, 2))


def process(*arguments, content=b"", **options):
    command = [*MAIN, *map(os.fspath, arguments)]
    return subprocess.run(command, input=content, capture_output=True, timeout=60, **options)


def started(*arguments, **options):
    command = [*MAIN, *map(os.fspath, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


@contextmanager
def streams(monkeypatch, content):
    """Standard input with this content, and what is written to standard output, without a process."""
    output = io.BytesIO()
    standard = io.TextIOWrapper(io.BytesIO(content)), io.TextIOWrapper(output)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdin", standard[0])
        patch.setattr(sys, "stdout", standard[1])
        yield output
    standard[1].flush()
    standard[1].detach()  # which would close what was written


def unfinished(folder):
    return [
        path.name for path in Path(folder).rglob("*") if path.name.startswith((".fftconv-", "fftconv-"))
    ]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder to work in, with a picture and a sound; nothing unfinished is left in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr("tempfile.tempdir", None)
    image.write("a.png", PIXELS)
    audio.write("a.wav", SOUND, 8000)
    yield tmp_path
    assert unfinished(tmp_path) == []


# ----------------------------------------------------------------------------- standard input and output


@pytest.mark.parametrize("command", [*COMMANDS, "pipeline"])
def test_pictures_through_standard_streams_are_those_through_files(place, monkeypatch, command, capsys):
    name, *options = command.split()
    options += ["blur 1 | edges"] if command == "pipeline" else COMMANDS[command][0]
    for suffix in (".png", ".tif"):
        image.write(f"in{suffix}", PIXELS)
        assert run(["image", name, *options, f"in{suffix}", "-o", f"file{suffix}"]) == 0
        with streams(monkeypatch, Path(f"in{suffix}").read_bytes()) as output:
            assert run(["image", name, *options, "-", "-o", "-"]) == 0
        assert output.getvalue() == Path(f"file{suffix}").read_bytes()
        assert capsys.readouterr().err.startswith("standard input -> standard output: 17 x 12, ")


EFFECTS = [
    "smooth --width 0.002",
    "smooth --width 0.004 --window savitzky_golay",
    "echo --delay 0.02 --decay 0.5",
    "reverb --decay-time 0.02",
    "fir --cutoff 1000",
    "echo --delay 0.02 --decay 0.5 --normalize",
]


@pytest.mark.parametrize("command", EFFECTS)
def test_sounds_through_standard_streams_are_those_through_files(place, monkeypatch, command, capsys):
    name, *options = command.split()
    for suffix in (".wav", ".flac", ".aiff"):
        audio.write(f"in{suffix}", SOUND, 8000)
        assert run(["audio", name, *options, f"in{suffix}", "-o", f"file{suffix}"]) == 0
        with streams(monkeypatch, Path(f"in{suffix}").read_bytes()) as output:
            assert run(["audio", name, *options, "-", "-o", "-"]) == 0
        Path(f"stream{suffix}").write_bytes(output.getvalue())
        for mine, other in zip(audio.read(f"stream{suffix}"), audio.read(f"file{suffix}"), strict=True):
            np.testing.assert_array_equal(mine, other)
        assert capsys.readouterr().err.startswith("standard input -> standard output: 0:00.1")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_picture_goes_out_in_the_format_asked_for_or_its_own(place, monkeypatch, suffix):
    pixels = (
        PIXELS[..., 0].astype(np.float32)
        if suffix == ".pfm"
        else PIXELS[..., : 1 if suffix == ".pgm" else 3]
    )
    image.write(f"in{suffix}", pixels.squeeze())
    content = Path(f"in{suffix}").read_bytes()
    assert run(["image", "sharpen", f"in{suffix}", "-o", f"file{suffix}"]) == 0
    expected = Path(f"file{suffix}").read_bytes()
    for words in ([], ["--format", suffix[1:]], ["--format", suffix.upper()]):
        with streams(monkeypatch, content) as output:
            assert run(["image", "sharpen", "-", "-o", "-", *words]) == 0
        assert output.getvalue() == expected
    with streams(monkeypatch, b"") as output:
        assert run(["image", "sharpen", f"in{suffix}", "-o", "-"]) == 0
    assert output.getvalue() == expected
    with streams(monkeypatch, content):
        assert run(["image", "sharpen", "-", "-o", f"stream{suffix}"]) == 0
    assert Path(f"stream{suffix}").read_bytes() == expected


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_sound_goes_out_in_the_format_asked_for_or_its_own(place, monkeypatch, suffix):
    rate = 48000 if suffix == ".opus" else 44100
    audio.write(f"in{suffix}", SOUND, rate)
    for words in ([], ["--format", suffix[1:]]):
        with streams(monkeypatch, Path(f"in{suffix}").read_bytes()) as output:
            assert run(["audio", "smooth", "-", "-o", "-", *words]) == 0
        Path(f"out{suffix}").write_bytes(output.getvalue())
        mine, its = audio.info(f"out{suffix}"), audio.info(f"in{suffix}")
        assert (mine.format, mine.subtype, mine.sample_rate) == (its.format, its.subtype, its.sample_rate)


def test_a_sound_format_that_is_only_read_needs_another(place, monkeypatch, capsys):
    soundfile = pytest.importorskip("soundfile")
    soundfile.write("a.caf", SOUND, 8000)
    with streams(monkeypatch, Path("a.caf").read_bytes()) as output:
        assert run(["audio", "smooth", "-", "-o", "-"]) == 1
    assert output.getvalue() == b""
    assert capsys.readouterr().err == (
        "fftconv: standard input is a CAF file, which is not written; choose another with --format\n"
    )


def test_a_pipeline_of_processes(place):
    """In a real shell, with a report, and pictures of both beside it."""
    shell = (
        'set -o pipefail; f() { "$0" -P -c "from fftconv.cli import main; main()" "$@"; }; '
        "f image blur - -o - --format ppm < a.png | f image edges - -o - --report r.json --compare c.png "
        "| f image emboss - -o b.png"
    )
    command = ["bash", "-c", shell, sys.executable]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    expected = image.emboss(image.edges(image.gaussian_blur(PIXELS, 2)))
    np.testing.assert_array_equal(image.read("b.png"), expected)
    assert done.stdout.startswith("standard input -> b.png: 17 x 12")
    (entry,) = json.loads(Path("r.json").read_text())
    assert (entry["file"], entry["target"], entry["status"]) == ("-", "-", "written")
    assert image.read("c.png").shape[1] > 1000


def test_a_file_called_dash_is_a_file(place):
    Path("-").write_bytes(Path("a.png").read_bytes())
    for name in ("./-", ".//-", str(place / "-")):
        assert run(["image", "blur", name, "-o", "b.png"]) == 0
        np.testing.assert_array_equal(image.read("b.png"), image.gaussian_blur(PIXELS, 2))
    Path("-").unlink()
    os.mkdir("-")
    assert run(["image", "blur", "a.png", "-o", "-/"]) == 0
    assert os.listdir("-") == ["a.png"]


def test_what_else_reads_standard_input(place):
    content = Path("a.wav").read_bytes()
    done = process("audio", "info", "-", content=content)
    assert done.stdout.startswith(b"standard input: WAV PCM_16, 8000 Hz, stereo, 900 frames")
    done = process("audio", "reverb", "a.wav", "-o", "b.wav", "--response", "-", content=content)
    assert run(["audio", "reverb", "a.wav", "-o", "c.wav", "--response", "a.wav"]) == done.returncode == 0
    assert Path("b.wav").read_bytes() == Path("c.wav").read_bytes()
    image.write("part.png", PIXELS[3:9, 5:12])
    done = process("image", "match", "-", "part.png", content=Path("a.png").read_bytes())
    assert done.stdout.startswith(b"3,5,1.0000\n")
    done = process("dist", "sum", "-", "--at-least", "3", content=b"1,0.5\n2,0.5\n")
    assert b"at least 3: 0" in done.stdout


def test_whoever_reads_the_output_may_stop(place):
    image.write("large.png", _RNG.integers(0, 256, (400, 500, 3), dtype=np.uint8))
    audio.write("large.wav", _RNG.uniform(-0.5, 0.5, (200_000, 2)), 8000)
    for words in ("image blur large.png -o -", "audio smooth large.wav -o -", "image blur --help", "info"):
        shell = (
            f'"{sys.executable}" -P -c "from fftconv.cli import main; main()" {words} | head -c 10 | wc -c'
        )
        done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, timeout=60)
        assert done.stdout.strip() == "10"
        assert "rror" not in done.stderr
        assert "roken" not in done.stderr


def test_standard_streams_that_cannot_be_used(place):
    def said(words, **options):
        done = subprocess.run([*MAIN, *words.split()], stderr=subprocess.PIPE, timeout=60, **options)
        assert done.stderr.count(b"\n") == 1
        return done.returncode, done.stderr.decode().removeprefix("fftconv: ").strip()

    ours, theirs = pty.openpty()
    with open("/dev/full", "wb") as full, open("a.png", "rb") as picture:
        for words in ("image blur - -o -", "audio smooth - -o -"):
            code, message = said(words, stdin=picture, stdout=theirs)
            assert (code, message.split(" (")[0]) == (
                2,
                "-o - writes to a terminal; redirect it into a file or a pipe",
            )
            code, message = said(words, stdin=theirs, stdout=subprocess.DEVNULL)
            assert (code, "that is a terminal; redirect a file or a pipe into it" in message) == (2, True)
            code, message = said(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            assert (code, message) == (1, "standard input is empty; redirect a file or a pipe into it")
        picture.seek(0)
        assert said("image blur - -o -", stdin=picture, stdout=full) == (
            1,
            "standard output: No space left on device",
        )
        assert said("info", stdout=full) == (1, "No space left on device")
    for end in (ours, theirs):
        os.close(end)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("image blur - a.png -o out", "- is standard input, and stands alone"),
        ("image blur - - -o out", "- is standard input, and stands alone"),
        ("audio smooth - a.wav -o out/", "- is standard input, and stands alone"),
        ("image blur - -o out/", "standard input has no name to have in the folder out"),
        ("audio smooth - -o tmp", "standard input has no name to have in the folder tmp"),
        ("image blur a.png b.png -o -", "-o - takes one input"),
        ("image blur tmp -o -", "-o - takes one input"),
        ("audio smooth a.wav b.wav -o -", "-o - takes one input"),
        (
            "image blur a.png b.png -o x.png",
            "-o x.png is one file, and the inputs may be several; name a folder",
        ),
        ("image blur tmp -o x.png", "-o x.png is one file"),
        ("image blur a.png -o out", "-o out has no suffix, which chooses the format; give it one or"),
        ("audio smooth a.wav -o out", "to make it a folder, a / at its end: -o out/"),
        ("image blur *.png -o x.png", "-o x.png is one file"),
        ("audio smooth a.wav b.wav -o x.wav", "-o x.wav is one file"),
        ("image blur a.png -o b.png --format png", "--format is for -o -; the suffix of a file chooses"),
        (
            "image blur - -o - --format doc",
            "--format doc names no format that can be written; accepted are png",
        ),
        (
            "audio smooth - -o - --format png",
            "--format png names no format that can be written; accepted are wav",
        ),
        ("image blur - -o - --report -", "--report writes a file, not standard output"),
        ("audio smooth - -o - --plot -", "--plot writes a file, not standard output"),
        (
            "audio reverb - -o - --response -",
            "- is standard input, which holds the sound or the --response",
        ),
        ("image match - -", "- is standard input, which holds one of the two"),
        ("audio info - -", "- is standard input, which can be read once"),
        ("dist sum - -", "- is standard input, which can be read once"),
    ],
)
def test_what_streams_and_folders_cannot_be_is_refused_first(place, monkeypatch, words, message, capsys):
    before = sorted(os.listdir())
    with streams(monkeypatch, b"unread") as output:
        assert run(words.split()) == 2
        assert sys.stdin.read() == "unread"
    printed = capsys.readouterr().err
    assert message in printed
    assert printed.count("\n") == 1
    assert output.getvalue() == b""
    assert sorted(os.listdir()) == before


def test_a_failure_leaves_nothing_in_the_output(place, monkeypatch, capsys):
    whole = Path("a.png").read_bytes()
    for content in (whole[:-60], b"no picture", b"\x89PNG"):
        with streams(monkeypatch, content) as output:
            assert run(["image", "blur", "-", "-o", "-", "--report", "r.json"]) == 1
        assert output.getvalue() == b""
        message = capsys.readouterr().err
        assert message.startswith("fftconv: standard input ")
        (entry,) = json.loads(Path("r.json").read_text())
        assert (entry["file"], entry["target"], entry["status"]) == ("-", "-", "failed")
        assert message == f"fftconv: {entry['error']}\n"
    with streams(monkeypatch, whole) as output:
        assert run(["image", "edges", "-", "-o", "-", "--operator", "log", "--signed", "float"]) == 1
    assert output.getvalue() == b""
    assert (
        "standard output: PNG cannot hold an image of mode RGB;F; write it as .tif"
        in capsys.readouterr().err
    )
    with streams(monkeypatch, whole) as output:
        assert run(["image", "blur", "-", "-o", "-", "--max-pixels", "10"]) == 1
    assert "standard input has 17 x 12 pixels, more than 10" in capsys.readouterr().err


# ----------------------------------------------------------------------------------------------- folders


@pytest.mark.parametrize("name", ["out/", "out/./", "new.png/", "tmp", "tmp/", "tmp/.."])
@pytest.mark.parametrize("words", ["image blur a.png", "audio smooth a.wav"])
def test_one_file_goes_into_a_folder(place, words, name):
    source = Path(words.split()[-1])
    before = source.read_bytes()
    code = run([*words.split(), "-o", name])
    if Path(name).resolve() == place:
        assert (code, source.read_bytes()) == (1, before)
    else:
        assert code == 0
        assert os.listdir(name) == [source.name]


@pytest.mark.parametrize(
    "words", ["image blur %s -o b.png", "audio smooth %s -o b.wav", "image blur a.png -o %s"]
)
def test_an_empty_name_is_refused(place, words, capsys):
    """As of a variable that is not set; it would be the folder that one is in."""
    before = sorted(os.listdir())
    assert run([word.replace("%s", "") for word in words.split()]) == 2
    assert "the name is empty" in capsys.readouterr().err
    assert sorted(os.listdir()) == before


# ----------------------------------------------------------------------------------------------- signals


@pytest.mark.parametrize(
    ("how", "times"),
    [(signal.SIGHUP, 1), (signal.SIGHUP, 2), (signal.SIGTERM, 3), (signal.SIGINT, 1), (signal.SIGINT, 2)],
)
def test_a_stopped_command_leaves_no_unfinished_file(place, how, times):
    """Sounds are written while they are filtered; signals that come again come while that is cleaned up."""
    audio.write("long.wav", np.zeros((1_000_000, 2), np.int16), 48000)
    Path("b.flac").write_bytes(b"as it was")
    running = started("audio", "reverb", "long.wav", "-o", "b.flac")
    while not unfinished(place):
        assert running.poll() is None
        time.sleep(0.002)
    for number in range(times):
        if number:
            time.sleep(0.002 * number)
        running.send_signal(how)
    _, said = running.communicate(timeout=60)
    assert (running.returncode, said) == (130, "fftconv: interrupted\n")
    assert Path("b.flac").read_bytes() == b"as it was"


@pytest.mark.parametrize(
    ("how", "jobs", "times"),
    [(signal.SIGHUP, 1, 1), (signal.SIGTERM, 2, 1), (signal.SIGINT, 2, 1), (signal.SIGINT, 2, 2)],
)
def test_a_stopped_batch_tells_what_it_did(place, how, jobs, times):
    """The summary, the report and the folder agree, and what is in the folder is whole."""
    pixels = _RNG.integers(0, 256, (200, 200, 3), dtype=np.uint8)
    Path("in").mkdir()
    for number in range(60):
        image.write(f"in/{number:02}.png", pixels)
    words = ("image", "blur", "in", "-o", "out", "--jobs", str(jobs), "--report", "r.json")
    running = started(*words)
    while not Path("out").exists() or len(list(Path("out").glob("[0-9]*"))) < 3:
        assert running.poll() is None
        time.sleep(0.001)
    for _ in range(times):
        running.send_signal(how)
        time.sleep(0.003)
    said, complained = running.communicate(timeout=60)
    assert (running.returncode, complained) == (130, "fftconv: interrupted\n")
    *_, summary = said.splitlines()
    found = re.fullmatch(r"(\d+) of 60 files written(?:, (\d+) not begun)?(?:, (\d+) stopped)?", summary)
    written, not_begun, stopped = (int(count or 0) for count in found.groups())
    assert written + not_begun + stopped == 60
    assert written == len(said.splitlines()) - 1
    assert stopped <= (0 if jobs == 2 and times == 1 else jobs)
    entries = json.loads(Path("r.json").read_text())
    assert [entry["status"] for entry in entries] == ["written"] * written
    there = {str(path) for path in Path("out").iterdir()}
    told = {entry["target"] for entry in entries}
    assert told <= there
    assert len(there - told) <= stopped  # which may have come into their places before they were stopped
    expected = image.gaussian_blur(pixels, 2)
    for path in there:
        np.testing.assert_array_equal(image.read(path), expected)


def test_a_stopped_batch_of_sounds_tells_what_it_did(place):
    Path("in").mkdir()
    for number in range(40):
        audio.write(f"in/{number:02}.wav", np.zeros(20_000), 8000)
    sources = sorted(str(path) for path in Path("in").iterdir())
    running = started("audio", "fir", *sources, "-o", "out/", "--cutoff", "1000")
    while not Path("out").exists() or len(list(Path("out").glob("[0-9]*"))) < 3:
        assert running.poll() is None
        time.sleep(0.001)
    running.send_signal(signal.SIGINT)
    said, complained = running.communicate(timeout=60)
    assert (running.returncode, complained) == (130, "fftconv: interrupted\n")
    *lines, summary = said.splitlines()
    found = re.fullmatch(r"(\d+) of 40 files written(?:, (\d+) not begun)?(?:, (\d+) stopped)?", summary)
    written, not_begun, stopped = (int(count or 0) for count in found.groups())
    assert written == len(lines) and written + not_begun + stopped == 40 and stopped <= 1  # noqa: PT018
    assert written <= len(list(Path("out").iterdir())) <= written + stopped


def test_a_lost_interrupt_comes_again(place):
    """Python drops exceptions of what it calls between two steps of a program, such as a finalizer."""
    program = """
import os, signal, time
from fftconv.cli import main
from fftconv.cli.main import cli
class Finalized:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        for _ in range(1000):
            pass
@cli.command()
def wait():
    Finalized()
    time.sleep(60)
main.__globals__["_COMMANDS"] += ("wait",)
main.__globals__["_Commands"].get_command = lambda group, context, name: wait
main()
"""
    done = subprocess.run([sys.executable, "-P", "-c", program, "wait"], capture_output=True, timeout=50)
    assert (done.returncode, done.stderr) == (130, b"fftconv: interrupted\n")


def test_a_signal_that_is_ignored_stays_so(place):
    """nohup starts a command like that, and a shell in the background."""
    audio.write("long.wav", np.zeros((100_000, 2)), 48000)
    for how in (signal.SIGHUP, signal.SIGINT):
        running = started(
            "audio",
            "smooth",
            "long.wav",
            "-o",
            "b.flac",
            preexec_fn=lambda how=how: signal.signal(how, signal.SIG_IGN),
        )
        while not unfinished(place) and running.poll() is None:
            running.send_signal(how)
            time.sleep(0.01)
        assert running.communicate(timeout=60)[1] == ""
        assert running.returncode == 0


# ------------------------------------------------------------------------------ names, disks and folders


@pytest.mark.parametrize("closed", ["1", "2", "0 1 2"])
def test_no_file_takes_the_place_of_a_closed_stream(place, closed):
    """libtiff prints what is wrong with a file on descriptor 2."""
    Image.fromarray(PIXELS).save("bad.tif", compression="tiff_lzw")
    content = bytearray(Path("bad.tif").read_bytes())
    content[60:400:7] = bytes(byte ^ 0x55 for byte in content[60:400:7])
    Path("bad.tif").write_bytes(content)
    shell = '"$0" -P -c "from fftconv.cli import main; main()" "$@" ' + " ".join(
        f"{'<>'[number != '0'] if number != '2' else '2>'}&-" for number in closed.split()
    )
    words = ["image", "blur", "bad.tif", "a.png", "-o", "out/", "--report", "r.json"]
    done = subprocess.run(["bash", "-c", shell, sys.executable, *words], capture_output=True, timeout=60)
    assert done.returncode == 1
    assert [entry["status"] for entry in json.loads(Path("r.json").read_text())] == ["failed", "written"]
    np.testing.assert_array_equal(image.read("out/a.png"), image.gaussian_blur(PIXELS, 2))


NAMES = [
    "two  spaces",
    "new\nline",
    "tab\tand\r",
    "\x1b[31mred",
    "\x85\u2028",
    " ",
    "[bold]",
    "-dash",
    "%s{0}$x",
]


@pytest.mark.parametrize("words", ["image blur", "audio smooth"])
def test_a_line_is_printed_for_each_file_whatever_its_name(place, words, capsys):
    suffix = ".png" if words.startswith("image") else ".wav"
    for name in NAMES:
        Path(name + suffix).write_bytes(Path(f"a{suffix}").read_bytes())
        Path(f"bad {name}{suffix}").write_text("nothing")
    sources = [start + name + suffix for start in ("./", "bad ") for name in NAMES]
    assert run([*words.split(), *sources, "-o", "out/"]) == 1
    printed = capsys.readouterr()
    assert printed.out.count("\n") == len(NAMES) + 1
    assert printed.err.count("\n") == len(NAMES)
    assert (printed.out + printed.err).replace("\n", "").isprintable()
    for name in filter(str.isprintable, NAMES):
        assert f"\n{name}{suffix} -> out/{name}{suffix}: " in "\n" + printed.out
        assert f"fftconv: bad {name}{suffix} is not " in printed.err


def test_a_report_says_of_an_error_what_is_printed(place, capsys):
    Path("bad.png").write_text("no picture")
    os.mkdir("out")
    os.mkdir("out/a.png")
    sources = ["a.png", "bad.png", "none.png", "none", "*.none", "x" * 300 + ".png"]
    assert run(["image", "blur", *sources, "-o", "out/", "--report", "r.json"]) == 1
    errors = [entry["error"] for entry in json.loads(Path("r.json").read_text())]
    printed = capsys.readouterr().err
    assert printed.splitlines() == [f"fftconv: {error}" for error in errors]
    for source, error in zip(sources[1:], errors[1:], strict=True):
        assert error.startswith(source)


@pytest.mark.parametrize("words", ["image blur", "audio smooth"])
def test_an_input_that_is_not_there_makes_no_folder(place, words, capsys):
    for name in ("none", "none.png", "none.wav"):
        assert run([*words.split(), name, "-o", "out/"]) == 1
        assert capsys.readouterr().err == f"fftconv: {name}: No such file or directory\n"
        assert not Path("out").exists()


@pytest.mark.parametrize("words", ["image blur a.png", "audio smooth a.wav"])
def test_an_output_without_suffix_is_told_what_can_be_done(place, words, capsys):
    os.mkfifo("pipe")
    Path("file").write_bytes(b"as it was")
    Path("lost").symlink_to("nowhere")
    for output, cure in (
        ("pipe", "pipe is a pipe, not an ordinary file; on the command line write to -"),
        ("/dev/null", "/dev/null is a device, not an ordinary file; on the command line write to -"),
        ("file", "-o file has no suffix, which chooses the format; give it one or write to -"),
        ("new", "give it one or, to make it a folder, a / at its end: -o new/"),
        ("file/", "file is a file; name a folder"),
        ("lost/", "lost is a link that leads nowhere; name a folder"),
    ):
        assert run([*words.split(), "-o", output]) in (1, 2)
        assert cure in capsys.readouterr().err
    assert Path("file").read_bytes() == b"as it was"


def test_a_file_that_is_given_twice_is_told_so(place, capsys):
    for other in ("a.png", "./a.png", str(place / "a.png"), "tmp/../a.png", "."):
        assert run(["image", "blur", "a.png", other, "-o", "out/"]) == 1
        assert "a.png is given twice; name it once" in capsys.readouterr().err


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3"])
def test_a_full_disk_is_told_of(place, suffix):
    resource = pytest.importorskip("resource")
    rate = 48000
    audio.write("long.wav", _RNG.uniform(-0.5, 0.5, (20_000, 2)), rate)
    done = process(
        "audio",
        "smooth",
        "long.wav",
        "-o",
        f"b{suffix}",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)),
    )
    assert done.returncode == 1
    assert done.stderr.decode().startswith(f"fftconv: b{suffix}: ")
    assert done.stderr.endswith(b", File too large\n")
    assert not Path(f"b{suffix}").exists()


def test_a_report_names_files_that_are_no_text(place):
    """Bytes that are no UTF-8 are escaped, and os.fsencode turns them back."""
    names = [
        b"\xff.png",
        b"a\xe4\xf6\xfc.png",
        "ä€😀.png".encode(),
        b"\xed\xa0\x80.png",
        b'"\\\x01.png',
        b"bad\x80.png",
    ]
    os.mkdir(b"in\xfe")
    for name in names:
        path = os.path.join(b"in\xfe", name)
        image.write(os.fsdecode(path), PIXELS) if b"bad" not in name else Path(
            os.fsdecode(path)
        ).write_text("no")
    done = process("image", "blur", b"in\xfe", "-o", b"out\xfd", "--report", b"r\xff.json")
    assert done.returncode == 1
    content = Path(os.fsdecode(b"r\xff.json")).read_bytes()
    entries = json.loads(content.decode("utf-8"))
    assert "ä€😀".encode() in content
    assert sorted(os.fsencode(entry["file"]) for entry in entries) == sorted(
        b"in\xfe/" + name for name in names
    )
    assert sorted(os.fsencode(entry["target"]) for entry in entries) == sorted(
        b"out\xfd/" + name for name in names
    )
    assert sorted(os.listdir(b"out\xfd")) == sorted(name for name in names if b"bad" not in name)


def test_names_stand_in_pictures_as_they_are(place):
    """No text, and a formula of Matplotlib that is wrong."""
    name = b"b\xff$x^{$"
    before, after = os.fsdecode(name + b".png"), os.fsdecode(name + b".tif")
    image.write(before, PIXELS)
    assert run(["image", "blur", before, "-o", after, "--compare", "c.png"]) == 0
    before, after = os.fsdecode(name + b".wav"), os.fsdecode(name + b".flac")
    audio.write(before, SOUND, 8000)
    assert run(["audio", "smooth", before, "-o", after, "--plot", "d.png"]) == 0


def test_a_report_that_cannot_be_written_is_refused_before_the_work(place, monkeypatch, capsys):
    (place / "pipe").mkdir()
    os.mkfifo("pipe/r.json")
    for report in ("none/r.json", "pipe", "pipe/r.json", "/proc/r.json"):
        assert run(["image", "blur", "a.png", "-o", "b.png", "--report", report]) == (
            2 if report == "pipe" else 1
        )
        assert report.split("/")[0] in capsys.readouterr().err
        assert not Path("b.png").exists()


# ----------------------------------------------------------------------------------- inputs of all kinds


def unreadable(kind, suffix):
    """An input that cannot be read, and a part of what is said of it."""
    path = f"bad{suffix}"
    if kind == "missing":
        return path, "No such file or directory"
    if kind == "no permission":
        Path(path).touch(mode=0)
        return path, "Permission denied"
    if kind == "another format":
        Path(path).write_text("no such thing")
        return path, "that can be read"
    if kind == "empty folder":
        os.mkdir("empty")
        return "empty", "holds no file" if suffix == ".png" else "Is a directory"
    if kind == "dangling link":
        Path(path).symlink_to("nowhere")
        return path, "No such file or directory"
    if kind == "link to itself":
        Path(path).symlink_to(path)
        return path, "Too many levels of symbolic links"
    if kind == "long name":
        return "x" * 300 + suffix, "File name too long"
    if kind == "pattern":
        return f"*none{suffix}", "matches no file"
    if kind == "socket":
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path)
        return path, "is a socket, not an ordinary file"
    if kind == "device":
        Path(path).symlink_to("/dev/zero")
        return path, "is a device, not an ordinary file"
    os.mkfifo(path)
    return path, "is a pipe, not an ordinary file"


KINDS = [
    "missing",
    "another format",
    "empty folder",
    "dangling link",
    "link to itself",
    "long name",
    "pattern",
]
KINDS += ["socket", "device", "pipe"] + ["no permission"] * (os.getuid() != 0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("words", ["image blur --jobs 1", "image blur --jobs 2", "audio smooth"])
def test_an_input_that_cannot_be_read_does_not_stop_the_others(place, kind, words, capsys):
    suffix = ".png" if words.startswith("image") else ".wav"
    for name in ("one", "two"):
        Path(f"{name}{suffix}").write_bytes(Path(f"a{suffix}").read_bytes())
    bad, message = unreadable(kind, suffix)
    assert run([*words.split(), f"one{suffix}", bad, f"two{suffix}", "-o", "out"]) == 1
    printed = capsys.readouterr()
    assert sorted(os.listdir("out")) == [f"one{suffix}", f"two{suffix}"]
    assert printed.out.splitlines()[-1] == "2 of 3 files written, 1 failed"
    assert printed.err.startswith((f"fftconv: {bad}", f"fftconv: out/{bad}"))
    assert message in printed.err
    assert printed.err.count("\n") == 1


@pytest.mark.skipif(os.getuid() != 0 or which("setpriv") is None, reason="root gives up what it may do")
@pytest.mark.parametrize("words", ["image blur", "audio smooth"])
def test_a_file_that_may_not_be_read_does_not_stop_the_others(place, words):
    suffix = ".png" if words.startswith("image") else ".wav"
    for name in ("b", "secret/c"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name + suffix).write_bytes(Path(f"a{suffix}").read_bytes())
    for path in (f"b{suffix}", "secret"):
        os.chmod(path, 0)
    command = ["setpriv", "--inh-caps=-all", "--bounding-set=-all", *MAIN, *words.split(), f"a{suffix}"]
    command += [f"b{suffix}", f"secret/c{suffix}", "-o", "out/"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "1 of 3 files written, 2 failed" in done.stdout
    lines = [f"fftconv: {name}{suffix}: Permission denied" for name in ("b", "secret/c")]
    assert done.stderr.splitlines() == lines


@pytest.mark.parametrize(
    ("words", "bad", "message"),
    [
        ("smooth --window savitzky_golay --width 0.01", "slow.wav", "too few for a polynomial"),
        ("smooth", "text.wav", "is not a sound file"),
        ("smooth", "missing.wav", "No such file"),
        ("smooth --subtype PCM_16", "hole.wav", "the result holds NaN"),
        ("fir --cutoff 1000", "slow.wav", "--cutoff"),
        ("reverb --response room.wav", "slow.wav", "room.wav has 8000 Hz and 20 Hz are wanted"),
        ("reverb --response room.wav", "mono.wav", "--response room.wav is stereo and the sound is mono"),
    ],
)
def test_errors_in_a_batch_of_sounds_name_the_file(place, words, bad, message, capsys):
    """Whether the file, what it holds or the parameters are wrong for it."""
    Path("text.wav").write_text("no sound")
    audio.write("room.wav", SOUND / 100, 8000)
    audio.write("slow.wav", SOUND, 20)
    audio.write("mono.wav", SOUND[:, 0], 8000)
    audio.write("hole.wav", np.where(SOUND > 0, SOUND, np.nan), 8000, subtype="DOUBLE")
    assert run(["audio", *words.split(), "a.wav", bad, "-o", "out/"]) == 1
    printed = capsys.readouterr()
    assert printed.err.startswith((f"fftconv: {bad}", f"fftconv: out/{bad}"))
    assert message in printed.err
    assert printed.err.count("\n") == 1
    assert "1 of 2 files written, 1 failed" in printed.out


@pytest.mark.parametrize("kind", ["pipe", "socket", "device"])
def test_what_never_ends_is_refused_wherever_a_file_is_named(place, kind, capsys):
    picture, _ = unreadable(kind, ".png")
    sound, table, taps = "bad.wav", "bad.csv", "bad.npy"
    for name in (sound, table, taps):
        os.link(picture, name, follow_symlinks=False)
    words = [
        ["image", "blur", picture, "-o", "b.png"],
        ["image", "blur", picture, "-o", "b.tif", "--max-memory", "90G"],
        ["image", "match", picture, "a.png"],
        ["image", "match", "a.png", picture],
        ["image", "convolve", "a.png", "-o", "b.png", "--kernel", table],
        ["image", "convolve", "a.png", "-o", "b.png", "--kernel", taps],
        ["image", "blur", "a.png", "-o", picture],
        ["image", "blur", "a.png", "-o", "b.png", "--report", picture],
        ["image", "blur", "a.png", "-o", "b.png", "--compare", picture],
        ["audio", "smooth", sound, "-o", "b.wav"],
        ["audio", "smooth", "a.wav", "-o", sound],
        ["audio", "info", sound],
        ["audio", "reverb", "a.wav", "-o", "b.wav", "--response", sound],
        ["dist", "sum", table],
        ["dist", "d6", "--csv", table],
        ["compare", "--image", picture],
    ]
    for each in words:
        assert run(each) in (1, 2)
        said = capsys.readouterr().err
        assert f"is a {kind}, not an ordinary file; on the command line" in said
        assert not Path("b.png").exists() and not Path("b.wav").exists()  # noqa: PT018


def test_a_process_substitution_is_refused_and_its_cure_works(place):
    shell = 'f() { "$0" -P -c "from fftconv.cli import main; main()" "$@"; }; '
    for words, code in (("<(cat a.png) -o b.png", 1), ("- -o b.png < <(cat a.png)", 0)):
        command = ["bash", "-c", f"{shell} f image blur {words}", sys.executable]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == code, done.stderr
        assert ("/dev/fd/" in done.stderr) == bool(code)
