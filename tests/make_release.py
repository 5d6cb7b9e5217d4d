"""Makes the database of a release, with data in it, for the tests of migrations.

    git worktree add ../release TAG && cd ../release
    PYTHONPATH=. python PATH/tests/make_release.py ../release.db      # with that release's code
    cd - && mkdir ../made && mv ../release.db ../made/lab.db
    ./lab backup tests/data/releases/VERSION.db --data-dir ../made
    gzip -9 tests/data/releases/*.db

(Without a `lab migrate` in between: the backup keeps the release's schema.)
"""

import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import httpx

from tests.product import run_product, wait_for

SPECS = [
    {"name": "Points é", "dataset": {"source": "points"}, "model": {"degree": [1, 6]},
     "training": {"epochs": 30}},
    {"name": "Moons", "dataset": {"source": "moons", "n_train": 20}, "model": {"width": 2},
     "training": {"epochs": 12, "seeds": 2}},
]  # fmt: skip


def main(out: Path) -> None:
    """Train two small experiments, copy the database, and add a note, a tag and a saved view."""
    with tempfile.TemporaryDirectory(prefix="lab-") as folder:
        with run_product(Path(folder) / "data", workers="1") as product:
            for spec in SPECS:
                url = f"{product.url}/api/experiments"
                experiment = httpx.post(url, json=spec, timeout=60).raise_for_status().json()
                wait_for(lambda: _is_finished(f"{url}/{experiment['id']}"))  # noqa: B023 - called at once
            product.interrupt()
        with (
            closing(sqlite3.connect(Path(folder) / "data" / "lab.db")) as source,
            closing(sqlite3.connect(out)) as target,
        ):
            source.backup(target)
            target.execute("UPDATE runs SET note = 'a note', pinned = 1 WHERE id = 1")
            target.execute("INSERT INTO run_tags VALUES (1, 'owner', 'Ann')")
            target.execute(
                "INSERT INTO saved_views (name, query) VALUES ('mine', '{\"q\": \"x\"}')"
            )
            target.commit()


def _is_finished(url: str) -> bool:
    return bool(httpx.get(url).json()["status"] == "finished")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
