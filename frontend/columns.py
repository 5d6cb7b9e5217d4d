"""The columns of a list of runs: what each is called, and what it shows of a run."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from backend.runs.listing import ListedRun
from backend.search import Condition, Names, Order
from backend.search.errors import FilterError
from backend.search.fields import OWN, resolve
from backend.search.syntax import SearchField, predicates
from backend.search.tokens import tokenise
from backend.series import generalisation_gap
from frontend import formatting

DEFAULT_COLUMNS = (
    "name, status, verdict, metrics.val_loss.min, metrics.test_loss.best, gap, best_epoch, "
    "parameters, created"
)
FIRST = 3  # of the usual columns stand before those that are added
MOST = 30
_SUMMARY = {"last": "last", "min": "min", "max": "max", "best": "at_best"}
_PARTS = {"last": "", "min": "lowest ", "max": "highest ", "best": ""}
_METRICS = {"val": "validation", "train": "train", "test": "test"}
_OWN = {
    "id": "run",
    "experiment": "experiment no.",
    "name": "experiment",
    "epoch": "epochs",
    "early_stop_epoch": "early stop",
    "parameters": "parameters",
    "gap": "gap",
}


@dataclass(frozen=True)
class TableColumn:
    """A column: the field it shows, as the address writes it, and its title."""

    field: SearchField
    written: str
    title: str

    @property
    def number(self) -> bool:
        """Whether what it shows is set to the right."""
        return self.field.kind in ("number", "either")


def read_columns(text: str, names: Names) -> list[TableColumn]:
    """Return the columns of an address, each once. Raises FilterError."""
    tokens = [token for token in tokenise(text)[:-1] if token.text != ","]
    found = {}
    for token in tokens[:MOST]:
        field = resolve(token.text, token.at, names, within="columns")
        found[field] = column(field)
    return list(found.values())


def named(condition: Condition | None, order: Sequence[Order]) -> list[TableColumn]:
    """Return the columns of the metrics and params that a filter and an order name, each once."""
    fields = [one.field for one in (predicates(condition) if condition else [])]
    fields += [one.field for one in order]
    return [column(field) for field in dict.fromkeys(fields) if field.source in ("metric", "param")]


def column(field: SearchField) -> TableColumn:
    """Return the column of a field."""
    return TableColumn(field, str(field).removesuffix(".last"), title(field))


def title(field: SearchField) -> str:
    """Name a field as a person would."""
    if field.source == "metric":
        part, _, what = field.name.partition("_")
        name = f"{_METRICS[part]} {what}" if part in _METRICS and what else field.name
        return f"{_PARTS[field.part]}{name}{' at best' if field.part == 'best' else ''}"
    if field.source == "param":
        return formatting.label(field.name)
    if field.source == "tag":
        return f"tag {field.name}"
    return _OWN.get(field.name, field.name.replace("_", " "))


def choices(names: Names, chosen: Sequence[TableColumn]) -> dict[str, list[TableColumn]]:
    """Return all columns there are by group; the chosen tags are kept among them."""
    metrics = sorted(names.metrics)
    return {
        "Runs": [
            column(SearchField("run", name, kind)) for name, kind in OWN.items() if name != "id"
        ],
        "Metrics": [
            column(SearchField("metric", name, "number", part))
            for name in metrics
            for part in ("last", "min", "best")
        ],
        "Parameters": [
            column(SearchField("param", name, "either")) for name in sorted(names.params)
        ],
        "Tags": [one for one in chosen if one.field.source == "tag"],
    }


def value_of(run: ListedRun, field: SearchField) -> Any:
    """Return what a field is for a run; None where it has none."""
    if field.source == "metric":
        return run.summary.get(field.name, {}).get(_SUMMARY[field.part])
    if field.source == "param":
        return run.params.get(field.name)
    if field.source == "tag":
        return run.tags.get(field.name)
    return _own(run, field.name)


def _own(run: ListedRun, name: str) -> Any:
    if name == "gap":
        ends = (run.summary.get(key, {}).get("last") for key in ("train_loss", "val_loss"))
        return generalisation_gap(*ends)
    renamed = {
        "experiment": "experiment_id",
        "created": "created_at",
        "started": "started_at",
        "ended": "ended_at",
    }
    return getattr(run, renamed.get(name, name))


def readable(text: str, names: Names, axes: Sequence[str] = ()) -> list[TableColumn]:
    """Return the columns of an address; where it has none, the usual ones with those of `axes`."""
    try:
        chosen = read_columns(text, names)
    except FilterError:
        chosen = []
    return chosen or _usual(names, axes)


def _usual(names: Names, axes: Sequence[str]) -> list[TableColumn]:
    """Return the usual columns; what varies stands behind the verdict."""
    usual = read_columns(DEFAULT_COLUMNS, names)
    varying = [
        SearchField("run", path, OWN[path]) if path in OWN else SearchField("param", path, "either")
        for path in axes
        if path in OWN or path in names.params
    ]
    return [*usual[:FIRST], *map(column, varying), *usual[FIRST:]]
