"""Experiments: created with all their runs in one transaction, listed and counted."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import ColumnElement, and_, exists, func, insert, or_, select
from sqlalchemy.orm import Session

from backend.errors import NotFound
from backend.runs.states import STATES
from backend.specification import ExperimentSpec, RunSpec
from backend.specification.estimates import estimated_seconds, parameters
from backend.specification.params import JsonObject
from backend.store import run_params as searchable
from backend.store import text_patterns
from backend.store.bulk import chunks
from backend.store.engine import effects_of
from backend.store.tables import MAX_ID, Experiment, ExperimentTag, Run


@dataclass(frozen=True)
class ExperimentRows:
    """Some experiments, newest first, and the cursor of the next page, if there is one."""

    items: Sequence[Experiment]
    next_cursor: int | None


def create_experiment(
    session: Session, spec: ExperimentSpec, *, follows: Run | None = None
) -> tuple[Experiment, list[int]]:
    """Store a specification and its runs as queued; return the experiment and the run ids.

    `follows` is the run whose diagnosis the experiment follows up.
    """
    experiment = _experiment(spec, follows)
    session.add(experiment)
    session.flush()
    run_ids = session.scalars(
        insert(Run).returning(Run.id, sort_by_parameter_order=True),
        [
            run_columns(experiment.id, position, run, label)
            for position, (run, label) in enumerate(zip(spec.runs, spec.labels, strict=True))
        ],
    ).all()
    searchable.add(session, dict(zip(run_ids, (run.params() for run in spec.runs), strict=True)))
    effects = effects_of(session)
    effects.runs_queued = True
    effects.changed_experiments.add(experiment.id)
    return experiment, list(run_ids)


def _experiment(spec: ExperimentSpec, follows: Run | None) -> Experiment:
    """Return the row of a new experiment."""
    return Experiment(
        name=spec.name,
        spec=dict(spec.document),
        estimated_seconds=estimated_seconds(spec.runs),
        device=spec.placement.device,
        priority=spec.placement.rank,
        parent_id=follows and follows.experiment_id,
        parent_run_id=follows and follows.id,
    )


def run_columns(
    experiment_id: int, position: int, spec: RunSpec, variant: str | None
) -> dict[str, object]:
    """Return the columns of a new run."""
    return {
        "experiment_id": experiment_id,
        "position": position,
        "variant": variant,
        "params": spec.params(),
        "parameters": parameters(spec),
    }


def get(session: Session, experiment_id: int) -> Experiment:
    """Return an experiment. Raises NotFound."""
    experiment = session.get(Experiment, experiment_id) if 1 <= experiment_id <= MAX_ID else None
    if experiment is None:
        raise NotFound(f"There is no experiment {experiment_id}.")
    return experiment


def specification(session: Session, experiment_id: int) -> JsonObject:
    """Return the specification of an experiment. Raises NotFound, too for external runs."""
    document = get(session, experiment_id).spec
    if document is None:
        raise NotFound(
            f"Experiment {experiment_id} has no specification: other programs train its runs."
        )
    return document


def by_ids(session: Session, experiment_ids: Collection[int]) -> Sequence[Experiment]:
    """Return those of `experiment_ids` that exist."""
    return [
        row
        for chunk in chunks(sorted(experiment_ids))
        for row in session.scalars(select(Experiment).where(Experiment.id.in_(chunk)))
    ]


Visibility = Literal["active", "archived", "deleted"]
"""The experiments or runs in a list: active, archived, or deleted and still restorable."""


def page(
    session: Session,
    *,
    before: int | None = None,
    limit: int = 50,
    shown: Visibility = "active",
    pinned: bool | None = None,
    search: str = "",
) -> ExperimentRows:
    """Return up to `limit` experiments with an id below `before`, newest first.

    `pinned` selects pinned experiments, unpinned ones, or (None) both; `search` those with each of
    its words in their name, note or tags, or with its number.
    """
    query = (
        select(Experiment).where(_is_shown(shown)).order_by(Experiment.id.desc()).limit(limit + 1)
    )
    if pinned is not None:
        query = query.where(Experiment.pinned.is_(pinned))
    if before is not None:
        query = query.where(Experiment.id < before)
    for word in search.split():
        query = query.where(_has(session, word))
    rows = session.scalars(query).all()
    more = len(rows) > limit
    return ExperimentRows(rows[:limit], rows[limit - 1].id if more else None)


def _has(session: Session, word: str) -> ColumnElement[bool]:
    """Match experiments with a word in their name, note or tags, or with that number."""
    dialect, pattern = session.get_bind().dialect.name, f"%{word}%"
    texts = (Experiment.name.expression, Experiment.note.expression)
    tagged = exists().where(
        ExperimentTag.experiment_id == Experiment.id,
        or_(*(
            text_patterns.matches(dialect, column, pattern, exact=False)
            for column in (ExperimentTag.key.expression, ExperimentTag.value.expression)
        )),
    )  # fmt: skip
    conditions = [text_patterns.matches(dialect, column, pattern, exact=False) for column in texts]
    number = word.removeprefix("#")
    if number.isdecimal() and len(number) < len(str(MAX_ID)):
        conditions.append(Experiment.id == int(number))
    return or_(tagged, *conditions)


def _is_shown(shown: Visibility) -> ColumnElement[bool]:
    if shown == "deleted":
        return Experiment.deleted_at.is_not(None)
    return and_(Experiment.deleted_at.is_(None), Experiment.archived.is_(shown == "archived"))


def follow_ups(
    session: Session, experiment_id: int, *, run_ids: Sequence[int] | None = None
) -> Sequence[Experiment]:
    """Return the follow-ups of an experiment, or of some of its runs, oldest first."""
    present = Experiment.deleted_at.is_(None)
    query = select(Experiment).where(Experiment.parent_id == experiment_id, present)
    if run_ids is not None:
        query = query.where(Experiment.parent_run_id.in_(run_ids))
    return session.scalars(query.order_by(Experiment.id)).all()


def counts(session: Session, experiment_ids: Sequence[int]) -> dict[int, dict[str, int]]:
    """Return how many runs each experiment has in each state, zeros included."""
    result = {id_: dict.fromkeys(map(str, STATES), 0) for id_ in experiment_ids}
    rows = session.execute(
        select(Run.experiment_id, Run.status, func.count())
        .where(Run.experiment_id.in_(experiment_ids), Run.deleted_at.is_(None))
        .group_by(Run.experiment_id, Run.status)
    )
    for experiment_id, status, count in rows:
        result[experiment_id][status] = count
    return result


def lock(session: Session, experiment_id: int) -> None:
    """Wait until other transactions that changed an experiment have ended, and keep it."""
    session.execute(select(Experiment.id).where(Experiment.id == experiment_id).with_for_update())


def verdicts(
    session: Session, experiment_ids: Sequence[int]
) -> dict[int, Counter[tuple[str, str | None]]]:
    """Return how many runs of each experiment have each verdict of each severity."""
    result: dict[int, Counter[tuple[str, str | None]]] = {id_: Counter() for id_ in experiment_ids}
    rows = session.execute(
        select(Run.experiment_id, Run.verdict, Run.severity, func.count())
        .where(Run.experiment_id.in_(experiment_ids), Run.deleted_at.is_(None))
        .where(Run.verdict.is_not(None))
        .group_by(Run.experiment_id, Run.verdict, Run.severity)
    )
    for experiment_id, verdict, severity, count in rows:
        result[experiment_id][str(verdict), severity] = count
    return result


def status_from(counts: dict[str, int]) -> str:
    """Return the status of an experiment from the number of its runs in each state.

    It is running while any run is running, and queued until the first run starts. After that it is
    failed or cancelled if any run is, and otherwise finished.
    """
    if counts["running"] or (counts["queued"] and counts["finished"] + counts["failed"]):
        return "running"
    if counts["queued"]:
        return "queued"
    return "failed" if counts["failed"] else "cancelled" if counts["cancelled"] else "finished"
