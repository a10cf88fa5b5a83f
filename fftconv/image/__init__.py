"""Images: read, filter and write them, as arrays, as PIL images or from file to file."""

from fftconv.image.batch import FileReport, filter_file, filter_files
from fftconv.image.filters import (
    apply_kernel,
    box_blur,
    difference_of_gaussians,
    disk_blur,
    edges,
    emboss,
    gaussian_blur,
    high_pass,
    motion_blur,
    sharpen,
)
from fftconv.image.io import read, read_frames, read_with_metadata, write, write_frames
from fftconv.image.matching import TemplateMatches, TemplatePeak, match_template
from fftconv.image.pixels import ImageMetadata

__all__ = [
    "FileReport",
    "ImageMetadata",
    "TemplateMatches",
    "TemplatePeak",
    "apply_kernel",
    "box_blur",
    "difference_of_gaussians",
    "disk_blur",
    "edges",
    "emboss",
    "filter_file",
    "filter_files",
    "gaussian_blur",
    "high_pass",
    "match_template",
    "motion_blur",
    "read",
    "read_frames",
    "read_with_metadata",
    "sharpen",
    "write",
    "write_frames",
]
