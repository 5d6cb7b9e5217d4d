"""Logs of other programs: formats, and how train and validation loss are recognised."""

import json
import math
import shutil
from pathlib import Path

import pytest

from backend.log_formats import find_losses, read_log
from backend.log_formats.delimited import read_table
from backend.log_formats.history import History, Unreadable
from backend.log_formats.json_logs import read_document
from backend.log_formats.tensorboard import read_events
from backend.pairing import LossPair
from backend.pairing.series_names import parse_name
from backend.series import Series

EVENTS = Path(__file__).parents[1] / "data" / "events"
N = 12
TRAIN = [2.0**-e for e in range(N)]
VALIDATION = [1.0, 0.5, 0.25, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.25]
BOTH = list(zip(TRAIN, VALIDATION, strict=True))


def lines(header: str, rows: list[str]) -> str:
    return "\n".join([header, *rows]) + "\n"


KERAS_CSV = lines("epoch,loss,val_loss", [f"{i},{t},{v}" for i, (t, v) in enumerate(BOTH)])
LIGHTNING = lines(
    "epoch,step,train_loss_epoch,train_loss_step,val_loss",
    [
        row
        for i, (t, v) in enumerate(BOTH)
        for row in (
            f"{i},{i * 100 + 49},,9.0,",
            f"{i},{i * 100 + 99},,{t},",
            f"{i},{i * 100 + 99},,,{v}",
            f"{i},{i * 100 + 99},{t},,",
        )
    ],
)
ULTRALYTICS = lines(
    "       epoch,  train/box_loss,  train/cls_loss,   val/box_loss,   val/cls_loss,  lr/pg0",
    [f"{i:>12},{t / 4:>16},{t * 3 / 4:>16},{v / 4:>16},{v * 3 / 4:>16},  0.1" for i, (t, v)
     in enumerate(BOTH)],
)  # fmt: skip
SEMICOLONS = lines("Epoch;Training Loss;Validation Loss", [f"{i};{t};{v}" for i, (t, v)
                                                           in enumerate(BOTH)])  # fmt: skip
TRAINER_STATE = json.dumps({
    "best_metric": None,
    "log_history": [
        row
        for i, (t, v) in enumerate(BOTH)
        for row in (
            {"loss": t, "epoch": i + 1.0, "step": i, "learning_rate": 0.1},
            {"eval_loss": v, "epoch": i + 1.0, "step": i},
        )
    ]
    + [{"train_loss": 0.3, "epoch": 12.0, "step": 11}],
})  # fmt: skip
JSON_LINES = "\n".join(
    json.dumps({"step": i, "train": {"loss": t}, "val": {"loss": v}})
    for i, (t, v) in enumerate(BOTH)
)
LONG = "\n".join(
    json.dumps({"epoch": i, "phase": part, "loss": pair[part == "val"]})
    for i, pair in enumerate(BOTH)
    for part in ("train", "val")
)
API = json.dumps({
    f"{part}_loss": {"steps": list(range(N)), "values": values}
    for part, values in (("train", TRAIN), ("val", VALIDATION))
})  # fmt: skip


def pair_of(text: str, **chosen: str) -> LossPair:
    read = read_document if text.lstrip()[0] in "{[" else read_table
    (history,) = read(text)
    return find_losses(history, **chosen)


@pytest.mark.parametrize(
    "text",
    [KERAS_CSV, LIGHTNING, ULTRALYTICS, SEMICOLONS, TRAINER_STATE, JSON_LINES, LONG, API],
    ids=["csv", "lightning", "ultralytics", "semicolons", "trainer", "lines", "long", "api"],
)
def test_train_and_validation_are_found_by_their_names(text: str) -> None:
    pair = pair_of(text)
    assert pair.train.values.tolist() == pytest.approx(TRAIN)
    assert pair.validation.values.tolist() == VALIDATION
    assert pair.validation.steps.tolist() == list(range(N))


def test_a_keras_history_counts_from_1_unless_it_has_epochs() -> None:
    history = {"loss": TRAIN, "val_loss": VALIDATION}
    assert pair_of(json.dumps(history)).validation.steps.tolist() == list(range(1, N + 1))
    with_epochs = {"epoch": list(range(N)), "history": history, "params": {"epochs": N}}
    assert pair_of(json.dumps(with_epochs)).validation.values.tolist() == VALIDATION


