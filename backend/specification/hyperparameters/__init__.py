"""The hyperparameters: every setting of a run, each declared once.

To add one, declare it in the module of its section (dataset, model, training or early_stopping) and
annotate a field of the section with it. Validation, defaults, the form, labels, help texts, the
glossary, error messages and the reference in docs/ are derived from the declaration.
"""

from backend.specification.families import FAMILIES
from backend.specification.hyperparameters.dataset import Dataset
from backend.specification.hyperparameters.declaration import (
    Choice,
    Hyperparameter,
    NamedChoice,
    Role,
    Section,
    declared,
    show,
)
from backend.specification.hyperparameters.early_stopping import EarlyStopping
from backend.specification.hyperparameters.model import Model
from backend.specification.hyperparameters.training import Training
from backend.specification.params import OwnName

__all__ = [
    "AXES",
    "AXIS_SECTIONS",
    "CAPACITY",
    "HYPERPARAMETERS",
    "SECTIONS",
    "STOPPING",
    "Choice",
    "Dataset",
    "EarlyStopping",
    "Hyperparameter",
    "Model",
    "NamedChoice",
    "Role",
    "Section",
    "Training",
    "declared",
    "show",
    "with_role",
]

AXIS_SECTIONS: dict[str, type[Section]] = {
    "dataset": Dataset,
    "model": Model,
    "training": Training,
}
"""The sections in which any hyperparameter may be a list."""

SECTIONS: dict[str, type[Section]] = AXIS_SECTIONS | {"early_stopping": EarlyStopping}
"""All sections of a run's specification."""

AXES: dict[str, Hyperparameter] = {
    path: hyperparameter
    for section in AXIS_SECTIONS.values()
    for path, hyperparameter in declared(section).items()
}
"""The hyperparameters that may be lists, by dotted path."""

STOPPING: dict[str, Hyperparameter] = declared(EarlyStopping)
"""The hyperparameters of early stopping by dotted path. They hold for all runs of an experiment."""

HYPERPARAMETERS: dict[str, Hyperparameter] = AXES | STOPPING
"""All hyperparameters by dotted path."""


CAPACITY: tuple[str, ...] = tuple(
    dict.fromkeys(
        [f"model.{family.size_setting}" for family in FAMILIES.values()]
        + [
            path
            for path, hyperparameter in HYPERPARAMETERS.items()
            if hyperparameter.role is Role.CAPACITY
        ]
    )
)
"""The paths of the settings of capacity, those that size a family of models first."""


def with_role(role: Role) -> tuple[str, ...]:
    """Return the dotted paths of the hyperparameters that play a role, in declared order."""
    return tuple(
        path for path, hyperparameter in HYPERPARAMETERS.items() if hyperparameter.role is role
    )


def shown_name(path: str) -> str:
    """Return the name of a param in a sentence: a person's own name is not changed."""
    if isinstance(path, OwnName):
        return path.name
    return path.rpartition(".")[2].replace("_", " ") if path in HYPERPARAMETERS else path


def paths_of(name: str) -> tuple[str, ...]:
    """Return the names that a param may have in a run: as written, and its dotted path.

    External runs may log a param "width", which runs that are trained here have as "model.width".
    """
    paths = [path for path in HYPERPARAMETERS if path.rpartition(".")[2] == name]
    return (name, *paths) if len(paths) == 1 else (name,)
