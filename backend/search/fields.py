"""The names a filter may use, and what was meant by those it may not."""

from dataclasses import dataclass, field

from backend.diagnosis.verdicts import Verdict
from backend.search.errors import FilterError, quoted, suggestion
from backend.search.syntax import PREFIXES, FieldKind, SearchField
from backend.search.tokens import unescaped

STATUSES = ("queued", "running", "finished", "failed", "cancelled")
CHOICES: dict[str, tuple[str, ...]] = {"status": STATUSES, "verdict": tuple(Verdict)}
"""Fields that hold one of a few words."""

METRIC_PARTS = ("last", "min", "max", "best")
"""Of a metric: its last value (if none is named), its lowest and highest, and that at the epoch of
the lowest validation loss, known once the run has ended."""

OWN: dict[str, FieldKind] = {
    "id": "number", "experiment": "number", "name": "text", "variant": "text", "status": "text",
    "verdict": "text", "parameters": "number", "epoch": "number", "best_epoch": "number",
    "early_stop_epoch": "number", "gap": "number", "created": "time", "started": "time",
    "ended": "time", "note": "text", "pinned": "truth", "archived": "truth",
}  # fmt: skip
"""A run's own fields. `experiment` and `name` are the number and name of its experiment; `gap` is
the last validation loss less the last train loss."""


@dataclass(frozen=True)
class Names:
    """What there is to name: the metrics and params of all runs."""

    metrics: frozenset[str] = frozenset()
    params: frozenset[str] = frozenset()
    short: dict[str, list[str]] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        for name in sorted(self.params):
            self.short.setdefault(name.rpartition(".")[2], []).append(name)


def resolve(written: str, at: int, names: Names, *, within: str = "filter") -> SearchField:
    """Return the field of a name as written. Raises FilterError."""
    prefix, dot, rest = written.partition(".")
    if not dot or prefix.lower() not in PREFIXES:
        return _own(written, at, names, within)
    source = PREFIXES[prefix.lower()]
    name = _unquoted(rest)
    if not name:
        raise FilterError(at, f"{quoted(written)} names nothing after its dot.", field=within)
    if source == "metric":
        return _metric(name, at, names, within)
    if source == "param":
        return SearchField("param", _param(name, at, names, within), "either")
    return SearchField("tag", name, "text")


def _own(written: str, at: int, names: Names, within: str) -> SearchField:
    name = written.lower()
    if name in OWN:
        return SearchField("run", name, OWN[name])
    known = [*OWN, *(f"metrics.{one}" for one in sorted(names.metrics))]
    known += [f"params.{one}" for one in sorted(names.short)]
    hint = suggestion(written, known)
    if hint.startswith("accepted"):
        hint = f"accepted: metrics.<name>, params.<name>, tags.<name>, {', '.join(OWN)}."
    raise FilterError(at, f"there is no field {quoted(written)}; {hint}", field=within)


def _metric(name: str, at: int, names: Names, within: str) -> SearchField:
    stem, _, part = name.rpartition(".")
    if name in names.metrics:
        return SearchField("metric", name, "number", "last")
    if stem in names.metrics:
        if part in METRIC_PARTS:
            return SearchField("metric", stem, "number", part)
        hint = suggestion(part, METRIC_PARTS)
        raise FilterError(at, f"a metric has no {quoted(part)}; {hint}", field=within)
    hint = suggestion(name, sorted(names.metrics))
    raise FilterError(at, f"there is no metric {quoted(name)}; {hint}", field=within)


def _param(name: str, at: int, names: Names, within: str) -> str:
    if name in names.params:
        return name
    found = names.short.get(name, [])
    if len(found) == 1:
        return found[0]
    if found:
        hint = f"{quoted(name)} may be {' or '.join(found)}; write one of them."
        raise FilterError(at, hint, field=within)
    hint = suggestion(name, [*names.short, *sorted(names.params)])
    raise FilterError(at, f"there is no param {quoted(name)}; {hint}", field=within)


def _unquoted(text: str) -> str:
    """Return a name without the quotes around its parts: a."b c".min is a.b c.min."""
    pieces, rest = [], text
    while '"' in rest:
        before, _, rest = rest.partition('"')
        end = next(i for i, letter in enumerate(rest) if letter == '"' and not _escaped(rest, i))
        pieces += [before, unescaped(rest[:end])]
        rest = rest[end + 1 :]
    return "".join([*pieces, rest])


def _escaped(text: str, place: int) -> bool:
    slashes = len(text[:place]) - len(text[:place].rstrip("\\"))
    return slashes % 2 == 1
