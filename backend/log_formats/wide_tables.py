"""Wide tables: runs in the names of columns, as in the downloads of charts from W&B."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from backend.log_formats.axis_names import is_axis
from backend.log_formats.columns import Table
from backend.pairing.series_names import parse_name

SEPARATOR = " - "
RANGE_ENDINGS = ("__MIN", "__MAX")  # of W&B: the range of a point that stands for several
_NUMBERED = re.compile(
    r"(?P<run>(?:run|fold|seed|trial|model|exp|experiment|cv|split|version|v|k)[_\- ]?\d+)"
    r"[_\-/. :]+(?P<metric>.+)",
    re.IGNORECASE,
)


def split_by_columns(table: Table) -> Iterator[tuple[str | None, Table]]:
    """Yield the table of each run that the names of columns hold, or the table itself."""
    ranges = [name for name in table.names if name.endswith(RANGE_ENDINGS)]
    table = table.without(*ranges)
    metrics = [name for name in table.numbers if not is_axis(name)]
    runs = _runs(metrics)
    if not runs:
        yield None, table
        return
    for run, names in runs.items():
        others = [name for name in metrics if name not in names]
        kept = table.without(*others)
        numbers = {names.get(name, name): points for name, points in kept.numbers.items()}
        texts = {names.get(name, name): cells for name, cells in kept.texts.items()}
        yield (run if len(runs) > 1 else None), replace(kept, numbers=numbers, texts=texts)


def _runs(metrics: list[str]) -> Mapping[str, dict[str, str]]:
    """Return the columns of each run, with the names of their metrics. Empty without runs."""
    if metrics and all(SEPARATOR in name for name in metrics):
        parted = {name: name.rpartition(SEPARATOR) for name in metrics}
        first_part = all(parse_name(run).part for run, _, _ in parted.values())
        if not first_part:  # "Train - loss" names a part, not a run
            return _grouped({name: (run, metric) for name, (run, _, metric) in parted.items()})
    matches = {name: _NUMBERED.fullmatch(name) for name in metrics}
    numbered = {name: (match["run"], match["metric"]) for name, match in matches.items() if match}
    if len(numbered) < len(metrics) or len({run for run, _ in numbered.values()}) < 2:
        return {}
    return _grouped(numbered)


def _grouped(names: Mapping[str, tuple[str, str]]) -> dict[str, dict[str, str]]:
    runs: dict[str, dict[str, str]] = {}
    for name, (run, metric) in names.items():
        runs.setdefault(run.strip(), {})[name] = metric.strip()
    return runs
