"""Log what the client of Trackio sends: metrics, config, system metrics and alerts of its runs.

A project is an experiment, a run keeps its id and name, and its config becomes params. Every entry
has an id of its own, so that an entry which is sent again is not logged again. The protocol has no
call that creates or ends a run: its first entry creates it.
"""

import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import inf
from typing import TypeVar

from sqlalchemy.orm import Session

from backend.errors import NotFound
from backend.runs.items import iso
from backend.specification.params import JsonObject
from backend.store import external_experiments, external_runs, metric_summaries, received_entries
from backend.store.external_runs import LoggedRun
from backend.store.logged_points import Batch
from backend.tracking import experiments, logs, runs
from backend.tracking.limits import MAX_PARAM_CHARACTERS, MAX_TAG_CHARACTERS
from backend.tracking.logs import RunLog

SYSTEM = "system/"
"""The beginning of the names of system metrics, which are not diagnosed."""
TYPE_KEY = "_type"  # marks a table, a histogram, a picture, a trace
NOT_FINITE = {name: float(name) for name in ("NaN", "Infinity", "-Infinity")}


@dataclass(frozen=True)
class RunKey:
    """The run that an entry belongs to: project, name, and the id, if the client has one.

    Whatever they are, the entries of a command that an agent started belong to the run `planned`.
    """

    project: str
    name: str
    run_id: str | None = None
    planned: str | None = None

    @property
    def external_id(self) -> str:
        """The id of the run in this service; without an id, project and name stand for it."""
        return (
            self.planned
            or self.run_id
            or hashlib.sha256(f"{self.project}\n{self.name}".encode()).hexdigest()
        )


@dataclass(frozen=True)
class Entry:
    """One call of `trackio.log`. Without a step, it has the one after the run's last step."""

    run: RunKey
    metrics: Mapping[str, object]
    step: int | None = None
    config: JsonObject | None = None
    log_id: str | None = None


@dataclass(frozen=True)
class SystemEntry:
    """System metrics of one moment."""

    run: RunKey
    metrics: Mapping[str, object]
    taken_at: datetime
    log_id: str | None = None


@dataclass(frozen=True)
class Alert:
    """One call of `trackio.alert`."""

    run: RunKey
    level: str
    title: str
    text: str | None = None
    step: int | None = None
    alert_id: str | None = None


def log_entries(session: Session, entries: Sequence[Entry]) -> None:
    """Log metrics and configs; entries that were logged before are left out.

    Raises InvalidInput, Conflict for a deleted run, and NotFound for a planned run that is missing.
    """
    for key in dict.fromkeys(entry.run for entry in entries):
        of_run = [entry for entry in entries if entry.run == key]
        config = next((entry.config for entry in of_run if entry.config), {})
        run = _find_or_create(session, key, config)
        params = _new_params(session, run, config) if config else {}
        _log(session, run, _points(session, run, _new(session, run, of_run)), params=params)


