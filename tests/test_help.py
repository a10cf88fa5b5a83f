"""The help of every command: examples that run, summaries that are whole, options in units, completion."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest

from fftconv import audio, image, tuning
from fftconv.cli.main import cli, run

ROOT = Path(__file__).parents[1]
# What keeps a measurement short; the options of the example stand before it.
SHORTER = {"compare": ["--no-memory", "--repeats", "1", "--peers", "none"]}


def commands(command=cli, path=("fftconv",)):
    """Every command and group, with the words that call it."""
    yield " ".join(path), command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            yield from commands(command.get_command(context, name), (*path, name))


COMMANDS = dict(commands())


def help_of(name, width=80):
    context = None
    for word, command in zip(name.split(), [COMMANDS[n] for n in prefixes(name)], strict=True):
        context = click.Context(
            command, info_name=word, parent=context, **command.context_settings, terminal_width=width
        )
    return context.get_help()


def prefixes(name):
    words = name.split()
    return [" ".join(words[: n + 1]) for n in range(len(words))]


def examples_of(name):
    """The lines behind the last heading of the help."""
    head, found, tail = help_of(name).rpartition("\n  Examples:\n")
    assert found, head
    return [line.strip() for line in tail.splitlines()]


def readme_commands():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    block = text.split("## From a shell")[1].split("```text\n")[1].split("```")[0]
    return [line for line in block.splitlines() if "://" not in line]


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """A folder with the files that examples name."""
    folder = tmp_path_factory.mktemp("samples")
    picture = image.read(ROOT / "samples" / "picture.png")[400:448, 150:214]
    names = "photo.jpg photo.png scan.tif slide.tif page.png blurred.png moved.png"
    for name in (*names.split(), "photos/one.jpg", "photos/two.png"):
        (folder / name).parent.mkdir(exist_ok=True)
        image.write(folder / name, picture)
    image.write(folder / "word.png", picture[10:20, 5:25])
    sound, rate = audio.read(ROOT / "samples" / "melody.wav")
    for name in ("voice.wav", "sensor.wav", "in.wav"):
        audio.write(folder / name, sound[:3000], rate)
    audio.write(folder / "song.mp3", sound[:3000], rate)
    for name in ("room.wav", "hall_ir.wav"):
        audio.write(folder / name, 0.9 * np.exp(-np.arange(500) / 50)[:, None], rate)
    for name in ("a.csv", "b.csv"):
        (folder / name).write_text("value,probability\n1,0.5\n2,1/2\n")
    return folder


@pytest.fixture(scope="module")
def tuned():
    """What a short measurement found, for all examples that measure: each takes seconds."""
    return tuning.tune(0.01, save=False)


EXAMPLES = sorted({line for name in COMMANDS for line in examples_of(name)} | set(readme_commands()))


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_of_a_help_and_of_the_readme_runs(
    example, samples, tmp_path, monkeypatch, capfd, request
):
    shutil.copytree(samples, tmp_path / "work")
    monkeypatch.chdir(tmp_path / "work")
    program, *words = shlex.split(example)
    assert program == "fftconv"
    if words[0] == "tune":
        found = request.getfixturevalue("tuned")
        monkeypatch.setattr(tuning, "tune", lambda seconds, *, save, progress: found)
    if ">" in words:  # for the shell
        words, target = words[: words.index(">")], words[words.index(">") + 1 :]
        assert len(target) == 1
    arguments = []
    for word in words:  # as a shell does
        arguments += sorted(map(str, Path().glob(word))) or [word] if "*" in word else [word]
    if "--max-memory" in words:  # which counts all memory of the process: this one holds other tests
        command = [sys.executable, "-P", "-c", "from fftconv.cli import main; main()", *arguments]
        done = subprocess.run(command, capture_output=True, text=True)
        code, out, error = done.returncode, done.stdout, done.stderr
    else:
        code = run([*arguments, *SHORTER.get(words[0], [])])
        out, error = capfd.readouterr()
    assert (code, error.replace("\n", "")) == (0, "")
    assert out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_help_ends_with_two_examples_of_its_own(name):
    examples = examples_of(name)
    assert len(examples) == 2
    assert len(set(examples)) == 2
    assert all(line.startswith(name + " ") or line == name for line in examples)


@pytest.mark.parametrize("width", [80, 100])
@pytest.mark.parametrize("name", COMMANDS)
def test_no_line_of_a_help_is_cut_or_too_long(name, width):
    lines = help_of(name, width).splitlines()
    assert not [line for line in lines if line.rstrip().endswith("...") and not line.startswith("Usage:")]
    assert max(map(len, lines)) <= width
    assert not re.search(r"RANGE|FLOAT|INTEGER|TEXT|None|x[<>]", help_of(name).replace("PCM_24, FLOAT", ""))


OPTIONS = [
    (name, option)
    for name, command in COMMANDS.items()
    for option in command.params
    if isinstance(option, click.Option)
]


@pytest.mark.parametrize(("name", "option"), OPTIONS, ids=lambda part: getattr(part, "name", part))
def test_every_option_says_what_it_does_and_its_default(name, option):
    assert option.help
    assert option.help[0].isupper() or option.help.split(":")[0] in help_of(name)
    if option.default not in (None, False, ()) and not option.required and not option.is_eager:
        assert (
            option.show_default or "[default:" in option.help or repr(option.default).startswith("Sentinel")
        )


def test_options_of_the_same_name_take_the_same_kind_of_value():
    kinds = {}
    for name, option in OPTIONS:
        if option.name not in ("shape", "signal", "kernel", "plot", "compare"):
            kinds.setdefault(max(option.opts, key=len), {}).setdefault(kind(option), []).append(name)
    different = {flag: found for flag, found in kinds.items() if len(found) > 1}
    assert set(different) <= {"--boundary"}, different


def kind(option):
    """What an option takes, as the help shows it."""
    if isinstance(option.type, click.Choice):
        return tuple(option.type.choices)
    return option.metavar or option.type.name


def test_pictures_are_filtered_by_every_method_that_there_is():
    from fftconv._engines import ENGINES

    found = {name: option for name, option in OPTIONS if option.name == "method"}
    assert {"fftconv image blur", "fftconv image pipeline", "fftconv explain"} <= set(found)
    for option in found.values():
        assert tuple(option.type.choices) == ("auto", *ENGINES)


@pytest.mark.parametrize("method", ["auto", "direct", "separable", "running_sum", "overlap_save", "fft"])
def test_every_method_gives_the_picture_of_the_function(method, samples, tmp_path):
    target = tmp_path / "out.png"
    source = str(samples / "photo.png")
    assert run(["image", "blur", source, "-o", str(target), "--shape", "box", "--method", method]) == 0
    assert np.array_equal(image.read(target), image.box_blur(image.read(source), 5, method=method))


def test_a_method_that_cannot_do_this_is_refused_in_flags(samples, tmp_path, capsys):
    words = ["image", "blur", str(samples / "photo.png"), "-o", str(tmp_path / "x.png")]
    assert run([*words, "--method", "running_sum"]) == 1
    assert capsys.readouterr().err.endswith(
        "--method running_sum cannot do this: the taps are not all the same finite number; "
        "use --method auto\n"
    )


def process(*words, **environment):
    command = [sys.executable, "-P", "-c", "from fftconv.cli import main; main()", *words]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ | environment
    )
    return done.stdout


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("fftconv im", "plain,image"),
        ("fftconv image hi", "plain,high-pass"),
        ("fftconv image blur --sig", "plain,--sigma"),
        ("fftconv image blur --method over", "plain,overlap_save"),
        ("fftconv image blur pho", "file,pho"),
        ("fftconv image convolve a.png --kernel lap", "plain,laplace"),
        ("fftconv image convolve a.png --kernel taps.c", "file,taps.c"),
        ("fftconv explain --boundary mir", "plain,mirror"),
        ("fftconv compare --methods fft,sep", "plain,fft,separable"),
        ("fftconv audio fir --band band", "plain,bandpass"),
        ("fftconv dist sum a", "file,a"),
    ],
)
def test_a_shell_is_told_how_a_word_goes_on(typed, offered):
    words = typed.split(" ")
    printed = process(_FFTCONV_COMPLETE="bash_complete", COMP_WORDS=typed, COMP_CWORD=str(len(words) - 1))
    assert offered in printed.splitlines()


@pytest.mark.parametrize(("shell", "part"), [("zsh", "#compdef fftconv"), ("fish", "--command fftconv")])
def test_completion_is_printed_for_other_shells(shell, part):
    assert part in process(_FFTCONV_COMPLETE=f"{shell}_source")


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_bash_completes_with_the_line_of_the_readme(tmp_path):
    line = 'eval "$(_FFTCONV_COMPLETE=bash_source fftconv)"'
    assert line in (ROOT / "README.md").read_text(encoding="utf-8")
    program = tmp_path / "fftconv"
    program.write_text(
        f'#!/bin/sh\nexec "{sys.executable}" -P -c "from fftconv.cli import main; main()" "$@"\n'
    )
    program.chmod(0o755)
    script = (
        f"{line}\nCOMP_WORDS=(fftconv image em) COMP_CWORD=2\n"
        'complete -p fftconv\n_fftconv_completion fftconv\necho "${COMPREPLY[*]}"'
    )
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, check=True, env=os.environ | {"PATH": path}
    )
    assert done.stdout.splitlines()[-1] == "emboss"
    assert done.stdout.startswith("complete ")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_help_imports_no_array_library(name):
    code = (
        "import sys; from fftconv.cli.main import run; run(sys.argv[1:]);"
        "print(*{'numpy', 'scipy', 'PIL', 'rich', 'pyfftw'} & set(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, *name.split()[1:], "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr.split() == []
    assert done.stdout.startswith("Usage:")
