"""Log points, params and tags of external runs: many requests in one transaction."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from backend.errors import Conflict, LabError, NotFound
from backend.runs.verdict_tags import without_verdict
from backend.specification.params import number_in
from backend.store import external_runs, logged_points, planned_runs
from backend.store.external_runs import LoggedRun
from backend.store.logged_points import Batch
from backend.tracking.limits import (
    MAX_PARAM_CHARACTERS,
    MAX_TAG_CHARACTERS,
    check_batch,
    check_texts,
)


@dataclass(frozen=True)
class RunLog:
    """The content of one request for one run. A tag that is None is removed.

    `also` writes whatever else belongs to the request, in the same transaction.
    """

    external_id: str
    points: Batch = field(default_factory=Batch)
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str | None] = field(default_factory=dict)
    also: Callable[[Session, LoggedRun], object] | None = None

    def check(self) -> None:
        """Raise InvalidInput for anything that is over a limit."""
        check_batch(self.points)
        check_texts(self.params, "params", MAX_PARAM_CHARACTERS)
        check_texts(self.tags, "tags", MAX_TAG_CHARACTERS)


class ParamChanged(Conflict):
    """A param has another value already. Params are written once."""

    def __init__(self, key: str, stored: str, given: str) -> None:
        super().__init__(
            f"params.{key} is {given[:100]!r} but was logged as {stored[:100]!r}; a param keeps "
            "its first value.",
            f"params.{key}",
        )
        self.key, self.stored, self.given = key, stored, given


def log(session: Session, entry: RunLog) -> LoggedRun:
    """Log one request. Raises NotFound, InvalidInput, ParamChanged, and Conflict if deleted."""
    [outcome] = log_all(session, [entry])
    if isinstance(outcome, LabError):
        raise outcome
    return outcome


def log_all(session: Session, entries: Sequence[RunLog]) -> list[LoggedRun | LabError]:
    """Log requests in their order; return the run of each, or the error that refuses it.

    A refused request writes nothing and does not keep the others from being written.
    """
    located = external_runs.locate(session, [entry.external_id for entry in entries])
    external_runs.resume(session, (run for run in located.values() if not run.deleted))
    outcomes: list[LoggedRun | LabError] = []
    batches: list[tuple[LoggedRun, Batch]] = []
    for entry in entries:
        try:
            run = _writable(located, entry)
            _write_texts(session, run, entry)
            if entry.also is not None:
                entry.also(session, run)
        except LabError as error:
            outcomes.append(error)
        else:
            outcomes.append(run)
            batches.append((run, entry.points))
    logged_points.append(session, batches)
    return outcomes


def _writable(located: Mapping[str, LoggedRun], entry: RunLog) -> LoggedRun:
    """Return the run of a request. Raises NotFound, InvalidInput, and Conflict if deleted."""
    entry.check()
    run = located.get(entry.external_id)
    if run is None:
        raise NotFound(f"There is no run {entry.external_id}.")
    if run.deleted:
        raise Conflict(f"Run {entry.external_id} is deleted; restore it first.")
    return run


def _is_planned(run: LoggedRun, planned: str, value: str) -> bool:
    """Return whether a program writes the number that a sweep gave it in another way."""
    number = number_in(planned)
    return run.source == planned_runs.SOURCE and number is not None and number == number_in(value)


def _write_texts(session: Session, run: LoggedRun, entry: RunLog) -> None:
    """Write params and tags. Raises ParamChanged before anything is written."""
    if entry.params:
        stored = external_runs.params_of(session, run)
        for key, value in entry.params.items():
            if stored.get(key, value) != value and not _is_planned(run, stored[key], value):
                raise ParamChanged(key, stored[key], value)
        new = {key: value for key, value in entry.params.items() if key not in stored}
        external_runs.add_params(session, run, new)
    tags = without_verdict(entry.tags)
    if tags:
        external_runs.set_tags(session, run, tags)
