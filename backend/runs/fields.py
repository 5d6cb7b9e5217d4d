"""Fields of a run: one entry each, read by the filter language, lists, columns and exports.

The `source` of a field says where its value is stored. The store translates a source to SQL, and
`value_of` evaluates it on a run that has been read, so filters, sorting and columns agree.

To add a field that is derived from stored values, add an entry to `RUN_FIELDS`. A field with a
database column of its own also needs the column (`backend.store.tables.runs`), a migration, and an
attribute of the same name in `backend.runs.schemas.RunItem`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

FieldKind = Literal["number", "text", "time", "truth", "either"]
"""What a field holds. A hyperparameter may be a number or a text: "either"."""

FieldValue = str | int | float | bool | None
"""A value of a field; a time is text in ISO 8601, None means that a run has no value."""


@dataclass(frozen=True)
class RunColumn:
    """A column of the table of runs, and the attribute of that name of a listed run.

    With `zero_is_missing`, 0 in the column stands for a missing value.
    """

    name: str
    zero_is_missing: bool = False


@dataclass(frozen=True)
class ExternalColumn:
    """A column of the table of external runs, and the attribute of that name of a listed run.

    A run without a row there has the value of `otherwise`, if given.
    """

    name: str
    otherwise: "SummaryEntry | None" = None


@dataclass(frozen=True)
class ExperimentColumn:
    """A column of the table of experiments, and the attribute of that name of a listed run."""

    name: str


@dataclass(frozen=True)
class DiagnosisEntry:
    """An entry of the stored diagnosis, and the attribute of that name of a listed run."""

    name: str


@dataclass(frozen=True)
class SummaryEntry:
    """An entry of a metric's summary, such as its last value or the step of its minimum."""

    metric: str
    entry: str


@dataclass(frozen=True)
class SummaryDifference:
    """The first entry minus the second; missing when one of them is."""

    minuend: SummaryEntry
    subtrahend: SummaryEntry


ValueSource = (
    RunColumn
    | ExternalColumn
    | ExperimentColumn
    | DiagnosisEntry
    | SummaryEntry
    | SummaryDifference
)


@dataclass(frozen=True)
class RunField:
    """A field: its name in filters, its kind, where its value comes from, and where it is shown.

    `default` fields are columns of the list of runs until other columns are chosen. `exported_as`
    is the field's column in exported tables, None for a field that is not exported.
    """

    name: str
    kind: FieldKind
    source: ValueSource
    heading: str = ""
    default: bool = False
    exported_as: str | None = None
    filterable: bool = True

    @property
    def title(self) -> str:
        """The title of the field's column."""
        return self.heading or self.name.replace("_", " ")


VAL_LOSS = SummaryEntry("val_loss", "last")
TRAIN_LOSS = SummaryEntry("train_loss", "last")

RUN_FIELDS: dict[str, RunField] = {
    field.name: field
    for field in (
        RunField("id", "number", RunColumn("id"), "run", exported_as="run"),
        RunField("experiment", "number", RunColumn("experiment_id"), "experiment number"),
        RunField("name", "text", ExperimentColumn("name"), "experiment", default=True),
        RunField("status", "text", RunColumn("status"), default=True, exported_as="status"),
        RunField("variant", "text", RunColumn("variant"), exported_as="variant"),
        RunField("verdict", "text", RunColumn("verdict"), default=True, exported_as="verdict"),
        RunField("kind", "text", RunColumn("kind"), exported_as="kind"),
        RunField("severity", "text", RunColumn("severity"), exported_as="severity"),
        # not filterable: reading the diagnosis of every run is slow
        RunField("rule", "text", DiagnosisEntry("rule"), exported_as="rule", filterable=False),
        RunField("gap", "number", SummaryDifference(VAL_LOSS, TRAIN_LOSS), default=True),
        RunField("epoch", "number", RunColumn("epoch"), "epochs", exported_as="epochs"),
        RunField(
            "best_epoch",
            "number",
            ExternalColumn("best_epoch", otherwise=SummaryEntry("val_loss", "min_step")),
            default=True,
            exported_as="best_epoch",
        ),
        RunField(
            "early_stop_epoch",
            "number",
            RunColumn("early_stop_epoch"),
            "early stop",
            exported_as="early_stop_epoch",
        ),
        RunField(
            "parameters",
            "number",
            RunColumn("parameters", zero_is_missing=True),
            default=True,
            exported_as="parameters",
        ),
        RunField("error", "text", RunColumn("error"), exported_as="error", filterable=False),
        RunField("created", "time", ExperimentColumn("created_at"), default=True),
        RunField("started", "time", RunColumn("started_at"), exported_as="started_at"),
        RunField("ended", "time", RunColumn("ended_at"), exported_as="ended_at"),
        *(
            RunField(name, "text", ExternalColumn(name), exported_as=name)
            for name in ("external_id", "run_name", "user_name", "source")
        ),
        RunField("note", "text", RunColumn("note")),
        RunField("pinned", "truth", RunColumn("pinned")),
        RunField("archived", "truth", RunColumn("archived")),
    )
}
"""All fields by name. Their order is that of columns in menus, default lists and exports."""


@dataclass(frozen=True)
class MetricPart:
    """A value of a metric's summary that filters and columns can name, such as `.min`."""

    name: str
    entry: str
    prefix: str = ""
    suffix: str = ""

    def title(self, metric: str) -> str:
        """Return the title of a column of this part of a metric."""
        return f"{self.prefix}{metric}{self.suffix}"


METRIC_PARTS: dict[str, MetricPart] = {
    part.name: part
    for part in (
        MetricPart("last", "last"),
        MetricPart("min", "min", prefix="lowest "),
        MetricPart("max", "max", prefix="highest "),
        MetricPart("best", "at_best", suffix=" at best"),
    )
}
"""Parts of a metric. Without a part its name means the last value; "best" is the value at the epoch
of the lowest validation loss, known once a run has ended."""


def filterable_fields() -> dict[str, RunField]:
    """Return the fields that filters, orders and columns may name."""
    return {name: field for name, field in RUN_FIELDS.items() if field.filterable}


class ListedValues(Protocol):
    """A run as lists show it: attributes named like columns, and summaries of its metrics."""

    @property
    def summary(self) -> Mapping[str, Mapping[str, float | int | None]]:
        """Summaries by metric."""


def value_of(run: ListedValues, source: ValueSource) -> FieldValue:
    """Return the value of a source for a run."""
    match source:
        case SummaryEntry(metric, entry):
            return run.summary.get(metric, {}).get(entry)
        case SummaryDifference(minuend, subtrahend):
            values = [value_of(run, part) for part in (minuend, subtrahend)]
            numbers = [value for value in values if isinstance(value, int | float)]
            return float(numbers[0] - numbers[1]) if len(numbers) == len(values) else None
    value: FieldValue = getattr(run, source.name)
    return value
