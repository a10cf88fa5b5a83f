"""dask: one worker and two, beside dask-image, with memory and the cost of a chunk.

python tests/benchmarks/dask_scaling.py --side 20000 --kernel 101

Workers are processes of one thread each. Strong scaling is the same image on both, weak
half of the rows on one. Needs distributed, and dask-image for the comparison.
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


def image(rows: int, side: int, chunk: int) -> Any:
    return da.random.default_rng(0).random((rows, side), chunks=chunk, dtype="float32")


def ours(lazy: Any, kernel: Any) -> Any:
    return fftconv.convolve(lazy, kernel, mode="same", boundary="reflect")


def of_dask_image(lazy: Any, kernel: Any) -> Any:
    from dask_image import ndfilters

    return ndfilters.convolve(lazy, kernel, mode="reflect")


def peak() -> int:
    with open("/proc/self/status", encoding="ascii") as file:
        return int(next(line.split()[1] for line in file if line.startswith("VmHWM"))) // 1024


def run(workers: int, build: Callable[[], Any]) -> tuple[float, int, int]:
    """Seconds of the sum of all outputs, MiB at the peak of a worker beyond its start, and tasks."""
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
        total = build().sum()
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
    cases: list[tuple[str, int, Callable[[], Any]]] = [
        ("making the image alone", 2, lambda: image(side, side, chunk)),
        ("strong", 1, lambda: ours(image(side, side, chunk), kernel)),
        ("strong", 2, lambda: ours(image(side, side, chunk), kernel)),
        ("weak, half of the rows", 1, lambda: ours(image(side // 2, side, chunk), kernel)),
    ]
    if small := given.dask_image:
        cases.append((f"{small}², fftconv", 1, lambda: ours(image(small, small, chunk), kernel)))
        cases.append(
            (f"{small}², dask-image", 1, lambda: of_dask_image(image(small, small, chunk), kernel))
        )
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
