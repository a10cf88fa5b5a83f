"""Convolution block by block: load, time beside peers, and memory from file to file.

    python tests/benchmarks/streams.py

Load is the time that a block takes over the time that it lasts, at 48 kHz, with an impulse response of ten
seconds in float32 and a sound of sixty; beside it pedalboard's Convolution (`pip install pedalboard`) where
it is installed. Offline the whole sound is there at once, and scipy.signal.oaconvolve takes part. Memory is
the peak of a process that filters a file, less that of one that only imports.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import scipy.signal
from turns import PEAK, median_seconds

import fftconv

try:
    import pedalboard
except ImportError:
    pedalboard = None

RATE = 48_000
BLOCKS = (64, 256, 1024, 4096)
IMPORTS = "import sys; from fftconv import audio; import soundfile;"
FILTER = (
    "room = audio.decaying_noise(48000, 10.0);"
    "report = audio.filter_file(*sys.argv[1:], audio.reverb, impulse_response=room);"
    "print(report.filter_seconds, report.seconds);"
)


def stream(kernel: np.ndarray, block: int, channels: int, **options: Any) -> Callable[[np.ndarray], Any]:
    convolver = fftconv.StreamingConvolver(kernel, block_size=block, channels=channels, **options)
    out = np.empty((block, channels), kernel.dtype)
    return partial(convolver.process, out=out)


def peer(kernel: np.ndarray, channels: int) -> Callable[[np.ndarray], Any]:
    """Pedalboard's, on its own layout, channels x frames."""
    convolution = pedalboard.Convolution(np.ascontiguousarray(kernel), 1.0, sample_rate=RATE)
    silence = np.zeros((channels, 4096), np.float32)
    for _ in range(50):  # it prepares the response in another thread
        convolution(silence, RATE, reset=False)
        time.sleep(0.01)
    return lambda block: convolution(block.T, RATE, reset=False)


def load(process: Callable[[np.ndarray], Any], sound: np.ndarray, block: int) -> str:
    seconds = []
    for start in range(0, len(sound) - block + 1, block):
        part = sound[start : start + block]
        begun = time.perf_counter()
        process(part)
        seconds.append(time.perf_counter() - begun)
    shares = 100 * np.array(seconds) * RATE / block
    middle, high = np.median(shares), np.quantile(shares, 0.999)
    return f"{middle:7.2f} {high:7.2f} {shares.max():7.2f}   {10 * shares.mean() / RATE * 1e6:6.0f}"


def live(seconds: int) -> None:
    rng = np.random.default_rng(0)
    room = rng.normal(size=10 * RATE).astype(np.float32) * 1e-3
    print("load in per cent: median, 99.9th percentile, largest; ns a frame")
    for block in BLOCKS:
        for name, channels, kernel in (
            ("mono", 1, room),
            ("stereo, one response", 2, room),
            ("stereo, one for each", 2, np.stack([room, room[::-1]], axis=1)),
            ("true stereo", 2, np.stack([np.stack([room] * 2, 1)] * 2, 1)),
        ):
            sound = rng.uniform(-1, 1, (seconds * RATE, channels)).astype(np.float32)
            print(f"{block:5} {name:24} fftconv     {load(stream(kernel, block, channels), sound, block)}")
            if name == "mono":
                uniform = stream(kernel, block, channels, partitions="uniform")
                print(f"{block:5} {name:24} uniform     {load(uniform, sound, block)}")
            if pedalboard is not None and "one response" in name + "one response" * (channels == 1):
                print(
                    f"{block:5} {name:24} pedalboard  {load(peer(room, channels), sound, block)}",
                    flush=True,
                )


def offline(seconds: int) -> None:
    rng = np.random.default_rng(1)
    print(f"\n{seconds} s at once: ns a frame, and times as fast as oaconvolve")
    for dtype in (np.float32, np.float64):
        for taps in (480, 4800, 48_000, 480_000):
            kernel = rng.normal(size=taps).astype(dtype)
            sound = rng.uniform(-1, 1, seconds * RATE).astype(dtype)
            runs: dict[str, Callable[[], Any]] = {
                "oaconvolve": partial(scipy.signal.oaconvolve, sound, kernel),
                "convolve": partial(fftconv.convolve, sound, kernel),
            }
            for block in (64, 4096, 65536):
                whole = fftconv.StreamingConvolver(kernel, block_size=block, dtype=dtype)
                runs[f"stream, {block}"] = partial(in_blocks, whole, sound, block)
            if pedalboard is not None and dtype is np.float32:
                convolution = pedalboard.Convolution(kernel, 1.0, sample_rate=RATE)
                runs["pedalboard"] = partial(convolution, sound, RATE)
            times = median_seconds(runs, 5)
            cells = [
                f"{name} {1e9 * taken / sound.size:.1f} ({times['oaconvolve'] / taken:.2f})"
                for name, taken in times.items()
            ]
            print(f"{np.dtype(dtype)}, {taps} taps: {', '.join(cells)}", flush=True)


def in_blocks(convolver: fftconv.StreamingConvolver, sound: np.ndarray, block: int) -> None:
    for start in range(0, len(sound), block):
        convolver.process(sound[start : start + block])
    convolver.flush()


def echoes(seconds: int) -> None:
    sound = np.random.default_rng(2).uniform(-1, 1, seconds * RATE)
    print(f"\necho, 4 copies 2 s apart, {seconds} s: ns a frame")
    runs = {
        "audio.echo": partial(fftconv.audio.echo, sound, RATE, 2.0, 0.5, repeats=4),
        "oaconvolve": partial(scipy.signal.oaconvolve, sound, fftconv.kernels.echo(2 * RATE, 0.5, 4)),
    }
    for name, taken in median_seconds(runs, 5).items():
        print(f"  {name} {1e9 * taken / sound.size:.1f}")


def memory(minutes: tuple[int, ...]) -> None:
    import soundfile

    base = int(python(IMPORTS + PEAK)[0])
    print("\nreverb of ten seconds from file to file, 16-bit stereo at 48 kHz")
    rng = np.random.default_rng(3)
    with tempfile.TemporaryDirectory() as folder:
        for length in minutes:
            source, target = Path(folder) / "in.wav", Path(folder) / "out.wav"
            with soundfile.SoundFile(source, "w", samplerate=RATE, channels=2, subtype="PCM_16") as file:
                for _ in range(length):
                    file.write(rng.integers(-3000, 3000, (60 * RATE, 2), dtype=np.int16))
            *times, peak = python(IMPORTS + FILTER + PEAK, str(source), str(target))
            filtering, whole = map(float, times)
            print(
                f"  {length} min: peak {int(peak) / 1024:.0f} MiB, of which "
                f"{base / 1024:.0f} are imports; {whole:.1f} s, "
                f"{filtering:.1f} s of it convolution, {length * 60 / whole:.0f} times as fast as it plays"
            )


def python(code: str, *arguments: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def main() -> None:
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--seconds", type=int, default=60, help="of sound")
    arguments.add_argument("--minutes", type=int, nargs="*", default=(3, 30), help="lengths of files")
    given = arguments.parse_args()
    live(given.seconds)
    offline(given.seconds)
    echoes(given.seconds)
    memory(tuple(given.minutes))


if __name__ == "__main__":
    main()
