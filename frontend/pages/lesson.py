"""The lesson of a preset on its experiment's page: what to look at, and expected values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from backend.runs.schemas import RunItem
from backend.specification.params import JsonObject
from backend.specification.presets import PRESETS, VARIANT, Expectation, Preset, preset_of
from frontend import formatting
from frontend.charts.grid_metrics import AtBest
from frontend.markdown_pages import anchor_of


@dataclass(frozen=True)
class ExpectedValue:
    """An expected value next to the value of the finished runs, both as text."""

    of: str
    expected: str
    seen: str


@dataclass(frozen=True)
class Lesson:
    """A preset, its expected values next to the measured ones, and the preset that follows."""

    preset: Preset
    values: Sequence[ExpectedValue]
    next: Preset

    @property
    def textbook(self) -> str:
        """The URL of the preset's section in the documentation."""
        return f"/docs/textbook#{anchor_of(self.preset.title)}"


def lesson_of(
    spec: JsonObject | None, runs: Sequence[RunItem], at_best: Mapping[int, AtBest]
) -> Lesson | None:
    """Return the lesson of an experiment that a preset started, None for any other experiment."""
    preset = preset_of(spec)
    if preset is None:
        return None
    finished = [run for run in runs if run.status == "finished"]
    values = [
        ExpectedValue(
            expectation.of,
            _write(expectation, expectation.value),
            _write(expectation, _seen(expectation, finished, at_best)),
        )
        for expectation in preset.expected
    ]
    return Lesson(preset, values, PRESETS[preset.next])


def _seen(
    expectation: Expectation, finished: Sequence[RunItem], at_best: Mapping[int, AtBest]
) -> float | None:
    """Return the mean of the metric over the runs that match, None without any."""
    values = [
        at_best.get(run.id, {}).get(expectation.metric)
        if expectation.at == "best"
        else run.summary.get(expectation.metric, {}).get("last")
        for run in finished
        if _matches(run, expectation)
    ]
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def _matches(run: RunItem, expectation: Expectation) -> bool:
    return all(
        (run.variant if path == VARIANT else run.params.get(path)) == value
        for path, value in expectation.where.items()
    )


def _write(expectation: Expectation, value: float | None) -> str:
    if expectation.metric.endswith("_accuracy"):
        return formatting.share(value)
    return formatting.number(value)
