"""The status page: workers, waiting runs, and the settings of the service."""

import re
from urllib.parse import unquote_plus

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from backend.operations.service_health import Device, service_health
from backend.settings import Settings
from backend.web.dependencies import (
    AuthenticatorDep,
    DatabaseDep,
    DispatcherDep,
    HealthChecksDep,
    SettingsDep,
)
from frontend import formatting
from frontend.site import render

URL_SETTINGS = {"database": "database_url", "broker": "broker_url"}
"""The settings whose URLs may contain a password, with the property that holds the URL."""

router = APIRouter()


@router.get("/status")
def status(
    database: DatabaseDep,
    dispatcher: DispatcherDep,
    health_checks: HealthChecksDep,
    settings: SettingsDep,
    authenticator: AuthenticatorDep,
) -> HTMLResponse:
    """Show the state of the service and its settings, which cannot be changed here."""
    health = service_health(database, dispatcher, health_checks, settings)
    missing = [sentence for device in health.devices if (sentence := missing_worker(device))]
    return render(
        "status.html",
        health=health,
        missing=missing,
        required=authenticator.required,
        settings=settings_rows(settings),
    )


def settings_rows(settings: Settings) -> list[tuple[str, str, str]]:
    """Return the environment variable, value and meaning of each setting, without passwords."""
    return [
        (f"LAB_{name.upper()}", _shown(settings, name), info.description or "")
        for name, info in Settings.model_fields.items()
    ]


def _shown(settings: Settings, name: str) -> str:
    value: object = getattr(settings, URL_SETTINGS.get(name, name))
    if name in URL_SETTINGS:
        return without_password(str(value))
    if value is None:
        return ""
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def without_password(url: str) -> str:
    """Return a URL with its passwords replaced by asterisks.

    A password is before the host or in the query (`password`, `sslpassword`).
    """
    return _QUERIED.sub(_starred, _USER.sub(rf"\1{STARS}@", url))


STARS = "***"
# up to the last @, because a password that is not escaped may contain any of @ / ? #
_USER = re.compile(r"^([^:/?#]+://[^:/?#@]*:).*@", re.DOTALL)
_QUERIED = re.compile(r"([?&;#]([^=&;]*)=)[^&;]*")
_SECRET = re.compile(r"pass|pwd|secret|token|key|credential", re.IGNORECASE)


def _starred(parameter: re.Match[str]) -> str:
    is_secret = _SECRET.search(unquote_plus(parameter[2]))
    return parameter[1] + STARS if is_secret else parameter[0]


BROKER_UNREACHABLE = "The message broker is unreachable. Waiting runs start when it is back."

_WORKERS = {"any": "worker", "cpu": "worker on a CPU", "gpu": "worker with a GPU"}
_REMEDY = {
    "any": "A worker takes about ten seconds to start.",
    "cpu": "Start one with LAB_DEVICE=cpu.",
    "gpu": "Start one on a machine with a GPU, or submit without a device.",
}


def missing_worker(device: Device) -> str | None:
    """Return a sentence if runs wait for a device that no worker has, else None."""
    if not device.queued or device.workers != 0:
        return None
    verb = "waits" if device.queued == 1 else "wait"
    return (
        f"{formatting.count(device.queued, 'run')} {verb} for a {_WORKERS[device.device]}, "
        f"but none is running. {_REMEDY[device.device]}"
    )
