"""The surface over the grid: what each cell loses to too little capacity, training and data."""

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from backend.analysis.surface import Shares, Surface
from frontend.charts import size_axes, theme

TERMS = {
    "under_capacity": ("Too little capacity", "var(--train)", ""),
    "under_training": ("Too little training", "var(--test)", "."),
    "overfitting": ("Overfitting", "var(--validation)", "/"),
}
MAX_ROWS = 30


@dataclass(frozen=True)
class SharesInfo:
    """The cells in order of data, then capacity, with the surface they belong to."""

    surface: Surface

    @property
    def cells(self) -> Sequence[Shares]:
        """The cells from the fewest samples, and of these from the largest model, upwards."""
        ordered = sorted(self.surface.shares, key=lambda one: (-one.n_train, -one.parameters))
        return ordered[:MAX_ROWS]

    @property
    def labels(self) -> list[str]:
        """A name for each cell."""
        return [
            f"{one.n_train:,} \N{MIDDLE DOT} {size_axes.short(one.parameters)}"
            for one in self.cells
        ]


def draw_shares(info: SharesInfo) -> theme.Drawing:
    """Draw the shares as bars, one for each cell."""
    figure = go.Figure(layout=theme.layout(uirevision="shares", barmode="stack", bargap=0.25))
    for term, (name, colour, pattern) in TERMS.items():
        figure.add_bar(
            y=info.labels, x=[getattr(one, term) for one in info.cells], orientation="h",
            name=name, marker={"color": colour, "pattern": {"shape": pattern}},
            hovertemplate="%{x:.0%}",
        )  # fmt: skip
    figure.update_xaxes(tickformat=".0%", range=[0, 1], title_text="share of what can be gained")
    figure.update_yaxes(
        showgrid=False, dtick=1, tickfont={"size": 10},
        title_text="samples \N{MIDDLE DOT} parameters",
    )  # fmt: skip
    return theme.drawing(figure, info.surface.sentence)
