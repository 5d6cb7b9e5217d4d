"""The diagnosis on runs whose truth is known: a stored part of the corpus that bench/ makes.

A guard against losing what is reached: these scores were seen while the rules were made.
"""

from pathlib import Path

from bench.diagnosis_corpus import History, Score, baseline, judged, load, ours, score

STORED = Path(__file__).parents[1] / "data" / "labelled_histories.json.gz"


def scored(histories: list[History], rule: object) -> Score:
    return score([row for rows in judged(histories, rule).values() for row in rows])


def test_known_runs_are_read_better_than_by_the_plain_rule() -> None:
    histories = load(STORED)
    found, plain = scored(histories, ours), scored(histories, baseline)
    assert found.f1 >= 0.9
    assert found.mcc >= max(0.85, plain.mcc)
