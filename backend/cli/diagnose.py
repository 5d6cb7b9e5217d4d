"""lab diagnose: diagnose the training histories in log files."""

import json
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from backend.cli.terminal import Styled, complain, say
from backend.diagnosis import Diagnosis
from backend.diagnosis.stopping_rules import Criterion, build
from backend.diagnosis.verdicts import RULES, SEVERITIES, Kind, Tone, Verdict, slug, title
from backend.errors import FieldError, InvalidInput, InvalidSpec
from backend.fit_reports import FitReport, report_on
from backend.fit_reports.fit_report import DEFAULT_CRITERION, DEFAULT_SETTINGS
from backend.imports.found_runs import ChosenLosses, FoundRun, find_runs
from backend.log_formats.history import Unreadable
from backend.printable import printable

FAILED, UNREADABLE = 1, 2  # exit codes
STOPPING_OPTIONS = ("patience", "min_delta", "start_from_epoch", "alpha", "strip", "strips")
TONE_COLOURS: dict[Tone, int] = {
    "good": 32, "harmful": 31, "unfinished": 34, "unsteady": 33, "unknown": 90,
}  # fmt: skip
"""ANSI colour codes."""
BOLD = 1
PARTS = ("train", "validation")
FORMER_VERDICT = "memorised-noise"  # of earlier releases, for gates that name it


@dataclass(frozen=True)
class LogReport:
    """The report on one history. `label` is the file, followed by the history's name if it has one.

    `error` is the reason if the history could not be read.
    """

    label: str
    fit: FitReport
    error: str | None = None

    def as_dict(self) -> dict[str, object]:
        """Return the report as `--format json` prints it."""
        diagnosis = self.fit.diagnosis.as_dict()
        first = ("verdict", "rule", "overfitting", "best_step", "onset_step")
        return {
            "file": self.label,
            **{key: diagnosis[key] for key in first},
            "early_stop_step": self.fit.early_stop_step,
            **{key: diagnosis[key] for key in ("evidence", "not_checked", "confidence")},
            "notes": list(self.fit.notes),
            **{key: diagnosis[key] for key in ("sentence", "learner", "findings")},
            "unit": self.fit.unit,
            "series": dict(zip(PARTS, self.fit.pair.names, strict=True)) if self.fit.pair else None,
            **{key: diagnosis[key] for key in ("kind", "severity", "advice")},
        }


def run(options: Namespace) -> int:
    """Diagnose every file; return 0, 1 for a verdict of --fail-on, or 2 for an unreadable file."""
    _check(options.fail_on)
    name, settings = _criterion(options)
    reports = [
        report for file in options.files for report in _reports(file, options, name, settings)
    ]
    if options.format == "json":
        say(json.dumps([report.as_dict() for report in reports], indent=2, allow_nan=False))
    else:
        for index, report in enumerate(report for report in reports if not report.error):
            say("\n" if index else "", *_parts(report))
    if options.html:
        _write_page(options, reports)
    for report in reports:
        if report.error:
            complain(f"lab: {report.error}")
    if any(report.error for report in reports):
        return UNREADABLE
    return FAILED if any(_matches(report, options.fail_on) for report in reports) else 0


def _reports(
    file: str, options: Namespace, name: str, settings: dict[str, float]
) -> list[LogReport]:
    chosen = ChosenLosses(options.train, options.validation)
    try:
        runs = find_runs(file, chosen)
    except Unreadable as error:
        return [_unreadable(file, error.detail)]
    return [_report(run, build(name, **settings)) for run in runs]


def _unreadable(label: str, reason: str) -> LogReport:
    rule = "not-assessable.unreadable"
    diagnosis = Diagnosis(Verdict.NOT_ASSESSABLE, rule, reason, reason, "low", not_checked=[reason])
    return LogReport(label, FitReport(diagnosis), reason)


def _report(run: FoundRun, criterion: Criterion) -> LogReport:
    if run.pair is None:
        return _unreadable(run.label, run.reason)
    return LogReport(run.label, report_on(run.pair, criterion, run.notes))


