"""Runs of all experiments: filtered, sorted and paged."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from backend.runs import listing
from backend.runs.schemas import RunList
from backend.store import run_pages
from backend.store.experiments import Visibility
from backend.web.dependencies import DatabaseDep, Filter, OrderBy

router = APIRouter(prefix="/api/runs", tags=["runs"])

ShownQuery = Annotated[
    Visibility, Query(description="Active runs, those in the archive, or deleted ones.")
]


class RunCount(BaseModel):
    """How many runs match a filter."""

    runs: int


@router.get("", summary="List runs")
def list_runs(
    database: DatabaseDep,
    filter: Filter = "",  # noqa: A002 - as in MLflow
    order_by: OrderBy = "",
    shown: ShownQuery = "active",
    cursor: Annotated[str | None, Query(max_length=4000)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> RunList:
    """Return the runs that match: pinned runs first, and the newest first among equals."""
    with database.read() as session:
        query = listing.read_query(session, filter=filter, order_by=order_by, shown=shown)
        return listing.list_runs(session, query, cursor=cursor, limit=limit)


@router.get("/count", summary="Count runs")
def count_runs(
    database: DatabaseDep,
    filter: Filter = "",  # noqa: A002
    shown: ShownQuery = "active",
) -> RunCount:
    """Return how many runs match."""
    with database.read() as session:
        query = listing.read_query(session, filter=filter, order_by="", shown=shown)
        return RunCount(runs=run_pages.count_matching(session, query.condition, shown=shown))
