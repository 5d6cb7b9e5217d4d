"""lab diagnose: say what is wrong with the training histories in log files."""

import json
import math
import os
import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, get_args

from backend.diagnosis import Curve, Diagnosis, diagnose
from backend.diagnosis.diagnosis import Verdict
from backend.diagnosis.early_stopping import Criterion, build, early_stop_step
from backend.diagnosis.found import RULES
from backend.errors import FieldError, InvalidInput, InvalidSpec
from backend.log_formats import History, Paired, paired, read_log
from backend.log_formats.history import Ambiguous, Unreadable

FAILED, UNREADABLE = 1, 2
SETTINGS = ("patience", "min_delta", "start_from_epoch", "alpha", "strip", "strips")
USUAL: dict[str, float] = {"patience": 20}
COLOURS = {
    "good fit": 32, "overfitting": 31, "memorised noise": 31, "diverged": 31, "underfitting": 34,
    "still improving": 34, "unstable": 33, "epoch-wise double descent": 33, "not assessable": 90,
}  # fmt: skip
BOLD = 1
PARTS = ("train", "validation")


@dataclass(frozen=True)
class Report:
    """One diagnosed history; `label` is its file, with its name in it if it has one.

    `notes` say what was assumed, or left out, when the log was read.
    """

    label: str
    unit: str
    diagnosis: Diagnosis
    early_stop_step: int | None
    pair: Paired | None = None
    error: str | None = None
    notes: Sequence[str] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the report as `--format json` prints it."""
        told = self.diagnosis.as_dict()
        kept = ("verdict", "rule", "overfitting", "best_step", "onset_step")
        return {
            "file": self.label,
            **{key: told[key] for key in kept},
            "early_stop_step": self.early_stop_step,
            **{key: told[key] for key in ("evidence", "not_checked", "confidence")},
            "notes": list(self.notes),
            **{key: told[key] for key in ("sentence", "learner", "findings")},
            "unit": self.unit,
            "series": dict(zip(PARTS, self.pair.names, strict=True)) if self.pair else None,
        }


def run(options: Namespace) -> int:
    """Diagnose every file; 0, or 1 on a verdict of --fail-on, or 2 if one cannot be read."""
    _check(options.fail_on)
    criterion, settings = _criterion(options)
    reports = [
        report for file in options.files for report in _reports(file, options, criterion, settings)
    ]
    if options.format == "json":
        print(json.dumps([report.as_dict() for report in reports], indent=2))
    else:
        texts = [_text(report) for report in reports if not report.error]
        print("\n\n".join(texts), end="\n" if texts else "")
    if options.html:
        _write_page(options, reports)
    for report in reports:
        if report.error:
            print(f"lab: {report.error}", file=sys.stderr)
    if any(report.error for report in reports):
        return UNREADABLE
    return FAILED if any(_matches(report, options.fail_on) for report in reports) else 0


def _reports(
    file: str, options: Namespace, criterion: Any, settings: dict[str, float]
) -> list[Report]:
    try:
        histories = read_log(file)
    except Unreadable as error:
        return [_unread(file, error.detail)]
    return [
        _report(file, one, options, build(criterion, **settings))
        for one in _assessable(histories, options)
    ]


def _unread(label: str, reason: str) -> Report:
    rule = "not-assessable.unreadable"
    unread = Diagnosis("not assessable", rule, reason, reason, "low", not_checked=[reason])
    return Report(label, "epoch", unread, None, error=reason)


def _assessable(histories: list[History], options: Namespace) -> list[History]:
    """Leave out histories without losses where others of the file have them."""
    if len(histories) == 1:
        return histories
    return [one for one in histories if _has_pair(one, options)] or histories[:1]


def _has_pair(history: History, options: Namespace) -> bool:
    try:
        paired(history, train=options.train, validation=options.validation)
    except Ambiguous:
        return True
    except Unreadable:
        return False
    return True


def _report(file: str, history: History, options: Namespace, rule: Criterion) -> Report:
    label = file if history.name is None else f"{file}#{history.name}"
    try:
        pair = paired(history, train=options.train, validation=options.validation)
    except Unreadable as error:
        return _unread(label, f"{label}: {error.detail}.")
    curve = Curve.from_series(pair.train, pair.validation, unit=history.unit)
    found = diagnose(curve, accuracy=pair.accuracy)
    stop = early_stop_step(rule, _losses(curve, pair))
    return Report(
        label, history.unit, found, stop, pair, notes=(*history.remarks, *pair.remarks)
    )  # fmt: skip


def _losses(curve: Curve, pair: Paired) -> list[tuple[int, float, float]]:
    """Return step, train and validation loss, also where one is no number: no improvement."""
    train = dict(zip(curve.steps.tolist(), curve.train.tolist(), strict=True))
    return [
        (step, train.get(step, math.nan), pair.validation[step]) for step in sorted(pair.validation)
    ]


def _criterion(options: Namespace) -> tuple[Any, dict[str, float]]:
    """Return the criterion asked for with its settings. Raises InvalidInput."""
    given = {name: getattr(options, name) for name in ("criterion", *SETTINGS)}
    given = {name: value for name, value in given.items() if value is not None}
    if not given:
        return "patience", USUAL  # what follows takes as long to import as the rest to run
    from backend.specification.early_stopping import asked, usual

    try:
        wanted = asked(given, usual())
    except InvalidSpec as refused:
        raise InvalidInput(_as_option(refused.errors[0])) from refused
    return wanted.criterion, wanted.settings()


def _as_option(refused: FieldError) -> str:
    """Say what is refused of a field as said of the option that gave it."""
    field = refused.field or ""
    option = f"--{field.removeprefix('early_stopping.').replace('_', '-')}"
    return refused.detail.replace(field, option, 1)


def _check(verdicts: list[str]) -> None:
    known = get_args(Verdict)
    plain = {name.replace("-", " ") for name in known}
    for verdict in verdicts:
        if verdict not in RULES and verdict.replace("-", " ") not in plain:
            accepted = ", ".join(known)
            near = get_close_matches(verdict, [*plain, *RULES], n=1)
            meant = f" (did you mean {near[0].replace(' ', '-')}?)" if near else ""
            raise InvalidInput(
                f"--fail-on is {verdict[:80]}{meant}; accepted: {accepted}, or a rule's id."
            )


def _matches(report: Report, verdicts: list[str]) -> bool:
    found = report.diagnosis
    names = {found.verdict, found.verdict.replace(" ", "-"), found.rule}
    names |= {finding.rule for finding in found.findings}
    return any(verdict in names or verdict.replace("-", " ") in names for verdict in verdicts)


def _text(report: Report) -> str:
    found = report.diagnosis
    stop = report.early_stop_step
    fires = None if stop is None else f"{report.unit} {stop:,}"
    pair = report.pair
    lines = [
        f"{_styled(report.label, BOLD)}: {_styled(found.verdict, COLOURS[found.verdict])}",
        *(f"  {line}" for line in (found.sentence, found.learner)),
        *(f"  {finding.sentence}" for finding in found.findings),
        f"  Early stopping would have fired at {fires}." if fires else
        "  Early stopping would not have fired.",
        f"  Confidence: {found.confidence} ({found.rule}).",
    ]  # fmt: skip
    if pair:
        lines.append(f"  Read: {pair.names[0]} (train) and {pair.names[1]} (validation).")
    lines += [f"  Note: {each}." for each in report.notes]
    lines += [f"  Not checked: {each}." for each in found.not_checked]
    return "\n".join(lines)


def _styled(text: str, code: int) -> str:
    """Return text in a colour, where the terminal shows it and nobody asked it not to."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return text if plain or not sys.stdout.isatty() else f"\033[{code}m{text}\033[0m"


def _write_page(options: Namespace, reports: list[Report]) -> None:
    from backend.cli.diagnosis_page import page  # holds Plotly.js

    try:
        options.html.write_text(page(reports), encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"{options.html} cannot be written: {error.strerror}.") from error
