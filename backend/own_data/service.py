"""Use cases of data sets: add a file, choose the target, delete."""

from collections.abc import Sequence
from dataclasses import asdict
from hashlib import file_digest
from pathlib import Path

from backend.datasets.column_files import COLUMN_FOLDER
from backend.errors import Conflict, InvalidInput
from backend.own_data import sandbox
from backend.own_data.names import checked_name
from backend.specification.params import JsonObject
from backend.store import Database, datasets
from backend.store.dataset_sources import columns_of, version_of
from backend.store.tables import Dataset

NAMED_EXPERIMENTS = 20  # in a sentence


def add_file(
    database: Database,
    path: Path,
    file_name: str,
    name: str,
    target: str | None = None,
    task: str | None = None,
) -> int:
    """Add the table in a file, which stays where it is; return its id.

    If the file was added with the same name and target before, returns that id. Raises InvalidInput
    for a file or target that cannot be used, after which nothing is kept.
    """
    name, file_sha256 = checked_name(name), _sha256(path)
    with database.read() as session:
        same = datasets.named(session, name)
        if same and (same.file_sha256, same.target) == (file_sha256, target):
            return same.id
        datasets.refuse_taken(session, name)
    columns = path.parent.with_name("columns.npz")
    described = sandbox.run(
        "file",
        path=str(path),
        file_name=file_name,
        columns=str(columns),
        target=target,
        task=task,
    )
    added = Dataset(
        name=name,
        file_name=file_name,
        file_sha256=file_sha256,
        file_bytes=path.stat().st_size,
        columns_sha256=_sha256(columns),
        row_count=described["rows"],
        description=described["description"],
    )
    if target is not None:
        _set_choice(added, target, described["choice"])
    return _keep(database, added, columns)


def _keep(database: Database, added: Dataset, columns: Path) -> int:
    """Move the file of columns to its place and store the data set, or neither; return its id."""
    sha256 = added.columns_sha256
    kept = COLUMN_FOLDER.file(sha256)
    kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with database.write() as session:
            columns.replace(kept)
            return datasets.add(session, added)
    except BaseException:
        _remove_unused(database, sha256)
        raise


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def change(
    database: Database,
    dataset_id: int,
    *,
    name: str | None = None,
    target: str | None = None,
    task: str | None = None,
    inputs: Sequence[str] | None = None,
) -> None:
    """Change the name, target, task or input columns of a data set.

    Runs that refer to it keep the version that they were trained on. Raises InvalidInput.
    """
    name = checked_name(name) if name is not None else None
    with database.read() as session:
        before = datasets.get(session, dataset_id)
        session.expunge(before)
    wanted = Dataset(
        name=name or before.name,
        file_sha256=before.file_sha256,
        columns_sha256=before.columns_sha256,
        description=before.description,
        target=before.target,
        task=before.task,
        choice=before.choice,
    )
    if inputs is not None:
        wanted.description = _with_inputs(wanted, inputs)
    target = target or wanted.target
    if target is not None:
        _choose(wanted, target, task, None if target != before.target else before.task)
    with database.write() as session:
        stored = datasets.get(session, dataset_id)
        datasets.refuse_taken(session, wanted.name, but=stored.id)
        if stored.source != wanted.source and datasets.experiments_with(session, stored.source):
            datasets.keep_version(session, stored)
        stored.name, stored.description = wanted.name, wanted.description
        _copy_choice(wanted, stored)


def delete(database: Database, dataset_id: int, *, confirmed: bool) -> None:
    """Delete a data set and its file. Curves of its runs stay.

    Raises Conflict with the experiments that refer to it, unless the caller has confirmed.
    """
    with database.write() as session:
        dataset = datasets.get(session, dataset_id)
        if not confirmed and (used := datasets.experiments_with(session, dataset.source)):
            raise Conflict(f"{used_by(dataset.name, used)} Send confirm=true to delete it.")
        columns_sha256 = dataset.columns_sha256
        datasets.delete(session, dataset)
    _remove_unused(database, columns_sha256)


def used_by(name: str, used: dict[int, int]) -> str:
    """Return the sentences that name the experiments with runs on a data set."""
    listed = ", ".join(f"{experiment}" for experiment in list(used)[:NAMED_EXPERIMENTS])
    more = f" and {len(used) - NAMED_EXPERIMENTS} others" if len(used) > NAMED_EXPERIMENTS else ""
    runs, noun = sum(used.values()), "experiment" if len(used) == 1 else "experiments"
    return (
        f"{name} has {runs:,} {'run' if runs == 1 else 'runs'} in {noun} {listed}{more}. Their "
        "curves stay, but nothing can be trained on it any more."
    )


def _choose(dataset: Dataset, target: str, task: str | None, kept_task: str | None) -> None:
    """Set the target of a data set. Without a task, it is inferred or kept."""
    choice = sandbox.run(
        "target",
        columns=str(COLUMN_FOLDER.file(dataset.columns_sha256)),
        facts=[asdict(column) for column in columns_of(dataset)],
        target=target,
        task=task or kept_task,
    )
    _set_choice(dataset, target, choice)


def _set_choice(dataset: Dataset, target: str, choice: JsonObject) -> None:
    dataset.target, dataset.task, dataset.choice = target, choice["problem"], choice
    dataset.source = version_of(dataset)


def _copy_choice(chosen: Dataset, stored: Dataset) -> None:
    stored.target, stored.task, stored.choice = chosen.target, chosen.task, chosen.choice
    stored.source = chosen.source


def _with_inputs(dataset: Dataset, inputs: Sequence[str]) -> dict[str, object]:
    """Return the description with these columns as inputs. Raises InvalidInput."""
    columns = columns_of(dataset)
    names = [column.name for column in columns]
    for name in inputs:
        if name not in names:
            accepted = ", ".join(names[:20])
            raise InvalidInput(f'inputs has "{name}"; accepted: columns ({accepted}).', "inputs")
    changed = [{**asdict(column), "used": column.name in inputs} for column in columns]
    return {**dataset.description, "columns": changed}


def _remove_unused(database: Database, columns_sha256: str) -> None:
    """Remove a column file unless a data set has it."""
    with database.write() as session:  # adding a data set with the same file waits
        if not datasets.uses_columns(session, columns_sha256):
            COLUMN_FOLDER.file(columns_sha256).unlink(missing_ok=True)
