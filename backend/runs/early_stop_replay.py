"""Replay an early-stopping criterion over the recorded losses of a run."""

from collections.abc import Mapping
from dataclasses import asdict

from sqlalchemy.orm import Session

from backend.diagnosis.early_stopping import build, stopping_outcome
from backend.runs.schemas import EarlyStop
from backend.specification import RunSpec
from backend.specification.early_stopping import requested_stopping
from backend.store import metrics, runs

REPLAYED_METRICS = ("train_loss", "val_loss", "test_loss")


def replay_early_stopping(session: Session, run_id: int, query: Mapping[str, str]) -> EarlyStop:
    """Replay the criterion that a query describes, by default the run's own.

    Raises NotFound and InvalidSpec.
    """
    row = runs.get(session, run_id)
    requested = requested_stopping(query, RunSpec.from_params(row.params).early_stopping)
    settings = requested.settings()
    losses = metrics.series(session, run_id, REPLAYED_METRICS)
    rule = build(requested.criterion, **settings)
    outcome = stopping_outcome(rule, *(losses[key] for key in REPLAYED_METRICS))
    return EarlyStop(criterion=requested.criterion, settings=settings, **asdict(outcome))
