"""The chart of a fit as an SVG picture: it needs no script, no network and no package."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from backend.fit_reports.figure import MARK_COLOUR, TRAIN_COLOUR, VALIDATION_COLOUR, marks
from backend.fit_reports.fit_report import FitReport
from backend.pairing import LossPair
from backend.series import Series, downsample

WIDTH, HEIGHT = 720, 300  # of the picture, in its own units
LEFT, RIGHT, TOP, BOTTOM = 64, 84, 26, 40  # margins: value ticks, names of lines, marks, step ticks
MAX_POINTS = 600  # per line
LOG_RATIO = 50  # losses that span this factor are drawn on a logarithmic axis
TICKS = 5  # at most, per axis
LABEL_HEIGHT = 16  # distance that keeps two names of lines apart
NICE = (1, 2, 2.5, 5, 10)  # steps between ticks, times a power of ten


@dataclass(frozen=True)
class Scale:
    """The place of values on an axis from `low` to `high`, which is drawn from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def __call__(self, value: float) -> float:
        """Return the place of a value."""
        low, high, at = (self._on_axis(x) for x in (self.low, self.high, value))
        share = (at - low) / (high - low) if high > low else 0.5
        return self.start + share * (self.end - self.start)

    def _on_axis(self, value: float) -> float:
        return math.log10(value) if self.logarithmic else value

    def ticks(self, *, whole: bool = False) -> list[float]:
        """Return round values on the axis; `whole` leaves out fractions."""
        if self.logarithmic:
            return self._powers()
        rough = (self.high - self.low) / TICKS or 1.0
        size = 10.0 ** math.floor(math.log10(rough))
        step = next(nice * size for nice in NICE if nice * size >= rough * (1 - 1e-9))
        step = max(1.0, math.ceil(step)) if whole else step
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [index * step for index in range(first, last + 1)]

    def _powers(self) -> list[float]:
        """Return powers of ten that have room; between few of them also 2 and 5 times a power."""
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        every = max(1, math.ceil((last - first) / TICKS))
        times = (1, 2, 5) if last - first < TICKS / 2 else (1,)
        powers = [10.0**power for power in range(first, last + 1, every)]
        ticks = [factor * power for power in powers for factor in times]
        return [tick for tick in ticks if self.low <= tick <= self.high]


def fit_svg(report: FitReport, pair: LossPair) -> str:
    """Return the chart of both losses, with the best step and the early stop."""
    losses = [pair.train.finite, pair.validation.finite]
    if not all(map(len, losses)):
        return ""
    steps = Scale(
        min(float(loss.steps[0]) for loss in losses),
        max(float(loss.steps[-1]) for loss in losses),
        LEFT,
        WIDTH - RIGHT,
    )
    values = _values_scale(losses)
    parts = [
        *_grid(values),
        *_step_axis(steps, report.unit),
        *_marks(report, steps),
        *_lines(losses, steps, values),
    ]
    label = escape(f"Train and validation loss. {report.diagnosis.sentence}", quote=True)
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}" width="100%" '
        f'style="max-width:{WIDTH}px" font-size="12" font-family="system-ui, sans-serif">'
        f"{''.join(parts)}</svg>"
    )


def _values_scale(losses: Sequence[Series]) -> Scale:
    low = min(float(loss.values.min()) for loss in losses)
    high = max(float(loss.values.max()) for loss in losses)
    if low > 0 and high > LOG_RATIO * low:
        return Scale(low, high, HEIGHT - BOTTOM, TOP, logarithmic=True)
    room = 0.05 * (high - low)
    return Scale(min(low, 0.0) if low > -room else low - room, high, HEIGHT - BOTTOM, TOP)


def _grid(values: Scale) -> Iterator[str]:
    for tick in values.ticks():
        y = values(tick)
        yield (
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" '
            'stroke="#d7d8d5"/>'
        )
        yield _text(LEFT - 8, y + 4, f"{tick:g}", "end")
    yield _text(LEFT - 8, TOP - 12, "loss", "end")


def _step_axis(steps: Scale, unit: str) -> Iterator[str]:
    for tick in steps.ticks(whole=True):
        yield _text(steps(tick), HEIGHT - BOTTOM + 18, f"{tick:,.0f}", "middle")
    yield _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 4, unit, "middle")


def _marks(report: FitReport, steps: Scale) -> Iterator[str]:
    """Yield the marked steps, and the shade after the best step of an overfitting run."""
    marked = marks(report)
    if report.diagnosis.overfitting and report.diagnosis.best_step is not None:
        x = steps(report.diagnosis.best_step)
        yield (
            f'<rect class="shade" x="{x:.1f}" y="{TOP}" width="{WIDTH - RIGHT - x:.1f}" '
            f'height="{HEIGHT - BOTTOM - TOP}" fill="{VALIDATION_COLOUR}" fill-opacity="0.09"/>'
        )
    for order, (at, text, dash) in enumerate(marked):
        x = steps(at)
        dashes = ' stroke-dasharray="2 3"' if dash == "dot" else ""
        yield (
            f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" '
            f'stroke="{MARK_COLOUR}" stroke-width="1.5"{dashes}/>'
        )
        anchor = "end" if order == 0 and len(marked) > 1 else "start"
        yield _text(x + (-3 if anchor == "end" else 3), TOP - 8, f"{text} {at:,}", anchor)


def _lines(losses: Sequence[Series], steps: Scale, values: Scale) -> Iterator[str]:
    looks = [("train", TRAIN_COLOUR, ""), ("validation", VALIDATION_COLOUR, "7 4")]
    ends = [values(float(loss.values[-1])) for loss in losses]
    for (name, colour, dashes), loss, y in zip(looks, losses, _apart(ends), strict=True):
        dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
        yield (
            f'<path class="{name}" d="{_path(loss, steps, values)}" fill="none" '
            f'stroke="{colour}" stroke-width="2" stroke-linejoin="round"{dashed}/>'
        )
        x = steps(float(loss.steps[-1])) + 6
        yield f'<text class="{name}" x="{x:.1f}" y="{y + 4:.1f}" fill="{colour}">{name}</text>'


def _apart(places: list[float]) -> list[float]:
    """Move the places of two names apart where they would overlap."""
    first, second = places
    missing = LABEL_HEIGHT - abs(first - second)
    if missing <= 0:
        return places
    shift = missing / 2 if first >= second else -missing / 2
    return [first + shift, second - shift]


def _path(loss: Series, steps: Scale, values: Scale) -> str:
    drawn = loss.take(downsample(loss.values, MAX_POINTS))
    points = zip(drawn.steps.tolist(), drawn.values.tolist(), strict=True)
    return "M" + "L".join(f"{steps(step):.1f} {values(value):.1f}" for step, value in points)


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return (
        f'<text class="tick" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="#575c65">'
        f"{escape(text)}</text>"
    )
