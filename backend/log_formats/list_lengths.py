"""Lists of a history that have no steps, and of which validation is shorter than train.

Programs that validate every few epochs, or log train loss per batch, write such lists.
"""

from collections.abc import Mapping

from backend.pairing.series_names import SeriesName, parse_name
from backend.series import Series

HELD_OUT = ("validation", "test")


def place_shorter(series: Mapping[str, Series]) -> tuple[dict[str, Series], dict[str, str]]:
    """Return series with shorter lists of validation at their epochs, and notes by name.

    A list is placed at every k-th epoch of its train list if that makes it end with the train list.
    Another shorter list begins with the train list, and the note says which epochs have no value.
    """
    names = {key: parse_name(key) for key in series}
    placed, notes = dict(series), {}
    for key, name in names.items():
        amount, whole = len(series[key]), _train_length(series, names, name)
        if name.part not in HELD_OUT or not _is_list(series[key]) or not 1 < amount < whole:
            continue
        every = whole // amount
        if every > 1 and whole // every == amount:
            placed[key] = Series(series[key].steps * every, series[key].values)
            assumed = f"taken as one for every {every:,} of them"
        else:
            assumed = f"those after {amount:,} are not judged"
        if len(placed[key]) < whole:
            notes[key] = f"{key}: {amount:,} values for {whole:,} of train, {assumed}"
    return placed, notes


def _train_length(
    series: Mapping[str, Series], names: Mapping[str, SeriesName], held_out: SeriesName
) -> int:
    """Return the length of the longest list of train with the same measure, 0 without any."""
    own = (
        series[key]
        for key, name in names.items()
        if name.part in ("train", None) and name.measure == held_out.measure
    )
    return max((len(each) for each in own if _is_list(each)), default=0)


def _is_list(series: Series) -> bool:
    """Return whether the steps are places in a list, counted from 1."""
    return len(series) > 0 and bool(series.steps[0] == 1 and series.steps[-1] == len(series))
