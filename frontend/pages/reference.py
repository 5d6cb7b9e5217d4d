"""Reference page: the glossary."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from frontend.glossary import GLOSSARY
from frontend.site import render

router = APIRouter()


@router.get("/glossary")
def glossary() -> HTMLResponse:
    """Explain the terms that the other pages use."""
    return render("glossary.html", glossary=GLOSSARY)
