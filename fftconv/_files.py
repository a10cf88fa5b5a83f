"""Files that are there whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

StrPath = str | os.PathLike[str]


@contextlib.contextmanager
def complete_file(target: Path) -> Iterator[BinaryIO]:
    """A file to write to that becomes `target` when the block ends well, and vanishes when not.

    A symbolic link stays one: what it points to is replaced. The file's permissions stay, too.
    """
    target = target.resolve()
    mode = target.stat().st_mode & 0o7777 if target.exists() else None
    # The name is known before there is a file, so that no interrupt can come between the two.
    temporary = target.parent / f".fftconv-{os.urandom(8).hex()}.part"
    try:
        with _create(temporary, target, 0o666 if mode is None else 0o600) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if mode is not None:
            temporary.chmod(mode)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _create(temporary: Path, target: Path, mode: int) -> BinaryIO:
    """A new file; an error names the one that is asked for."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    try:
        return cast(BinaryIO, os.fdopen(os.open(temporary, flags, mode), "w+b"))
    except OSError as error:
        raise OSError(error.errno, f"cannot be written, {error.strerror}", str(target)) from None


def check_target(target: Path, source: Path | None = None) -> None:
    """Refuse what cannot be replaced by a file, before the work and not after it."""
    if not target.parent.is_dir():
        raise FileNotFoundError(f"folder {target.parent} does not exist; create it first")
    if target.exists() and not target.is_file():
        kind = "a folder; name a file in it" if target.is_dir() else "no ordinary file"
        raise IsADirectoryError(f"{target} is {kind}")
    if source is not None and target.exists() and source.exists() and os.path.samefile(source, target):
        raise ValueError(f"the output {target} is the input; choose another name or folder")
