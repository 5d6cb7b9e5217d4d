"""The current run of the process: `init` begins it, `log` and the others use it."""

from collections.abc import Mapping
from os import environ
from typing import Any, Literal

from backend.pairing import Chosen
from overfit_lab.connection import server_url
from overfit_lab.criteria import OVERFITTING
from overfit_lab.hyperparameters import Config
from overfit_lab.runs import Run
from overfit_lab.server import Server

Mode = Literal["online", "offline"]

_runs: list[Run] = []  # at most one: the run that was begun last


def init(
    project: str = "Default",
    *,
    name: str | None = None,
    config: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
    mode: Mode = "online",
    server: str | None = None,
    token: str | None = None,
    stop_when: str = OVERFITTING,
    settings: Mapping[str, float] | None = None,
    train: str | None = None,
    validation: str | None = None,
    quiet: bool = False,
) -> Run:
    """Begin a run, which becomes the current one. An earlier current run is finished.

    `project` is the experiment, `config` its hyperparameters. `server` is a URL, by default that of
    LAB_SERVER or LAB_URL, else this machine; `token` is by default LAB_TOKEN. With the mode
    "offline" nothing is sent. `stop_when` and its `settings` are the criterion of `should_stop`;
    `train` and `validation` name the losses that it judges. In a command of a sweep, the first run
    is the run that the sweep planned.
    """
    if mode not in ("online", "offline"):
        raise ValueError(f"mode is {mode!r}; accepted: online, offline.")
    finish()
    online = mode == "online"
    token = environ.get("LAB_TOKEN", "") if token is None else token
    run = Run(
        project=project,
        name=name,
        server=Server(server_url(server), token) if online else None,
        stop_when=stop_when,
        settings=settings or {},
        chosen=Chosen(train, validation),
        tags=tags or {},
        quiet=quiet,
        planned_id=environ.pop("LAB_RUN_ID", None) if online else None,
    )
    run.config.update(config or {})
    _runs.append(run)
    return run


def current_run() -> Run | None:
    """Return the current run, None before `init` and after `finish`."""
    return next((run for run in _runs if not run.finished), None)


def log(metrics: Mapping[str, Any], step: int | None = None) -> None:
    """Add the values of metrics to the current run."""
    _required("log").log(metrics, step)


def should_stop(stop_when: str | None = None, **settings: float) -> bool:
    """Return whether a criterion has fired on the losses of the current run."""
    return _required("should_stop").should_stop(stop_when, **settings)


def finish(*, failed: bool = False) -> None:
    """End the current run, if there is one."""
    while _runs:
        _runs.pop().finish(failed=failed)


def current_config() -> Config:
    """Return the hyperparameters of the current run."""
    return _required("config").config


def current_summary() -> dict[str, Any]:
    """Return the summary of the current run."""
    return _required("summary").summary


def _required(name: str) -> Run:
    run = current_run()
    if run is None:
        raise RuntimeError(f"overfit_lab.{name} needs a run; call overfit_lab.init first.")
    return run
