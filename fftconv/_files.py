"""Files that are there whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast


@contextlib.contextmanager
def complete_file(target: Path) -> Iterator[BinaryIO]:
    """A file to write to that becomes `target` when the block ends well, and vanishes when not.

    A symbolic link stays one: what it points to is replaced.
    """
    import tempfile  # 4 ms that importing fftconv need not take

    target = target.resolve()
    try:
        handle, name = tempfile.mkstemp(prefix=".fftconv-", suffix=".part", dir=target.parent)
    except OSError as error:  # which names a file that nobody has asked for
        raise OSError(error.errno, f"cannot be written, {error.strerror}", str(target)) from None
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w+b") as file:
            yield cast(BinaryIO, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(target.stat().st_mode & 0o7777 if target.exists() else _default_mode())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def check_target(target: Path, source: Path | None = None) -> None:
    """Refuse what cannot be replaced by a file, before the work and not after it."""
    if not target.parent.is_dir():
        raise FileNotFoundError(f"folder {target.parent} does not exist; create it first")
    if target.exists() and not target.is_file():
        kind = "a folder; name a file in it" if target.is_dir() else "no ordinary file"
        raise IsADirectoryError(f"{target} is {kind}")
    if source is not None and target.exists() and source.exists() and os.path.samefile(source, target):
        raise ValueError(f"the output {target} is the input; choose another name or folder")


def targets_in(folder: Path, sources: list[Path]) -> list[tuple[Path, Path]]:
    """Each source with its place in a folder, under its own name."""
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is not an existing folder; create it first")
    names: dict[str, Path] = {}
    for source in sources:
        if source.name in names:
            raise ValueError(
                f"{names[source.name]} and {source} would both be written to {folder / source.name}; "
                f"filter them into separate folders"
            )
        names[source.name] = source
    return [(source, folder / source.name) for source in sources]


def _default_mode() -> int:
    """Permissions of a file as `open` would create it."""
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
