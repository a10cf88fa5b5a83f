"""Images: read, filter and write them, as arrays, as PIL images or from file to file."""

from typing import TYPE_CHECKING

from fftconv._later import imported_later

if TYPE_CHECKING:
    from fftconv.image.batch import FileReport, filter_file, filter_files
    from fftconv.image.deconvolution import deconvolve
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
    from fftconv.image.matching import TemplateMatches, TemplatePeak, match_template
    from fftconv.image.pipelines import pipeline
    from fftconv.image.pixels import ImageMetadata

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

# All is imported when it is first used, and from where: what reads a file needs nothing of what filters it.
_LATER = {
    "FileReport": "batch",
    "Gradient": "filters",
    "ImageMetadata": "pixels",
    "TemplateMatches": "matching",
    "TemplatePeak": "matching",
    "apply_kernel": "filters",
    "box_blur": "filters",
    "deconvolve": "deconvolution",
    "difference_of_gaussians": "filters",
    "disk_blur": "filters",
    "edge_directions": "filters",
    "edges": "filters",
    "emboss": "filters",
    "filter_file": "batch",
    "filter_files": "batch",
    "gaussian_blur": "filters",
    "gradient": "filters",
    "high_pass": "filters",
    "match_template": "matching",
    "motion_blur": "filters",
    "pipeline": "pipelines",
    "read": "io",
    "read_frames": "io",
    "read_with_metadata": "io",
    "sharpen": "filters",
    "write": "io",
    "write_frames": "io",
}


__getattr__ = imported_later(__name__, _LATER)


def __dir__() -> list[str]:
    return __all__
