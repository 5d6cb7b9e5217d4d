"""The documentation inside the app, so that it can be read without a network."""

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse

from backend.errors import NotFound
from frontend import markdown_pages
from frontend.site import render

router = APIRouter()


@router.get("/docs")
def index() -> HTMLResponse:
    """Show the list of all pages of the documentation."""
    return _show(markdown_pages.INDEX)


@router.get("/docs/{name:path}")
def page(name: str) -> Response:
    """Show a page of the documentation, or send one of its pictures. Raises NotFound."""
    picture = markdown_pages.pictures().get(name)
    if picture:
        return FileResponse(picture)
    if name.endswith(".md"):  # as the links in the files are written
        return RedirectResponse(f"/docs/{name.removesuffix('.md')}")
    return _show(name)


def _show(name: str) -> HTMLResponse:
    document = markdown_pages.page(name)
    if document is None:
        raise NotFound(f"The documentation has no page “{name}”.")
    return render("docs.html", document=document, is_index=name == markdown_pages.INDEX)
