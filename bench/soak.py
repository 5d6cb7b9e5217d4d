"""Mixed load for minutes: checks for growing memory, lost or leaked resources and slow reads.

    python -m bench.soak --minutes 10 [--write]

Runs the whole product as `./lab up` starts it. The load consists of experiments that are submitted
one after the other and trained, 200 streams as dashboards hold them, 5 streams whose clients never
read, 20 loggers, and 4 clients that read over REST. The loggers write to the database as workers
do: each logs a run's six metrics every second.

Prints memory and descriptors of each process over time, latencies of reads, and problems, and
writes them to docs/benchmarks.md on request. Exits with 1 if there was a problem.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import cycle
from multiprocessing import get_context
from pathlib import Path

import httpx

from backend.live.notifications import Notifier
from backend.settings import Settings
from backend.specification import RunSpec, validate
from backend.store import Database
from bench.docs_section import replace_section
from bench.soak_report import Usage, problems, report
from tests.product import run_product
from tests.scenes import MOONS, Scene, advance, write_scene

DASHBOARDS, LOGGERS, READERS, NEVER_READING = 200, 20, 4, 5
SUBMIT_SECONDS, LOG_SECONDS, READ_SECONDS, SCRAPE_SECONDS = 5.0, 1.0, 0.05, 15.0
OPEN_SECONDS = 10.0  # during which the dashboards are opened
SETTLE_SECONDS = 40.0  # after the load, until every stream is closed
SPEC = {
    "name": "Soak", "dataset": {"source": "moons", "n_train": [20, 100]},
    "model": {"width": [4, 32]}, "training": {"epochs": 60, "seeds": 2},
}  # fmt: skip
ReadTimes = tuple[dict[str, list[float]], list[str]]
LOGGED = Scene(
    {"name": "Loggers", "dataset": MOONS, "training": {"epochs": 100_000, "seeds": LOGGERS}},
    1,
    None,
)


@dataclass
class SoakLoad:
    """The load on one product, and its results."""

    url: str
    settings: Settings
    until: float
    experiment_id: int
    runs: list[tuple[int, RunSpec]]
    reads: dict[str, list[float]] = field(default_factory=dict)
    done: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)

    @property
    def over(self) -> bool:
        return time.monotonic() > self.until

    async def every(self, seconds: float, call: Callable[[], Awaitable[object]]) -> None:
        """Call repeatedly until the end, and record failures."""
        while not self.over:
            begun = time.monotonic()
            try:
                await call()
            except Exception as error:  # noqa: BLE001 - every failure is counted
                self.errors.append(f"{call.__qualname__}: {error!r}")
            await asyncio.sleep(max(0.0, seconds - (time.monotonic() - begun)))


async def apply_load(load: SoakLoad) -> None:
    """Put the load on the product until its time is over."""
    host, port = load.url.removeprefix("http://").split(":")
    async with httpx.AsyncClient(base_url=load.url, timeout=30) as http:

        async def submit() -> None:
            (await http.post("/api/experiments", json=SPEC)).raise_for_status()
            load.done["experiments submitted"] += 1

        async def scrape() -> None:
            (await http.get("/metrics")).raise_for_status()

        tasks = [load.every(SUBMIT_SECONDS, submit), load.every(SCRAPE_SECONDS, scrape)]
        tasks += [log(load, number) for number in range(LOGGERS)]
        tasks += [readers(load)]
        tasks += [follow(load, host, int(port), number) for number in range(DASHBOARDS)]
        tasks += [never_read(load, host, int(port)) for _ in range(NEVER_READING)]
        await asyncio.gather(*tasks)


async def log(load: SoakLoad, number: int) -> None:
    """Record a run's metrics every second, as for an external program."""
    database, notifier = Database(load.settings.database_url), Notifier(load.settings.broker_url)
    epoch = 1

    def write() -> None:
        with database.write() as session:
            runs = [load.runs[number]]
            advance(session, LOGGED, load.experiment_id, runs, epoch, epoch)
        notifier.notify(load.experiment_id)

    async def log_epoch() -> None:
        nonlocal epoch
        epoch += 1
        await asyncio.to_thread(write)
        load.done["epochs logged"] += 1

    await asyncio.sleep(number * LOG_SECONDS / LOGGERS)
    await load.every(LOG_SECONDS, log_epoch)
    notifier.close()
    database.dispose()


