"""Store the runs of logs as external runs: all of them in one transaction, each of them once."""

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from sqlalchemy.orm import Session

from backend.imports.digests import digest_of, digest_of_followed
from backend.imports.found_runs import FoundRun
from backend.pairing import Pairing
from backend.runs.states import State
from backend.series import Series
from backend.store import experiments as stored_experiments
from backend.store import external_experiments, external_runs, imported_runs
from backend.store.external_runs import LoggedRun
from backend.store.imported_runs import TimedSeries
from backend.tracking import diagnoses, experiments
from backend.tracking.diagnoses import RunDiagnosis
from backend.tracking.limits import (
    MAX_KEY_CHARACTERS,
    MAX_NAME_CHARACTERS,
    MAX_PARAM_CHARACTERS,
    MAX_TAG_CHARACTERS,
    stored_time,
)
from backend.tracking.logs import RunLog, log
from backend.tracking.runs import create_run

DEFAULT_EXPERIMENT = "Imported logs"
SOURCE: Final = "import"
ALREADY_IMPORTED = "it was imported before, so nothing is added"
NO_NEW_POINTS = "it has no new points"


@dataclass(frozen=True)
class Following:
    """A log that grows: its id, which its client chooses, and whether its training has ended."""

    source: str
    ended: bool


@dataclass(frozen=True)
class RunToImport:
    """A run of a log, and the name that it gets. With `has_choice`, a person chose its losses."""

    found: FoundRun
    name: str
    has_choice: bool = False


@dataclass(frozen=True)
class ImportedRun:
    """A run after its import. In a dry run, `run_id` is None."""

    run: RunToImport
    name: str
    verdict: str
    sentence: str
    notes: Sequence[str]
    run_id: int | None = None


def preview(
    session: Session, runs: Sequence[RunToImport], experiment: str
) -> tuple[int | None, list[ImportedRun]]:
    """Return what the import of runs would store. Writes nothing."""
    found = external_experiments.by_name(session, experiment)
    digests = [digest_of(run.found) for run in runs]
    known = imported_runs.find(session, found.id, digests) if found else {}
    previews = []
    for run, digest in zip(runs, digests, strict=True):
        diagnosis = diagnoses.of_pairing(_pairing(run.found), 0)
        notes = (ALREADY_IMPORTED,) if digest in known else ()
        previews.append(_imported(run, diagnosis, notes))
    return found.id if found else None, previews


def store(
    session: Session, runs: Sequence[RunToImport], experiment: str, following: Following | None
) -> tuple[int, list[ImportedRun]]:
    """Store runs in the experiment with a name; return its id and the runs in their order.

    A run that the experiment has already is not stored again. Raises InvalidInput.
    """
    experiment_id = experiments.find_or_create(session, experiment).id
    imported_runs.lock(session, experiment_id)
    if following is not None:
        return experiment_id, follow(session, experiment_id, runs, following)
    digests = [digest_of(run.found) for run in runs]
    known = imported_runs.find(session, experiment_id, digests)
    stored: list[ImportedRun] = []
    for run, digest in zip(runs, digests, strict=True):
        if digest in known:
            stored.append(_existing(session, known[digest], run))
        else:
            logged = _create(session, experiment_id, run)
            imported_runs.note(session, logged, [digest])
            known[digest] = logged.external_id
            stored.append(_diagnosed(session, logged, run))
    return experiment_id, stored


def follow(
    session: Session, experiment_id: int, runs: Sequence[RunToImport], following: Following
) -> list[ImportedRun]:
    """Store the new points of the runs of a log that grows; a run that is new is created."""
    stored: list[ImportedRun] = []
    taken: set[str] = set()
    for run in runs:
        logged = _followed(session, experiment_id, run, following, taken)
        new = imported_runs.new_points(session, logged, _timed(run.found), _now())
        imported_runs.add_series(session, logged, new)
        digests = [digest_of_followed(following.source, run.found.label)]
        if following.ended:  # a later import of the whole file is the same run
            digests.append(digest_of(run.found))
        imported_runs.note(session, logged, digests)
        taken.add(logged.external_id)
        notes = () if new else (NO_NEW_POINTS,)
        stored.append(_diagnosed(session, logged, run, notes, ended=following.ended))
    return stored


def _followed(
    session: Session,
    experiment_id: int,
    run: RunToImport,
    following: Following,
    taken: Collection[str],
) -> LoggedRun:
    """Return the run of a log that grows, locked.

    The only run of a folder has the label of the folder. Once there is a second one, both have
    labels of their own.
    """
    own = digest_of_followed(following.source, run.found.label)
    of_folder = digest_of_followed(following.source, run.found.label.partition("#")[0])
    same = digest_of(run.found)
    known = imported_runs.find(session, experiment_id, [own, of_folder, same])
    for digest in (own, same, of_folder):
        external_id = known.get(digest)
        if external_id is None or external_id in taken:
            continue
        logged = external_runs.locate(session, [external_id])[external_id]
        if digest != of_folder or imported_runs.has_grown(session, logged, run.found.series):
            return logged
    return _create(session, experiment_id, run, with_points=False)


