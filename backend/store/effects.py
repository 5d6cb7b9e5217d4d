"""Effects of a transaction on other processes: the notifications to send after its commit.

Functions of the store record effects on their session. `Database.write` reports them after the
commit, so no caller has to remember a notification.
"""

from dataclasses import dataclass, field

from sqlalchemy.orm import Session

_KEY = "commit_effects"


@dataclass
class CommitEffects:
    """The experiments whose followers look again, and whether runs were queued."""

    changed_experiments: set[int] = field(default_factory=set)
    runs_queued: bool = False


def effects_of(session: Session) -> CommitEffects:
    """Return the effects that were recorded on a session, to be read or extended."""
    effects: CommitEffects = session.info.setdefault(_KEY, CommitEffects())
    return effects