def read(url: str, experiment_id: int, run_id: int, seconds: float) -> ReadTimes:
    """Read as scripts do, one request after the other; runs in a process of its own.

    Returns the seconds of each read by path, and the failures.
    """
    paths = (
        "/api/experiments",
        f"/api/experiments/{experiment_id}",
        f"/api/experiments/{experiment_id}/runs",
        f"/api/runs/{run_id}",
        f"/api/runs/{run_id}/metrics?max_points=500",
        "/api/runs?limit=50",
        "/api/health",
    )
    times: dict[str, list[float]] = {}
    errors: list[str] = []
    until = time.monotonic() + seconds
    with httpx.Client(base_url=url, timeout=30) as http:
        for path in cycle(paths):
            if time.monotonic() > until:
                return times, errors
            begun = time.perf_counter()
            try:
                http.get(path).raise_for_status()
                times.setdefault(path.partition("?")[0], []).append(time.perf_counter() - begun)
            except httpx.HTTPError as error:
                errors.append(f"{path}: {error!r}")
            time.sleep(READ_SECONDS)
    return times, errors


async def readers(load: SoakLoad) -> None:
    """Run several processes that read until the end."""
    arguments = load.url, load.experiment_id, load.runs[0][0], load.until - time.monotonic()
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(READERS, mp_context=get_context("spawn")) as pool:
        reads = [loop.run_in_executor(pool, read, *arguments) for _ in range(READERS)]
        for times, errors in await asyncio.gather(*reads):
            load.errors += errors
            for path, seconds in times.items():
                load.reads.setdefault(path, []).extend(seconds)


async def follow(load: SoakLoad, host: str, port: int, number: int) -> None:
    """Keep a dashboard's stream open, of the experiment or of one of its runs."""
    run_id = load.runs[number % LOGGERS][0]
    subject = f"experiment={load.experiment_id}" if number % 2 else f"run={run_id}"
    await asyncio.sleep(number * OPEN_SECONDS / DASHBOARDS)
    reader, writer = await connect(host, port, subject)
    try:
        while not load.over:
            received = await asyncio.wait_for(reader.read(1 << 16), 30)
            if not received:
                load.errors.append("a stream was ended by the server")
                return
            load.done["events received"] += received.count(b"event: ")
    except TimeoutError:
        load.errors.append("a stream was silent for 30 s")
    finally:
        writer.close()


async def never_read(load: SoakLoad, host: str, port: int) -> None:
    """Request a stream and never read from it."""
    _, writer = await connect(host, port, f"experiment={load.experiment_id}")
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    while not load.over:
        await asyncio.sleep(1)
    writer.close()


async def connect(
    host: str, port: int, subject: str
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection(host, port)
    request = f"GET /api/stream?{subject} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n"
    writer.write(request.encode())
    return reader, writer


def logged_errors(folder: Path) -> list[str]:
    """Return the errors in the product's own logs."""
    lines = [
        (path.name, json.loads(line))
        for path in folder.glob("*.log")
        for line in path.read_text().splitlines()
        if line.startswith("{")
    ]
    return [
        f"{name}: {line['event']} {line.get('exception', '')[-150:]}"
        for name, line in lines
        if line.get("level") in ("error", "critical")
    ]


def main() -> int:
    """Apply the load, let the product settle, and print the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--workers", default="1", help="as `lab up` starts on two cores (1)")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lab-") as folder:
        data_dir = Path(folder) / "data"
        with run_product(data_dir, workers=options.workers, log="json") as product:
            settings = Settings(data_dir=data_dir, broker=f"unix://{data_dir}/valkey.sock")
            database = Database(settings.database_url)
            experiment_id, run_ids = write_scene(database, LOGGED)
            database.dispose()
            runs = list(zip(run_ids, validate(LOGGED.document).runs, strict=True))
            warm_up(product.url)
            usage = Usage(product.process.pid)
            usage.start()
            until = time.monotonic() + 60 * options.minutes
            load = SoakLoad(product.url, settings, until, experiment_id, runs)
            asyncio.run(apply_load(load))
            usage.loaded = False
            time.sleep(SETTLE_SECONDS)
            usage.stop()
            load.errors += logged_errors(data_dir / "logs")
            output = product.read_output()
            load.errors += [line for line in output.splitlines() if " ended (" in line]
    text = report(options.minutes, load.reads, load.done, load.errors, usage)
    print(text)
    if options.write:
        replace_section("Soak", text)
    return 1 if problems(load.reads, load.errors, usage) else 0


def warm_up(url: str) -> None:
    """Do everything that is slow the first time: a training and 200 requests."""
    experiment = (
        httpx.post(f"{url}/api/experiments", json=SPEC, timeout=60).raise_for_status().json()
    )
    deadline = time.monotonic() + 120
    while httpx.get(f"{url}/api/experiments/{experiment['id']}").json()["status"] != "finished":
        if time.monotonic() > deadline:
            raise TimeoutError("the first experiment did not finish")
        time.sleep(0.2)
    with ThreadPoolExecutor(20) as pool:  # each opens connections to the database, which stay
        for _ in pool.map(httpx.get, [f"{url}/api/experiments"] * 200):
            pass


if __name__ == "__main__":
    sys.exit(main())
