"""Names of columns that are not metrics: axes, runs and parts of the data."""

import re
from collections.abc import Iterable, Sequence

from backend.pairing.series_names import part_of

EPOCH_NAMES = (
    "epoch", "epochs", "ep", "current_epoch", "epoch_num", "epoch_number", "epoch_idx", "epoch_id",
    "n_epoch", "num_epoch", "num_epochs", "training_epoch",
)  # fmt: skip
STEP_NAMES = (
    "step", "global_step", "_step", "steps", "current_steps", "iteration", "iterations", "iter",
    "iters", "itr", "it", "n_iter", "num_iter", "update", "updates", "num_updates", "num_steps",
    "training_step", "training_iteration", "train_step", "train_steps", "round", "rounds",
    "boosting_round", "tree",
    "batch", "batch_idx", "batches",
)  # fmt: skip
INDEX = ""
"""The name of a column without one: the index of a DataFrame."""
PART_NAMES = (
    "phase", "split", "mode", "stage", "subset", "dataset", "part", "partition", "set",
    "runcontext", "run_context", "context", "variant", "data", "fold_type",
)  # fmt: skip
RUN_NAMES = (
    "run", "run_id", "run_name", "runid", "run_uuid", "fold", "trial", "trial_id", "experiment",
    "experimentkey", "experiment_key", "experiment_name", "experiment_id", "exp", "seed", "version",
    "model", "model_name", "name", "job", "task", "config", "method", "arch", "architecture",
    "kfold", "cv", "split_id", "repeat", "replicate", "rep",
)  # fmt: skip
KEY_NAMES = (
    "key", "metric", "metric_name", "metricname", "tag", "variable", "attribute_path", "series",
    "measure", "metrics", "name", "title",
)  # fmt: skip
VALUE_NAMES = ("value", "metric_value", "metricvalue", "float_value", "val", "y", "values")
TIME_NAMES = (
    "timestamp", "_timestamp", "time", "wall_time", "_runtime", "date", "datetime", "elapsed",
    "duration", "_wandb", "total_steps", "eta",
)  # fmt: skip
_BOOSTER = re.compile(
    r"(?:d?train(?:ing)?|d?valid(?:ation)?|d?eval|d?test|learn|validation|valid)(?:_\d+)?"
    r"(?:-(?=[a-z])|'s |/(?:binary_logloss|multi_logloss|m?logloss|l[12]|rmse|m?error|auc|rmspe)$)"
)


def plain(name: str) -> str:
    """Return the name of a column in small letters, without its path: `trainer/Epoch` is epoch."""
    last = name.rsplit("/", 1)[-1] if name.count("/") == 1 else name
    return re.sub(r"[\s\-]+", "_", last.strip().strip("#").strip()).lower()


def first_named(columns: Iterable[str], names: Sequence[str]) -> str | None:
    """Return the column with the first of some names that a column has."""
    by_name: dict[str, str] = {}
    for column in columns:
        by_name.setdefault(plain(column), column)
    return next((by_name[name] for name in names if name in by_name), None)


def is_axis(name: str) -> bool:
    """Return whether a column counts epochs or steps."""
    return name == INDEX or plain(name) in EPOCH_NAMES or plain(name) in STEP_NAMES


def counts_rounds(names: Iterable[str]) -> bool:
    """Return whether the names of series are those of XGBoost, LightGBM or CatBoost."""
    kept = [name for name in names if not is_axis(name)]
    return any(_BOOSTER.match(name.lower()) for name in kept)


def is_part(text: str) -> bool:
    """Return whether a cell names a part of the data."""
    return part_of(text) is not None
