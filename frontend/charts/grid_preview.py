"""The grid of a specification before it runs: parameters of each model against its samples."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import log10

from backend.specification import RunSpec
from backend.specification.estimates import parameters
from frontend.charts.grid_metrics import LEVELS

MAX_SIZES = 12  # rows and columns that are drawn
_STEPS_PER_TENFOLD = 2


@dataclass(frozen=True)
class SizeCount:
    """Runs with as many parameters and samples; `level` is a step of the ramp."""

    runs: int
    level: int
    text: str


@dataclass(frozen=True)
class SizesInfo:
    """Sizes by number of parameters, descending, and number of train samples, ascending."""

    parameters: Sequence[int]
    samples: Sequence[int]
    cells: Sequence[Sequence[SizeCount | None]]
    left_out: bool


def sizes_info(runs: Sequence[RunSpec]) -> SizesInfo:
    """Return how many runs there are of each size, coloured by parameters against samples.

    The middle of the ramp is as many parameters as there are targets to fit (samples times
    outputs): about where a model can pass through all of its samples.
    """
    counts = Counter((parameters(run), run.dataset.n_train) for run in runs)
    targets = {run.dataset.n_train: run.dataset.output_count for run in runs}
    rows = sorted({count for count, _ in counts}, reverse=True)
    columns = sorted({samples for _, samples in counts})
    shown_rows, shown_columns = _some(rows), _some(columns)
    cells = [
        [_size(count, n, n * targets[n], counts[count, n]) for n in shown_columns]
        for count in shown_rows
    ]
    left_out = (shown_rows, shown_columns) != (rows, columns)
    return SizesInfo(shown_rows, shown_columns, cells, left_out)


def _size(count: int, samples: int, targets: int, runs: int) -> SizeCount | None:
    if not runs:
        return None
    ratio = count / targets
    level = round(_STEPS_PER_TENFOLD * log10(ratio)) + LEVELS // 2
    text = f"{count:,} parameters, {samples:,} samples: {_times(ratio)}"
    return SizeCount(runs, min(LEVELS - 1, max(0, level)), text)


def _times(ratio: float) -> str:
    return f"{ratio:.2g} parameters for each target" if ratio < 100 else f"{ratio:,.0f} for each"


def _some(values: Sequence[int]) -> list[int]:
    """Return at most MOST of the values, evenly chosen, both ends among them."""
    if len(values) <= MAX_SIZES:
        return list(values)
    return [values[round(i * (len(values) - 1) / (MAX_SIZES - 1))] for i in range(MAX_SIZES)]
