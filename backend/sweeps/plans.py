"""Plans of sweeps: checked, expanded into runs and stored."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from math import prod

from sqlalchemy.orm import Session

from backend.diagnosis.verdicts import Verdict
from backend.errors import InvalidInput
from backend.limits import Limits
from backend.runs.queue_limits import check_queue
from backend.store import external_experiments, planned_runs
from backend.store.planned_runs import NewSweep
from backend.store.tables import Experiment
from backend.tracking.experiments import create_experiment
from backend.tracking.limits import MAX_PARAM_CHARACTERS, check_text

SEED = "seed"
MAX_AXES = 50
SHOWN_CHARACTERS = 60
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,99}")
_OPTION = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,99}")


@dataclass(frozen=True)
class Plan:
    """The values of each param as text, the number of seeds, and how agents treat the runs.

    `options` spells params on the command line where the spelling differs from the name.
    """

    name: str
    axes: Mapping[str, Sequence[str]]
    command_digest: str
    seeds: int | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    stop_when: str | None = None
    user: str = ""


def create_sweep(session: Session, plan: Plan, limits: Limits) -> tuple[Experiment, list[int]]:
    """Store the experiment of a plan with all its runs; return it and the ids of its runs.

    A name that another experiment has gets a number. Raises InvalidInput and TooManyRequests.
    """
    axes = _checked(plan, limits)
    runs = [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]
    check_queue(session, len(runs), limits)
    experiment = create_experiment(session, _free_name(session, plan.name))
    options = {name: plan.options.get(name, name) for name in axes}
    sweep = NewSweep(runs, options, plan.command_digest, plan.stop_when, plan.user)
    return experiment, planned_runs.create(session, experiment.id, sweep)


def _checked(plan: Plan, limits: Limits) -> dict[str, Sequence[str]]:
    """Return the values of all axes, the seeds last. Raises InvalidInput."""
    axes = dict(plan.axes)
    if plan.seeds is not None:
        if SEED in axes:
            raise InvalidInput("seeds and the axis seed are both given; accepted: one.", "seeds")
        if not 1 <= plan.seeds <= limits.max_runs:
            raise InvalidInput(
                f"seeds is {plan.seeds}; accepted: 1 to {limits.max_runs:,}.", "seeds"
            )
        axes[SEED] = [str(seed) for seed in range(plan.seeds)]
    if not 1 <= len(axes) <= MAX_AXES:
        raise InvalidInput(
            f"The sweep has {len(axes)} axes; accepted: 1 to {MAX_AXES}, such as n_train.", "axes"
        )
    for name, values in axes.items():
        _check_axis(name, values)
    _check_options(plan.options, axes)
    _check_size(axes, limits)
    if plan.stop_when is not None and plan.stop_when not in list(Verdict):
        accepted = ", ".join(verdict.value for verdict in Verdict)
        raise InvalidInput(f"stop_when is {plan.stop_when!r}; accepted: {accepted}.", "stop_when")
    return axes


def _check_axis(name: str, values: Sequence[str]) -> None:
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            f"The axis {name[:SHOWN_CHARACTERS]!r} is not a name; accepted: letters, digits, _ and "
            ".; the first is a letter or _.",
            "axes",
        )
    if not values:
        raise InvalidInput(f"{name} has no values; accepted: one or more.", f"axes.{name}")
    for value in values:
        check_text(value, name, MAX_PARAM_CHARACTERS, empty=False)
    [(value, times)] = Counter(values).most_common(1)
    if times > 1:
        shown = value[:SHOWN_CHARACTERS]
        raise InvalidInput(f"{name} lists {shown!r} twice; accepted: once.", f"axes.{name}")


def _check_options(options: Mapping[str, str], axes: Mapping[str, object]) -> None:
    for name, option in options.items():
        if name not in axes or not _OPTION.fullmatch(option):
            raise InvalidInput(
                f"options.{name[:SHOWN_CHARACTERS]} is {option[:SHOWN_CHARACTERS]!r}; accepted: "
                "for the name of an axis, its letters, digits, _, . and -.",
                "options",
            )


def _check_size(axes: Mapping[str, Sequence[str]], limits: Limits) -> None:
    count = prod(map(len, axes.values()))
    if count > limits.max_runs:
        raise InvalidInput(
            f"The sweep has {count:,} runs; accepted: up to {limits.max_runs:,} (LAB_MAX_RUNS).",
            "axes",
        )
    characters = sum(count // len(values) * sum(map(len, values)) for values in axes.values())
    if characters > limits.max_setting_text:
        raise InvalidInput(
            f"The values of all runs have {characters:,} characters; accepted: up to "
            f"{limits.max_setting_text:,} (LAB_MAX_SETTING_TEXT).",
            "axes",
        )


def _free_name(session: Session, name: str) -> str:
    """Return the name, with a number if an experiment has it already."""
    external_experiments.lock_names(session)
    number, free = 1, name
    while external_experiments.by_name(session, free):
        number += 1
        free = f"{name} ({number})"
    return free
