"""A run: metrics of a training that are judged locally and sent to a server."""

import atexit
import logging
import math
import re
import sys
import time
import uuid
from collections.abc import Mapping
from html import escape
from types import TracebackType
from typing import Any, Self

from backend.pairing import Chosen
from overfit_lab.criteria import check
from overfit_lab.fit import Fit, fit_of
from overfit_lab.hyperparameters import Config, flat
from overfit_lab.live_losses import LiveLosses
from overfit_lab.outbox import Outbox, RunStart
from overfit_lab.server import Server

MAX_KEY_CHARACTERS, MAX_VALUE_CHARACTERS = 250, 6000  # limits of the protocol
MAX_STEP = 1 << 53
SUMMARY_PREFIX = "summary."  # of the tags that hold what a person added to the summary
_INVALID_IN_KEYS = re.compile(r"[^\w./\- :]")
logger = logging.getLogger("overfit_lab")


class Run:
    """One training. It is made by `overfit_lab.init` and ended by `finish`.

    Nothing that a run does raises or waits because of the server.
    """

    def __init__(
        self,
        *,
        project: str,
        name: str | None,
        server: Server | None,
        stop_when: str,
        settings: Mapping[str, float],
        chosen: Chosen,
        tags: Mapping[str, str],
        quiet: bool,
        planned_id: str | None = None,
    ) -> None:
        check(stop_when, settings)
        self.project, self._name, self._quiet = project, name, quiet
        self.local_id = uuid.uuid4().hex
        self.summary: dict[str, Any] = {}
        self._last: dict[str, float] = {}
        self._stop_when, self._settings = stop_when, dict(settings)
        self._losses = LiveLosses(chosen)
        self._next_step = 0
        self._warned: set[str] = set()
        self.finished = False
        self._server = server
        start = RunStart(project, name, self.local_id, _now_ms(), dict(tags), planned_id)
        self._outbox = Outbox(server, start, self._warn) if server else None
        if self._outbox and planned_id and tags:
            self._outbox.add_texts(params={}, tags=dict(tags))
        self.config = Config(self._send_config)
        atexit.register(self._finish_at_exit)

    @property
    def name(self) -> str:
        """The name of the run; the server chooses one if `init` was given none."""
        return self._name or (self._outbox and self._outbox.sent.run_name) or self.local_id[:8]

    @property
    def id(self) -> str | None:
        """The id of the run on the server, None until it has been created there."""
        return self._outbox.sent.run_id if self._outbox else None

    @property
    def url(self) -> str | None:
        """The URL of the page of the run, None until it has been created on the server."""
        if self._server is None or self._outbox is None or self.id is None:
            return None
        experiment = self._outbox.sent.experiment_id
        return f"{self._server.url}/#/experiments/{experiment}/runs/{self.id}"

    def log(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Add the values of metrics at a step; without a step, at the step after the last one.

        Names of nested mappings are joined by "/". Values that are not single numbers are left out.
        """
        if self.finished:
            self._warn("log was called after finish; the values are left out.")
            return
        at = self._next_step if step is None else int(step)
        if abs(at) >= MAX_STEP:
            self._warn(f"step is {at}; accepted: a number below 2^53. The values are left out.")
            return
        self._next_step = at + 1
        now = _now_ms()
        points = []
        for key, value in flat(metrics):
            number = _number(value)
            if number is None:
                self._warn(f"{key} is left out: {type(value).__name__} is not a number.", key)
                continue
            self._losses.add(key, at, now, number)
            self._last[key] = number
            points.append((self._valid_key(key), number, now, at))
        if self._outbox and points:
            self._outbox.add_points(points)

    def should_stop(self, stop_when: str | None = None, **settings: float) -> bool:
        """Return whether a criterion has fired on the losses so far.

        `stop_when` is "overfitting" (the diagnosis of the curve), or patience, gl, pq or up with
        their settings. Without it, the criterion of `init` counts.
        """
        stop_when, settings = self._criterion(stop_when, settings)
        fired = self._losses.fired_at(stop_when, settings)
        if fired is None:
            return False
        self.summary.setdefault("stopped_by", stop_when)
        return True

    def diagnose(self, stop_when: str | None = None, **settings: float) -> Fit:
        """Return the diagnosis of the losses so far, and where a criterion fires on them.

        The criterion is that of `should_stop`. Raises ValueError with the reason if the run has no
        train and validation curve.
        """
        stop_when, settings = self._criterion(stop_when, settings)
        pairing = self._losses.pairing()
        if pairing.pair is None:
            raise ValueError(pairing.reason)
        return fit_of(pairing.pair, stop_when, settings)

    def _criterion(
        self, stop_when: str | None, settings: dict[str, float]
    ) -> tuple[str, dict[str, float]]:
        """Return a criterion with its settings, by default that of `init`. Raises ValueError."""
        if stop_when is None:
            stop_when, settings = self._stop_when, {**self._settings, **settings}
        check(stop_when, settings)
        return stop_when, settings

    def finish(self, *, failed: bool = False) -> None:
        """End the run: send the rest, and write the diagnosis to the standard error stream."""
        if self.finished:
            return
        self.finished = True
        atexit.unregister(self._finish_at_exit)
        fit = self._fit()
        own = dict(self.summary)
        self.summary.update({**self._last, **(_facts(fit) if fit else {}), **own})
        if self._outbox:
            tags = {f"{SUMMARY_PREFIX}{key}": value for key, value in own.items()}
            self._outbox.add_texts(params={}, tags=self._texts(tags))
            if unsent := self._outbox.close("FAILED" if failed else "FINISHED"):
                self._warn(f"{unsent:,} points of the run {self.name} were not sent.")
        if not self._quiet:
            sentence = fit.sentence if fit else "The run has no train and validation curve."
            at = f" {self.url}" if self.url else ""
            sys.stderr.write(f"overfit_lab: {self.name}: {sentence}{at}\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.finish(failed=kind is not None)

    def _repr_html_(self) -> str:
        link = f'<p><a href="{escape(self.url)}">{escape(self.name)}</a></p>' if self.url else ""
        fit = self._fit()
        return link + (fit._repr_html_() if fit else f"<p>{escape(self.name)}: no curve yet</p>")

    def _fit(self) -> Fit | None:
        try:
            return self.diagnose()
        except ValueError:
            return None

    def _finish_at_exit(self) -> None:
        self.finish(failed=hasattr(sys, "last_type"))  # set by an exception that nobody caught

    def _send_config(self, values: Mapping[str, Any]) -> None:
        if self._outbox:
            self._outbox.add_texts(params=self._texts(dict(flat(values, "."))), tags={})

    def _texts(self, values: Mapping[str, Any]) -> dict[str, str]:
        return {
            self._valid_key(k): str(value)[:MAX_VALUE_CHARACTERS] for k, value in values.items()
        }

    def _valid_key(self, key: str) -> str:
        valid = _INVALID_IN_KEYS.sub("_", key)[:MAX_KEY_CHARACTERS].strip("/") or "_"
        if valid != key:
            self._warn(f"{key[:MAX_KEY_CHARACTERS]} is logged as {valid}.", key)
        return valid

    def _warn(self, sentence: str, subject: str | None = None) -> None:
        """Log a warning once; with a subject, one for each subject."""
        if (subject or sentence) not in self._warned:
            self._warned.add(subject or sentence)
            logger.warning("overfit_lab: %s", sentence)


def _facts(fit: Fit) -> dict[str, Any]:
    return {
        "verdict": fit.verdict,
        "best_step": fit.best_step,
        "early_stop_step": fit.early_stop_step,
    }


def _number(value: Any) -> float | None:
    """Return a number, or the one number of an array or a tensor; None for anything else."""
    if isinstance(value, str | bytes):
        return None
    try:
        return float(value.item() if hasattr(value, "item") else value)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        return math.inf if isinstance(value, int) else None


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
