"""Which plans are followed, for reports of what ran; a report need not import what makes plans."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fftconv._plan import ConvolutionPlan

_recorder: ContextVar[list[ConvolutionPlan] | None] = ContextVar("recorder", default=None)


def record(plan: ConvolutionPlan) -> None:
    """Let whoever wants to know of every plan know of this one, which is about to be followed."""
    recorder = _recorder.get()
    if recorder is not None:
        recorder.append(plan)


def is_recording() -> bool:
    """Whether somebody wants to know of every plan."""
    return _recorder.get() is not None


@contextmanager
def recorded_plans() -> Iterator[list[ConvolutionPlan]]:
    """Collect the plans that this thread follows inside the block; a block around it collects them too."""
    plans: list[ConvolutionPlan] = []
    outer = _recorder.get()
    token = _recorder.set(plans)
    try:
        yield plans
    finally:
        _recorder.reset(token)
        if outer is not None:
            outer.extend(plans)
