"""Fit the constants of the cost model on this machine and write them where the package reads them.

    python tests/benchmarks/fit_cost_model.py            # prints the fit, writes nothing
    python tests/benchmarks/fit_cost_model.py --write    # also replaces fftconv/default_profile.json
    python tests/benchmarks/fit_cost_model.py --write --methods fft    # and keeps the other rates

Each engine is timed on a range of shapes, and with tiles of many sizes; for each code path and dtype one
rate per count is found by non-negative least squares on relative errors. The native core is timed on every
instruction set that this machine has, and pure Python once, each in a process of its own. Takes about
twenty minutes; run nothing beside it.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import scipy.optimize

from fftconv._arguments import Problem
from fftconv._cost import count_work, rate_key
from fftconv._engines import ENGINES, FAMILIES
from fftconv._native import core, level_or_reason
from fftconv._profile import processor
from fftconv.tuning import probe, schedules, seconds_per_call, thread_gain

PROFILE = Path(__file__).parents[2] / "fftconv" / "default_profile.json"

FLOATS = ("float32", "float64", "complex64", "complex128")
SLOW = ("longdouble", "clongdouble", "int64", "object")
LARGEST = {"object": 3e5, "int64": 4e8, "longdouble": 2e7, "clongdouble": 2e7}

# (signal shape, kernel shape, axes)
LINES = [
    ((n,), (m,), None)
    for n in (10, 100, 1_000, 10_000, 100_000, 300_000, 1_000_000)
    for m in (1, 3, 8, 15, 40, 80, 128, 200, 500, 2_000, 10_000)
    if m <= n and n * m <= 2e8
]
IMAGES = [
    ((n, n), (m, m), None)
    for n in (32, 128, 256, 512, 1024, 2048)
    for m in (3, 5, 9, 15, 31, 63)
    if m <= n and n * n * m * m <= 2e9
]
LINES_OF_IMAGES = [
    ((n, n), shape, None)
    for n in (128, 512, 2048)
    for m in (3, 9, 25, 81)
    for shape in ((m, 1), (1, m))
    if m < n
]
VOLUMES = [((n, n, n), (m, m, m), None) for n in (16, 48, 96) for m in (3, 5, 9)]
BATCHES = [
    (shape, (m,), axes)
    for shape, axes in (
        ((16, 1_000), (1,)),
        ((8, 100_000), (1,)),
        ((100_000, 2), (0,)),
        ((512, 512), (0,)),
        ((600, 800, 3), (0,)),
        ((600, 800, 3), (1,)),
    )
    for m in (3, 15, 60)
] + [((n, n, 3), (m, m), (0, 1)) for n in (128, 512, 1024) for m in (3, 9, 21)]
CELLS = [*LINES, *IMAGES, *LINES_OF_IMAGES, *VOLUMES, *BATCHES]
# For tiles, of which many shapes are timed for each cell.
TILED = [
    *(((10**4,), (m,), None) for m in (15, 200, 2_000)),
    *(((n,), (m,), None) for n in (3 * 10**5, 3 * 10**6) for m in (15, 200, 2_000, 10**4, 2 * 10**5)),
    *(((n, n), (m, m), None) for n in (100, 512, 2048) for m in (5, 15, 40, 90)),
    ((2048, 2048), (200, 200), None),
    ((2048, 2048), (700, 700), None),
    ((64, 64, 64), (5, 5, 5), None),
    ((100, 100, 100), (9, 9, 9), None),
    ((600, 800, 3), (21, 21), (0, 1)),
    ((100, 100, 5), (9, 9), (0, 1)),
    ((100, 100, 40), (9, 9), (0, 1)),
    ((400, 300, 40), (21, 21), (0, 1)),
    ((200, 3_000), (100,), (1,)),
    ((3_000, 200), (100,), (0,)),
    ((30_000, 2), (100,), (0,)),
    ((300,), (30,), None),
    ((20, 20), (5, 5), None),
]  # fmt: skip

TRANSFORMS = ("overlap_save", "fft")
SECONDS = 0.05  # for each problem
# Counts of few samples, that cost something beside what all have.
ON_TOP = ("apart near", "apart far")
# Sizes of tiles, as powers of two, that have a rate each.
TILES = {
    "overlap save plane core": {"tile": range(8, 23)},
    "overlap save line core": {"tile": range(8, 23), "lane tile": range(6, 13)},
}
GAINS = 9  # measurements of what a second thread brings


def problems(dtype: str, method: str) -> Iterator[Problem]:
    limit = LARGEST.get(dtype, 2e9) if core is None or method == "fft" else LARGEST.get(dtype, 4e9)
    for index, (signal_shape, kernel_shape, axes) in enumerate(
        TILED if method == "overlap_save" else CELLS
    ):
        taps = sum(kernel_shape) if method in FAMILIES else math.prod(kernel_shape)
        if method == "overlap_save":
            small = dtype in FLOATS or math.prod(signal_shape) <= 3e5
        else:
            small = math.prod(signal_shape) * taps <= limit
        if small and (method != "separable" or len(kernel_shape) == 2):
            boundary = "reflect" if index % 2 else "zero"
            cell = (dtype, signal_shape, kernel_shape, axes, boundary, method)
            yield probe(*cell)
            if method == "running_sum" and dtype == "float32" and core is not None:
                yield probe(*cell, source="uint8")


Samples = dict[str, list[tuple[dict[str, float], float]]]


def measure(dtype: str, method: str) -> Samples:
    """Counts and seconds by code path, of every problem that this engine does in one part."""
    samples: Samples = defaultdict(list)
    for problem in problems(dtype, method):
        possible = schedules(problem, method)
        for schedule in possible[:: 1 + len(possible) // 8]:
            work = count_work(method, problem.options, np.dtype(dtype), schedule)
            if len(work.parts) == 1:
                ((path, counts),) = work.parts
                samples[path].append((counts, seconds_per_call(problem, method, schedule, SECONDS)))
    return samples


def usual_gain(method: str, shapes: list[tuple[int, int]]) -> float:
    """The median of a few: other work on the machine takes the second thread away, now and then."""
    return float(np.median([thread_gain(method, shapes, SECONDS) for _ in range(GAINS)]))


def fit(samples: list[tuple[dict[str, float], float]]) -> tuple[dict[str, float], np.ndarray]:
    """Rates, and predicted over measured time of each sample."""
    alike = [sample for sample in samples if not set(ON_TOP) & set(sample[0])]
    names = sorted({name for counts, _ in alike for name in counts})
    seconds = np.array([time for _, time in alike])
    counts = np.array([[count.get(name, 0.0) for name in names] for count, _ in alike])
    found, _ = scipy.optimize.nnls(counts / seconds[:, None], np.ones(len(seconds)))
    rates: dict[str, float] = defaultdict(float, zip(names, found.tolist(), strict=True))

    def predicted(counts: dict[str, float]) -> float:
        return sum(rates[name] * count for name, count in counts.items())

    for name in ON_TOP:
        more = [(time - predicted(counts)) / counts[name] for counts, time in samples if name in counts]
        if more:
            rates[name] = max(0.0, float(np.median(more)))
    return dict(rates), np.array([predicted(counts) / time for counts, time in samples])


def with_all_tiles(rates: dict[str, float], name: str, sizes: range) -> dict[str, float]:
    """With a rate for every size of tile: where none was timed, that of the nearest."""
    timed = [size for size in sizes if rates.get(f"{name} {size}")]
    nearest = {size: min(timed, key=lambda other: abs(other - size)) for size in sizes}
    return rates | {f"{name} {size}": rates[f"{name} {other}"] for size, other in nearest.items()}


def fit_here(methods: Iterable[str], dtypes: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The rates of these engines on the core of this process, with a line for each on standard error."""
    rates: dict[str, dict[str, Any]] = defaultdict(dict)
    for dtype in dtypes:
        for method in methods:
            if method in TRANSFORMS and dtype in ("int64", "object"):
                continue
            for path, samples in measure(dtype, method).items():
                if core is not None and method != "fft" and not path.endswith("core"):
                    continue  # fitted without a core
                fitted, ratios = fit(samples)
                for name, sizes in TILES.get(path, {}).items():
                    fitted = with_all_tiles(fitted, name, sizes)
                rates[path][rate_key(np.dtype(dtype))] = fitted
                low, middle, high = np.percentile(ratios, (5, 50, 95))
                print(
                    f"{level_or_reason:20} {path:24} {dtype:12} {len(samples):3} cells, predicted / "
                    f"measured: 5 % {low:.2f}, median {middle:.2f}, 95 % {high:.2f}",
                    file=sys.stderr,
                    flush=True,
                )
    return rates