def _create(
    session: Session, experiment_id: int, run: RunToImport, *, with_points: bool = True
) -> LoggedRun:
    name = run.name[:MAX_NAME_CHARACTERS]
    start, _ = _ends(run.found)
    logged = create_run(session, experiment_id, SOURCE, name=name, start_time=start)
    params = _texts(run.found.params, MAX_PARAM_CHARACTERS)
    tags = _texts(run.found.tags, MAX_TAG_CHARACTERS)
    log(session, RunLog(logged.external_id, params=params, tags=tags))
    if with_points:
        imported_runs.add_series(session, logged, _timed(run.found))
    return logged


def _diagnosed(
    session: Session,
    logged: LoggedRun,
    run: RunToImport,
    notes: Sequence[str] = (),
    *,
    ended: bool = True,
) -> ImportedRun:
    """Set the state of a run whose points are stored, and diagnose it."""
    _, end = _ends(run.found)
    status: State = "finished" if ended else "running"
    external_runs.set_status(session, logged, status, end_time=end if ended else None)
    row, external = external_runs.get(session, logged.external_id)
    found = diagnoses.of_pairing(_pairing(run.found), external.batches)
    if stored_experiments.get(session, logged.experiment_id).pairing and not run.has_choice:
        diagnoses.diagnose_now(session, logged)  # a person has chosen losses for the experiment
        return _existing(session, logged.external_id, run, notes)
    best = _logged_best(run.found, found.best_epoch)
    at_best = diagnoses.metrics_at_best(session, row, best, len(run.found.series))
    found = replace(found, recorded_at=_now(), metrics_at_best=at_best)
    diagnoses.store(session, logged, found)
    return replace(_imported(run, found, notes), run_id=logged.run_id)


def _existing(
    session: Session, external_id: str, run: RunToImport, notes: Sequence[str] = (ALREADY_IMPORTED,)
) -> ImportedRun:
    """Return a stored run."""
    row, external = external_runs.get(session, external_id)
    sentence = str((row.diagnosis or {}).get("sentence", ""))
    notes = (*_notes(run.found), *notes)
    return ImportedRun(run, external.run_name, row.verdict or "", sentence, notes, row.id)


def _imported(run: RunToImport, found: RunDiagnosis, notes: Sequence[str]) -> ImportedRun:
    diagnosis = found.diagnosis
    notes = (*_notes(run.found), *notes)
    return ImportedRun(run, run.name, diagnosis.verdict.value, diagnosis.sentence, notes)


def _notes(run: FoundRun) -> list[str]:
    """Return the notes on a run in a log, as `lab diagnose` prints them."""
    notes = [*run.notes, *(run.pair.remarks if run.pair else ())]
    left_out = len(run.series) - len(_storable(run.series))
    if left_out:
        notes.append(
            f"{left_out:,} metrics are left out, as their names are empty or longer than "
            f"{MAX_KEY_CHARACTERS} characters"
        )
    return notes if run.pair else [*notes, run.reason.removesuffix(".")]


def _pairing(run: FoundRun) -> Pairing:
    """Return the losses of a run in a log in the form that is stored with a run."""
    if run.pair is None:
        return Pairing(None, run.reason, run.alternatives)
    train, validation = run.pair.names
    reason = f"{train} and {validation} were read as train and validation loss from {run.label}."
    others = [pair for pair in run.alternatives if pair != run.pair.names]
    return Pairing(replace(run.pair, remarks=_notes(run)), reason, others)


def _logged_best(run: FoundRun, best: int | None) -> int | None:
    """Return the best epoch if the series of the run are on the axis of the diagnosis."""
    if run.pair is None:
        return None
    series = run.series.get(run.pair.names[1].split(" + ")[0])
    same_axis = series is not None and np.isin(run.pair.validation.steps, series.steps).all()
    return best if same_axis else None


def _storable(series: Mapping[str, Series]) -> dict[str, Series]:
    return {name: values for name, values in series.items() if _is_storable_name(name)}


def _is_storable_name(name: str) -> bool:
    return bool(name.strip()) and len(name) <= MAX_KEY_CHARACTERS and "\0" not in name


def _texts(texts: Mapping[str, str], most: int) -> dict[str, str]:
    """Return params or tags that can be stored, cut to `most` characters."""
    return {
        name: text[:most].replace("\0", "\ufffd")
        for name, text in texts.items()
        if _is_storable_name(name)
    }


def _timed(run: FoundRun) -> dict[str, TimedSeries]:
    """Return the series of a run with the times of the log, or that of the import."""
    timed = {}
    for name, series in _storable(run.series).items():
        times = run.times.get(name)
        if times is None or len(times) != len(series):
            times = np.full(len(series), _now())
        timed[name] = TimedSeries(series, times)
    return timed


def _now() -> int:
    return int(time.time() * 1000)


def _ends(run: FoundRun) -> tuple[int | None, int | None]:
    """Return the first and the last time of a run in milliseconds, None without times."""
    times = [series for series in run.times.values() if len(series)]
    if not times:
        return None, None
    ends = min(int(each.min()) for each in times), max(int(each.max()) for each in times)
    first, last = map(stored_time, ends)
    return first, last
