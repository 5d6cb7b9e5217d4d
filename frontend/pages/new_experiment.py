"""Page with the form for a new experiment."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse
from sqlalchemy.orm import Session

from backend.errors import NotFound
from backend.specification.data_sources import SOURCES
from backend.specification.presets import PRESETS
from backend.store import experiments
from frontend.form import PROBLEMS, TOGGLES, form_fields
from frontend.site import Reading, render

router = APIRouter()

WITHOUT_FIELD = ("variants",)  # parts of a specification that the form sends unchanged
START = {"dataset": {"source": "moons"}}


@router.get("/experiments/new")
def new_experiment(
    session: Reading,
    preset: str | None = None,
    copied: Annotated[int | None, Query(alias="from")] = None,
    source: str | None = None,
) -> HTMLResponse:
    """Show the form, empty or filled in from a preset, an earlier experiment or a data source.

    Raises NotFound.
    """
    document = _document(session, preset, copied, source)
    sections = form_fields(document)
    fields = [field for section in sections.values() for field in section]
    return render(
        "new_experiment.html",
        sections=sections,
        name=document.get("name") or "",
        variants=document.get("variants", []),
        extra={name: document[name] for name in WITHOUT_FIELD if document.get(name)},
        presets=PRESETS.values(),
        chosen=preset,
        copied=copied,
        problems=PROBLEMS,
        toggles=TOGGLES,
        statuses={field.path: asdict(field.status) for field in fields},
        flat=[name for name, source in SOURCES.items() if source.features == 2],
        problem_of={name: source.problem for name, source in SOURCES.items()},
    )


def _document(
    session: Session, preset: str | None, copied: int | None, source: str | None
) -> Mapping[str, object]:
    if copied is not None:
        return experiments.get(session, copied).spec
    if preset is None:
        return {"dataset": {"source": source}} if source in SOURCES else START
    if preset not in PRESETS:
        raise NotFound(f"There is no preset {preset[:60]}. Available: {', '.join(PRESETS)}.")
    return PRESETS[preset].document
