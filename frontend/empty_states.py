"""Sentences that explain why runs are waiting."""

from backend.operations.service_health import Device
from frontend import formatting

AWAY = "The message broker is unreachable. Waiting runs start when it is back."

_WORKERS = {"any": "worker", "cpu": "worker on a CPU", "gpu": "worker with a GPU"}
_REMEDY = {
    "any": "A worker takes about ten seconds to start.",
    "cpu": "Start one with LAB_DEVICE=cpu.",
    "gpu": "Start one on a machine with a GPU, or submit without a device.",
}


def nobody(device: Device) -> str | None:
    """Return a sentence if runs wait for a device that no worker has, else None."""
    if not device.queued or device.workers != 0:
        return None
    verb = "waits" if device.queued == 1 else "wait"
    return (
        f"{formatting.count(device.queued, 'run')} {verb} for a {_WORKERS[device.device]}, "
        f"but none is running. {_REMEDY[device.device]}"
    )
