"""What limits the best model: the change of its loss for one step along each axis."""

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from backend.analysis.cause import Cause
from backend.analysis.effects import StepEffect
from backend.analysis.surface import Shares, Surface
from frontend import formatting
from frontend.charts import size_axes, theme

COLOURS = {
    "limits": "var(--validation)",
    "does not limit": "var(--mark-0)",
    "not resolved": "var(--quiet)",
}


@dataclass(frozen=True)
class CauseInfo:
    """The effects that were measured, in the order in which they are drawn, downwards."""

    cause: Cause

    @property
    def measured(self) -> Sequence[StepEffect]:
        """The effects with a step that was measured."""
        return [effect for effect in self.cause.effects if effect.change is not None]

    @property
    def labels(self) -> list[str]:
        """A name for each: the factor and its step."""
        return [
            f"{one.factor}<br>{formatting.label(one.knob or '')} {formatting.value(one.before)} "
            f"\N{RIGHTWARDS ARROW} {formatting.value(one.after)}"
            for one in self.measured
        ]

    @property
    def description(self) -> str:
        """The chart in words."""
        said = self.cause.sentence
        others = [one.sentence for one in self.cause.effects if one.sentence not in said]
        return " ".join([said, *others])


def draw_cause(info: CauseInfo) -> theme.Drawing:
    """Draw each effect as a dot with its interval, validation filled and test open."""
    figure = go.Figure(layout=theme.layout(uirevision="cause"))
    for finding, colour in COLOURS.items():
        shown = [
            (label, one)
            for label, one in zip(info.labels, info.measured, strict=True)
            if one.finding == finding
        ]
        _dots(figure, shown, f"Validation: {finding}", colour)
    tested = [
        (label, one) for label, one in zip(info.labels, info.measured, strict=True) if one.test
    ]
    figure.add_scatter(
        y=[label for label, _ in tested],
        x=[one.test.mean for _, one in tested if one.test],
        name="Test", mode="markers", hovertemplate="%{x:+.1%}",
        marker={"symbol": "diamond-open", "size": 10, "color": "var(--test)"},
    )  # fmt: skip
    figure.update_xaxes(
        tickformat="+.0%", title_text="change of the loss", zeroline=True,
        zerolinecolor="var(--quiet)",
        rangemode="tozero",
    )  # fmt: skip
    order = list(reversed(info.labels))
    figure.update_yaxes(showgrid=False, categoryorder="array", categoryarray=order)
    return theme.drawing(figure, info.description, caption=info.cause.sentence)


def _dots(
    figure: go.Figure, shown: Sequence[tuple[str, StepEffect]], name: str, colour: str
) -> None:
    if not shown:
        return
    changes = [one.change for _, one in shown if one.change]
    above = [0.0 if c.high is None else min(c.high, 10.0) - c.mean for c in changes]
    below = [0.0 if c.low is None else c.mean - c.low for c in changes]
    figure.add_scatter(
        y=[label for label, _ in shown], x=[change.mean for change in changes], name=name,
        mode="markers", marker={"size": 12, "color": colour}, hovertemplate="%{x:+.1%}",
        error_x={"type": "data", "array": above, "arrayminus": below, "color": colour,
                 "thickness": 2, "width": 5},
    )  # fmt: skip


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
