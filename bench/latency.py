"""Latency from a commit to open streams: `python -m bench.latency`.

Commit to event: from the commit of some epochs, written as a worker writes them, until all open
streams of the run have delivered them to their clients. Submit to first epoch: from the request
that submits an experiment to the first event with a loss. The worker is idle before.
"""

import argparse
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import quantiles

import httpx

from backend.live.notifications import Notifier
from backend.settings import Settings
from backend.store import Database
from tests.api import record_epochs
from tests.product import run_product, wait_for
from tests.sse import ReceivedEvent, open_stream

SPEC = {"dataset": {"source": "moons"}, "training": {"epochs": 50}}
EPOCHS = 10  # per commit
PAUSE_SECONDS = 0.05  # between commits


def submit(url: str) -> tuple[int, int]:
    """Submit an experiment of one run; return its id and the run's id."""
    experiment_id = httpx.post(f"{url}/api/experiments", json=SPEC).raise_for_status().json()["id"]
    items = httpx.get(f"{url}/api/experiments/{experiment_id}/runs").json()["items"]
    return experiment_id, items[0]["id"]


def has_ended(url: str, run_id: int) -> bool:
    return bool(httpx.get(f"{url}/api/runs/{run_id}").json()["status"] == "finished")


def submit_to_first_epoch(url: str) -> float:
    begun = time.perf_counter()
    _, run_id = submit(url)
    with open_stream(url, f"run={run_id}") as stream:
        next(event for event in stream if event.kind == "metric")
    taken = time.perf_counter() - begun
    wait_for(lambda: has_ended(url, run_id))
    return taken


def reaches(event: ReceivedEvent, step: int) -> bool:
    series = event.data.get("metrics", {}).get("val_loss")
    return bool(series and series["steps"][-1] == step)


def commit_to_event(url: str, settings: Settings, *, commits: int, streams: int) -> list[float]:
    database, notifier = Database(settings.database_url), Notifier(settings.broker_url)
    experiment_id, run_id = submit(url)
    wait_for(lambda: has_ended(url, run_id))
    times = []
    with ExitStack() as stack:
        opened = [stack.enter_context(open_stream(url, f"run={run_id}")) for _ in range(streams)]
        for number in range(commits):
            last = 1000 + (number + 1) * EPOCHS
            record_epochs(database, experiment_id, run_id, range(last - EPOCHS + 1, last + 1))
            committed = time.perf_counter()
            notifier.notify(experiment_id)
            for stream in opened:
                next(event for event in stream if reaches(event, last))
            times.append(time.perf_counter() - committed)
            time.sleep(PAUSE_SECONDS)
    return times


def print_latencies(title: str, times: list[float]) -> None:
    cuts = quantiles(times, n=20, method="inclusive")
    print(f"{title:42} p50 {cuts[9] * 1000:7.1f} ms   p95 {cuts[18] * 1000:7.1f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commits", type=int, default=200)
    parser.add_argument("--submissions", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lab-") as folder:
        data_dir = Path(folder) / "data"
        with run_product(data_dir, workers="1") as product:
            settings = Settings(data_dir=data_dir, broker=f"unix://{data_dir}/valkey.sock")
            submit_to_first_epoch(product.url)  # the worker is still starting
            first = [submit_to_first_epoch(product.url) for _ in range(options.submissions)]
            print_latencies("submit to first epoch", first)
            for streams in (1, 20):
                times = commit_to_event(
                    product.url, settings, commits=options.commits, streams=streams
                )
                print_latencies(f"commit to event, open streams: {streams}", times)


if __name__ == "__main__":
    main()
