"""The registry of verdicts is complete, and everything that shows a verdict follows from it."""

import re
from enum import StrEnum
from pathlib import Path
from typing import get_args

import pytest

from backend.cli.diagnose import TONE_COLOURS
from backend.diagnosis import rules
from backend.diagnosis.measurements import CurveShape
from backend.diagnosis.thresholds import THRESHOLDS
from backend.diagnosis.verdicts import (
    FACTS,
    SEVERITIES,
    Kind,
    RuleMatch,
    Tone,
    Verdict,
    VerdictFacts,
    majority_verdict,
    slug,
)
from backend.remedies.catalogue import REMEDIES
from backend.search.fields import CHOICES
from frontend import formatting
from frontend.glossary import TERMS
from tests.curves import curve

ROOT = Path(__file__).parents[2]


def unique(values: list[str] | list[int]) -> bool:
    return len(set(values)) == len(values)


def test_urgency_mark_and_rules_are_unique() -> None:
    every = list(FACTS.values())
    assert unique([facts.urgency for facts in every])
    assert unique([facts.mark for facts in every])
    assert unique([rule for facts in every for rule in facts.rules])


def test_a_good_fit_is_the_least_urgent_and_the_only_one_without_remedies() -> None:
    by_urgency = sorted(FACTS, key=lambda name: FACTS[name].urgency)
    assert by_urgency[0] == Verdict.GOOD_FIT
    assert [name for name in FACTS if not FACTS[name].remedies] == ["good fit"]


@pytest.mark.parametrize("name", FACTS)
def test_a_verdict_has_remedies_of_the_catalogue_and_a_glossary_entry(name: str) -> None:
    facts = FACTS[name]
    assert set(facts.remedies) <= REMEDIES.keys()
    assert TERMS[slug(name)].meaning == facts.meaning
    assert len(facts.mark) == 1


def test_each_tone_has_a_terminal_colour_and_a_css_class() -> None:
    css = (ROOT / "frontend/static/css/controls.css").read_text()
    assert TONE_COLOURS.keys() == set(get_args(Tone))
    assert set(re.findall(r"^\.tone-(\w+) ", css, re.MULTILINE)) == set(get_args(Tone))


def test_a_filter_accepts_each_verdict() -> None:
    assert set(CHOICES["verdict"]) == set(Verdict)
    assert (set(CHOICES["kind"]), set(CHOICES["severity"])) == (set(Kind), set(SEVERITIES))


def test_the_documentation_lists_each_verdict_with_its_rules() -> None:
    text = (ROOT / "docs/diagnosis.md").read_text().split("\n## What a rise is")[0]
    rows = [[cell.strip() for cell in row.split("|")] for row in text.splitlines() if "`" in row]
    documented = {row[1]: set(re.findall(r"`([^`]+)`", row[2])) for row in rows if len(row) > 3}
    assert documented == {verdict: set(verdict.facts.rules) for verdict in Verdict}


def test_a_new_verdict_needs_a_member_and_a_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """Follows the recipe of CONTRIBUTING.md: everything else is derived from the member."""
    facts = VerdictFacts(20, "harmful", "X", "Test samples were trained on.", ("leak.seen",))
    leak = StrEnum("Leak", {"LEAK": "data leak"}).LEAK  # type: ignore[attr-defined]
    monkeypatch.setitem(FACTS, leak, facts)

    def leaks(_: CurveShape) -> RuleMatch:
        return RuleMatch(leak, "leak.seen", "train and test share samples.", "It saw the test.")

    monkeypatch.setattr(rules, "RULES_IN_ORDER", (leaks, *rules.RULES_IN_ORDER))
    match = rules.first_match(CurveShape(curve([1.0] * 9, [1.0] * 9)))
    assert match.verdict == "data leak"
    assert (formatting.mark(leak), formatting.tone(leak)) == ("X", "tone-harmful")
    majority = majority_verdict(["overfitting", leak])
    assert majority and majority.verdict == leak


def test_the_documentation_lists_each_threshold_with_its_value_and_reason() -> None:
    text = (ROOT / "docs/diagnosis.md").read_text().split("\n## Thresholds")[1].split("\n## ")[0]
    rows = {tuple(c.strip() for c in row.split("|")[1:-1]) for row in text.splitlines()}
    for name, threshold in THRESHOLDS.items():
        told = threshold.explained
        assert (name, f"{float(threshold):g}", told.unit, told.reason, told.source) in rows
    assert len(THRESHOLDS) < 30


@pytest.mark.parametrize(("severity", "badge"), [("mild", "mild overfitting"), (None, "good fit")])
def test_a_badge_shows_the_severity_in_the_tone_of_its_verdict(
    severity: str | None, badge: str
) -> None:
    verdict = badge.removeprefix(f"{severity} ")
    assert formatting.badge(verdict, severity) == badge
    assert formatting.tone(badge) == formatting.tone(verdict)
