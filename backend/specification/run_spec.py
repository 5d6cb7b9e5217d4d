"""RunSpec: the whole specification of a single run.

Where a hyperparameter has no effect, its field has its default: None, or the one value that it can
have there.
"""

from collections.abc import Collection, Sequence
from functools import lru_cache

from backend.specification.data_sources import SOURCES, Source
from backend.specification.families import FAMILIES, Family
from backend.specification.hyperparameters import (
    HYPERPARAMETERS,
    Dataset,
    EarlyStopping,
    Model,
    Section,
    Training,
)
from backend.specification.notation import feature_count
from backend.specification.optimizers import OPTIMIZERS, Optimizer
from backend.specification.params import JsonObject, Params, ParamValue

_PLACES = {
    path: (hyperparameter.section, hyperparameter.name)
    for path, hyperparameter in HYPERPARAMETERS.items()
}


class RunSpec(Section):
    """The specification of one run."""

    dataset: Dataset
    model: Model
    training: Training
    early_stopping: EarlyStopping

    @property
    def source(self) -> Source:
        """The data source."""
        return SOURCES[self.dataset.source]

    @property
    def family(self) -> Family:
        """The family of the model."""
        return FAMILIES[self.model.family]

    @property
    def optimizer(self) -> Optimizer:
        """The optimiser."""
        return OPTIMIZERS[self.training.optimizer]

    @property
    def feature_count(self) -> int:
        """The number of features that the model sees of a sample: all inputs or the chosen ones."""
        return feature_count(self.model.features) or self.dataset.input_count

    def params(self) -> dict[str, ParamValue]:
        """Return the flat params, ``{"model.width": 8, ...}``, without values that are None."""
        return {
            f"{section}.{name}": value
            for section, values in vars(self).items()
            for name, value in vars(values).items()
            if value is not None
        }

    def with_seeds(self, seeds: Sequence[int]) -> "list[RunSpec]":
        """Return the run once for each seed."""
        trainings = (self.training.model_copy(update={"seed": seed}) for seed in seeds)
        return [self.model_copy(update={"training": training}) for training in trainings]

    @classmethod
    def from_params(cls, params: Params) -> "RunSpec":
        """Return the RunSpec of flat params. Raises pydantic.ValidationError.

        Runs of a grid share the sections in which they agree.
        """
        sections = _sections(params)
        return cls.model_validate(
            {name: _section(name, tuple(values.items())) for name, values in sections.items()}
        )

    @classmethod
    def partial(cls, params: Params, unknown: Collection[str]) -> "RunSpec":
        """Return a RunSpec in which reading an unknown hyperparameter raises AttributeError.

        The values are not validated.
        """
        parts: JsonObject = {}  # sections by name
        for name, values in _sections(params).items():
            parts[name] = _MODELS[name].model_construct(None, **values)
        for section, name in (_PLACES[path] for path in unknown if path in _PLACES):
            parts[section].__dict__.pop(name, None)
        return cls.model_construct(None, **parts)


_MODELS: dict[str, type[Section]] = {
    "dataset": Dataset,
    "model": Model,
    "training": Training,
    "early_stopping": EarlyStopping,
}


def _sections(params: Params) -> dict[str, dict[str, ParamValue]]:
    sections: dict[str, dict[str, ParamValue]] = {name: {} for name in _MODELS}
    for path, value in params.items():
        section, name = _PLACES.get(path) or path.split(".", 1)
        sections[section][name] = value
    return sections


@lru_cache(10_000)
def _section(name: str, values: tuple[tuple[str, ParamValue], ...]) -> Section:
    return _MODELS[name].model_validate(dict(values))
