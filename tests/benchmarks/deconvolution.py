"""Deconvolution of a 512² RGB photo beside scikit-image, which takes the channels one after the other.

python tests/benchmarks/deconvolution.py --rounds 15

Needs scikit-image.
"""

from __future__ import annotations

import argparse
from functools import partial
from itertools import product
from typing import Any

import numpy as np
from skimage import restoration
from turns import median_seconds

from fftconv import image, kernels

KERNELS = {
    "gaussian 2": kernels.gaussian((2.0, 2.0)),
    "disk 3": kernels.disk(3),
    "disk 8": kernels.disk(8),
    "motion 41, 20°": kernels.motion(41, 20),
    "box 4": kernels.box(4),
    "gaussian 20": kernels.gaussian((20.0, 20.0)),
}
NOISE = (0.01, 0.001)


def _photo() -> Any:
    noise = np.random.default_rng(0).uniform(0, 255, (512, 512, 3))
    return image.gaussian_blur(noise, 2.0)


def _wiener_of_skimage(photo: Any, taps: Any, noise: float) -> Any:
    channels = [restoration.wiener(photo[..., c] / 255, taps, noise) for c in range(3)]
    return np.stack(channels, axis=-1)


def _richardson_lucy_of_skimage(photo: Any, taps: Any, iterations: int) -> Any:
    channels = [restoration.richardson_lucy(photo[..., c] / 255, taps, iterations) for c in range(3)]
    return np.stack(channels, axis=-1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--iterations", type=int, default=30, help="of Richardson-Lucy")
    options = parser.parse_args()
    numbers = _photo()
    for dtype, (name, taps), noise in product((np.uint8, np.float32, np.float64), KERNELS.items(), NOISE):
        photo = numbers.astype(dtype)
        runners = {
            "fftconv": partial(image.deconvolve, photo, taps, noise=noise),
            "skimage": partial(_wiener_of_skimage, photo, taps, noise),
        }
        times = median_seconds(runners, options.rounds)
        _report(f"wiener {photo.dtype} {name}, noise {noise:g}", times)
    photo, steps = numbers.astype(np.uint8), options.iterations
    for name, taps in KERNELS.items():
        runners = {
            "fftconv": partial(image.deconvolve, photo, taps, "richardson_lucy", iterations=steps),
            "skimage": partial(_richardson_lucy_of_skimage, photo, taps, steps),
        }
        times = median_seconds(runners, options.rounds, least=3)
        _report(f"richardson_lucy {photo.dtype} {name}, {steps} iterations", times)


def _report(what: str, times: dict[str, float]) -> None:
    ours, theirs = times["fftconv"], times["skimage"]
    print(f"{what:55} fftconv {1e3 * ours:7.1f} ms   skimage {1e3 * theirs:7.1f} ms   {ours / theirs:.2f}")


if __name__ == "__main__":
    main()
