"""Runs of overfit_lab: diagnosed locally, and sent to a server that may fail."""

import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import overfit_lab
from overfit_lab import connection, outbox
from tests.logged import EPOCHS, TRAIN, VALIDATION
from tests.tracking_server import tracking_server

ROOT = Path(__file__).parents[2]
TOKEN = "t"  # noqa: S105
CURVE = list(zip(TRAIN, VALIDATION, strict=True))


@pytest.fixture(autouse=True)
def own_run() -> Iterator[None]:
    """Finish the run that a test leaves open, so that its end is not that of the process."""
    yield
    overfit_lab.finish()


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "COLLECT_SECONDS", 0.01)
    monkeypatch.setattr(outbox, "FIRST_RETRY_SECONDS", 0.01)
    monkeypatch.setattr(outbox, "CLOSING_RETRY_SECONDS", 0.01)


def offline(**options: Any) -> overfit_lab.Run:
    run: overfit_lab.Run = overfit_lab.init("digits", mode="offline", **options)
    return run


def log_curve(run: overfit_lab.Run) -> None:
    for train, validation in CURVE:
        run.log({"loss": train, "val_loss": validation})


def test_a_run_is_diagnosed_without_a_server() -> None:
    run = offline()
    log_curve(run)
    run.finish()
    assert run.diagnose().verdict == "overfitting"
    assert run.summary["best_step"] == 2
    assert run.summary["val_loss"] == VALIDATION[-1]
    assert run.url is None


def test_the_module_logs_to_the_current_run() -> None:
    run = offline(config={"width": 64})
    overfit_lab.log({"loss": 1.0})
    overfit_lab.config.depth = 2
    overfit_lab.summary["note"] = "first"
    assert overfit_lab.run is run
    assert dict(run.config) == {"width": 64, "depth": 2}
    overfit_lab.finish()
    assert overfit_lab.run is None
    with pytest.raises(RuntimeError, match="log needs a run; call "):
        overfit_lab.log({"loss": 1.0})


def test_a_new_run_finishes_the_one_before() -> None:
    first = offline()
    assert offline() is overfit_lab.run
    assert first.finished


@pytest.mark.parametrize(
    ("stop_when", "settings", "epoch"),
    [("overfitting", {}, 5), ("patience", {"patience": 3}, 5), ("gl", {"alpha": 10}, 3)],
)
def test_should_stop_fires_at_the_epoch_of_the_criterion(
    stop_when: str, settings: dict[str, float], epoch: int
) -> None:
    run = offline(stop_when=stop_when, settings=settings)
    fired = []
    for train, validation in CURVE:
        run.log({"loss": train, "val_loss": validation})
        fired.append(run.should_stop())
    assert fired.index(True) == epoch
    assert all(fired[epoch:])
    assert run.diagnose().early_stop_step == epoch


def test_a_validation_loss_that_rises_from_the_start_stops_training() -> None:
    run = offline()
    for epoch in range(EPOCHS):
        run.log({"loss": TRAIN[epoch], "val_loss": 1 + epoch / 4})
    assert run.diagnose().kind == "memorised"
    assert run.should_stop("overfitting")


