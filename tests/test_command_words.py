"""What the command line says of wrong values: one line, in its own words and not in those of Python."""

import re
import shlex
from contextlib import chdir
from pathlib import Path

import click
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fftconv import audio, image
from fftconv.cli.main import cli, run
from fftconv.cli.options import Count, hertz, seconds

SAMPLES = Path(__file__).parents[1] / "samples"

# A call of each command that works.
WORKING = {
    "image blur": "a.png -o o.png",
    "image edges": "a.png -o o.png",
    "image sharpen": "a.png -o o.png",
    "image emboss": "a.png -o o.png",
    "image convolve": "a.png -o o.png --kernel laplace",
    "image high-pass": "a.png -o o.png",
    "image dog": "a.png -o o.png",
    "image deconvolve": "a.png -o o.png --kernel disk(2)",
    "image pipeline": "'blur 2' a.png -o o.png",
    "image match": "a.png part.png",
    "image view-kernel": "laplace",
    "audio smooth": "s.wav -o o.wav",
    "audio echo": "s.wav -o o.wav --delay 0.01 --decay 0.5",
    "audio reverb": "s.wav -o o.wav",
    "audio fir": "s.wav -o o.wav --cutoff 500",
    "audio info": "s.wav",
    "dist": "3d6",
    "explain": "--signal 1000 --kernel 10",
    "compare": "--signal 100 --kernel 5 --repeats 1 --no-memory --peers none --methods direct",
    "tune": "--no-save",
    "info": "",
}
VALUES = [
    "", "-1", "0", "0.0", "1", "3", "-0.5", "2.5", "1e-300", "1e9", "1e300", "1e400", "inf", "-inf", "nan",
    "9" * 400, "9" * 5000, "1e999999999", "word", "3px", "300ms", "1.2kHz", "6dB", "500M", "1,2", "(1,2)",
    "1x1", "None", "True", "'q'", "a.png", "bad.png", "bad.csv", "missing/x.png", "x.doc", "float32",
    "object", "str", "M8", "i4,i4", "__import__('os')", "x=1",
]  # fmt: skip
DRAWS = ("--plot", "--html", "--compare")  # slow where it works
# Nothing of this is typed in a shell: name=value, a call, constants, and the nouns of the language.
OF_PYTHON = re.compile(
    r"\b[a-z_]+=|\w\(\)|\b(?:None|True|False|tuple|NumPy|positional|kwarg|keyword|callable|ndarray)\b"
    r"|(?<!-)\bdtype\b|np\.|<class|Traceback|Error\b|shape \(|\(\d+,|float range|integer range|read_frames"
    r"|could not convert|not recognized|cannot convert|Unable to allocate"
)
NOTATION = re.compile(r"[a-z_]+=")  # in the steps of a pipeline and the parameters of a kernel


def leaves(command=cli, path=()):
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            yield from leaves(command.get_command(context, name), (*path, name))
    else:
        yield " ".join(path), command


COMMANDS = dict(leaves())
OPTIONS = [
    (name, max(option.opts, key=len))
    for name, command in COMMANDS.items()
    for option in command.params
    if isinstance(option, click.Option)
]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("words")
    with chdir(folder):
        write_files()
    return folder


def write_files():
    picture = image.read(SAMPLES / "picture.png")[400:440, 150:200]
    image.write("a.png", picture)
    image.write("part.png", picture[3:12, 5:14])
    image.write("grey.png", picture[..., 0].copy())
    Image.fromarray(picture).convert("CMYK").save("cmyk.jpg")
    Image.fromarray(picture).convert("RGBA").save("rgba.png")
    frames = [Image.new("RGB", (60, 60), colour) for colour in ("red", "blue")]
    frames[0].save("two.gif", save_all=True, append_images=frames[1:])
    image.write("noise.png", np.random.default_rng(5).integers(0, 256, (9, 9, 3)).astype(np.uint8))
    sound, rate = audio.read(SAMPLES / "melody.wav")
    audio.write("s.wav", sound[:2000], rate)
    audio.write("fast.wav", sound[:100], 48000)
    audio.write("stereo.wav", np.repeat(sound[:100], 2, axis=1), rate)
    Path("empty.wav").write_bytes(b"")
    Path("bad.png").write_text("no picture")
    Path("bad.csv").write_text("1,2,3\nx\n")
    Path("half.csv").write_text("1,0.5\n")
    np.save("cube.npy", np.ones((2, 2, 2)))
    np.savez("several.npz", np.eye(2))
    Path("several.npz").rename("several.npy")
    Path("zip.npy").write_bytes(b"PK\3\4 no archive")
    np.save("number.npy", np.array(1.0))
    np.save("objects.npy", np.array([None]), allow_pickle=True)


