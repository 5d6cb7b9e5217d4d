"""Run every scenario against both servers, and print where they disagree."""

import argparse
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import httpx

from tests.mlflow_parity.clients import run_client
from tests.mlflow_parity.recording import Outcome
from tests.mlflow_parity.scenarios import run_scenarios, write_outcomes
from tests.mlflow_parity.servers import mlflow_server, our_server

SECONDS = 60  # for one request
REQUIRED = 0.97
MAX_SHOWN = 600  # characters of an outcome


def main() -> int:
    """Compare, print each disagreement, and return 0 if enough outcomes agree."""
    options = _arguments()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        theirs = options.theirs or stack.enter_context(
            mlflow_server(options.python, Path(folder, "theirs"))
        )
        ours = options.ours or stack.enter_context(our_server(Path(folder, "ours")))
        clients = [options.python, *options.client]
        expected, actual = _outcomes(theirs, clients), _outcomes(ours, clients)
    if options.record:
        write_outcomes(expected)
    different = [name for name in expected if not expected[name].agrees(actual.get(name))]
    for name in different:
        print(f"{name}\n    MLflow {_shown(expected[name])}\n    ours   {_shown(actual.get(name))}")
    agreed = len(expected) - len(different)
    print(f"{agreed} of {len(expected)} outcomes agree ({100 * agreed / len(expected):.1f} %)")
    return 0 if agreed >= REQUIRED * len(expected) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mlflow_parity", description=__doc__)
    parser.add_argument("--python", required=True, help="a Python with MLflow, server and client")
    parser.add_argument(
        "--client", action="append", default=[],
        help="a Python with another version of MLflow's client; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--record", action="store_true",
        help="keep the outcomes of MLflow's server, with which `./lab test` compares ours",
    )  # fmt: skip
    parser.add_argument("--theirs", help="URL of a running MLflow server with an empty database")
    parser.add_argument("--ours", help="URL of a running service with an empty database")
    return parser.parse_args()


def _outcomes(url: str, clients: list[str]) -> dict[str, Outcome]:
    """Run all scenarios and clients against one server."""
    with httpx.Client(base_url=url, timeout=SECONDS) as http:
        outcomes = run_scenarios(http.request)
    for python in clients:
        outcomes |= run_client(python, url)
    return outcomes


def _shown(outcome: Outcome | None) -> str:
    text = str(outcome)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."


if __name__ == "__main__":
    sys.exit(main())
