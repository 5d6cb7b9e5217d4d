"""The fields of an import next to its files: experiment, losses, corrections, and following."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from backend.errors import InvalidInput
from backend.imports.found_runs import NAMES_DECIDE, ChosenLosses, FoundRun
from backend.imports.importer import DEFAULT_EXPERIMENT, Following, RunToImport
from backend.imports.uploads import FILE
from backend.tracking.limits import (
    MAX_EXPERIMENT_NAME_CHARACTERS,
    MAX_NAME_CHARACTERS,
    check_text,
)

FIELDS = ("experiment", "train", "validation", "runs", "follow", "ended")
MAX_SOURCE_CHARACTERS = 500
MAX_LOSS_CHARACTERS = 1000


class Correction(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A person's corrections of one run; None changes nothing. A run with `skip` is left out."""

    name: str | None = None
    train: str | None = None
    validation: str | None = None
    skip: bool = False

    @property
    def losses(self) -> ChosenLosses | None:
        """The chosen losses, None if the names decide."""
        chosen = ChosenLosses(self.train or None, self.validation or None)
        return None if chosen == NAMES_DECIDE else chosen


@dataclass(frozen=True)
class ImportRequest:
    """The request of a client without its files. `corrections` are by the label of a run."""

    experiment: str = DEFAULT_EXPERIMENT
    chosen: ChosenLosses = NAMES_DECIDE
    corrections: Mapping[str, Correction] = field(default_factory=dict)
    following: Following | None = None

    @property
    def choices(self) -> dict[str, ChosenLosses]:
        """The chosen losses of single runs, by their labels."""
        losses = {label: correction.losses for label, correction in self.corrections.items()}
        return {label: chosen for label, chosen in losses.items() if chosen}

    def applied_to(self, runs: list[FoundRun]) -> list[RunToImport]:
        """Return the runs to import, corrected. Raises InvalidInput if a correction has no run."""
        labels = {run.label for run in runs}
        for label in self.corrections:
            if label not in labels:
                listed = ", ".join(sorted(labels)[:10])
                raise InvalidInput(
                    f"runs has {label[:100]!r}; accepted: a run of the files, such as {listed}.",
                    "runs",
                )
        wanted = [self._corrected(run) for run in runs]
        kept = [run for run in wanted if run is not None]
        if not kept:
            raise InvalidInput("runs leaves out all runs; accepted: at least one.", "runs")
        return kept

    def _corrected(self, run: FoundRun) -> RunToImport | None:
        correction = self.corrections.get(run.label, Correction())
        if correction.skip:
            return None
        has_choice = correction.losses is not None or self.chosen != NAMES_DECIDE
        return RunToImport(run, (correction.name or "").strip() or run.label, has_choice)


def parse_request(fields: Mapping[str, str]) -> ImportRequest:
    """Return the request in the fields of a form. Raises InvalidInput naming the field."""
    for name in fields:
        if name not in FIELDS:
            accepted = ", ".join((FILE, *FIELDS))
            raise InvalidInput(f"{name[:60]} is not a field; accepted: {accepted}.", name[:60])
    experiment = fields.get("experiment", "").strip() or DEFAULT_EXPERIMENT
    check_text(experiment, "experiment", MAX_EXPERIMENT_NAME_CHARACTERS)
    for name in ("train", "validation"):
        check_text(fields.get(name, ""), name, MAX_LOSS_CHARACTERS)
    chosen = ChosenLosses(fields.get("train") or None, fields.get("validation") or None)
    return ImportRequest(experiment, chosen, _corrections(fields), _following(fields))


def _corrections(fields: Mapping[str, str]) -> dict[str, Correction]:
    try:
        corrections = msgspec.json.decode(fields.get("runs") or "{}", type=dict[str, Correction])
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidInput(
            f"runs is not readable: {error}; accepted: JSON such as "
            '{"log.csv": {"train": "loss", "validation": "val_loss"}}.',
            "runs",
        ) from error
    for correction in corrections.values():
        check_text(correction.name or "", "runs", MAX_NAME_CHARACTERS)
    return corrections


def _following(fields: Mapping[str, str]) -> Following | None:
    ended = fields.get("ended", "false")
    if ended not in ("true", "false"):
        raise InvalidInput(f"ended is {ended[:60]!r}; accepted: true or false.", "ended")
    source = fields.get("follow", "")
    check_text(source, "follow", MAX_SOURCE_CHARACTERS)
    return Following(source, ended == "true") if source else None
