"""Grid of an experiment: a table of two hyperparameters, coloured by a metric or verdict."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log10

from backend.analysis.cells import CAPACITY, N_TRAIN, SEED, varying
from backend.diagnosis.verdicts import majority_verdict
from backend.runs.schemas import RunItem
from backend.runs.states import ENDED
from backend.specification import RunSpec
from backend.specification.estimates import parameters
from backend.specification.params import Axes, ParamValue
from frontend import formatting
from frontend.charts.grid_metrics import LEVELS, AtBest, Ramp, ramp_of, style, value_of_cell, write
from frontend.formatting import VARIANT

MAX_CURVES = 20  # runs of a cell in its thumbnail


@dataclass(frozen=True)
class GridCell:
    """The runs that share a row and a column.

    `style` is the CSS class that colours the cell. `place` names it: "width 8, depth 2".
    """

    runs: Sequence[RunItem]
    value: float | str | None
    text: str
    style: str
    place: str

    @property
    def opened(self) -> RunItem:
        """The run that the cell links to: the first, or the first with the verdict shown."""
        shown = (run for run in self.runs if self.value and run.verdict == self.value)
        return next(shown, self.runs[0])

    @property
    def ended(self) -> int:
        """Number of runs that have ended."""
        return sum(run.status in ENDED for run in self.runs)

    @property
    def failed(self) -> int:
        """Number of runs that failed."""
        return sum(run.status == "failed" for run in self.runs)

    @property
    def curves(self) -> str:
        """URL of the thumbnail of the cell's curves. It changes with each new epoch."""
        ids = ",".join(str(run.id) for run in self.runs[:MAX_CURVES])
        return f"/charts/small-curve?runs={ids}&epochs={sum(run.epoch for run in self.runs)}"

    @property
    def amounts(self) -> str:
        """Number of runs in words, empty for one run: "5 runs", "2 of 5 runs ended, 1 failed"."""
        if len(self.runs) == 1:
            return ""
        so_far = "" if self.ended == len(self.runs) else f"{self.ended} of "
        failed = f", {self.failed} failed" if self.failed else ""
        return f"{so_far}{len(self.runs)} runs{' ended' if so_far else ''}{failed}"

    @property
    def aria_label(self) -> str:
        """The cell as text: its place, its value, its runs and the run that it links to."""
        text = ", ".join(part for part in (self.text, self.amounts, self._link_target) if part)
        return f"{self.place}: {text}" if self.place else text

    @property
    def _link_target(self) -> str:
        """The run that opens, empty if it is the only one."""
        if len(self.runs) == 1:
            return ""
        seed = self.opened.settings.get(SEED)
        return f"opens run {self.opened.id}{'' if seed is None else f', seed {seed}'}"


@dataclass(frozen=True)
class GridInfo:
    """A table. `row_path` or `column_path` is None if nothing varies in that direction.

    `title` names the runs of the table if an experiment has several tables.
    """

    title: str
    row_path: str | None
    column_path: str | None
    rows: Sequence[ParamValue]
    columns: Sequence[ParamValue]
    cells: Sequence[Sequence[GridCell | None]]


def value_of(run: RunItem, path: str) -> ParamValue:
    """Return a run's value of a hyperparameter, None where it does not apply."""
    return run.variant if path == VARIANT else run.settings.get(path)


def axes_of(runs: Sequence[RunItem]) -> dict[str, list[ParamValue]]:
    """Return the hyperparameters that vary among runs, each with its values in order.

    None is a value of a hyperparameter that does not apply to some of the runs.

    With several variants, the variant is the first axis; its name stands for the hyperparameters
    in which only variants differ.
    """
    variants = dict.fromkeys(run.variant for run in runs)
    if len(variants) > 1:
        first = [run for run in runs if run.variant == runs[0].variant]
        return {VARIANT: list(variants), **axes_of(first)}
    axes = {}
    for path, values in varying([run.settings for run in runs]).items():
        missing = [None] if any(path not in run.settings for run in runs) else []
        axes[path] = sorted([*values, *missing], key=_order)
    return axes


def _order(value: ParamValue) -> tuple[bool, bool, ParamValue]:
    is_number = isinstance(value, int | float)
    return value is not None, not is_number, value if value is not None else 0


