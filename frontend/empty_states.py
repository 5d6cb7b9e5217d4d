"""What is said where runs wait for a worker that is not there."""

from backend.operations.service_health import Device
from frontend import formatting

AWAY = "The broker cannot be reached: what waits is sent once it can."

_WORKERS = {"any": "worker", "cpu": "worker on a CPU", "gpu": "worker with a GPU"}
_REMEDY = {
    "any": "After a start it takes one some ten seconds.",
    "cpu": "Start one with LAB_DEVICE=cpu.",
    "gpu": "Start one on a machine with a GPU, or submit without a device.",
}


def nobody(device: Device) -> str | None:
    """Return a sentence if runs wait for a device on which nobody trains."""
    if not device.queued or device.workers != 0:
        return None
    wait = "waits" if device.queued == 1 else "wait"
    return (
        f"{formatting.count(device.queued, 'run')} {wait} for a {_WORKERS[device.device]}, "
        f"and none is there. {_REMEDY[device.device]}"
    )
