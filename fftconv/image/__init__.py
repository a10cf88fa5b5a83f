"""Images: read, filter and write them, as arrays, as PIL images or from file to file."""

from typing import TYPE_CHECKING

from fftconv._later import imported_later
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


__getattr__ = imported_later(__name__, _LATER)


def __dir__() -> list[str]:
    return __all__
