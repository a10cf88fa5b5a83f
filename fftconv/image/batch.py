"""From file to file: filter one image or many, and report what ran."""

from __future__ import annotations

import inspect
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fftconv._files import check_target, targets_in
from fftconv.image.decoding import MOST_PIXELS
from fftconv.image.encoding import check_writable
from fftconv.image.io import StrPath, read_frames, write_frames
from fftconv.planning import recorded_plans

Filter = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class FileReport:
    """What became of one file.

    Attributes
    ----------
    source, target : Path
        The file read and the file written.
    shape : tuple of int
        Of the pixels of the first frame; empty if the file could not be read.
    frames : int
        Of an animation, or pages of a document.
    methods : tuple of str
        Engines that ran, in order, each once.
    filter_seconds, seconds : float
        Time in the filter alone, and with reading and writing.
    error : Exception or None
        What kept the file from being written; None if it was.
    """

    source: Path
    target: Path
    shape: tuple[int, ...] = ()
    frames: int = 0
    methods: tuple[str, ...] = ()
    filter_seconds: float = 0.0
    seconds: float = 0.0
    error: Exception | None = None


def filter_file(
    source: StrPath,
    target: StrPath,
    filter: Filter,  # noqa: A002
    *,
    quality: int | None = None,
    max_pixels: int = MOST_PIXELS,
    **parameters: Any,
) -> FileReport:
    """Filter an image file into another one.

    Parameters
    ----------
    source : path-like
        File to read, as in `fftconv.image.read`.
    target : path-like
        File to write; the suffix chooses the format. It must not be the source. Written whole or not
        at all, with all frames of the source, its colour profile, resolution, EXIF data, XMP and texts.
    filter : callable
        One of this module's filters, or any function from pixels to pixels.
    quality : int, optional
        Of JPEG, WebP and AVIF files, as in `write`.
    max_pixels : int, optional
        As in `read`.
    **parameters
        Passed on to `filter`.

    Returns
    -------
    FileReport
        Which engines ran, and how long it took.

    Raises
    ------
    ValueError
        If the source is no image, the target is the source, or its format cannot hold the result.
    OSError
        If a file cannot be read or written.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from fftconv import image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     target = Path(folder) / "blurred.png"
    ...     report = image.filter_file("samples/picture.png", target, image.gaussian_blur, sigma=2)
    ...     report.shape, report.error
    ((854, 1280, 3), None)
    """
    begun = time.perf_counter()
    origin, goal = Path(source), Path(target)
    check_target(goal, origin)
    check_writable(goal, quality=quality)  # before the work, not after it
    frames, metadata = read_frames(origin, max_pixels=max_pixels)
    check_writable(goal, frames=len(frames))
    if metadata.mode == "CMYK" and "alpha" in inspect.signature(filter).parameters:
        parameters = {"alpha": False} | parameters  # four channels, none of them opacity
    with recorded_plans() as plans:
        started = time.perf_counter()
        results = [filter(pixels, **parameters) for pixels in frames]
        filtered = time.perf_counter() - started
    write_frames(goal, results, metadata=metadata, quality=quality)
    return FileReport(
        origin,
        goal,
        frames[0].shape,
        len(frames),
        tuple(dict.fromkeys(plan.method for plan in plans)),
        filtered,
        time.perf_counter() - begun,
    )


def filter_files(
    sources: Iterable[StrPath],
    folder: StrPath,
    filter: Filter,  # noqa: A002
    *,
    on_progress: Callable[[FileReport], None] | None = None,
    **parameters: Any,
) -> list[FileReport]:
    """Filter image files into a folder, each under its own name; a bad file does not stop the others.

    Parameters
    ----------
    sources : iterable of path-like
        Files to read. Two of the same name are refused, as one would replace the other.
    folder : path-like
        Existing folder to write to.
    filter : callable
        As in `filter_file`.
    on_progress : callable, optional
        Called with the report of each file as it is done.
    **parameters
        Passed on to `filter`.

    Returns
    -------
    list of FileReport
        In the order of `sources`; `error` says why a file was not written.

    Raises
    ------
    ValueError
        If two sources share a name.
    NotADirectoryError
        If `folder` does not exist or is no folder.

    Examples
    --------
    >>> import tempfile
    >>> from fftconv import image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     done = image.filter_files(["samples/cutout.png"], folder, image.edges, operator="scharr")
    ...     [report.error for report in done]
    [None]
    """
    if isinstance(sources, (str, os.PathLike)):
        raise TypeError(f"sources={sources!r} is one path; pass a list of them, [{str(sources)!r}]")
    reports = []
    for origin, target in targets_in(Path(folder), [Path(source) for source in sources]):
        begun = time.perf_counter()
        try:
            report = filter_file(origin, target, filter, **parameters)
        except Exception as error:  # whatever a filter raises, the other files are to be done
            seconds = time.perf_counter() - begun
            report = FileReport(origin, target, seconds=seconds, error=error)
        reports.append(report)
        if on_progress is not None:
            on_progress(report)
    return reports
