"""Rendering of pages: the templates with their filters, the database session, the error page."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy.orm import Session

from backend.access.identity import current_identity
from backend.runs.states import TONES
from backend.specification.hyperparameters import HYPERPARAMETERS
from backend.specification.params import OwnName
from backend.web.heavy_work import HeavyDep
from frontend import assets, formatting
from frontend.glossary import TERMS

_TITLES = {
    403: "Request refused",
    404: "Not found",
    422: "Invalid URL",
    503: "Temporarily unavailable",
}
TEMPLATES = Path(__file__).parent / "templates"
_TEMPLATES = Environment(
    loader=FileSystemLoader(TEMPLATES),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.globals.update(
    static=assets.static_url,
    module_script=assets.module_script,
    plotly_js=assets.plotly_url,
    terms=TERMS,
    setting_terms={
        path: f"{hyperparameter.help} {hyperparameter.why}"
        for path, hyperparameter in HYPERPARAMETERS.items()
    },
    sender=current_identity,
    now=lambda: datetime.now(UTC).isoformat(timespec="seconds"),
)
_TEMPLATES.filters.update(
    {
        "number": formatting.number,
        "percent": formatting.percent,
        "share": formatting.share,
        "evidence": formatting.evidence,
        "count": formatting.count,
        "duration": formatting.duration,
        "label": formatting.label,
        "heading": formatting.heading,
        "value": formatting.value,
        "mark": formatting.mark,
        "tone": formatting.tone,
        "badge": formatting.badge,
        "badge_condition": formatting.badge_condition,
        "when": formatting.when,
        "isolated": formatting.isolated,
        "own_tags": formatting.own_tags,
        "query": urlencode,
        "state_tone": TONES.__getitem__,
    }
)

_TEMPLATES.tests["own_name"] = lambda path: isinstance(path, OwnName)

# a global, so that a part can be rendered without its page
_TEMPLATES.globals["macros"] = _TEMPLATES.get_template("parts/macros.html").module


def _session(request: Request, _place: HeavyDep) -> Iterator[Session]:
    with request.app.state.database.read() as session:
        yield session


Context = dict[str, Any]
"""The variables of a template."""

Reading = Annotated[Session, Depends(_session, scope="function")]
"""A database session that sees one state of the database while a page is rendered.

Its requests count as heavy work: each has a budget, and only a few run at once.
"""


def fill(template: str, **context: object) -> str:
    """Return a template filled with its variables."""
    return _TEMPLATES.get_template(template).render(context)


def macro(template: str, name: str) -> Callable[..., str]:
    """Return a macro of a template as a function that returns the text."""
    call = getattr(_TEMPLATES.get_template(template).module, name)
    return lambda *arguments: str(call(*arguments)).strip()


def render(template: str, *, status: int = 200, **context: object) -> HTMLResponse:
    """Return a page rendered from a template. Browsers do not cache it."""
    html = fill(template, **context)
    return HTMLResponse(html, status_code=status, headers={"Cache-Control": "no-store"})


def render_error(request: Request, status: int, detail: str) -> HTMLResponse:  # noqa: ARG001
    """Return the error page with a sentence that explains the error."""
    title = _TITLES.get(status, "Something went wrong")
    return render("error.html", status=status, code=status, title=title, detail=detail)
