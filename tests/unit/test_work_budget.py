"""The budget of a request: its work ends when it is used up or the client has left."""

import time

import pytest

from backend import work_budget
from backend.errors import ClientLeft, TooExpensive
from backend.specification import validate
from backend.work_budget import ClientWatch, budget

GRID = {
    "dataset": {"source": "moons", "n_train": list(range(1, 101))},
    "model": {"width": list(range(1, 101))},
}


def busy(seconds: float) -> None:
    began = time.thread_time()
    while time.thread_time() - began < seconds:
        pass


def test_without_a_request_there_is_no_budget() -> None:
    work_budget.check()


def test_work_within_the_budget_continues_and_beyond_it_ends() -> None:
    with budget(0.1, ClientWatch()):
        work_budget.check()
        busy(0.02)
        work_budget.check()
        busy(0.1)
        with pytest.raises(TooExpensive, match="LAB_WORK_SECONDS"):
            work_budget.check()


def test_the_validation_of_a_grid_ends_with_its_budget() -> None:
    with budget(0.05, ClientWatch()), pytest.raises(TooExpensive):
        validate(GRID)


def test_the_validation_of_a_grid_ends_when_the_client_leaves() -> None:
    client = ClientWatch()
    client.gone = True
    with budget(10, client), pytest.raises(ClientLeft):
        validate(GRID)
