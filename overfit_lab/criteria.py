"""Criteria of early stopping by name, as `stop_when` names them."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from backend.diagnosis import Curve, diagnose
from backend.diagnosis.stopping_rules import CRITERIA, Criterion, build, early_stop_step
from backend.diagnosis.verdicts import Kind
from backend.fit_reports.fit_report import DEFAULT_SETTINGS, losses_by_step
from backend.pairing import LossPair

OVERFITTING = "overfitting"
"""The name of the criterion that fires when the curve so far overfits in one of these kinds."""

RISING = (Kind.PAST_BEST, Kind.FROM_START, Kind.MEMORISED)
"""Kinds in which more training does harm. A gap that settled does not get worse."""

LEAST_AFTER_BEST = 3  # evaluations after the best: training is not stopped for less

MAX_REPLAYED_POINTS, LEAST_REPLAYED = 1_000_000, 20
"""Points of all diagnoses in a replay of OVERFITTING, which take about a second; a curve of more
than 1,000 steps is judged at some of them, at 20 or more."""


def criterion_of(name: str = "patience", **settings: float) -> Criterion:
    """Return a new criterion of `overfit_lab.stop_when`: patience, gl, pq or up. Raises ValueError.

    The settings are those of the criterion: `patience` takes `patience` (20), `min_delta` and
    `start_from_epoch`; `gl` takes `alpha` (5); `pq` takes `alpha` (0.75) and `strip` (5); `up`
    takes `strips` (3) and `strip` (5).
    """
    if name not in CRITERIA:
        raise ValueError(f"The criterion {name!r} is unknown; accepted: {', '.join(CRITERIA)}.")
    rule: Any = CRITERIA[name]
    accepted = [field.name for field in fields(rule) if field.init]
    for setting, value in settings.items():
        if setting not in accepted:
            raise ValueError(f"{name} has no {setting}; accepted: {', '.join(accepted)}.")
        if isinstance(value, str) or value < 0:
            raise ValueError(f"{setting} is {value!r}; accepted: a number from 0.")
    defaults: Mapping[str, float] = DEFAULT_SETTINGS if name == "patience" else {}
    return build(name, **{**defaults, **settings})


def check(stop_when: str, settings: Mapping[str, float]) -> None:
    """Raise ValueError unless `stop_when` is overfitting or a criterion with its settings."""
    if stop_when != OVERFITTING:
        if stop_when not in CRITERIA:
            names = ", ".join([OVERFITTING, *CRITERIA])
            raise ValueError(f"stop_when is {stop_when!r}; accepted: {names}.")
        criterion_of(stop_when, **settings)
    elif settings:
        raise ValueError(f"stop_when={OVERFITTING!r} has no settings.")


def early_stop(pair: LossPair, stop_when: str, settings: Mapping[str, float]) -> int | None:
    """Replay a criterion over whole losses; return the step at which it fires, None if never."""
    if stop_when != OVERFITTING:
        return early_stop_step(criterion_of(stop_when, **settings), losses_by_step(pair))
    steps = pair.validation.steps
    judged = max(LEAST_REPLAYED, MAX_REPLAYED_POINTS // max(1, len(steps)))
    every = -(-len(steps) // judged) or 1
    for last in steps[::every].tolist():
        train, validation = (s.take(s.between(None, last)) for s in (pair.train, pair.validation))
        if _gets_worse(Curve.from_series(train, validation, unit=pair.unit)):
            return int(last)
    return None


def fired_at(pair: LossPair, stop_when: str, settings: Mapping[str, float]) -> int | None:
    """Return the step at which a criterion fires on the losses so far, None if it does not."""
    if stop_when == OVERFITTING:
        return int(pair.validation.steps[-1]) if _gets_worse(pair.curve) else None
    return early_stop(pair, stop_when, settings)


def _gets_worse(curve: Curve) -> bool:
    """Return whether more training makes a fit worse, by the diagnosis so far."""
    diagnosis = diagnose(curve)
    after = diagnosis.evidence.get("steps_after_best", 0.0)
    return diagnosis.kind in RISING and after >= LEAST_AFTER_BEST
