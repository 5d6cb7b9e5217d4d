"""`overfit_lab.sweep`: run a Python function over a grid, in processes of this machine."""

import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from os import environ
from typing import Any
from uuid import uuid4

from overfit_lab.connection import Json, Refused, Unreachable, server_url
from overfit_lab.sweeps.agent import Agent
from overfit_lab.sweeps.functions import FunctionLauncher, Train, function_digest
from overfit_lab.sweeps.gpus import visible_gpus
from overfit_lab.sweeps.service import Service, Wanted

SEED = "seed"


@dataclass(frozen=True)
class Sweep:
    """An experiment that has ended: its id, URL and name, and how many runs are in each state."""

    id: int
    url: str
    name: str
    counts: Mapping[str, int]

    @property
    def finished(self) -> bool:
        """Whether all runs finished."""
        return self.counts.get("finished", 0) == sum(self.counts.values())

    def __str__(self) -> str:
        states = ", ".join(f"{count} {state}" for state, count in self.counts.items() if count)
        return f"{self.name}: {states}. {self.url}"

    def _repr_html_(self) -> str:
        return f'<p><a href="{escape(self.url)}">{escape(str(self))}</a></p>'


def sweep(
    train: Train,
    *,
    seeds: int | None = None,
    jobs: int | None = None,
    name: str | None = None,
    stop_when: str | None = None,
    server: str | None = None,
    token: str | None = None,
    quiet: bool = False,
    **axes: Sequence[Any],
) -> Sweep:
    """Call `train` with every combination of the values of the axes, and wait until all have ended.

    `sweep(train, n_train=[100, 1000], width=[8, 32], seeds=3)` calls `train(n_train=100, width=8,
    seed=0)` and so on, up to `jobs` at once (the number of GPUs, else 1), each in a process of its
    own that is forked from this one. What it logs with overfit_lab, MLflow or Trackio belongs to
    its run, and so do the history that it returns and the losses that it prints.

    Each value of an axis is stored as its text. Raises ValueError for values without distinct
    texts or a plan that the server refuses, and ConnectionError without a server.
    """
    if not hasattr(os, "fork"):
        raise RuntimeError("overfit_lab.sweep needs a system that can fork processes.")
    values = {axis: _by_text(axis, listed) for axis, listed in axes.items()}
    token = environ.get("LAB_TOKEN", "") if token is None else token
    service = Service(server_url(server), token)
    try:
        created = _create(service, _plan(train, values, seeds, name, stop_when))
        if seeds is not None:
            values[SEED] = {str(seed): seed for seed in range(seeds)}
        _work(service, FunctionLauncher(train, values), created, jobs, quiet=quiet)
        counts = service.experiment(created["id"])["counts"]
    finally:
        service.close()
    ended = {state: count for state, count in counts.items() if count}
    return Sweep(created["id"], service.url + created["url"], created["name"], Counter(ended))


def _create(service: Service, plan: Json) -> Json:
    try:
        return service.create(plan, str(uuid4()))
    except Refused as error:
        raise ValueError(str(error)) from None
    except Unreachable as error:
        raise ConnectionError(f"{error}; start one with ./lab up or name one by server=.") from None


def _plan(
    train: Train,
    values: Mapping[str, Mapping[str, Any]],
    seeds: int | None,
    name: str | None,
    stop_when: str | None,
) -> Json:
    return {
        "name": name or getattr(train, "__name__", "sweep").strip("<>"),
        "axes": {axis: list(texts) for axis, texts in values.items()},
        "seeds": seeds,
        "command_digest": function_digest(train),
        "stop_when": stop_when,
    }


def _by_text(axis: str, listed: Sequence[Any]) -> dict[str, Any]:
    if isinstance(listed, str) or not isinstance(listed, Sequence):
        listed = [listed]
    texts = {str(value): value for value in listed}
    if len(texts) < len(listed):
        raise ValueError(f"{axis} has two values with the same text; accepted: distinct ones.")
    return texts


def _work(
    service: Service, launcher: FunctionLauncher, created: Json, jobs: int | None, *, quiet: bool
) -> None:
    """Let an agent work until the sweep has ended. Ctrl-C gives the rest back to the queue."""
    gpus = visible_gpus()
    wanted = Wanted(created["id"], None)
    agent = Agent(
        service,
        launcher,
        wanted,
        jobs=jobs or max(1, len(gpus)),
        gpus=gpus,
        say=(lambda _: None) if quiet else _say,
    )
    if not quiet:
        _say(f"{created['name']}: {service.url}{created['url']}")
    try:
        agent.run()
    except KeyboardInterrupt:
        agent.stop()
        agent.run()
        raise


def _say(line: str) -> None:
    sys.stderr.write(f"overfit_lab: {line}\n")