def call(name, words, capsys):
    """The exit code, and what is said on standard error, or nothing if all is well."""
    code = run([*name.split(), *words])
    error = capsys.readouterr().err
    assert code in (0, 1, 2), (name, words)
    if code:
        assert error.startswith("fftconv: "), (name, words)
        assert error.count("\n") == 1, (name, words, error)
    return code, error


def check_words(name, words, error):
    """One line, of which what was typed is no part."""
    said = error
    for word in sorted({word for word in words if len(word) > 1}, key=len, reverse=True):
        said = said.replace(word, "…")
    if "kernel" in error or "pipeline" in name:
        said = NOTATION.sub("", re.sub(r"'\w+\([^']*\)'", "", said))
    found = OF_PYTHON.search(said)
    assert not found, f"{name} {' '.join(words)[:200]}\n{error}"


@pytest.mark.parametrize(("name", "flag"), OPTIONS)
def test_wrong_values_are_refused_in_the_words_of_the_command_line(name, flag, files, monkeypatch, capsys):
    monkeypatch.chdir(files)
    option = next(option for option in COMMANDS[name].params if flag in option.opts)
    random = np.random.default_rng([*name.encode(), *flag.encode()])
    values = [*random.choice(VALUES, 5, replace=False), *getattr(option.type, "choices", ())]
    if name == "tune":
        values = [value for value in VALUES if not re.fullmatch("[0-9e.]+|300ms|1e-300", value)]
    cases = [[flag]] if option.is_flag else [[flag], *([flag, str(value)] for value in values)]
    for case in cases:
        if (name, flag) in {("compare", "--repeats"), ("compare", "--signal"), ("compare", "--kernel")}:
            case = [flag, "-" + case[-1]]  # what is accepted takes its time
        if flag in DRAWS and len(case) == 2 and case[1] not in ("", "x.doc", "bad.csv", "missing/x.png"):
            continue
        if name == "tune" and option.is_flag:
            continue
        words = [*shlex.split(WORKING[name]), *case]
        code, error = call(name, words, capsys)
        if code:
            check_words(name, words, error)
            named = [flag, *words, str(Path(case[-1]).parent)]
            assert any(part and part in error for part in named), error
        if case[-1] == "a.png":
            write_files()  # where a picture was to be written there


