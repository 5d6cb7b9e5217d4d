"""Page that imports logs: choose files, check the runs in them, store them."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from backend.diagnosis.verdicts import Verdict
from backend.imports.importer import DEFAULT_EXPERIMENT
from backend.log_formats.read import NOT_LOGS
from backend.store import external_experiments
from backend.tracking.limits import MAX_EXPERIMENT_NAME_CHARACTERS
from backend.web.dependencies import SettingsDep
from frontend.formatting import tone
from frontend.site import Reading, render

router = APIRouter()

MAX_LISTED_EXPERIMENTS = 200  # names that the field suggests


@router.get("/import")
def import_page(session: Reading, settings: SettingsDep) -> HTMLResponse:
    """Show the form that imports logs."""
    return render(
        "import.html",
        experiments=external_experiments.newest_names(session, MAX_LISTED_EXPERIMENTS),
        default_experiment=DEFAULT_EXPERIMENT,
        max_name=MAX_EXPERIMENT_NAME_CHARACTERS,
        max_bytes=settings.max_import_bytes,
        max_files=settings.max_import_files,
        not_logs=sorted(NOT_LOGS),
        tones={verdict.value: tone(verdict.value) for verdict in Verdict},
    )
