"""A file per epoch: metrics_epoch_N.json of AllenNLP, and folders of such files."""

import re
from collections.abc import Mapping, Sequence

from backend.log_formats.history import History
from backend.log_formats.json_logs import parsed
from backend.log_formats.log_file import LogFile
from backend.log_formats.log_format import FolderFormat
from backend.log_formats.nested import flat
from backend.log_formats.tables import histories_of_rows

_NAME = re.compile(r"(?P<stem>.*?(?:epoch|ep|step|checkpoint)[_\-.]?)(?P<number>\d+)\.json")
FEWEST = 2


def claim_epochs(files: Sequence[LogFile]) -> Mapping[str, Sequence[LogFile]]:
    """Return the files of epochs by folder, where there are several."""
    groups: dict[str, list[LogFile]] = {}
    summaries: dict[str, list[LogFile]] = {}
    for file in files:
        folder = str(file.path.parent)
        if _NAME.fullmatch(file.path.name):
            groups.setdefault(folder, []).append(file)
        elif file.path.name in ("metrics.json", "meta.json"):  # AllenNLP: the best epoch
            summaries.setdefault(folder, []).append(file)
    return {
        "" if folder == "." else folder: [*group, *summaries.get(folder, [])]
        for folder, group in groups.items()
        if len(group) >= FEWEST
    }


def read_epochs(files: Sequence[LogFile]) -> list[History]:
    """Return the history of the files of epochs. Raises Unreadable."""
    rows: list[tuple[int, dict[str, object]]] = []
    for file in files:
        match = _NAME.fullmatch(file.path.name)
        document = parsed(file.text) if match else None
        if match and isinstance(document, dict):
            number = int(match["number"])
            kept = {name: value for name, value in flat(document).items() if "best_" not in name}
            rows.append((number, {"epoch": number} | kept))
    return histories_of_rows([row for _, row in sorted(rows, key=lambda row: row[0])])


FORMAT = FolderFormat(
    name="a JSON file per epoch",
    looks="files with the number of the epoch in their names, as AllenNLP writes them",
    files="metrics_epoch_0.json, metrics_epoch_1.json, ...",
    example={
        f"metrics_epoch_{at}.json": f'{{"training_loss": {2.1 - at / 2}, "validation_loss": '
        f'{2.3 - at / 2}}}'
        for at in range(3)
    },
    claim=claim_epochs,
    read=read_epochs,
)  # fmt: skip
