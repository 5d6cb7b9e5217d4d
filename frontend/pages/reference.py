"""Pages to look things up in: the words, and the data sets."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from backend.specification.sources import SOURCES
from frontend.glossary import GLOSSARY
from frontend.site import render

PROBLEMS = {"classification": "Classes", "regression": "Values"}

router = APIRouter()


@router.get("/words")
def words() -> HTMLResponse:
    """Explain the words that the other pages use."""
    return render("words.html", glossary=GLOSSARY)


@router.get("/datasets")
def datasets() -> HTMLResponse:
    """Show every data source there is."""
    groups = {
        title: {name: one for name, one in SOURCES.items() if one.problem == problem}
        for problem, title in PROBLEMS.items()
    }
    return render("datasets.html", groups=groups)
