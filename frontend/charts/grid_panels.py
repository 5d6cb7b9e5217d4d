"""Grid of any dimension as tables: two hyperparameters are axes, the others are filters."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from backend.analysis.cells import SEED
from backend.runs.schemas import RunItem
from backend.specification.params import Axes, ParamValue
from frontend import formatting
from frontend.charts.grid import (
    GridCell,
    GridInfo,
    axes_of,
    choose_axes,
    grid_info,
    place_of,
    value_of,
)
from frontend.charts.grid_metrics import (
    LEVELS,
    MEASURES,
    VERDICT,
    AtBest,
    Ramp,
    ramp_of,
    value_of_cell,
)

MAX_PANELS = 12
MAX_SIDE_BY_SIDE = 4  # values of a hyperparameter that get tables of their own by default
# More rows or columns than these make cells small, or coloured without text.
COMPACT, DENSE = 8, 16
ALL, EACH = "all", "each"


@dataclass(frozen=True)
class GridFilter:
    """A hyperparameter that is not an axis. It shows ALL values together, EACH apart, or one."""

    path: str
    values: Sequence[ParamValue]
    shown: str

    @property
    def options(self) -> Sequence[tuple[str, str]]:
        """The choices for `shown`, with their labels."""
        values = [(str(value), formatting.value(value, self.path)) for value in self.values]
        return [(ALL, "all together"), (EACH, "side by side"), *values]

    def picks(self, run: RunItem) -> bool:
        """Return whether a run is shown."""
        return self.shown in (ALL, EACH) or str(value_of(run, self.path)) == self.shown


@dataclass(frozen=True)
class CellPlace:
    """The place of a cell: its table, row and column. `first` is the first cell of its table."""

    panel: int
    row: int
    column: int
    first: bool

    @property
    def id(self) -> str:
        """Id of the cell's element."""
        return f"cell-{self.panel}-{self.row}-{self.column}"


@dataclass(frozen=True)
class PanelsInfo:
    """The tables of an experiment, which share one colour ramp.

    `varying` maps the hyperparameters that vary to their values; `size` is the size of the cells.
    """

    choice: str
    varying: Axes
    axes: tuple[str | None, str | None]
    filters: Sequence[GridFilter]
    panels: Sequence[GridInfo]
    ramp: Ramp | None
    size: str

    @property
    def cells(self) -> Sequence[GridCell]:
        """All cells."""
        return [cell for panel in self.panels for row in panel.cells for cell in row if cell]

    @property
    def placed_cells(self) -> Iterator[tuple[CellPlace, GridCell]]:
        """All cells with their places."""
        for panel, table in enumerate(self.panels):
            first = True
            for row, line in enumerate(table.cells):
                for column, cell in enumerate(line):
                    if cell:
                        yield CellPlace(panel, row, column, first), cell
                        first = False

    @staticmethod
    def place(panel: int, row: int, column: int, first: bool) -> CellPlace:
        """Return a place, for the template."""
        return CellPlace(panel, row, column, first)

    @property
    def averaged(self) -> Sequence[str]:
        """The hyperparameters that vary within a cell."""
        return [item.path for item in self.filters if item.shown == ALL]

    @property
    def subjects(self) -> str:
        """The kind of the ids in `compared` for the compare page: "cells" or "runs"."""
        return "runs" if SEED in self.axes else "cells"

    def compared(self, cell: GridCell) -> str:
        """Return the ids of a cell's runs, one id for runs that differ only in their seed."""
        apart = [path for path in self.averaged if path != SEED]
        ids = {tuple(value_of(run, path) for path in apart): run.id for run in cell.runs[::-1]}
        return ",".join(map(str, sorted(ids.values())))

    @property
    def legend(self) -> Sequence[tuple[str, str]]:
        """CSS classes and texts: the steps of the ramp with texts at its ends, or the verdicts."""
        if self.choice == VERDICT:
            texts = {str(cell.value): cell.style for cell in self.cells if cell.value is not None}
            return [(style, text) for text, style in sorted(texts.items())]
        if self.ramp is None:
            return []
        write = MEASURES[self.choice].write
        ends = {0: write(self.ramp.low), LEVELS - 1: write(self.ramp.high)}
        return [(f"level-{level}", ends.get(level, "")) for level in range(LEVELS)]


