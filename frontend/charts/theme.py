"""Layout and colours of all charts, and their JSON for the chart element in the browser."""

import json
from typing import Any

import plotly.graph_objects as go
from fastapi import Response
from plotly.utils import PlotlyJSONEncoder

CLEAR = "rgba(0,0,0,0)"
INK = "var(--ink)"
QUIET = "var(--quiet)"
GRID = "var(--grid)"
PAPER = "var(--paper)"

# the same colour and dash for a part of the data on every page
COLOURS = {"train": "var(--train)", "val": "var(--validation)", "test": "var(--test)"}
DASHES = {"train": "solid", "val": "dash", "test": "dot"}
LABELS = {"train": "Train", "val": "Validation", "test": "Test"}

Drawing = dict[str, Any]


def layout(*, uirevision: str, **more: Any) -> go.Layout:
    """Return the shared layout. Zoom and hidden lines are kept until `uirevision` changes."""
    axis = {
        "gridcolor": GRID,
        "linecolor": GRID,
        "zerolinecolor": GRID,
        "zeroline": False,
        "automargin": True,
        "title": {"font": {"color": QUIET, "size": 13}},
    }
    shared = go.Layout(
        template=None,
        paper_bgcolor=CLEAR,
        plot_bgcolor=CLEAR,
        font={"family": "system-ui, sans-serif", "color": INK, "size": 13},
        margin={"l": 8, "r": 8, "t": 16, "b": 8},
        xaxis=axis,
        yaxis=axis,
        legend={
            "orientation": "h",
            "x": 0,
            "y": 0,
            "yref": "container",
            "yanchor": "bottom",
            "bgcolor": CLEAR,
        },
        hoverlabel={"bgcolor": PAPER, "bordercolor": GRID, "font": {"color": INK}},
        uirevision=uirevision,
    )
    return shared.update(more)


def drawing(figure: go.Figure, description: str, *, caption: str | None = None) -> Drawing:
    """Return the JSON of a chart element: the figure and its description.

    `caption` replaces a long description below the chart. It omits what the chart shows.
    """
    content = {**figure.to_plotly_json(), "description": description}
    return content | ({"caption": caption} if caption else {})


def nothing(sentence: str) -> Drawing:
    """Return an empty chart that explains why there is nothing to draw."""
    figure = go.Figure(layout=layout(uirevision="nothing"))
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    return drawing(figure, sentence)


def as_json(drawing: Drawing) -> Response:
    """Return a drawing as the JSON response for the chart element."""
    body = json.dumps(drawing, cls=PlotlyJSONEncoder)
    return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})
