"""Events of a stream: reads changes from the database and adds the state of the changed runs."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from sqlalchemy.orm import Session

from backend.runs.items import run_items
from backend.runs.lifecycle import diagnosis_of
from backend.runs.schemas import RunItem
from backend.specification.params import JsonObject
from backend.store import changes, experiments, metrics, runs
from backend.store.tables import Change, Run

MAX_CHANGES_PER_READ = 1000


@dataclass(frozen=True)
class StreamSubject:
    """The subject of a stream: an experiment, or one of its runs.

    A `brief` stream reports only which kinds of changes happened, not the state of each run.
    """

    experiment_id: int
    run_id: int | None = None
    brief: bool = False


@dataclass(frozen=True)
class ChangeEvent:
    """A change of a run. A metric event in the stream of a run covers a range of steps."""

    revision: int
    kind: str
    run_id: int
    first_step: int | None = None
    last_step: int | None = None


@dataclass(frozen=True)
class EventMessage:
    """An event with its data as JSON."""

    event: ChangeEvent
    data: str


@dataclass(frozen=True)
class EventBatch:
    """Messages in the order of their revisions, and whether more may follow at once."""

    messages: list[EventMessage]
    more: bool

    @cached_property
    def encoded(self) -> bytes:
        """The messages as server-sent events. The data of each is one line of JSON."""
        return "".join(
            f"event: {message.event.kind}\ndata: {message.data}\nid: {message.event.revision}\n\n"
            for message in self.messages
        ).encode()


def read(session: Session, subject: StreamSubject, after: int) -> EventBatch:
    """Return the changes of `subject` after a revision, combined into few messages."""
    if subject.brief:
        return _read_brief(session, subject, after)
    rows = changes.changes_since(
        session,
        after,
        experiment_id=subject.experiment_id,
        run_id=subject.run_id,
        limit=MAX_CHANGES_PER_READ,
    )
    events = joined(rows) if subject.run_id else newest_of_each(rows)
    states = _RunStates(session, subject.experiment_id, events)
    messages = []
    for event in events:
        if event.kind == "metric" and subject.run_id:
            data = {"metrics": _points(session, event)}
        else:
            data = states.of(event)
        messages.append(EventMessage(event, json.dumps({"run": event.run_id, **data})))
    return EventBatch(messages, more=len(rows) == MAX_CHANGES_PER_READ)


def _read_brief(session: Session, subject: StreamSubject, after: int) -> EventBatch:
    """Return one message per kind of change. Cheap, however many runs have changed."""
    revisions = changes.newest_of_kinds(session, after, experiment_id=subject.experiment_id)
    messages = []
    for kind, revision in sorted(revisions.items(), key=lambda pair: pair[1]):
        event = ChangeEvent(revision, kind, 0)
        data = (
            _RunStates(session, subject.experiment_id, [event]).progress if kind == "status" else {}
        )
        messages.append(EventMessage(event, json.dumps(data)))
    return EventBatch(messages, more=False)


class _RunStates:
    """Current state of runs and their experiment, read on first use."""

    def __init__(self, session: Session, experiment_id: int, events: Sequence[ChangeEvent]) -> None:
        self._session = session
        self._experiment_id = experiment_id
        self._run_ids = sorted({event.run_id for event in events})

    def of(self, event: ChangeEvent) -> JsonObject:
        item = self._items[event.run_id]
        match event.kind:
            case "metric":
                return {"epoch": item.epoch, "summary": item.summary}
            case "status":
                return {"status": item.status, "epoch": item.epoch, **self.progress}
            case _:
                fields = diagnosis_of(self._session, self._rows[event.run_id])
                return {"early_stop_epoch": item.early_stop_epoch, **fields}

    @cached_property
    def _rows(self) -> dict[int, Run]:
        return {row.id: row for row in runs.by_ids(self._session, self._run_ids)}

    @cached_property
    def _items(self) -> dict[int, RunItem]:
        return {item.id: item for item in run_items(self._session, list(self._rows.values()))}

    @cached_property
    def progress(self) -> JsonObject:
        """Counts of the experiment's runs by status, and its own status."""
        counts = experiments.counts(self._session, [self._experiment_id])[self._experiment_id]
        return {"counts": counts, "experiment_status": experiments.status_from(counts)}


def joined(rows: Sequence[Change]) -> list[ChangeEvent]:
    """Join neighbouring metric changes of one run into one event over all their steps.

    Only neighbours are joined: a reader that resumes between two events must have seen all
    changes before it.
    """
    result: list[ChangeEvent] = []
    for row in rows:
        event = ChangeEvent(row.revision, row.kind, row.run_id, row.first_step, row.last_step)
        if result and event.kind == result[-1].kind:
            event = _over_both(result.pop(), event)
        result.append(event)
    return result


def newest_of_each(rows: Sequence[Change]) -> list[ChangeEvent]:
    """Keep the newest change of each run and kind, because an overview shows no single steps."""
    newest = {
        (row.run_id, row.kind): ChangeEvent(row.revision, row.kind, row.run_id) for row in rows
    }
    return sorted(newest.values(), key=lambda event: event.revision)


def _over_both(first: ChangeEvent, second: ChangeEvent) -> ChangeEvent:
    """Return the second of two events of one kind, covering the steps of both."""
    if second.first_step is None or first.first_step is None:
        return second
    return replace(
        second,
        first_step=min(first.first_step, second.first_step),
        last_step=max(first.last_step or 0, second.last_step or 0),
    )


def _points(session: Session, event: ChangeEvent) -> JsonObject:
    series = metrics.series(
        session, event.run_id, first_step=event.first_step, last_step=event.last_step
    )
    return {
        key: {"steps": metric.steps.tolist(), "values": metric.json_values}
        for key, metric in series.items()
    }
