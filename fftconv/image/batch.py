"""From file to file: filter one image or many, and report what ran."""

from __future__ import annotations

import inspect
import os
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from traceback import clear_frames
from typing import TYPE_CHECKING, Any

from fftconv._checks import check_choice, check_count, read_list
from fftconv._files import StrPath, check_target, read_path
from fftconv._folders import Pair, make_room, targets_in
from fftconv._recording import recorded_plans
from fftconv._threads import available_cores
from fftconv.image import jpeg

if TYPE_CHECKING:
    from concurrent.futures import Future

Filter = Callable[..., Any]
FILTERS = (
    "apply_kernel",
    "box_blur",
    "deconvolve",
    "difference_of_gaussians",
    "disk_blur",
    "edge_directions",
    "edges",
    "emboss",
    "gaussian_blur",
    "high_pass",
    "motion_blur",
    "pipeline",
    "sharpen",
)
EXISTING = ("overwrite", "skip")


class BatchInterrupted(KeyboardInterrupt):
    """An interrupt of `filter_files`.

    `reports` holds the reports of the finished files, `stopped` is the number of files that were begun and
    not finished, and `not_begun` is the number of the others.
    """

    def __init__(self, reports: list[FileReport], stopped: int, not_begun: int) -> None:
        super().__init__()
        self.reports, self.stopped, self.not_begun = reports, stopped, not_begun