def fit_elsewhere(level: str, methods: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The same in a process whose core is this one."""
    environment = os.environ | {"FFTCONV_CORE": level}
    command = [sys.executable, __file__, "--one-core", "--methods", *methods]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    found: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="replace the shipped profile")
    parser.add_argument(
        "--methods", nargs="+", choices=ENGINES, default=list(ENGINES), help="fit only these"
    )
    parser.add_argument("--one-core", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    of_cores = [method for method in arguments.methods if method != "fft"]
    if arguments.one_core:
        dtypes = (*FLOATS, *SLOW) if core is None else (*FLOATS, "int64")
        json.dump(fit_here(of_cores, dtypes), sys.stdout)
        return
    content = json.loads(PROFILE.read_text(encoding="utf-8"))
    content["source"] = f"shipped, fitted on {processor()} with NumPy {np.__version__}"
    if "direct" in arguments.methods:
        content["thread_gain"]["core"] = usual_gain("direct", [(1024, 9), (2048, 5)])
    if "fft" in arguments.methods:
        content["thread_gain"]["fft"] = usual_gain("fft", [(1024, 100), (2048, 30)])
        content["rates"] |= fit_here(["fft"], (*FLOATS, *SLOW))
    if of_cores:
        content["rates"] |= fit_elsewhere("python", of_cores)
        for level in core.levels() if core is not None else []:
            content["core"][level] |= fit_elsewhere(level, of_cores)
    print("thread gain", content["thread_gain"])
    if arguments.write:
        PROFILE.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
