"""The pictures on an experiment's page: what each model of a small grid has learnt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from backend.analysis.cells import SEED
from backend.runs.schemas import RunItem
from backend.store import artifacts
from frontend import formatting
from frontend.charts.grid import GridCell
from frontend.charts.grid_metrics import AtBest

MAX_FIT_CARDS = 6


@dataclass(frozen=True)
class FitCard:
    """One cell's fit, with its errors at the last and at the best epoch."""

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
    """Return a picture for each cell of a small grid whose inputs can be drawn, else none."""
    found = [cell.runs[0] for cell in cells]
    shown = all(run.spec.dataset.drawable for run in found)
    if not shown or len(found) > MAX_FIT_CARDS:
        return []
    return [
        FitCard(run, _card_title(run, varying), at_best.get(run.id, {}), _last_fit(session, run.id))
        for run in found
    ]


def _last_fit(session: Session, run_id: int) -> str | None:
    """Return the address of a run's newest fit; it changes with the epoch, as the picture does."""
    fits = [one for one in artifacts.snapshot_infos(session, run_id) if one.has_fit]
    if not fits:
        return None
    newest = max(fits, key=lambda one: (one.epoch, one.kind))
    return f"/figures/runs/{run_id}/fit/{newest.kind}?epoch={newest.epoch}"


def _card_title(run: RunItem, varying: Sequence[str]) -> str:
    """Name a cell by its model and by what else varies."""
    others = [
        f"{formatting.label(path)} {formatting.value(run.params[path], path)}"
        for path in varying
        if not path.startswith("model.") and path != SEED and path in run.params
    ]
    return ", ".join([run.variant or model_title(run), *others])


def model_title(run: RunItem) -> str:
    """Name a run's model by its capacity."""
    return f"{run.spec.family.describe(run.spec.model)}: {run.parameters:,} parameters"
