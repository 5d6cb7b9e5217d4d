"""All that clients read of external runs at once: states, params, tags, last metrics, inputs."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.store import bulk, curation, external_runs, logged_models
from backend.store.external_runs import Dataset
from backend.store.logged_models import RunLink
from backend.store.tables import Experiment, ExternalRun, MetricKey, MetricSummary, Run


class LastMetric(NamedTuple):
    """The last value of a metric; None stands for NaN. The time is in milliseconds since 1970."""

    key: str
    value: float | None
    timestamp: int
    step: int


class RunInfo(NamedTuple):
    """The state of an external run, and the name of its experiment."""

    run_id: int
    external_id: str
    experiment_id: int
    experiment_name: str
    name: str
    user: str
    client_status: str | None
    start_time: int | None
    end_time: int | None
    deleted_at: int | None
    experiment_deleted_at: int | None


@dataclass
class RunData:
    """A run with all that was logged for it except older points."""

    info: RunInfo
    params: dict[str, str]
    tags: dict[str, str] = field(default_factory=dict)
    metrics: list[LastMetric] = field(default_factory=list)
    datasets: list[Dataset] = field(default_factory=list)
    models: list[RunLink] = field(default_factory=list)


_COLUMNS = (
    Run.id,
    ExternalRun.external_id,
    Run.experiment_id,
    Experiment.name,
    ExternalRun.run_name,
    ExternalRun.user_name,
    ExternalRun.client_status,
    ExternalRun.start_time,
    ExternalRun.end_time,
    Run.deleted_at,
    Experiment.deleted_at,
)


def run_data(session: Session, run_ids: Sequence[int]) -> list[RunData]:
    """Return the data of runs, in the order of their ids in `run_ids`."""
    by_id: dict[int, RunData] = {}
    query = (
        select(*_COLUMNS, Run.params)
        .join(ExternalRun, ExternalRun.run_id == Run.id)
        .join(Experiment, Experiment.id == Run.experiment_id)
    )
    for chunk in bulk.chunks(run_ids):
        for *columns, params in session.execute(query.where(Run.id.in_(chunk))):
            info = RunInfo(*columns)
            by_id[info.run_id] = RunData(info, params)
        _add_metrics(session, chunk, by_id)
        for run_id, tags in curation.tags_of(session, "run", chunk).items():
            by_id[run_id].tags = tags
        for run_id, datasets in external_runs.datasets_of(session, chunk).items():
            by_id[run_id].datasets = datasets
    for run_id, links in logged_models.links_of(session, run_ids).items():
        by_id[run_id].models = links
    return [by_id[run_id] for run_id in run_ids]


def _add_metrics(session: Session, run_ids: Sequence[int], by_id: dict[int, RunData]) -> None:
    rows = session.execute(
        select(
            MetricSummary.run_id,
            MetricKey.name,
            MetricSummary.last,
            MetricSummary.last_timestamp,
            MetricSummary.last_step,
        )
        .join(MetricKey, MetricKey.id == MetricSummary.key_id)
        .where(MetricSummary.run_id.in_(run_ids))
    )
    for run_id, key, value, timestamp, step in rows:
        by_id[run_id].metrics.append(LastMetric(key, value, timestamp or 0, step))
