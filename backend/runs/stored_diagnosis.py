"""Diagnose stored runs: read their recorded curves and apply the rules of `backend.diagnosis`."""

import logging
from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session

from backend.diagnosis import Curve, Diagnosis, diagnose
from backend.diagnosis.verdicts import Verdict
from backend.runs.states import ENDED
from backend.series import Series
from backend.store import metrics
from backend.store.tables import JsonObject, Run

logger = logging.getLogger(__name__)

DIAGNOSED_METRICS = ("train_loss", "val_loss", "val_accuracy")


def diagnosis_of(session: Session, row: Run) -> JsonObject:
    """Return the diagnosis of a run; while the run trains, the diagnosis up to now."""
    if row.status in ENDED and row.diagnosis:
        return row.diagnosis
    return diagnose_runs(session, [row])[row.id].as_dict()


def diagnose_runs(session: Session, rows: Sequence[Run]) -> dict[int, Diagnosis]:
    """Diagnose runs from their recorded losses and validation accuracy."""
    series = metrics.series_of(session, [row.id for row in rows], DIAGNOSED_METRICS)
    return {row.id: _diagnose_safely(row, series[row.id]) for row in rows}


def _diagnose_safely(row: Run, series: Mapping[str, Series]) -> Diagnosis:
    """Diagnose a run; log any error, because one run must not keep others from being stored."""
    try:
        return _diagnose(row, series)
    except Exception:
        ids = {"run": row.id, "experiment": row.experiment_id}
        logger.exception("could not diagnose a run", extra=ids)
        sentence = "The run could not be diagnosed; the log has the reason."
        rule = "not-assessable.error"
        return Diagnosis(Verdict.NOT_ASSESSABLE, rule, sentence, sentence, "low")


def _diagnose(row: Run, series: Mapping[str, Series]) -> Diagnosis:
    train, validation, accuracy = (series[key] for key in DIAGNOSED_METRICS)
    return diagnose(
        Curve.from_series(train, validation), reference_loss=row.reference_loss, accuracy=accuracy
    )
