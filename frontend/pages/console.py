"""Output of the command of a run, as its page shows it."""

import re
from dataclasses import dataclass

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from sqlalchemy.orm import Session

from backend.errors import NotFound
from backend.printable import printable_lines
from backend.store import planned_runs
from backend.sweeps import agents
from frontend.site import Reading, render

router = APIRouter()

SHOWN_BYTES = 65_536
_STYLING = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")


@dataclass(frozen=True)
class ConsoleView:
    """The last part of the output of a command, and how the command ended."""

    run_id: int
    text: str
    shown: int
    size: int
    exit_code: int | None

    @property
    def has_ended(self) -> bool:
        """Return whether the command has ended."""
        return self.exit_code is not None


def console_view(session: Session, run_id: int) -> ConsoleView | None:
    """Return the output of a run's command, None for a run that no agent starts."""
    planned = planned_runs.of_run(session, run_id)
    if planned is None:
        return None
    start = max(0, planned.console_bytes - SHOWN_BYTES)
    size, pieces = agents.console_of(session, run_id, after=start)
    text, omitted = agents.text_of(pieces, start, size)
    return ConsoleView(run_id, clean(text), size - start - omitted, size, planned.exit_code)


def clean(text: str) -> str:
    """Return output without colours, overwritten parts of lines and control characters."""
    lines = _STYLING.sub("", text.replace("\r\n", "\n")).split("\n")
    return printable_lines("\n".join(map(_last_written, lines)).expandtabs(8))


def _last_written(line: str) -> str:
    """Return what remains of a line that carriage returns overwrite, as progress bars do."""
    return line.rstrip("\r").rpartition("\r")[2]


@router.get("/runs/{run_id}/console-view")
def read_console_view(session: Reading, run_id: int) -> HTMLResponse:
    """Return the output of a run's command as an HTML fragment. Raises NotFound."""
    view = console_view(session, run_id)
    if view is None:
        raise NotFound(f"Run {run_id} has no output: no agent starts it.")
    return render("parts/run_console.html", console=view)
