"""Build the response models of experiments and runs from stored rows."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from math import isfinite
from typing import TypedDict

from sqlalchemy.orm import Session

from backend import work_budget
from backend.diagnosis.stopping_rules import build, stopping_outcome
from backend.runs.lifecycle import diagnosis_of
from backend.runs.run_settings import settings_of
from backend.runs.schemas import EarlyStop, ExperimentItem, ListedRun, Number, RunDetail, RunItem
from backend.specification import RunSpec
from backend.specification.early_stopping import requested_stopping, usual
from backend.specification.placement import PRIORITIES
from backend.store import (
    curation,
    experiments,
    external_runs,
    metric_summaries,
    metrics,
    planned_runs,
    runs,
)
from backend.store.tables import Experiment, ExternalRun, Run


class Curated(TypedDict):
    """Fields of a run or experiment that people set."""

    tags: dict[str, str]
    note: str | None
    pinned: bool
    archived: bool
    deleted_at: str | None


def experiment_items(session: Session, rows: Sequence[Experiment]) -> list[ExperimentItem]:
    """Return the response models of experiments."""
    counts = experiments.counts(session, [row.id for row in rows])
    tags = curation.tags_of(session, "experiment", [row.id for row in rows])
    sweeps = planned_runs.sweeps_among(session, [row.id for row in rows if row.spec is None])
    return [
        ExperimentItem(
            id=row.id,
            name=row.name,
            url=f"/experiments/{row.id}",
            status=experiments.status_from(counts[row.id]),
            origin=row.origin,
            planned=row.id in sweeps,
            spec=row.spec,
            pairing=row.pairing,
            roles=row.roles,
            counts=counts[row.id],
            created_at=str(iso(row.created_at)),
            device=row.device,
            priority=PRIORITIES[row.priority],
            parent_id=row.parent_id,
            parent_run_id=row.parent_run_id,
            owner=row.owner,
            **_curated(row, tags.get(row.id, {})),
        )
        for row in rows
    ]


MAX_SUMMARIES = 20_000  # in one list; takes 0.1 s
SUMMARISED = (
    "train_loss", "val_loss", "test_loss", "train_accuracy", "val_accuracy", "test_accuracy",
)  # fmt: skip


def run_items(
    session: Session, rows: Sequence[Run], *, keys: Sequence[str] | None = None
) -> list[RunItem]:
    """Return the response models of runs, with the summaries of some metrics.

    By default of all metrics, but of losses and accuracies only if there are more than
    MAX_SUMMARIES together.
    """
    ids = [row.id for row in rows]
    if keys is None and sum(metric_summaries.key_counts(session, ids).values()) > MAX_SUMMARIES:
        keys = SUMMARISED
    summaries = metric_summaries.summaries(session, ids, keys)
    tags = curation.tags_of(session, "run", [row.id for row in rows])
    external = external_runs.of_runs(session, [row.id for row in rows])
    settings = settings_of(session, rows)
    items = []
    for row in rows:
        work_budget.check()
        item = _run_item(row, summaries[row.id], tags.get(row.id, {}), external.get(row.id))
        item._settings = settings[row.id].params
        item.parameters = settings[row.id].parameters or None
        items.append(item)
    return items


def listed_runs(session: Session, rows: Sequence[Run]) -> list[ListedRun]:
    """Return runs of any experiments, each with its experiment's name and creation time."""
    ids = {row.experiment_id for row in rows}
    owners = {experiment.id: experiment for experiment in experiments.by_ids(session, ids)}
    return [
        ListedRun(
            **dict(item),
            name=owners[item.experiment_id].name,
            created_at=str(iso(owners[item.experiment_id].created_at)),
        )
        for item in run_items(session, rows)
    ]


def run_detail(session: Session, run_id: int) -> RunDetail:
    """Return a run with its diagnosis. Raises NotFound."""
    row = runs.get(session, run_id)
    [item] = run_items(session, [row])
    return RunDetail(**dict(item), diagnosis=diagnosis_of(session, row))


def iso(milliseconds: int | None) -> str | None:
    """Return a stored time as ISO 8601 text in UTC."""
    if milliseconds is None:
        return None
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")


def finite(value: Number) -> Number:
    """Return a number that JSON can carry: NaN and infinities become None."""
    return None if value is None or not isfinite(value) else value


def _run_item(
    row: Run,
    summary: Mapping[str, Mapping[str, Number]],
    tags: Mapping[str, str],
    external: ExternalRun | None,
) -> RunItem:
    return RunItem(
        id=row.id,
        experiment_id=row.experiment_id,
        url=f"/runs/{row.id}",
        status=row.status,
        error=row.error,
        variant=row.variant,
        params=row.params,
        parameters=row.parameters or None,
        epoch=row.epoch,
        summary={key: _finite(values) for key, values in summary.items()},
        best_epoch=external.best_epoch if external else _best_epoch(summary),
        early_stop_epoch=row.early_stop_epoch,
        verdict=row.verdict,
        kind=row.kind,
        severity=row.severity,
        rule=(row.diagnosis or {}).get("rule"),
        external_id=external and external.external_id,
        run_name=external and external.run_name,
        user_name=external and external.user_name,
        source=external and external.source,
        axis=((external and external.pairing) or {}).get("unit", "epoch"),
        started_at=iso(row.started_at),
        ended_at=iso(row.ended_at),
        **_curated(row, tags),
    )


def _best_epoch(summary: Mapping[str, Mapping[str, Number]]) -> int | None:
    step = summary.get("val_loss", {}).get("min_step")
    return None if step is None else int(step)


def _finite(values: Mapping[str, Number]) -> dict[str, Number]:
    """Return numbers that JSON can carry; a finite sum shows quickly that all of them are."""
    if isfinite(sum(filter(None, values.values()))):
        return dict(values)
    return {name: finite(value) for name, value in values.items()}


def _curated(row: Run | Experiment, tags: Mapping[str, str]) -> Curated:
    return {
        "tags": dict(tags),
        "note": row.note,
        "pinned": row.pinned,
        "archived": row.archived,
        "deleted_at": iso(row.deleted_at),
    }


REPLAYED_METRICS = ("train_loss", "val_loss", "test_loss")


def replay_early_stopping(session: Session, run_id: int, query: Mapping[str, str]) -> EarlyStop:
    """Replay the criterion that a query describes, by default the run's own or the usual one.

    Raises NotFound and InvalidSpec.
    """
    row = runs.get(session, run_id)
    is_external = bool(external_runs.among(session, [run_id]))
    own = usual() if is_external else RunSpec.from_params(row.params).early_stopping
    requested = requested_stopping(query, own)
    settings = requested.settings()
    losses = metrics.curves_of(session, [run_id], REPLAYED_METRICS)[run_id]
    rule = build(requested.criterion, **settings)
    outcome = stopping_outcome(rule, *(losses[key] for key in REPLAYED_METRICS))
    return EarlyStop(criterion=requested.criterion, settings=settings, **asdict(outcome))
