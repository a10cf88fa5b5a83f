"""Damaged image files, read in a process of bounded memory: each is an error, or the picture that it was.

    python tests/hostile.py --seconds 3600 --seed 7

truncates and flips bits of small files of every format for an hour, and prints what became of them. It is
an hour of processor time, so the process may be stopped and continued. A file that is read although it is
damaged counts as "read"; one that was only cut short must be the picture that it was. Anything but
ValueError or OSError, a time-out or a crash ends the run with the damaged file kept.

A flipped bit can make a header promise many pixels, which WebP, for one, has to fill, so the time that a
file takes is bounded by `max_pixels`: they are read as by a service that lets strangers send pictures.
"""

import argparse
import collections
import json
import signal
import sys
import tempfile
import time
import warnings
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

from fftconv import image
from fftconv.image.decoding import sketch
from fftconv.image.large import open_rows

SECONDS, BYTES = 10, 2 * 2**30  # for a file, of processor time; for the process
PATIENCE = 600  # seconds by the clock, for what waits instead of working
PIXELS = 20_000_000  # for a file
FORMATS = {
    "grey.png": ("uint8", ()),
    "colour.png": ("uint8", (3,)),
    "deep.png": ("uint16", (3,)),
    "colour.jpg": ("uint8", (3,)),
    "colour.tif": ("uint8", (3,)),
    "deep.tif": ("uint16", (3,)),
    "float.tif": ("float32", ()),
    "colour.webp": ("uint8", (3,)),
    "colour.bmp": ("uint8", (3,)),
    "colour.ppm": ("uint8", (3,)),
    "colour.avif": ("uint8", (3,)),
    "float.pfm": ("float32", ()),
    "frames.gif": ("uint8", (3,)),
    "frames.png": ("uint8", (4,)),
    "frames.webp": ("uint8", (3,)),
    "frames.avif": ("uint8", (3,)),
    "frames.tif": ("uint8", (3,)),
    "tiles.tif": ("uint8", (3,)),
}


class TooSlow(BaseException):
    """No error that anything on the way would take for one of the file."""


def make(name):
    """The bytes of a small file of this kind."""
    dtype, channels = FORMATS[name]
    generator = np.random.default_rng(5)
    pixels = generator.integers(0, 200, (11, 13, *channels)).astype(dtype)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        if name.startswith("frames"):
            said = image.ImageMetadata("RGB", durations=(50.0, 70.0), loop=0)
            image.write_frames(path, [pixels, np.flip(pixels, 0)], metadata=said)
        elif name.startswith("tiles"):
            big = generator.integers(0, 200, (20, 30, *channels)).astype(dtype)
            tifffile.imwrite(path, big, tile=(16, 16), compression="zlib", photometric="rgb")
        else:
            image.write(path, pixels)
        return path.read_bytes()


def read(path):
    """All frames, or what kept them from being read."""
    try:
        with in_time(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return image.read_frames(path, max_pixels=PIXELS)[0]
    except (ValueError, OSError) as error:
        return error


@contextmanager
def in_time():
    """An end to what takes too long."""
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    signal.alarm(PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.alarm(0)


def read_rows(path):
    """The same by rows, for TIFF files."""
    try:
        with in_time(), open(path, "rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            frames = sketch(file)[1]
            if frames > 1:
                return ValueError(f"{path} holds {frames} frames")
            rows = open_rows(file)
            if rows.part_bytes > BYTES // 8 or rows.shape[0] > 2**16:
                return ValueError(f"{path} is too large")  # as it would be for any memory allowed
            return [np.concatenate([rows.read(row, row + 1) for row in range(rows.shape[0])])]
    except Exception as error:  # as filter_file has around the same
        return ValueError(f"{path}: {error}")


def is_same(found, frames):
    """Whether these are the frames, every pixel of them."""
    return (
        not isinstance(found, Exception)
        and len(found) == len(frames)
        and all(np.array_equal(a, b) for a, b in zip(found, frames, strict=True))
    )


def flipped(content, generator):
    """The file with one to eight bits turned over, or bytes replaced, more often in its header."""
    damaged = bytearray(content)
    for _ in range(generator.integers(1, 9)):
        place = int(len(damaged) * generator.random() ** 2)
        if generator.random() < 0.8:
            damaged[place] ^= 1 << int(generator.integers(8))
        else:
            damaged[place] = int(generator.choice([0, 1, 127, 128, 255]))
    return bytes(damaged)


def damage(name, seed, count, stop=None):
    """Counts of what became of every truncation (seed None) or of so many flips."""
    content = make(name)
    counts = collections.Counter()
    generator = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        whole = read(path)
        assert not isinstance(whole, Exception), whole
        for number in range(len(content) if seed is None else count):
            if stop is not None and time.process_time() > stop:
                break
            damaged = content[:number] if seed is None else flipped(content, generator)
            path.write_bytes(damaged)
            try:
                found = read(path)
                if seed is None and not isinstance(found, Exception) and not is_same(found, whole):
                    raise AssertionError(
                        f"{name} cut to {number} of {len(content)} bytes is another picture"
                    )
                if isinstance(found, Exception) and str(path) not in str(found):
                    raise AssertionError(f"the error does not name the file: {found}")
            except BaseException:
                kept = Path(tempfile.gettempdir()) / f"damaged-{name}"
                kept.write_bytes(damaged)
                print(f"kept {kept}", file=sys.stderr)
                raise
            counts["refused" if isinstance(found, Exception) else "read"] += 1
            if path.suffix == ".tif":
                found = read_rows(path)
                counts["rows refused" if isinstance(found, Exception) else "rows read"] += 1
    return counts


def limit():
    """Bound the memory of this process, and the time for each file."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))

    def give_up(number, frame):
        raise TooSlow(f"took more than {SECONDS} s of processor time, or {PATIENCE} s")

    for kind in (signal.SIGPROF, signal.SIGALRM):
        signal.signal(kind, give_up)


def main():
    """All formats in turn, until the time is over; or one, as the tests want it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=60)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--only", choices=list(FORMATS))
    options.add_argument("--flips", type=int, default=200)
    given = options.parse_args()
    Image.init()
    limit()
    stop = time.process_time() + given.seconds
    names = [given.only] if given.only else list(FORMATS)
    totals = {name: collections.Counter() for name in names}
    for name in names:
        totals[name].update({f"cut, {k}": v for k, v in damage(name, None, 0).items()})
    seed = given.seed
    while given.only or time.process_time() < stop:
        for name in names:
            found = damage(name, seed, given.flips, None if given.only else stop)
            totals[name].update({f"flipped, {k}": v for k, v in found.items()})
        seed += 1
        if given.only:
            break
    print(json.dumps(totals, indent=1))


if __name__ == "__main__":
    main()
