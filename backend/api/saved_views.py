"""Saved views: states of the list of runs that were given a name."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from backend.api.bodies import TagKey
from backend.api.dependencies import DatabaseDep
from backend.runs.listing import read_query
from backend.search.tokens import MAX_LENGTH
from backend.store import saved_views
from backend.store.experiments import Visibility
from backend.store.tables import MAX_ID, SavedView

router = APIRouter(prefix="/api/views", tags=["views"])

Text = Annotated[str, Field(max_length=MAX_LENGTH)]
ViewId = Annotated[int, Path(ge=1, le=MAX_ID, description="Id of a saved view.")]


class Query(BaseModel):
    """What of a list of runs is shown, as in its address."""

    model_config = ConfigDict(extra="forbid")

    filter: Text = ""
    order_by: Text = ""
    columns: Text = ""
    shown: Visibility = "active"


class NewView(BaseModel):
    """A view to be saved, in place of one of the same name."""

    model_config = ConfigDict(extra="forbid")

    name: TagKey
    query: Query


class View(BaseModel):
    """A saved view and the page that shows it."""

    id: int
    name: str
    query: Query
    url: str


class Views(BaseModel):
    """All views, by name."""

    items: list[View]


@router.get("", summary="List saved views")
def list_views(database: DatabaseDep) -> Views:
    """Return all views."""
    with database.read() as session:
        return Views(items=[view_item(one) for one in saved_views.all_views(session)])


@router.post("", status_code=201, summary="Save a view")
def save_view(wanted: NewView, database: DatabaseDep) -> View:
    """Save a view under its name; what it asks for must be readable."""
    with database.write() as session:
        query = wanted.query
        read_query(session, filter=query.filter, order_by=query.order_by, shown=query.shown)
        kept = query.model_dump(exclude_defaults=True)
        return view_item(saved_views.save(session, wanted.name, kept))


@router.delete("/{view_id}", status_code=204, summary="Delete a saved view")
def delete_view(view_id: ViewId, database: DatabaseDep) -> Response:
    """Forget a view; runs are not touched."""
    with database.write() as session:
        saved_views.delete(session, view_id)
    return Response(status_code=204)


def view_item(row: SavedView) -> View:
    """Return a view as the outside sees it."""
    query = f"?{urlencode(row.query)}" if row.query else ""
    return View(
        id=row.id, name=row.name, query=Query.model_validate(row.query), url=f"/runs{query}"
    )
