from datetime import UTC, datetime, timedelta
from typing import Any

from backend.runs.schemas import RunItem
from backend.specification import validate
from frontend.charts.experiment_progress import ProgressInfo, Throughput, progress_info

START = datetime(2026, 1, 1, tzinfo=UTC)


def run(
    status: str, epoch: int = 0, *, ended: float | None = None, **hyperparameters: Any
) -> RunItem:
    document = {
        "dataset": {"source": "moons"},
        "training": {"epochs": 100},
        "model": hyperparameters,
    }
    [spec] = validate(document).runs
    started = None if status == "queued" else START.isoformat()
    return RunItem(
        id=1, experiment_id=1, url="", status=status, error=None, params=spec.params(),
        parameters=1, epoch=epoch, summary={}, best_epoch=None, early_stop_epoch=None,
        verdict=None, started_at=started,
        ended_at=None if ended is None else (START + timedelta(seconds=ended)).isoformat(),
    )  # fmt: skip


def after(seconds: float, *runs: RunItem, status: str = "running") -> ProgressInfo:
    return progress_info(status, runs, now=START + timedelta(seconds=seconds))


def test_time_left_follows_from_the_work_done() -> None:
    progress = after(10, run("finished", 100, ended=10), run("queued"))
    assert (progress.share, progress.seconds_left) == (0.5, 10)
    assert (
        progress.sentence
        == "1 of 2 runs done, 100 epochs so far, 10.0 epochs per second, about 10 s left"
    )


def test_speed_and_time_left_follow_from_the_last_seconds() -> None:
    lately = Throughput({1: 50}, seconds=10)
    now = START + timedelta(seconds=100)
    progress = progress_info("running", [run("running", 80)], now=now, lately=lately)
    assert progress.sentence.endswith("80 epochs so far, 5.00 epochs per second, about 4 s left")


def test_a_clock_that_was_set_back_gives_no_negative_time() -> None:
    progress = after(-3600, run("finished", 100, ended=-3590), status="finished")
    assert progress.sentence == "1 of 1 run done, 100 epochs in total"
    running = after(-3600, run("running", 80))
    assert (running.seconds_left, running.epochs_per_second) == (None, None)


def test_larger_models_count_more() -> None:
    progress = after(10, run("finished", 100, ended=10, width=2), run("queued", width=128))
    assert progress.share < 0.4
    assert progress.seconds_left is not None
    assert progress.seconds_left > 15


def test_time_left_is_unknown_without_enough_epochs() -> None:
    progress = after(60, run("running", 1))
    assert progress.seconds_left is None
    assert "time left not known yet" in progress.sentence


def test_time_left_is_unknown_in_the_first_second() -> None:
    assert after(0.5, run("running", 50)).seconds_left is None


def test_queued_runs_wait_for_a_worker() -> None:
    assert after(0, run("queued"), status="queued").sentence == "1 run waiting for a worker"


def test_queued_runs_report_the_runs_ahead() -> None:
    waiting = progress_info("queued", [run("queued")], ahead=3)
    assert waiting.sentence == "1 run waiting for a worker, behind 3 runs of other experiments"


def test_a_run_that_stopped_early_counts_as_complete() -> None:
    assert after(9, run("finished", 20, ended=3), status="finished").share == 1


def test_the_time_taken_ends_with_the_last_run() -> None:
    progress = after(999, run("finished", 100, ended=3), run("failed", 5, ended=7), status="failed")
    assert progress.sentence == "1 of 2 runs done, 1 failed, 105 epochs in total, 7 s"


def test_the_time_left_of_commands_follows_from_those_that_finished() -> None:

    def command(status: str, begun: int | None, ended: int | None = None) -> RunItem:
        times = [None if s is None else (START + timedelta(seconds=s)).isoformat()
                 for s in (begun, ended)]  # fmt: skip
        return run(status).model_copy(
            update={"external_id": "x", "started_at": times[0], "ended_at": times[1]}
        )

    runs = [command("finished", 0, 100), command("running", 100), command("queued", None)]
    info = progress_info("running", runs, now=START + timedelta(seconds=150))
    assert (info.share, info.seconds_left) == (0.5, 150)
