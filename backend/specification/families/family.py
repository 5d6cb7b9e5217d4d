"""Family: all facts about one family of models except its training, which is in worker/training."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from backend.errors import FieldError
from backend.specification.data_sources import InputScale
from backend.specification.params import ParamValue

if TYPE_CHECKING:
    from backend.specification.hyperparameters import Model
    from backend.specification.run_spec import RunSpec


def _takes_features(spec: "RunSpec") -> int:
    return spec.feature_count


def _nothing(_: "RunSpec") -> int:
    return 0


def _accepted(_: "RunSpec") -> FieldError | None:
    return None


@dataclass(frozen=True)
class Family:
    """One family of models.

    `settings` are the model settings that it takes. `size_setting` sets the size of a model. It is
    divided or multiplied by `size_factor`, down to `smallest_size`, to try another size. `saving`
    are the paths of the settings that save memory when they are smaller. `defaults` are by dotted
    path, where they differ from the general ones.

    `by_gradients` and `closed_form` are the ways in which it can be trained. `for_images` means
    that it needs sources of images. `scale` is the scaling of features, if it differs from that of
    the source.

    `parameters` counts the trainable parameters of a run, and `fixed_weights` those that are drawn
    and never trained. `model_inputs` counts the numbers that a model receives of each sample.
    `hidden_numbers` counts the numbers that it holds for each row between inputs and outputs, and
    `reused_flops` the floating-point operations of a forward pass on a row beyond two per
    parameter. `check` returns the reason why a combination cannot be trained. `describe` names a
    model by its size: "2 layers of 32 neurons". `loading_code` writes Python that loads a snapshot
    from a file and defines `predict`.
    """

    name: str
    title: str
    about: str
    settings: tuple[str, ...]
    size_setting: str
    saving: tuple[str, ...]
    parameters: "Callable[[RunSpec], int]"
    describe: "Callable[[Model], str]"
    loading_code: "Callable[[RunSpec, str], str]"
    fixed_weights: "Callable[[RunSpec], int]" = _nothing
    model_inputs: "Callable[[RunSpec], int]" = _takes_features
    hidden_numbers: "Callable[[RunSpec], int]" = _nothing
    reused_flops: "Callable[[RunSpec], int]" = _nothing
    check: "Callable[[RunSpec], FieldError | None]" = _accepted
    by_gradients: bool = True
    closed_form: bool = False
    for_images: bool = False
    size_factor: int = 4
    smallest_size: int = 2
    scale: InputScale | None = None
    defaults: Mapping[str, ParamValue] = field(default_factory=dict)

    @property
    def size_path(self) -> str:
        """The dotted path of the setting that sets the size of a model."""
        return f"model.{self.size_setting}"
