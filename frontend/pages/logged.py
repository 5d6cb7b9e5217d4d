"""Parts of the page of an external run: its losses, what its client logged, its metrics."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from backend.specification.params import JsonObject
from backend.store import curation, experiments, external_runs, metric_summaries, runs
from backend.store.external_runs import Dataset
from backend.store.metric_summaries import MetricPage
from backend.store.tables import ExternalRun, Run
from frontend.site import Reading, render

router = APIRouter()

METRICS_PER_PAGE = 40
SYSTEM_PREFIX = "system/"  # of metrics of the machine, not of the model
SHOWN_CLIENT_TAGS = {
    "mlflow.source.name": "Program",
    "mlflow.source.git.commit": "Commit",
    "mlflow.note.content": "Description",
}


@dataclass(frozen=True)
class LoggedPart:
    """The losses that were found in an external run, and what its client said about it.

    `chosen` are the losses that a person chose for the experiment. `facts` are tags by title.
    """

    external: ExternalRun
    pairing: JsonObject
    chosen: JsonObject
    facts: Mapping[str, str]
    datasets: Sequence[Dataset]


def logged_part(session: Session, row: Run) -> LoggedPart:
    """Return the part of an external run."""
    external = external_runs.of_runs(session, [row.id])[row.id]
    tags = curation.tags_of(session, "run", [row.id]).get(row.id, {})
    return LoggedPart(
        external,
        external.pairing or {},
        experiments.get(session, row.experiment_id).pairing or {},
        {title: tags[name] for name, title in SHOWN_CLIENT_TAGS.items() if name in tags},
        external_runs.datasets_of(session, [row.id])[row.id],
    )


class MetricQuery(BaseModel):
    """The metrics to list: those whose name contains a text, and a page of them."""

    search: Annotated[str, Field(max_length=250)] = ""
    system: bool = False
    page: Annotated[int, Field(ge=1, le=100_000)] = 1


@dataclass(frozen=True)
class MetricList:
    """A page of the metrics of a run, and the URLs of the pages around it."""

    run_id: int
    query: MetricQuery
    page: MetricPage

    @property
    def first(self) -> int:
        """The number of the first metric of the page, counted from 1."""
        return METRICS_PER_PAGE * (self.query.page - 1) + 1

    @property
    def last(self) -> int:
        """The number of the last metric of the page."""
        return self.first + len(self.page.summaries) - 1

    def url(self, **changed: object) -> str:
        """Return the URL of the list with some parameters changed."""
        parameters = {**self.query.model_dump(), **changed}
        return f"/runs/{self.run_id}/metric-list?{urlencode(parameters)}"

    def chart(self, key: str) -> str:
        """Return the URL of the chart of a metric."""
        return f"/charts/runs/{self.run_id}/metric?{urlencode({'key': key})}"


def metric_list(session: Session, run_id: int, query: MetricQuery) -> MetricList:
    """Return a page of the metrics of a run by name, with the metrics of the machine on request."""
    page = metric_summaries.page(
        session,
        run_id,
        containing=query.search,
        without=None if query.system else SYSTEM_PREFIX,
        offset=METRICS_PER_PAGE * (query.page - 1),
        limit=METRICS_PER_PAGE,
    )
    return MetricList(run_id, query, page)


@router.get("/runs/{run_id}/metric-list")
def read_metric_list(
    session: Reading, run_id: int, query: Annotated[MetricQuery, Query()]
) -> HTMLResponse:
    """Return a page of the metrics of a run as an HTML fragment. Raises NotFound."""
    runs.get(session, run_id)
    return render("parts/metric_list.html", metric_list=metric_list(session, run_id, query))
