"""Images: read, filter and write them, as arrays, as PIL images or from file to file."""

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
