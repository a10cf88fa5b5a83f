"""Time fftconv against its peers, cell by cell, and print the ratios; losses too.

    python tests/benchmarks/race.py                # all grids
    python tests/benchmarks/race.py calls images   # some
    python tests/benchmarks/race.py --json race.json

See README.md in this folder for the method.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy.ndimage
import scipy.signal

import fftconv
from fftconv import image
from fftconv._configuration import configuration

try:
    import cv2
except ImportError:
    cv2 = None


class Cell(NamedTuple):
    """One job: a name, ours, the peers', and what to divide seconds by to get ns per output."""

    name: str
    ours: Callable[[], Any]
    peers: dict[str, Callable[[], Any]]
    outputs: int


def calls() -> Iterator[Cell]:
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


def lines() -> Iterator[Cell]:
    rng = np.random.default_rng(0)
    for dtype in (np.float32, np.float64):
        for n in (10_000, 1_000_000):
            for m in (15, 128, 2000):
                x, k = rng.random(n).astype(dtype), rng.random(m).astype(dtype)
                peers = {
                    "scipy.signal": lambda x=x, k=k: scipy.signal.convolve(x, k, "same"),
                    "oaconvolve": lambda x=x, k=k: scipy.signal.oaconvolve(x, k, "same"),
                }
                if n * m <= 2e8:
                    peers["numpy"] = lambda x=x, k=k: np.convolve(x, k, "same")
                ours = lambda x=x, k=k: fftconv.convolve(x, k, mode="same")  # noqa: E731
                yield Cell(f"1-D {np.dtype(dtype)} {n} x {m}", ours, peers, n)


def images() -> Iterator[Cell]:
    rng = np.random.default_rng(0)
    for n in (256, 512, 1024, 2048):
        for m in (3, 5, 9, 15, 31, 63):
            x, k = rng.random((n, n), np.float32), rng.random((m, m), np.float32)
            options = {"mode": "same", "boundary": "mirror"}
            peers: dict[str, Callable[[], Any]] = {
                "scipy.signal": lambda x=x, k=k: scipy.signal.convolve(x, k, "same")
            }
            if cv2 is not None:
                peers["cv2"] = lambda x=x, k=k: cv2.filter2D(x, -1, k)
            ours = lambda x=x, k=k, o=options: fftconv.correlate(x, k, **o)  # noqa: E731
            yield Cell(f"2-D float32 {n}² x {m}²", ours, peers, n * n)
            if cv2 is not None:
                y = (x * 255).astype(np.uint8)
                taps = k / k.sum()
                yield Cell(
                    f"2-D uint8 {n}² x {m}²",
                    lambda y=y, k=taps: image.apply_kernel(y, k, flip=False, boundary="mirror"),
                    {"cv2": lambda y=y, k=taps: cv2.filter2D(y, -1, k)},
                    n * n,
                )


def gaussians() -> Iterator[Cell]:
    rng = np.random.default_rng(0)
    x = rng.random((1024, 1024), np.float32)
    for sigma in (1, 5, 20):
        peers = {"ndimage": lambda s=sigma: scipy.ndimage.gaussian_filter(x, s)}
        if cv2 is not None:
            side = 2 * int(4 * sigma + 0.5) + 1
            peers["cv2"] = lambda s=sigma, n=side: cv2.GaussianBlur(x, (n, n), s)
        yield Cell(
            f"Gaussian float32 1024² sigma {sigma}",
            lambda s=sigma: image.gaussian_blur(x, s),
            peers,
            x.size,
        )


GRIDS = {"calls": calls, "lines": lines, "images": images, "gaussians": gaussians}


def race(cell: Cell) -> dict[str, float]:
    """Median seconds of each runner, taken in turns so that a slow moment hits all alike."""
    runners = {"fftconv": cell.ours, **cell.peers}
    repeats = {}
    for name, run in runners.items():
        run()  # plans, imports and first touches of memory do not count
        begun = time.perf_counter()
        run()
        repeats[name] = max(1, int(1e-3 / (time.perf_counter() - begun)))
    times: dict[str, list[float]] = {name: [] for name in runners}
    begun = time.perf_counter()
    while len(times["fftconv"]) < 5 or (len(times["fftconv"]) < 15 and time.perf_counter() - begun < 1):
        for name, run in runners.items():
            start = time.perf_counter()
            for _ in range(repeats[name]):
                run()
            times[name].append((time.perf_counter() - start) / repeats[name])
    return {name: float(np.median(taken)) for name, taken in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("grids", nargs="*", choices=[*GRIDS, []], help="all by default")
    parser.add_argument("--threads", type=int, help="threads of OpenCV; fftconv uses what it plans")
    parser.add_argument("--json", type=Path, help="write every figure to this file")
    arguments = parser.parse_args()
    if cv2 is not None and arguments.threads:
        cv2.setNumThreads(arguments.threads)
    records = []
    for grid in arguments.grids or GRIDS:
        ratios = []
        print(f"\n{grid}: ns per output, and how many times as fast as each peer fftconv is")
        for cell in GRIDS[grid]():
            seconds = race(cell)
            ours = seconds["fftconv"]
            best = min(taken for name, taken in seconds.items() if name != "fftconv")
            ratios.append(best / ours)
            others = "  ".join(
                f"{name} {taken / cell.outputs * 1e9:.3g} ({taken / ours:.2f}x)"
                for name, taken in seconds.items()
                if name != "fftconv"
            )
            print(f"{cell.name:36} fftconv {ours / cell.outputs * 1e9:8.3g}   {others}", flush=True)
            records.append({"cell": cell.name, "seconds": seconds})
        mean = float(np.exp(np.mean(np.log(ratios))))
        print(f"{grid}: against the best peer of each cell, mean {mean:.2f}x, worst {min(ratios):.2f}x")
    if arguments.json:
        content = {"machine": platform.platform(), "configuration": configuration(), "cells": records}
        arguments.json.write_text(json.dumps(content, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
