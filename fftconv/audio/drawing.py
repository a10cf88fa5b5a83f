"""Spectrograms of sound files; Matplotlib is imported when one is drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from fftconv._files import StrPath
from fftconv._pictures import name_to_draw, new_figure, save_figure
from fftconv.audio.codecs import AudioMetadata
from fftconv.audio.io import opened

Array = np.ndarray[Any, np.dtype[Any]]

_WINDOW = 2048  # frames
_MOST_COLUMNS = 1000
_RANGE = 100  # decibels


def draw_before_and_after(source: StrPath, result: StrPath, target: Path) -> None:
    """Two spectrograms on one scale, of a file and of what became of it, as a picture."""
    figure = new_figure(9, 5.5)
    axes = figure.subplots(2, 1, sharex=True, sharey=True)
    for ax, path, title in zip(axes, (source, result), ("before", "after"), strict=True):
        about, levels = spectrogram(path)
        seconds = about.frames / about.sample_rate
        mesh = ax.imshow(
            levels,
            origin="lower",
            aspect="auto",
            extent=(0, seconds, 0, about.sample_rate / 2000),
            cmap="magma",
            vmin=-_RANGE,
            vmax=0,
        )
        ax.set(title=f"{title}: {name_to_draw(Path(path))}", ylabel="kHz")
    axes[0].set(xlim=(0, seconds))  # of the result, tail and all
    axes[1].set(xlabel="seconds")
    figure.colorbar(mesh, ax=axes, label="decibels, a sine at full scale = 0")
    save_figure(figure, target)


def spectrogram(path: StrPath) -> tuple[AudioMetadata, Array]:
    """Levels in decibels, frequencies x at most a thousand times, of all channels together.

    Windows are read one by one where they stand, so a file may be of any length.
    """
    window = np.hanning(_WINDOW)
    with opened(path) as reader:
        about = reader.metadata
        columns = min(max(4 * about.frames // _WINDOW, 1), _MOST_COLUMNS)
        powers = np.zeros((columns, _WINDOW // 2 + 1))
        held, begin = np.empty((0, about.channels)), 0
        for column, frame in enumerate(np.linspace(0, max(about.frames - _WINDOW, 0), columns).astype(int)):
            held = held[frame - begin :]  # what windows share is not read twice: not every codec goes back
            if not len(held):
                reader.seek(int(frame))
            held, begin = np.concatenate([held, reader.read(_WINDOW - len(held))]), int(frame)
            samples = np.pad(held, ((0, _WINDOW - len(held)), (0, 0)))
            spectra = np.fft.rfft(samples * window[:, None], axis=0) * (2 / window.sum())
            powers[column] = (np.abs(spectra) ** 2).mean(axis=1)
    return about, 10 * np.log10(np.maximum(powers.T, 1e-20))
