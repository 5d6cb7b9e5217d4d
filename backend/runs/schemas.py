"""What the outside sees of experiments and runs: the same shapes for REST and for the pages."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from math import isfinite
from typing import Any

from pydantic import BaseModel
from sqlalchemy.orm import Session

from backend.diagnosis import Curve, Diagnosis, diagnose
from backend.diagnosis.early_stopping import build, stopping_outcome
from backend.diagnosis.verdicts import Verdict
from backend.runs.states import ENDED
from backend.series import Series
from backend.specification import RunSpec
from backend.specification.early_stopping import requested_stopping
from backend.specification.placement import PRIORITIES
from backend.store import curation, experiments, metrics, runs
from backend.store.tables import Experiment, Run

logger = logging.getLogger(__name__)

Number = float | int | None

DIAGNOSED = ("train_loss", "val_loss", "val_accuracy")


class ExperimentItem(BaseModel):
    """An experiment in answers; `parent_id` is the experiment it follows up."""

    id: int
    name: str
    url: str
    status: str
    spec: dict[str, Any]
    counts: dict[str, int]
    created_at: str
    device: str
    priority: str
    parent_id: int | None
    parent_run_id: int | None
    tags: dict[str, str] = {}
    note: str | None = None
    pinned: bool = False
    archived: bool = False
    deleted_at: str | None = None


class RunItem(BaseModel):
    """A run in lists. `summary` maps a metric key to last, min and max with their steps.

    `variant` names the variant of the specification that the run belongs to; `rule` is the one
    behind the verdict, as overfitting.mild.
    """

    id: int
    experiment_id: int
    url: str
    status: str
    error: str | None
    variant: str | None = None
    params: dict[str, Any]
    parameters: int
    epoch: int
    summary: dict[str, dict[str, Number]]
    best_epoch: int | None
    early_stop_epoch: int | None
    verdict: str | None
    rule: str | None = None
    started_at: str | None
    ended_at: str | None
    tags: dict[str, str] = {}
    note: str | None = None
    pinned: bool = False
    archived: bool = False
    deleted_at: str | None = None


class KeptWeights(BaseModel):
    """Losses at one epoch; `loss_given_up` is its validation loss above the run's lowest."""

    epoch: int
    val_loss: float | None
    test_loss: float | None
    loss_given_up: float | None


class EarlyStop(BaseModel):
    """What an early-stopping criterion would have done to a run, as far as it was trained.

    `epoch` is where it fires, null if it does not. `at_stop` is what the run would have ended
    with, `restored` what it would have with the weights of the criterion's best epoch put back,
    `best` the epoch of the lowest validation loss.
    """

    criterion: str
    settings: dict[str, int | float]
    epoch: int | None
    epochs: int
    epochs_saved: int
    at_stop: KeptWeights | None
    restored: KeptWeights | None
    best: KeptWeights | None


class RunDetail(RunItem):
    """One run with its diagnosis; of a run that still trains, the diagnosis so far."""

    diagnosis: dict[str, Any]


def experiment_items(session: Session, rows: Sequence[Experiment]) -> list[ExperimentItem]:
    """Return experiments as the outside sees them."""
    counts = experiments.counts(session, [row.id for row in rows])
    tags = curation.tags_of(session, "experiment", [row.id for row in rows])
    return [
        ExperimentItem(
            id=row.id,
            name=row.name,
            url=f"/experiments/{row.id}",
            status=experiments.status_from(counts[row.id]),
            spec=row.spec,
            counts=counts[row.id],
            created_at=str(iso(row.created_at)),
            device=row.device,
            priority=PRIORITIES[row.priority],
            parent_id=row.parent_id,
            parent_run_id=row.parent_run_id,
            **_organised(row, tags.get(row.id, {})),
        )
        for row in rows
    ]


def run_items(session: Session, rows: Sequence[Run]) -> list[RunItem]:
    """Return runs as lists show them."""
    summaries = metrics.summaries(session, [row.id for row in rows])
    tags = curation.tags_of(session, "run", [row.id for row in rows])
    return [
        RunItem(**_run_fields(row, summaries[row.id]), **_organised(row, tags.get(row.id, {})))
        for row in rows
    ]