def choose_axes(axes: Axes, row: str | None, column: str | None) -> tuple[str | None, str | None]:
    """Return the hyperparameters down and across: the requested ones if they vary.

    By default, the capacity with the most values goes down and the training samples across.
    """
    ordered = sorted(axes, key=lambda path: (path != VARIANT, *_as_row(path, axes[path])))
    if row not in axes:
        row = next((path for path in ordered if path != column), None)
    if column not in axes or column == row:
        rest = [path for path in axes if path != row]
        column = N_TRAIN if N_TRAIN in rest else next(iter(rest), None)
    named = {path: path for path in axes}  # axes may be OwnNames, which labels need
    return named.get(row or ""), named.get(column or "")


def _as_row(path: str, values: Sequence[ParamValue]) -> tuple[int, int]:
    """Return the rank of a hyperparameter as rows: capacities with the most values first."""
    if path in CAPACITY:
        return -len(values), CAPACITY.index(path)
    return 1, path == N_TRAIN


def grid_info(
    runs: Sequence[RunItem],
    values: Axes,
    at_best: Mapping[int, AtBest],
    *,
    choice: str,
    axes: tuple[str | None, str | None],
    ramp: Ramp | None = None,
    title: str = "",
) -> GridInfo:
    """Return a table of runs over two hyperparameters. `values` maps paths to their values.

    Colours are those of `ramp`, by default a ramp over the values in the table.
    """
    row, column = axes
    rows, columns = values.get(row or "", [None]), values.get(column or "", [None])
    groups: dict[tuple[ParamValue, ParamValue], list[RunItem]] = {}
    for run in runs:
        groups.setdefault(place_of(run, axes), []).append(run)
    cell_values = {key: value_of_cell(choice, group, at_best) for key, group in groups.items()}
    ramp = ramp or ramp_of(cell_values.values())
    cells = {
        key: _cell(choice, group, cell_values[key], ramp, _place(axes, key, title))
        for key, group in groups.items()
    }
    return GridInfo(
        title, row, column, rows, columns, [[cells.get((r, c)) for c in columns] for r in rows]
    )


def place_of(run: RunItem, axes: tuple[str | None, str | None]) -> tuple[ParamValue, ParamValue]:
    """Return a run's row and column."""
    row, column = axes
    return (value_of(run, row) if row else None, value_of(run, column) if column else None)


def _cell(
    choice: str, runs: Sequence[RunItem], value: float | str | None, ramp: Ramp | None, place: str
) -> GridCell:
    text = _state(runs) if value is None else write(choice, value)
    if isinstance(value, str):
        text = str(majority_verdict(run.verdict for run in runs))
    return GridCell(runs, value, text, style(value, ramp), place)


def _place(
    axes: tuple[str | None, str | None], key: tuple[ParamValue, ParamValue], title: str
) -> str:
    named = [
        f"{formatting.label(path)} {formatting.value(at, path)}"
        for path, at in zip(axes, key, strict=True)
        if path
    ]
    return ", ".join([*named, title] if title else named)


def _state(runs: Sequence[RunItem]) -> str:
    """Return the state of the runs of a cell without a value."""
    states = Counter(run.status for run in runs)
    if states["running"] or states["queued"]:
        return "running" if states["running"] else "queued"
    return states.most_common(1)[0][0] if not states["finished"] else formatting.MISSING


MAX_SIZES = 12  # rows and columns of the preview
_STEPS_PER_TENFOLD = 2


@dataclass(frozen=True)
class SizeCount:
    """The number of runs of one size. `level` is a step of the colour ramp."""

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
    """Return the number of runs of each size, coloured by the ratio of parameters to targets.

    The middle of the ramp is a ratio of 1, at which a model can about fit all of its samples. The
    number of targets is the number of samples times the number of outputs.
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
    amount = f"{ratio:.2g}" if ratio < 100 else f"{ratio:,.0f}"
    return f"{amount} parameters per target"


def _some(values: Sequence[int]) -> list[int]:
    """Return at most MAX_SIZES of the values, evenly spaced and including both ends."""
    if len(values) <= MAX_SIZES:
        return list(values)
    return [values[round(i * (len(values) - 1) / (MAX_SIZES - 1))] for i in range(MAX_SIZES)]