def test_several_histories_in_one_file_are_separated() -> None:
    text = json.dumps({
        "runs": {
            "a": {"train": {"loss": TRAIN}, "validation": {"loss": VALIDATION}},
            "b": {"loss": TRAIN, "val_loss": VALIDATION},
        }
    })  # fmt: skip
    pairs = {history.name: find_losses(history) for history in read_document(text)}
    assert list(pairs) == ["runs/a", "runs/b"]
    assert all(pair.validation.values.tolist() == VALIDATION for pair in pairs.values())


def test_a_list_of_histories_is_separated_by_name() -> None:
    rows = [
        {"id": name, "epochs": N, "train": TRAIN, "val": VALIDATION, "val_acc": TRAIN}
        for name in ("a", "b")
    ]
    for text in (json.dumps(rows), "\n".join(map(json.dumps, rows))):
        pairs = {history.name: find_losses(history) for history in read_document(text)}
        assert list(pairs) == ["a", "b"]
        assert pairs["b"].validation.values.tolist() == VALIDATION


@pytest.mark.parametrize(
    ("name", "part", "measure"),
    [
        ("val_loss", "validation", "loss"),
        ("Loss/Validation", "validation", "loss"),
        ("eval_loss", "validation", "loss"),
        ("trainLoss", "train", "loss"),
        ("train_loss_epoch", "train", "loss"),
        ("epoch_loss", None, "loss"),
        ("metrics/val_acc", "validation", "accuracy"),
        ("val/box_loss", "validation", "box loss"),
    ],
)
def test_a_name_contains_its_part_and_its_measure(
    name: str, part: str | None, measure: str
) -> None:
    assert (parse_name(name).part, parse_name(name).measure) == (part, measure)


def test_test_loss_replaces_a_missing_validation_loss() -> None:
    text = lines("epoch,train_loss,test_loss", [f"{i},{t},{v}" for i, (t, v) in enumerate(BOTH)])
    pair = pair_of(text)
    assert pair.validation.values.tolist() == VALIDATION
    assert "the test loss is taken for it" in pair.remarks[0]


def test_of_several_pairs_the_most_usual_is_taken_and_another_can_be_chosen() -> None:
    header = "epoch,train_mae,val_mae,train_mse,val_mse"
    text = lines(header, [f"{i},{t},{v},9,9" for i, (t, v) in enumerate(BOTH)])
    usual = pair_of(text)
    assert usual.names == ("train_mse", "val_mse")
    assert "train_mae and val_mae; --train and --validation choose another" in usual.remarks[0]
    pair = pair_of(text, train="train_mae", validation="val_mae")
    assert pair.validation.values.tolist() == VALIDATION
    with pytest.raises(Unreadable, match="did you mean train_mae"):
        pair_of(text, train="mae", validation="val_mae")


def test_nan_and_infinity_are_kept() -> None:
    pair = pair_of(lines("epoch,loss,val_loss", ["0,1,nan", "1,inf,2", "2,,3"]))
    assert math.isnan(pair.validation.values[0])
    assert pair.train.by_step == {0: 1.0, 1: math.inf}


def test_a_restarted_log_is_read_from_the_restart() -> None:
    (once,) = read_table(KERAS_CSV)
    (twice,) = read_table(KERAS_CSV.replace("0.5", "0.6") + KERAS_CSV)
    assert twice.series == once.series
    assert twice.remarks == (
        "earlier rows: epoch goes back, as after a restart; "
        "only the later rows of an epoch are read",
    )


def test_a_resumed_log_is_joined() -> None:
    rows = ["1,5,5", "2,4,4", "3,3,3", "2,2,2", "3,1,1", "4,0,0"]
    (histories,) = read_table(lines("epoch,loss,val_loss", rows))
    assert histories.series["val_loss"].by_step == {1: 5, 2: 2, 3: 1, 4: 0}


def test_values_that_are_not_numbers_are_skipped_and_reported() -> None:
    rows = ["1,oops,1,x", "2,0.5,0.9,0", "3,0.4,-,0", "4,0.3,n/a,0"]
    (histories,) = read_table(lines("epoch,loss,val_loss,lr", rows))
    assert histories.series["loss"].by_step == {2: 0.5, 3: 0.4, 4: 0.3}
    assert find_losses(histories).remarks == (
        'loss: 1 row is left out, as "oops" is not a number',
        'val_loss: 2 rows are left out, as "-" and others are not numbers',
    )


