"""Diagnose the runs of an experiment that were solved in one step, against its whole grid."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from backend.analysis.cells import N_TRAIN, SEED, params_key, varying
from backend.diagnosis import Diagnosis
from backend.diagnosis.solved import SolvedRun, diagnose_solved
from backend.runs.states import UNENDED
from backend.specification.hyperparameters import HYPERPARAMETERS, training
from backend.specification.optimizers import OPTIMIZERS
from backend.specification.params import Params
from backend.store import experiments, metric_summaries, runs
from backend.store.runs import EndedRun

OPTIMIZER = training.OPTIMIZER.path
JUDGED_EACH_TIME = 1000  # runs: larger experiments are judged once all of their runs have ended


def is_solved(params: Params) -> bool:
    """Return whether a run is solved in one step, instead of trained over epochs."""
    optimizer = OPTIMIZERS.get(str(params.get(OPTIMIZER)))
    return optimizer is not None and not optimizer.by_gradients


@dataclass(frozen=True)
class SolvedVerdicts:
    """The diagnoses of solved runs, and the runs whose verdict or severity turned."""

    diagnoses: Mapping[int, Diagnosis] = field(default_factory=dict)
    turned: Sequence[int] = ()


def diagnose_experiment(session: Session, experiment_id: int) -> SolvedVerdicts:
    """Diagnose the solved runs of an experiment that have ended.

    The row of the experiment is locked first: the runs of a worker that ends others at the same
    time are then seen.
    """
    experiments.lock(session, experiment_id)
    rows = [row for row in runs.ended_in(session, experiment_id) if is_solved(row.params)]
    unended = experiments.counts(session, [experiment_id])[experiment_id]
    if any(unended[state] for state in UNENDED) and len(rows) > JUDGED_EACH_TIME:
        return SolvedVerdicts()
    diagnoses = diagnose_solved(_solved(session, rows))
    before = {row.id: (row.verdict, row.severity) for row in rows}
    turned = [
        run_id
        for run_id, diagnosis in diagnoses.items()
        if before[run_id] != (diagnosis.verdict.value, diagnosis.severity)
    ]
    return SolvedVerdicts(diagnoses, turned)


def _solved(session: Session, rows: Sequence[EndedRun]) -> list[SolvedRun]:
    names = ("train_loss", "val_loss")
    summaries = metric_summaries.summaries(session, [row.id for row in rows], names)
    along = [path for path in varying([row.params for row in rows]) if path != SEED]
    solved = []
    for row in rows:
        train, validation = (summaries[row.id].get(name, {}).get("last") for name in names)
        if train is not None and validation is not None:
            solved.append(
                SolvedRun(
                    row.id,
                    _data(row.params),
                    params_key(row.params, without=(SEED,)),
                    _name(row.params, along),
                    float(train),
                    float(validation),
                    row.reference_loss,
                )
            )
    return solved


def _data(params: Params) -> tuple[object, ...]:
    """Return the data settings of a run, but for their amount: models are compared within them."""
    section = N_TRAIN.partition(".")[0]
    paths = (path for path in params if path.startswith(f"{section}.") and path != N_TRAIN)
    return tuple((path, params[path]) for path in sorted(paths))


def _name(params: Params, along: Sequence[str]) -> str:
    """Name a cell by the settings that vary: "degree 3"."""
    return ", ".join(
        f"{HYPERPARAMETERS[path].label if path in HYPERPARAMETERS else path} {params[path]}"
        for path in along
        if params.get(path) is not None
    )
