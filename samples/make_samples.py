"""Make the sample files that stand beside this script. Needs fftconv and Matplotlib; the seed is fixed.

python samples/make_samples.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy.io import wavfile
from scipy.signal import lfilter

from fftconv.plotting import SlidingAnimation, animate_sliding

FOLDER = Path(__file__).parent
WIDTH, HEIGHT = 1280, 854
F = (10, 9, 10, 9, 10, 1, 10, 9, 10, 8)
SAMPLE_RATE = 22050
MELODY = (  # beats, and halftones above the A of 220 Hz, of a round that everybody knows
    *[(1, note) for note in (3, 5, 7, 3, 3, 5, 7, 3)],
    *[(beats, note) for beats, note in ((1, 7), (1, 8), (2, 10), (1, 7), (1, 8), (2, 10))],
)
BEAT = 0.36


def smooth_noise(rng: np.random.Generator, cells: int) -> np.ndarray:
    """Random values on a coarse grid, enlarged without visible cells; in [0, 1]."""
    coarse = Image.fromarray(rng.random((cells * HEIGHT // WIDTH + 2, cells)).astype(np.float32))
    return np.asarray(coarse.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC))


def landscape(rng: np.random.Generator) -> np.ndarray:
    """A gradient sky, a sun, hills and water: smooth areas and textures side by side."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    top, low = np.array((38, 70, 130)), np.array((250, 190, 120))
    height = (y / (0.62 * HEIGHT)).clip(0, 1)[..., None]
    picture = top + (low - top) * height
    sun = np.hypot(x - 960, y - 330)
    picture += np.exp(-((sun / 120) ** 2))[..., None] * np.array((90, 70, 20))
    picture = np.where((sun < 62)[..., None], np.array((255, 244, 214)), picture)
    for layer, (base, rough, colour) in enumerate(
        [(430, 90, (96, 104, 140)), (500, 70, (62, 82, 96)), (560, 40, (34, 58, 48))]
    ):
        ridge = base + sum(
            rough / 2**k * np.sin(x[0] * 2**k / (130 + 37 * layer) + rng.uniform(0, 6)) for k in range(4)
        )
        texture = smooth_noise(rng, 160)[..., None] * 26 + smooth_noise(rng, 500)[..., None] * 20 - 22
        picture = np.where((y > ridge)[..., None], np.array(colour) + texture, picture)
    water = y > 0.74 * HEIGHT
    depth = ((y - 0.74 * HEIGHT) / (0.26 * HEIGHT)).clip(0, 1)
    waves = np.sin(y * (1.9 - 1.5 * depth) + 3 * smooth_noise(rng, 30)) * smooth_noise(rng, 90)
    sea = np.array((52, 96, 128)) + (24 * waves - 30 * depth)[..., None] + rng.normal(0, 3, (*x.shape, 1))
    return np.where(water[..., None], sea, picture)


def draw_signs(picture: Image.Image) -> None:
    """Straight, slanted and round edges, fine lines and text of several sizes."""
    draw = ImageDraw.Draw(picture)
    draw.polygon([(150, 640), (150, 420), (250, 330), (350, 420), (350, 640)], fill=(176, 62, 48))
    draw.polygon(
        [(130, 430), (250, 318), (370, 430), (352, 436), (250, 344), (148, 436)], fill=(60, 34, 30)
    )
    draw.rectangle((222, 540, 280, 640), fill=(52, 36, 32))
    for column in (172, 296):
        draw.rectangle((column, 450, column + 36, 500), fill=(248, 226, 150), outline=(40, 26, 24), width=3)
        draw.line((column + 18, 450, column + 18, 500), fill=(40, 26, 24), width=2)
    for step in range(24):
        draw.line((430 + 9 * step, 600, 430 + 9 * step, 676), fill=(238, 238, 230), width=1 + step % 4)
    for ring in range(60, 4, -8):
        shade = 255 if ring // 8 % 2 else 20
        draw.ellipse((720 - ring, 640 - ring, 720 + ring, 640 + ring), fill=(shade, shade, shade))
    for row in range(8):
        for column in range(8):
            shade = 245 if (row + column) % 2 else 25
            corner = (850 + 14 * column, 580 + 14 * row)
            draw.rectangle((*corner, corner[0] + 13, corner[1] + 13), fill=(shade,) * 3)
    for size, line in ((64, 700), (34, 772), (20, 812), (13, 836)):
        text = (
            "every edge tells: (f * g)(c) is the sum of f(a) g(c - a)"
            if size < 60
            else "fftconv 0123456789"
        )
        draw.text((60, line), text, font=ImageFont.load_default(size), fill=(250, 250, 245))


