"""Settings of runs: the hyperparameters by which lists, grids and the analysis compare them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy.orm import Session

from backend.runs.roles import Roles
from backend.specification.params import JsonObject, Params, ParamValue
from backend.store import experiments
from backend.store.tables import Experiment, Run

MIN_RUNS_TO_TELL = 3  # with fewer runs, every text that varies differs in all of them


class RunSettings(NamedTuple):
    """The settings of a run, and the number of weights of its model, 0 if it is unknown."""

    params: Params
    parameters: int


def settings_of(session: Session, rows: Sequence[Run]) -> dict[int, RunSettings]:
    """Return the settings of runs: the hyperparameters of a run that is trained here.

    For an external run, its params with numbers as numbers, and the params with a role under the
    name of the hyperparameter that has the same role. Texts that differ in every run, such as
    the name of a folder, are left out.
    """
    by_run = {row.id: RunSettings(row.params, row.parameters) for row in rows}
    for owner in experiments.by_ids(session, {row.experiment_id for row in rows}):
        if owner.spec is None:
            by_run |= _external(owner, [row for row in rows if row.experiment_id == owner.id])
    return by_run


def roles_in(experiment: Experiment, rows: Sequence[Run]) -> Roles:
    """Return the roles that a person chose for the params of runs, else guessed ones."""
    if experiment.roles is not None:
        return Roles(**experiment.roles)
    return Roles.guessed(dict.fromkeys(name for row in rows for name in row.params))


def _external(experiment: Experiment, rows: Sequence[Run]) -> dict[int, RunSettings]:
    roles = roles_in(experiment, rows)
    settings = _without_names({row.id: roles.settings(row.params) for row in rows})
    return {
        row.id: RunSettings(settings[row.id], roles.parameter_count(row.params)) for row in rows
    }


def _without_names(typed: Mapping[int, JsonObject]) -> dict[int, Params]:
    """Leave out texts that differ in every run."""
    if len(typed) < MIN_RUNS_TO_TELL:
        return dict(typed)
    values: dict[str, Counter[ParamValue]] = {}
    for params in typed.values():
        for path, value in params.items():
            values.setdefault(path, Counter())[value] += 1
    names = {
        path
        for path, counts in values.items()
        if len(counts) == len(typed) and all(isinstance(value, str) for value in counts)
    }
    return {
        run_id: {path: value for path, value in params.items() if path not in names}
        for run_id, params in typed.items()
    }
