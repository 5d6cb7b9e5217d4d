"""Cards on an experiment's page that show the fit of each model of a small grid."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from backend.analysis.cells import CAPACITY, SEED
from backend.runs.schemas import RunItem
from backend.specification.hyperparameters.model import FAMILY
from backend.store import artifacts
from frontend import formatting
from frontend.charts.grid import GridCell
from frontend.charts.grid_metrics import AtBest

MAX_FIT_CARDS = 6


@dataclass(frozen=True)
class FitCard:
    """The fit of a cell's first run and its metrics. `src` is None if it has no fit yet."""

    run: RunItem
    title: str
    best: AtBest
    src: str | None

    def last(self, key: str) -> float | None:
        """Return a metric at the last epoch."""
        value = self.run.summary.get(key, {}).get("last")
        return None if value is None else float(value)


def fit_cards(
    session: Session,
    cells: Sequence[GridCell],
    varying: Sequence[str],
    at_best: Mapping[int, AtBest],
) -> list[FitCard]:
    """Return a card per cell; no cards for many cells or for inputs that cannot be drawn."""
    firsts = [cell.runs[0] for cell in cells]
    can_draw = all(not run.is_external and run.spec.dataset.drawable for run in firsts)
    if not can_draw or len(firsts) > MAX_FIT_CARDS:
        return []
    return [
        FitCard(run, full_title(run, varying), at_best.get(run.id, {}), _last_fit(session, run.id))
        for run in firsts
    ]


def _last_fit(session: Session, run_id: int) -> str | None:
    """Return the URL of a run's newest fit. It contains the epoch, so that each fit is loaded."""
    fits = [info for info in artifacts.snapshot_infos(session, run_id) if info.has_fit]
    if not fits:
        return None
    newest = max(fits, key=lambda info: (info.epoch, info.kind))
    return f"/charts/runs/{run_id}/fit/{newest.kind}?epoch={newest.epoch}"


def full_title(run: RunItem, varying: Sequence[str]) -> str:
    """Name a run by its variant or model, and the other hyperparameters that vary."""
    return ", ".join([run.variant or model_title(run), *differing(run, varying)])


def differing(run: RunItem, varying: Iterable[str]) -> list[str]:
    """Return the hyperparameters that vary in an experiment, except for those of `model_title`."""
    return [
        f"{formatting.label(path)} {formatting.value(run.params[path], path)}"
        for path in varying
        if path not in (SEED, FAMILY.path, *CAPACITY) and path in run.params
    ]


def model_title(run: RunItem) -> str:
    """Name a run's model by its capacity; an external run by its own name."""
    if run.is_external:
        return run.run_name or ""
    return f"{run.spec.family.describe(run.spec.model)}: {run.parameters:,} parameters"
