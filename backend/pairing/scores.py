"""Scores, such as accuracy, as losses: for logs without a pair of losses."""

from dataclasses import replace

import numpy as np

from backend.pairing.loss_pair import LossPair
from backend.pairing.name_pairs import Kind
from backend.pairing.series_names import parse_name
from backend.series import Series

SCORES_ALONE = (
    "it has no losses, so its {} is judged, as {:g} - {}. Scores show whether more cases "
    "are wrong. They cannot show a validation loss that rises while as many cases stay right, as "
    "when a model gets too sure of its errors"
)
SCORE_AND_LOSS = (
    "it has no validation loss, so {} is judged with {}, as {:g} - {}. The gap between the two "
    "has no meaning"
)


def kind_of(train: str, validation: str) -> Kind:
    """Return what two series are by their names."""
    scores = [parse_name(name).is_score for name in (train, validation)]
    if all(scores):
        return "scores"
    return "loss and score" if scores[1] else "losses"


def scores_as_losses(pair: LossPair, kind: Kind) -> LossPair:
    """Return a pair whose scores are subtracted from the highest score, with a note."""
    measure = parse_name(pair.names[1]).measure
    top = _top(pair.validation, pair.train) if kind == "scores" else _top(pair.validation)
    validation = _subtracted(pair.validation, top)
    if kind == "scores":
        note = SCORES_ALONE.format(measure, top, measure)
        train = _subtracted(pair.train, top)
        return replace(pair, train=train, validation=validation, remarks=(*pair.remarks, note))
    note = SCORE_AND_LOSS.format(pair.names[1], pair.names[0], top, measure)
    return replace(pair, validation=validation, remarks=(*pair.remarks, note))


def _top(*scores: Series) -> float:
    """Return the highest score that is possible: 1, 100 per cent, or the highest value."""
    values = np.concatenate([series.finite.values for series in scores])
    highest = float(values.max()) if len(values) else 1.0
    return 1.0 if highest <= 1 else 100.0 if highest <= 100 else highest


def _subtracted(series: Series, top: float) -> Series:
    return Series(series.steps, top - series.values)