def test_a_chosen_pair_is_judged() -> None:
    run = offline(train="a", validation="b", stop_when="patience", settings={"patience": 3})
    stops = []
    for train, validation in CURVE:
        run.log({"a": train, "b": validation, "loss": 1.0, "val_loss": -train})
        stops.append(run.should_stop())
    assert any(stops)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"mode": "on"}, "mode is 'on'; accepted: online, offline."),
        ({"server": "lab"}, "server is 'lab'; accepted: a URL such as http://127.0.0.1:8000."),
        ({"stop_when": "never", "mode": "offline"}, "stop_when is 'never'; accepted: overfitting,"),
    ],
)
def test_invalid_options_are_refused(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        overfit_lab.init("digits", **options)


def test_values_that_are_not_numbers_are_left_out(caplog: pytest.LogCaptureFixture) -> None:
    run = offline()
    for _ in range(2):
        run.log({"loss": np.float32(0.5), "acc": np.array([0.25]), "image": [1, 2], "name": "a"})
    run.finish()
    assert run.summary["loss"] == 0.5
    assert run.summary["acc"] == 0.25
    assert [record.getMessage() for record in caplog.records] == [
        "overfit_lab: image is left out: list is not a number.",
        "overfit_lab: name is left out: str is not a number.",
    ]


def test_everything_is_sent() -> None:
    with tracking_server() as tracked:
        config = {"width": 64, "optimizer": {"rate": 0.1}}
        with overfit_lab.init("digits", config=config, server=tracked.url, token=TOKEN) as run:
            log_curve(run)
            run.log({"val": {"acc": math.nan}, "odd*name": math.inf}, step=40)
            run.summary["note"] = "first"
        assert run.url == f"{tracked.url}/#/experiments/7/runs/r0"
        assert run.name == "quick-fox"
    assert tracked.metrics["val_loss", 3] == VALIDATION[3]
    assert tracked.metrics["val/acc", 40] == "NaN"
    assert tracked.metrics["odd_name", 40] == "Infinity"
    assert len(tracked.metrics) == 2 * EPOCHS + 2
    assert tracked.params == {"width": "64", "optimizer.rate": "0.1"}
    assert tracked.tags == {"summary.note": "first"}
    assert tracked.runs[0]["info"]["status"] == "FINISHED"
    assert tracked.tokens == {f"Bearer {TOKEN}"}


def test_an_exception_ends_the_run_as_failed() -> None:
    with tracking_server() as tracked:
        run = overfit_lab.init("digits", server=tracked.url)
        with pytest.raises(ZeroDivisionError), run:
            run.log({"loss": 1 / 0})
        assert tracked.runs[0]["info"]["status"] == "FAILED"


@pytest.mark.parametrize("failures", [[503, 429, 500], ["lost"] * 5, [503, "lost", 503, "lost"]])
def test_failed_requests_are_repeated_and_double_nothing(failures: list[int | str]) -> None:
    with tracking_server(*failures) as tracked:
        with overfit_lab.init("digits", server=tracked.url) as run:
            log_curve(run)
        assert len(tracked.metrics) == 2 * EPOCHS
        assert len(tracked.runs) == 1


def test_batches_stay_within_the_limits_of_the_protocol() -> None:
    with tracking_server() as tracked:
        with overfit_lab.init("digits", server=tracked.url) as run:
            for step in range(3000):
                run.log({"loss": 1.0}, step)
        assert len(tracked.metrics) == 3000
        assert max(tracked.batch_sizes) <= 800


def test_a_refused_batch_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    with tracking_server() as tracked:
        with overfit_lab.init("digits", server=tracked.url) as run:
            run.log({"refused": 1.0})
            wait_until_sent(run)
            run.log({"loss": 1.0})
        assert list(tracked.metrics) == [("loss", 1)]
    assert "overfit_lab: The server refused a batch: It is refused." in caplog.messages


def test_a_refused_run_is_trained_without_the_server(caplog: pytest.LogCaptureFixture) -> None:
    with tracking_server(401) as tracked:
        with overfit_lab.init("digits", server=tracked.url) as run:
            log_curve(run)
        assert run.diagnose().verdict == "overfitting"
        assert f"Nothing is sent to {tracked.url} any more." in caplog.text


def wait_until_sent(run: overfit_lab.Run) -> None:
    """Wait until the outbox of a run is empty."""
    waiting = run._outbox._waiting  # type: ignore[union-attr]
    deadline = time.monotonic() + 20
    while waiting and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    assert not waiting


def unreachable() -> str:
    with tracking_server() as tracked:
        return tracked.url


def test_an_unreachable_server_neither_blocks_nor_raises(caplog: pytest.LogCaptureFixture) -> None:
    run = overfit_lab.init("digits", server=unreachable())
    begun = time.monotonic()
    log_curve(run)
    assert time.monotonic() - begun < 1
    run.finish()
    assert time.monotonic() - begun < 5
    assert f"{2 * EPOCHS} points of the run {run.name} were not sent." in caplog.text
    assert caplog.text.count("no server answers at") == 1


def test_memory_is_bounded_while_the_server_is_unreachable(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(outbox, "MAX_POINTS", 100)
    run = overfit_lab.init("digits", server=unreachable())
    for step in range(1000):
        run.log({"loss": 1.0}, step)
    assert len(run._outbox._waiting.points) <= 100  # type: ignore[union-attr]
    run.finish()
    assert "1,000 points of the run" in caplog.text


def test_a_server_that_returns_gets_the_points_of_the_outage() -> None:
    with tracking_server(*[503] * 6) as tracked:
        with overfit_lab.init("digits", server=tracked.url) as run:
            log_curve(run)
            wait_until_sent(run)
        assert len(tracked.metrics) == 2 * EPOCHS


@pytest.mark.parametrize(("end", "status"), [("", "FINISHED"), ("1 / 0", "FAILED")])
def test_a_script_that_does_not_finish_its_run_is_finished_at_exit(end: str, status: str) -> None:
    with tracking_server() as tracked:
        script = f"import overfit_lab\nr = overfit_lab.init('d', server='{tracked.url}')\n"
        script += f"r.log({{'loss': 1.0}})\n{end}\n"
        subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False, capture_output=True)
        assert tracked.metrics == {("loss", 0): 1.0}
        assert tracked.runs[0]["info"]["status"] == status


def test_the_server_is_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LAB_SERVER", "LAB_URL", "LAB_PORT"):
        monkeypatch.delenv(name, raising=False)
    assert connection.server_url(None) == "http://127.0.0.1:8000"
    monkeypatch.setenv("LAB_URL", "https://lab.example/")
    assert connection.server_url(None) == "https://lab.example"
    monkeypatch.setenv("LAB_SERVER", "http://other:1")
    assert connection.server_url(None) == "http://other:1"
    assert connection.server_url("http://given:2") == "http://given:2"


def test_in_a_command_of_a_sweep_the_first_run_is_the_planned_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LAB_RUN_ID", "planned")
    with tracking_server() as tracked:
        first = overfit_lab.init("digits", server=tracked.url, tags={"a": "b"}, quiet=True)
        first.log({"val_loss": 0.5}, step=3)
        first.finish()
        assert (first.id, tracked.metrics, tracked.tags) == (
            "planned", {("val_loss", 3): 0.5}, {"a": "b"},
        )  # fmt: skip
    assert "LAB_RUN_ID" not in os.environ  # a second run is one of its own
