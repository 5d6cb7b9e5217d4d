"""The chart that compares runs: its horizontal axis in epochs, optimiser steps or seconds."""

import pytest
from sqlalchemy import update

from backend.store import metrics
from backend.store.metrics import Point
from backend.store.tables import Run
from tests.api import Api

START_MS = 1_800_000_000_000


@pytest.fixture
def run_id(sqlite_api: Api) -> int:
    """A run with 50 samples: epochs 1-10 recorded 2 s after its start, and 11-20 after 8 s."""
    experiment_id = sqlite_api.submit(
        dataset={"source": "moons", "n_train": 50},
        model={"width": 2},
        training={"batch_size": 32, "epochs": 20},
    )
    [run_id] = sqlite_api.run_ids(experiment_id)
    with sqlite_api.database.write() as session:
        session.execute(update(Run).where(Run.id == run_id).values(started_at=START_MS))
        for epochs, seconds in ((range(1, 11), 2), (range(11, 21), 8)):
            recorded_at = START_MS + 1000 * seconds
            points = [Point(run_id, "val_loss", epoch, 1 / epoch, recorded_at) for epoch in epochs]
            metrics.record(session, points)
    return run_id


def x_by_epoch(api: Api, run_id: int, align: str) -> dict[int, float]:
    """Return the position of each epoch on the horizontal axis."""
    chart = api.get(f"/charts/compare/val?runs={run_id}&align={align}").json()
    return dict(enumerate(chart["data"][0]["x"], start=1))


def test_epochs_are_multiplied_by_the_steps_of_an_epoch(sqlite_api: Api, run_id: int) -> None:
    assert x_by_epoch(sqlite_api, run_id, "epoch")[20] == 20
    assert x_by_epoch(sqlite_api, run_id, "step")[20] == 40  # 50 samples are two batches of 32


def test_epochs_between_two_writes_are_spread_evenly_over_time(
    sqlite_api: Api, run_id: int
) -> None:
    seconds = x_by_epoch(sqlite_api, run_id, "time")
    assert [seconds[epoch] for epoch in (5, 10, 15, 20)] == [1, 2, 5, 8]


def test_time_counts_from_the_first_write_if_the_start_is_later(
    sqlite_api: Api, run_id: int
) -> None:
    """The clocks of a worker and of the database may differ."""
    with sqlite_api.database.write() as session:
        later = START_MS + 3_600_000
        session.execute(update(Run).where(Run.id == run_id).values(started_at=later))
    seconds = x_by_epoch(sqlite_api, run_id, "time")
    assert [seconds[epoch] for epoch in (10, 20)] == [0, 6]
