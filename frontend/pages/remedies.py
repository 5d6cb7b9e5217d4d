"""Remedies on the pages: the remedies to try, the follow-ups that tried them, their effects."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import urlencode

from sqlalchemy.orm import Session

from backend.analysis.cells import SEED
from backend.analysis.comparison import Comparison, VariantEffect
from backend.analysis.comparison_sentences import in_words
from backend.errors import NotFound
from backend.remedies import follow_up
from backend.remedies.catalogue import Remedy
from backend.runs import compare_variants
from backend.runs.compare_variants import At
from backend.runs.items import experiment_items
from backend.runs.schemas import ExperimentItem
from backend.store import experiments
from backend.store.tables import Experiment, Run
from frontend import formatting

MAX_CELLS = 50


@dataclass(frozen=True)
class RemedyOffer:
    """The remedies for one cell. `cells` names the cells to choose from by the id of a run of each.

    `note` explains on the page of a run that the remedies are for its whole cell.
    """

    experiment_id: int
    run_id: int
    verdict: str
    severity: str | None
    proposed: Sequence[Remedy]
    others: Sequence[Remedy]
    cells: dict[int, str]
    seeds: int = follow_up.DEFAULT_SEEDS
    note: str = ""


@dataclass(frozen=True)
class JudgedAt:
    """The comparison of the variants at one epoch of each run, and its sentence."""

    at: At
    title: str
    comparison: Comparison
    sentence: str

    def effect(self, name: str) -> VariantEffect:
        """Return the effect of a variant, or the baseline itself."""
        variants = (self.comparison.baseline, *self.comparison.effects)
        return next(effect for effect in variants if effect.arm.name == name)


TITLES: Mapping[At, str] = {
    "last": "If you train on",
    "best": "If you keep the best snapshot",
}


@dataclass(frozen=True)
class VariantComparison:
    """The comparison of an experiment's variants, at the last and at the best epoch of each run.

    If other hyperparameters vary too, `cells` names their combinations and `setting` is the index
    of the combination that is shown. If the variants cannot be compared, `sides` is empty and
    `sentence` gives the reason.
    """

    sides: Sequence[JudgedAt] = ()
    sentence: str = ""
    accuracy: bool = False
    abouts: Mapping[str, str] = field(default_factory=dict)
    cells: Sequence[str] = ()
    setting: int | None = None

    @property
    def comparison(self) -> Comparison | None:
        """The comparison at the last epoch, whose order the table has."""
        return self.sides[0].comparison if self.sides else None

    @property
    def chart_query(self) -> str:
        """The query string of the charts. It changes with each ended run, to load new charts."""
        variants = (self.comparison.baseline, *self.comparison.effects) if self.comparison else ()
        ended = sum(run.ended for variant in variants for run in variant.arm.outcomes)
        parameters = {"setting": self.setting, "ended": ended}
        return urlencode({name: v for name, v in parameters.items() if v is not None})


def offer(rows: Sequence[Run], varying: Sequence[str], run_id: int | None) -> RemedyOffer | None:
    """Return the remedies for the cell of a run, else for the baseline, else for the worst cell."""
    cells = follow_up.diagnosed_cells(rows)
    if not cells:
        return None
    requested = [cell for cell in cells if any(run.id == run_id for run in cell.runs)]
    baseline = [cell for cell in cells if cell.runs[0].variant == follow_up.BASELINE]
    names = {cell.runs[0].id: _cell_name(cell, varying) for cell in cells[:MAX_CELLS]}
    return _offer((requested or baseline or cells)[0], names)


def offer_for(session: Session, parent: Experiment, run: Run) -> RemedyOffer | None:
    """Return the remedies for a run's own cell."""
    cell = follow_up.cell_of(session, parent, run)
    if not cell.verdict:
        return None
    cell = follow_up.with_better_capacity(session, cell)
    return replace(_offer(cell, {}), note=_note(cell, run))


