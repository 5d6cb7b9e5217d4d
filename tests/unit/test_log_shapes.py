"""Logs as tools and people write them: each is read as the losses that its training had."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from backend.log_formats import History, LogFile, Unreadable, find_losses, read_logs
from backend.log_formats.read import read_file
from backend.pairing import LossPair

TRAIN = [2.1, 1.53, 1.13, 0.84, 0.63, 0.48, 0.37, 0.29, 0.24, 0.2]
VALIDATION = [2.3, 1.59, 1.16, 0.9, 0.74, 0.73, 0.75, 0.79, 0.85, 0.92]
EPOCHS = list(enumerate(zip(TRAIN, VALIDATION, strict=True)))


def each_epoch(line: Callable[[int, float, float], str], header: str = "") -> str:
    return header + "".join(line(at, train, val) for at, (train, val) in EPOCHS)


def histories(text: str, name: str = "log") -> list[History]:
    return read_file(LogFile(name, text.encode()))


def pair_of(text: str) -> LossPair:
    (history,) = [each for each in histories(text) if len(each.series) > 1]
    return find_losses(history)


def bars(at: int, train: float, val: float) -> str:
    running = "".join(f" {k}/99 [==>....] - ETA: {k}s - loss: {train + k}\b\b\b\r" for k in (3, 1))
    return (
        f"Epoch {at + 1}/10\n{running}99/99 [==] - 2s 9ms/step - loss: {train} - val_loss: {val}\n"
        f"\nEpoch {at + 1:05d}: val_loss improved from 9.0 to {val}, saving model to w.h5\n"
    )


PRINTED = {
    "keras 2": each_epoch(bars),
    "keras 3": each_epoch(
        lambda at, t, v: (
            f"Epoch {at + 1}/10\n\x1b[1m9/99\x1b[0m \x1b[32m━\x1b[0m 2ms/step - loss: 7\r"
            f"\x1b[1m99/99\x1b[0m ━━ \x1b[1m1s\x1b[0m 2ms/step - loss: {t} - val_loss: {v}\n"
        )
    ),
    "torch": each_epoch(lambda at, t, v: f"Epoch {at} | Train Loss: {t} | Val Loss: {v}\n"),
    "phases": each_epoch(
        lambda at, t, v: (
            f"Epoch {at}/9\n-----\ntrain Loss: {t} Acc: 0.7\nval Loss: {v} Acc: 0.6\n\n"
        )
    ),
    "mnist": each_epoch(
        lambda at, t, v: (
            f"Train Epoch: {at} [0/600 (0%)]\tLoss: {t}\n\nTest set: Average loss: {v}, "
            "Accuracy: 98/100 (98%)\n\n"
        )
    ),
    "meters": each_epoch(
        lambda at, t, v: (
            f"Epoch: [{at}][ 0/9]\tTime 0.1 ( 0.1)\tLoss 9.0 ({t})\nTest: [0/7]\tLoss 8 ({v})\n"
        )
    ),
    "detr": each_epoch(
        lambda at, t, v: (
            f"Epoch: [{at}]  [0/9] eta: 0:01  loss: 9.1 (9.1)\nAveraged stats: loss: 9.1 ({t})\n"
            f"Test:  [0/5]  eta: 0:00:10  loss: 8.1 (8.1)\nAveraged stats: loss: 8.1 ({v})\n"
        )
    ),
    "tqdm": each_epoch(
        lambda at, t, v: (
            f"Epoch {at}/9: 100%|██| 9/9 [00:10<00:00, 9.5it/s, loss={t}]\n"
            f"Validation: 100%|██| 2/2 [00:01<00:00, 19.5it/s, loss={v}]\n"
        )
    ),
    "batches and chinese": each_epoch(
        lambda at, t, v: (
            f"Epoch: {at} | Batch: 10/ 99 | Loss: {t + 1} | Time: 1.5s\n"
            f"Epoch {at} 完成 | 训练损失: {t} | 验证损失: {v} | 时间: 9.5s\n"
        )
    ),
    "gpt": each_epoch(lambda at, t, v: f"step {at * 250}: train loss {t}, val loss {v}\n"),
    "xgboost": each_epoch(lambda at, t, v: f"[{at}]\ttrain-rmse:{t}\teval-rmse:{v}\n"),
    "lightgbm": each_epoch(lambda at, t, v: f"[{at * 10}]\ttraining's l2: {t}\tvalid_1's l2: {v}\n")
    + "Early stopping, best iteration is:\n[50]\ttraining's l2: 0.48\tvalid_1's l2: 0.73\n",
    "catboost": each_epoch(
        lambda at, t, v: (
            f"{at}:\tlearn: {t}\ttest: {v}\tbest: 0.7 (5)\ttotal: 1.2s\tremaining: 3m\n"
        )
    ),
    "lightning": each_epoch(
        lambda at, t, v: (
            f"Epoch {at}: 9%|█| 9/99 [00:01<00:09, 9.5it/s, train_loss=7, val_loss=7]\r"
            f"Epoch {at}: 100%|█| 99/99 [00:10<00:00, 9.5it/s, train_loss={t}, val_loss={v}]\n"
        )
    ),
    "transformers": each_epoch(
        lambda at, t, v: (
            f"{{'loss': {t}, 'grad_norm': 1.2, 'epoch': {at + 0.5}}}\n 1%| | 5/500 "
            f"[00:10<01:30, 4.9it]{{'eval_loss': '{v}', 'eval_runtime': 1, 'epoch': {at + 1.0}}}\n"
        )
    )
    + "{'train_runtime': 100.1, 'train_loss': 0.7, 'epoch': 10.0}\n",
    "nnunet": each_epoch(
        lambda at, t, v: (
            f"2023-05-01 12:00:00.123: epoch:  {at}\n2023-05-01 12:02:00.3: train loss : "
            f"{t}\n2023-05-01 12:02:00.4: validation loss: {v}\n"
            "2023-05-01 12:02:01: This epoch took 9.5 s\n"
        )
    ),
    "fairseq": each_epoch(
        lambda at, t, v: (
            f"2021 | INFO | train | epoch {at:03d} | loss {t} | wps 9\n"
            f"2021 | INFO | valid | epoch {at:03d} | valid on 'valid' subset | loss {v} | ppl 9.1\n"
        )
    ),
}


@pytest.mark.parametrize("tool", PRINTED)
def test_printed_logs_are_read(tool: str) -> None:
    pair = pair_of(PRINTED[tool])
    assert pair.curve.train.tolist() == pytest.approx(TRAIN)
    assert pair.curve.validation.tolist() == VALIDATION


@pytest.mark.parametrize("tool", ["xgboost", "lightgbm", "catboost"])
def test_boosting_rounds_are_called_rounds(tool: str) -> None:
    assert pair_of(PRINTED[tool]).unit == "round"


TABLES = {
    "deepmd": each_epoch(
        lambda at, t, v: f"{at * 100:7d} {v:.3e} {t:.3e} 1e-3\n",
        "#  step      rmse_val    rmse_trn         lr\n# without data, rmse_*_{val,trn} is nan\n",
    ),
    "fastai": each_epoch(
        lambda at, t, v: f"{at}         {t:.6f}    {v:.6f}    00:12     \n",
        "epoch     train_loss  valid_loss  time    \n",
    ),
    "flair": each_epoch(
        lambda at, t, v: f"{at}\t12:00:0{at}\t0.1\t{t}\t{v}\t_\n",
        "EPOCH\tTIMESTAMP\tLEARNING_RATE\tTRAIN_LOSS\tDEV_LOSS\tDEV_F1\n",
    ),
    "yolo": each_epoch(
        lambda at, t, v: (
            f"   {at}/9  6.88G  {t}  0  0  {t}  172  640  0.1  0.1  0.1  0.1  {v}  0  0\n"
        )
    ),
    "dataframe": each_epoch(lambda at, t, v: f"{at:<4} {t}  {v}\n", "     loss  val_loss\n"),
    "markdown": each_epoch(
        lambda at, t, v: f"| {at} | {t} | {v} |\n",
        "| Epoch | Training Loss | Validation Loss |\n|:---:|---|---|\n",
    ),
    "comments": each_epoch(lambda at, t, v: f"{at},{t},{v}\n", "# run 3\nepoch,loss,val_loss\n"),
    "mean row": each_epoch(lambda at, t, v: f"{at},{t},{v}\n", "epoch,loss,val_loss\n")
    + "mean,0.8,1.0\n,0.8,1.0\n",
    "tensors": each_epoch(
        lambda at, t, v: f"{at},\"tensor({t}, device='cuda:0')\",tensor({v})\n",
        "epoch,loss,val_loss\n",
    ),
    "long": each_epoch(
        lambda at, t, v: f"a,train_loss,{t},{at}\na,val_loss,{v},{at}\n", "run_id,key,value,step\n"
    ),
    "melted": each_epoch(
        lambda at, t, v: f"{at},train,loss,{t}\n{at},val,loss,{v}\n", "epoch,split,metric,value\n"
    ),
    "comet": each_epoch(
        lambda at, t, v: f"loss,{t},1,{at},,train\nloss,{v},1,{at},,validate\n",
        "metricName,metricValue,timestamp,step,epoch,runContext\n",
    ),
    "clearml": each_epoch(
        lambda at, t, v: f"loss,train,{at},{t}\nloss,val,{at},{v}\n", "metric,variant,iter,value\n"
    ),
    "wandb": each_epoch(
        lambda at, t, v: f"{at},{t},{t},9,{v},1,1\n",
        '"Step","r - loss","r - loss__MIN","r - loss__MAX","r - val_loss","r - val_loss__MIN",'
        '"r - val_loss__MAX"\n',
    ),
    "fractions": each_epoch(
        lambda at, t, v: f"{at + 0.5},{t},\n{at + 1.0},,{v}\n", "epoch,train_loss,val_loss\n"
    ),
    "batches": each_epoch(
        lambda at, t, v: f"{at},0,{t + 1},\n{at},1,{t - 1},\n{at},,,{v}\n",
        "epoch,batch,train_loss,val_loss\n",
    ),
}


@pytest.mark.parametrize("table", TABLES)
def test_tables_are_read(table: str) -> None:
    pair = pair_of(TABLES[table])
    assert pair.curve.train.tolist() == pytest.approx(TRAIN, abs=0.01)
    assert pair.curve.validation.tolist() == pytest.approx(VALIDATION)
    assert pair.unit != "row"


HISTORY = {"loss": TRAIN, "val_loss": VALIDATION}
ROWS = [{"epoch": at, "loss": train, "val_loss": val} for at, (train, val) in EPOCHS]
PARTS = {"train": TRAIN, "val": VALIDATION}
DOCUMENTS = {
    "text": {name: [str(value) for value in values] for name, values in HISTORY.items()},
    "columns": {name: {str(at): v for at, v in enumerate(vs)} for name, vs in HISTORY.items()},
    "index": {str(row["epoch"]): row for row in ROWS},
    "named epochs": {f"epoch_{row['epoch']}": {"train": {"loss": row["loss"]},
                                               "val": {"loss": row["val_loss"]}} for row in ROWS},
    "split": {"columns": ["loss", "val_loss"], "index": list(range(10)),
              "data": [[row["loss"], row["val_loss"]] for row in ROWS]},
    "str": str(HISTORY),
    "str inside": {"config": {"lr": 0.1}, "history": str(HISTORY)},
    "parts inside": {"loss": PARTS, "accuracy": {"train": TRAIN, "val": TRAIN}},
    "records of parts": {
        part: [{"epoch": at, "loss": value} for at, value in enumerate(values)]
        for part, values in PARTS.items()
    },
    "records with lists": [row | {"ap": [0.1, 0.2]} for row in ROWS],
    "x and y": {"loss": {part: {"x": list(range(10)), "y": values}
                         for part, values in PARTS.items()}},
    "pairs": {name: [[at * 10, value] for at, value in enumerate(values)]
              for name, values in HISTORY.items()},
    "batches": {"train_loss": [[value, value] for value in TRAIN], "val_loss": VALIDATION},
    "steps": {"train_steps": list(range(5, 105, 5)),
              "train_loss": [value for value in TRAIN for _ in (0, 1)],
              "val_steps": list(range(10, 110, 10)), "val_loss": VALIDATION},
}  # fmt: skip


@pytest.mark.parametrize("shape", DOCUMENTS)
def test_shapes_of_json_are_read(shape: str) -> None:
    pair = pair_of(json.dumps(DOCUMENTS[shape]))
    assert pair.curve.train.tolist() == pytest.approx(TRAIN)
    assert pair.curve.validation.tolist() == VALIDATION


LITERALS = {
    "assigned": f"history = {HISTORY}",
    "numpy": f"{{'loss': [{', '.join(f'np.float64({t})' for t in TRAIN)}], "
    f"'val_loss': {VALIDATION}}}",
    "arrays": f"{{'loss': array({TRAIN}, dtype=float32), 'val_loss': array({VALIDATION})}}",
    "defaultdict": f"defaultdict(<class 'list'>, {HISTORY})",
    "lists": f"Train losses: {TRAIN}\nVal losses: {VALIDATION}\n",
}


@pytest.mark.parametrize("form", LITERALS)
def test_python_literals_are_read(form: str) -> None:
    pair = pair_of(LITERALS[form])
    assert (pair.train.values.tolist(), pair.validation.values.tolist()) == (TRAIN, VALIDATION)


RUNS = {
    "model": each_epoch(lambda at, t, v: f"vit,{at},{t},{v}\n", "model,epoch,loss,val_loss\n")
    + each_epoch(lambda at, t, v: f"cnn,{at},{t},{v}\n"),
    "other name": each_epoch(lambda at, t, v: f"{at},sgd,{t},{v}\n{at},adam,{t},{v}\n",
                             "epoch,optimizer,loss,val_loss\n"),
    "number": each_epoch(lambda at, t, v: f"0.1,{at},{t},{v}\n", "lr,epoch,loss,val_loss\n")
    + each_epoch(lambda at, t, v: f"0.01,{at},{t},{v}\n"),
    "columns": each_epoch(lambda at, t, v: f"{at},{t},{v},{t},{v}\n",
                          "Step,a - loss,a - val_loss,b - loss,b - val_loss\n"),
    "numbered columns": each_epoch(lambda at, t, v: f"{at},{t},{v},{t},{v}\n",
                                   "epoch,fold1_loss,fold1_val_loss,fold2_loss,fold2_val_loss\n"),
    "folds": json.dumps([{"fold": fold, "history": HISTORY} for fold in (0, 1)]),
    "printed folds": "".join(f"== FOLD {fold} ==\n{PRINTED['torch']}" for fold in (0, 1)),
    "printed twice": PRINTED["torch"] * 2,
}  # fmt: skip


@pytest.mark.parametrize("form", RUNS)
def test_several_runs_are_several_histories(form: str) -> None:
    found = histories(RUNS[form])
    assert len({history.name for history in found}) == 2
    for history in found:
        assert find_losses(history).curve.validation.tolist() == VALIDATION


@pytest.mark.parametrize(
    "header",
    ["Name,State,lr,train/loss,val/loss", "Run ID,Status,lr,train_loss,val_loss",
     "trial,x,params_lr,loss,val_loss"],
)  # fmt: skip
def test_a_table_with_a_row_per_run_is_refused(header: str) -> None:
    rows = each_epoch(lambda at, t, v: f"run-{at},finished,0.{at},{t},{v}\n")
    with pytest.raises(Unreadable, match="a row for each epoch is needed"):
        histories(f"{header}\n{rows}")


def test_losses_over_different_counters_are_refused() -> None:
    rows = [{"global_step": at * 50, "train_loss": t} for at, t in enumerate(TRAIN)]
    rows += [{"global_step": at, "val_loss": v} for at, v in enumerate(VALIDATION)]
    (history,) = histories(json.dumps(rows))
    with pytest.raises(Unreadable, match="count different things"):
        find_losses(history)


def test_validation_every_few_epochs_is_placed_at_those_epochs() -> None:
    (history,) = histories(json.dumps({"loss": [t for t in TRAIN for _ in range(5)],
                                       "val_loss": VALIDATION}))  # fmt: skip
    assert find_losses(history).validation.steps.tolist() == list(range(5, 55, 5))
    assert "taken as one for every 5 of them" in history.remarks[0]


def test_an_evaluation_after_training_is_left_out() -> None:
    header = "epoch,step,train_loss,val_loss\n"
    rows = each_epoch(lambda at, t, v: f"{at},{at * 9},{t},\n{at},{at * 9},,{v}\n", header)
    pair = pair_of(rows + "10,90,,0.01\n")
    assert pair.validation.values.tolist() == VALIDATION
    assert "after training is left out" in pair.remarks[-1]


def test_a_restart_that_trains_on_is_counted_on() -> None:
    first = each_epoch(lambda at, t, v: f"{at},{t + 1},{v + 1}\n", "epoch,loss,val_loss\n")
    pair = pair_of(first + each_epoch(lambda at, t, v: f"{at},{t / 2},{v}\n"))
    assert pair.validation.steps.tolist() == list(range(20))


NAMES = {
    "different": ("Train loss", "Valid MSE"),
    "unknown": ("train-foo", "valid-foo"),
    "set": ("loss", "eval_in_loss"),
    "joined": ("trainloss", "valloss"),
    "percentage": ("train-rmspe", "eval-rmspe"),
}


@pytest.mark.parametrize("kind", NAMES)
def test_the_only_losses_are_a_pair_whatever_their_names(kind: str) -> None:
    train, validation = NAMES[kind]
    text = each_epoch(lambda at, t, v: f"{at},{t},{v}\n", f"epoch,{train},{validation}\n")
    assert pair_of(text).names == (train, validation)


@pytest.mark.parametrize("losses", [("box_om", "cls_om"), ("giou_loss", "l1_loss")])
def test_losses_of_detectors_are_added(losses: tuple[str, str]) -> None:
    header = ",".join(["epoch", *(f"{part}/{x}" for part in ("train", "val") for x in losses)])
    text = each_epoch(lambda at, t, v: f"{at},{t},{t},{v},{v}\n", f"{header}\n")
    assert pair_of(text).validation.values.tolist() == [2 * value for value in VALIDATION]


def test_a_validation_score_next_to_a_train_loss_is_judged_with_a_note() -> None:
    pair = pair_of(each_epoch(lambda at, t, v: f"{at},{t},{v / 3}\n", "epoch,train_loss,mAP50\n"))
    assert pair.validation.values[0] == pytest.approx(1 - VALIDATION[0] / 3)
    assert "has no meaning" in pair.remarks[-1]


def test_gaps_between_evaluations_are_not_a_divergence() -> None:
    text = each_epoch(lambda at, t, v: f"{2 * at},{t},{v}\n{2 * at + 1},{t},nan\n",
                      "epoch,loss,val_loss\n")  # fmt: skip
    assert pair_of(text).validation.values.tolist() == VALIDATION


def folder_of(files: dict[str, str]) -> list[History]:
    return read_logs([LogFile(name, text.encode()) for name, text in files.items()]).histories


def column(values: list[float], form: str) -> str:
    return "".join(form.format(at, value) for at, value in enumerate(values))


FOLDERS = {
    "mlflow": {
        f"mlruns/0/abc/metrics/{name}": column(values, "170000000{0}000 {1} {0}\n")
        for name, values in HISTORY.items()
    },
    "catboost": {
        "catboost_info/learn_error.tsv": column(TRAIN, "{}\t{}\n").join(["iter\tRMSE\n", ""]),
        "catboost_info/test_error.tsv": column(VALIDATION, "{}\t{}\n").join(["iter\tRMSE\n", ""]),
    },
    "allennlp": {
        f"metrics_epoch_{row['epoch']}.json": json.dumps({
            "epoch": row["epoch"], "best_validation_loss": 0.73, "training_loss": row["loss"],
            "validation_loss": row["val_loss"],
        })
        for row in ROWS
    },
    "dvclive": {
        f"dvclive/plots/metrics/{part}/loss.tsv": "step\tloss\n" + column(values, "{}\t{}\n")
        for part, values in PARTS.items()
    },
    "dvclive of lightning": {
        f"dvclive/plots/metrics/{name}.tsv": f"step\t{name}\n" + column(values, "{}\t{}\n")
        for name, values in HISTORY.items()
    },
    "json": {f"{part}_loss.json": json.dumps(values) for part, values in PARTS.items()},
    "charts": {
        f"{part}.csv": f"Step,r - {part}/loss,r - {part}/loss__MIN\n" + column(values, "{},{},0\n")
        for part, values in PARTS.items()
    },
    "checkpoints": {
        f"{folder}trainer_state.json": json.dumps({"log_history": [
            {name: row[key], "step": 10 * row["epoch"]}
            for row in ROWS[:amount]
            for name, key in (("loss", "loss"), ("eval_loss", "val_loss"))
        ]})
        for folder, amount in (("", 10), ("checkpoint-50/", 5), ("checkpoint-80/", 8))
    },
    "headers": {f"{p}.csv": "epoch,loss\n" + column(v, "{},{}\n") for p, v in PARTS.items()},
    "no headers": {f"{part}.csv": column(v, "{},{}\n") for part, v in PARTS.items()},
    "one column": {f"{p}_loss.txt": "\n".join(map(str, v)) for p, v in PARTS.items()},
    "downloads": {
        f"run-a_{part}-tag-epoch_loss.csv": "Wall time,Step,Value\n" + column(v, "1.7e9,{},{}\n")
        for part, v in (("train", TRAIN), ("validation", VALIDATION))
    },
    "lightning": {
        "version_0/metrics.csv": each_epoch(lambda at, t, v: f"{at},{t},{v}\n",
                                            "epoch,train_loss,val_loss\n"),
        "version_0/hparams.yaml": "lr: 0.1\n",
        "version_0/layers.json": '{"layers": [64, 64, 10]}',
    },
}  # fmt: skip


@pytest.mark.parametrize("kind", FOLDERS)
def test_files_that_belong_together_are_one_run(kind: str) -> None:
    (history,) = folder_of(FOLDERS[kind])
    pair = find_losses(history)
    assert pair.curve.train.tolist() == pytest.approx(TRAIN)
    assert pair.curve.validation.tolist() == VALIDATION


def test_runs_of_a_folder_have_the_names_of_their_folders() -> None:
    table = each_epoch(lambda at, t, v: f"{at},{t},{v}\n", "epoch,train_loss,val_loss\n")
    found = folder_of({f"version_{run}/metrics.csv": table for run in (0, 1)})
    assert [history.name for history in found] == ["version_0", "version_1"]


def test_params_are_read_from_the_yaml_file_of_a_run() -> None:
    files = FOLDERS["lightning"] | {"version_0/args.yaml": "model: vit\nlayers:\n  - 64\n"}
    assert [history.params for history in folder_of(files)] == [{"lr": "0.1", "model": "vit"}]


def test_lists_of_validation_longer_than_train_are_refused() -> None:
    (history,) = histories(json.dumps({"loss": TRAIN, "val_loss": [3.0, *VALIDATION]}))
    with pytest.raises(Unreadable, match="no list of epochs or steps tells"):
        find_losses(history)


def test_a_notebook_is_read_by_the_outputs_of_its_cells() -> None:
    lines = each_epoch(lambda at, t, v: f"<tr><td>{at}</td><td>{t}</td><td>{v}</td></tr>")
    table = f"<table><tr><th>epoch</th><th>train_loss</th><th>valid_loss</th></tr>{lines}</table>"
    cells = [
        {"cell_type": "code", "outputs": [{"text": PRINTED["keras 2"].splitlines(keepends=True)}]},
        {"cell_type": "markdown", "source": "# Title"},
        {"cell_type": "code", "outputs": [{"data": {"text/html": [table]}}]},
    ]
    found = histories(json.dumps({"nbformat": 4, "cells": cells}))
    assert [history.name for history in found] == ["cell 1", "cell 3"]
    assert all(find_losses(h).curve.validation.tolist() == VALIDATION for h in found)


def test_a_page_is_read_by_its_preformatted_text() -> None:
    (history,) = histories(f"<!DOCTYPE html><html><pre>{PRINTED['torch']}</pre></html>")
    assert find_losses(history).curve.validation.tolist() == VALIDATION


def test_a_parquet_table_of_values_is_read(tmp_path: Path) -> None:
    polars = pytest.importorskip("polars")
    rows = [("RUN-1", f"metrics/{name}", "float_series", float(at), value)
            for name, values in HISTORY.items() for at, value in enumerate(values)]  # fmt: skip
    names = ["run_id", "attribute_path", "attribute_type", "step", "float_value"]
    polars.DataFrame(rows, schema=names, orient="row").write_parquet(tmp_path / "part_0.parquet")
    data = (tmp_path / "part_0.parquet").read_bytes()
    for content in (data, tmp_path / "part_0.parquet"):
        (history,) = read_file(LogFile("part_0.parquet", content))
        assert np.array_equal(find_losses(history).validation.values, VALIDATION)