def cutout() -> Image.Image:
    """A ring and a leaf of full colour, half transparent and soft-edged; invisible pixels are green."""
    side = 480
    y, x = np.mgrid[0:side, 0:side].astype(np.float32) - side / 2
    radius = np.hypot(x, y)
    ring = ((70 - np.abs(radius - 150)) / 12).clip(0, 1)
    leaf = ((90 - np.abs(x) - np.abs(y) / 2) / 3).clip(0, 1) * 0.5
    colour = np.full((side, side, 3), (0.0, 255.0, 0.0))
    colour[ring > 0] = (214, 48, 49)
    colour[(leaf > 0) & (ring == 0)] = (9, 132, 227)
    colour[..., 2] += 40 * np.sin(x / 9) * np.cos(y / 9)
    pixels = np.dstack([colour, 255 * np.maximum(ring, leaf)])
    return Image.fromarray(pixels.clip(0, 255).round().astype(np.uint8))


def pluck(rng: np.random.Generator, frequency: float, seconds: float) -> np.ndarray:
    """A plucked string: noise going round in a delay line that smooths it (Karplus and Strong, 1983)."""
    period = SAMPLE_RATE / frequency - 0.5  # the mean of two samples delays by half of one
    whole, part = int(period), period % 1
    excitation = np.zeros(round(seconds * SAMPLE_RATE))
    excitation[:whole] = rng.uniform(-1, 1, whole)
    loop = np.zeros(whole + 3)
    loop[0] = 1
    loop[whole : whole + 3] -= 0.996 * np.convolve((1 - part, part), (0.5, 0.5))
    return lfilter([1.0], loop, excitation)


def melody(rng: np.random.Generator) -> np.ndarray:
    """Six seconds of it, each string ringing on under the next notes."""
    sound = np.zeros(6 * SAMPLE_RATE)
    beat = 0
    for beats, halftones in MELODY:
        start = round(beat * BEAT * SAMPLE_RATE)
        string = pluck(rng, 220 * 2 ** (halftones / 12), 1.6)[: sound.size - start]
        sound[start : start + string.size] += string
        beat += beats
    return sound


def room(rng: np.random.Generator) -> np.ndarray:
    """What a stairwell makes of a click: the click, its first reflections, and noise that dies away."""
    taps = round(0.9 * SAMPLE_RATE)
    t = np.arange(taps) / SAMPLE_RATE
    response = 0.06 * rng.normal(size=taps) * 10 ** (-3 * t / 0.9) * (t > 0.012)
    for seconds, loudness in ((0, 1.0), (0.0072, -0.62), (0.0117, 0.55), (0.0191, -0.4), (0.0274, 0.35)):
        response[round(seconds * SAMPLE_RATE)] += loudness
    return response


def sliding() -> SlidingAnimation:
    """Two blocks under a kernel that rises at once and dies away, as an echo does."""
    t = np.arange(0, 6, 0.05)
    blocks = 1.0 * (np.abs(t - 1) < 0.5) + 0.6 * (np.abs(t - 3.5) < 1)
    decay = np.exp(-np.arange(0, 3, 0.05) / 0.7)
    return animate_sliding(blocks, decay, step=0.05, frames=60)


def save_sound(name: str, sound: np.ndarray, peak: float) -> None:
    samples = np.rint(sound / np.abs(sound).max() * peak * 32767).astype(np.int16)
    wavfile.write(FOLDER / name, SAMPLE_RATE, samples)


def main() -> None:
    rng = np.random.default_rng(20261121)
    picture = Image.fromarray(landscape(rng).clip(0, 255).round().astype(np.uint8))
    draw_signs(picture)
    picture.save(FOLDER / "picture.png", dpi=(144, 144), optimize=True)
    cutout().save(FOLDER / "cutout.png", optimize=True)

    t = np.linspace(0, 2, 2000)
    clean = np.sin(2 * np.pi * 1.5 * t) + 0.4 * np.sin(2 * np.pi * 4 * t)
    noisy = clean + rng.normal(0, 0.35, t.size)
    table = np.column_stack([t, noisy, clean])
    np.savetxt(FOLDER / "noisy_signal.csv", table, "%.6f", ",", header="seconds,noisy,clean", comments="")
    np.savetxt(FOLDER / "f.csv", np.array(F)[:, None], "%d", header="f", comments="")

    save_sound("melody.wav", melody(rng), 0.6)
    save_sound("room.wav", room(rng), 0.9)
    sliding().save(FOLDER / "sliding.gif", frames_per_second=12)


if __name__ == "__main__":
    main()
