"""Damaged files, disks that are full, folders that cannot be written, processes that are killed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import hostile
import numpy as np
import pytest

from fftconv import image
from fftconv.image.encoding import READABLE

HERE = Path(__file__).parent


@pytest.mark.parametrize("name", list(hostile.FORMATS))
def test_damaged_files_are_errors(name):
    """Cut at every byte, and with bits turned over: in a process of 2 GiB and ten seconds a file."""
    if name.endswith(".avif") and "AVIF" not in READABLE:
        pytest.skip("Pillow was built without AVIF")
    command = [sys.executable, HERE / "hostile.py", "--only", name, "--flips", "60", "--seed", "11"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)[name]
    assert counts["cut, refused"] >= 0.9 * len(hostile.make(name))
    assert counts["flipped, refused"] > 0


_FILTER = """
import resource, signal, sys
import numpy as np
from fftconv import image
from fftconv.cli.main import run
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
sys.exit(run(sys.argv[1:]))
"""


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp", ".bmp", ".ppm", ".gif"])
@pytest.mark.parametrize("parts", [False, True])
def test_a_full_disk_leaves_what_was_there(tmp_path, suffix, parts):
    """A limit on the size of files fails as a full disk does: in the middle of writing."""
    if parts and suffix != ".tif":
        pytest.skip("parts are of TIFF files")
    side = 6000 if parts else 300
    pixels = np.random.default_rng(0).integers(0, 256, (side, side if parts else 400), dtype=np.uint8)
    source, target = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    pixels = pixels if parts else np.dstack([pixels] * 3)
    image.write(source, pixels, quality=95 if suffix in (".jpg", ".webp") else None)
    target.write_bytes(b"as it was")
    command = ["image", "blur", source, "-o", target, "--sigma", "0.3"]
    if parts:
        command += ["--max-memory", "180M"]
    done = subprocess.run([sys.executable, "-P", "-c", _FILTER, *command], capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert done.stderr.count("\n") == 1
    assert str(target) in done.stderr
    assert target.read_bytes() == b"as it was"
    assert sorted(path.name for path in tmp_path.iterdir()) == [source.name, target.name]


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_being_stopped_leaves_complete_files_only(tmp_path, stop):
    """In the middle of a batch; what is killed may leave a temporary file, never half a picture."""
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8)
    for number in range(60):
        image.write(source / f"{number:02}.png", pixels)
    expected = image.gaussian_blur(pixels, 2)
    command = ["image", "blur", source, "-o", out, "--jobs", "2"]
    main = "from fftconv.cli import main; main()"
    words = [sys.executable, "-P", "-c", main, *command]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not out.exists() or len(list(out.glob("[0-9]*"))) < 3:
        assert process.poll() is None
        time.sleep(0.002)
    process.send_signal(stop)
    _, said = process.communicate(timeout=60)
    done = sorted(out.glob("[0-9]*.png"))
    assert 3 <= len(done) < 60
    for path in done:
        assert np.array_equal(image.read(path), expected)
    left = [path.name for path in out.iterdir() if path not in done]
    if stop == signal.SIGKILL:
        assert all(name.startswith(".fftconv-") for name in left)
    else:
        assert (process.returncode, said.strip(), left) == (130, "fftconv: interrupted", [])


@pytest.mark.skipif(os.getuid() == 0, reason="root may write anywhere")
def test_folders_that_may_not_be_written(tmp_path):
    source, folder = tmp_path / "a.png", tmp_path / "out"
    image.write(source, np.zeros((3, 3), np.uint8))
    folder.mkdir(mode=0o500)
    with pytest.raises(PermissionError, match="cannot be written, Permission denied"):
        image.filter_file(source, folder / "a.png", image.box_blur, size=3)
    assert list(folder.iterdir()) == []


def test_a_folder_that_vanishes_is_told(tmp_path):
    """Also what root can see of it: a target whose folder cannot have files."""
    source = tmp_path / "a.png"
    image.write(source, np.zeros((3, 3), np.uint8))
    for folder in ("/proc/self", "/proc"):
        if not Path(folder).is_dir():
            pytest.skip("there is no /proc")
        with pytest.raises(OSError, match="cannot be written") as caught:
            image.filter_file(source, Path(folder) / "a.png", image.box_blur, size=3)
        assert caught.value.filename == f"{folder}/a.png"
