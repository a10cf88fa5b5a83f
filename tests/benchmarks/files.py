"""Whole processes, from file to file, beside scripts of pyvips, OpenCV and Pillow that do the same.

    python tests/benchmarks/files.py

A picture of 12 megapixels, as JPEG (quality 90) and PNG (as each library packs it by itself), is blurred by
a process of its own, which starts, imports, decodes, filters, encodes and ends. Libraries take turns, and
medians are printed, with the size of what was written. The last column is a process that filters 8 x 8
pixels, and one that imports NumPy, Pillow and Click alone. Then a folder of 100 pictures of 2 megapixels is
filtered with one thread, and with one job and two that take what they like. `--large 40000` filters a TIFF
file of so many pixels squared in 500 MB instead, and tells the peak. Pillow's blur is an approximation by
three boxes; vips computes in float, with a kernel cut at a thousandth of its peak.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from turns import PEAK, median_seconds

from fftconv import image

SCRIPTS = {
    "pyvips": (
        "import sys, pyvips; a, b, s = sys.argv[1:];"
        "options = {'Q': 90, 'subsample_mode': 'off'} if b.endswith('jpg') else {};"
        "pyvips.Image.new_from_file(a, access='sequential').gaussblur(float(s), precision='float',"
        " min_ampl=0.001).cast('uchar').write_to_file(b, **options)"
    ),
    "opencv": (
        "import sys, cv2; a, b, s = sys.argv[1:]; s = float(s);"
        "options = [cv2.IMWRITE_JPEG_QUALITY, 90, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, 0x111111]"
        " if b.endswith('jpg') else [];"
        "n = 2 * int(4 * s + 0.5) + 1;"
        "cv2.imwrite(b, cv2.GaussianBlur(cv2.imread(a), (n, n), s, borderType=cv2.BORDER_REFLECT), options)"
    ),
    "pillow": (
        "import sys; from PIL import Image, ImageFilter; a, b, s = sys.argv[1:];"
        "options = {'quality': 90, 'subsampling': 0} if b.endswith('jpg') else {};"
        "Image.open(a).filter(ImageFilter.GaussianBlur(float(s))).save(b, **options)"
    ),
}
FFTCONV = "from fftconv.cli import main; main()"
LARGE = f"import sys; from fftconv.cli.main import run; run(sys.argv[1:]); {PEAK}"


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Something between a photograph and noise: detail of every size."""
    generator = np.random.default_rng(seed)
    total = np.zeros((height, width, 3), np.float32)
    for size in (1, 4, 16, 64, 256):
        coarse = generator.normal(size=(-(-height // size), -(-width // size), 3)).astype(np.float32)
        total += coarse.repeat(size, 0).repeat(size, 1)[:height, :width] * size**0.5
    total = image.gaussian_blur(total, 1.0)
    return np.clip(128 + 3 * total, 0, 255).astype(np.uint8)


def runner(*words: str) -> Callable[[], Any]:
    """A process of this Python, without what it prints; modules are compiled, as in an installation."""
    command = [sys.executable, "-P", "-c", *words]
    names = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=names)


def available() -> list[str]:
    modules = {"pyvips": "pyvips", "opencv": "cv2", "pillow": "PIL"}
    return [name for name, module in modules.items() if find_spec(module) is not None]


def race(folder: Path, rounds: int) -> None:
    pixels = picture(3000, 4000)
    Image.fromarray(pixels).save(folder / "a.jpg", quality=90, subsampling=0)  # not in parts, as ours
    image.write(folder / "a.png", pixels)
    image.write(folder / "tiny.png", pixels[:8, :8])
    peers = available()
    print("| 12 MP | sigma | fftconv | " + " | ".join(peers) + " | outside decode, filter, encode |")
    print("|---" * (4 + len(peers)) + "|")
    tiny = ["image", "blur", str(folder / "tiny.png"), "-o", str(folder / "b.png")]
    idle = median_seconds(
        {"fftconv": runner(FFTCONV, *tiny), "imports": runner("import numpy, PIL.Image, click")},
        3 * rounds,
        3 * rounds,
    )
    for suffix in ("jpg", "png"):
        for sigma in (1, 5, 20):
            source, target = str(folder / f"a.{suffix}"), str(folder / f"b.{suffix}")
            command = ["image", "blur", source, "-o", target, "--sigma", str(sigma)]
            calls = {"fftconv": runner(FFTCONV, *command)}
            calls |= {name: runner(SCRIPTS[name], source, target, str(sigma)) for name in peers}
            sizes = {}
            for name, call in calls.items():
                call()
                sizes[name] = Path(target).stat().st_size / 1e6
            found = median_seconds(calls, rounds, rounds)
            cells = [f"{taken:.2f} s, {sizes[name]:.0f} MB" for name, taken in found.items()]
            last = f"{idle['fftconv']:.2f} s, {idle['imports']:.2f} s"
            print(f"| {suffix} | {sigma} | {' | '.join(cells)} | {last} |", flush=True)


def batch(folder: Path, rounds: int, suffix: str) -> None:
    source = folder / f"many_{suffix}"
    source.mkdir()
    for number in range(100):
        path = source / f"{number:03}.{suffix}"
        if number < 10:
            image.write(path, picture(1160, 1740, number))
        else:
            path.write_bytes((source / f"{number % 10:03}.{suffix}").read_bytes())
    words = [FFTCONV, "image", "blur", str(source), "-o", str(folder / "out"), "--sigma", "5", "--jobs"]
    calls = {
        "one": runner(*words, "1"),
        "two": runner(*words, "2"),
        "one thread": runner(*words, "1", "--workers", "1"),
    }
    one, two, thread = median_seconds(calls, rounds, rounds).values()
    print(
        f"| {suffix} | {thread:.2f} s | {one:.2f} s | {two:.2f} s | {thread / two:.2f}, {one / two:.2f} |"
    )


def large(folder: Path, side: int) -> None:
    import tifffile

    source, target = folder / "large.tif", folder / "soft.tif"
    tile = np.random.default_rng(0).integers(0, 256, (256, 256)).astype(np.uint8)
    tiles = (np.roll(tile, number, 1) for number in range((-(-side // 256)) ** 2))
    kind = {"shape": (side, side), "dtype": "uint8", "photometric": "minisblack"}
    tifffile.imwrite(source, tiles, tile=(256, 256), **kind)
    for sigma in ("3", "20"):
        words = ["image", "blur", str(source), "-o", str(target), "--sigma", sigma, "--max-memory", "500M"]
        subprocess.run([sys.executable, "-P", "-c", LARGE, *words], check=True)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--large", type=int)
    given = options.parse_args()
    rounds = given.rounds
    with tempfile.TemporaryDirectory() as name:
        if given.large:
            large(Path(name), given.large)
            return
        race(Path(name), rounds)
        print(
            "\n| 100 of 2 MP, sigma 5 | one thread | one job | two jobs | ratios |\n|---|---|---|---|---|"
        )
        for suffix in ("jpg", "png"):
            batch(Path(name), max(rounds // 2, 1), suffix)


if __name__ == "__main__":
    main()
