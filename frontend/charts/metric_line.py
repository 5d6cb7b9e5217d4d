"""Chart of one metric of a run over its steps, as its client logged it."""

from dataclasses import dataclass

import plotly.graph_objects as go

from backend.series import Series, downsample
from frontend.charts import theme
from frontend.formatting import count, number

MAX_POINTS = 600


@dataclass(frozen=True)
class MetricInfo:
    """A metric, thinned for drawing. `points` is the number of its steps before that."""

    key: str
    series: Series
    points: int

    @property
    def description(self) -> str:
        """The chart as text."""
        if not self.points:
            return f"{self.key} has no point yet."
        values = [value for value in self.series.json_values if value is not None]
        if not values:
            return f"{self.key}: none of its {count(self.points, 'value')} is a finite number."
        first, last = int(self.series.steps[0]), int(self.series.steps[-1])
        return (
            f"{self.key} from step {first:,} to {last:,}: {count(self.points, 'value')} between "
            f"{number(min(values))} and {number(max(values))}, the last {number(values[-1])}."
        )


def metric_info(key: str, series: Series) -> MetricInfo:
    """Return the data of a chart of a metric."""
    thinned = series.take(downsample(series.values, MAX_POINTS)) if len(series) else series
    return MetricInfo(key, thinned, len(series))


def draw_metric(info: MetricInfo) -> theme.Drawing:
    """Draw a metric; a single point is drawn as a dot."""
    if not info.points:
        return theme.nothing(info.description)
    layout = theme.layout(uirevision=info.key, margin={"l": 64, "r": 8, "t": 12, "b": 48})
    figure = go.Figure(layout=layout.update(xaxis={"title": {"text": "step"}}))
    figure.add_scatter(
        x=info.series.steps.tolist(), y=info.series.json_values, name=info.key, showlegend=False,
        mode="lines+markers" if info.points == 1 else "lines", hovertemplate="%{y:.4g}",
        line={"color": theme.INK, "width": 1.5},
    )  # fmt: skip
    return theme.drawing(figure, info.description)
