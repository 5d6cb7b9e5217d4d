"""Diagnose external runs: find their losses, give a verdict, and store both for lists and pages.

`compute` reads and calculates, `store` writes. So the calculation needs no write transaction, for
which other clients would wait.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from sqlalchemy.orm import Session

from backend.diagnosis import Curve, Diagnosis, diagnose
from backend.diagnosis.stopping_rules import build, early_stop_step
from backend.diagnosis.verdicts import Verdict
from backend.pairing import Chosen, LoggedPoints, LossPair, Pairing, pair_losses
from backend.runs.states import ENDED
from backend.runs.verdict_tags import VERDICT_TAGS
from backend.series import Series
from backend.specification.early_stopping import usual
from backend.specification.params import JsonObject
from backend.store import (
    curation,
    experiments,
    external_runs,
    logged_points,
    metric_summaries,
    metrics,
)
from backend.store.external_runs import LoggedRun, NewDiagnosis, StoredRun
from backend.store.logged_points import Histories
from backend.store.tables import Run

logger = logging.getLogger(__name__)

MAX_AT_BEST = 2000  # metrics of a run with a value at the best epoch; reading them takes 0.1 s
MAX_ALTERNATIVES = 30  # pairs of losses that are stored with a run


class _Points(Mapping[str, LoggedPoints]):
    """The points of a run's metrics, each read when the pairing asks for it."""

    def __init__(self, histories: Histories) -> None:
        self._histories = histories
        self._read: dict[str, LoggedPoints] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._histories)

    def __len__(self) -> int:
        return len(self._histories)

    def __contains__(self, key: object) -> bool:
        return key in self._histories

    def __getitem__(self, key: str) -> LoggedPoints:
        if key not in self._read:
            self._read[key] = LoggedPoints(*self._histories[key])
        return self._read[key]

    @property
    def last_time(self) -> int:
        """The newest timestamp among the metrics that were read, 0 without any."""
        return max((int(p.timestamps.max()) for p in self._read.values() if len(p)), default=0)


def _pairing_of(session: Session, run: Run, points: _Points) -> Pairing:
    """Find the losses of a run among its metrics, by their names or as a person chose them."""
    tags = curation.tags_of(session, "run", [run.id]).get(run.id, {})
    chosen = Chosen(**(experiments.get(session, run.experiment_id).pairing or {}))
    return pair_losses(points, params={**run.params, **tags}, chosen=chosen)


@dataclass(frozen=True)
class RunDiagnosis:
    """The diagnosis of a run after a number of batches, with its losses on one axis.

    `curves` and their values `at_best` are named as those of runs trained here. `recorded_at` is
    the time of their last point by the client's clock, in milliseconds. `metrics_at_best` are the
    values of the client's own metrics at the best epoch, by the id of their names; they are known
    once the run has ended.
    """

    diagnosis: Diagnosis
    pairing: JsonObject
    batches: int
    curves: Mapping[str, Series] = field(default_factory=dict)
    at_best: Mapping[str, float] = field(default_factory=dict)
    early_stop_epoch: int | None = None
    recorded_at: int = 0
    metrics_at_best: Mapping[int, float] = field(default_factory=dict)

    @property
    def best_epoch(self) -> int | None:
        """The epoch of the lowest validation loss, None without losses."""
        return self.curves["val_loss"].lowest if self.curves else None

    @property
    def epochs(self) -> int:
        """The number of epochs up to the last validation loss, 0 without losses."""
        validation = self.curves.get("val_loss")
        return max(0, validation.length) if validation is not None else 0

    @property
    def tags(self) -> dict[str, str | None]:
        """The tags by which clients find the verdict; None removes one."""
        verdict, _, rule = self.diagnosis.rule.partition(".")
        kind = self.diagnosis.kind
        values = {
            "verdict": self.diagnosis.verdict.value,
            "kind": kind.value if kind else rule or verdict,
            "best_epoch": self.best_epoch,
            "early_stop_epoch": self.early_stop_epoch,
        }
        return {
            VERDICT_TAGS[name]: None if value is None else str(value)
            for name, value in values.items()
        }


