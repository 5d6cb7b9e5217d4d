"""Experiments of external runs: create, find, rename, tag, delete and restore."""

from collections.abc import Mapping

from sqlalchemy.orm import Session

from backend.errors import Conflict, NotFound
from backend.runs import curation
from backend.store import experiments, external_experiments
from backend.store.tables import Experiment
from backend.tracking.limits import (
    MAX_EXPERIMENT_NAME_CHARACTERS,
    MAX_TAG_CHARACTERS,
    check_text,
    check_texts,
)


def create_experiment(
    session: Session, name: str, *, tags: Mapping[str, str | None] | None = None
) -> Experiment:
    """Store an experiment. Raises InvalidInput, and Conflict if its name is taken."""
    check_text(name, "name", MAX_EXPERIMENT_NAME_CHARACTERS, empty=False)
    check_texts(tags or {}, "tags", MAX_TAG_CHARACTERS)
    _require_free(session, name)
    experiment = external_experiments.create(session, name)
    external_experiments.set_tags(session, experiment.id, tags or {})
    return experiment


def find_or_create(session: Session, name: str) -> Experiment:
    """Return the experiment with a name, created if it is missing. Raises InvalidInput."""
    found = external_experiments.by_name(session, name)
    if found is None:
        external_experiments.lock_names(session)  # another transaction may be creating it
        found = external_experiments.by_name(session, name)
    return found or create_experiment(session, name)


def get(session: Session, experiment_id: int) -> Experiment:
    """Return an experiment of external runs, deleted or not. Raises NotFound."""
    experiment = experiments.get(session, experiment_id)
    if experiment.origin != external_experiments.EXTERNAL:
        raise NotFound(
            f"Experiment {experiment_id} is trained here by its specification; it does not have "
            "external runs."
        )
    return experiment


def rename_experiment(session: Session, experiment_id: int, name: str) -> None:
    """Rename an experiment. Raises NotFound, InvalidInput, and Conflict if the name is taken."""
    check_text(name, "name", MAX_EXPERIMENT_NAME_CHARACTERS, empty=False)
    if get(session, experiment_id).name != name:
        _require_free(session, name)
        external_experiments.rename(session, experiment_id, name)


def set_experiment_tags(
    session: Session, experiment_id: int, tags: Mapping[str, str | None]
) -> None:
    """Set tags; a tag that is None is removed. Raises NotFound and InvalidInput."""
    check_texts(tags, "tags", MAX_TAG_CHARACTERS)
    external_experiments.set_tags(session, get(session, experiment_id).id, tags)


def delete_experiment(session: Session, experiment_id: int) -> None:
    """Delete an experiment with its runs, so that it can be restored. Raises NotFound."""
    curation.delete(session, "experiment", [get(session, experiment_id).id])


def restore_experiment(session: Session, experiment_id: int, *, deleted_days: float) -> None:
    """Restore an experiment.

    Raises NotFound, and Conflict if it is being removed or its name is taken.
    """
    ids = [get(session, experiment_id).id]
    curation.restore(session, "experiment", ids, deleted_days=deleted_days)


def _require_free(session: Session, name: str) -> None:
    external_experiments.lock_names(session)
    if taken := external_experiments.by_name(session, name):
        raise Conflict(f"Experiment {taken.id} has the name {name!r} already.", "name")
