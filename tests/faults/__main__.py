"""Runs the suite: ``python -m tests.faults --kills 100 --seed 1``."""

import json
import sys
import tempfile
import time
import traceback
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from tests.faults.away import Impossible
from tests.faults.figures import Figures, record
from tests.faults.kinds import ENGINES, KINDS, Kind
from tests.faults.nursery import Nursery
from tests.faults.storm import Storm
from tests.faults.truth import Curve, uninterrupted
from tests.product import ROOT

PAGE = ROOT / "docs" / "reliability.md"


def main() -> int:
    options, failed = parse(), 0
    with Nursery() as nursery:
        for kind in KINDS:
            if any(word in kind.name for word in options.only):
                for engine in (each for each in options.database if each in kind.engines):
                    failed += not _held(kind, engine, nursery, options)
    return min(failed, 1)


def _held(kind: Kind, engine: str, nursery: Nursery, options: Namespace) -> bool:
    """Whether all was true after the faults of a kind; if not, it is told."""
    try:
        _run(kind, engine, nursery, options)
    except Exception:  # noqa: BLE001 - it is told, and the other kinds go on
        traceback.print_exc()
        print(f"FAILED: {kind.name}, {engine}", flush=True)
        return False
    return True


def _run(kind: Kind, engine: str, nursery: Nursery, options: Namespace) -> None:
    """Make all faults of a kind on a database, and record the figures."""
    found, begun = Figures(kind.name, engine), time.monotonic()
    expected = curves_of(kind.trained)
    try:
        with kind.stand(nursery, engine) as stand:
            storm = Storm(stand, found, Random(options.seed), expected, kind.trained, kind.excused)
            try:
                storm.run(min(options.kills, kind.count or options.kills), kind.strike)
            except BaseException:
                print(stand.said(), found)
                raise
    except Impossible as error:
        print(f"{kind.name}, {engine}: left out, as {error}", flush=True)
        return
    print(found.row(), f"in {time.monotonic() - begun:.0f} s", flush=True)
    if options.page:
        record(options.page, found)


def curves_of(document: Mapping[str, Any]) -> Sequence[Curve]:
    """Return the curves that every experiment must have."""
    return _curves_of(json.dumps(document))


@cache
def _curves_of(document: str) -> Sequence[Curve]:
    with tempfile.TemporaryDirectory() as folder:
        return uninterrupted(json.loads(document), Path(folder))


def parse() -> Namespace:
    parser = ArgumentParser(prog="lab test --faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="of each kind at most (100)")
    parser.add_argument("--seed", type=int, default=1, help="of the random moments (1)")
    parser.add_argument("--database", nargs="+", default=ENGINES, choices=ENGINES)
    parser.add_argument("--only", nargs="+", default=[""], help="words of the kinds wanted")
    parser.add_argument("--page", type=Path, default=PAGE, help="where the figures go")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
