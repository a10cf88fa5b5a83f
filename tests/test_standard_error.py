"""What a person sees of a damaged file: one line from the command, the exception alone from Python."""

import io
import os
import signal
import struct
import subprocess
import sys
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor

import hostile
import numpy as np
import pytest
import tifffile
from PIL import Image

from fftconv import image

COMMAND = [sys.executable, "-P", "-c", "from fftconv.cli import main; main()"]
PIXELS = np.random.default_rng(0).integers(0, 200, (40, 40, 3)).astype(np.uint8)


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def compressed_tiffs():
    """One of each kind that libtiff and imagecodecs unpack, by name."""
    for kind in ("tiff_lzw", "jpeg", "tiff_adobe_deflate", "packbits", "zstd"):
        buffer = io.BytesIO()
        Image.fromarray(PIXELS).save(buffer, "TIFF", compression=kind)
        yield f"{kind}.tif", buffer.getvalue()
    for kind in ("lzw", "zlib", "zstd", "packbits"):
        buffer = io.BytesIO()
        tifffile.imwrite(buffer, PIXELS.astype(np.uint16), photometric="rgb", compression=kind)
        yield f"deep-{kind}.tif", buffer.getvalue()


def damaged_files(folder):
    """Flipped and cut files of every kind, and those with parts that libraries like to talk about."""
    generator = np.random.default_rng(2)
    whole = {name: hostile.make(name) for name in hostile.FORMATS} | dict(compressed_tiffs())
    for name, content in whole.items():
        for number in range(3):
            cut = content[: int(generator.integers(len(content)))]
            damaged = cut if number == 0 else hostile.flipped(content, generator)
            (folder / f"{number}-{name}").write_bytes(damaged)
    buffer = io.BytesIO()
    Image.fromarray(PIXELS).save(buffer, "PNG")
    content = buffer.getvalue()
    for kind, part in (
        (b"iCCP", b"x\0\0" + zlib.compress(b"junk" * 40)),
        (b"sRGB", b"\x09"),
        (b"tIME", b"12"),
    ):
        (folder / f"{kind.decode()}.png").write_bytes(content[:33] + chunk(kind, part) + content[33:])
    exif = Image.Exif()
    exif[0x010E], exif[0x013B] = "a description", "somebody"
    block = exif.tobytes()
    for number in range(8, len(block), 7):
        buffer = io.BytesIO()
        Image.fromarray(PIXELS[:8, :8]).save(buffer, "JPEG", exif=block[:number])
        (folder / f"exif-{number}.jpg").write_bytes(buffer.getvalue())


def run(*arguments, **more):
    return subprocess.run([*COMMAND, *map(str, arguments)], capture_output=True, text=True, **more)


def test_each_damaged_file_of_a_batch_is_one_line(tmp_path):
    source, target = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    damaged_files(source)
    done = run("image", "blur", source, "-o", target, "--sigma", "1")
    written = [path.name for path in target.iterdir()]
    lines = done.stderr.splitlines()
    assert all(line.startswith("fftconv: ") for line in lines), done.stderr
    assert len(lines) + len(written) == len(list(source.iterdir()))
    assert done.returncode == 1
    for path in source.iterdir():
        assert sum(str(path) in line for line in lines) == (path.name not in written)
    loud = run("--debug", "image", "blur", source, "-o", target, "--sigma", "1")
    assert set(lines) <= set(loud.stderr.splitlines())
    assert loud.stderr.count("\n") > len(lines)  # what libtiff says is there for whoever asks


_READ = """
import sys
from fftconv import image
for path in sys.argv[1:]:
    try:
        image.read_frames(path, max_pixels=10**6)
    except (ValueError, OSError):
        pass
"""


def test_python_prints_nothing_beside_the_exception(tmp_path):
    """But for libtiff, which prints by itself: to stop that takes the process, which is not ours there."""
    damaged_files(tmp_path)
    paths = [path for path in tmp_path.iterdir() if path.suffix != ".tif" or "deep" in path.name]
    done = subprocess.run([sys.executable, "-P", "-c", _READ, *paths], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_warnings_are_as_before_once_the_last_thread_has_read(tmp_path):
    damaged_files(tmp_path)
    paths = sorted(tmp_path.glob("exif-*.jpg")) * 4

    def read(path):
        try:
            return image.read(path).shape
        except ValueError:
            return None

    before = list(warnings.filters)
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(read, paths)) == {(8, 8, 3)}
    assert warnings.filters == before
    with pytest.warns(UserWarning, match="EXIF"), Image.open(paths[0]) as opened:
        opened.getexif()


def test_each_damaged_sound_is_at_most_one_line(tmp_path):
    soundfile = pytest.importorskip("soundfile")
    if "MP3" not in soundfile.available_formats():
        pytest.skip("libsndfile was built without MP3")
    generator = np.random.default_rng(1)
    soundfile.write(tmp_path / "a.mp3", 0.1 * generator.standard_normal(20_000), 22_050)
    content, paths = (tmp_path / "a.mp3").read_bytes(), []
    for number in range(3):
        damaged = bytearray(content[: len(content) - 37 * number])
        for place in generator.integers(len(damaged), size=30):
            damaged[place] ^= 255
        paths.append(tmp_path / f"{number}.mp3")
        paths[-1].write_bytes(damaged)
    words = ("audio", "fir", *paths, "-o", tmp_path / "out", "--cutoff", "1000")
    lines = run(*words).stderr.splitlines()
    assert len(lines) <= len(paths)
    assert all(line.startswith("fftconv: ") for line in lines)
    assert "mpg123" in run("--debug", *words).stderr


def test_without_standard_error_the_code_is_the_same(tmp_path):
    words = ["image", "blur", str(tmp_path / "missing.png"), "-o", str(tmp_path / "b.png")]
    shell = 'exec "$@" 2>&-'
    done = subprocess.run(["sh", "-c", shell, "sh", *COMMAND, *words], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (run(*words).returncode, "", "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a file that is always full")
@pytest.mark.parametrize("where", ["2>/dev/full", "2</dev/null", "2>&-"])
def test_lines_that_cannot_be_written_stop_nothing(tmp_path, where):
    Image.fromarray(PIXELS).save(tmp_path / "b.png")
    (tmp_path / "a.png").write_bytes((tmp_path / "b.png").read_bytes()[:-20])
    words = ["image", "blur", tmp_path, "-o", tmp_path / "out", "--sigma", "1"]
    shell = ["sh", "-c", f'exec "$@" {where}', "sh", *COMMAND, *map(str, words)]
    done = subprocess.run(shell, capture_output=True, text=True)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (1, "1 of 2 files written, 1 failed")
    assert (tmp_path / "out" / "b.png").exists()


_CRASH = """
import os, signal, sys
from fftconv.cli.descriptors import keep_standard_error_for_python
keep_standard_error_for_python()
os.write(2, b"from a library")
print("from Python", file=sys.stderr)
os.kill(os.getpid(), signal.SIGSEGV)
"""


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_a_crash_shows_where_if_that_is_asked_for():
    words = [sys.executable, "-P", "-X", "faulthandler", "-c", _CRASH]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == -signal.SIGSEGV
    assert done.stderr.startswith("from Python\nFatal Python error: Segmentation fault")
    assert "library" not in done.stderr
