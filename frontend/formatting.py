"""Text for people: numbers, times, settings and their values."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from backend.diagnosis.number_format import NEGLIGIBLE
from backend.diagnosis.number_format import number as plain_number
from backend.diagnosis.verdicts import FACTS, SEVERITIES, title
from backend.runs.verdict_tags import without_verdict
from backend.specification.hyperparameters import HYPERPARAMETERS
from backend.specification.notation import count as count
from backend.specification.params import OwnName, Params, ParamValue
from backend.specification.placement import PLACEMENT_SETTINGS

TINY = 0.0001  # a loss below is about 0, whatever its digits are
MISSING = "\N{EN DASH}"
CLIENT_TAGS = ("mlflow.", "overfit_lab.")  # beginnings of tags that clients set for themselves
VARIANT = "variant"  # an axis like the hyperparameters, for specifications with variants


def number(value: float | None) -> str:
    """Write a loss with three significant digits, or that it is below TINY."""
    if value is None:
        return MISSING
    if NEGLIGIBLE <= abs(value) < TINY:
        return f"< {TINY:g}" if value > 0 else f"> -{TINY:g}"
    return plain_number(value)


def percent(value: float | None) -> str:
    """Write a ratio as whole percent."""
    return MISSING if value is None else f"{value:,.0%}"


def above(value: float | None) -> str:
    """Write how far a value lies above another: "25% above", or "43 times" from twice on."""
    if value is None:
        return MISSING
    return f"{value:.0%} above" if value < 1 else f"{1 + value:,.3g} times"


def share(value: float | None) -> str:
    """Write an accuracy as percent with one decimal."""
    return MISSING if value is None else f"{value:.1%}"


def duration(seconds: float) -> str:
    """Write a duration in its largest sensible unit, rounded."""
    if seconds < 1:
        return "under 1 s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 100 * 60:
        return f"{seconds / 60:.0f} min"
    if seconds < 48 * 3600:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 86400:.0f} days"


def label(path: str) -> str:
    """Write a dotted path as a label: "dataset.n_train" becomes "train samples".

    A param that another program has logged keeps its name.
    """
    if isinstance(path, OwnName):
        return path.name
    setting = HYPERPARAMETERS.get(path) or PLACEMENT_SETTINGS.get(path)
    return setting.label if setting else path


def heading(path: str) -> str:
    """Write a dotted path as a heading; a name of a person is not changed."""
    text = label(path)
    is_own = isinstance(path, OwnName) or (path == text and path != VARIANT)
    return text if is_own else text.capitalize()


def settings(params: Params) -> str:
    """Write params as labels with values: "train samples 50, width 8"."""
    return ", ".join(f"{label(path)} {value(setting, path)}" for path, setting in params.items())


def isolated(name: str) -> str:
    """Return a name for use in a sentence, with its own writing direction (UAX 9)."""
    return f"\N{FIRST STRONG ISOLATE}{name}\N{POP DIRECTIONAL ISOLATE}"


def evidence(name: str) -> str:
    """Write the name of a measurement in the evidence for a verdict."""
    return _EVIDENCE.get(name, name.replace("_", " ")).capitalize()


def value(of: ParamValue | Sequence[ParamValue], path: str = "") -> str:
    """Write a value, or a list of values, of the hyperparameter at `path`.

    Without a path, text is returned unchanged.
    """
    if of is None:
        return MISSING
    if isinstance(of, bool):
        return str(of)
    if isinstance(of, int):
        return f"{of:,}"
    if isinstance(of, float):
        return f"{of:g}"
    if isinstance(of, str):
        return HYPERPARAMETERS[path].choice_title(of) if path in HYPERPARAMETERS else of
    return ", ".join(value(item, path) for item in of)


def badge(verdict: str | None, severity: str | None) -> str:
    """Write a verdict as badges show it, with its severity: "mild overfitting"."""
    return title(verdict, severity) if verdict else ""


def badge_condition(text: str) -> str:
    """Return the condition of a filter for the runs that have a badge."""
    severity, _, verdict = text.partition(" ")
    if severity in SEVERITIES:
        return f'verdict = "{verdict}" and severity = {severity}'
    return f'verdict = "{text}"'


def badges(verdicts: Iterable[tuple[str | None, str | None]]) -> Counter[str]:
    """Count verdicts with their severities as badges show them, without runs that have none yet."""
    return Counter(badge(verdict, severity) for verdict, severity in verdicts if verdict)


def mark(verdict: str) -> str:
    """Return the one character that stands for a verdict in a dense grid."""
    facts = FACTS.get(verdict)
    return facts.mark if facts else verdict[:1].upper()


def tone(verdict: str) -> str:
    """Return the CSS class of a verdict's colour; the verdict may be written as by `badge`."""
    facts = FACTS.get(verdict) or FACTS.get(verdict.partition(" ")[2])
    return f"tone-{facts.tone if facts else 'unknown'}"


def own_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Return tags without the verdict, which pages show elsewhere, and those of a client."""
    shown = without_verdict(tags)
    return {key: tags[key] for key in shown if not key.startswith(CLIENT_TAGS)}


def removal(deleted_at: str | None, days: float) -> str | None:
    """Return when something is removed for good, in ISO format; None if it is not deleted."""
    if deleted_at is None:
        return None
    return (datetime.fromisoformat(deleted_at) + timedelta(days=days)).isoformat()


def when(iso: str) -> str:
    """Write an ISO time in UTC; a script in the browser shows it in the reader's time zone."""
    return datetime.fromisoformat(iso).strftime("%d %b %Y, %H:%M UTC")


_EVIDENCE = {
    "generalisation_gap": "validation above train at the end",
    "noise": "noise of the validation loss, in units of the loss",
    "rise_since_best": "rise since the best, smoothed, in % of the best",
    "rise_that_counts": "rise that would count, in units of the loss",
    "steps_after_best": "epochs after the best",
}
