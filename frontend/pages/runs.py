"""The page of all runs: filtered and sorted, with chosen columns. Its URL holds all of this."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, get_args
from urllib.parse import urlencode

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse

from backend.analysis.cells import varying
from backend.errors import InvalidInput
from backend.runs.compare_runs import MAX_SUBJECTS
from backend.runs.compare_variants import axes
from backend.runs.listing import list_runs, read_query, view_item
from backend.runs.schemas import RunList
from backend.runs.states import UNENDED
from backend.search import Condition, Names, Order
from backend.store import curation, experiments, run_search
from backend.store.experiments import Visibility
from backend.web.dependencies import Filter, OrderBy
from frontend import columns
from frontend.columns import TableColumn
from frontend.site import Reading, render

PAGE_SIZE = 50
PAGE_SIZES = (50, 200, 1000)
VISIBILITIES: tuple[Visibility, ...] = get_args(Visibility)
SUGGESTED_FIELDS = ("verdict", "status", "name", "created", "best_epoch", "gap")

router = APIRouter()


@dataclass(frozen=True)
class RunsQuery:
    """The parameters of the page's URL."""

    filter: Filter = ""
    order_by: OrderBy = ""
    columns: str = ""
    shown: Visibility = "active"
    cursor: str | None = None
    limit: int = PAGE_SIZE

    def narrowed(self, condition: str) -> str:
        """Return the URL of those runs of this list for which a condition holds as well."""
        before = f"({self.filter}) and " if " or " in self.filter.lower() else f"{self.filter} and "
        return self.url(filter=f"{before if self.filter else ''}{condition}")

    def url(self, **changed: str | int | None) -> str:
        """Return the URL of this list with some parameters changed, on the first page."""
        query = {**vars(self), "cursor": None, **changed}
        defaults = vars(RunsQuery())
        changes = {name: v for name, v in query.items() if v and v != defaults[name]}
        return f"/runs?{urlencode(changes)}" if changes else "/runs"


@dataclass(frozen=True)
class ColumnHead:
    """The head of a column: how the list is sorted by it, and the URL that a click leads to."""

    column: TableColumn
    sorted: str
    href: str


@dataclass(frozen=True)
class RunsResult:
    """A page of the list, or the error of its filter."""

    page: RunList = field(default_factory=lambda: RunList(items=[], next_cursor=None))
    total: int | None = 0  # None: the browser requests it, because counting may take long
    condition: Condition | None = None
    order: Sequence[Order] = ()
    error: str = ""


@router.get("/runs")
def runs(session: Reading, view: Annotated[RunsQuery, Depends()]) -> HTMLResponse:
    """Show a list of runs, or the error of an invalid filter."""
    names = run_search.names(session)
    result = _result(session, view)
    chosen = columns.columns_or_defaults(view.columns, names, _axes(session, result.page))
    named = [
        column for column in columns.named(result.condition, result.order) if column not in chosen
    ]
    place = len(chosen) if view.columns else columns.LEADING_DEFAULTS
    with_named = [*chosen[:place], *named, *chosen[place:]]
    shown, other = (chosen, with_named) if view.columns else (with_named, chosen)
    return render(
        "runs.html",
        view=view,
        result=result,
        heads=[_head(column, view, result.order) for column in shown],
        shown_value=columns.shown_value,
        condition_of=columns.condition_of,
        tag_condition=columns.tag_condition,
        choices=columns.choices(names, shown),
        chosen={column.written for column in shown},
        named=named,
        other_columns_url=view.url(columns=", ".join(column.written for column in other)),
        views=[view_item(row) for row in curation.all_views(session)],
        suggestions=_suggestions(names),
        any_runs=_has_runs(session),
        active=any(run.status in UNENDED for run in result.page.items),
        sizes=PAGE_SIZES,
        most_compared=MAX_SUBJECTS,
        count_url=f"/api/runs/count?{urlencode({'filter': view.filter, 'shown': view.shown})}",
    )


def _has_runs(session: Reading) -> bool:
    return any(experiments.page(session, limit=1, shown=shown).items for shown in VISIBILITIES)


def _result(session: Reading, view: RunsQuery) -> RunsResult:
    try:
        query = read_query(session, filter=view.filter, order_by=view.order_by, shown=view.shown)
        limit = min(max(view.limit, 1), PAGE_SIZES[-1])
        page = list_runs(session, query, cursor=view.cursor, limit=limit)
    except InvalidInput as error:
        return RunsResult(error=error.detail)
    complete = view.cursor is None and page.next_cursor is None
    return RunsResult(page, len(page.items) if complete else None, query.condition, query.order)


def _axes(session: Reading, page: RunList) -> list[str]:
    """Return the hyperparameters that vary if all runs shown are of one experiment."""
    owners = {run.experiment_id for run in page.items}
    if len(owners) != 1:
        return []
    document = experiments.get(session, *owners).spec
    return list(varying([run.params for run in page.items])) if document is None else axes(document)


def _head(column: TableColumn, view: RunsQuery, order: Sequence[Order]) -> ColumnHead:
    """Return a head. The first click sorts ascending, the second descending, the third unsorts."""
    current = next((part for part in order[:1] if part.field == column.field), None)
    if current is None:
        return ColumnHead(column, "none", view.url(order_by=column.written))
    if not current.descending:
        return ColumnHead(column, "ascending", view.url(order_by=f"{column.written} desc"))
    return ColumnHead(column, "descending", view.url(order_by=None))


def _suggestions(names: Names) -> list[str]:
    """Return the field names that the filter input suggests."""
    short = {name for name, paths in names.short.items() if len(paths) == 1}
    metrics = (f"metrics.{name}" for name in columns.usual_names(names.metrics))
    params = (f"params.{name}" for name in columns.usual_names(short))
    return [*metrics, *params, *SUGGESTED_FIELDS]
