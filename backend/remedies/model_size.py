"""The size of a run's model: the hyperparameter that sets it, and other sizes to try."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import fmean

from backend.analysis.cells import SEED, ParamsKey, params_key
from backend.specification.families import FAMILIES
from backend.specification.hyperparameters import HYPERPARAMETERS
from backend.specification.hyperparameters.model import DEGREE, FAMILY, LAYERS, WIDTH
from backend.specification.params import Params
from backend.specification.run_spec import RunSpec

SIZE_FACTOR = 4  # between one width, or number of channels, and the next
DEGREE_FACTOR = 2  # degrees add many parameters each
MIN_SIZE, MIN_DEGREE = 2, 1

SizeValue = int | str
"""A width, a degree, a number of channels, or the widths of all layers: "64-32"."""


@dataclass(frozen=True)
class ModelSize:
    """The hyperparameter at `path` that sets the size of a model, and its value."""

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
        return self._resized(_smaller)

    def enlarged(self) -> SizeValue:
        """Return a larger size, or the same size if it is the largest."""
        return self._resized(_larger)

    def _resized(self, resize: Callable[[str, int], int]) -> SizeValue:
        """Return the size, or the size of each layer, changed by `resize`."""
        if isinstance(self.value, int):
            return resize(self.path, self.value)
        return "-".join(str(resize(WIDTH.path, int(width))) for width in self.value.split("-"))


def size_of(spec: RunSpec) -> ModelSize | None:
    """Return the size of a run's model, None for a single-layer network."""
    params = spec.params()
    path = _size_path(params)
    value = params.get(path)
    return ModelSize(path, value) if isinstance(value, int | str) else None


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
    return f"{FAMILY.section}.{FAMILIES[str(params[FAMILY.path])].size_setting}"


def _smaller(path: str, size: int) -> int:
    smallest, factor = (
        (MIN_DEGREE, DEGREE_FACTOR) if path == DEGREE.path else (MIN_SIZE, SIZE_FACTOR)
    )
    return min(size, max(smallest, size // factor))


def _larger(path: str, size: int) -> int:
    larger = max(size + 1, DEGREE_FACTOR * size) if path == DEGREE.path else SIZE_FACTOR * size
    return min(HYPERPARAMETERS[path].maximum, larger)
