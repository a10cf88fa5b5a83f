"""Give pickle and copy the state of an object, without the attributes that its copy computes again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any


def state_without(held: object, made: Collection[str]) -> dict[str, Any]:
    """Return all attributes but those named; what a subclass has added is among them, in slots or not."""
    state: Any = object.__getstate__(held)
    attributes, slots = state if isinstance(state, tuple) else (state, {})
    return {name: value for name, value in (attributes | slots).items() if name not in made}


def set_state(held: object, state: Mapping[str, Any]) -> None:
    """Give an object the attributes of a state."""
    for name, value in state.items():
        setattr(held, name, value)
