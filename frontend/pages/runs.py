"""All runs: filtered, sorted, with the columns one chooses; all of it in the address."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, get_args
from urllib.parse import urlencode

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse

from backend.api.run_lists import Filter, OrderBy
from backend.api.saved_views import view_item
from backend.errors import InvalidInput
from backend.runs.compare_runs import MOST
from backend.runs.compare_variants import axes
from backend.runs.listing import RunList, list_runs, read_query
from backend.search import Condition, Names, Order
from backend.store import experiments, run_search, saved_views
from backend.store.experiments import Visibility
from frontend import columns
from frontend.columns import TableColumn
from frontend.site import Reading, render

PAGE_SIZE = 50
SIZES = (50, 200, 1000)
KINDS: tuple[Visibility, ...] = get_args(Visibility)

router = APIRouter()


@dataclass(frozen=True)
class RunsQuery:
    """What is shown, as the address says."""

    filter: Filter = ""
    order_by: OrderBy = ""
    columns: str = ""
    shown: Visibility = "active"
    cursor: str | None = None
    limit: int = PAGE_SIZE

    def address(self, **changed: str | int | None) -> str:
        """Return the address of this view with something changed, on the first page."""
        query = {**vars(self), "cursor": None, **changed}
        usual = vars(RunsQuery())
        kept = {name: value for name, value in query.items() if value and value != usual[name]}
        return f"/runs?{urlencode(kept)}" if kept else "/runs"


@dataclass(frozen=True)
class ColumnHead:
    """A column's head: how the list is sorted by it, and where a click leads."""

    column: TableColumn
    sorted: str
    href: str


@dataclass(frozen=True)
class RunsResult:
    """The part of the list that is shown, or the sentence why there is none."""

    page: RunList = field(default_factory=lambda: RunList(items=[], next_cursor=None))
    total: int | None = 0  # None: the browser asks for it, as counting takes as long as finding
    condition: Condition | None = None
    order: Sequence[Order] = ()
    error: str = ""


@router.get("/runs")
def runs(session: Reading, view: Annotated[RunsQuery, Depends()]) -> HTMLResponse:
    """Show a list of runs; a filter that cannot be read is told beside it."""
    names = run_search.names(session)
    found = _found(session, view)
    chosen = columns.readable(view.columns, names, _axes(session, found.page))
    named = [one for one in columns.named(found.condition, found.order) if one not in chosen]
    place = len(chosen) if view.columns else columns.FIRST
    with_named = [*chosen[:place], *named, *chosen[place:]]
    shown, other = (chosen, with_named) if view.columns else (with_named, chosen)
    return render(
        "runs.html",
        view=view,
        found=found,
        heads=[_head(each, view, found.order) for each in shown],
        value_of=columns.value_of,
        choices=columns.choices(names, shown),
        chosen={each.written for each in shown},
        named=named,
        otherwise=view.address(columns=", ".join(each.written for each in other)),
        views=[view_item(one) for one in saved_views.all_views(session)],
        known=_known(names),
        any_runs=any(experiments.page(session, limit=1, shown=kind).items for kind in KINDS),
        active=any(run.status in ("queued", "running") for run in found.page.items),
        sizes=SIZES,
        most_compared=MOST,
        count=f"/api/runs/count?{urlencode({'filter': view.filter, 'shown': view.shown})}",
    )


def _found(session: Reading, view: RunsQuery) -> RunsResult:
    try:
        asked = read_query(session, filter=view.filter, order_by=view.order_by, shown=view.shown)
        limit = min(max(view.limit, 1), SIZES[-1])
        page = list_runs(session, asked, cursor=view.cursor, limit=limit)
    except InvalidInput as error:
        return RunsResult(error=error.detail)
    whole = view.cursor is None and page.next_cursor is None
    return RunsResult(page, len(page.items) if whole else None, asked.condition, asked.order)


def _axes(session: Reading, page: RunList) -> list[str]:
    """Return what varies in an experiment, of which alone are all runs that are shown."""
    owners = {run.experiment_id for run in page.items}
    return axes(experiments.get(session, *owners).spec) if len(owners) == 1 else []


def _head(column: TableColumn, view: RunsQuery, order: Sequence[Order]) -> ColumnHead:
    """Return a head: a first click sorts ascending, a second descending, a third not at all."""
    now = next((one for one in order[:1] if one.field == column.field), None)
    if now is None:
        return ColumnHead(column, "none", view.address(order_by=column.written))
    if not now.descending:
        return ColumnHead(column, "ascending", view.address(order_by=f"{column.written} desc"))
    return ColumnHead(column, "descending", view.address(order_by=None))


def _known(names: Names) -> list[str]:
    """Return what the filter's field suggests."""
    short = (f"params.{name}" for name, longer in names.short.items() if len(longer) == 1)
    metrics = (f"metrics.{name}" for name in sorted(names.metrics))
    return [*metrics, *sorted(short), "verdict", "status", "name", "created", "best_epoch", "gap"]
