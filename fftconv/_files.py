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
    handle, name = tempfile.mkstemp(prefix=".fftconv-", suffix=".part", dir=target.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield cast(BinaryIO, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(target.stat().st_mode & 0o7777 if target.exists() else _default_mode())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _default_mode() -> int:
    """Permissions of a file as `open` would create it."""
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