def test_without_epochs_a_repeated_header_is_a_restart() -> None:
    table = lines("loss,val_loss", [f"{t},{v}" for t, v in BOTH])
    (once,), (twice,) = read_table(table), read_table(table * 2)
    assert twice.series == once.series
    assert twice.remarks


def test_a_column_of_runs_separates_histories() -> None:
    rows = [f"{run},{i},{t},{v}" for run in "ab" for i, (t, v) in enumerate(BOTH)]
    histories = read_table(lines("run,epoch,loss,val_loss", rows))
    assert [(h.name, len(h.series["loss"]), h.remarks) for h in histories] == [
        ("a", N, ()), ("b", N, ()),
    ]  # fmt: skip


def test_results_of_boosters_are_read_from_json() -> None:
    sets = {"validation_0": {"logloss": TRAIN}, "validation_1": {"logloss": VALIDATION}}
    (histories,) = read_document(json.dumps(sets))
    assert find_losses(histories).names == ("validation_0/logloss", "validation_1/logloss")


def test_descending_epochs_are_not_a_restart() -> None:
    rows = [f"{i},{t},{v}" for i, (t, v) in enumerate(BOTH)]
    (histories,) = read_table(lines("epoch,loss,val_loss", rows[::-1]))
    assert (len(histories.series["loss"]), histories.remarks) == (N, ())


def test_decimal_commas_are_read() -> None:
    (comma,) = read_table(SEMICOLONS.replace(".", ","))
    assert comma.series == read_table(SEMICOLONS)[0].series


@pytest.mark.parametrize(
    ("names", "pair"),
    [
        (("validation_0-logloss", "validation_1-logloss"), (0, 1)),
        (("training-l2", "valid_0-l2", "valid_1-l2"), (0, 1)),
        (("valid_0-auc", "valid_1-auc", "valid_0-l2", "valid_1-l2"), (2, 3)),
        (("train-error", "eval-error", "train-logloss", "eval-logloss"), (2, 3)),
        (("validation_0-rmse", "validation_1-rmse", "validation_2-rmse"), (0, 1)),
    ],
)
def test_numbered_sets_of_boosters_are_paired(
    names: tuple[str, ...], pair: tuple[int, int]
) -> None:
    set_pair = find_losses(History({name: Series.of(range(N), TRAIN) for name in names}))
    assert set_pair.names == (names[pair[0]], names[pair[1]])


def test_scores_without_losses_are_judged_as_losses_with_a_note() -> None:
    history = History({name: Series.of(range(N), TRAIN) for name in ("accuracy", "val_accuracy")})
    for chosen in ({}, {"train": "accuracy", "validation": "val_accuracy"}):
        pair = find_losses(history, **chosen)
        assert pair.validation.values[1] == 1 - TRAIN[1]
        assert "They cannot show" in pair.remarks[-1]


@pytest.mark.parametrize("path", ["run/events.out.tfevents.0", "run", "keras"])
def test_event_files_of_tensorboard_are_read(path: str) -> None:
    (history,) = read_log(str(EVENTS / path))
    pair = find_losses(history)
    assert pair.train.by_step == dict(enumerate(TRAIN))
    assert pair.validation.by_step == dict(enumerate(VALIDATION))


def test_runs_in_a_folder_of_event_files_are_separated(tmp_path: Path) -> None:
    pairs = {history.name: find_losses(history) for history in read_log(str(EVENTS))}
    assert list(pairs) == ["keras", "run"]
    assert all(pair.validation.by_step == dict(enumerate(VALIDATION)) for pair in pairs.values())
    for part in ("train", "validation"):  # the folder names of add_scalars in PyTorch
        shutil.copytree(EVENTS / "keras" / part, tmp_path / f"Loss_{part}")
    (history,) = read_log(str(tmp_path))
    assert find_losses(history).train.by_step == dict(enumerate(TRAIN))


def test_an_incomplete_event_file_is_read_to_its_last_whole_record() -> None:
    data = (EVENTS / "run/events.out.tfevents.0").read_bytes()
    assert len(read_events(data[:-7])["Loss/val"]) == N - 1
