"""Matplotlib, which is imported when something is drawn, and not needed otherwise."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from fftconv._files import check_target, complete_file

# The palette of Okabe and Ito, told apart by all eyes.
BLACK, GREY = "#000000", "#888888"
BLUE, SKY, GREEN, ORANGE, RED, PURPLE = "#0072B2", "#56B4E9", "#009E73", "#E69F00", "#D55E00", "#CC79A7"


def import_matplotlib(module: str) -> Any:
    """A module of Matplotlib, or what to install."""
    try:
        return import_module(f"matplotlib.{module}")
    except ImportError:
        raise ImportError('plot needs Matplotlib; install it with: pip install "fftconv[plot]"') from None


def check_picture(target: Path) -> str:
    """The format that a picture will have, once it is sure that it can be drawn."""
    canvas = import_matplotlib("backends.backend_agg").FigureCanvasAgg
    check_target(target)
    suffix, accepted = target.suffix[1:].lower() or "png", canvas.get_supported_filetypes()
    if suffix not in accepted:
        raise ValueError(f"{target} has the suffix {target.suffix!r}; accepted are .{', .'.join(accepted)}")
    return suffix


def name_to_draw(path: Path) -> str:
    """Return the name of a file as text that Matplotlib draws without taking it for a formula."""
    return path.name.encode("utf-8", "backslashreplace").decode().replace("$", r"\$")


def new_figure(width: float, height: float) -> Any:
    """A figure of so many inches, of no window."""
    return import_matplotlib("figure").Figure(figsize=(width, height), dpi=120, layout="constrained")


def save_figure(figure: Any, target: Path) -> None:
    """Write a figure, whole or not at all."""
    suffix = check_picture(target)
    with complete_file(target) as file:
        figure.savefig(file, format=suffix)
