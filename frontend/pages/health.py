"""The service's own page: who is there to train, what waits, which settings it runs with."""

from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

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
        return without_password(value)
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def without_password(url: str) -> str:
    """Return an address whose password, if it has one, is three stars."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    user, _, host = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user.partition(':')[0]}:***@{host}").geturl()
