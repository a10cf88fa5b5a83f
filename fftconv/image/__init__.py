"""Images: read, filter and write them, as arrays, as PIL images or from file to file."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fftconv.image.batch import FileReport, filter_file, filter_files
from fftconv.image.filters import (
    Gradient,
    apply_kernel,
    box_blur,
    difference_of_gaussians,
    disk_blur,
    edge_directions,
    edges,
    emboss,
    gaussian_blur,
    gradient,
    high_pass,
    motion_blur,
    sharpen,
)
from fftconv.image.io import read, read_frames, read_with_metadata, write, write_frames
from fftconv.image.pixels import ImageMetadata

if TYPE_CHECKING:
    from fftconv.image.deconvolution import deconvolve
    from fftconv.image.matching import TemplateMatches, TemplatePeak, match_template
    from fftconv.image.pipelines import pipeline

__all__ = [
    "FileReport",
    "Gradient",
    "ImageMetadata",
    "TemplateMatches",
    "TemplatePeak",
    "apply_kernel",
    "box_blur",
    "deconvolve",
    "difference_of_gaussians",
    "disk_blur",
    "edge_directions",
    "edges",
    "emboss",
    "filter_file",
    "filter_files",
    "gaussian_blur",
    "gradient",
    "high_pass",
    "match_template",
    "motion_blur",
    "pipeline",
    "read",
    "read_frames",
    "read_with_metadata",
    "sharpen",
    "write",
    "write_frames",
]

# What is imported when it is first used, and from where.
_LATER = {
    "TemplateMatches": "matching",
    "TemplatePeak": "matching",
    "deconvolve": "deconvolution",
    "match_template": "matching",
    "pipeline": "pipelines",
}


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(import_module(f"fftconv.image.{_LATER[name]}"), name)
    raise AttributeError(f"module 'fftconv.image' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