# A flag, or a file, that the line must name.
CONFLICTS = {
    "image match two.gif part.png": (2, "two.gif: holds 2 frames; give a picture of one"),
    "image match part.png a.png": (2, "a.png: 50 x 40 pixels are larger than the 9 x 9 of part.png"),
    "image match a.png grey.png": (2, "grey.png: holds grey and a.png holds RGB"),
    "image match a.png cmyk.jpg": (2, "cmyk.jpg: holds RGB with opacity or CMYK and a.png holds RGB"),
    "image match a.png missing.png": (2, "missing.png: No such file"),
    "image match a.png bad.png": (2, "bad.png is not an image"),
    "image match a.png part.png --max-pixels 3": (2, "--max-pixels 2000"),
    "image match a.png noise.png": (1, "no match of noise.png in a.png with a score from 0.8; the best"),
    "image pipeline blur a.png -o o.png": (2, "step 'blur': sigma is missing; its form is blur sigma"),
    "image pipeline 'blur 2 3' a.png -o o.png": (2, "2 values are given without a name, of at most 1"),
    "image pipeline 'blur 2 sigma=3' a.png -o o.png": (2, "sigma is given twice"),
    "image pipeline 'blur x' a.png -o o.png": (2, "pass a number"),
    "image pipeline 'box 2.5' a.png -o o.png": (2, "step 'box'"),
    "image pipeline 'sharpen 1 2 3' a.png -o o.png": (2, "its form is sharpen amount=1.0 [sigma]"),
    "image pipeline convolve a.png -o o.png": (2, "kernel is missing; its form is convolve kernel"),
    "image pipeline 'convolve disk' a.png -o o.png": (2, "step 'convolve disk': kernel 'disk': radius is"),
    "image convolve a.png -o o.png --kernel disk()": (2, "--kernel 'disk()': radius is missing"),
    "image convolve a.png -o o.png --kernel disk(1,2,3)": (2, "its form is disk(radius)"),
    "image convolve a.png -o o.png --kernel disk(x=1)": (2, "it has no x"),
    "image convolve a.png -o o.png --kernel cube.npy": (2, "makes 2 x 2 x 2 taps"),
    "image convolve a.png -o o.png --kernel objects.npy": (2, "does not hold an array of numbers"),
    "image convolve a.png -o o.png --kernel several.npy": (2, "does not hold an array of numbers"),
    "image convolve a.png -o o.png --kernel zip.npy": (2, "does not hold an array of numbers"),
    "image convolve a.png -o o.png --kernel number.npy": (2, "makes 1 taps"),
    "image convolve a.png -o o.png --kernel bad.csv": (2, "bad.csv does not hold rows"),
    "image convolve a.png -o o.png --kernel box": (2, "size is missing"),
    "image edges a.png -o o.png --signed abs": (2, "--signed abs belongs to --operator laplace or log"),
    "image edges cmyk.jpg -o o.jpg --channel luminance": (1, "--channel luminance is for grey and RGB"),
    "image sharpen a.png -o o.png --sigma 1e9": (1, "--sigma 1000000000.0 is not accepted"),
    "image dog a.png -o o.png --sigma 3": (1, "--sigma 3.0; pass more, such as --wider 4.8"),
    "image deconvolve a.png -o o.png --kernel '-1 3'": (0, ""),
    "image deconvolve a.png -o o.png --kernel '1 -3'": (1, "--kernel sums to -2"),
    "image deconvolve a.png -o o.png --kernel '-1 3' --algorithm richardson-lucy": (
        1,
        "--kernel has negative taps, of which Richardson-Lucy takes none; pass --algorithm wiener",
    ),
    "audio reverb s.wav -o o.wav --response fast.wav": (1, "fast.wav has 48000 Hz and 22050 Hz are wanted; "
                                                        "pass --resample"),
    "audio reverb s.wav -o o.wav --response stereo.wav": (1, "--response stereo.wav is stereo and the"),
    "audio reverb s.wav -o o.wav --response empty.wav": (1, "empty.wav"),
    "audio reverb s.wav -o o.wav --decay-time 90min": (1, "--decay-time 5400 s needs"),
    "audio fir s.wav -o o.wav --cutoff 40kHz": (1, "--cutoff 40000.0 is not accepted"),
    "audio fir s.wav -o o.wav --band bandpass --cutoff 300 --cutoff 40kHz": (1, "--cutoff 300.0 --cutoff"),
    "audio fir s.wav -o o.wav": (2, "--cutoff"),
    "audio echo s.wav -o o.wav --delay 300ms": (2, "--decay"),
    "audio echo s.wav -o o.wav --delay 1us --decay 0.5": (1, "--delay 1e-06 s at 22050 Hz is 0.02205"),
    "audio smooth s.wav -o o.wav --width 2h": (2, "--width': '2h' is not accepted; give seconds, such as"),
    "audio smooth s.wav -o o.wav --width 90min": (1, "--width 5400 s needs"),
    "audio smooth s.wav -o o.wav --window gaussian --width 15min": (1, "--width 900 s needs"),
    "audio smooth s.wav -o o.wav --window savitzky_golay --width 1ms --order 40": (1, "--width 0.001 "),
    "audio info bad.png": (1, "bad.png"),
    "dist 3d6/2": (1, "dice are not divided"),
    "dist sum half.csv": (1, "half.csv: probabilities add up to 0.5"),
    "dist sum bad.csv": (1, "bad.csv: line 1"),
    "dist 3d6 --at-least 1e999999": (2, "--at-least"),
    "explain --signal 100x100 --kernel 3": (2, "--kernel 3 has 1 axis and --signal 100x100 has 2"),
    "explain --signal 100x100 --kernel 3 --axes 0,1": (2, "--kernel 3 has 1 axis and --axes 0,1 names 2"),
    "explain --signal 100x100 --kernel 3x3 --axes 0": (2, "--kernel 3x3 has the length 3 along axis 1"),
    "explain --signal 100 --kernel 3 --axes 2": (2, "--axes 2 does not fit --signal 100; give axes"),
    "explain --signal 100 --kernel 3 --axes 0,0": (2, "--axes 0,0 names an axis twice"),
    "explain --signal 1e18x1e18 --kernel 3x3": (2, "--signal 1000000000000000000x10000000000"),
    "explain --signal 10 --kernel 3 --boundary reflect --mode valid": (2, "leave --boundary out"),
    "explain --signal 10 --kernel 3 --dtype object --method fft": (2, "--method fft cannot do this"),
    "compare --signal 100 --kernel 3x3": (2, "--kernel 3x3 has 2 axes and --signal 100 has 1"),
    "compare --image two.gif": (1, "two.gif: holds 2 frames"),
    "compare --image a.png --dtype int8": (2, "--dtype int8"),
    "compare --signal 10 --kernel 3 --methods dircet": (2, "'dircet' is not accepted; give all, or some"),
    "compare --signal 10 --kernel 3 --peers none,cv2": (2, "'none' is not accepted"),
    "compare": (2, "--signal and --kernel, or --image"),
    "inf": (2, "No such command 'inf'; did you mean fftconv info?"),
    "image blurr a.png": (2, "No such command 'blurr'; did you mean fftconv image blur?"),
    "blur a.png": (2, "No such command 'blur'; did you mean fftconv image blur?"),
    "ech s.wav": (2, "did you mean fftconv audio echo?"),
    "image view-kernel laplac": (2, "KERNEL 'laplac' names no kernel"),
    "image edges a.png -o o.png --direction --sigma 2": (2, "--sigma does not go with --direction"),
    "image edges a.png -o o.png --direction --signed abs": (2, "--signed does not go with"),
    "image blur a.png -o o.png --method overlap-save": (2, "pass 'overlap_save'"),
    "audio fir s.wav -o o.wav --cutoff 9 --cutoff 99": (2, "--band lowpass takes one --cutoff; 2"),
    "audio qqq": (2, "No such command 'qqq' (see"),
    "image blur a.png -o o.png --sgma 2": (2, "--sigma"),
}  # fmt: skip


