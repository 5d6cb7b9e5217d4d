"""Changes of the database become events: read a few, fold them, show what they touched."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.orm import Session

from backend.store import changes, experiments, metrics, runs
from backend.store.tables import Change
from backend.views import finite, run_items

BATCH = 1000


@dataclass(frozen=True)
class Subject:
    """What a stream follows: an experiment, or one of its runs."""

    experiment_id: int
    run_id: int | None = None


@dataclass(frozen=True)
class Event:
    """Something moved in a run. A metric event of a run's stream covers a range of steps."""

    revision: int
    kind: str
    run_id: int
    first_step: int | None = None
    last_step: int | None = None


@dataclass(frozen=True)
class Message:
    """An event with its data, ready to be sent."""

    event: Event
    data: dict[str, Any]


def read(session: Session, subject: Subject, after: int) -> list[Message]:
    """Return what happened to `subject` after a revision, folded, in the order of revisions."""
    found = changes.since(
        session, after, experiment_id=subject.experiment_id, run_id=subject.run_id, limit=BATCH
    )
    whole = subject.run_id is None
    events = newest_of_each(found) if whole else joined(found)
    rows = runs.by_ids(session, sorted({event.run_id for event in events}))
    items = {item.id: item for item in run_items(session, rows)}
    diagnoses = {row.id: row.diagnosis for row in rows}
    progress = _progress(session, subject.experiment_id) if events else {}
    result = []
    for event in events:
        item = items[event.run_id]
        if event.kind == "diagnosis":
            data = diagnoses[item.id] or {}
        elif event.kind == "status":
            data = {"status": item.status, "epoch": item.epoch, **progress}
        elif whole:
            data = {"epoch": item.epoch, "summary": item.summary}
        else:
            data = {"metrics": _points(session, event)}
        result.append(Message(event, {"run": item.id, **data}))
    return result


def joined(rows: Sequence[Change]) -> list[Event]:
    """Join neighbouring metric changes of one run into one event over all their steps.

    Only neighbours: a reader that resumes between two events must have seen all before it.
    """
    result: list[Event] = []
    for row in rows:
        event = Event(row.revision, row.kind, row.run_id, row.first_step, row.last_step)
        if result and event.kind == result[-1].kind:
            event = _over_both(result.pop(), event)
        result.append(event)
    return result


def newest_of_each(rows: Sequence[Change]) -> list[Event]:
    """Keep the newest change of each run and kind: an overview shows states, not steps."""
    newest = {(row.run_id, row.kind): Event(row.revision, row.kind, row.run_id) for row in rows}
    return sorted(newest.values(), key=lambda event: event.revision)


def _over_both(first: Event, second: Event) -> Event:
    """Return the second of two events of one kind, covering the steps of both."""
    if second.first_step is None or first.first_step is None:
        return second
    return replace(
        second,
        first_step=min(first.first_step, second.first_step),
        last_step=max(first.last_step or 0, second.last_step or 0),
    )


def _progress(session: Session, experiment_id: int) -> dict[str, Any]:
    counts = experiments.counts(session, [experiment_id])[experiment_id]
    return {"counts": counts, "experiment_status": experiments.status_from(counts)}


def _points(session: Session, event: Event) -> dict[str, Any]:
    found = metrics.series(
        session, event.run_id, first_step=event.first_step, last_step=event.last_step
    )
    return {
        key: {"steps": one.steps, "values": [finite(value) for value in one.values]}
        for key, one in found.items()
    }
