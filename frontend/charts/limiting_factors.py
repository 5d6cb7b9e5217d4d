"""Charts of what limits the model: one step along each axis, and the terms of each cell's loss."""

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
    """The effects of one step along each axis, from top to bottom."""

    cause: Cause

    @property
    def measured(self) -> Sequence[StepEffect]:
        """The effects with a step that was measured."""
        return [effect for effect in self.cause.effects if effect.change is not None]

    @property
    def labels(self) -> list[str]:
        """The label of each effect: the factor and its step."""
        return [f"{effect.factor}<br>{_step(effect)}" for effect in self.measured]

    @property
    def description(self) -> str:
        """The chart as text."""
        summary = self.cause.sentence
        sentences = [effect.sentence for effect in self.cause.effects]
        return " ".join([summary, *(text for text in sentences if text not in summary)])


def _step(effect: StepEffect) -> str:
    before, after = formatting.value(effect.before), formatting.value(effect.after)
    name = formatting.label(effect.knob or "")
    return f"{name} {before} \N{RIGHTWARDS ARROW} {after}"


def draw_cause(info: CauseInfo) -> theme.Drawing:
    """Draw each effect as a dot with its interval, validation filled and test open."""
    figure = go.Figure(layout=theme.layout(uirevision="cause"))
    for finding, colour in COLOURS.items():
        shown = [
            (label, effect)
            for label, effect in zip(info.labels, info.measured, strict=True)
            if effect.finding == finding
        ]
        _dots(figure, shown, f"Validation: {finding}", colour)
    tested = [
        (label, effect.test)
        for label, effect in zip(info.labels, info.measured, strict=True)
        if effect.test
    ]
    figure.add_scatter(
        y=[label for label, _ in tested],
        x=[change.mean for _, change in tested],
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
    changes = [effect.change for _, effect in shown if effect.change]
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
    """The cells of a surface, ordered by data and then by capacity."""

    surface: Surface

    @property
    def cells(self) -> Sequence[Shares]:
        """The cells in the order of the bars, from the bottom up, at most MAX_ROWS."""
        ordered = sorted(self.surface.shares, key=lambda cell: (-cell.n_train, -cell.parameters))
        return ordered[:MAX_ROWS]

    @property
    def labels(self) -> list[str]:
        """The label of each cell."""
        return [
            f"{cell.n_train:,} \N{MIDDLE DOT} {size_axes.short(cell.parameters)}"
            for cell in self.cells
        ]


def draw_shares(info: SharesInfo) -> theme.Drawing:
    """Draw the shares as one bar per cell."""
    figure = go.Figure(layout=theme.layout(uirevision="shares", barmode="stack", bargap=0.25))
    for term, (name, colour, pattern) in TERMS.items():
        figure.add_bar(
            y=info.labels, x=[getattr(cell, term) for cell in info.cells], orientation="h",
            name=name, marker={"color": colour, "pattern": {"shape": pattern}},
            hovertemplate="%{x:.0%}",
        )  # fmt: skip
    figure.update_xaxes(
        tickformat=".0%", range=[0, 1], title_text="share of the loss that can be avoided"
    )
    figure.update_yaxes(
        showgrid=False, dtick=1, tickfont={"size": 10},
        title_text="samples \N{MIDDLE DOT} parameters",
    )  # fmt: skip
    return theme.drawing(figure, info.surface.sentence)
