"""Saved views: list, save and delete named states of the list of runs."""

from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, ConfigDict
from sqlalchemy.orm import Session

from backend.api.curation import TagKey
from backend.runs.listing import Query, View, read_query, view_item
from backend.store import curation
from backend.store.tables import MAX_ID
from backend.web.dependencies import DatabaseDep
from backend.web.idempotency import OnceDep
from backend.web.json_bodies import JsonRoute

router = APIRouter(prefix="/api/views", tags=["views"], route_class=JsonRoute)

ViewId = Annotated[int, Path(ge=1, le=MAX_ID, description="Id of a saved view.")]


class NewView(BaseModel):
    """A view to save. It replaces a view of the same name."""

    model_config = ConfigDict(extra="forbid")

    name: TagKey
    query: Query


class Views(BaseModel):
    """All views, sorted by name."""

    items: list[View]


@router.get("", summary="List saved views")
def list_views(database: DatabaseDep) -> Views:
    """Return all views."""
    with database.read() as session:
        return Views(items=[view_item(row) for row in curation.all_views(session)])


@router.post("", status_code=201, summary="Save a view")
def save_view(wanted: NewView, database: DatabaseDep, once: OnceDep) -> View:
    """Save a view under its name. Its filter and order must be valid."""

    def save(session: Session) -> View:
        query = wanted.query
        read_query(session, filter=query.filter, order_by=query.order_by, shown=query.shown)
        changed = query.model_dump(exclude_defaults=True)
        return view_item(curation.save_view(session, wanted.name, changed))

    return once.create(database, View, save)


@router.delete("/{view_id}", status_code=204, summary="Delete a saved view")
def delete_view(view_id: ViewId, database: DatabaseDep) -> Response:
    """Delete a view. Its runs stay."""
    with database.write() as session:
        curation.delete_view(session, view_id)
    return Response(status_code=204)
