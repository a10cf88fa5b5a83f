"""What choosing costs: the time of "auto" over that of the fastest of our own methods, cell by cell.

    python tests/benchmarks/regret.py                # with the profile that is in use
    python tests/benchmarks/regret.py --tune 3       # with one that is measured first, and not kept
    python tests/benchmarks/regret.py --threads 1 --json regret.json

Every method that can do the work, and is not predicted to take twenty times as long as another, is timed in
turns with "auto"; the fastest is the one with the least median. See README.md in this folder.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from turns import median_seconds

import fftconv
from fftconv import kernels

SLOWER = 20  # times as long as predicted for the fastest: not timed


@dataclass(frozen=True)
class Cell:
    """One convolution."""

    dtype: str
    signal: tuple[int, ...]
    kernel: tuple[int, ...] | str  # or the name of a kernel of structure
    options: tuple[tuple[str, Any], ...] = ()

    def __str__(self) -> str:
        signal = " x ".join(map(str, self.signal))
        kernel = self.kernel if isinstance(self.kernel, str) else " x ".join(map(str, self.kernel))
        extra = "".join(f", {name} {value}" for name, value in self.options)
        return f"{self.dtype} {signal} * {kernel}{extra}"


STRUCTURED = {
    "Gaussian sigma 2": lambda: kernels.gaussian((2.0, 2.0)),
    "Gaussian sigma 12": lambda: kernels.gaussian((12.0, 12.0)),
    "box 5": lambda: kernels.box((5, 5)),
    "box 41": lambda: kernels.box((41, 41)),
    "LoG sigma 3": lambda: kernels.laplacian_of_gaussian(3.0),
}


def cells() -> Iterator[Cell]:
    same = (("mode", "same"), ("boundary", "reflect"))
    for dtype in ("float32", "float64", "complex64"):
        for n in (100, 1_000, 10_000, 100_000, 1_000_000):
            for m in (3, 10, 30, 100, 300, 1_000, 3_000, 10_000, 100_000):
                if m <= n:
                    yield Cell(dtype, (n,), (m,), (("mode", "same"),))
    for dtype in ("float32", "float64"):
        for n in (64, 200, 512, 1024, 2048):
            for m in (3, 7, 11, 15, 23, 41, 99, 199):
                if m < n:
                    yield Cell(dtype, (n, n), (m, m), same)
        for n in (200, 1024):
            for name in STRUCTURED:
                yield Cell(dtype, (n, n), name, same)
        for n in (300, 3_000, 30_000, 300_000):
            yield Cell(dtype, (n,), (n,))
        for n in (50, 100, 300, 700):
            yield Cell(dtype, (n, n), (n, n))
    for m in (3, 7, 15, 31):
        yield Cell("float32", (600, 800, 3), (m, m), (*same, ("axes", (0, 1))))
        yield Cell("float32", (200, 2_000), (8 * m,), (*same, ("axes", -1)))
        yield Cell("float32", (2_000, 200), (8 * m,), (*same, ("axes", 0)))
        yield Cell("int64", (40_000,), (30 * m,), (("mode", "same"),))
        yield Cell("float32", (64, 64, 64), (m, m, m), same)


def data(cell: Cell) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    if isinstance(cell.kernel, str):
        taps = STRUCTURED[cell.kernel]()
    elif cell.dtype == "int64":
        return rng.integers(-100, 100, cell.signal), rng.integers(-100, 100, cell.kernel)
    else:
        taps = rng.standard_normal(cell.kernel)
    signal = rng.standard_normal(cell.signal)
    if cell.dtype.startswith("complex"):
        signal, taps = signal + 1j, taps - 1j
    return signal.astype(cell.dtype), taps.astype(cell.dtype)


def race(cell: Cell, threads: int | None, rounds: int) -> tuple[str, dict[str, float]]:
    """The method chosen, and median seconds of "auto" and of every method worth timing."""
    signal, kernel = data(cell)
    options = dict(cell.options) | {"workers": threads}
    plan = fftconv.explain(signal, kernel, **options)
    limit = SLOWER * plan.seconds
    able = [item.method for item in plan.candidates if item.seconds is not None and item.seconds <= limit]
    runs = {
        method: lambda method=method: fftconv.convolve(signal, kernel, method=method, **options)
        for method in ("auto", *able)
    }
    return plan.method, median_seconds(runs, rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tune", type=float, metavar="SECONDS", help="measure the machine first")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--rounds", type=int, default=15, help="at most, of each cell")
    parser.add_argument("--every", type=int, default=1, help="take only every n-th cell")
    parser.add_argument("--json", type=Path, help="write every figure to this file")
    arguments = parser.parse_args()
    if arguments.tune:
        fftconv.tune(arguments.tune, save=False)
    profile = fftconv.machine_profile().source
    records = []
    for cell in list(cells())[:: arguments.every]:
        chosen, seconds = race(cell, arguments.threads, arguments.rounds)
        best = min((taken, method) for method, taken in seconds.items() if method != "auto")
        # "auto" does the same as the method it chose: what is more, or less, between these two is noise.
        regret = seconds[chosen] / best[0]
        records.append({"cell": str(cell), "chosen": chosen, "best": best[1], "regret": regret,
                        "seconds": seconds})  # fmt: skip
        if regret > 1.1:
            print(f"{regret:5.2f}  {cell!s:60} {chosen} and not {best[1]}", flush=True)
    regrets = np.array([record["regret"] for record in records])
    print(f"\n{len(regrets)} cells, {profile}")
    for limit in (1.0, 1.1, 1.25, 1.5):
        print(f"regret at most {limit:4}: {np.mean(regrets <= limit):6.1%}")
    print(f"largest {regrets.max():.2f}, geometric mean {np.exp(np.log(regrets).mean()):.3f}")
    if arguments.json:
        content = {"profile": profile, "threads": arguments.threads or "default", "cells": records}
        arguments.json.write_text(json.dumps(content, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
