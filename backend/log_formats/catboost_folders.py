"""catboost_info: learn_error.tsv and test_error.tsv, or catboost_training.json, of CatBoost."""

from collections.abc import Mapping, Sequence

from backend.log_formats.columns import table_of
from backend.log_formats.delimited import table_in
from backend.log_formats.history import History, Unreadable
from backend.log_formats.json_logs import parsed
from backend.log_formats.log_file import LogFile
from backend.log_formats.log_format import FileFormat, FolderFormat
from backend.log_formats.placing import history_of
from backend.series import Series

FILES = ("learn_error.tsv", "test_error.tsv", "time_left.tsv", "catboost_training.json")
KEYS = {"learn": "learn", "test": "validation"}
"""Keys of an iteration, with the part of the data."""
PARTS = {"learn_error.tsv": "learn", "test_error.tsv": "validation"}


def claim_folders(files: Sequence[LogFile]) -> Mapping[str, Sequence[LogFile]]:
    """Return the files of each catboost_info, by folder."""
    folders = {file.path.parent for file in files if file.path.name in PARTS}
    groups = {
        str(folder): [
            file for file in files if file.path.parent == folder
            and (file.path.name in FILES or "tfevents" in file.path.name)
        ]
        for folder in sorted(folders)
    }  # fmt: skip
    for folder, group in groups.items():
        prefix = "" if folder == "." else f"{folder}/"
        group += [file for file in files if "tfevents" in file.name
                  and file.name.startswith((f"{prefix}learn/", f"{prefix}test/"))]  # fmt: skip
    return {"" if folder == "." else folder: group for folder, group in groups.items()}


def read_folder(files: Sequence[LogFile]) -> list[History]:
    """Return the history of a catboost_info. Raises Unreadable."""
    series: dict[str, Series] = {}
    for file in files:
        if part := PARTS.get(file.path.name):
            history = history_of(table_in(file.text))
            series |= {f"{part}/{name}": each for name, each in history.series.items()} \
                if history else {}  # fmt: skip
    if not series:
        raise Unreadable("learn_error.tsv and test_error.tsv hold no numbers")
    return [History(series, "round")]


def read_training(file: LogFile) -> list[History]:
    """Return the history of a catboost_training.json. Raises Unreadable."""
    document = parsed(file.text)
    meta = document.get("meta") if isinstance(document, dict) else None
    iterations = document.get("iterations") if isinstance(document, dict) else None
    if not isinstance(meta, dict) or not isinstance(iterations, list):
        raise Unreadable("it has no meta and iterations, as catboost_training.json has")
    names = {
        part: [str(each.get("name")) for each in meta.get(f"{key}_metrics") or () if each]
        for key, part in KEYS.items()
    }
    rows = [_cells(row, names) for row in iterations if isinstance(row, dict)]
    history = history_of(table_of(rows))
    if history is None:
        raise Unreadable("its iterations hold no numbers")
    return [History(history.series, "round")]


def _cells(row: Mapping[str, object], names: Mapping[str, list[str]]) -> dict[str, object]:
    """Return the metrics of an iteration by name; of several test sets those of the first."""
    cells: dict[str, object] = {"iteration": row.get("iteration")}
    for key, part in KEYS.items():
        values = row.get(key)
        if isinstance(values, list):
            first = values[0] if values and isinstance(values[0], list) else values
            cells |= {f"{part}/{name}": value
                      for name, value in zip(names[part], first, strict=False)}  # fmt: skip
    return cells


FORMAT = FolderFormat(
    name="catboost_info",
    looks="the folder that CatBoost writes, with the errors of learn and test per iteration",
    files="catboost_info/learn_error.tsv, test_error.tsv",
    example={
        "learn_error.tsv": "iter\tLogloss\n0\t0.69\n1\t0.61\n2\t0.55\n",
        "test_error.tsv": "iter\tLogloss\n0\t0.69\n1\t0.63\n2\t0.60\n",
    },
    claim=claim_folders,
    read=read_folder,
)

TRAINING_FORMAT = FileFormat(
    name="catboost_training.json",
    looks="one JSON object with `meta` and `iterations`, as CatBoost writes it",
    files="catboost_training.json",
    example={
        "catboost_training.json": '{"meta": {"learn_metrics": [{"name": "RMSE"}], "test_metrics": '
        '[{"name": "RMSE"}]},\n "iterations": [{"learn": [2.1], "iteration": 0, "test": [2.3]},\n '
        '{"learn": [1.5], "iteration": 1, "test": [1.6]}]}'
    },
    sniff=lambda file: file.sample.lstrip()[:1] == "{" and '"iterations"' in file.text
    and '"learn_metrics"' in file.text,
    read=read_training,
)  # fmt: skip
