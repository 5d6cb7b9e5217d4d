"""The states of a run, and the one table of allowed transitions."""

from typing import Final, Literal

State = Literal["queued", "running", "finished", "failed", "cancelled"]

STATES: Final[tuple[State, ...]] = ("queued", "running", "finished", "failed", "cancelled")
ENDED: Final[frozenset[State]] = frozenset({"finished", "failed", "cancelled"})

TRANSITIONS: Final[dict[State, frozenset[State]]] = {
    "queued": frozenset({"running", "cancelled"}),
    # back to queued: the worker died, or handed the run back when it was told to stop
    "running": frozenset({"queued", "finished", "failed", "cancelled"}),
    "finished": frozenset(),
    "failed": frozenset({"queued"}),  # tried again, when a person asks for it
    "cancelled": frozenset(),
}


def sources_of(target: State) -> tuple[State, ...]:
    """Return the states from which `target` may be entered."""
    return tuple(state for state in STATES if target in TRANSITIONS[state])
