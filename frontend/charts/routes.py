"""Routes of charts that belong to no single run or experiment, as JSON or HTML fragments."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import HTMLResponse

from backend.errors import InvalidInput
from backend.runs.compare_runs import subjects
from backend.specification import validate
from backend.store import metrics
from backend.store.tables import MAX_ID
from backend.web.dependencies import BodyDep, SettingsDep
from backend.web.heavy_work import HEAVY
from frontend.chart_options import AxisScale
from frontend.charts.cell_curves import small_curve
from frontend.charts.data_pictures import data_pictures
from frontend.charts.grid import MAX_CURVES, sizes_info
from frontend.charts.loss_curves import Quantity
from frontend.charts.overlay import Align, Part, draw_overlay, overlay_info
from frontend.charts.theme import as_json
from frontend.site import Reading, render

router = APIRouter(prefix="/charts")

MAX_IDS_LENGTH = 1000
MAX_CELL_IDS_LENGTH = MAX_CURVES * (len(str(MAX_ID)) + 1)


class ComparedRuns:
    """The ids to compare from a URL: runs, and runs that stand for their cells.

    Raises InvalidInput.
    """

    def __init__(self, runs: str = "", cells: str = "") -> None:
        self.runs = _ids(runs, "runs")
        self.cells = _ids(cells, "cells")


ComparedRunsDep = Annotated[ComparedRuns, Depends()]


@router.get("/compare/{part}")
def overlay(
    session: Reading,
    compared: ComparedRunsDep,
    part: Part,
    quantity: Quantity = "loss",
    align: Align = "epoch",
    scale: AxisScale = "linear",
    test: bool = False,
) -> Response:
    """Return one part's curves of several runs or cells. Raises NotFound and InvalidInput."""
    chosen = subjects(session, compared.runs, compared.cells)
    shown: list[Part] = ["val", "train", *(["test"] if test else [])]  # type: ignore[list-item]
    info = overlay_info(session, chosen, part, shown=shown, quantity=quantity, align=align)
    return as_json(draw_overlay(info, scale=scale))


def _ids(text: str, field: str) -> list[int]:
    ids = [piece.strip() for piece in text.split(",") if piece.strip()]
    wrong = [piece for piece in ids if not _is_id(piece)]
    if wrong or len(text) > MAX_IDS_LENGTH:
        shown = wrong[0][:20] if wrong else f"{len(text):,} characters long"
        raise InvalidInput(
            f"{field} is {shown}; accepted: ids of runs, separated by commas.", field
        )
    return [int(piece) for piece in ids]


def _is_id(text: str) -> bool:
    return text.isdecimal() and len(text) < 11 and int(text) <= MAX_ID


@router.get("/small-curve")
def small_curves(
    session: Reading,
    ids: Annotated[
        str, Query(alias="runs", max_length=MAX_CELL_IDS_LENGTH, pattern=r"^\d{1,9}(,\d{1,9})*$")
    ],
) -> HTMLResponse:
    """Return the train and validation loss of runs as a thumbnail."""
    run_ids = [int(text) for text in ids.split(",")][:MAX_CURVES]
    series = metrics.curves_of(session, run_ids, ["train_loss", "val_loss"])
    return render("parts/small_curve.html", curve=small_curve(series.values()))


@router.post("/specification", dependencies=[HEAVY])
def specification(body: BodyDep, settings: SettingsDep) -> HTMLResponse:
    """Return previews of the grid and the data of a specification.

    Raises MalformedBody and InvalidSpec.
    """
    spec = validate(body.parse(), max_runs=settings.max_runs, max_text=settings.max_setting_text)
    return render(
        "parts/preview.html", sizes=sizes_info(spec.runs), pictures=data_pictures(spec.runs)
    )
