"""The service's own page: who is there to train, what waits, which settings it runs with."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from backend.api.dependencies import DatabaseDep, SettingsDep
from backend.api.health import health as service_health
from backend.settings import Settings
from frontend.site import render

ADDRESSES = {
    "database": "database_url",
    "broker": "broker_url",
}  # the settings that may hold a password

router = APIRouter()


@router.get("/health")
def health(database: DatabaseDep, settings: SettingsDep) -> HTMLResponse:
    """Show the state of the service and its settings, which are read here and set elsewhere."""
    return render(
        "health.html", health=service_health(database, settings), settings=settings_rows(settings)
    )


def settings_rows(settings: Settings) -> list[tuple[str, str, str]]:
    """Return each setting's variable, value and meaning; passwords are left out."""
    return [
        (f"LAB_{name.upper()}", _shown(settings, name), info.description or "")
        for name, info in Settings.model_fields.items()
    ]


def _shown(settings: Settings, name: str) -> str:
    value: Any = getattr(settings, ADDRESSES.get(name, name))
    if name in ADDRESSES:
        try:
            return make_url(value).render_as_string(hide_password=True)
        except ArgumentError:
            return "(not shown)"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
