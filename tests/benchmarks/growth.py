"""The cost of an output over the length of the signal, measured and drawn into growth.png.

    python tests/benchmarks/growth.py

Needs Matplotlib (`pip install ".[plot]"`). One thread, float32, kernels of 128 and 10 000 taps.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import scipy.signal
from turns import median_seconds

import fftconv

LENGTHS = [10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000]
TICKS = [2, 5, 10, 20, 50]
# Colours that stay apart for colour-blind readers (Okabe and Ito).
RUNNERS: dict[str, tuple[str, Callable[[np.ndarray, np.ndarray], np.ndarray]]] = {
    "fftconv, overlap_save": (
        "#009E73",
        lambda x, k: fftconv.convolve(x, k, mode="same", method="overlap_save", workers=1),
    ),
    "fftconv, fft": ("#D55E00", lambda x, k: fftconv.convolve(x, k, mode="same", method="fft", workers=1)),
    "scipy.signal.oaconvolve": ("#0072B2", lambda x, k: scipy.signal.oaconvolve(x, k, "same")),
}


def measure(taps: int) -> dict[str, list[float]]:
    """ns per output of each runner, medians of calls in turns."""
    rng = np.random.default_rng(0)
    kernel = rng.standard_normal(taps).astype(np.float32)
    table: dict[str, list[float]] = {name: [] for name in RUNNERS}
    for length in LENGTHS:
        signal = rng.standard_normal(length).astype(np.float32)
        runs = {name: partial(run, signal, kernel) for name, (_, run) in RUNNERS.items()}
        for name, seconds in median_seconds(runs, 7).items():
            table[name].append(seconds / length * 1e9)
    return table


def main() -> None:
    figure, panels = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True)
    for axes, taps in zip(panels, (128, 10_000), strict=True):
        table = measure(taps)
        for name, (colour, _) in RUNNERS.items():
            axes.plot(LENGTHS, table[name], "o-", color=colour, label=name)
            shown = ", ".join(f"{ns:.2f}" for ns in table[name])
            print(f"{taps} taps, {name}: {shown} ns per output")
        long = table["fftconv, overlap_save"][LENGTHS.index(100_000) :]
        print(
            f"{taps} taps, overlap_save from 10^5 samples on: most over least {max(long) / min(long):.2f}"
        )
        axes.set(xscale="log", yscale="log", xlabel="samples", title=f"{taps:,} taps".replace(",", " "))
        axes.set_yticks(TICKS, [str(tick) for tick in TICKS])
        axes.minorticks_off()
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("ns per output, one thread")
    panels[1].legend(frameon=False)
    figure.tight_layout()
    figure.savefig(Path(__file__).with_name("growth.png"), dpi=110)


if __name__ == "__main__":
    main()
