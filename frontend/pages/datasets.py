"""Pages of the data sets: those that people have added, and those that come with the product."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from backend.own_data.limits import MAX_NAME_CHARACTERS
from backend.own_data.schemas import ColumnItem, Preview, dataset_item, preview_of
from backend.own_data.service import used_by
from backend.specification.data_sources import SOURCES
from backend.store import datasets
from backend.web.dependencies import SettingsDep
from frontend.site import Reading, render

PROBLEMS = {"classification": "Classes", "regression": "Values"}
TASKS = {
    "": "Take it from the target",
    "classification": "Classification",
    "regression": "Regression",
}
BAR_WIDTH, BAR_HEIGHT = 6, 28  # of a bar of a histogram, in pixels
MAX_LISTED = 500  # columns on the page; the command line lists all

router = APIRouter()


@router.get("/datasets")
def datasets_page(session: Reading, settings: SettingsDep) -> HTMLResponse:
    """Show the data sets that people have added, a form to add one, and the built-in sources."""
    groups = {
        title: {name: source for name, source in SOURCES.items() if source.problem == problem}
        for problem, title in PROBLEMS.items()
    }
    return render(
        "datasets.html",
        groups=groups,
        own=[dataset_item(dataset) for dataset in datasets.listed(session)],
        time_of=time_of,
        max_bytes=settings.max_import_bytes,
        max_name=MAX_NAME_CHARACTERS,
    )


@router.get("/datasets/{dataset_id}")
def dataset_page(session: Reading, dataset_id: int) -> HTMLResponse:
    """Show one data set: its columns, its target, and signs of leakage. Raises NotFound."""
    dataset = datasets.get(session, dataset_id)
    used = datasets.experiments_with(session, dataset.source)
    preview = preview_of(dataset)
    return render(
        "dataset.html",
        preview=preview,
        dataset=preview.dataset,
        columns=[ShownColumn(column) for column in preview.columns[:MAX_LISTED]],
        names=[column.name for column in preview.columns],
        hidden=max(0, len(preview.columns) - MAX_LISTED),
        tasks=TASKS,
        warnings=warnings_of(preview),
        experiments=used,
        question=_question(dataset.name, used),
        time_of=time_of,
    )


def time_of(milliseconds: int) -> str:
    """Return a time of the database in ISO 8601."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="seconds")


def _question(name: str, used: dict[int, int]) -> str:
    """Return the question before a data set is deleted: it names the experiments on it."""
    if not used:
        return f"Delete the data set {name}? No run refers to it."
    return f"Delete the data set {name}? {used_by(name, used)}"


def warnings_of(preview: Preview) -> list[str]:
    """Return a sentence about each sign of leakage and about repeated rows."""
    rows = preview.dataset.rows
    warnings = [
        f"The column {leak.column} alone explains {leak.explained:.1%} of the target. If it is not "
        "known before the target is, remove it from the inputs."
        for leak in preview.leaks
    ]
    if preview.repeated:
        warnings.append(
            f"{preview.repeated:,} of {rows:,} rows have the same inputs as another row. Rows that "
            "are alike in the training and the test part make the test loss too good. Split by a "
            "column that they share (split: grouped), or remove them."
        )
    elif preview.repeated is None and preview.duplicates:
        warnings.append(f"{preview.duplicates:,} of {rows:,} rows repeat another row.")
    if preview.contradicting:
        warnings.append(
            f"{preview.contradicting:,} rows have the same inputs as another row and another "
            "target. No model can get all of them right."
        )
    return warnings


@dataclass(frozen=True)
class ShownColumn:
    """A column in the table of the page."""

    item: ColumnItem

    @property
    def range(self) -> str:
        """The range of numbers, or the most frequent categories."""
        item = self.item
        if item.low is None or item.high is None:
            return ", ".join(f"{name} ({rows:,})" for name, rows in item.top[:3])
        if item.kind == "time":
            return f"{time_of(int(item.low * 1000))[:10]} to {time_of(int(item.high * 1000))[:10]}"
        return f"{item.low:g} to {item.high:g}"

    @property
    def bars(self) -> Sequence[tuple[int, int, int]]:
        """The x, y and height of each bar of the histogram, in pixels."""
        counts = self.item.histogram
        top = max(counts, default=0) or 1
        heights = [round(BAR_HEIGHT * count / top) for count in counts]
        return [(BAR_WIDTH * x, BAR_HEIGHT - height, height) for x, height in enumerate(heights)]

    @property
    def width(self) -> int:
        """The width of the histogram in pixels."""
        return BAR_WIDTH * len(self.item.histogram)
