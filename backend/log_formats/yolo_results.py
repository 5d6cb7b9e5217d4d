"""results.txt of YOLOv5 (before 6.0) and YOLOv7: columns separated by blanks, without a header."""

import re

from backend.log_formats.columns import TableBuilder
from backend.log_formats.history import History, Unreadable
from backend.log_formats.log_format import FileFormat
from backend.log_formats.tables import histories_of_table

_LINE = re.compile(r"\s*\d+/\d+\s+[\d.]+[GM]B?\s+\d")
COLUMNS = (
    "epoch", "gpu_mem", "train/box_loss", "train/obj_loss", "train/cls_loss", "train/total",
    "labels", "img_size", "metrics/precision", "metrics/recall", "metrics/mAP50",
    "metrics/mAP50-95", "val/box_loss", "val/obj_loss", "val/cls_loss",
)  # fmt: skip
"""As train.py of YOLOv7 writes them: losses, counts, metrics, then validation losses."""
LEFT_OUT = ("gpu_mem", "train/total", "labels", "img_size")


def read_results(text: str) -> list[History]:
    """Return the history of a results.txt. Raises Unreadable."""
    builder = TableBuilder()
    for number, line in enumerate(text.split("\n"), 1):
        cells = line.split()
        if not cells:
            continue
        if len(cells) < len(COLUMNS):
            raise Unreadable(
                f"its line {number:,} has {len(cells)} columns; results.txt of YOLO has "
                f"{len(COLUMNS)}"
            )
        cells[0] = cells[0].split("/")[0]
        named = zip(COLUMNS, cells, strict=False)
        builder.add((name, cell) for name, cell in named if name not in LEFT_OUT)
    return histories_of_table(builder.table())


FORMAT = FileFormat(
    name="results.txt of YOLOv5 and YOLOv7",
    looks="a line per epoch such as `0/299 6.88G 0.10 0.02 0.07 ...` with 15 columns",
    files="results.txt",
    example={
        "results.txt": "\n".join(
            f"{epoch}/99 6.9G {loss} 0.02 0.07 0.2 17 640 0.5 0.5 0.5 0.3 {loss} 0.02 0.07"
            for epoch, loss in enumerate((0.1, 0.08, 0.07))
        )
    },
    sniff=lambda file: bool(_LINE.match(file.sample)),
    read=lambda file: read_results(file.text),
)