def _criterion(options: Namespace) -> tuple[str, dict[str, float]]:
    """Return the requested early-stopping criterion with its settings. Raises InvalidInput."""
    requested = {name: getattr(options, name) for name in ("criterion", *STOPPING_OPTIONS)}
    requested = {name: value for name, value in requested.items() if value is not None}
    if not requested:
        return DEFAULT_CRITERION, dict(
            DEFAULT_SETTINGS
        )  # the import below doubles the start-up time
    from backend.specification.early_stopping import requested_stopping, usual

    try:
        stopping = requested_stopping(requested, usual())
    except InvalidSpec as error:
        raise InvalidInput(_as_option(error.errors[0])) from error
    return stopping.criterion, stopping.settings()


def _as_option(error: FieldError) -> str:
    """Reword an error about a field of the specification for the option that set the field."""
    field = error.field or ""
    option = f"--{field.removeprefix('early_stopping.').replace('_', '-')}"
    return error.detail.replace(field, option, 1)


def _check(requested: Sequence[str]) -> None:
    """Check the values of --fail-on. Raises InvalidInput."""
    words = [*Verdict, *Kind, *(f"{Verdict.OVERFITTING}.{severity}" for severity in SEVERITIES)]
    slugs = {FORMER_VERDICT, *(slug(word) for word in words)}
    for name in requested:
        if name not in RULES and slug(name) not in slugs:
            near = get_close_matches(name, [*words, *RULES], n=1)
            meant = f" (did you mean {slug(near[0])}?)" if near else ""
            raise InvalidInput(
                f"--fail-on is {name[:80]}{meant}; accepted: {', '.join(words)}, or a rule's id."
            )


def _matches(report: LogReport, requested: Sequence[str]) -> bool:
    diagnosis = report.fit.diagnosis
    names = {slug(diagnosis.verdict), diagnosis.rule}
    if diagnosis.kind and diagnosis.severity:
        names |= {slug(diagnosis.kind), f"{diagnosis.verdict}.{diagnosis.severity}"}
    names |= {finding.rule for finding in diagnosis.findings}
    if diagnosis.kind in (Kind.GAP, Kind.MEMORISED):
        names.add(FORMER_VERDICT)
    return any(name in names or slug(name) in names for name in requested)


def _parts(report: LogReport) -> list[str | Styled]:
    """Return the lines of a report; the first has its label and verdict in their styles."""
    fit, diagnosis = report.fit, report.fit.diagnosis
    stop = fit.early_stop_step
    lines = [
        "",
        *(f"  {line}" for line in (diagnosis.sentence, diagnosis.learner)),
        *(f"  {finding.sentence}" for finding in diagnosis.findings),
        "  Early stopping would not have fired." if stop is None else
        f"  Early stopping would have fired at {fit.unit} {stop:,}.",
        "  Try first: " + diagnosis.advice[0],
        *(f"  Then: {advice}" for advice in diagnosis.advice[1:3]),
        f"  Confidence: {diagnosis.confidence} ({diagnosis.rule}).",
    ]  # fmt: skip
    if pair := fit.pair:
        lines.append(f"  Read: {pair.names[0]} (train) and {pair.names[1]} (validation).")
    lines += [f"  Note: {note}." for note in fit.notes]
    lines += [f"  Not checked: {reason}." for reason in diagnosis.not_checked]
    colour = TONE_COLOURS[diagnosis.verdict.facts.tone]
    verdict = Styled(title(diagnosis.verdict, diagnosis.severity), colour)
    return [Styled(report.label, BOLD), ": ", verdict, "\n".join(map(printable, lines))]


def _write_page(options: Namespace, reports: list[LogReport]) -> None:
    from backend.cli.diagnosis_page import page  # loads Plotly.js

    try:
        options.html.write_text(page(reports), encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"{options.html} cannot be written: {error.strerror}.") from error
