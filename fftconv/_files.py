"""Ordinary files: opened to be read, and written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

StrPath = str | os.PathLike[str]

_unfinished: set[Path] = set()  # files and folders that are removed whatever happens
_changing = threading.RLock()  # held while one of them is made, or put in its place


def read_path(name: str, value: object) -> Path:
    """Return the path that an argument names, or raise an error that names the argument."""
    text = os.fspath(value) if isinstance(value, (str, os.PathLike)) else None
    if not isinstance(text, str):
        kind = type(value).__name__
        raise TypeError(f"{name} is of type {kind}; pass the name of a file, a str or a pathlib.Path")
    if "\0" in text:
        raise ValueError(
            f"{name}={text!r} holds the character 0, which no name of a file has; leave it out"
        )
    return Path(text)


def open_file(path: StrPath, *, buffering: int = -1) -> BinaryIO:
    """Open an ordinary file to read; what may never begin or end, such as a pipe, is refused."""
    kind = _kind(os.stat(path).st_mode)
    if kind is not None:
        raise ValueError(
            f"{os.fspath(path)} is {kind}, not an ordinary file; on the command line give - and redirect "
            "it into standard input, elsewhere copy it into a file"
        )
    return open(path, "rb", buffering=buffering)


@contextlib.contextmanager
def complete_file(target: Path) -> Iterator[BinaryIO]:
    """Open a file that becomes `target` when the block ends well, and vanishes when not.

    A symbolic link stays one: what it points to is replaced. The file's permissions stay, too. Errors of
    the file system name `target`, not the file that stands in for it.
    """
    place = Path(os.path.realpath(target))
    # The name is known before there is a file, so that no interrupt can come between the two.
    temporary = place.parent / f".fftconv-{os.urandom(8).hex()}.part"
    try:
        mode = place.stat().st_mode & 0o7777 if place.exists() else None
        with _create(temporary, 0o666 if mode is None else 0o600) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if mode is not None:
            temporary.chmod(mode)
        with _changing:
            temporary.replace(place)
            _unfinished.discard(temporary)
    except BaseException as error:
        _remove(temporary)
        if isinstance(error, OSError) and error.errno and _is_of_temporary(error):
            raise OSError(error.errno, f"cannot be written, {error.strerror}", str(target)) from None
        raise


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """Make a folder that nobody else can read, which is removed with all that is in it."""
    import tempfile  # 5 ms that most processes need not take

    # As above, the name is known before there is a folder.
    folder = Path(tempfile.gettempdir(), f"fftconv-{os.urandom(8).hex()}")
    try:
        with _changing:
            _unfinished.add(folder)
            folder.mkdir(0o700)
        yield folder
    finally:
        _remove(folder)


def hold_files() -> None:
    """Keep all other threads from beginning or finishing a file, until the process ends."""
    _changing.acquire(timeout=1)  # a thread holds it for longer only if a disk hangs


def abandon_files() -> None:
    """Remove every unfinished file of a process that ends next."""
    hold_files()
    for path in tuple(_unfinished):
        _remove(path)


def check_target(target: Path, source: Path | None = None) -> None:
    """Refuse what cannot be replaced by a file, before the work and not after it."""
    if not target.parent.is_dir():
        raise FileNotFoundError(f"folder {target.parent} does not exist; create it first")
    try:
        found = target.stat()
    except FileNotFoundError:
        return
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(f"{target} is a folder; name a file in it")
    kind = _kind(found.st_mode)
    if kind is not None:
        raise ValueError(
            f"{target} is {kind}, not an ordinary file; on the command line write to - and redirect "
            "standard output to it, elsewhere write a file and copy it"
        )
    if source is not None and source.exists() and os.path.samefile(source, target):
        raise ValueError(f"the output {target} is the input; choose another name or folder")


def _create(temporary: Path, mode: int) -> BinaryIO:
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    with _changing:
        _unfinished.add(temporary)
        return cast(BinaryIO, os.fdopen(os.open(temporary, flags, mode), "w+b"))


def _is_of_temporary(error: OSError) -> bool:
    """Whether an error names no file, or one that a person has not named."""
    return error.filename is None or Path(str(error.filename)).name.startswith(".fftconv-")


def _remove(path: Path) -> None:
    """Remove a file or folder of ours; on a disk that has become read-only it stays."""
    with contextlib.suppress(OSError):
        if path.is_dir():
            import shutil  # as above

            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    _unfinished.discard(path)


def _kind(mode: int) -> str | None:
    """Return what a file is if it is neither an ordinary file nor a folder."""
    if stat.S_ISFIFO(mode):
        return "a pipe"
    if stat.S_ISSOCK(mode):
        return "a socket"
    return "a device" if stat.S_ISCHR(mode) or stat.S_ISBLK(mode) else None
