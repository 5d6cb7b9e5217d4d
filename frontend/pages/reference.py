"""Reference pages: the glossary and the datasets."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from backend.specification.data_sources import SOURCES
from frontend.glossary import GLOSSARY
from frontend.site import render

PROBLEMS = {"classification": "Classes", "regression": "Values"}

router = APIRouter()


@router.get("/glossary")
def glossary() -> HTMLResponse:
    """Explain the terms that the other pages use."""
    return render("glossary.html", glossary=GLOSSARY)


@router.get("/datasets")
def datasets() -> HTMLResponse:
    """Show every data source there is."""
    groups = {
        title: {name: source for name, source in SOURCES.items() if source.problem == problem}
        for problem, title in PROBLEMS.items()
    }
    return render("datasets.html", groups=groups)
