"""Signals that end the process: they are exceptions first, so that nothing half-written is left."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from types import FrameType
from typing import NoReturn

from fftconv._files import abandon_files, hold_files
from fftconv.cli.complaints import complain

INTERRUPTED = 130
_STOPPING = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGXCPU", "SIGBREAK")  # no system has all of them
# Seconds within which several signals count as one: `timeout` sends its own to the process and its group.
_REPEATED = 0.5
_MOST_INTERRUPTS = 2
_heard: list[float] = []  # when


def listen() -> None:
    """Have signals that end a process raise KeyboardInterrupt. What is ignored, as by nohup, stays so."""
    for number in _numbers():
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _stop)
    sys.unraisablehook = _interrupt_again


def end_listening() -> None:
    """Let signals end the process as they do by default, now that all files are complete."""
    for number in _numbers():
        if signal.getsignal(number) is _stop:
            signal.signal(number, signal.SIG_DFL)


def was_heard() -> bool:
    """Return whether a signal has interrupted this process."""
    return bool(_heard)


def prepare_to_leave() -> None:
    """Keep threads from writing, and signals from interrupting, while a stopped command sums up."""
    if _heard:  # otherwise this is no process of ours, and it goes on
        _heard.extend([time.monotonic()] * _MOST_INTERRUPTS)
        hold_files()


def leave() -> NoReturn:
    """End the process at once, whatever its threads do, without an unfinished file."""
    abandon_files()
    with contextlib.suppress(Exception):  # a line may be being written, or standard error be closed
        complain("interrupted")
    os._exit(INTERRUPTED)


def _stop(number: int, frame: FrameType | None) -> None:
    """Interrupt what runs, then the wait for files that are begun; a later signal ends the process."""
    now = time.monotonic()
    if _heard and now - _heard[-1] < _REPEATED:
        return
    _heard.append(now)
    if len(_heard) > _MOST_INTERRUPTS:
        leave()
    raise KeyboardInterrupt


def _interrupt_again(lost: sys.UnraisableHookArgs) -> None:
    """Interrupt once more where Python drops an interrupt, as in a callback of an import."""
    if lost.exc_type is KeyboardInterrupt and _heard:
        _heard.pop()
        number = next(each for each in _numbers() if signal.getsignal(each) is _stop)
        threading.Timer(0.01, _send, [number]).start()
    else:
        sys.__unraisablehook__(lost)


def _send(number: int) -> None:
    """Send a signal to the main thread, which may wait for something, wherever a system can do that."""
    if sys.platform == "win32":
        signal.raise_signal(number)
    else:
        signal.pthread_kill(threading.main_thread().ident or 0, number)


def _numbers() -> list[signal.Signals]:
    return [getattr(signal, name) for name in _STOPPING if hasattr(signal, name)]
