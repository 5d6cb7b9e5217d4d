"""Changes are merged into events so that a reader can stop between any two of them."""

from backend.live.events import ChangeEvent, joined, newest_of_each
from backend.store.tables import Change


def change(revision: int, kind: str, run_id: int, *steps: int) -> Change:
    first, last = steps or (None, None)
    return Change(revision=revision, kind=kind, run_id=run_id, first_step=first, last_step=last)


def test_neighbouring_points_become_one_event() -> None:
    rows = [change(1, "metric", 5, 1, 3), change(2, "metric", 5, 4, 6)]
    assert joined(rows) == [ChangeEvent(2, "metric", 5, 1, 6)]


def test_points_are_not_joined_across_a_status() -> None:
    rows = [change(1, "metric", 5, 1, 3), change(2, "status", 5), change(3, "metric", 5, 4, 6)]
    assert [event.revision for event in joined(rows)] == [1, 2, 3]


def test_repeated_steps_are_reported_once() -> None:
    rows = [change(1, "metric", 5, 4, 9), change(2, "metric", 5, 2, 5)]
    assert joined(rows) == [ChangeEvent(2, "metric", 5, 2, 9)]


def test_an_overview_keeps_the_newest_change_per_run_and_kind() -> None:
    rows = [
        change(1, "metric", 5, 1, 1),
        change(2, "metric", 6, 1, 1),
        change(3, "metric", 5, 2, 2),
    ]
    assert [(event.revision, event.run_id) for event in newest_of_each(rows)] == [(2, 6), (3, 5)]