def _note(cell: follow_up.DiagnosedCell, run: Run) -> str:
    """Explain that the remedies are for the whole cell of a run, and how its verdict differs."""
    if len(cell.runs) < 2:
        return ""
    runs = f"These answer the {len(cell.runs)} runs of its cell, which differ in their seed only"
    verdict = formatting.badge(cell.verdict, cell.severity)
    own = formatting.badge(run.verdict, run.severity) or "not"
    this_run = "as is this one" if own == verdict else f"this one {own}"
    return f"{runs}: {_counted(cell)} called {verdict}, {this_run}."


def _counted(cell: follow_up.DiagnosedCell) -> str:
    majority = cell.majority
    if majority is None or majority.amount == majority.of:
        return "all are"
    return f"{majority.amount} of {majority.of} {'is' if majority.amount == 1 else 'are'}"


def tried(
    session: Session, parent_id: int, offered: RemedyOffer | None = None
) -> list[ExperimentItem]:
    """Return the experiments that followed up on an experiment, or on one cell of it."""
    ids = [offered.run_id] if offered else None
    return experiment_items(session, experiments.follow_ups(session, parent_id, run_ids=ids))


def compared(
    session: Session, experiment: Experiment, setting: int | None = None
) -> VariantComparison | None:
    """Return the comparison of an experiment's variants, or None if it has fewer than two."""
    declared = (experiment.spec or {}).get("variants", [])
    if len(declared) < 2:
        return None
    try:
        settings = compare_variants.comparable(session, experiment.id).settings
    except NotFound as reason:
        return VariantComparison(sentence=reason.detail)
    setting = setting if setting is not None and 0 <= setting < len(settings) else None
    sides = [_judged(session, experiment.id, at, setting) for at in TITLES]
    last = sides[0].comparison
    return VariantComparison(
        sides=sides,
        accuracy=any(
            "test_accuracy" in variant.means for variant in (last.baseline, *last.effects)
        ),
        abouts={v["name"]: v.get("about", "") for v in declared},
        cells=[formatting.settings(cell) for cell in settings] if len(settings) > 1 else [],
        setting=setting,
    )


def _judged(session: Session, experiment_id: int, at: At, setting: int | None) -> JudgedAt:
    comparison = compare_variants.comparison(session, experiment_id, at=at, setting=setting)
    names = [variant.arm.name for variant in (comparison.baseline, *comparison.effects)]
    sentence = _isolated(in_words(comparison), names)
    return JudgedAt(at, TITLES[at], comparison, sentence)


def _isolated(sentence: str, names: Sequence[str]) -> str:
    """Return a sentence in which quoted names do not change the writing direction around them."""
    for name in names:
        quoted = f"\N{LEFT DOUBLE QUOTATION MARK}{name}\N{RIGHT DOUBLE QUOTATION MARK}"
        sentence = sentence.replace(quoted, quoted.replace(name, formatting.isolated(name)))
    return sentence


def _offer(cell: follow_up.DiagnosedCell, cells: dict[int, str]) -> RemedyOffer:
    first = cell.runs[0]
    others = [remedy for remedy in cell.applicable if remedy not in cell.proposed]
    return RemedyOffer(
        first.experiment_id,
        first.id,
        str(cell.verdict),
        cell.severity,
        cell.proposed,
        others,
        cells,
    )


def _cell_name(cell: follow_up.DiagnosedCell, varying: Sequence[str]) -> str:
    """Name a cell by its values of the settings that vary and its verdict."""
    first = cell.runs[0]
    names = [f"variant {formatting.isolated(first.variant)}"] if first.variant else []
    paths = [path for path in varying if path != SEED and first.params.get(path) is not None]
    names += [formatting.settings({path: first.params[path]}) for path in paths]
    return ": ".join(part for part in (", ".join(names), _majority(cell)) if part)


def _majority(cell: follow_up.DiagnosedCell) -> str:
    """Write the majority verdict, with the number of its runs unless all runs have it."""
    if cell.majority is None:
        return ""
    return str(replace(cell.majority, verdict=formatting.badge(cell.verdict, cell.severity)))