def compute(session: Session, stored: StoredRun) -> RunDiagnosis:
    """Diagnose a run from its points so far. An error becomes a verdict, and is logged."""
    batches = stored.external.batches
    try:
        points = _Points(Histories(session, stored.run.id))
        pairing = _pairing_of(session, stored.run, points)
        found = of_pairing(pairing, batches)
        if pairing.pair is None:
            return found
        at_best = metrics_at_best(session, stored.run, pairing.pair.best_logged_at, len(points))
        return replace(found, recorded_at=points.last_time, metrics_at_best=at_best)
    except Exception:
        logger.exception("could not diagnose a run", extra={"run": stored.run.id})
        reason = "The run could not be diagnosed; the log has the reason."
        error = Diagnosis(Verdict.NOT_ASSESSABLE, "not-assessable.error", reason, reason, "low")
        return RunDiagnosis(error, {"reason": reason}, batches)


def metrics_at_best(
    session: Session, run: Run, best: int | None, amount: int
) -> Mapping[int, float]:
    """Return the `amount` metrics of a run that has ended at the step of its best epoch."""
    if best is None or run.status not in ENDED or amount > MAX_AT_BEST:
        return {}
    return logged_points.values_at(session, run.id, best)


def of_pairing(pairing: Pairing, batches: int) -> RunDiagnosis:
    """Diagnose losses that are paired, or report why they are missing."""
    if pairing.pair is None:
        return RunDiagnosis(_without_losses(pairing.reason), _described(pairing), batches)
    return _diagnosed(pairing.pair, _described(pairing), batches)


def _without_losses(reason: str) -> Diagnosis:
    return Diagnosis(
        Verdict.NOT_ASSESSABLE,
        "not-assessable.no-losses",
        f"Not assessable: {reason}",
        "A verdict needs the train and the validation loss over several epochs.",
        "low",
    )


def _diagnosed(pair: LossPair, described: JsonObject, batches: int) -> RunDiagnosis:
    curve = pair.curve
    curves = {"train_loss": pair.train, "val_loss": pair.validation}
    accuracies = {"train_accuracy": pair.train_accuracy, "val_accuracy": pair.accuracy}
    curves |= {key: series for key, series in accuracies.items() if series is not None}
    best = pair.validation.lowest
    paired = {**curves, "train_loss": Series.of(curve.steps, curve.train)}
    at_best = {} if best is None else {key: series.at(best) for key, series in paired.items()}
    return RunDiagnosis(
        diagnose(curve, accuracy=pair.accuracy, train_accuracy=pair.train_accuracy),
        described,
        batches,
        curves,
        {key: value for key, value in at_best.items() if value is not None},
        _early_stop(curve),
    )


def _early_stop(curve: Curve) -> int | None:
    """Return where the usual early-stopping criterion fires."""
    criterion = usual()
    columns = (curve.steps, curve.train, curve.validation)
    losses = zip(*(column.tolist() for column in columns), strict=True)
    return early_stop_step(build(criterion.criterion, **criterion.settings()), losses)


def _described(pairing: Pairing) -> JsonObject:
    """Return a pairing as JSON: the names of the losses, the unit of their steps, and why."""
    others = [list(pair) for pair in pairing.alternatives[:MAX_ALTERNATIVES]]
    described: JsonObject = {"reason": pairing.reason, "alternatives": others}
    if pairing.pair is not None:
        train, validation = pairing.pair.names
        remarks, unit = list(pairing.pair.remarks), pairing.pair.unit
        described |= {"train": train, "validation": validation, "remarks": remarks, "unit": unit}
    return described


def store(session: Session, run: LoggedRun, found: RunDiagnosis) -> None:
    """Store a diagnosis with its curves, and set the tags by which clients find the verdict."""
    verdict = found.diagnosis.verdict.value
    external_runs.store_diagnosis(
        session,
        run,
        NewDiagnosis(
            verdict,
            found.diagnosis.as_dict(),
            found.pairing,
            found.batches,
            epoch=found.epochs,
            best_epoch=found.best_epoch,
            early_stop_epoch=found.early_stop_epoch,
        ),
    )
    metrics.replace_curves(
        session, run.run_id, found.curves, found.at_best, recorded_at=found.recorded_at
    )
    metric_summaries.note_logged_best(session, run.run_id, found.metrics_at_best)
    external_runs.set_tags(session, run, found.tags)


def diagnose_now(session: Session, run: LoggedRun) -> None:
    """Diagnose a run in the transaction that changes it, for example when the run ends."""
    store(session, run, compute(session, external_runs.get(session, run.external_id)))
