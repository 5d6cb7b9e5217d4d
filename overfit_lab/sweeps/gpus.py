"""GPUs of this machine: each job may use a single GPU."""

import os
import shutil
import subprocess

TIMEOUT_SECONDS = 10


def visible_gpus() -> list[str]:
    """Return the ids of the GPUs that jobs may use: those in CUDA_VISIBLE_DEVICES, else all."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        return [gpu.strip() for gpu in chosen.split(",") if gpu.strip() not in ("", "-1")]
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    try:
        listed = subprocess.run(  # noqa: S603 - the path that `which` found
            [program, "--query-gpu=index", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in listed.stdout.splitlines() if line.strip().isdigit()]


def gpu_variables(gpus: list[str], slot: int) -> dict[str, str]:
    """Return the variable that gives the job in a slot one GPU; empty without GPUs."""
    return {"CUDA_VISIBLE_DEVICES": gpus[slot % len(gpus)]} if gpus else {}
