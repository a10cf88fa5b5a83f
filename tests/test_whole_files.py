"""Ordinary files: what never ends is not opened, and a target is written whole or stays as it was."""

import errno
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fftconv import audio, image
from fftconv._files import complete_file
from fftconv._kernel_text import parse_kernel
from fftconv.cli.main import run

_RNG = np.random.default_rng(28)
PIXELS = _RNG.integers(0, 256, (12, 17, 3), dtype=np.uint8)
SOUND = _RNG.uniform(-0.5, 0.5, (900, 2))


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder to work in, with a picture and a sound; nothing unfinished is left in it."""
    monkeypatch.chdir(tmp_path)
    image.write("a.png", PIXELS)
    audio.write("a.wav", SOUND, 8000)
    yield tmp_path
    assert unfinished() == []


def unfinished():
    return [name for name in os.listdir() if name.startswith(".fftconv-")]


CAUSES = {
    "open": (errno.EROFS, errno.EACCES, errno.ENOSPC, errno.EDQUOT),
    "fsync": (errno.EIO, errno.ENOSPC, errno.EDQUOT),
    "chmod": (errno.EPERM, errno.EROFS),
    "replace": (errno.EROFS, errno.EACCES, errno.EXDEV),
}


@pytest.mark.parametrize("call", CAUSES)
@pytest.mark.parametrize("target", ["b.png", "b.wav", "b.json", "link.png"])
def test_errors_of_a_disk_name_the_file_asked_for(place, monkeypatch, call, target, capsys):
    Path("link.png").symlink_to("b.png")
    for name in ("b.png", "b.wav", "b.json"):
        Path(name).write_bytes(b"as it was")
    original = getattr(os, call)
    for number in CAUSES[call]:

        def refuse(*arguments, number=number, **options):
            if call == "fsync":
                raise OSError(number, os.strerror(number))
            if ".fftconv-" in str(arguments[0]):
                raise OSError(
                    number, os.strerror(number), arguments[0], None, *arguments[1:2] * (call == "replace")
                )
            return original(*arguments, **options)

        if target.endswith(".wav"):
            words = ["audio", "smooth", "a.wav", "-o", target]
        elif target.endswith(".json"):
            words = ["image", "blur", "a.png", "-o", "c.png", "--dry-run", "--report", target]
        else:
            words = ["image", "blur", "a.png", "-o", target]
        with monkeypatch.context() as patch:
            patch.setattr(os, call, refuse)
            assert run(words) == 1
        message = f"fftconv: {target}: cannot be written, {os.strerror(number)}\n"
        assert capsys.readouterr().err == message
        assert Path(target).read_bytes() == b"as it was"
        assert unfinished() == []


def test_a_write_that_fails_names_the_file_asked_for(place):
    for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        with pytest.raises(OSError, match="cannot be written") as caught, complete_file(Path("new.bin")):
            raise OSError(number, os.strerror(number))
        assert (caught.value.errno, caught.value.filename) == (number, "new.bin")
        assert not Path("new.bin").exists()
    with pytest.raises(FileNotFoundError) as caught, complete_file(Path("new.bin")):
        open("none.png")  # noqa: SIM115
    assert caught.value.filename == "none.png"


def test_unfinished_files_are_abandoned_and_none_is_begun(place):
    """What ends a process at once: the files that threads have begun vanish, and no other appears."""
    code = """
import os, threading
from pathlib import Path
from fftconv._files import abandon_files, complete_file
def write(name):
    with complete_file(Path(name)) as file:
        file.write(b"x")
        if name == "begun":
            begun.set()
        go_on.wait()
begun, go_on = threading.Event(), threading.Event()
threading.Thread(target=write, args=["begun"], daemon=True).start()
begun.wait()
abandon_files()
go_on.set()
threading.Thread(target=write, args=["late"], daemon=True).start()
threading.Event().wait(0.05)
os._exit(3)
"""
    assert subprocess.run([sys.executable, "-P", "-c", code], timeout=60).returncode == 3
    assert not Path("begun").exists()
    assert not Path("late").exists()


def make_endless(kind, path):
    if kind == "socket":
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path)
    elif kind == "device":
        os.symlink("/dev/zero", path)
    else:
        os.mkfifo(path)


@pytest.mark.parametrize("kind", ["pipe", "socket", "device"])
def test_what_never_ends_is_refused_by_every_function_that_takes_a_path(place, kind):
    for suffix in (".png", ".tif", ".wav", ".csv", ".npy"):
        make_endless(kind, f"bad{suffix}")
    for call in (
        lambda: image.read("bad.png"),
        lambda: image.read_frames("bad.png"),
        lambda: image.read_with_metadata("bad.png"),
        lambda: image.write("bad.png", PIXELS),
        lambda: image.write_frames("bad.png", [PIXELS]),
        lambda: image.filter_file("bad.png", "b.png", "emboss"),
        lambda: image.filter_file("bad.tif", "b.tif", "emboss", max_memory=2**33),
        lambda: image.filter_file("a.png", "bad.png", "emboss"),
        lambda: audio.read("bad.wav"),
        lambda: audio.info("bad.wav"),
        lambda: audio.read_with_metadata("bad.wav"),
        lambda: audio.write("bad.wav", SOUND, 8000),
        lambda: audio.filter_file("bad.wav", "b.wav", [1.0]),
        lambda: audio.filter_file("a.wav", "bad.wav", [1.0]),
        lambda: parse_kernel("bad.csv"),
        lambda: parse_kernel("bad.npy"),
    ):
        with pytest.raises(
            ValueError, match=rf"bad\.\w+ is a {kind}, not an ordinary file; on the command line"
        ):
            call()
    assert sorted(os.listdir()) == sorted(
        ["a.png", "a.wav", *(f"bad{suffix}" for suffix in (".png", ".tif", ".wav", ".csv", ".npy"))]
    )
