"""Learning curve: loss at the best epoch over the number of training samples, with its law."""

from dataclasses import dataclass

import plotly.graph_objects as go

from backend.analysis.intervals import Interval
from backend.analysis.learning_curves import Law, LearningCurve, SizePoint
from frontend.charts import size_axes, theme


@dataclass(frozen=True)
class LearningInfo:
    """The data of the chart of one learning curve."""

    curve: LearningCurve

    @property
    def sizes(self) -> list[float]:
        """The numbers of training samples."""
        return [float(point.n_train) for point in self.curve.points]

    @property
    def losses(self) -> list[float]:
        """All losses that are drawn."""
        means = [m for p in self.curve.points for m in (p.train, p.validation, p.test) if m]
        law = self.curve.law.drawn if self.curve.law else []
        return [interval.mean for interval in means] + [point.loss for point in law]

    @property
    def description(self) -> str:
        """The chart as text."""
        return self.curve.sentence


def draw_learning_curve(info: LearningInfo) -> theme.Drawing:
    """Draw a learning curve with its fitted law, the law's interval and the constant baseline.

    `lawless` is set without a reliable law. The page then hides the field for a target loss.
    """
    figure = go.Figure(layout=theme.layout(uirevision="learning", hovermode="x unified"))
    points, law = info.curve.points, info.curve.law
    if law:
        _law(figure, law, points[-1])
    means: dict[str, list[Interval | None]] = {
        "train": [point.train for point in points],
        "val": [point.validation for point in points],
        "test": [point.test for point in points],
    }
    floor = size_axes.floor_of(means["val"])
    for part, losses in means.items():
        visible = "legendonly" if part == "test" else True
        name = theme.LABELS[part]
        size_axes.add_line(figure, info.sizes, losses, part, name, at_least=floor, visible=visible)
    ends = [law.drawn[-1].n_train] if law else []
    size_axes.set_axes(
        figure, x=[*info.sizes, *ends], y=info.losses,
        titles=("training samples", "loss at the best epoch"),
    )  # fmt: skip
    lawless = law is None or law.doubt is not None
    return {**theme.drawing(figure, info.description), "lawless": lawless}


def _law(figure: go.Figure, law: Law, last: SizePoint) -> None:
    """Draw the fitted law with its interval, and the forecast "same as the last value"."""
    x = [point.n_train for point in law.drawn]
    size_axes.add_band(
        figure, x, [point.low for point in law.drawn], [point.high for point in law.drawn],
        "var(--shade)", group="Fitted law",
    )  # fmt: skip
    figure.add_scatter(
        x=x, y=[point.loss for point in law.drawn], name="Fitted law", mode="lines",
        legendgroup="Fitted law", hovertemplate="%{y:.4g}",
        line={"color": "var(--ink)", "width": 1.5, "dash": "dot" if law.doubt else "solid"},
    )  # fmt: skip
    figure.add_scatter(
        x=[last.n_train, x[-1]], y=[last.validation.mean] * 2, name="Same as the last",
        mode="lines", hoverinfo="skip",
        line={"color": "var(--quiet)", "width": 1.5, "dash": "longdash"},
    )  # fmt: skip
