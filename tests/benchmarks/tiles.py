"""What transforming a tile takes: the native core against FFTW, one thread.

    python tests/benchmarks/tiles.py

For each tile the time of `overlap_save` in the core, of the same engine through pyFFTW with ESTIMATE plans,
and of the two transforms alone by FFTW with MEASURE plans (complex, in place, of two real tiles), in turns.
GFLOP/s count 5 N log2 N operations for each of the two transforms, which is the custom; those of the two
engines include reading, multiplying with the kernel's spectrum and writing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import pyfftw
from turns import median_seconds

from fftconv._engines import Schedule, overlap_save
from fftconv.tuning import probe

TILES: list[tuple[int, ...]] = [(n,) for n in (1024, 4096, 16384, 65536)]
TILES += [(n, n) for n in (64, 128, 192, 256, 384, 512)]


def measured_transforms(tile: tuple[int, ...], dtype: str, count: int) -> Callable[[], None]:
    """Forward and back with FFTW's best plans."""
    numbers = pyfftw.empty_aligned(tile, np.result_type(dtype, np.complex64))
    numbers[...] = 1
    axes = tuple(range(len(tile)))
    there, back = (
        pyfftw.FFTW(numbers, numbers, axes=axes, direction=direction, flags=("FFTW_MEASURE",))
        for direction in ("FFTW_FORWARD", "FFTW_BACKWARD")
    )

    def run() -> None:
        for _ in range(count):
            numbers[...] = 1
            there.execute()
            back.execute()

    return run


def main() -> None:
    ratios = []
    for dtype in ("float32", "float64"):
        for tile in TILES:
            kernel = tuple(max(size // 8, 2) for size in tile)
            pairs = max(1, 300_000 // math.prod(tile))
            outputs = [length - taps + 1 for length, taps in zip(tile, kernel, strict=True)]
            shape = (outputs[0] * 2 * pairs, *outputs[1:])
            problem = probe(dtype, shape, kernel, boundary="reflect")
            out = np.empty(shape, dtype)
            given = (problem.kernel, problem.options)
            data = (problem.signal, out)
            runs = {
                "core": partial(overlap_save.prepare(*given, Schedule(1, tile)), *data),
                "pyFFTW": partial(overlap_save.convolve_tiles, *given, Schedule(1, tile, "pyfftw"), *data),
                "FFTW alone": measured_transforms(tile, dtype, pairs),
            }
            seconds = median_seconds(runs, 25)
            points = math.prod(tile)
            work = pairs * (10 * points * math.log2(points))
            speeds = ", ".join(f"{name} {work / taken * 1e-9:5.1f}" for name, taken in seconds.items())
            ratios.append(seconds["pyFFTW"] / seconds["core"])
            name = " x ".join(map(str, tile))
            print(
                f"{dtype} {name:10} GFLOP/s: {speeds}; the core is {ratios[-1]:.1f} times as fast as pyFFTW"
            )
    print(f"geometric mean {np.exp(np.mean(np.log(ratios))):.1f}, least {min(ratios):.1f}")


if __name__ == "__main__":
    main()
