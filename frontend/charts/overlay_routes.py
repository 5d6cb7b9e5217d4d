"""The charts of the page that compares, as JSON."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from backend.errors import InvalidInput
from backend.runs.compare_runs import subjects
from backend.store.tables import MAX_ID
from frontend.charts.curves import Quantity
from frontend.charts.overlay import Align, Part, draw_overlay, overlay_info
from frontend.charts.routes import as_json
from frontend.run_view import Scale
from frontend.site import Reading

router = APIRouter(prefix="/figures/compare")

LONGEST = 1000


class Compared:
    """What an address asks to compare: ids of runs, and of runs whose cells are meant."""

    def __init__(self, runs: str = "", cells: str = "") -> None:
        self.runs = _ids(runs, "runs")
        self.cells = _ids(cells, "cells")


ComparedDep = Annotated[Compared, Depends()]


@router.get("/{part}")
def overlay(
    session: Reading,
    compared: ComparedDep,
    part: Part,
    quantity: Quantity = "loss",
    align: Align = "epoch",
    scale: Scale = "linear",
    test: bool = False,
) -> Response:
    """Return one part's curves of several runs or cells. Raises NotFound and InvalidInput."""
    found = subjects(session, compared.runs, compared.cells)
    shown: list[Part] = ["val", "train", *(["test"] if test else [])]  # type: ignore[list-item]
    info = overlay_info(session, found, part, shown=shown, quantity=quantity, align=align)
    return as_json(draw_overlay(info, scale=scale))


def _ids(text: str, field: str) -> list[int]:
    found = [piece.strip() for piece in text.split(",") if piece.strip()]
    wrong = [one for one in found if not (one.isdecimal() and len(one) < 11 and int(one) <= MAX_ID)]
    if wrong or len(text) > LONGEST:
        shown = wrong[0][:20] if wrong else f"{len(text):,} letters long"
        raise InvalidInput(
            f"{field} is {shown}; accepted: numbers of runs with commas between.", field
        )
    return [int(one) for one in found]
