"""Layers beside torch: `layers.conv_layer` and its gradients, and torch.nn.functional.conv2d.

python tests/benchmarks/layers.py --rounds 5

Each library is timed in processes of its own, one after the other, in rounds: threads of torch go on
for a while after each call, and would take the cores from whoever comes next. Needs torch.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

# Batch, channels, side, kernels, side of the kernel, stride.
CASES = [
    (1, 3, 224, 64, 3, 1),
    (1, 3, 224, 64, 7, 1),
    (1, 3, 224, 64, 7, 2),
    (8, 64, 56, 64, 3, 1),
    (8, 64, 56, 64, 7, 1),
    (8, 64, 56, 64, 3, 2),
    (8, 128, 28, 128, 3, 1),
    (8, 512, 7, 512, 3, 1),
    (8, 256, 14, 64, 1, 1),
    (8, 64, 56, 64, 15, 1),
    (1, 64, 224, 64, 31, 1),
    (1, 8, 256, 2, 63, 1),
]
_SECONDS = 1.0  # of calls for each case, at least three


def arrays(case: tuple[int, ...]) -> tuple[Any, Any, dict[str, int]]:
    batch, channels, side, kernels, taps, stride = case
    rng = np.random.default_rng(0)
    x = rng.standard_normal((batch, channels, side, side)).astype(np.float32)
    weights = rng.standard_normal((kernels, channels, taps, taps)).astype(np.float32)
    return x, weights, {"padding": taps // 2, "stride": stride}


def of_fftconv(case: tuple[int, ...], backward: bool) -> Callable[[], Any]:
    from fftconv import layers

    x, weights, options = arrays(case)
    if not backward:
        return lambda: layers.conv_layer(x, weights, **options)
    gradient = np.ones_like(layers.conv_layer(x, weights, **options))
    return lambda: layers.conv_layer_backward(gradient, x, weights, **options)


def of_torch(case: tuple[int, ...], backward: bool) -> Callable[[], Any]:
    import torch

    x, weights, options = arrays(case)
    tensors = [torch.from_numpy(array) for array in (x, weights)]
    if not backward:
        torch.set_grad_enabled(False)
        return lambda: torch.nn.functional.conv2d(*tensors, **options)
    gradient = torch.ones_like(torch.nn.functional.conv2d(*tensors, **options))
    pair = (options["stride"],) * 2, (options["padding"],) * 2
    rest = *pair, (1, 1), False, (0, 0), 1, (True, True, True)
    back = torch.ops.aten.convolution_backward
    return lambda: back(gradient, *tensors, [weights.shape[0]], *rest)


LIBRARIES = {"fftconv": of_fftconv, "torch": of_torch}


def median(run: Callable[[], Any]) -> float:
    run()
    taken: list[float] = []
    begun = time.perf_counter()
    while len(taken) < 3 or time.perf_counter() - begun < _SECONDS:
        start = time.perf_counter()
        run()
        taken.append(time.perf_counter() - start)
    return float(np.median(taken))


def in_a_process(library: str, case: tuple[int, ...], backward: bool) -> float:
    command = [sys.executable, __file__, "--time", json.dumps([library, case, backward])]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--backward", action="store_true", help="the gradients")
    parser.add_argument("--time", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.time:
        library, case, backward = json.loads(given.time)
        print(median(LIBRARIES[library](tuple(case), backward)))
        return
    print("| N × C × side² | kernels | stride | fftconv, ms | torch, ms | torch / fftconv |")
    print("|---|---|---|---|---|---|")
    for case in CASES:
        rounds = [
            [in_a_process(library, case, given.backward) for library in LIBRARIES]
            for _ in range(given.rounds)
        ]
        ours, theirs = (1e3 * float(np.median(column)) for column in zip(*rounds, strict=True))
        batch, channels, side, kernels, taps, stride = case
        cells = (
            f"{batch} × {channels} × {side}²",
            f"{kernels} of {taps}²",
            stride,
            f"{ours:.2f}",
            f"{theirs:.2f}",
        )
        print("|", *(f"{cell} |" for cell in cells), f"{theirs / ours:.2f} |", flush=True)


if __name__ == "__main__":
    main()
