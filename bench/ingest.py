"""Speed of logging and searching over the MLflow protocol: `python -m bench.ingest [--write]`.

Compares this product on both databases with MLflow's own server and with FastTrackML, a server of
the same protocol that is written in Go. All run at the same time and are measured in turns, so that
a busy machine slows all of them.

Stock client: one process logs with MLflow's client. Ready-made requests: a load generator sends
requests that were made before, over some connections, for as many runs in turns.

Needs the extra `tracking-peers`, here or for the Python that is given with --mlflow and --fml. With
--write, the tables go to docs/benchmarks.md.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from bench import log_load, tracking_servers
from bench.docs_section import replace_section
from bench.tracking_servers import TrackingServer

STOCK_CLIENT = Path(__file__).parent / "stock_client.py"
POINTS = {500: 50_000, 10: 10_000}
"""Points of one measurement with ready-made requests, by the size of the batches."""
STOCK_POINTS = {500: 25_000, 10: 3000}
CONNECTIONS = (1, 10, 20)
SEARCHED_RUNS = 10_000
SEARCH_REPEATS = 20
SEARCHES: dict[str, dict[str, Any]] = {
    "newest 100": {"max_results": 100},
    "filter and order, first 100": {
        "filter": "metrics.val_loss < 0.3 and params.width = '32'",
        "order_by": ["metrics.val_loss ASC"],
        "max_results": 100,
    },
}
Row = tuple[str, ...]
"""The first cells of a row of a table, which say what its values are."""
Measured = dict[Row, dict[str, list[float]]]
"""Values by row and server."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--mlflow", default=sys.executable, help="a Python that has mlflow")
    parser.add_argument("--fml", help="the program fml of FastTrackML")
    parser.add_argument("--mlflow-processes", type=int, default=4, help="as its server by default")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--runs", type=int, default=SEARCHED_RUNS, help="runs to search")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    options = parser.parse_args()
    fml = options.fml or tracking_servers.program_next_to(options.mlflow, "fml")
    with tempfile.TemporaryDirectory(prefix="lab-") as name, ExitStack() as stack:
        folder = Path(name)
        servers = [
            stack.enter_context(server)
            for server in (
                tracking_servers.mlflow(
                    options.mlflow, folder / "mlflow", options.mlflow_processes
                ),
                tracking_servers.fasttrackml(fml, folder / "fasttrackml"),
                tracking_servers.lab_on_sqlite(folder / "lab"),
                tracking_servers.lab_on_postgresql(folder / "lab-on-postgresql"),
            )
        ]
        text = "\n\n".join(_tables(servers, options.mlflow, options.rounds, options.runs))
    text += f"\n\nMeasured with {os.cpu_count()} cores, load {os.getloadavg()[1]:.1f}."
    print(text)
    if options.write:
        replace_section("Logging from other programs", text)


def _tables(
    servers: Sequence[TrackingServer], python: str, rounds: int, runs: int
) -> Iterator[str]:
    """Yield the tables: points per second, processor time, and times of searches."""
    speeds: Measured = defaultdict(lambda: defaultdict(list))
    costs: Measured = defaultdict(lambda: defaultdict(list))
    for _ in range(rounds):
        for size, count in STOCK_POINTS.items():
            for server in servers:
                row = ("stock client", str(size), "1")
                seconds = _stock_seconds(python, server, count, size)
                _note(speeds, row, server, count / seconds)
        for size in POINTS:
            for connections in CONNECTIONS:
                for server in servers:
                    row = ("ready-made requests", str(size), str(connections))
                    speed, cost = _load(server, size, connections)
                    _note(speeds, row, server, speed)
                    _note(costs, row[1:], server, cost)
    names = [server.name for server in servers]
    yield "Points per second:"
    yield _table(("sent by", "points a batch", "connections"), speeds, names, "{:,.0f}")
    yield "Processor time of the server and its database, in milliseconds per 1,000 points:"
    yield _table(("points a batch", "connections"), costs, names, "{:,.1f}")
    yield f"Search of {runs:,} runs, in milliseconds:"
    yield _table(("search",), _search_times(servers, runs), names, "{:,.1f}")


def _note(measured: Measured, row: Row, server: TrackingServer, value: float) -> None:
    measured[row][server.name].append(value)
    print(*row, server.name, f"{value:,.1f}", sep=", ", file=sys.stderr, flush=True)


def _stock_seconds(python: str, server: TrackingServer, count: int, size: int) -> float:
    """Return the seconds in which MLflow's client logs points in batches."""
    command = [python, str(STOCK_CLIENT), server.url, str(count), str(size)]
    environment = {**os.environ, "PYTHONPATH": "", "MLFLOW_DISABLE_TELEMETRY": "true"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def _load(server: TrackingServer, size: int, connections: int) -> tuple[float, float]:
    """Return points per second, and milliseconds of processor time per 1,000 points."""
    run_ids = log_load.create_runs(server, log_load.create_experiment(server), connections)
    by_run = [log_load.batches(run, POINTS[size] // connections, size) for run in run_ids]
    requests = [request for turn in zip(*by_run, strict=True) for request in turn]
    worked = server.processor_seconds()
    seconds = log_load.send(server, requests, connections=connections).seconds
    worked = server.processor_seconds() - worked
    count = len(requests) * size
    return count / seconds, worked * 1e6 / count


def _search_times(servers: Sequence[TrackingServer], count: int) -> Measured:
    """Return the milliseconds of each search over as many runs."""
    times: Measured = defaultdict(lambda: defaultdict(list))
    experiments = {server.name: _fill(server, count) for server in servers}
    for title, search in SEARCHES.items():
        for _ in range(SEARCH_REPEATS):
            for server in servers:
                body = {**search, "experiment_ids": [experiments[server.name]]}
                request = log_load.request("runs/search", body)
                begun = time.perf_counter()
                log_load.send(server, [request], connections=1)
                _note(times, (title,), server, 1000 * (time.perf_counter() - begun))
    return times


def _fill(server: TrackingServer, count: int) -> str:
    """Create runs of a grid with params and metrics; return the id of their experiment."""
    experiment_id = log_load.create_experiment(server)
    now = int(time.time() * 1000)
    requests = []
    for number, run_id in enumerate(log_load.create_runs(server, experiment_id, count)):
        params = {"width": 2 ** (number % 8), "lr": 10 ** -(number % 4), "seed": number % 50}
        metrics = {"train_loss": 1 / (1 + number % 97), "val_loss": 1 / (1 + number % 13)}
        body = {
            "run_id": run_id,
            "params": [{"key": key, "value": str(value)} for key, value in params.items()],
            "metrics": [
                {"key": key, "value": value, "timestamp": now, "step": 0}
                for key, value in metrics.items()
            ],
        }
        requests.append(log_load.request("runs/log-batch", body))
    log_load.send(server, requests, connections=8)
    return experiment_id


def _table(heads: Row, measured: Measured, names: Sequence[str], form: str) -> str:
    """Return a table in Markdown, with the median of each row and server."""
    lines = [f"| {' | '.join((*heads, *names))} |", f"|{'---|' * (len(heads) + len(names))}"]
    for row, values in measured.items():
        cells = [form.format(median(values[name])) for name in names]
        lines.append(f"| {' | '.join((*row, *cells))} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
