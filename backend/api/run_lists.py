"""Runs over all experiments: filtered, sorted, a page at a time."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from backend.api.dependencies import DatabaseDep
from backend.runs.listing import RunList, read_query
from backend.runs.listing import list_runs as listed
from backend.search.tokens import MAX_LENGTH
from backend.store import run_pages
from backend.store.experiments import Visibility

router = APIRouter(prefix="/api/runs", tags=["runs"])

Filter = Annotated[
    str,
    Query(
        max_length=MAX_LENGTH,
        description="Which runs, such as `metrics.val_loss < 0.3 and params.width = 32`.",
    ),
]
OrderBy = Annotated[
    str,
    Query(max_length=1000, description="Such as `metrics.val_loss desc, created`; newest first."),
]
ShownQuery = Annotated[
    Visibility, Query(description="Runs of everyday, those in the archive, or those deleted.")
]


class RunCount(BaseModel):
    """How many runs match a filter."""

    runs: int


@router.get("", summary="List runs")
def list_runs(
    database: DatabaseDep,
    filter: Filter = "",  # noqa: A002 - the word MLflow's users know
    order_by: OrderBy = "",
    shown: ShownQuery = "active",
    cursor: Annotated[str | None, Query(max_length=4000)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> RunList:
    """Return the runs that match, pinned ones first; of equals the newest first."""
    with database.read() as session:
        asked = read_query(session, filter=filter, order_by=order_by, shown=shown)
        return listed(session, asked, cursor=cursor, limit=limit)


@router.get("/count", summary="Count runs")
def count_runs(
    database: DatabaseDep,
    filter: Filter = "",  # noqa: A002
    shown: ShownQuery = "active",
) -> RunCount:
    """Return how many runs match."""
    with database.read() as session:
        asked = read_query(session, filter=filter, order_by="", shown=shown)
        return RunCount(runs=run_pages.count_matching(session, asked.condition, shown=shown))