def panels_info(
    runs: Sequence[RunItem],
    at_best: Mapping[int, AtBest],
    *,
    choice: str = "gap",
    row_path: str | None = None,
    column_path: str | None = None,
    shown: Mapping[str, str] | None = None,
) -> PanelsInfo:
    """Return the tables of an experiment, by default with capacity down and data across.

    `shown` maps the paths of other hyperparameters to ALL, EACH or one value.
    """
    varying = axes_of(runs)
    candidates = {path: values for path, values in varying.items() if path != SEED} or varying
    axes = choose_axes(candidates, row_path, column_path)
    filters = _filters(varying, axes, shown or {})
    runs = [run for run in runs if all(item.picks(run) for item in filters)]
    apart = [item for item in filters if item.shown == EACH]
    groups = _groups(runs, apart)
    ramp = _ramp(choice, groups, axes, at_best)
    panels = [
        grid_info(
            group, varying, at_best, choice=choice, axes=axes, ramp=ramp, title=_title(apart, key)
        )
        for key, group in groups.items()
    ]
    rows, columns = (len(varying.get(axis or "", ())) for axis in axes)
    size = _size(rows, columns, len(panels))
    return PanelsInfo(choice, varying, axes, filters, panels, ramp, size)


def _groups(
    runs: Sequence[RunItem], apart: Sequence[GridFilter]
) -> dict[tuple[ParamValue, ...], list[RunItem]]:
    """Return the runs of each table by its values of the hyperparameters shown apart."""
    groups: dict[tuple[ParamValue, ...], list[RunItem]] = {
        key: [] for key in product(*(item.values for item in apart))
    }
    for run in runs:
        groups[tuple(value_of(run, item.path) for item in apart)].append(run)
    return {key: group for key, group in groups.items() if group}


def _filters(
    varying: Axes,
    axes: tuple[str | None, str | None],
    shown: Mapping[str, str],
) -> list[GridFilter]:
    """Return the hyperparameters that are not axes, shown in at most MAX_PANELS tables."""
    filters: list[GridFilter] = []
    tables = 1
    for path, values in varying.items():
        if path in axes:
            continue
        default = EACH if tables == 1 and path != SEED and len(values) <= MAX_SIDE_BY_SIDE else ALL
        choice = shown.get(path, default)
        if choice not in (ALL, EACH, *map(str, values)):
            choice = default
        if choice == EACH and tables * len(values) > MAX_PANELS:
            choice = ALL
        if choice == EACH:
            tables *= len(values)
        filters.append(GridFilter(path, values, choice))
    return filters


def _ramp(
    choice: str,
    groups: Mapping[tuple[ParamValue, ...], Sequence[RunItem]],
    axes: tuple[str | None, str | None],
    at_best: Mapping[int, AtBest],
) -> Ramp | None:
    cells: dict[Hashable, list[RunItem]] = {}
    for key, group in groups.items():
        for run in group:
            cells.setdefault((key, place_of(run, axes)), []).append(run)
    return ramp_of(value_of_cell(choice, cell, at_best) for cell in cells.values())


def _title(apart: Sequence[GridFilter], key: tuple[ParamValue, ...]) -> str:
    pairs = zip(apart, key, strict=True)
    return ", ".join(
        f"{formatting.label(item.path)} {formatting.value(value, item.path)}"
        for item, value in pairs
    )


def _size(rows: int, columns: int, panels: int) -> str:
    if columns > DENSE or (panels > 2 and columns > COMPACT):
        return "dense"
    return "compact" if max(rows, columns) > COMPACT or panels > 1 else "roomy"
