"""Variants against the first: paired differences in loss as dots with their intervals."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from textwrap import wrap

import plotly.graph_objects as go

from backend.analysis.comparison import CHOICE, RANKING, Comparison, PairedDifference
from frontend import formatting
from frontend.charts import theme

LONGEST_LINE = 18  # letters of a variant's name before it is broken


@dataclass(frozen=True)
class VariantRow:
    """One variant's differences to the baseline, in test and in validation loss."""

    name: str
    test: PairedDifference
    validation: PairedDifference | None
    chosen: bool


@dataclass(frozen=True)
class ComparisonInfo:
    """What the chart shows: rows from the lowest test difference down."""

    rows: Sequence[VariantRow]
    baseline: str

    @property
    def description(self) -> str:
        """The chart in words."""
        listed = "; ".join(
            f"{formatting.isolated(row.name)} {row.test.mean:+.3g}"
            f"{'' if row.test.resolved else ' (not resolved)'}"
            for row in self.rows
        )
        name = formatting.isolated(self.baseline)
        quoted = f"\N{LEFT DOUBLE QUOTATION MARK}{name}\N{RIGHT DOUBLE QUOTATION MARK}"
        return f"Test loss less that of {quoted}: {listed}."


def comparison_info(comparison: Comparison) -> ComparisonInfo:
    """Return the rows of the variants that have at least one pair."""
    rows = [
        VariantRow(
            effect.arm.name,
            effect.differences[RANKING],
            effect.differences.get(CHOICE),
            effect is comparison.chosen,
        )
        for effect in comparison.effects
        if RANKING in effect.differences
    ]
    return ComparisonInfo(rows, comparison.baseline.arm.name)


def draw_comparison(info: ComparisonInfo) -> theme.Drawing:
    """Draw a dot for each variant: thick, its own interval; thin, that of all together."""
    names = [_broken(row) for row in info.rows]
    figure = go.Figure(layout=_layout(names))
    for row, name in zip(info.rows, names, strict=True):
        _interval(figure, name, row.test.joint_low, row.test.joint_high, 2)
        _interval(figure, name, row.test.low, row.test.high, 6)
    figure.add_scatter(
        x=[row.test.mean for row in info.rows],
        y=names,
        mode="markers",
        name="test",
        marker={
            "size": 13,
            "color": [theme.PAPER if not r.test.resolved else theme.INK for r in info.rows],
            "line": {"color": theme.INK, "width": 2},
        },
        customdata=[_hover(row) for row in info.rows],
        hovertemplate="%{customdata}<extra></extra>",
    )
    seen = [(row, name) for row, name in zip(info.rows, names, strict=True) if row.validation]
    figure.add_scatter(
        x=[row.validation.mean for row, _ in seen if row.validation],
        y=[name for _, name in seen],
        mode="markers",
        name="validation",
        marker={"size": 9, "symbol": "diamond-open", "color": theme.COLOURS["val"]},
        hovertemplate="validation %{x:+.3g}<extra></extra>",
    )
    return theme.drawing(figure, info.description)


def _interval(
    figure: go.Figure, name: str, low: float | None, high: float | None, width: int
) -> None:
    if low is None or high is None:
        return
    figure.add_scatter(
        x=[low, high],
        y=[name, name],
        mode="lines",
        line={"color": theme.COLOURS["test"], "width": width},
        showlegend=False,
        hoverinfo="skip",
    )


def _layout(names: Sequence[str]) -> go.Layout:
    layout = theme.layout(uirevision="comparison")
    layout.xaxis.title.text = "difference in loss"
    layout.yaxis.update(categoryorder="array", categoryarray=list(reversed(names)))
    layout.shapes = [
        {"type": "line", "x0": 0, "x1": 0, "y0": 0, "y1": 1, "yref": "paper",
         "line": {"color": theme.QUIET, "width": 1, "dash": "dot"}}
    ]  # fmt: skip
    return layout


def _broken(row: VariantRow) -> str:
    text = "<br>".join(escape(line) for line in wrap(row.name, LONGEST_LINE))
    return f"<b>{text}</b>" if row.chosen else text


def _hover(row: VariantRow) -> str:
    found = row.test
    if found.low is None or found.joint_low is None:
        return f"test {found.mean:+.3g}, one seed"
    return (
        f"test {found.mean:+.3g} on {found.pairs} seeds<br>95 %: {found.low:+.3g} to "
        f"{found.high:+.3g}<br>95 % of all together: {found.joint_low:+.3g} to "
        f"{found.joint_high:+.3g}"
    )
