"""dask: one worker and two, beside dask-image, with memory and the cost of a chunk.

python tests/benchmarks/dask_scaling.py --side 20000 --kernel 101

Workers are processes of one thread each. Strong scaling is the same image on both, weak half of the rows on
one. Outputs are summed, for which dask goes from block to block of four by four chunks, or written (to
nowhere), for which it goes from row to row. Needs distributed, and dask-image for the comparison.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import dask.array as da
import distributed
import numpy as np
from dask.array.overlap import overlap

import fftconv

_CHUNK = 2048


class Nowhere:
    """Where outputs are written to, as to a file that takes no time."""

    def __setitem__(self, region: Any, values: Any) -> None:
        pass


def image(rows: int, side: int, chunk: int | tuple[int, int]) -> Any:
    return da.random.default_rng(0).random((rows, side), chunks=chunk, dtype="float32")


def summed(lazy: Any) -> Any:
    return lazy.sum()


def written(lazy: Any) -> Any:
    return da.store(lazy, Nowhere(), compute=False, lock=False)


def ours(lazy: Any, kernel: Any) -> Any:
    return fftconv.convolve(lazy, kernel, mode="same", boundary="reflect")


def of_dask_image(lazy: Any, kernel: Any) -> Any:
    from dask_image import ndfilters

    return ndfilters.convolve(lazy, kernel, mode="reflect")


def peak() -> int:
    with open("/proc/self/status", encoding="ascii") as file:
        return int(next(line.split()[1] for line in file if line.startswith("VmHWM"))) // 1024


def run(workers: int, build: Callable[[], Any]) -> tuple[float, int, int]:
    """Seconds, MiB at the peak of a worker beyond its start, and tasks."""
    with (
        distributed.LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            dashboard_address=":0",
            memory_limit="6GB",
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        client.compute(ours(image(64, 64, 32), np.ones((3, 3), np.float32)).sum()).result()  # imports
        before = max(client.run(peak).values())
        total = build()
        begun = time.perf_counter()
        client.compute(total).result()
        taken = time.perf_counter() - begun
        return taken, max(client.run(peak).values()) - before, len(total.__dask_graph__())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=20_000)
    parser.add_argument("--kernel", type=int, default=101)
    parser.add_argument("--chunk", type=int, default=_CHUNK)
    parser.add_argument(
        "--dask-image", type=int, default=2000, metavar="SIDE", help="of its image; 0 for none"
    )
    given = parser.parse_args()
    side, chunk = given.side, given.chunk
    kernel = np.random.default_rng(1).random((given.kernel, given.kernel)).astype(np.float32)
    print(f"{side}² float32, {given.kernel}², chunks of {chunk}²")
    print("| | workers | seconds | MiB at the peak of a worker | tasks |")
    print("|---|---|---|---|---|")
    wide = max(1, chunk * chunk // side), side  # as many samples in a chunk, and all columns
    cases: list[tuple[str, int, Callable[[], Any]]] = [
        ("making the image alone", 2, lambda: summed(image(side, side, chunk))),
        ("strong, summed", 1, lambda: summed(ours(image(side, side, chunk), kernel))),
        ("strong, summed", 2, lambda: summed(ours(image(side, side, chunk), kernel))),
        ("strong, written", 1, lambda: written(ours(image(side, side, chunk), kernel))),
        ("strong, written", 2, lambda: written(ours(image(side, side, chunk), kernel))),
        ("written, chunks of whole rows", 1, lambda: written(ours(image(side, side, wide), kernel))),
        ("written, chunks of whole rows", 2, lambda: written(ours(image(side, side, wide), kernel))),
        ("weak, half of the rows, summed", 1, lambda: summed(ours(image(side // 2, side, chunk), kernel))),
    ]
    if small := given.dask_image:
        cases += [
            (f"{small}², fftconv", 1, lambda: summed(ours(image(small, small, chunk), kernel))),
            (f"{small}², dask-image", 1, lambda: summed(of_dask_image(image(small, small, chunk), kernel))),
        ]
    for name, workers, build in cases:
        seconds, memory, tasks = run(workers, build)
        print(f"| {name} | {workers} | {seconds:.2f} | {memory} | {tasks} |", flush=True)
    print()
    chunks = da.zeros((5000, 5000), chunks=128, dtype="float32")
    for name, each in {
        "sums of chunks": chunks,
        "with dask's overlap": overlap(chunks, 1, boundary="none"),
        "with a convolution": ours(chunks, np.ones((3, 3), np.float32)),
    }.items():
        begun = time.perf_counter()
        each.sum().compute(scheduler="threads")
        taken = time.perf_counter() - begun
        each_one = 1e3 * taken / chunks.npartitions
        print(f"{chunks.npartitions} chunks of 128², threads, {name}: {each_one:.2f} ms each")
    print()
    print("halo over data, by chunk and kernel:")
    for size in (512, 1024, 2048, 4096):
        shares = (f"{side}²: {((size + side - 1) ** 2 - size**2) / size**2:.1%}" for side in (15, 101, 501))
        print(f"  {size}²  {'  '.join(shares)}")


if __name__ == "__main__":
    main()
