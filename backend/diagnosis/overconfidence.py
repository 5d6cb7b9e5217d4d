"""Loss that overfits while error does not: the model is too sure of itself (Guo et al. 2017)."""

from dataclasses import dataclass
from statistics import fmean

from backend.diagnosis.curve import Series
from backend.diagnosis.rise import share
from backend.diagnosis.shape import Shape

TOLERATED = 0.01  # of accuracy: a loss that small is none
LARGEST = 1e6  # beyond, it is no accuracy (nor is NaN)


@dataclass(frozen=True)
class Finding:
    """Something else that was seen, beside the verdict."""

    rule: str
    sentence: str


def over_confident(shape: Shape, accuracy: Series, onset: int) -> list[Finding]:
    """Return the finding if accuracy at the end is no lower than where loss began to rise."""
    steps = [step for step in sorted(accuracy) if abs(accuracy[step]) <= LARGEST]
    values = [accuracy[step] for step in steps]
    reach = max(1, round(len(values) / 20))
    near = [i for i, step in enumerate(steps) if step <= onset][-1:] or [0]
    if len(values) < 2 * reach:
        return []
    before = fmean(values[max(0, near[0] - reach // 2) : near[0] + reach // 2 + 1])
    after = fmean(values[-reach:])
    if after < before - TOLERATED * max(1.0, before):  # accuracies may be percentages
        return []
    return [
        Finding(
            "over-confident",
            f"Over-confident: while validation loss rose {share(shape)}, validation "
            f"accuracy went from {before:.3g} at {shape.unit} {onset:,} to {after:.3g}; the "
            "predictions are no worse, the certainty they come with is.",
        )
    ]
