"""Chart of variants against the baseline: paired differences in loss with their intervals."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from textwrap import wrap

import plotly.graph_objects as go

from backend.analysis.comparison import CHOICE, RANKING, Comparison, PairedDifference
from frontend import formatting
from frontend.charts import theme

MAX_LINE = 18  # characters of a variant's name per line


@dataclass(frozen=True)
class VariantRow:
    """The differences of a variant to the baseline in test and validation loss."""

    name: str
    test: PairedDifference
    validation: PairedDifference | None
    chosen: bool


@dataclass(frozen=True)
class ComparisonInfo:
    """The rows of the chart from top to bottom."""

    rows: Sequence[VariantRow]
    baseline: str

    @property
    def description(self) -> str:
        """The chart as text."""
        listed = "; ".join(
            f"{formatting.isolated(row.name)} {row.test.mean:+.3g}{_note(row.test)}"
            for row in self.rows
        )
        name = formatting.isolated(self.baseline)
        quoted = f"\N{LEFT DOUBLE QUOTATION MARK}{name}\N{RIGHT DOUBLE QUOTATION MARK}"
        return f"Test loss minus that of {quoted}: {listed}."


def _note(difference: PairedDifference) -> str:
    if difference.is_none:
        return " (the same model)"
    return "" if difference.resolved else " (not resolved)"


def comparison_info(comparison: Comparison, order: Sequence[str] = ()) -> ComparisonInfo:
    """Return the rows of the variants that have at least one pair.

    `order` names the variants in the order of another chart; without it, the lowest test difference
    is first.
    """
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
    if order:
        rows.sort(key=lambda row: order.index(row.name))
    return ComparisonInfo(rows, comparison.baseline.arm.name)


def draw_comparison(info: ComparisonInfo) -> theme.Drawing:
    """Draw a dot per variant over its own interval (thick) and its joint interval (thin)."""
    names = [_name_in_lines(row) for row in info.rows]
    figure = go.Figure(layout=_layout(names, _range(info.rows)))
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
        meta={"intervals": _columns(info.rows)},
    )
    validated = [(row, name) for row, name in zip(info.rows, names, strict=True) if row.validation]
    figure.add_scatter(
        x=[row.validation.mean for row, _ in validated if row.validation],
        y=[name for _, name in validated],
        mode="markers",
        name="validation",
        marker={"size": 9, "symbol": "diamond-open", "color": theme.COLOURS["val"]},
        hovertemplate="validation %{x:+.3g}<extra></extra>",
    )
    return theme.drawing(figure, info.description)


def _columns(rows: Sequence[VariantRow]) -> dict[str, list[float | None]]:
    """Return the ends of the intervals by the end of their column's name in a saved file."""
    return {
        f"_{end}": [getattr(row.test, end) for row in rows]
        for end in ("low", "high", "joint_low", "joint_high")
    }


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


def _range(rows: Sequence[VariantRow]) -> tuple[float, float] | None:
    """Return the ends of the axis, so that every interval ends inside the frame."""
    ends = [0.0]
    for row in rows:
        values = (row.test.joint_low, row.test.joint_high, row.test.mean)
        ends += [value for value in values if value is not None]
        ends += [row.validation.mean] if row.validation else []
    margin = 0.06 * (max(ends) - min(ends))
    return (min(ends) - margin, max(ends) + margin) if margin else None


def _layout(names: Sequence[str], ends: tuple[float, float] | None) -> go.Layout:
    layout = theme.layout(uirevision="comparison")
    if ends:
        layout.xaxis.range = ends
    layout.xaxis.title.text = "difference in loss"
    layout.yaxis.update(categoryorder="array", categoryarray=list(reversed(names)))
    layout.shapes = [
        {"type": "line", "x0": 0, "x1": 0, "y0": 0, "y1": 1, "yref": "paper",
         "line": {"color": theme.QUIET, "width": 1, "dash": "dot"}}
    ]  # fmt: skip
    return layout


def _name_in_lines(row: VariantRow) -> str:
    text = "<br>".join(escape(line) for line in wrap(row.name, MAX_LINE))
    return f"<b>{text}</b>" if row.chosen else text


def _hover(row: VariantRow) -> str:
    test = row.test
    if test.low is None or test.joint_low is None:
        return f"test {test.mean:+.3g}, one seed"
    return (
        f"test {test.mean:+.3g} on {test.pairs} seeds<br>95 %: {test.low:+.3g} to "
        f"{test.high:+.3g}<br>95 % joint: {test.joint_low:+.3g} to "
        f"{test.joint_high:+.3g}"
    )