@pytest.mark.parametrize("line", CONFLICTS)
def test_what_does_not_go_together_is_told_in_flags_and_files(line, files, monkeypatch, capsys):
    monkeypatch.chdir(files)
    words = shlex.split(line)
    expected, part = CONFLICTS[line]
    code, error = call("", words, capsys)
    assert (code, part in error) == (expected, True), error
    check_words(line, words, error)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_call_that_works(name, files, monkeypatch, capsys):
    monkeypatch.chdir(files)
    if name != "tune":
        assert call(name, shlex.split(WORKING[name]), capsys)[0] == 0


def test_memory_that_is_not_there_is_told_in_plain_words(monkeypatch, files, capsys):
    def refuse(shape, *rest):
        raise np._core._exceptions._ArrayMemoryError(shape, np.dtype(float))

    monkeypatch.chdir(files)
    monkeypatch.setattr("fftconv.cli.compare._random", lambda *given: refuse((10**12,)))
    code, error = call("compare", ["--signal", "1e9", "--kernel", "3"], capsys)
    assert (code, error) == (1, "fftconv: not enough memory: 7.28 TiB more are needed\n")


def test_an_exact_copy_has_the_score_1(files, monkeypatch, capsys):
    monkeypatch.chdir(files)
    assert run(["image", "match", "a.png", "part.png", "--threshold", "1"]) == 0
    assert capsys.readouterr().out == "3,5,1.0000\n"


