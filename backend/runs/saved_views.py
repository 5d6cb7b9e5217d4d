"""Saved views: named states of the list of runs."""

from typing import Annotated
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field

from backend.search.tokens import MAX_LENGTH
from backend.store.experiments import Visibility
from backend.store.tables import SavedView

Text = Annotated[str, Field(max_length=MAX_LENGTH)]


class Query(BaseModel):
    """The state of a list of runs, as in its URL."""

    model_config = ConfigDict(extra="forbid")

    filter: Text = ""
    order_by: Text = ""
    columns: Text = ""
    shown: Visibility = "active"


class View(BaseModel):
    """A saved view and the URL of its page."""

    id: int
    name: str
    query: Query
    url: str


def view_item(row: SavedView) -> View:
    """Return the response model of a saved view."""
    query = f"?{urlencode(row.query)}" if row.query else ""
    return View(
        id=row.id, name=row.name, query=Query.model_validate(row.query), url=f"/runs{query}"
    )
