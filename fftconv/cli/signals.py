"""Signals that end the process: they are exceptions first, so that nothing half-written is left."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import NoReturn

from fftconv._files import abandon_files, hold_files

INTERRUPTED = 130
_STOPPING = ("SIGINT", "SIGTERM", "SIGHUP", "SIGXCPU", "SIGBREAK")  # a system need not have all of them
_stops = 0


def listen() -> None:
    """Have signals that end a process raise KeyboardInterrupt. What is ignored, as by nohup, stays so."""
    for number in _numbers():
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _stop)
    sys.unraisablehook = _end_if_lost


def was_heard() -> bool:
    """Return whether a signal has interrupted this process."""
    return _stops > 0


def prepare_to_leave() -> None:
    """Ignore further signals, and keep other threads from writing, while a stopped command sums up."""
    heard = [number for number in _numbers() if signal.getsignal(number) is _stop]
    for number in heard:
        signal.signal(number, signal.SIG_IGN)
    if heard:  # otherwise this is no process of ours, and it goes on
        hold_files()


def leave(code: int) -> NoReturn:
    """End the process at once, whatever its threads do, without an unfinished file."""
    prepare_to_leave()
    abandon_files()
    os._exit(code)


def _end_if_lost(lost: sys.UnraisableHookArgs) -> None:
    """Interrupt where Python would print an interrupt and go on, as in a callback of an import."""
    if lost.exc_type is KeyboardInterrupt:
        leave(INTERRUPTED)
    sys.__unraisablehook__(lost)


def _stop(number: int, frame: FrameType | None) -> None:
    """Interrupt what runs. The second time, that is the wait for files begun; the third time, anything."""
    global _stops
    _stops += 1
    if _stops > 2:
        leave(INTERRUPTED)
    raise KeyboardInterrupt


def _numbers() -> list[signal.Signals]:
    return [getattr(signal, name) for name in _STOPPING if hasattr(signal, name)]
