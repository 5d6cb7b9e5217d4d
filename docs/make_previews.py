"""Write frontend/charts/previews.json: some rows of each stored source, for the form's pictures.

Run `python -m docs.make_previews` after changing a stored source. A test compares the file.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from backend.specification.data_sources import SOURCES
from worker.training import raw_samples

FILE = Path(__file__).parent.parent / "frontend" / "charts" / "previews.json"
ROWS = 120
IMAGES = ("digits", "mnist5k")
# The two inputs on the axes, with their names. Diabetes has one, drawn against the target.
TABLES = {
    "iris": ((2, "petal length"), (3, "petal width")),
    "wine": ((0, "alcohol"), (6, "flavanoids")),
    "breast_cancer": ((0, "mean radius"), (1, "mean texture")),
    "diabetes": ((2, "body mass index"),),
}


def previews() -> dict[str, Any]:
    """Return the content of the file, by source."""
    tables = {name: _table(name) for name in TABLES}
    images = {name: _images(name) for name in IMAGES}
    lines = _first_of_each("mnist1d")
    return {
        **tables,
        **images,
        "mnist1d": {"lines": raw_samples.stored_inputs("mnist1d", lines).round(2).tolist()},
    }


def _table(name: str) -> dict[str, Any]:
    targets = raw_samples.stored_targets(name)
    rows = np.linspace(0, len(targets) - 1, ROWS).astype(int)
    columns = [index for index, _ in TABLES[name]]
    names = [title for _, title in TABLES[name]]
    inputs = raw_samples.stored_inputs(name, rows)[:, columns].round(3)
    return {"inputs": inputs.tolist(), "targets": targets[rows].round(3).tolist(), "names": names}


def _images(name: str) -> dict[str, Any]:
    pixels = raw_samples.stored_inputs(name, _first_of_each(name))
    top = float(pixels.max())
    return {"images": (9 * pixels / top).round().astype(int).tolist(), "top": top}


def _first_of_each(name: str) -> Any:
    targets = raw_samples.stored_targets(name)
    return np.array([np.flatnonzero(targets == label)[0] for label in range(SOURCES[name].outputs)])


def text() -> str:
    """Return the text of the file."""
    return json.dumps(previews(), separators=(",", ":")) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