def run_detail(session: Session, run_id: int) -> RunDetail:
    """Return one run with its diagnosis. Raises NotFound."""
    row = runs.get(session, run_id)
    [item] = run_items(session, [row])
    return RunDetail(**dict(item), diagnosis=diagnosis(session, row))


def diagnosis(session: Session, row: Run) -> dict[str, Any]:
    """Return a run's diagnosis; of a run that still trains, the diagnosis so far."""
    if row.status in ENDED and row.diagnosis:
        return row.diagnosis
    return diagnosed(session, [row])[row.id].as_dict()


def diagnosed(session: Session, rows: Sequence[Run]) -> dict[int, Diagnosis]:
    """Diagnose runs from their recorded losses and validation accuracy."""
    found = metrics.series_of(session, [row.id for row in rows], DIAGNOSED)
    return {row.id: _diagnosed_or_not(row, found[row.id]) for row in rows}


def _diagnosed_or_not(row: Run, series: Mapping[str, Series]) -> Diagnosis:
    """Diagnose a run; what goes wrong is logged, as no run may keep others from being stored."""
    try:
        return _diagnosed(row, series)
    except Exception:
        ids = {"run": row.id, "experiment": row.experiment_id}
        logger.exception("a run could not be diagnosed", extra=ids)
        sentence = "The run could not be diagnosed; the log says why."
        rule = "not-assessable.error"
        return Diagnosis(Verdict.NOT_ASSESSABLE, rule, sentence, sentence, "low")


def _diagnosed(row: Run, series: Mapping[str, Series]) -> Diagnosis:
    train, validation, accuracy = (series[key] for key in DIAGNOSED)
    return diagnose(
        Curve.from_series(train, validation), reference_loss=row.reference_loss, accuracy=accuracy
    )


def early_stop(session: Session, run_id: int, query: Mapping[str, str]) -> EarlyStop:
    """Replay the criterion that a query asks for, the run's own by default, over its losses.

    Raises NotFound and InvalidSpec.
    """
    row = runs.get(session, run_id)
    wanted = requested_stopping(query, RunSpec.from_params(row.params).early_stopping)
    settings = wanted.settings()
    keys = ("train_loss", "val_loss", "test_loss")
    series = metrics.series(session, run_id, keys)
    rule = build(wanted.criterion, **settings)
    outcome = stopping_outcome(rule, *(series[key] for key in keys))
    return EarlyStop(criterion=wanted.criterion, settings=settings, **asdict(outcome))


def iso(milliseconds: int | None) -> str | None:
    """Write a time of the database as ISO 8601, UTC."""
    if milliseconds is None:
        return None
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")


def finite(value: Number) -> Number:
    """Return a number that JSON can carry: NaN and infinities become None."""
    return None if value is None or not isfinite(value) else value


def _finite(values: Mapping[str, Number]) -> Mapping[str, Number]:
    """Return numbers that JSON can carry; nearly always all are, which their sum says at once."""
    if isfinite(sum(filter(None, values.values()))):
        return values
    return {name: finite(value) for name, value in values.items()}


def _organised(row: Run | Experiment, tags: Mapping[str, str]) -> dict[str, Any]:
    return {
        "tags": tags,
        "note": row.note,
        "pinned": row.pinned,
        "archived": row.archived,
        "deleted_at": iso(row.deleted_at),
    }


def _run_fields(row: Run, summary: Mapping[str, Mapping[str, Number]]) -> dict[str, Any]:
    best = summary.get("val_loss", {}).get("min_step")
    return {
        "id": row.id,
        "experiment_id": row.experiment_id,
        "url": f"/runs/{row.id}",
        "status": row.status,
        "error": row.error,
        "variant": row.variant,
        "params": row.params,
        "parameters": row.parameters,
        "epoch": row.epoch,
        "summary": {key: _finite(values) for key, values in summary.items()},
        "best_epoch": best,
        "early_stop_epoch": row.early_stop_epoch,
        "verdict": row.verdict,
        "rule": (row.diagnosis or {}).get("rule"),
        "started_at": iso(row.started_at),
        "ended_at": iso(row.ended_at),
    }
