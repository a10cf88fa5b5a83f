"""Warnings and log lines of libraries about a file, which are not shown: its error says what is wrong."""

from __future__ import annotations

import logging
import threading
import warnings
from contextlib import ContextDecorator

# Log lines go to handlers that somebody has set up; without any they would go to standard error.
for _library in ("PIL", "tifffile", "imagecodecs"):
    logging.getLogger(_library).addHandler(logging.NullHandler())


class _WithoutWarnings(ContextDecorator):
    """Filter out the warnings of Pillow, which are those of the process, until the last thread is done."""

    def __init__(self) -> None:
        self._lock, self._inside = threading.Lock(), 0

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._caught = warnings.catch_warnings()
                self._caught.__enter__()
                warnings.filterwarnings("ignore", module=r"PIL\.")
            self._inside += 1

    def __exit__(self, *raised: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._caught.__exit__(None, None, None)


without_warnings = _WithoutWarnings()
