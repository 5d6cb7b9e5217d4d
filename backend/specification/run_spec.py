"""RunSpec: the whole specification of a single run.

Where a hyperparameter has no effect, its field has its default: None, or the one value that it can
have there.
"""

from collections.abc import Sequence

from backend.specification.hyperparameters import Dataset, EarlyStopping, Model, Section, Training
from backend.specification.params import Params, ParamValue


class RunSpec(Section):
    """The specification of one run."""

    dataset: Dataset
    model: Model
    training: Training
    early_stopping: EarlyStopping

    def params(self) -> dict[str, ParamValue]:
        """Return the flat params, ``{"model.width": 8, ...}``, without values that are None."""
        return {
            f"{section}.{name}": value
            for section, values in self.model_dump().items()
            for name, value in values.items()
            if value is not None
        }

    def with_seeds(self, seeds: Sequence[int]) -> "list[RunSpec]":
        """Return the run once for each seed."""
        trainings = (self.training.model_copy(update={"seed": seed}) for seed in seeds)
        return [self.model_copy(update={"training": training}) for training in trainings]

    @classmethod
    def from_params(cls, params: Params) -> "RunSpec":
        """Return the RunSpec of flat params. Raises pydantic.ValidationError."""
        nested: dict[str, dict[str, ParamValue]] = {}
        for path, value in params.items():
            section, name = path.split(".", 1)
            nested.setdefault(section, {})[name] = value
        return cls.model_validate(nested)
