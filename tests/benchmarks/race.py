"""Time fftconv against its peers, cell by cell, and print the ratios; losses too.

    python tests/benchmarks/race.py                     # all grids, everybody with default threads
    python tests/benchmarks/race.py calls images        # some
    python tests/benchmarks/race.py --threads 1 --json race.json

See README.md in this folder for the method.
"""

from __future__ import annotations

import argparse
import importlib
import json
import math
import os
import platform
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import scipy.fft
import scipy.ndimage
import scipy.signal
from PIL import Image, ImageFilter
from turns import median_seconds

import fftconv
from fftconv import image, kernels
from fftconv._configuration import configuration

Run = Callable[[], Any]


@dataclass
class Cell:
    """One job: ours, the peers', and what to divide seconds by to get ns per output.

    `beside` are runners that do not do the same work (approximations); they are shown and not counted.
    With a `reference`, the largest error of everybody's result is shown too.
    """

    name: str
    ours: Run
    peers: dict[str, Run]
    outputs: int
    beside: dict[str, Run] = field(default_factory=dict)
    reference: Run | None = None


class Peers:
    """The libraries that are installed, held to this many threads; None is their default."""

    def __init__(self, threads: int | None) -> None:
        self.threads = threads
        if threads:
            os.environ["VIPS_CONCURRENCY"] = str(threads)
        self.cv2, self.torch, self.vips, self.mkl_fft = (
            self._find(name) for name in ("cv2", "torch", "pyvips", "mkl_fft.interfaces.scipy_fft")
        )
        if threads and self.cv2:
            self.cv2.setNumThreads(threads)
        if threads and self.torch:
            self.torch.set_num_threads(threads)

    @staticmethod
    def _find(name: str) -> Any:
        try:
            return importlib.import_module(name)
        except (ImportError, OSError):
            return None

    def opencv(self, name: str, run: Callable[[Any], Run]) -> dict[str, Run]:
        return {name: run(self.cv2)} if self.cv2 else {}

    def with_mkl(self, run: Run) -> Run:
        """With mkl_fft behind scipy.fft."""

        def with_backend() -> Any:
            with scipy.fft.set_backend(self.mkl_fft):
                return run()

        return with_backend

    def torch_conv2d(self, pixels: np.ndarray, taps: np.ndarray) -> dict[str, Run]:
        """Zeros beyond the edges: it has no other boundary without a padded copy."""
        if not self.torch:
            return {}
        signal = self.torch.from_numpy(pixels)[None, None]
        kernel = self.torch.from_numpy(taps)[None, None]
        run = self.torch.nn.functional.conv2d
        return {"torch": lambda: run(signal, kernel, padding="same")}

    def vips_blur(self, pixels: np.ndarray, sigma: float, precision: str) -> Run:
        """By `convsep`, as `gaussblur` takes no mask that reaches to four standard deviations."""
        height, width = pixels.shape
        kind = "uchar" if pixels.dtype == np.uint8 else "float"
        amplitude = math.exp(-(int(4 * sigma + 0.5) ** 2) / (2 * sigma**2))

        def run() -> np.ndarray:
            source = self.vips.Image.new_from_memory(pixels.data, width, height, 1, kind)
            mask = self.vips.Image.gaussmat(sigma, amplitude, separable=True, precision=precision)
            blurred = source.convsep(mask, precision=precision)
            if blurred.format != kind:
                blurred = blurred.rint().cast(kind)
            return np.frombuffer(blurred.write_to_memory(), pixels.dtype).reshape(height, width)

        return run


