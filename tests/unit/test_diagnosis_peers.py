"""The comparison with other tools: labels, scores and one-line rules."""

from pathlib import Path

import pytest

from bench.diagnosis_peers import agreement, answers_of, people_report, rise_or_gap_rule
from bench.labelled_examples import load

HEAD = "file,overfitting_a,overfitting_b,verdict_a,verdict_b,best_a,best_b,repository,path\n"


def test_a_labelled_folder_is_scored(tmp_path: Path) -> None:
    rises = [0.9 - e / 20 if e < 10 else 0.4 + (e - 10) / 10 for e in range(30)]
    rows = [f"{e},{1 / (e + 1)},{v}" for e, v in enumerate(rises)]
    (tmp_path / "1.csv").write_text("epoch,train_loss,val_loss\n" + "\n".join(rows))
    labels = "1.csv,yes,yes,overfitting-rise,overfitting-rise,10,10,a/b,log.csv\n"
    (tmp_path / "labels.csv").write_text(HEAD + labels)
    report = people_report(list(load(tmp_path)), None)
    assert "| Overfit Lab | 1.000 |" in report
    assert "agrees in 100% of 1" in report


def test_scores_are_those_of_the_definitions() -> None:
    f1, mcc = agreement([True, True, False, False], [True, False, False, None])
    assert [f1, mcc] == pytest.approx([2 / 3, 1 / 3**0.5])


def test_the_one_line_rule_knows_rises_and_gaps() -> None:
    falls = [1.0, 0.5, 0.25, 0.1, 0.05]
    assert rise_or_gap_rule((falls, [1.0, 0.6, 0.5, 0.5, 0.5]))
    assert not rise_or_gap_rule((falls, [1.0, 0.4, 0.1, 0.1, 0.1]))
    assert "Overfit Lab" in answers_of([(falls, falls)], None)
