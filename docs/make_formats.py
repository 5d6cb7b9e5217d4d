"""Write docs/formats.md from the registry of log formats.

Run `python -m docs.make_formats` after changing a format. A test compares the page with the code.
"""

from pathlib import Path
from textwrap import fill

from backend.log_formats.log_format import FolderFormat, LogFormat
from backend.log_formats.registry import FILE_FORMATS, FOLDER_FORMATS

WIDTH = 96  # characters of a line
PAGE = Path(__file__).parent / "formats.md"
INTRODUCTION = """# Log formats

<!-- made by docs/make_formats.py from backend/log_formats/registry.py -->

`lab diagnose`, `lab import`, the Import page and `overfit_lab.diagnose` read these logs. The
format is detected from the content, in the order of this page. [How a curve is
diagnosed](diagnosis.md#diagnose-the-log-of-another-program) says which of the series are judged.

A folder is searched for files that belong together first; then each other file is read. Several
runs in a file or a folder become several histories with names, never one curve. Compressed files
are refused. The limits are `LAB_MAX_LOG_FILE_BYTES`, `LAB_MAX_LOG_TEXT_BYTES`,
`LAB_MAX_LOG_SERIES` and `LAB_DIAGNOSE_SECONDS` ([settings](reference/settings.md)).
"""
AXES = """
## How rows and runs are recognised

- **Axis.** Series run over a column such as `epoch`; over `step`, `global_step` or
  `current_steps` if epochs are fractions or have several validations; rounds of boosters are
  called rounds. Without such a column rows are counted, with a note.
- **Batches.** Several train losses of an epoch are averaged.
- **Lists** of different length: validation every few epochs is placed at those epochs, and a list
  of batches is averaged; a note says which. A longer list of validation is refused.
- **Counters.** If train and validation loss count different things, such as batches and epochs,
  the time of logging pairs them. Without times they are refused.
- **Runs** are recognised by a column of any name, by the names of columns (`run - loss`), by
  folds in a printed log, by folders, and by event files that start over. A table with a row per
  run is refused: it has no epochs.
- **Rows without an epoch**, such as a row of means, are left out with a note. So are evaluations
  before and after training.
- **Restarts.** If epochs go back, the later rows count. If numbering starts over while the losses
  go on, the epochs are counted on. A note reports both.
"""


def page() -> str:
    """Return the page."""
    parts = [INTRODUCTION, AXES, "\n## Folders\n"]
    parts += [_section(each) for each in FOLDER_FORMATS]
    parts += ["\n## Files\n", *(_section(each) for each in FILE_FORMATS)]
    return "".join(parts)


def _section(log_format: LogFormat) -> str:
    """Return the section of a format, with the beginning of its example."""
    title = log_format.name[0].upper() + log_format.name[1:]
    looks = f"{log_format.looks[0].upper()}{log_format.looks[1:]}."
    text = f"\n### {title}\n\n{fill(looks, WIDTH)}\n"
    text += f"\n{fill(f'Usual names: {log_format.files}.', WIDTH)}\n"
    for name, content in log_format.example.items():
        shown = f"# {name}\n" if isinstance(log_format, FolderFormat) else ""
        text += f"\n```\n{shown}{content.rstrip()}\n```\n"
    return text


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
