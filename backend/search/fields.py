"""Resolve the names in a filter to fields, and explain names that do not exist."""

from dataclasses import dataclass, field

from backend.diagnosis.verdicts import SEVERITIES, Kind, Verdict
from backend.runs.fields import METRIC_PARTS, filterable_fields
from backend.runs.states import STATES
from backend.search.syntax import PREFIXES, SearchField
from backend.search.tokens import FilterError, quoted, suggestion, unescaped
from backend.specification.hyperparameters import HYPERPARAMETERS

CHOICES: dict[str, tuple[str, ...]] = {
    "status": STATES,
    "verdict": tuple(Verdict),
    "kind": tuple(Kind),
    "severity": SEVERITIES,
}
"""Fields of a run whose value is one of a fixed set of words."""


@dataclass(frozen=True)
class Names:
    """The metrics and hyperparameters of all runs, which a filter may name."""

    metrics: frozenset[str] = frozenset()
    params: frozenset[str] = frozenset()
    short: dict[str, list[str]] = field(default_factory=dict, compare=False)
    """Dotted paths by their last part: ``{"width": ["model.width"]}``."""

    def __post_init__(self) -> None:
        for name in sorted(self.params):
            self.short.setdefault(name.rpartition(".")[2], []).append(name)


def resolve(written: str, at: int, names: Names, *, within: str = "filter") -> SearchField:
    """Return the field that a name at a position of the filter stands for. Raises FilterError."""
    prefix, dot, rest = written.partition(".")
    if not dot or prefix.lower() not in PREFIXES:
        return _run_field(written, at, names, within)
    source = PREFIXES[prefix.lower()]
    name = _unquoted(rest)
    if not name:
        raise FilterError(at, f"{quoted(written)} has no name after its dot.", field=within)
    if source == "metric":
        return _metric(name, at, names, within)
    if source == "param":
        return SearchField("param", _param(name, at, names, within), "either")
    return SearchField("tag", name, "text")


def _run_field(written: str, at: int, names: Names, within: str) -> SearchField:
    fields = filterable_fields()
    name = written.lower()
    if name in fields:
        return SearchField("run", name, fields[name].kind)
    known = [*fields, *(f"metrics.{metric}" for metric in sorted(names.metrics))]
    known += [f"params.{short}" for short in sorted(names.short)]
    suggested = suggestion(written, known)
    if suggested.startswith("accepted"):
        suggested = f"accepted: metrics.<name>, params.<name>, tags.<name>, {', '.join(fields)}."
    raise FilterError(at, f"there is no field {quoted(written)}; {suggested}", field=within)


def _metric(name: str, at: int, names: Names, within: str) -> SearchField:
    stem, _, part = name.rpartition(".")
    if name in names.metrics:
        return SearchField("metric", name, "number", "last")
    if stem in names.metrics:
        if part in METRIC_PARTS:
            return SearchField("metric", stem, "number", part)
        suggested = suggestion(part, METRIC_PARTS)
        raise FilterError(at, f"a metric has no {quoted(part)}; {suggested}", field=within)
    suggested = suggestion(name, sorted(names.metrics))
    raise FilterError(at, f"there is no metric {quoted(name)}; {suggested}", field=within)


def _param(name: str, at: int, names: Names, within: str) -> str:
    if name in names.params:
        return name
    matches = names.short.get(name, [])
    own = [path for path in matches if path in HYPERPARAMETERS]
    if len(own or matches) == 1:
        return (own or matches)[0]
    if matches:
        suggested = f"{quoted(name)} may be {' or '.join(matches)}; write one of them."
        raise FilterError(at, suggested, field=within)
    suggested = suggestion(name, [*names.short, *sorted(names.params)])
    raise FilterError(at, f"there is no param {quoted(name)}; {suggested}", field=within)


def _unquoted(text: str) -> str:
    """Return a name without the quotes around its parts: a."b c".min becomes a.b c.min."""
    pieces, rest = [], text
    while '"' in rest:
        before, _, rest = rest.partition('"')
        end = next(i for i, char in enumerate(rest) if char == '"' and not _escaped(rest, i))
        pieces += [before, unescaped(rest[:end])]
        rest = rest[end + 1 :]
    return "".join([*pieces, rest])


def _escaped(text: str, position: int) -> bool:
    slashes = len(text[:position]) - len(text[:position].rstrip("\\"))
    return slashes % 2 == 1
