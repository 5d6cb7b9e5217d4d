"""Run states: how each is shown, whether it ends a run, and which states may follow it."""

from dataclasses import dataclass
from typing import Final, Literal

State = Literal["queued", "running", "finished", "failed", "cancelled", "lost"]
StateTone = Literal["neutral", "active", "good", "bad"]
"""Colour in which pages show a state."""


@dataclass(frozen=True)
class RunState:
    """A state; its name is also what people read."""

    name: State
    ended: bool
    next_states: frozenset[State]
    tone: StateTone = "neutral"


RUN_STATES: Final[tuple[RunState, ...]] = (
    RunState("queued", ended=False, next_states=frozenset({"running", "cancelled"})),
    RunState(
        "running",
        ended=False,
        # queued again when the worker died, or returned the run because it was stopped
        next_states=frozenset({"queued", "finished", "failed", "cancelled"}),
        tone="active",
    ),
    RunState("finished", ended=True, next_states=frozenset(), tone="good"),
    # queued again when a person retries it
    RunState("failed", ended=True, next_states=frozenset({"queued"}), tone="bad"),
    # queued again when a person continues it
    RunState("cancelled", ended=True, next_states=frozenset({"queued"})),
    # an external run whose program went silent; running again when it logs
    RunState("lost", ended=True, next_states=frozenset(), tone="bad"),
)

STATES: Final[tuple[State, ...]] = tuple(state.name for state in RUN_STATES)
ENDED: Final[frozenset[State]] = frozenset(state.name for state in RUN_STATES if state.ended)
UNENDED: Final[frozenset[State]] = frozenset(STATES) - ENDED
TRANSITIONS: Final[dict[State, frozenset[State]]] = {
    state.name: state.next_states for state in RUN_STATES
}
TONES: Final[dict[str, StateTone]] = {state.name: state.tone for state in RUN_STATES}


def sources_of(target: State) -> tuple[State, ...]:
    """Return the states from which a run may enter `target`."""
    return tuple(state.name for state in RUN_STATES if target in state.next_states)
