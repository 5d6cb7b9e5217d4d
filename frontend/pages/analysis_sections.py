"""Sections of an experiment's page that analyse its grid, each with a chart."""

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
from backend.specification.params import ParamValue, as_number
from frontend import formatting
from frontend.charts.bias_variance import split_axis

MAX_REDRAWS = 20  # of each chart while an experiment trains: they are slow to compute
MIN_FINISHED = 2  # runs; the analysis compares runs with each other
MAX_DIGITS = 6  # of a number in the URL; a longer one is ignored


@dataclass(frozen=True)
class AnalysisSection:
    """An analysis of the grid as a chart. `name` is the parameter of its chooser in the URL.

    Sections that few readers need have `is_further`: a narrow screen shows them collapsed.
    `default` names the setting that is drawn until one is chosen.
    """

    name: str
    title: str
    about: str
    chart: str
    is_further: bool = False
    default: str = "lowest loss"
    options: Sequence[str] = ()
    chosen: int | None = None
    src: str = ""


@dataclass(frozen=True)
class GridSections:
    """The available sections, and one sentence for each section that needs more values.

    `needs_seeds` is true for one seed, which some sections cannot be computed from.
    """

    sections: Sequence[AnalysisSection]
    missing: Sequence[str]
    target: float | None
    needs_seeds: bool = False


def grid_sections(
    experiment_id: int, all_runs: Sequence[RunItem], query: Mapping[str, str]
) -> GridSections | None:
    """Return the sections for an experiment, or None before MIN_FINISHED runs have finished."""
    finished = sum(run.status == "finished" for run in all_runs)
    if finished < MIN_FINISHED:
        return None
    all_params = [run.settings for run in all_runs]
    epochs = max(int(as_number(params.get(EPOCHS) or 1)) for params in all_params)
    unequal = varying(all_params, missing_counts=True)
    # only the hyperparameters that vary, because each section searches all runs
    params = [setting(run_params, unequal) for run_params in all_params]
    values = varying(params)
    has_models = not all_runs[0].is_external
    available, missing = _sections(values, epochs, has_models=has_models)
    version = redraw_version(finished, len(all_runs))
    target = _target(query.get("target"))
    sections = [
        _chosen(section, axes, params, query, f"/charts/experiments/{experiment_id}", version,
                target if section.name == "learning" else None)
        for section, axes in available
    ]  # fmt: skip
    return GridSections(sections, missing, target, has_models and len(values.get(SEED, ())) < 2)


def _sections(
    values: Mapping[str, Sequence[ParamValue]], epochs: int, *, has_models: bool
) -> tuple[list[tuple[AnalysisSection, Sequence[str]]], list[str]]:
    """Return the available sections with their axes, and what the other sections need.

    Bias and variance need the models themselves, which external runs do not leave here.
    """
    offers = [
        offer
        for offer in _offers(values, epochs, has_models=has_models)
        if has_models or offer[0].name not in (_SPLITS.name, _COURSE.name)
    ]
    available = [(section, axes) for section, axes, varies, _ in offers if varies]
    return available, [need for _, _, varies, need in offers if need and not varies]


def _offers(
    values: Mapping[str, Sequence[ParamValue]], epochs: int, *, has_models: bool
) -> Iterator[tuple[AnalysisSection, Sequence[str], bool, str]]:
    """Yield each section with its axes, whether they vary, and a sentence on what it needs."""
    capacity, axis = capacity_axis(values), split_axis(values)
    sizes, capacities = len(values.get(N_TRAIN, ())), len(values.get(capacity, ()))
    seeds = len(values.get(SEED, ()))
    # differences cannot be resolved with one seed, so the chart is left out
    can_tell = seeds > 1 or not has_models
    yield (_CAUSE, tuple(values), can_tell and bool(values.keys() - {SEED}),
           "What limits the model: needs a setting with two or more values, and two or more "
           "seeds.")  # fmt: skip
    yield (_LEARNING, (N_TRAIN,), sizes > 1,
           "Learning curve: needs two or more values of train samples (n_train).")  # fmt: skip
    yield (_CAPACITY, (capacity,), capacities > 1,
           "Capacity curve: needs two or more widths, depths, channels or degrees.")  # fmt: skip
    yield (_OPTIMUM, (N_TRAIN, *CAPACITY), can_tell and sizes > 1 and capacities > 1,
           "" if can_tell else "Optimum capacity: needs two or more seeds.")  # fmt: skip
    several = sizes > 1 or capacities > 1
    yield (_SPLITS, (axis,), seeds > 1 and several,
           "" if seeds > 1 else "Bias and variance: need two or more seeds.")  # fmt: skip
    course = replace(_COURSE, is_further=several)  # without a grid it is the only analysis
    yield course, (axis,), seeds > 1 and epochs > 1, ""
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
    """Return a section with its settings and the URL of its chart."""
    options = (
        [formatting.settings(cell) for cell in settings(params, axes)]
        if section is not _CAUSE
        else []
    )
    number = query.get(section.name, "")
    is_listed = number.isdecimal() and len(number) <= MAX_DIGITS and int(number) < len(options)
    chosen = int(number) if is_listed else None
    parameters = {"setting": chosen, "target": target, "runs": version}
    query_string = urlencode({name: v for name, v in parameters.items() if v is not None})
    return replace(
        section,
        options=options if len(options) > 1 else [],
        chosen=chosen,
        src=f"{base}/{section.chart}?{query_string}",
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
    "The change of the loss for one step along each axis, from the cell with the lowest validation "
    "loss and with the same seeds. Bars are 95 % intervals: a bar that includes 0 is not resolved. "
    "An axis limits the model if doubling it lowers the loss by at least 3 %.",
    "cause",
)  # fmt: skip
_LEARNING = AnalysisSection(
    "learning", "Learning curve",
    "Loss at the best epoch over the number of training samples: mean and 95 % interval over "
    "seeds, which share one test set. The fitted law is a power of the number of samples with a "
    "floor, dotted if it is not reliable. Its band contains the loss in 95 of 100 cases. The "
    "dashed line is the forecast without a law: the loss stays the same.",
    "learning-curve",
)  # fmt: skip
_CAPACITY = AnalysisSection(
    "capacity", "Capacity curve",
    "Loss over the number of parameters: mean and 95 % interval over seeds. Models whose "
    "difference to the optimum the seeds do not resolve may be equally good.",
    "capacity-curve",
)  # fmt: skip
_OPTIMUM = AnalysisSection(
    "optimum", "Optimum capacity",
    "The number of parameters with the lowest mean validation loss, for each training-set size.",
    "optimum-capacity", is_further=True,
)  # fmt: skip
_SPLITS = AnalysisSection(
    "splits", "Bias and variance",
    "The error at the last epoch. The models of the seeds are trained on different samples and "
    "tested on the same inputs: bias is the error of their mean prediction, variance their spread "
    "around it. Bands are 95 % intervals (jackknife).",
    "bias-variance",
)  # fmt: skip
_COURSE = AnalysisSection(
    "course", "Bias and variance over the epochs",
    "Bias and variance of the largest model after 1, 2, 4, ... epochs of training. If all models "
    "have the same size, of the model with the most data.",
    "bias-variance-course", is_further=True, default="lowest loss, its largest model",
)  # fmt: skip
_SURFACE = AnalysisSection(
    "surface", "What each cell loses",
    "A surface over capacity, data and training time is fitted to all losses (Bryant and Liu "
    "2026). The bars are the shares of its three terms in each cell. Training has no share if "
    "the second half of a cell's epochs lowered its loss by less than 3 %.",
    "surface", is_further=True,
)  # fmt: skip