_OPENED = 0.02  # seconds after which the first file is being decoded, and Python is free for something else


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
        What kept the file from being written; None if nothing did.
    status : str
        "written", "failed", "skipped" as it existed, or "planned" where nothing was to be done.
    """

    source: Path
    target: Path
    shape: tuple[int, ...] = ()
    frames: int = 0
    methods: tuple[str, ...] = ()
    filter_seconds: float = 0.0
    seconds: float = 0.0
    error: Exception | None = None
    status: str = "written"

    def to_dict(self) -> dict[str, Any]:
        """The report as strings, numbers and lists, ready for JSON."""
        return {
            "file": str(self.source),
            "target": str(self.target),
            "status": self.status,
            "method": list(self.methods),
            "shape": list(self.shape),
            "frames": self.frames,
            "filter_seconds": round(self.filter_seconds, 6),
            "seconds": round(self.seconds, 6),
            "error": None if self.error is None else str(self.error),
        }


def filter_file(
    source: StrPath,
    target: StrPath,
    filter: Filter | str,  # noqa: A002
    *,
    existing: str = "overwrite",
    dry_run: bool = False,
    quality: int | None = None,
    max_pixels: int | None = None,
    max_memory: int | None = None,
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
    filter : callable or str
        One of this module's filters, or its name, or any function from pixels to pixels. A filter that is
        named is imported while the file is decoded.
    existing : {"overwrite", "skip"}, default "overwrite"
        What to do if the target exists.
    dry_run : bool, default False
        Whether to write nothing, and only report what would be done. Headers are read, so that a source
        that is no image, or has frames that the target cannot hold, is an error then, too.
    quality : int, optional
        Of JPEG, WebP and AVIF files, as in `write`.
    max_pixels : int, optional
        As in `read`; by default 178956970, but any number where `max_memory` is kept in parts.
    max_memory : int, optional
        Bytes that this process may take in all. A picture that would take more is filtered in parts, from
        TIFF to TIFF with the extra `deep`, to the same pixels (with the native core, to the last bit);
        where that cannot be it is refused. The interpreter and its libraries take some 100 MB of it.
    **parameters
        Passed on to `filter`.

    Returns
    -------
    FileReport
        Which engines ran, and how long it took.

    Raises
    ------
    ValueError
        If the source is no image, the target is the source, its format cannot hold the result, or
        `max_memory` is too little.
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
    work = _work(filter, parameters, quality, max_pixels, max_memory, existing, dry_run, 1, 1)
    return _filter_one(work, None, Pair(read_path("source", source), read_path("target", target)))


@dataclass(frozen=True, slots=True)
class _Work:
    """What is to be done to every file."""

    find_filter: Callable[[], Filter]
    parameters: dict[str, Any]
    quality: int | None
    max_pixels: int | None
    room: int | None
    """Bytes for the pixels of one file and what is computed of them."""
    existing: str
    dry_run: bool
    jobs: int


def _room(max_memory: int | None, jobs: int) -> int | None:
    """What is left for each of so many files at a time."""
    if max_memory is None:
        return None
    from fftconv.image.parts import resident_bytes  # seldom needed, as where it is used below

    return (max_memory - resident_bytes()) // jobs


def _filter_one(work: _Work, folder: Path | None, pair: Pair) -> FileReport:
    """The report of one file; that of its making is to be in `folder`, if there is one."""
    begun = time.perf_counter()
    origin, goal, error = pair
    if error is not None:
        raise error
    if work.existing == "skip" and goal.exists():
        return FileReport(origin, goal, status="skipped")
    most = jpeg.MOST_PIXELS if work.max_pixels is None else work.max_pixels
    ahead = None if work.dry_run or work.room is not None else jpeg.decode_ahead(origin, most)
    # All that needs Pillow is imported from here on, meanwhile.
    from fftconv.image.encoding import check_format
    from fftconv.image.io import read_file, read_sizes, write_file
    from fftconv.image.light import with_profile
    from fftconv.image.pixels import without_profile_of_others

    if folder is not None and not work.dry_run:
        make_room(folder, goal)
    if goal.parent.exists() or folder is None:
        check_target(goal, origin)
    check_format(goal, quality=work.quality)  # before the work, not after it
    if work.dry_run:
        check_format(goal, frames=read_sizes(origin))
        return FileReport(origin, goal, status="planned")
    if work.room is not None:
        from fftconv.image.parts import filter_in_parts

        function = work.find_filter()
        done = filter_in_parts(origin, goal, function, work.parameters, work.room, work.max_pixels)
        if done is not None:
            shape, methods, filtered = done
            return FileReport(origin, goal, shape, 1, methods, filtered, time.perf_counter() - begun)
    frames, metadata = read_file(origin, most, several=True, ahead=ahead)
    chosen = check_format(goal, frames=[(pixels.shape[1], pixels.shape[0]) for pixels in frames])
    function, parameters = work.find_filter(), with_profile(work.parameters, metadata.icc_profile)
    if metadata.mode == "CMYK" and _takes(function, "alpha"):
        parameters = {"alpha": False} | parameters  # four channels, none of them opacity
    with recorded_plans() as plans:
        started = time.perf_counter()
        try:
            results = [function(pixels, **parameters) for pixels in frames]
            if metadata.default_image is not None and chosen == "PNG":
                default_image = function(metadata.default_image, **parameters)
                metadata = replace(metadata, default_image=default_image)
        except ValueError as error:
            raise ValueError(f"{origin}: {error}") from error
        filtered = time.perf_counter() - started
    metadata = without_profile_of_others(metadata, frames[0], results[0])
    workers = parameters.get("workers")
    write_file(goal, results, metadata=metadata, quality=work.quality, workers=workers)
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
    filter: Filter | str,  # noqa: A002
    *,
    recursive: bool = False,
    jobs: int | None = 1,
    existing: str = "overwrite",
    dry_run: bool = False,
    quality: int | None = None,
    max_pixels: int | None = None,
    max_memory: int | None = None,
    on_progress: Callable[[FileReport, int], None] | None = None,
    **parameters: Any,
) -> list[FileReport]:
    """Filter image files into a folder; a bad file does not stop the others.

    Parameters
    ----------
    sources : iterable of path-like
        Files; folders, of which every file with the suffix of an image counts; and patterns such as
        "scans/*.png". Symbolic links in folders are left out, as they may lead anywhere. Two files that
        would be written to the same place are refused.
    folder : path-like
        Where to write; made if it does not exist. Files go there under their own names, those of folders
        into the same folders as they lie in.
    filter : callable or str
        As in `filter_file`.
    recursive : bool, default False
        Whether to take what is in folders of folders, too.
    jobs : int or None, default 1
        Files at a time, each in a thread; None: as many as there are cores. The filter has to be safe in
        threads then, as those of this module are. The files do not depend on it, nor do the reports.
    existing, dry_run, quality, max_pixels, max_memory
        As in `filter_file`; the memory is that of all jobs together.
    on_progress : callable, optional
        Called with the report of each file as it is done, and the number of all files.
    **parameters
        Passed on to `filter`.

    Returns
    -------
    list of FileReport
        In the order of `sources`, folders in the order of names; `error` says why a file was not written.

    Raises
    ------
    ValueError
        If two sources would be written to the same place, or one over another.
    NotADirectoryError
        If `folder` is no folder, and cannot be made in one.
    OSError
        If the only source is a pattern that matches nothing. Among several sources it gives a report with
        an error, as does a folder that holds no image.
    KeyboardInterrupt
        If it is interrupted; its attribute `reports` lists the files that are finished. With several jobs,
        files that were begun are finished first; a second interrupt does not wait for them.

    Examples
    --------
    >>> import tempfile
    >>> from fftconv import image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     done = image.filter_files(["samples/*.png"], folder, image.edges, operator="scharr")
    ...     [(report.target.name, report.status) for report in done]
    [('cutout.png', 'written'), ('picture.png', 'written')]
    """
    if isinstance(sources, (str, os.PathLike)):
        raise TypeError(f"sources={sources!r} is one path; pass a list of them, [{str(sources)!r}]")
    from fftconv.image.encoding import SUFFIXES

    into = read_path("folder", folder)
    given = read_list("sources", sources, "a list of paths")
    for source in given:
        if not isinstance(source, (str, os.PathLike)):
            raise TypeError(f"sources holds {source!r}; pass a list of paths")
    pairs = targets_in(
        into, [read_path("sources", source) for source in given], SUFFIXES, recursive=recursive
    )
    work = _work(filter, parameters, quality, max_pixels, max_memory, existing, dry_run, jobs, len(pairs))
    return _in_order(partial(_filter_safely, work, into), pairs, work.jobs, on_progress)


def _work(
    function: Filter | str,
    parameters: dict[str, Any],
    quality: int | None,
    max_pixels: int | None,
    max_memory: int | None,
    existing: str,
    dry_run: bool,
    jobs: int | None,
    files: int,
) -> _Work:
    """What is to be done to so many files, checked; threads are shared between those at the same time."""
    check_choice("existing", existing, EXISTING)
    if max_pixels is not None:
        max_pixels = check_count("max_pixels", max_pixels)
    if max_memory is not None:
        max_memory = check_count("max_memory", max_memory)
    if quality is not None:
        from fftconv.image.encoding import check_quality  # with Pillow

        check_quality(quality)
    at_once = min(available_cores() if jobs is None else check_count("jobs", jobs), max(files, 1))
    find_filter = _finder(function)
    if at_once > 1 and parameters.get("workers") is None and _takes(find_filter(), "workers"):
        parameters = parameters | {"workers": max(available_cores() // at_once, 1)}
    room = _room(max_memory, at_once)
    return _Work(find_filter, parameters, quality, max_pixels, room, existing, dry_run, at_once)


def _finder(function: Filter | str) -> Callable[[], Filter]:
    """What gives the filter; one that is named is imported meanwhile, while a file is decoded."""
    if callable(function):
        return lambda: function
    check_choice("filter", function, FILTERS)

    def find() -> Filter:
        found: Filter = getattr(import_module("fftconv.image"), function)
        return found

    def get_ready() -> None:
        with suppress(Exception):  # raised again where it is needed
            find()
            import_module("fftconv._profile").machine_profile()

    threading.Timer(_OPENED, get_ready).start()
    return find


def _filter_safely(work: _Work, folder: Path, pair: Pair) -> FileReport:
    """The report of one file, whatever happens to it."""
    begun = time.perf_counter()
    try:
        return _filter_one(work, folder, pair)
    except Exception as error:  # whatever a filter raises, the other files are to be done
        _let_go(error)
        seconds = time.perf_counter() - begun
        return FileReport(pair.source, pair.target, status="failed", seconds=seconds, error=error)


def _let_go(error: BaseException | None) -> None:
    """Empty the frames in which an error, and what led to it, came up: reports would keep their pixels."""
    while error is not None:
        clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


def _in_order(
    handle: Callable[[Pair], FileReport],
    pairs: list[Pair],
    jobs: int,
    on_progress: Callable[[FileReport, int], None] | None,
) -> list[FileReport]:
    """The reports in the order of the files.

    A first interrupt waits for the files that are begun; a second one does not.
    """
    if jobs == 1:
        reports: list[FileReport] = []
        for number, pair in enumerate(pairs, start=1):
            try:
                reports.append(handle(pair))
                if on_progress is not None:
                    on_progress(reports[-1], len(pairs))
            except KeyboardInterrupt:
                raise BatchInterrupted(reports, number - len(reports), len(pairs) - number) from None
        return reports
    from concurrent.futures import ThreadPoolExecutor  # 8 ms that one job need not take
    from queue import SimpleQueue  # an interrupt may break the locks of `concurrent.futures.wait`

    pool = ThreadPoolExecutor(jobs, thread_name_prefix="fftconv-file")
    futures: list[Future[FileReport]] = []
    finished: SimpleQueue[Future[FileReport]] = SimpleQueue()
    try:
        for pair in pairs:
            futures.append(pool.submit(handle, pair))
            futures[-1].add_done_callback(finished.put)
        for _ in pairs:
            report = finished.get().result()
            if on_progress is not None:
                on_progress(report, len(pairs))
    except BaseException as error:
        pool.shutdown(wait=False, cancel_futures=True)
        with suppress(KeyboardInterrupt):
            while not all(future.done() for future in futures):
                finished.get()
        if not isinstance(error, KeyboardInterrupt):
            raise
        done = [future.result() for future in futures if future.done() and not future.cancelled()]
        stopped = sum(not future.done() for future in futures)
        raise BatchInterrupted(done, stopped, len(pairs) - len(done) - stopped) from None
    pool.shutdown()
    return [future.result() for future in futures]


def _takes(function: Filter, name: str) -> bool:
    """Whether a function has a parameter of this name."""
    try:
        return name in inspect.signature(function).parameters
    except (TypeError, ValueError):  # it is written in C
        return False
