"""Matplotlib, which is imported when something is drawn, and not needed otherwise."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def import_matplotlib(module: str) -> Any:
    """A module of Matplotlib, or what to install."""
    try:
        return import_module(f"matplotlib.{module}")
    except ImportError:
        raise ImportError('plot needs Matplotlib; install it with: pip install "fftconv[plot]"') from None
