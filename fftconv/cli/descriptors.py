"""Standard error of the command: one line for each thing that goes wrong, and nothing from libraries."""

from __future__ import annotations

import faulthandler
import os
import sys

_STANDARD_ERROR = 2


def open_missing_descriptors() -> None:
    """Open what is closed of descriptors 0 to 2, as by 2>&-, so that no file gets the number of a stream.

    libtiff would print into the report of a batch otherwise. Python knows the streams to be closed.
    """
    descriptor = os.open(os.devnull, os.O_RDWR)
    while descriptor <= _STANDARD_ERROR:
        descriptor = os.dup(descriptor)
    os.close(descriptor)


def keep_standard_error_for_python() -> None:
    """Let what C libraries print on descriptor 2 go nowhere, and what Python prints where it went before.

    libtiff and mpg123 print what is wrong with a file, which the exception says too; Pillow and libsndfile
    offer no way to stop them. A descriptor belongs to the whole process: this is for a process of our own.
    """
    stream = sys.stderr
    try:
        if stream.fileno() != _STANDARD_ERROR:
            return
        stream.flush()
        ours = os.dup(_STANDARD_ERROR)
    except (AttributeError, OSError, ValueError):  # there is none, or it is closed
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, _STANDARD_ERROR)
    os.close(nowhere)
    sys.stderr = open(ours, "w", buffering=1, encoding=stream.encoding, errors=stream.errors)  # noqa: SIM115
    if faulthandler.is_enabled():
        faulthandler.enable(sys.stderr)
