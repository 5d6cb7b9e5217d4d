"""Page that answers four questions from a grid: data, capacity, training and regularisation.

Each answer comes with the measurement that it rests on, or is "not assessable".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from sqlalchemy.orm import Session

from backend.analysis.cause import Cause
from backend.analysis.cells import N_TRAIN
from backend.analysis.effects import EffectFinding, StepEffect
from backend.analysis.learning_curves import LearningCurve
from backend.analysis.report import GridReport
from backend.datasets.table_facts import TableFacts
from backend.runs.grid_analysis import grid_report
from backend.runs.states import ENDED
from backend.specification.data_sources import SOURCES
from backend.specification.hyperparameters.dataset import SOURCE
from backend.store import experiments, runs
from frontend import formatting
from frontend.site import Reading, render

OWN_FACTOR = 4  # of the rows, in the forecast
NOT_ASSESSABLE = "Not assessable"

router = APIRouter()


@dataclass(frozen=True)
class Answer:
    """The answer to one question, and the sentences that it rests on."""

    question: str
    answer: str
    evidence: Sequence[str]


@router.get("/experiments/{experiment_id}/answers")
def answers_page(session: Reading, experiment_id: int) -> HTMLResponse:
    """Show what the finished runs of an experiment say about its data. Raises NotFound."""
    experiment = experiments.get(session, experiment_id)
    counts = experiments.counts(session, [experiment_id])[experiment_id]
    total, ended = sum(counts.values()), sum(counts[state] for state in ENDED)
    report = grid_report(session, experiment_id)
    table = _table(session, experiment_id)
    return render(
        "answers.html",
        experiment=experiment,
        table=table,
        total=total,
        ended=ended,
        summary=report.cause.sentence if report.cause else None,
        answers=answers(report, table) if report.cause else [],
    )


def _table(session: Session, experiment_id: int) -> TableFacts | None:
    items, _ = runs.page(session, experiment_id, limit=1)
    name = str(items[0].params.get(SOURCE.path)) if items else ""
    source = SOURCES.get(name)
    return source.table if source else None


def answers(report: GridReport, table: TableFacts | None = None) -> list[Answer]:
    """Return the answers that a grid gives. `table` adds the unit of the target."""
    effects = {effect.factor: effect for effect in report.cause.effects} if report.cause else {}
    return [
        _data(effects.get("data"), _curve_of_best(report), table),
        _capacity(effects.get("capacity"), report),
        _training(effects.get("training length"), report.cause),
        _regularisation(effects.get("regularisation")),
    ]


def _data(
    effect: StepEffect | None, curve: LearningCurve | None, table: TableFacts | None
) -> Answer:
    words: Mapping[EffectFinding, str] = {
        "limits": "No: more rows help.",
        "does not limit": "Yes: more rows bring little.",
        "not resolved": "The seeds do not tell.",
        "not assessable": NOT_ASSESSABLE,
    }
    evidence = [effect.sentence] if effect else []
    if curve is not None:
        evidence += [_forecast(curve, table), curve.sentence]
    return Answer("Is there enough data?", _word(effect, words), evidence)


def _forecast(curve: LearningCurve, table: TableFacts | None) -> str:
    """Say what several times the rows bring, with an interval."""
    law, rows = curve.law, curve.points[-1].n_train
    more = f"With {OWN_FACTOR} times the {rows:,} training rows"
    if law is None:
        return f"{more}: not assessable. {curve.why}"
    [ahead] = [f for f in law.forecasts if f.n_train == OWN_FACTOR * rows]
    value, low, high = (x or 0.0 for x in (ahead.law.value, ahead.law.low, ahead.law.high))
    text = (
        f"{more} expect a loss of {formatting.number(value)} ({formatting.number(low)} to "
        f"{formatting.number(high)}), instead of {formatting.number(ahead.constant)}"
    )
    if table is not None and table.problem == "regression":
        error, less, most = (
            formatting.number(table.unit * sqrt(max(loss, 0.0))) for loss in (value, low, high)
        )
        text += f": a typical error in {table.target} of {error} ({less} to {most})"
    return f"{text}. Do not rely on it: {law.doubt}." if law.doubt else f"{text}."


def _capacity(effect: StepEffect | None, report: GridReport) -> Answer:
    words: Mapping[EffectFinding, str] = {
        "limits": "More than the best model here has.",
        "does not limit": "As much as the best model here has.",
        "not resolved": "The seeds do not tell.",
        "not assessable": NOT_ASSESSABLE,
    }
    evidence = [effect.sentence] if effect else []
    answer = _word(effect, words)
    largest = max((curve.n_train for curve in report.capacity_curves), default=0)
    best = [curve for curve in report.capacity_curves if curve.n_train == largest]
    if best:
        curve = min(best, key=lambda curve: curve.optimum.validation.mean)
        evidence.append(curve.sentence)
        if effect and effect.finding == "does not limit":
            answer = f"About {curve.optimum.parameters:,} parameters are enough."
    return Answer("How much capacity?", answer, evidence)


def _training(effect: StepEffect | None, cause: Cause | None) -> Answer:
    words: Mapping[EffectFinding, str] = {
        "limits": "Longer than here.",
        "does not limit": "Not longer than here.",
        "not resolved": "The seeds do not tell.",
        "not assessable": NOT_ASSESSABLE,
    }
    evidence = [effect.sentence] if effect else []
    if cause is not None:
        evidence.append("Stop at the lowest validation loss: all losses here are of that epoch.")
    return Answer("How long to train?", _word(effect, words), evidence)


def _regularisation(effect: StepEffect | None) -> Answer:
    words: Mapping[EffectFinding, str] = {
        "limits": "More than the best model here has.",
        "does not limit": "More brings nothing.",
        "not resolved": "The seeds do not tell.",
        "not assessable": NOT_ASSESSABLE,
    }
    answer = _word(effect, words)
    if effect and effect.finding == "limits":
        name = formatting.label(effect.knob or "")
        answer = f"{name.capitalize()} of {effect.after} or more."
    return Answer("Which regularisation?", answer, [effect.sentence] if effect else [])


def _word(effect: StepEffect | None, words: Mapping[EffectFinding, str]) -> str:
    return words[effect.finding] if effect else NOT_ASSESSABLE


def _curve_of_best(report: GridReport) -> LearningCurve | None:
    """Return the learning curve through the best cell, else the one with the lowest loss."""
    if report.cause is None:
        return None
    for curve in report.learning_curves:
        own = {path: value for path, value in curve.setting.items() if path != N_TRAIN}
        if own.items() <= report.cause.params.items():
            return curve
    return next(iter(report.learning_curves), None)