def random_pixels(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    values = np.random.default_rng(0).random(shape, np.float32)
    return values if dtype == np.float32 else (values * 256).astype(dtype)


def random_taps(size: int, ndim: int = 2) -> np.ndarray:
    taps = np.random.default_rng(1).random((size,) * ndim, np.float32)
    return taps / taps.sum()


def calls(peers: Peers) -> Iterator[Cell]:
    """The cost of a call: next to no data."""
    rng = np.random.default_rng(0)
    for n, m in ((10, 3), (100, 10)):
        x, k = rng.random(n), rng.random(m)
        yield Cell(
            f"1-D float64 {n} x {m}",
            lambda x=x, k=k: fftconv.convolve(x, k),
            {
                "numpy": lambda x=x, k=k: np.convolve(x, k),
                "scipy.signal": lambda x=x, k=k: scipy.signal.convolve(x, k),
            },
            n,
        )


def lines(peers: Peers) -> Iterator[Cell]:
    rng = np.random.default_rng(0)
    for dtype in (np.float32, np.float64):
        for n in (1_000, 10_000, 100_000, 1_000_000):
            for m in (3, 15, 64, 128, 2000):
                if m > n:
                    continue
                x, k = rng.random(n).astype(dtype), rng.random(m).astype(dtype)
                runs: dict[str, Run] = {
                    "scipy.signal": lambda x=x, k=k: scipy.signal.convolve(x, k, "same"),
                    "oaconvolve": lambda x=x, k=k: scipy.signal.oaconvolve(x, k, "same"),
                }
                if n * m <= 2e8:
                    runs["numpy"] = lambda x=x, k=k: np.convolve(x, k, "same")
                ours = lambda x=x, k=k: fftconv.convolve(  # noqa: E731
                    x, k, mode="same", workers=peers.threads
                )
                yield Cell(f"1-D {np.dtype(dtype)} {n} x {m}", ours, runs, n)


def long_lines(peers: Peers) -> Iterator[Cell]:
    """Kernels that are transformed."""
    rng = np.random.default_rng(0)
    for dtype in (np.float32, np.float64, np.complex64):
        for n in (100_000, 1_000_000, 10_000_000):
            for m in (128, 1_000, 10_000, 100_000, 1_000_000):
                if m > n or (n == 10_000_000 and dtype != np.float32):
                    continue
                x, k = (random_line(rng, size, dtype) for size in (n, m))
                runs: dict[str, Run] = {
                    "oaconvolve": lambda x=x, k=k: scipy.signal.oaconvolve(x, k, "same"),
                }
                if n < 10_000_000 or m == 1_000_000:
                    runs["fftconvolve"] = lambda x=x, k=k: scipy.signal.fftconvolve(x, k, "same")
                if m == 128 and dtype != np.complex64 and n < 10_000_000:
                    runs["numpy"] = lambda x=x, k=k: np.convolve(x, k, "same")
                ours = lambda x=x, k=k: fftconv.convolve(  # noqa: E731
                    x, k, mode="same", workers=peers.threads
                )
                yield Cell(f"1-D {np.dtype(dtype)} {n} x {m}", ours, runs, n)


def random_line(rng: np.random.Generator, size: int, dtype: Any) -> np.ndarray:
    values = rng.standard_normal(size)
    if np.dtype(dtype).kind == "c":
        values = values + 1j * rng.standard_normal(size)
    return values.astype(dtype)


def squares(peers: Peers) -> Iterator[Cell]:
    """Kernels as large as the signal."""
    rng = np.random.default_rng(0)
    shapes = [(n,) for n in (1_000, 10_000, 100_000, 1_000_000)] + [(n, n) for n in (64, 256, 1024)]
    for dtype in (np.float32, np.float64):
        for shape in shapes:
            x, k = (rng.standard_normal(shape).astype(dtype) for _ in range(2))
            runs: dict[str, Run] = {"fftconvolve": lambda x=x, k=k: scipy.signal.fftconvolve(x, k)}
            if peers.mkl_fft:
                runs["fftconvolve, mkl_fft"] = peers.with_mkl(runs["fftconvolve"])
            ours = lambda x=x, k=k: fftconv.convolve(x, k, workers=peers.threads)  # noqa: E731
            name = " x ".join(map(str, shape))
            yield Cell(f"N = M, {np.dtype(dtype)} {name}", ours, runs, math.prod(shape))


def large_images(peers: Peers) -> Iterator[Cell]:
    """Dense kernels that are transformed, on float32, grey and RGB."""
    options = {"boundary": "mirror", "workers": peers.threads}
    for n in (64, 256, 1024, 2048, 4096):
        for m in (31, 63, 127, 255):
            if m >= n or n * m < 64 * 31:
                continue
            x, k = random_pixels((n, n), np.float32), random_taps(m)
            runs: dict[str, Run] = {}
            if n < 4096:
                runs["fftconvolve"] = lambda x=x, k=k: scipy.signal.fftconvolve(x, k, "same")
                runs["oaconvolve"] = lambda x=x, k=k: scipy.signal.oaconvolve(x, k, "same")
            runs |= peers.opencv("cv2", lambda cv2, x=x, k=k: lambda: cv2.filter2D(x, -1, k))
            ours = lambda x=x, k=k: fftconv.correlate(x, k, mode="same", **options)  # noqa: E731
            if runs:
                yield Cell(f"2-D float32 {n}² x {m}²", ours, runs, n * n)
    for shape in ((1024, 1024), (1080, 1920, 3)):
        for m in (31, 63, 127):
            x, k = random_pixels(shape, np.uint8), random_taps(m)
            runs = peers.opencv("cv2", lambda cv2, x=x, k=k: lambda: cv2.filter2D(x, -1, k))
            ours = lambda x=x, k=k: image.apply_kernel(x, k, flip=False, **options)  # noqa: E731
            if runs:
                yield Cell(f"uint8 {' x '.join(map(str, shape))}, {m}²", ours, runs, x.size)


def repeated(peers: Peers) -> Iterator[Cell]:
    """A prepared kernel, and a bank of kernels, applied to one signal after the other."""
    for n, m in ((128, 9), (512, 31), (512, 101)):
        pixels, taps = random_pixels((n, n), np.float32), random_taps(m)
        one = fftconv.Filter(taps, boundary="mirror", workers=peers.threads)
        runs: dict[str, Run] = {
            "oaconvolve": lambda x=pixels, k=taps: scipy.signal.oaconvolve(x, k, "same")
        }
        runs |= peers.opencv("cv2", lambda cv2, x=pixels, k=taps: lambda: cv2.filter2D(x, -1, k))
        yield Cell(f"Filter, float32 {n}² x {m}²", lambda f=one, x=pixels: f(x), runs, n * n)
    pixels = random_pixels((512, 512), np.float32)
    kernels_ = [random_taps(31) * (n + 1) for n in range(8)]
    bank = fftconv.FilterBank(kernels_, boundary="mirror", workers=peers.threads)
    runs = {"oaconvolve": lambda: [scipy.signal.oaconvolve(pixels, k, "same") for k in kernels_]}
    runs |= peers.opencv("cv2", lambda cv2: lambda: [cv2.filter2D(pixels, -1, k) for k in kernels_])
    yield Cell("FilterBank, 8 of float32 512² x 31²", lambda: bank(pixels), runs, 8 * pixels.size)
    shared = fftconv.Filter(random_taps(31), workers=peers.threads)
    pool = ThreadPoolExecutor(8)
    yield Cell(
        "64 calls of a Filter from 8 threads, 256² x 31²",
        lambda: list(pool.map(shared, [pixels[:256, :256]] * 64)),
        {"one after the other": lambda: [shared(pixels[:256, :256]) for _ in range(64)]},
        64 * 256 * 256,
    )


def images(peers: Peers) -> Iterator[Cell]:
    """Dense kernels on float32 images."""
    options = {"mode": "same", "boundary": "mirror", "workers": peers.threads}
    for n in (256, 1024, 2048):
        for m in (3, 5, 7, 9, 11, 15, 31, 63):
            x, k = random_pixels((n, n), np.float32), random_taps(m)
            runs: dict[str, Run] = {"scipy.signal": lambda x=x, k=k: scipy.signal.convolve(x, k, "same")}
            if m <= 15 and n <= 1024:
                runs["ndimage"] = lambda x=x, k=k: scipy.ndimage.correlate(x, k, mode="mirror")
                runs |= peers.torch_conv2d(x, k)
            runs |= peers.opencv("cv2", lambda cv2, x=x, k=k: lambda: cv2.filter2D(x, -1, k))
            ours = lambda x=x, k=k: fftconv.correlate(x, k, **options)  # noqa: E731
            yield Cell(f"2-D float32 {n}² x {m}²", ours, runs, n * n)


def bytes_(peers: Peers) -> Iterator[Cell]:
    """Dense kernels on uint8 images, grey and RGB."""
    shapes = [(n, n) for n in (256, 1024, 2048)] + [(1080, 1920, 3)]
    for shape in shapes:
        for m in (3, 5, 7, 9, 11, 15):
            x, k = random_pixels(shape, np.uint8), random_taps(m)
            runs = peers.opencv("cv2", lambda cv2, x=x, k=k: lambda: cv2.filter2D(x, -1, k))
            beside: dict[str, Run] = {}
            if m <= 5:  # the rim is left as it is
                picture = Image.fromarray(x)
                kernel = ImageFilter.Kernel((m, m), k.ravel().tolist(), scale=1)
                beside["Pillow"] = lambda p=picture, f=kernel: p.filter(f)
            ours = lambda x=x, k=k: image.apply_kernel(  # noqa: E731
                x, k, flip=False, boundary="mirror", workers=peers.threads
            )
            name = " x ".join(map(str, shape))
            if runs:
                yield Cell(f"uint8 {name}, {m}²", ours, runs, x.size, beside)


def gaussians(peers: Peers) -> Iterator[Cell]:
    """The kernel reaches to four standard deviations for everybody."""
    cells = [((n, n), dtype) for n in (1024, 2048) for dtype in (np.float32, np.uint8)]
    for shape, dtype in [*cells, ((1080, 1920, 3), np.uint8)]:
        x = random_pixels(shape, dtype)
        for sigma in (1, 2, 5, 10, 20):
            side = 2 * int(4 * sigma + 0.5) + 1
            runs: dict[str, Run] = {}
            beside: dict[str, Run] = {}
            reference = None
            if len(shape) == 2:
                runs["ndimage"] = lambda x=x, s=sigma: scipy.ndimage.gaussian_filter(x, s)
                if peers.vips:
                    runs["libvips float"] = peers.vips_blur(x, sigma, "float")
            if len(shape) == 2 and dtype == np.uint8 and shape[0] == 1024:
                if peers.vips:
                    beside["libvips integer"] = peers.vips_blur(x, sigma, "integer")
                picture = Image.fromarray(x)
                blur = ImageFilter.GaussianBlur(sigma)
                beside["Pillow"] = lambda p=picture, f=blur: np.asarray(p.filter(f))
                reference = lambda x=x, s=sigma: scipy.ndimage.gaussian_filter(x.astype(float), s)  # noqa: E731
            runs |= peers.opencv(
                "cv2",
                lambda cv2, x=x, n=side, s=sigma: (
                    lambda: cv2.GaussianBlur(x, (n, n), s, borderType=cv2.BORDER_REFLECT)
                ),
            )
            ours = lambda x=x, s=sigma: image.gaussian_blur(x, s, workers=peers.threads)  # noqa: E731
            name = f"Gaussian {np.dtype(dtype)} {' x '.join(map(str, shape))} sigma {sigma}"
            if runs:
                yield Cell(name, ours, runs, x.size, beside, reference)


def boxes(peers: Peers) -> Iterator[Cell]:
    for dtype in (np.float32, np.uint8):
        for n in (1024, 2048):
            x = random_pixels((n, n), dtype)
            for m in (3, 5, 9, 15, 41, 161):
                runs: dict[str, Run] = {"ndimage": lambda x=x, m=m: scipy.ndimage.uniform_filter(x, m)}
                if dtype == np.uint8:
                    picture, blur = Image.fromarray(x), ImageFilter.BoxBlur(m // 2)
                    runs["Pillow"] = lambda p=picture, f=blur: p.filter(f)
                runs |= peers.opencv(
                    "cv2",
                    lambda cv2, x=x, m=m: lambda: cv2.blur(x, (m, m), borderType=cv2.BORDER_REFLECT),
                )
                ours = lambda x=x, m=m: image.box_blur(x, m, workers=peers.threads)  # noqa: E731
                yield Cell(f"box {np.dtype(dtype)} {n}², {m}²", ours, runs, n * n)


def volumes(peers: Peers) -> Iterator[Cell]:
    x = np.random.default_rng(0).random((128, 128, 128), np.float32)
    options = {"mode": "same", "boundary": "reflect", "workers": peers.threads}
    for m in (3, 5, 7):
        k = random_taps(m, 3)
        yield Cell(
            f"3-D float32 128³ x {m}³",
            lambda k=k: fftconv.correlate(x, k, **options),
            {"ndimage": lambda k=k: scipy.ndimage.correlate(x, k)},
            x.size,
        )
    k = kernels.gaussian((2.0, 2.0, 2.0)).astype(np.float32)
    yield Cell(
        "3-D float32 128³ Gaussian sigma 2",
        lambda: fftconv.correlate(x, k, **options),
        {"ndimage": lambda: scipy.ndimage.gaussian_filter(x, 2)},
        x.size,
    )


def bandwidth(peers: Peers) -> Iterator[Cell]:
    """What a small kernel leaves of the speed of a plain copy, into arrays that are there already."""
    x, k = random_pixels((2048, 2048), np.float32), random_taps(3)
    out, copied = np.empty_like(x), np.empty_like(x)
    options = {"mode": "same", "boundary": "mirror", "workers": peers.threads, "out": out}
    yield Cell(
        "2-D float32 2048² x 3², out given",
        lambda: fftconv.correlate(x, k, **options),
        {"copy": lambda: np.copyto(copied, x)},
        x.size,
    )


def smoke(peers: Peers) -> Iterator[Cell]:
    """One small cell, to see that a race runs."""
    x, k = random_pixels((64, 64), np.uint8), random_taps(3)
    yield Cell(
        "uint8 64², 3²",
        lambda: image.apply_kernel(x, k, workers=peers.threads),
        {"ndimage": lambda: scipy.ndimage.convolve(x, k)},
        x.size,
        reference=lambda: scipy.ndimage.convolve(x.astype(float), k),
    )


GRIDS: dict[str, Callable[[Peers], Iterator[Cell]]] = {
    "calls": calls,
    "lines": lines,
    "long-lines": long_lines,
    "squares": squares,
    "images": images,
    "large-images": large_images,
    "repeated": repeated,
    "bytes": bytes_,
    "gaussians": gaussians,
    "boxes": boxes,
    "volumes": volumes,
    "bandwidth": bandwidth,
    "smoke": smoke,
}
OPTIONAL = ("smoke",)


def race(cell: Cell, rounds: int) -> dict[str, float]:
    """Median seconds of each runner."""
    runners = {"fftconv": cell.ours, **cell.peers, **cell.beside}
    return median_seconds(runners, rounds)


def errors(cell: Cell) -> dict[str, float]:
    """Largest error of each result, where there is a reference."""
    if cell.reference is None:
        return {}
    truth = cell.reference()
    inside = tuple(slice(size // 8, size - size // 8) for size in truth.shape)  # of everybody's boundary
    runners = {"fftconv": cell.ours, **cell.peers, **cell.beside}
    return {name: float(np.abs(np.asarray(run()) - truth)[inside].max()) for name, run in runners.items()}


def report(cell: Cell, seconds: dict[str, float], wrong: dict[str, float]) -> str:
    ours = seconds["fftconv"]
    others = []
    for name, taken in seconds.items():
        if name != "fftconv":
            kind = "beside: " if name in cell.beside else ""
            others.append(f"{kind}{name} {taken / cell.outputs * 1e9:.3g} ({taken / ours:.2f}x)")
    line = f"{cell.name:40} fftconv {ours / cell.outputs * 1e9:8.3g}   {'  '.join(others)}"
    if wrong:
        line += "\n" + " " * 41 + "largest error: "
        line += ", ".join(f"{name} {size:.2g}" for name, size in wrong.items())
    return line


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("grids", nargs="*", choices=[*GRIDS, []], help=f"all but {OPTIONAL} by default")
    parser.add_argument("--threads", type=int, help="for everybody; by default what each takes itself")
    parser.add_argument("--rounds", type=int, default=15, help="at most, of each cell")
    parser.add_argument("--json", type=Path, help="write every figure to this file")
    arguments = parser.parse_args()
    peers = Peers(arguments.threads)
    records, summaries = [], []
    for grid in arguments.grids or [name for name in GRIDS if name not in OPTIONAL]:
        ratios = {}
        print(f"\n{grid}: ns per output, and how many times as fast as each peer fftconv is", flush=True)
        for cell in GRIDS[grid](peers):
            seconds, wrong = race(cell, arguments.rounds), errors(cell)
            ratios[cell.name] = min(seconds[name] for name in cell.peers) / seconds["fftconv"]
            print(report(cell, seconds, wrong), flush=True)
            records.append(
                {"grid": grid, "cell": cell.name, "seconds": seconds, "best peer": ratios[cell.name]}
                | ({"largest error": wrong} if wrong else {})
            )
        if not ratios:
            print("no peer of this grid is installed")
            continue
        mean = math.exp(np.mean(np.log(list(ratios.values()))))
        worst = min(ratios, key=lambda name: ratios[name])
        lost = sum(ratio < 1 for ratio in ratios.values())
        summaries.append(
            f"{grid}: against the best peer of each cell, mean {mean:.2f}x, lost {lost} of {len(ratios)}, "
            f"worst {ratios[worst]:.2f}x ({worst})"
        )
        print(summaries[-1])
    print("\n" + "\n".join(summaries))
    if arguments.json:
        content = {
            "machine": platform.platform(),
            "threads": arguments.threads or "default",
            "configuration": configuration(),
            "peers": {
                name: module.__version__
                for name, module in vars(peers).items()
                if hasattr(module, "__version__")
            },
            "cells": records,
        }
        arguments.json.write_text(json.dumps(content, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
