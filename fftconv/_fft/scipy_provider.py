"""Transforms through scipy.fft, which passes them on to the backend set by `scipy.fft.set_backend`."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.fft


class _Workspace:
    inverse_scale: Any = 1.0

    def __init__(
        self, shape: tuple[int, ...], axes: tuple[int, ...], dtype: np.dtype[Any], workers: int
    ) -> None:
        self.samples: np.ndarray[Any, Any] = np.empty(shape, dtype)
        self._real = dtype.kind == "f"
        self._lengths = [shape[axis] for axis in axes]
        self._axes = axes
        self._workers = workers

    def forward(self) -> np.ndarray[Any, Any]:
        transform = scipy.fft.rfftn if self._real else scipy.fft.fftn
        spectrum: np.ndarray[Any, Any] = transform(self.samples, axes=self._axes, workers=self._workers)
        return spectrum

    def inverse(self, spectrum: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        transform = scipy.fft.irfftn if self._real else scipy.fft.ifftn
        samples: np.ndarray[Any, Any] = transform(
            spectrum, self._lengths, axes=self._axes, workers=self._workers, overwrite_x=True
        )
        return samples


def workspace(
    shape: tuple[int, ...], axes: tuple[int, ...], dtype: np.dtype[Any], workers: int
) -> _Workspace:
    """Plans are scipy's own to keep; nothing is kept here."""
    return _Workspace(shape, axes, dtype, workers)
