"""The command line on real files: in a subprocess where the process matters, in-process elsewhere."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import fftconv
from fftconv import image, kernels
from fftconv._kernel_text import parse_kernel
from fftconv.cli.main import run
from fftconv.image.encoding import READABLE

SAMPLES = Path(__file__).parents[1] / "samples"
PICTURE = SAMPLES / "picture.png"


@pytest.fixture
def small(tmp_path):
    """A small crop of the sample picture, on disk."""
    path = tmp_path / "small.png"
    image.write(path, image.read(PICTURE)[400:460, 150:250])
    return path


def process(*arguments, **environment):
    command = [sys.executable, "-P", "-c", "from fftconv.cli import main; main()", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ | environment
    )


def test_what_a_terminal_cannot_print_is_no_failure(tmp_path, small):
    done = process("explain", "--signal", 100, "--kernel", 10, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\\xb5s" in done.stdout
    target = tmp_path / "1€.png"
    done = process("image", "blur", small, "-o", target, PYTHONIOENCODING="latin-1")
    assert (done.returncode, done.stderr) == (0, "")
    assert "1\\u20ac.png" in done.stdout
    assert target.exists()


def test_names_that_are_no_text_are_printed_as_they_are(tmp_path, small):
    target = os.fsencode(tmp_path) + b"/b\xff.png"
    command = [sys.executable, "-P", "-c", "from fftconv.cli import main; main()", "image", "blur", small]
    names = {name: value for name, value in os.environ.items() if name != "PYTHONIOENCODING"}
    done = subprocess.run([*command, "-o", target], capture_output=True, env=names | {"LC_ALL": "C.UTF-8"})
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"b\xff.png" in done.stdout


def test_blur_a_real_picture_in_a_real_process(tmp_path):
    target = tmp_path / "blurred.png"
    done = process("image", "blur", PICTURE, "-o", target, "--sigma", 3)
    assert (done.returncode, done.stderr) == (0, "")
    assert "1280 x 854" in done.stdout
    assert "filtered in" in done.stdout
    assert "separable" in done.stdout
    assert np.array_equal(image.read(target), image.gaussian_blur(image.read(PICTURE), 3))


def test_an_error_in_a_real_process_is_one_line(tmp_path):
    done = process("image", "blur", tmp_path / "missing.png", "-o", tmp_path / "x.png")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == f"fftconv: {tmp_path}/missing.png: No such file or directory\n"
    assert not (tmp_path / "x.png").exists()


def test_debug_shows_the_traceback(tmp_path):
    done = process("--debug", "image", "blur", tmp_path / "missing.png", "-o", tmp_path / "x.png")
    assert done.returncode == 1
    assert "Traceback" in done.stderr


COMMANDS = {
    "blur": ([], lambda x: image.gaussian_blur(x, 2)),
    "blur --shape box --size 7": ([], lambda x: image.box_blur(x, 7)),
    "blur --shape disk --radius 2.5": ([], lambda x: image.disk_blur(x, 2.5)),
    "blur --shape motion --length 9 --angle 30": ([], lambda x: image.motion_blur(x, 9, 30)),
    "blur --sigma 1.5 --boundary wrap --method direct": (
        [],
        lambda x: image.gaussian_blur(x, 1.5, boundary="wrap", method="direct"),
    ),
    "edges": ([], lambda x: image.edges(x)),
    "edges --operator log --sigma 2 --gain 3": ([], lambda x: image.edges(x, "log", sigma=2, gain=3)),
    "edges --operator difference": ([], lambda x: image.edges(x, "difference")),
    "edges --operator log --signed offset": ([], lambda x: image.edges(x, "log", signed="offset")),
    "edges --operator laplace --signed abs": ([], lambda x: image.edges(x, "laplace", signed="abs")),
    "edges --channel luminance": ([], lambda x: image.edges(x, channel="luminance")),
    "edges --direction --gain 2": ([], lambda x: image.edge_directions(x, gain=2)),
    "high-pass": ([], lambda x: image.high_pass(x, 2)),
    "high-pass --bias 0": ([], lambda x: image.high_pass(x, 2, bias=0)),
    "dog --sigma 2 --wider 4": ([], lambda x: image.difference_of_gaussians(x, 2, 4)),
    "deconvolve": (
        ["--kernel", "disk(2)"],
        lambda x: image.deconvolve(x, kernels.disk(2)),
    ),
    "deconvolve --noise 0.1 --linear": (
        ["--kernel", "disk(2)"],
        lambda x: image.deconvolve(x, kernels.disk(2), noise=0.1, linear=True),
    ),
    "deconvolve --algorithm richardson-lucy --iterations 3": (
        ["--kernel", "disk(2)"],
        lambda x: image.deconvolve(x, kernels.disk(2), "richardson_lucy", iterations=3),
    ),
    "sharpen --amount 0.5": ([], lambda x: image.sharpen(x, 0.5)),
    "sharpen --amount 1.5 --sigma 2": ([], lambda x: image.sharpen(x, 1.5, sigma=2)),
    "emboss --depth 0.5": ([], lambda x: image.emboss(x, 0.5)),
    "convolve": (
        ["--kernel", "0 -1 0; -1 4 -1; 0 -1 0"],
        lambda x: image.apply_kernel(x, kernels.laplace(4)),
    ),
    "convolve --correlate": (
        ["--kernel", "emboss"],
        lambda x: image.apply_kernel(x, kernels.emboss(), flip=False),
    ),
    "convolve --normalize": (
        ["--kernel", "1 1; 1 1"],
        lambda x: image.apply_kernel(x, np.full((2, 2), 0.25)),
    ),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_command_does_what_the_function_does(small, tmp_path, command, capsys):
    extra, function = COMMANDS[command]
    target = tmp_path / "out.png"
    name, *options = command.split()
    assert run(["image", name, str(small), "-o", str(target), *options, *extra]) == 0
    assert np.array_equal(image.read(target), function(image.read(small)))
    assert capsys.readouterr().err == ""


def test_a_pipeline_does_what_the_function_does(small, tmp_path):
    target = tmp_path / "out.png"
    steps = "blur 2 | sharpen 0.5 | edges scharr gain=2"
    assert run(["image", "pipeline", steps, str(small), "-o", str(target), "--boundary", "mirror"]) == 0
    assert np.array_equal(image.read(target), image.pipeline(image.read(small), steps, boundary="mirror"))


def test_a_template_is_found(small, tmp_path, capsys):
    picture = image.read(small)
    part, other = tmp_path / "part.png", tmp_path / "other.png"
    image.write(part, picture[3:12, 5:14])
    image.write(other, np.random.default_rng(5).integers(0, 256, (9, 9, 3)).astype(np.uint8))
    assert run(["image", "match", str(small), str(part)]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "3,5,1.0000"
    assert run(["image", "match", str(small), str(other), "--threshold", "0.95"]) == 1
    assert capsys.readouterr().out == ""


def test_a_kernel_is_printed_and_drawn(tmp_path, capsys):
    plot = tmp_path / "kernel.png"
    assert run(["image", "view-kernel", "laplace", "--plot", str(plot)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "laplace: 3 x 3 taps, sum 0, largest 8"
    assert [float(word) for word in lines[2].split()] == [-1, 8, -1]
    assert image.read(plot).shape[1] > 500
    assert run(["image", "view-kernel", "gaussian((9, 9))"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1  # too many taps to print


def test_before_and_after_are_drawn(small, tmp_path, capsys):
    compare = tmp_path / "compare.png"
    target = tmp_path / "out.png"
    assert run(["image", "blur", str(small), "-o", str(target), "--compare", str(compare)]) == 0
    assert "before and after" in capsys.readouterr().out
    assert image.read(compare).shape[1] > 1000
    assert run(["image", "blur", str(tmp_path), "-o", str(target), "--compare", str(compare)]) == 2


def test_every_command_of_the_table_exists():
    from fftconv.cli.image import OPERATORS
    from fftconv.cli.image import image as group
    from fftconv.image.steps import EDGE_OPERATORS, SIGNED

    others = {"match", "pipeline", "view-kernel"}
    assert {command.split()[0] for command in COMMANDS} | others == set(group.commands)
    assert OPERATORS == EDGE_OPERATORS
    (signed,) = (option for option in group.commands["edges"].params if option.name == "signed")
    assert tuple(signed.type.choices) == SIGNED


@pytest.mark.parametrize("suffix", [".csv", ".npy"])
def test_kernel_from_a_file(small, tmp_path, suffix):
    taps = kernels.gabor(2, 5, 30)
    path = tmp_path / f"kernel{suffix}"
    (np.save if suffix == ".npy" else lambda p, t: np.savetxt(p, t, delimiter=","))(path, taps)
    target = tmp_path / "out.png"
    assert run(["image", "convolve", str(small), "-o", str(target), "--kernel", str(path)]) == 0
    assert np.allclose(image.read(target).astype(int), image.apply_kernel(image.read(small), taps), atol=1)


def test_many_files_go_to_a_folder_and_bad_ones_are_told(small, tmp_path, capsys):
    folder = tmp_path / "out"
    folder.mkdir()
    second = tmp_path / "second.png"
    Image.open(small).save(second)
    bad = tmp_path / "bad.png"
    bad.write_text("no picture")
    code = run(["image", "blur", str(small), str(bad), str(second), "-o", str(folder)])
    printed = capsys.readouterr()
    assert code == 1
    assert sorted(path.name for path in folder.iterdir()) == ["second.png", "small.png"]
    assert "2 of 3 files written" in printed.out
    assert (
        printed.err == f"fftconv: {bad} is not an image that can be read; accepted are "
        f"{', '.join(READABLE)}\n"
    )


USAGE = {
    "image blur": "Missing argument 'INPUT...'",
    "image blur a.png": "Missing option '-o' / '--output'",
    "image blur a.png -o b.png --sigma -1": "'-1' is not accepted; give pixels, such as 2.5",
    "image blur a.png -o b.png --sigma x": "'x' is not accepted; give pixels",
    "image blur a.png -o b.png --size 3": "--size belongs to --shape box, not to --shape gaussian",
    "image blur a.png -o b.png --shape star": "'star' is not one of 'gaussian', 'box'",
    "image edges a.png -o b.png --sigma 2": "--sigma belongs to --operator log",
    "image edges a.png -o b.png --direction --operator log": "--operator log tells no direction",
    "image blur a.png -o b.png --max-memory lots": "'lots' is no size; write for example 500M",
    "image blur a.png c.png -o b --compare d.png": "--compare draws one picture",
    "image deconvolve a.png -o b.png --kernel disk(2) --iterations 3": "--iterations belongs to",
    "image pipeline blur a.png -o b.png": "step 'blur': sigma is missing; its form is blur sigma",
    "image pipeline nothing a.png -o b.png": "step 'nothing' names no filter; accepted are blur, box",
    "image convolve a.png -o b.png --kernel nothing": "'nothing' names no kernel; choose one of box,",
    "image convolve a.png -o b.png --kernel disk": "its form is disk(radius)",
    "image convolve a.png -o b.png --kernel 1,x": "neither numbers, nor a named kernel",
    "image convolve a.png -o b.png --kernel 1,2;3": "rows of equally many numbers",
    "image convolve a.png -o b.png --kernel missing.npy": "missing.npy is not an existing file",
    "image convolve a.png -o b.png --kernel gaussian(2)": "a picture needs rows and columns",
    "image convolve a.png -o b.png --kernel laplace --normalize": "sums to 0 and cannot be normalized",
    "image convolve a.png -o b.png --kernel disk(__import__('os'))": "parameters that are not plain values",
    "image convolve a.png -o b.png --kernel disk(radius=4,radius=5)": "a parameter is given twice",
    "image convolve a.png -o b.png --kernel disk(*[4])": "parameters that are not plain values",
    "image convolve a.png -o b.png --kernel disk(1e9)": "makes a kernel of 4e+18 taps",
    "image convolve a.png -o b.png --kernel 1,nan": "taps that are not finite real numbers",
    "image convolve a.png -o b.png --kernel 1e400": "taps that are not finite real numbers",
    "image convolve a.png -o b.png --kernel gabor(2,4,part='complex')": "not finite real numbers",
    "image convolve a.png -o b.png --kernel 0,0 --normalize": "sums to 0 and cannot be normalized",
    "explain --signal 10": "Missing option '--kernel'",
    "explain --signal ten --kernel 3": "'ten' is no shape; write 1000000",
    "explain --signal 2.5 --kernel 3": "'2.5' is no shape",
    "explain --signal 10 --kernel 30 --mode valid": "--mode valid needs a kernel that fits",
    "explain --signal 10 --kernel 3 --max-memory 1": "--max-memory 1 bytes are too few for any engine",
    "explain --signal 10 --kernel 3 --dtype word": "'word' is no type of numbers; write for example",
    "explain --signal 10 --kernel 3 --axes x": "'x' is not whole numbers between commas",
    "nothing": "No such command 'nothing'",
}


def test_errors_speak_of_options_not_of_arguments(tmp_path, capsys):
    source, target = str(PICTURE), str(tmp_path / "b.png")
    assert run(["image", "blur", source, "-o", target, "--max-pixels", "10"]) == 1
    assert capsys.readouterr().err.endswith("if you trust it, allow them with --max-pixels 1093120\n")
    assert run(["explain", "--signal", "10x10", "--kernel", "3x3", "--axes", "1,0"]) == 2
    assert "--axes 1,0 is not in ascending order; pass --axes 0,1" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["sigma=2.png", "max_pixels.png", "my max_pixels.png", "method=x/a.png"])
def test_errors_leave_names_as_they_are(tmp_path, monkeypatch, capsys, name):
    monkeypatch.chdir(tmp_path)
    assert run(["image", "blur", name, "-o", "b.png"]) == 1
    assert capsys.readouterr().err == f"fftconv: {name}: No such file or directory\n"
    Path(name).parent.mkdir(exist_ok=True)
    Path(name).write_bytes(b"no picture")
    for words in ([name, "-o", "b.png"], [str(Path(name).parent), "-o", "folder"]):
        assert run(["image", "blur", *words]) == 1
        assert f"{name} is not an image that can be read" in capsys.readouterr().err
    assert run(["image", "blur", str(PICTURE), "-o", "method=y/b.png"]) == 1
    assert "folder method=y does not exist" in capsys.readouterr().err
    assert run(["image", "pipeline", "emboss | blur 2 workers=0", str(PICTURE), "-o", "b.png"]) == 2
    assert "step 'blur 2 workers=0' has no 'workers'" in capsys.readouterr().err


@pytest.mark.parametrize("command", USAGE)
def test_usage_errors_are_one_line_and_code_2(command, capsys):
    assert run(command.split()) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert USAGE[command] in printed.err
    assert printed.err.startswith("fftconv: ")
    assert printed.err.count("\n") == 1


def test_failures_are_one_line_and_code_1(small, tmp_path, capsys):
    same = run(["image", "blur", str(small), "-o", str(small)])
    folder = run(["image", "blur", str(small), "x.png", "-o", str(tmp_path / "nowhere" / "deep")])
    suffix = run(["image", "blur", str(small), "-o", str(tmp_path / "x.doc")])
    lines = capsys.readouterr().err.splitlines()
    assert (same, folder, suffix) == (1, 1, 1)
    assert "is the input; choose another name" in lines[0]
    assert "deep is not an existing folder, nor in one" in lines[1]
    assert "suffix '.doc'" in lines[2]
    assert len(lines) == 3


def test_explain_prints_the_plan(capsys):
    assert run(["explain", "--signal", "1e6", "--kernel", "20000"]) == 0
    printed = capsys.readouterr().out
    plan = fftconv.plan_convolution(10**6, 20000)
    for words in (plan.reason, "(1000000,)", "candidate", "chosen", "direct", "fft"):
        assert words in printed


def test_explain_prints_json(capsys):
    assert run(["explain", "--signal", "640x480", "--kernel", "5x5", "--dtype", "float32", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == fftconv.plan_convolution((640, 480), (5, 5), dtype="float32").to_dict()


def test_info_names_what_runs(capsys):
    assert run(["info"]) == 0
    printed = capsys.readouterr().out
    for words in ("numpy", np.__version__, "threads", "FFT provider", "pyfftw", "core", "native"):
        assert words in printed


@pytest.mark.parametrize(
    "arguments", [[], ["--help"], ["image"], ["image", "blur", "-h"], ["explain", "--help"]]
)
def test_help(arguments, capsys):
    assert run(arguments) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("Usage: fftconv")
    assert "--help" in printed


def test_version(capsys):
    assert run(["--version"]) == 0
    assert "0.1.0" in capsys.readouterr().out


@pytest.mark.parametrize("content", ["", "1,nan\n", "a,b\n"])
def test_bad_kernel_files(small, tmp_path, content, capsys):
    path = tmp_path / "kernel.CSV"
    path.write_text(content)
    assert run(["image", "convolve", str(small), "-o", str(tmp_path / "x.png"), "--kernel", str(path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "x.png").exists()


def test_rows_of_a_kernel_may_stand_on_lines():
    assert parse_kernel("1 2\n3 4").tolist() == [[1, 2], [3, 4]]


def test_explain_of_a_size_beyond_any_transform(capsys):
    assert run(["explain", "--signal", "1e13", "--kernel", "3"]) == 0
    assert "refused" in capsys.readouterr().out


def test_kernel_text_is_data_not_code():
    for text in ("__import__('os')", "box(open('x'))", "lambda: 1", "gaussian.__class__"):
        with pytest.raises(ValueError, match="."):
            parse_kernel(text)


def test_a_warning_is_one_line(tmp_path):
    (tmp_path / "profile.json").write_text("{")
    code = "from fftconv.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, "explain", "--signal", "100", "--kernel", "3"],
        capture_output=True, text=True, check=True, env=os.environ | {"FFTCONV_PROFILE": str(tmp_path)},
    )  # fmt: skip
    assert done.stderr.startswith(f"fftconv: warning: the profile {tmp_path}/profile.json is damaged")
    assert len(done.stderr.splitlines()) == 1
    assert "direct" in done.stdout


def test_tune_shows_what_it_found_and_saves_it(tmp_path):
    code = "from fftconv.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, "tune", "--seconds", "0.01"],
        capture_output=True, text=True, check=True, env=os.environ | {"FFTCONV_PROFILE": str(tmp_path)},
    )  # fmt: skip
    assert "measured over predicted time" in done.stdout
    assert "saved in" in done.stdout
    assert (tmp_path / "profile.json").is_file()


@pytest.mark.parametrize("seconds", ["0", "-1", "soon"])
def test_tune_refuses_what_is_no_time(seconds, capsys):
    assert run(["tune", "--seconds", seconds]) == 2
    assert "--seconds" in capsys.readouterr().err


def test_the_command_starts_without_what_only_some_commands_need():
    code = (
        "import sys, fftconv.cli.main; print(*{'scipy.stats', 'scipy.optimize', 'PIL'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
