"""Runs the suite: ``python -m tests.faults --kills 100 --seed 1``."""

import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from pathlib import Path
from random import Random

from tests.faults import figures
from tests.faults.figures import Figures
from tests.faults.nursery import Nursery
from tests.faults.stand import standing
from tests.faults.storms import DOCUMENT, KILLS, Storm
from tests.faults.truth import uninterrupted
from tests.product import ROOT

FIGURES = ROOT / "docs" / "reliability.json"


def main() -> int:
    options = parse()
    nursery = Nursery()
    with tempfile.TemporaryDirectory() as folder:
        expected = uninterrupted(DOCUMENT, Path(folder))
    for engine in options.database:
        for kind, strike in KILLS.items():
            if not any(word in kind for word in options.only):
                continue
            found = Figures(kind, engine, seed=options.seed)
            begun = time.monotonic()
            with standing(nursery, engine) as stand:
                storm = Storm(stand, found, Random(options.seed), expected)
                try:
                    storm.run(options.kills, strike)
                except BaseException:
                    print(stand.said(), found)
                    raise
            figures.save(options.out, [found])
            print(kind, engine, found, f"{time.monotonic() - begun:.0f} s", flush=True)
    nursery.end()
    return 0


def parse() -> Namespace:
    parser = ArgumentParser(prog="lab test --faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="of each kind (100)")
    parser.add_argument("--seed", type=int, default=1, help="of the random moments (1)")
    parser.add_argument("--database", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--only", nargs="+", default=[""], help="words of the kinds wanted")
    parser.add_argument("--out", type=Path, default=FIGURES, help="where the figures go")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
