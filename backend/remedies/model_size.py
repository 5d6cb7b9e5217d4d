"""The size of a run's model: the hyperparameter that sets it, and other sizes to try."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import fmean

from backend.analysis.cells import SEED, ParamsKey, params_key
from backend.specification.families import FAMILIES, Family
from backend.specification.hyperparameters import HYPERPARAMETERS
from backend.specification.hyperparameters.model import FAMILY, LAYERS
from backend.specification.notation import neurons
from backend.specification.params import Params
from backend.specification.run_spec import RunSpec

SizeValue = int | str
"""A width, a degree, a number of channels, or the widths of all layers: "64-32"."""


@dataclass(frozen=True)
class ModelSize:
    """The hyperparameter at `path` that sets the size of a model of a family, and its value."""

    family: Family
    path: str
    value: SizeValue

    def __str__(self) -> str:
        return text(self.value)

    @property
    def title(self) -> str:
        """The name of the hyperparameter at the beginning of a sentence."""
        return "Layers" if self.path == LAYERS.path else HYPERPARAMETERS[self.path].title

    def reduced(self) -> SizeValue:
        """Return a smaller size, or the same size if it is the smallest."""
        return self._resized(self._smaller)

    def enlarged(self) -> SizeValue:
        """Return a larger size, or the same size if it is the largest."""
        return self._resized(self._larger)

    def _resized(self, resize: Callable[[int], int]) -> SizeValue:
        """Return the size, or the size of each layer, changed by `resize`."""
        if isinstance(self.value, int):
            return resize(self.value)
        return "-".join(str(resize(width)) for width in neurons(self.value))

    def _smaller(self, size: int) -> int:
        return min(size, max(self.family.smallest_size, size // self.family.size_factor))

    def _larger(self, size: int) -> int:
        largest = int(HYPERPARAMETERS[self.family.size_path].maximum)
        return min(largest, max(size + 1, self.family.size_factor * size))


def size_of(spec: RunSpec) -> ModelSize | None:
    """Return the size of a run's model, None for a single-layer network."""
    params = spec.params()
    path = _size_path(params)
    value = params.get(path)
    return ModelSize(spec.family, path, value) if isinstance(value, int | str) else None


def text(size: SizeValue) -> str:
    """Write a size: "1,024" or "64-32"."""
    return f"{size:,}" if isinstance(size, int) else size


def better_capacities(
    measured: Iterable[tuple[Params, float | None]],
) -> Callable[[Params], int | None]:
    """Return a function from the hyperparameters of a cell to a better capacity measured near it.

    `measured` are the hyperparameters of runs with their lowest validation losses. Runs are near a
    cell if they differ from it only in capacity and seed. The best capacity has the lowest mean
    loss; the function returns None if that is the cell's own.
    """
    losses: dict[ParamsKey, dict[int, list[float]]] = {}
    for params, loss in measured:
        path = _size_path(params)
        size = params.get(path)
        if isinstance(size, int) and loss is not None:
            line = losses.setdefault(params_key(params, without=(SEED, path)), {})
            line.setdefault(size, []).append(loss)

    def better(params: Params) -> int | None:
        path = _size_path(params)
        line = losses.get(params_key(params, without=(SEED, path)), {})
        best = min(line, key=lambda size: fmean(line[size]), default=None)
        return None if best == params.get(path) else best

    return better


def _size_path(params: Params) -> str:
    """Return the path of the hyperparameter that sets the size of a model, were it to apply."""
    if params.get(LAYERS.path) is not None:
        return LAYERS.path
    return FAMILIES[str(params[FAMILY.path])].size_path
