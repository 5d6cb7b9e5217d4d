"""Our diagnosis and tools of other people, side by side on labelled training histories.

    python -m bench.diagnosis_peers --peers VENV/bin/python --labelled FOLDER --corpus FILE

VENV has the tools installed: runmedic, trainspotter, losslint, sk-autod, trainproof. FOLDER has
histories that people labelled (`bench.labelled_examples`), FILE is of `bench.diagnosis_corpus`.
Prints Markdown tables: agreement with people, with the loss on clean test data, and how many
answers stay the same when a history is changed in ways that should not matter.
"""

import argparse
import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from backend.diagnosis import Curve, diagnose
from backend.series import FloatArray
from bench import labelled_examples, peer_verdicts
from bench.diagnosis_history import load, true_overfitting
from bench.labelled_examples import Example

Losses = tuple[Sequence[float], Sequence[float]]
Answers = Mapping[str, Sequence[bool | None]]
OURS = "Overfit Lab"


def rise_rule(losses: Losses) -> bool:
    """Return the one-line rule for a rise: the last value is 5 % above the minimum."""
    return losses[1][-1] > 1.05 * min(losses[1])


def rise_or_gap_rule(losses: Losses) -> bool:
    """Return the one-line rule for a rise as a chart shows it, or for a gap."""
    train, validation = losses
    span = max(train[0], validation[0]) - min(*train, *validation)
    end, gap = float(np.median(validation[-3:])), validation[-1] - train[-1]
    rose = end - min(validation) > max(0.05 * min(validation), 0.04 * span)
    return rose or gap > max(0.13 * span, 1.3 * train[-1])


ONE_LINE: Mapping[str, Callable[[Losses], bool]] = {
    "last value 5 % above the minimum": rise_rule,
    "a rise of 5 %, or a gap (one line)": rise_or_gap_rule,
}


def answers_of(histories: Sequence[Losses], peers: str | None) -> dict[str, list[bool | None]]:
    """Return whether each history overfits, by tool."""
    ours = [diagnose(Curve.from_arrays(range(1, len(t) + 1), t, v)) for t, v in histories]
    answers: dict[str, list[bool | None]] = {OURS: [diagnosis.overfitting for diagnosis in ours]}
    for name, rule in ONE_LINE.items():
        answers[name] = [rule(losses) for losses in histories]
    if peers:
        asked = subprocess.run(
            [peers, peer_verdicts.__file__],
            input=json.dumps(histories), capture_output=True, text=True, check=True,
        )  # fmt: skip
        answers |= json.loads(asked.stdout)
    return answers


def agreement(truth: Sequence[bool], answers: Sequence[bool | None]) -> tuple[float, float]:
    """Return F1 and the Matthews correlation; a missing answer counts as no."""
    pairs = [(bool(yes), bool(answer)) for yes, answer in zip(truth, answers, strict=True)]
    tp, fp, fn, tn = (
        pairs.count(pair) for pair in ((True, True), (False, True), (True, False), (False, False))
    )
    product = float(tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    f1 = 2 * tp / max(1, 2 * tp + fp + fn)
    return f1, (tp * tn - fp * fn) / product**0.5 if product else 0.0


def agreement_table(truth: Sequence[bool], answers: Answers) -> str:
    """Return F1 and the Matthews correlation of each tool as Markdown, the best first."""
    scores = {name: agreement(truth, given) for name, given in answers.items()}
    rows = sorted(scores.items(), key=lambda item: -item[1][0])
    lines = [f"| {name} | {f1:.3f} | {mcc:.3f} |" for name, (f1, mcc) in rows]
    head = (
        f"{len(truth)} histories, {sum(truth)} overfit.\n\n| tool | F1 | Matthews |\n|---|---|---|"
    )
    return "\n".join([head, *lines])


def people_report(examples: Sequence[Example], peers: str | None) -> str:
    """Return the agreement of all tools with people, and of our verdict's name and best step."""
    sure = [example for example in examples if example.overfits is not None]
    answers = answers_of([example.known for example in sure], peers)
    answers[OURS] = [diagnose(example.curve).overfitting for example in sure]
    named = [example for example in examples if example.verdict]
    names = [labelled_examples.label_of(diagnose(e.curve)) == e.verdict for e in named]
    placed = [example for example in examples if example.best is not None]
    best = [labelled_examples.best_agrees(e, diagnose(e.curve)) for e in placed]
    table = agreement_table([bool(example.overfits) for example in sure], answers)
    return (
        f"{table}\n\nOur verdict's name agrees in {np.mean(names):.0%} of {len(named)}, the best "
        f"step lies within 5 % of the length in {np.mean(best):.0%} of {len(placed)}."
    )


def _thinned(values: FloatArray) -> FloatArray:
    return values[::2]


def _cut(values: FloatArray) -> FloatArray:
    return values[: round(0.97 * len(values))]


def _scaled(values: FloatArray) -> FloatArray:
    return 1000 * values


def _repeated(values: FloatArray) -> FloatArray:
    return np.repeat(values, 2)


def _noisy(values: FloatArray) -> FloatArray:
    span = float(values.max() - values.min())
    return values + np.random.default_rng(1).normal(0, 0.01 * span, len(values))


CHANGES: Mapping[str, Callable[[FloatArray], FloatArray]] = {
    "every second point": _thinned,
    "without the last 3 %": _cut,
    "times 1,000": _scaled,
    "each point twice": _repeated,
    "noise of 1 % of the range": _noisy,
}
"""Changes of a history that should not change the answer."""


def robustness_table(histories: Sequence[Losses], peers: str | None) -> str:
    """Return the share of answers that each change leaves as they were, as Markdown."""
    long = [pair for pair in histories if len(pair[0]) >= 20]
    before = answers_of(long, peers)
    rows: dict[str, list[str]] = {name: [] for name in before}
    for change in CHANGES.values():
        changed = [tuple(change(np.array(part)).tolist() for part in pair) for pair in long]
        after = answers_of(changed, peers)
        for name, given in before.items():
            same = np.mean([a == b for a, b in zip(given, after[name], strict=True)])
            rows[name].append(f"{same:.0%}")
    head = f"| tool | {' | '.join(CHANGES)} |\n|---|{'---|' * len(CHANGES)}"
    lines = [f"| {name} | {' | '.join(cells)} |" for name, cells in rows.items()]
    return "\n".join([f"{len(long)} histories of 20 points or more.\n", head, *lines])


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--peers", help="a Python interpreter that has the other tools")
    parser.add_argument("--labelled", type=Path, help="a folder of labelled histories")
    parser.add_argument("--corpus", type=Path, help="a corpus of bench.diagnosis_corpus")
    options = parser.parse_args()
    pairs: list[Losses] = []
    if options.labelled:
        examples = list(labelled_examples.load(options.labelled))
        pairs += [example.known for example in examples]
        print(f"## Histories that people labelled\n\n{people_report(examples, options.peers)}\n")
    if options.corpus:
        corpus = load(options.corpus)
        own: list[Losses] = [(history.train, history.validation) for history in corpus]
        truth = [true_overfitting(history)[0] for history in corpus]
        pairs += own
        table = agreement_table(truth, answers_of(own, options.peers))
        print(f"## Runs of this product with clean test data\n\n{table}\n")
    if pairs:
        print(f"## Unchanged answers\n\n{robustness_table(pairs, options.peers)}")


if __name__ == "__main__":
    main()