def log_system(session: Session, entries: Sequence[SystemEntry]) -> None:
    """Log system metrics over the seconds since the run began.

    Raises InvalidInput, and Conflict for a deleted run.
    """
    for key in dict.fromkeys(entry.run for entry in entries):
        of_run = [entry for entry in entries if entry.run == key]
        times = [int(entry.taken_at.timestamp() * 1000) for entry in of_run]
        run = _find_or_create(session, key, {}, started=min(times))
        start = external_runs.get(session, run.external_id).run.started_at or 0
        points = [
            (SYSTEM + name, (taken - start) // 1000, taken, value)
            for entry in _new(session, run, of_run)
            for taken in (int(entry.taken_at.timestamp() * 1000),)
            for name, value in _numbers(entry.metrics)
        ]
        _log(session, run, points)


def log_alerts(session: Session, alerts: Sequence[Alert]) -> None:
    """Keep each alert as a tag of its run. Raises InvalidInput, and Conflict for a deleted run."""
    for alert in alerts:
        run = _find_or_create(session, alert.run, {})
        at = "" if alert.step is None else f" at step {alert.step}"
        sentence = ": ".join(filter(None, (f"{alert.level}{at}", alert.title, alert.text)))
        name = hashlib.sha256((alert.alert_id or sentence).encode()).hexdigest()[:12]
        _log(session, run, (), tags={f"alert.{name}": sentence[:MAX_TAG_CHARACTERS]})


def runs_of_project(session: Session, project: str, planned: str | None = None) -> list[JsonObject]:
    """Return id, name and start of the runs of a project, for a client that resumes one.

    The client of a planned run sees no other runs, so it does not resume one.
    """
    if planned is not None:
        return []
    experiment = external_experiments.by_name(session, project)
    if experiment is None:
        return []
    return [
        {"id": row.external_id, "name": row.run_name, "created_at": iso(row.start_time)}
        for row in external_runs.of_experiment(session, experiment.id)
    ]


def run_summary(session: Session, key: RunKey) -> JsonObject:
    """Return the metrics and the last step of a run, for a client that resumes it."""
    try:
        steps = _last_steps(session, external_runs.get(session, key.external_id).run.id)
    except NotFound:  # a run without entries
        steps = {}
    return {
        "project": key.project,
        "run": key.name,
        "run_id": key.run_id,
        "metrics": sorted(steps),
        "last_step": max(steps.values(), default=None),
    }


def _find_or_create(
    session: Session, key: RunKey, config: JsonObject, *, started: int | None = None
) -> LoggedRun:
    """Return the run of entries, which the first of them creates, unless it is planned."""
    if key.planned is not None:
        return runs.locate(session, key.planned)
    known = external_runs.locate(session, [key.external_id]).get(key.external_id)
    if known is None:
        external_experiments.lock_names(session)  # two requests may name the same new run
        known = external_runs.locate(session, [key.external_id]).get(key.external_id)
    if known is not None:
        return known
    group = config.get("_Group")
    return runs.create_run(
        session,
        experiments.find_or_create(session, key.project).id,
        "trackio",
        external_id=key.external_id,
        name=key.name,
        user=str(config.get("_Username") or ""),
        start_time=_milliseconds(config.get("_Created")) or started,
        tags={"group": str(group)} if group else None,
    )


EntryType = TypeVar("EntryType", Entry, SystemEntry)


def _new(session: Session, run: LoggedRun, entries: Sequence[EntryType]) -> list[EntryType]:
    """Return the entries that were not logged before, each once."""
    ids = [entry.log_id for entry in entries if entry.log_id is not None]
    missing = received_entries.add(session, run.run_id, ids)
    new = []
    for entry in entries:
        if entry.log_id is None or entry.log_id in missing:
            new.append(entry)
            missing.discard(entry.log_id or "")
    return new


Point = tuple[str, int, int, float]
"""Metric, step, timestamp in milliseconds, value."""


def _points(session: Session, run: LoggedRun, entries: Sequence[Entry]) -> list[Point]:
    """Return the numbers of entries as points.

    Entries have no time of their own. Their timestamps end now and ascend in their order, because
    the newest value of a step counts.
    """
    next_step = 0
    if any(entry.step is None for entry in entries):
        next_step = 1 + max(_last_steps(session, run.run_id).values(), default=-1)
    first = int(time.time() * 1000) - len(entries) + 1
    points = []
    for position, entry in enumerate(entries):
        step = next_step if entry.step is None else entry.step
        next_step = max(next_step, step + 1)
        points += [(name, step, first + position, value) for name, value in _numbers(entry.metrics)]
    return points


def _log(
    session: Session,
    run: LoggedRun,
    points: Sequence[Point],
    *,
    params: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None,
) -> None:
    batch = Batch(*zip(*points, strict=True)) if points else Batch()
    logs.log(session, RunLog(run.external_id, batch, params or {}, tags or {}))


def _numbers(metrics: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, float]]:
    """Yield the numbers among metrics; those in nested metrics have the names of both, a.b.

    Text, lists, tables and pictures have no place on a chart and are left out.
    """
    for name, value in metrics.items():
        if isinstance(value, Mapping):
            if TYPE_KEY not in value:
                yield from _numbers(value, f"{prefix}{name}.")
        elif isinstance(value, int | float):
            yield prefix + name, _float(value)
        elif isinstance(value, str) and value in NOT_FINITE:
            yield prefix + name, NOT_FINITE[value]


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:  # a whole number of more than 308 digits
        return inf if value > 0 else -inf


def _new_params(session: Session, run: LoggedRun, config: JsonObject) -> dict[str, str]:
    """Return the params of a config that the run does not have: a param keeps its first value."""
    stored = external_runs.params_of(session, run)
    return {name: value for name, value in _params(config) if name not in stored}


def _params(config: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield a config as params; nested values have the names of both, a.b. Long text is cut."""
    for name, value in config.items():
        if isinstance(value, Mapping):
            yield from _params(value, f"{prefix}{name}.")
        elif prefix or not name.startswith("_"):  # those are facts about the run
            text = json.dumps(value) if isinstance(value, list) else str(value)
            yield prefix + name, text[:MAX_PARAM_CHARACTERS]


def _last_steps(session: Session, run_id: int) -> dict[str, int]:
    """Return the last step of each metric of a run, without system metrics."""
    summaries = metric_summaries.summaries(session, [run_id])[run_id]
    return {
        name: int(summary["last_step"] or 0)
        for name, summary in summaries.items()
        if not name.startswith(SYSTEM)
    }


def _milliseconds(written: object) -> int | None:
    """Return a time that is written as ISO 8601 text in milliseconds since 1970, else None."""
    try:
        return int(datetime.fromisoformat(str(written)).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None