UNITS = {
    "seconds": (seconds(), {"": 1, "s": 1, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "min": 60}),
    "hertz": (hertz(), {"": 1, "Hz": 1, "hz": 1, "kHz": 1e3, "khz": 1e3, "MHz": 1e6}),
}


@pytest.mark.parametrize("kind", UNITS)
@given(data=st.data())
def test_numbers_with_units_are_the_numbers_times_the_unit(kind, data):
    number_type, units = UNITS[kind]
    unit = data.draw(st.sampled_from(sorted(units)))
    number = data.draw(st.floats(-1e6, 1e6).map(lambda value: format(value, ".6g")))
    space = data.draw(st.sampled_from(["", " "]))
    found = number_type.convert(f"{number}{space}{unit}", None, None)
    assert found == pytest.approx(float(number) * units[unit], rel=4e-16, abs=0)
    if not unit:
        assert found == float(number)


@pytest.mark.parametrize(
    "wrong", ["", "s", "3 3", "3sms", "3h", "1_000", "0x10", "٣", "3e", "--3", "nan", "1e400", "inf s"]
)
def test_what_is_no_time_is_refused(wrong):
    with pytest.raises(click.BadParameter, match="give seconds, such as 0.3, 300ms or 2min"):
        seconds().convert(wrong, None, None)


@given(st.integers(-(10**30), 10**30))
def test_counts_are_whole_numbers_between_their_limits(number):
    for least, most in ((0, 2**63 - 1), (1, 100)):
        try:
            found = Count(least, most, "px").convert(f"{number}px", None, None)
        except click.BadParameter:
            found = None
        assert found == (number if least <= number <= most else None)


@pytest.mark.parametrize("typed", ["5", "5px", "5PX", "5 px", " 5 Px "])
def test_a_count_has_its_unit_in_any_case_behind_it_or_not(typed):
    assert Count(1, unit="px").convert(typed, None, None) == 5


@pytest.mark.parametrize("typed", ["5x5", "2.5", "5 pixels", "px", ""])
def test_an_error_of_a_count_says_its_unit(typed):
    with pytest.raises(click.BadParameter, match="give a whole number, such as 5 or 5px, from 1"):
        Count(1, unit="px").convert(typed, None, None)


def test_every_command_of_a_group_is_named_where_the_group_was_forgotten(capsys):
    for name in COMMANDS:
        _, _, last = name.rpartition(" ")
        if last != name and last not in COMMANDS:
            assert run([last, "a.png"]) == 2
            assert f"did you mean fftconv {name}?" in capsys.readouterr().err


def test_units_reach_the_filter(files, monkeypatch):
    monkeypatch.chdir(files)
    for words, same in {
        "echo --decay 0.5 --delay 20ms": "echo --decay 0.5 --delay 0.02",
        "fir --cutoff 1.2kHz --transition 300Hz": "fir --cutoff 1200 --transition 300",
        "smooth --width 2ms": "smooth --width 0.002",
        "echo --decay 0.5 --delay 0.01 --headroom 6dB": "echo --decay 0.5 --delay 10ms --headroom 6",
    }.items():
        results = []
        for line in (words, same):
            name, *rest = line.split()
            assert run(["audio", name, "s.wav", "-o", "units.wav", *rest]) == 0
            results.append(audio.read("units.wav")[0])
        assert np.array_equal(*results)
