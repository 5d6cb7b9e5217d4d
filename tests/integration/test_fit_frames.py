"""Frames of a fit: chosen epochs, kills of the worker, size and download."""

from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load

from backend.runs.fit_frames import frames_of
from backend.settings import Settings
from backend.specification import RunSpec
from backend.specification.data_sources import LEVELS
from backend.store import Database, artifacts
from tests.api import Api
from tests.specs import document, run_spec
from tests.training import get_run, make_services, submit, train_with_kill
from worker.tasks import train
from worker.training.fits import (
    FEWEST_FRAMES,
    MOST_FRAMES,
    encode_frames,
    frame_epochs,
    frame_inputs,
)
from worker.training.member import GroupMember

EPOCHS = 60
MOONS = document(
    "moons",
    dataset__n_train=[20, 40],
    dataset__n_validation=30,
    dataset__n_test=30,
    model__width=8,
    training__epochs=EPOCHS,
    training__learning_rate=0.02,
)
MIXED = document("moons", dataset__n_features=[2, 3], training__epochs=EPOCHS, model__width=8)
DOTS = document("points", model__degree=[1, 6], training__epochs=EPOCHS, training__seeds=1)


def stored(database: Database, run_id: int) -> dict[int, bytes]:
    with database.read() as session:
        return artifacts.frames(session, run_id)


@pytest.mark.parametrize("limits", [MOONS, DOTS])
def test_frames_are_taken_at_ladder_best_and_last_epoch(
    sqlite_settings: Settings, sqlite_database: Database, limits: dict[str, Any]
) -> None:
    run_ids = submit(sqlite_database, limits)
    train(run_ids, make_services(sqlite_settings, sqlite_database))
    for run_id in run_ids:
        with sqlite_database.read() as session:
            frames = frames_of(session, run_id)
            snapshot_epochs = {
                snapshot.epoch for snapshot in artifacts.snapshot_infos(session, run_id)
            }
        assert frames.epochs == sorted(snapshot_epochs | set(stored(sqlite_database, run_id)))
        assert {1, EPOCHS} <= set(frames.epochs)
        spec = RunSpec.from_params(get_run(sqlite_database, run_id).params)
        assert frame_epochs(spec) <= set(frames.epochs)
        assert len(frames.epochs) >= FEWEST_FRAMES - 1
        size = len(frames.x) * len(frames.y or [0])
        assert size == (31 * 31 if limits is MOONS else 61)
        assert all(len(values) == size for values in frames.values)


def test_a_frame_shows_the_fit_of_its_epoch(
    sqlite_settings: Settings, sqlite_database: Database
) -> None:
    (run_id, _) = submit(sqlite_database, MOONS)
    train([run_id], make_services(sqlite_settings, sqlite_database))
    epoch, frame = list(stored(sqlite_database, run_id).items())[6]
    shorter = {**MOONS, "training": {**MOONS["training"], "epochs": epoch}}
    (shorter_run, _) = submit(sqlite_database, shorter)
    train([shorter_run], make_services(sqlite_settings, sqlite_database))
    with sqlite_database.read() as session:
        last = load(artifacts.get_snapshot(session, shorter_run, "last").fit or b"")["probability"]
    pixels = np.frombuffer(frame, np.uint8).reshape(31, 31) / LEVELS
    assert np.abs(pixels - last[::2, ::2].astype(float)).max() < 0.01
    assert np.ptp(pixels) > 0.1


def test_a_run_of_a_killed_worker_has_the_frames_of_an_uninterrupted_run(
    sqlite_settings: Settings, sqlite_database: Database
) -> None:
    eager = {"record_seconds": 1e-9, "checkpoint_seconds": 1e-9}
    settings = sqlite_settings.model_copy(update=eager)
    run_ids, undisturbed = submit(sqlite_database, MOONS), submit(sqlite_database, MOONS)
    train_with_kill(run_ids, settings, sqlite_database, after=23)
    train(undisturbed, make_services(settings, sqlite_database))
    for continued, whole in zip(run_ids, undisturbed, strict=True):
        assert stored(sqlite_database, continued) == stored(sqlite_database, whole)


def test_early_stopping_adds_a_frame_where_it_fires(
    sqlite_settings: Settings, sqlite_database: Database
) -> None:
    rule = {"criterion": "patience", "patience": 3}
    run_ids = submit(sqlite_database, {**MOONS, "early_stopping": rule})
    train(run_ids, make_services(sqlite_settings, sqlite_database))
    fired = {id_: get_run(sqlite_database, id_).early_stop_epoch for id_ in run_ids}
    assert any(fired.values())
    for run_id, epoch in fired.items():
        assert epoch is None or epoch in stored(sqlite_database, run_id)


def test_frames_of_values_over_two_inputs_are_predictions(
    sqlite_settings: Settings, sqlite_database: Database
) -> None:
    (run_id,) = submit(sqlite_database, document("plane", training__epochs=30))
    train([run_id], make_services(sqlite_settings, sqlite_database))
    with sqlite_database.read() as session:
        frames = frames_of(session, run_id)
        last = load(artifacts.get_snapshot(session, run_id, "last").fit or b"")["prediction"]
    assert frames.y is not None
    assert np.allclose(np.array(frames.values[-1], float), last[::2, ::2].reshape(-1), rtol=1e-3)
    assert min(value or 0.0 for value in frames.values[-1]) < -0.5


def test_runs_with_more_inputs_have_no_frames(
    sqlite_settings: Settings, sqlite_database: Database
) -> None:
    (run_id,) = submit(sqlite_database, document("iris", training__epochs=5))
    train([run_id], make_services(sqlite_settings, sqlite_database))
    with sqlite_database.read() as session:
        assert frames_of(session, run_id).epochs == []


def test_runs_with_and_without_frames_are_trained_together(
    sqlite_settings: Settings, sqlite_database: Database
) -> None:
    run_ids = submit(sqlite_database, MIXED)
    train(run_ids, make_services(sqlite_settings, sqlite_database))
    with_frames, without_frames = (stored(sqlite_database, run_id) for run_id in run_ids)
    assert len(with_frames) > FEWEST_FRAMES
    assert not without_frames


def test_the_ladder_is_geometric_and_bounded() -> None:
    epochs = sorted(frame_epochs(run_spec("points", training__epochs=2000)))
    assert (epochs[0], epochs[-1]) == (1, 2000)
    assert 20 < len(epochs) <= MOST_FRAMES
    steps = np.diff(np.log(epochs))[10:]
    assert steps.max() < 2 * steps.min()
    assert frame_epochs(run_spec("digits")) == frozenset()


def test_frames_of_a_run_are_small() -> None:
    longest = run_spec("moons", training__epochs=10_000)
    frame = encode_frames(
        np.zeros((1, len(frame_inputs(*GroupMember(longest).fit_grid)), 2)), "cross_entropy"
    )[0]
    assert 30 < len(frame_epochs(longest)) <= MOST_FRAMES
    assert MOST_FRAMES * len(frame) < 40_000


def test_frames_are_served(sqlite_api: Api, sqlite_settings: Settings) -> None:
    (run_id,) = submit(sqlite_api.database, DOTS | {"model": {"degree": 1}})
    train([run_id], make_services(sqlite_settings, sqlite_api.database))
    answer = sqlite_api.get(f"/api/runs/{run_id}/frames").json()
    assert answer["y"] is None
    assert len(answer["values"]) == len(answer["epochs"])
    assert len(answer["values"][0]) == len(answer["x"])
    assert sqlite_api.get("/api/runs/999/frames").status_code == 404
