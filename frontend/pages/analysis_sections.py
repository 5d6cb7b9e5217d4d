"""The sections of an experiment's page that read its grid: which there are, and of what."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from backend.analysis.capacity_curves import capacity_axis
from backend.analysis.cells import (
    CAPACITY,
    EPOCHS,
    N_TRAIN,
    SEED,
    setting,
    settings,
    varying,
)
from backend.analysis.surface import ALONG, MIN_CAPACITIES, MIN_SIZES
from backend.runs.schemas import RunItem
from backend.specification.params import ParamValue
from frontend import formatting
from frontend.charts.bias_variance import split_axis

MAX_REDRAWS = 20  # of the slow charts while an experiment's runs end
MIN_FINISHED = 2
LONGEST_NUMBER = 6  # digits in an address that are read


@dataclass(frozen=True)
class AnalysisSection:
    """One reading of the grid, as a chart. `name` is that of its chooser in the address.

    What few ask for is `is_further`: on a narrow screen it stands behind a fold.
    """

    name: str
    title: str
    about: str
    figure: str
    is_further: bool = False
    options: Sequence[str] = ()
    chosen: int | None = None
    src: str = ""


@dataclass(frozen=True)
class GridSections:
    """The sections that an experiment's axes allow, and in one line each what others need."""

    sections: Sequence[AnalysisSection]
    missing: Sequence[str]
    target: float | None


def grid_sections(
    experiment_id: int, all_runs: Sequence[RunItem], query: Mapping[str, str]
) -> GridSections | None:
    """Return what of the grid is read; None before two runs have finished."""
    finished = sum(run.status == "finished" for run in all_runs)
    if finished < MIN_FINISHED:
        return None
    whole = [run.params for run in all_runs]
    epochs = max(each.get(EPOCHS) or 1 for each in whole)
    unequal = varying(whole, missing_counts=True)
    params = [setting(each, unequal) for each in whole]  # each section looks through them
    values = varying(params)
    found, missing = _sections(values, epochs)
    version = redraw_version(finished, len(all_runs))
    target = _target(query.get("target"))
    made = [
        _chosen(section, axes, params, query, f"/figures/experiments/{experiment_id}", version,
                target if section.name == "learning" else None)
        for section, axes in found
    ]  # fmt: skip
    return GridSections(made, missing, target)


def _sections(
    values: Mapping[str, Sequence[ParamValue]], epochs: int
) -> tuple[list[tuple[AnalysisSection, Sequence[str]]], list[str]]:
    """Return the available sections with their axes, and what the others need."""
    offers = list(_offers(values, epochs))
    found = [(section, axes) for section, axes, there, _ in offers if there]
    return found, [needed for _, _, there, needed in offers if needed and not there]


def _offers(
    values: Mapping[str, Sequence[ParamValue]], epochs: int
) -> Iterator[tuple[AnalysisSection, Sequence[str], bool, str]]:
    """Yield each section with its axes, whether they vary, and what it needs otherwise."""
    capacity, axis = capacity_axis(values), split_axis(values)
    sizes, capacities = len(values.get(N_TRAIN, ())), len(values.get(capacity, ()))
    seeds = len(values.get(SEED, ()))
    yield (_CAUSE, tuple(values), bool(values.keys() - {SEED}),
           "What limits the model: needs a setting with two or more values.")  # fmt: skip
    yield (_LEARNING, (N_TRAIN,), sizes > 1,
           "Learning curve: needs two or more values of train samples (n_train).")  # fmt: skip
    yield (_CAPACITY, (capacity,), capacities > 1,
           "Capacity curve: needs two or more widths, depths, channels or degrees.")  # fmt: skip
    yield _OPTIMUM, (N_TRAIN, *CAPACITY), sizes > 1 and capacities > 1, ""
    yield _SPLITS, (axis,), seeds > 1, "Bias and variance: need two or more seeds."
    yield _COURSE, (axis,), seeds > 1 and epochs > 1, ""
    yield (_SURFACE, ALONG, sizes >= MIN_SIZES and capacities >= MIN_CAPACITIES,
           f"What each cell loses to capacity, training and data: needs {MIN_SIZES} or more values "
           f"of train samples and {MIN_CAPACITIES} or more of capacity.")  # fmt: skip


def _chosen(
    section: AnalysisSection,
    axes: Sequence[str],
    params: Sequence[Mapping[str, ParamValue]],
    query: Mapping[str, str],
    base: str,
    version: int,
    target: float | None,
) -> AnalysisSection:
    """Return a section with its settings and the address of its figure."""
    options = (
        [formatting.settings(one) for one in settings(params, axes)]
        if section is not _CAUSE
        else []
    )
    wanted = query.get(section.name, "")
    listed = wanted.isdecimal() and len(wanted) <= LONGEST_NUMBER and int(wanted) < len(options)
    chosen = int(wanted) if listed else None
    asked = {"setting": chosen, "target": target, "runs": version}
    known = {name: value for name, value in asked.items() if value is not None}
    return replace(
        section,
        options=options if len(options) > 1 else [],
        chosen=chosen,
        src=f"{base}/{section.figure}?{urlencode(known)}",
    )


def redraw_version(ended: int, total: int) -> int:
    """Return a number that changes when the slow charts have to be drawn again.

    It changes at most MAX_REDRAWS times while `total` runs end, and when the last one has ended.
    """
    step = max(1, total // MAX_REDRAWS)
    return ended if ended == total else ended // step * step


def _target(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if 0 < value < float("inf") else None


_CAUSE = AnalysisSection(
    "cause", "What limits the best model",
    "One step along each axis from the cell of the lowest validation loss, with the same seeds "
    "compared: bars are 95 % intervals; what reaches over 0 is not resolved. A fall counts from "
    "3 % for a doubling on.",
    "cause",
)  # fmt: skip
_LEARNING = AnalysisSection(
    "learning", "Learning curve",
    "Loss at the best epoch over the number of training samples: mean and 95 % interval over "
    "seeds, which share one test set. The fitted law is a power of the number of samples down to a "
    "floor, dotted where it is not to be relied on; its band is where loss would be found in 95 of "
    "100 cases; the dashed line is the forecast without any law.",
    "learning-curve",
)  # fmt: skip
_CAPACITY = AnalysisSection(
    "capacity", "Capacity curve",
    "Loss over the number of parameters: mean and 95 % interval over seeds. What seeds do not tell "
    "from the optimum may be as good.",
    "capacity-curve",
)  # fmt: skip
_OPTIMUM = AnalysisSection(
    "optimum", "Optimum capacity",
    "The number of parameters with the lowest mean validation loss, for each training-set size.",
    "optimum-capacity", is_further=True,
)  # fmt: skip
_SPLITS = AnalysisSection(
    "splits", "Bias and variance",
    "The error at the last epoch, split over the seeds, whose models were trained on different "
    "samples and asked the same: bias is the error of their mean answer, variance what they differ "
    "from it. Bands are 95 % intervals (jackknife).",
    "bias-variance",
)  # fmt: skip
_COURSE = AnalysisSection(
    "course", "Bias and variance over the epochs",
    "The same of the largest model (or, of one capacity, the one with most data), after 1, 2, 4, "
    "... epochs of training.",
    "bias-variance-course", is_further=True,
)  # fmt: skip
_SURFACE = AnalysisSection(
    "surface", "What each cell loses",
    "One surface over capacity, data and training time is fitted to all losses (Bryant and Liu "
    "2026); the bars are the shares of its three terms in each cell. Training has no share where "
    "the second half of a cell's epochs lowered its loss by less than 3 %.",
    "surface", is_further=True,
)  # fmt: skip
