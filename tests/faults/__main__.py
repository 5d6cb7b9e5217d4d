"""Command line of the fault suite: ``python -m tests.faults --kills 100 --seed 1``."""

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

from tests.faults.campaign import Campaign
from tests.faults.catalogue import ENGINES, FAULTS, Fault
from tests.faults.fork_server import ForkServer
from tests.faults.interruptions import FaultNotPossible
from tests.faults.results import FaultResults, write_row
from tests.faults.verification import Curve, train_undisturbed
from tests.product import ROOT

PAGE = ROOT / "docs" / "reliability.md"


def main() -> int:
    options, failed = parse(), 0
    with ForkServer() as fork_server:
        for fault in FAULTS:
            if any(word in fault.name for word in options.only):
                for engine in options.database:
                    if engine in fault.engines:
                        failed += not _passes(fault, engine, fork_server, options)
    return min(failed, 1)


def _passes(fault: Fault, engine: str, fork_server: ForkServer, options: Namespace) -> bool:
    """Inject a fault repeatedly; return whether every check passed. Print the error if not."""
    try:
        _run(fault, engine, fork_server, options)
    except Exception:  # noqa: BLE001 - it is printed, and the other faults are still injected
        traceback.print_exc()
        print(f"FAILED: {fault.name}, {engine}", flush=True)
        return False
    return True


def _run(fault: Fault, engine: str, fork_server: ForkServer, options: Namespace) -> None:
    """Inject a fault as often as requested on one engine, and write the results to the page."""
    results, begun = FaultResults(fault.name, engine), time.monotonic()
    expected = train_expected(fault.specification)
    try:
        with fault.deployer(fork_server, engine) as deployment:
            campaign = Campaign(
                deployment,
                results,
                Random(options.seed),
                expected,
                fault.specification,
                fault.accepted_errors,
            )
            try:
                campaign.run(min(options.kills, fault.max_count or options.kills), fault.inject)
            except BaseException:
                print(deployment.recent_logs(), results)
                raise
    except FaultNotPossible as error:
        print(f"{fault.name}, {engine}: left out, as {error}", flush=True)
        return
    print(results.row(), f"in {time.monotonic() - begun:.0f} s", flush=True)
    if options.page:
        write_row(options.page, results)


def train_expected(document: Mapping[str, Any]) -> Sequence[Curve]:
    """Return the curves that every experiment with this specification must have."""
    return _train_expected(json.dumps(document))


@cache
def _train_expected(document: str) -> Sequence[Curve]:
    with tempfile.TemporaryDirectory() as folder:
        return train_undisturbed(json.loads(document), Path(folder))


def parse() -> Namespace:
    parser = ArgumentParser(prog="lab test --faults", description=__doc__)
    parser.add_argument(
        "--kills", type=int, default=100, help="number of injections of each fault at most (100)"
    )
    parser.add_argument("--seed", type=int, default=1, help="seed of the random moments (1)")
    parser.add_argument("--database", nargs="+", default=ENGINES, choices=ENGINES)
    parser.add_argument(
        "--only",
        nargs="+",
        default=[""],
        help="inject only faults whose name contains one of these",
    )
    parser.add_argument(
        "--page", type=Path, default=PAGE, help="page that the results are written to"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
