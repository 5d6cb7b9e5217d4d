"""Roles of params: which of an external run's params are data size, capacity and seed."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from backend.analysis.cells import N_TRAIN, SEED
from backend.specification.hyperparameters import model
from backend.specification.params import JsonObject, OwnName, ParamValue, number_in

DATA_SIZE_NAMES = (
    "n_train", "num_train", "train_size", "n_samples", "num_samples", "n_train_samples",
    "num_train_samples", "train_samples", "dataset_size", "data_size", "max_train_samples",
)  # fmt: skip
CAPACITY_NAMES = (
    "width", "hidden", "hidden_size", "hidden_dim", "hidden_units", "n_hidden", "num_hidden",
    "units", "n_units", "d_model", "n_embd", "channels", "filters", "degree", "depth", "n_layers",
    "num_layers", "layers", "max_depth", "num_leaves", "max_leaves",
)  # fmt: skip
SEED_NAMES = (
    "seed", "random_state", "random_seed", "global_seed", "rng_seed", "data_seed", "torch_seed",
)  # fmt: skip
COUNT_NAMES = (
    "n_params", "num_params", "n_parameters", "num_parameters", "parameters", "total_params",
    "trainable_params", "model_size",
)  # fmt: skip
MAX_WHOLE = 1 << 53  # beyond, floats cannot represent every whole number
_DEPTH = re.compile(r"depth|layers")
_DEGREE = re.compile(r"degree")
_WORD = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True)
class Roles:
    """The names of the params with a role, None for a role that no param has.

    `parameters` is the param that counts the weights of the model.
    """

    data_size: str | None = None
    capacity: str | None = None
    seed: str | None = None
    parameters: str | None = None

    @classmethod
    def guessed(cls, names: Iterable[str]) -> "Roles":
        """Guess roles by the usual names; of several candidates the more usual one."""
        given = list(names)
        return cls(
            _first(given, DATA_SIZE_NAMES),
            _first(given, CAPACITY_NAMES),
            _first(given, SEED_NAMES),
            _first(given, COUNT_NAMES),
        )

    def as_json(self) -> JsonObject:
        """Return the roles as JSON."""
        return asdict(self)

    @property
    def capacity_path(self) -> str:
        """The hyperparameter whose place the capacity takes in the analysis."""
        name = (self.capacity or "").lower()
        if _DEGREE.search(name):
            return model.DEGREE.path
        return model.DEPTH.path if _DEPTH.search(name) else model.WIDTH.path

    def settings(self, params: Mapping[str, str]) -> dict[str, ParamValue]:
        """Return params as the analysis reads them: numbers as numbers, roles by their paths."""
        roles = {self.data_size: N_TRAIN, self.seed: SEED, self.capacity: self.capacity_path}
        paths = {name: OwnName(path, name) for name, path in roles.items() if name is not None}
        typed = {
            paths.get(name, name): typed_value(value)
            for name, value in params.items()
            if name != self.parameters
        }
        return {
            path: value
            for path, value in typed.items()
            if path not in roles.values() or isinstance(value, int | float)
        }

    def parameter_count(self, params: Mapping[str, str]) -> int:
        """Return the number of weights of the model, 0 if it is unknown."""
        number = number_in(params.get(self.parameters or "", ""))
        return int(number) if number is not None and number >= 1 else 0


def typed_value(text: str) -> str | int | float:
    """Return a whole number, a number, or the text itself."""
    number = number_in(text)
    if number is None:
        return text
    is_whole = number.is_integer() and "." not in text and abs(number) < MAX_WHOLE
    return int(number) if is_whole else number


def _first(names: list[str], usual: tuple[str, ...]) -> str | None:
    """Return the name that is the first of the usual ones, whatever its prefix and case."""
    by_word = {_normal(name): name for name in reversed(names)}
    by_end = {_normal(re.split(r"[./]", name)[-1]): name for name in reversed(names)}
    found = (by_word.get(word) or by_end.get(word) for word in usual)
    return next((name for name in found if name), None)


def _normal(name: str) -> str:
    return _WORD.sub("_", name.lower()).strip("_")
