"""Columns of the list of runs: their titles, and the values they show."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from backend.runs.fields import METRIC_PARTS, FieldValue, filterable_fields, value_of
from backend.runs.schemas import ListedRun
from backend.search import Condition, Names, Order
from backend.search.fields import resolve
from backend.search.syntax import Predicate, SearchField, predicates
from backend.search.tokens import FilterError, tokenise
from backend.specification.hyperparameters import paths_of
from frontend import formatting

LEADING_DEFAULTS = 3  # name, status and verdict come before metrics and added columns
MAX_COLUMNS = 30
REPEATING = ("status", "verdict", "variant", "parameters", "user_name", "source", "pinned")
"""Fields of a run whose values are links to the runs that share them."""
MAX_LISTED = 100  # metrics, or hyperparameters, in a menu
USUAL_METRICS = frozenset(
    f"{part}_{metric}" for part in ("train", "val", "test") for metric in ("loss", "accuracy")
)
METRIC_TITLES = {"weight_norm": "norm of the weights"}
_DATA_PARTS = {"val": "validation", "train": "train", "test": "test"}


@dataclass(frozen=True)
class TableColumn:
    """A column: the field it shows, the field's name as the URL writes it, and its title."""

    field: SearchField
    written: str
    title: str

    @property
    def number(self) -> bool:
        """Return whether the column is aligned to the right."""
        return self.field.kind in ("number", "either")


def read_columns(text: str, names: Names) -> list[TableColumn]:
    """Return the columns that a URL names, each once. Raises FilterError."""
    tokens = [token for token in tokenise(text)[:-1] if token.text != ","]
    columns = {}
    for token in tokens[:MAX_COLUMNS]:
        field = resolve(token.text, token.at, names, within="columns")
        columns[field] = column(field)
    return list(columns.values())


def named(condition: Condition | None, order: Sequence[Order]) -> list[TableColumn]:
    """Return the metrics and hyperparameters that a filter and an order name, each once."""
    fields = [predicate.field for predicate in (predicates(condition) if condition else [])]
    fields += [part.field for part in order]
    return [column(field) for field in dict.fromkeys(fields) if field.source in ("metric", "param")]


def column(field: SearchField) -> TableColumn:
    """Return the column of a field."""
    return TableColumn(field, str(field).removesuffix(".last"), title(field))


def title(field: SearchField) -> str:
    """Return the title of a field."""
    if field.source == "metric":
        part, _, metric = field.name.partition("_")
        known = part in _DATA_PARTS and metric
        name = (
            f"{_DATA_PARTS[part]} {metric}" if known else METRIC_TITLES.get(field.name, field.name)
        )
        return METRIC_PARTS[field.part].title(name)
    if field.source == "param":
        return formatting.label(field.name)
    if field.source == "tag":
        return f"tag {field.name}"
    return filterable_fields()[field.name].title


def choices(names: Names, chosen: Sequence[TableColumn]) -> dict[str, list[TableColumn]]:
    """Return all available columns by group; tags are available while they are shown."""
    fields = filterable_fields()
    return {
        "Runs": [_run_column(name) for name in fields if name != "id"],
        "Metrics": [
            column(SearchField("metric", name, "number", part))
            for name in usual_names(names.metrics)
            for part in ("last", "max" if name.endswith("accuracy") else "min", "best")
        ],
        "Parameters": [
            column(SearchField("param", name, "either")) for name in usual_names(names.params)
        ],
        "Tags": [shown for shown in chosen if shown.field.source == "tag"],
    }


def usual_names(names: AbstractSet[str]) -> list[str]:
    """Return the names that a menu lists. External runs may have thousands: filters name those."""
    usual = sorted(names & USUAL_METRICS)
    return usual + sorted(names - USUAL_METRICS)[: MAX_LISTED - len(usual)]


def shown_value(run: ListedRun, field: SearchField) -> FieldValue:
    """Return the value of a field for a run, None if the run has no value."""
    if field.source == "metric":
        return run.summary.get(field.name, {}).get(METRIC_PARTS[field.part].entry)
    if field.source == "param":
        values = (run.params.get(path) for path in paths_of(field.name))
        return next((value for value in values if value is not None), None)
    if field.source == "tag":
        return run.tags.get(field.name)
    return value_of(run, filterable_fields()[field.name].source)


def condition_of(field: SearchField, value: FieldValue) -> str | None:
    """Return the condition that a value of a field is this one, None for values that rarely repeat.

    Those are metrics, times and the text of a person.
    """
    if field.source not in ("param", "tag") and field.name not in REPEATING:
        return None
    return str(Predicate(field, "=", value))


def tag_condition(key: str, value: str) -> str:
    """Return the condition that a tag has a value."""
    return str(Predicate(SearchField("tag", key, "text"), "=", value))


def columns_or_defaults(text: str, names: Names, axes: Sequence[str] = ()) -> list[TableColumn]:
    """Return the columns that a URL names.

    If it names none, or an unknown field, return the default columns with a column for each of
    `axes`, the hyperparameters that vary.
    """
    try:
        columns = read_columns(text, names)
    except FilterError:
        columns = []
    return columns or _defaults(names, axes)


def _defaults(names: Names, axes: Sequence[str]) -> list[TableColumn]:
    """Return the default columns: leading fields, then metrics, hyperparameters, other fields."""
    fields = filterable_fields()
    own = [_run_column(name) for name, field in fields.items() if field.default]
    metrics = [
        column(SearchField("metric", metric, "number", part))
        for metric, part in (("val_loss", "min"), ("test_loss", "best"))
    ]
    varying = [
        _run_column(path) if path in fields else column(SearchField("param", path, "either"))
        for path in axes
        if path in fields or path in names.params
    ]
    return [*own[:LEADING_DEFAULTS], *metrics, *varying, *own[LEADING_DEFAULTS:]]


def _run_column(name: str) -> TableColumn:
    return column(SearchField("run", name, filterable_fields()[name].kind))
