"""Scores of the diagnosis on labelled runs: a stored part of the corpus that bench/ makes.

Guards against regressions. The scores are not those of unseen data: the rules were developed on
these runs.
"""

from pathlib import Path

from bench.diagnosis_history import LabelledHistory, load
from bench.diagnosis_score import (
    Rule,
    Score,
    baseline_rule,
    diagnosis_rule,
    outcomes_by_configuration,
    score,
)

STORED = Path(__file__).parents[1] / "data" / "labelled_histories.json.gz"


def scored(histories: list[LabelledHistory], rule: Rule) -> Score:
    return score(
        [row for rows in outcomes_by_configuration(histories, rule).values() for row in rows]
    )


def test_labelled_runs_are_diagnosed_better_than_by_the_baseline_rule() -> None:
    histories = load(STORED)
    score_of_rules, plain = scored(histories, diagnosis_rule), scored(histories, baseline_rule)
    assert score_of_rules.f1 >= 0.9
    assert score_of_rules.mcc >= max(0.85, plain.mcc)
