"""One line of a printed log: its epoch or step, and its metrics by name."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from backend.log_formats.literals import literal_in
from backend.log_formats.nested import flat
from backend.log_formats.numbers import parse_number
from backend.pairing.series_names import parse_name, part_of, translated

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?(?:nan|inf(?:inity)?)"
_EPOCH = re.compile(
    r"(?<![A-Za-z_\d])epochs?(?:\((?:train|val|test)\)|\s*(?:no\.?|num(?:ber)?|#|id|idx))?[\s:=\[(#\-]{0,6}(\d{1,7}(?:\.\d+)?)"
    r"(?![\d.]*(?:s|ms|min|%))",
    re.IGNORECASE,
)
_TIMM_EPOCH = re.compile(r"^\W{0,3}Train:\s+(\d{1,6})\s+\[")
_SHORT_EPOCH = re.compile(r"^\W{0,3}(?:ep|e)\.?[\s:=\[#]{0,3}(\d{1,6})\b", re.IGNORECASE)
_STEP = re.compile(
    r"(?<![A-Za-z_\d])(?:global[_ ]?step|steps?|iter(?:ation)?s?|batch|update|round)"
    r"[\s:=\[(#]{1,6}(\d{1,12})(?![\d.]*(?:s|ms|min|%))",
    re.IGNORECASE,
)
_BOOSTER = re.compile(r"^\W{0,3}\[(\d{1,9})\]\s*(?=[A-Za-z])")
_CATBOOST = re.compile(r"^(\d{1,9}):\s+(?=learn:|test:)")
_PAIR = re.compile(
    r"(?<![\w.@/'])(?P<key>[A-Za-z_][\w@./'²-]*(?:\([\w%. @-]{1,20}\))?"
    r"(?:[ ][A-Za-z_][\w@./'²()-]*){0,4})"
    r"(?P<mark>\s*[:=]\s*[\[(]?|\s{1,12})"
    rf"(?P<value>{_NUMBER})(?P<unit>\s?%)?(?:/(?P<total>\d+))?(?![\w.:])"
    r"(?:\s*\(\s*(?P<mean>[-+]?\d+\.?\d*(?:[eE][-+]?\d+)?)%?\s*\))?",
    re.IGNORECASE,
)
_WORD = re.compile(r"[A-Za-z]+")
_RECORD = re.compile(r"\{[^{}]{3,20000}\}")
_SKIPPED = re.compile(
    r"improved from|did not improve|saving model|reducelronplateau|restoring model|early stopping|"
    r"best iteration|patience|best model|deprecat|warning|learning rate (?:set|reduced)",
    re.IGNORECASE,
)
_RUN = re.compile(
    r"\b(?P<kind>fold|trial|seed|run|experiment|split|k-fold|cv)\b[\s:#=\[]{0,3}(?P<number>\d{1,6})",
    re.IGNORECASE,
)
_PROGRESS = re.compile(
    r"\d+/(?:\d+|Unknown)\s+\S{0,8}\[[=>.\- ]|━|ETA:|\dit/s|s/it\b|\d%\|| \d+m?s/(?:step|epoch)"
)
_SUMMARY_WORDS = frozenset(
    ("best", "min", "lowest", "highest", "max", "previous", "target", "total")
)


@dataclass
class Line:
    """A line: its `values` by name, and the `epoch`, `step`, `round` and `run` that it names.

    `part` is a part of the data that a line without values announces. `running` values are
    averages since the epoch began, as progress bars show them.
    """

    values: dict[str, object] = field(default_factory=dict)
    epoch: float | None = None
    step: int | None = None
    round: int | None = None
    run: str | None = None
    part: str | None = None
    running: bool = False


def is_progress(text: str) -> bool:
    """Return whether a line is a progress bar, which later lines of the epoch replace."""
    return bool(_PROGRESS.search(text)) and "{'" not in text and '{"' not in text


def parse_line(text: str, part: str | None = None) -> Line:
    """Parse a line; `part` is the part of the data that a line before announced."""
    if record := _record(text):
        return Line(record)
    text = translated(text)
    line = Line(running=is_progress(text))
    if _SKIPPED.search(text):
        return line
    _find_axes(text, line)
    for name, value, running in _pairs(text, part):
        if name not in line.values or running:
            line.values[name] = value
        line.running |= running
    if not line.values:
        line.part = next((word for word in _WORD.findall(text) if part_of(word)), None)
        if match := _RUN.search(text):
            line.run = f"{match['kind'].lower()} {match['number']}"
    return line


def _record(text: str) -> dict[str, object] | None:
    """Return the Python dict or the JSON object that a line contains, if it has numbers."""
    if "{" not in text:
        return None
    for match in _RECORD.finditer(text):
        document = literal_in(match[0])
        if isinstance(document, dict):
            record = {key: value for key, value in flat(document).items()
                      if parse_number(value) is not None}  # fmt: skip
            if record:
                return record
    return None


def _find_axes(text: str, line: Line) -> None:
    if match := _EPOCH.search(text) or _TIMM_EPOCH.search(text) or _SHORT_EPOCH.search(text):
        line.epoch = float(match[1])
    if match := _BOOSTER.match(text) or _CATBOOST.match(text):
        line.round = int(match[1])
    elif match := _STEP.search(text):
        line.step = int(match[1])


def _pairs(text: str, part: str | None) -> Iterator[tuple[str, float, bool]]:
    """Yield name, value and whether it is a running mean, for each metric of a line."""
    end, context, joined = 0, part, ""
    if "Saving dict for global step" in text:
        context = "eval"  # of TensorFlow's estimators
    seen: set[str] = set()
    for match in _PAIR.finditer(text):
        before, end = text[end : match.start()], match.end()
        context = _part_in(before) or context
        key = _key(match)
        if key is None:
            context = _part_in(match["key"]) or context
            continue
        if key == "test" and _CATBOOST.match(text):
            key = "validation"  # of CatBoost: the evaluation set
        own = parse_name(key).part
        if own and " " in key:
            context = _part_in(key) or context
        elif own:
            joined = _part_in(key.replace("_", " ")) or joined
        name = key if own else f"{context}/{key}" if context else key
        if name in seen and not own and joined:
            name = f"{joined}/{key}"
        seen.add(name)
        value = float(match["mean"] or match["value"])
        if match["total"] and not match["mean"] and float(match["total"]):
            value /= float(match["total"])
        yield name, value, match["mean"] is not None


def _part_in(text: str) -> str | None:
    """Return the last word of a text that names a part of the data."""
    words = [word for word in _WORD.findall(text) if part_of(word)]
    return words[-1].lower() if words else None


def _key(match: re.Match[str]) -> str | None:
    """Return the name of a metric, None for axes, best values and words of sentences."""
    words = [word for word in match["key"].split() if word.lower() not in ("-", "the", "of", "is")]
    key = " ".join(words).strip(" -.'")
    name = parse_name(key)
    lowered = {word.lower() for word in re.split(r"[ _/]", key)}
    if not key or lowered & _SUMMARY_WORDS or lowered <= _AXES or lowered & {"epoch", "epochs"}:
        return None
    counted = match["total"] and not name.is_score  # "Test: [0/79]"
    counted = counted or (match["unit"] and not name.measure)  # "Validation: 100%"
    if counted or key.lower().startswith("best"):
        return None
    labelled = match["mark"].strip() != ""
    if not labelled and not (name.is_loss or name.is_score or "_" in key):
        return None
    return key


_AXES = frozenset((
    "epoch", "epochs", "step", "steps", "iter", "iteration", "iterations", "batch", "round", "ep",
    "train", "eta", "lr", "time", "update",
)) - {"train", "lr"}  # fmt: skip
