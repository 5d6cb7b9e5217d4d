"""The figures as JSON, each under a plain address."""

import json
from typing import Annotated

from fastapi import APIRouter, Query, Response
from plotly.utils import PlotlyJSONEncoder

from backend.runs import compare_variants
from backend.runs.compare_variants import DEFAULT_AT, At
from frontend.charts.comparison import comparison_info, draw_comparison
from frontend.charts.theme import Drawing
from frontend.site import Reading

router = APIRouter(prefix="/figures")


@router.get("/experiments/{experiment_id}/comparison")
def comparison(
    session: Reading,
    experiment_id: int,
    at: At = DEFAULT_AT,
    setting: Annotated[int | None, Query(ge=0)] = None,
) -> Response:
    """Return the variants' paired differences to the first. Raises NotFound."""
    found = compare_variants.comparison(session, experiment_id, at=at, setting=setting)
    return as_json(draw_comparison(comparison_info(found)))


def as_json(drawing: Drawing) -> Response:
    """Return a drawing as the browser's chart element takes it."""
    body = json.dumps(drawing, cls=PlotlyJSONEncoder)
    return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})
