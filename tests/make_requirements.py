"""Writes the pins and their digests: constraints.txt and requirements/*.txt.

Run `python -m tests.make_requirements` after a change of the dependencies in pyproject.toml. It
pins new packages, keeps the other pins, and removes those that nothing needs any more. To raise a
pin, delete its line of constraints.txt first; `rm constraints.txt` raises all. It needs `uv`
(`pip install uv`) and a package index with digests, such as PyPI.
"""

import re
import subprocess
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
PINS = ROOT / "constraints.txt"
FOLDER = ROOT / "requirements"
# The first excludes some of the pins; the others need an environment of their own.
NOT_PINNED = {"examples", "tracking-peers"}
CUDA = re.compile(r"cuda-|nvidia-|triton$")

CPU_WHEELS = {
    "torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl":
    "sha256:6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b",
}  # fmt: skip
"""Digests of PyTorch's builds for the CPU. PyPI has none, so they are entered by hand."""

Requirements = dict[str, str]
"""Lines of a requirements file by package: version and marker, then a line per digest."""


def main() -> None:
    """Write all files."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = [e for e in project["project"]["optional-dependencies"] if e not in NOT_PINNED]
    with tempfile.TemporaryDirectory() as folder:
        _write_pins(Path(folder), extras)
    resolved = {extra: _locked(["pyproject.toml", f"--extra={extra}"]) for extra in extras}
    files = divide(resolved, _locked(["-"], "\n".join(project["build-system"]["requires"])))
    for path in FOLDER.glob("*.txt"):
        path.unlink()
    for name, requirements in files.items():
        text = "".join(requirements[package] for package in sorted(requirements))
        (FOLDER / f"{name}.txt").write_text(text)


def divide(resolved: Mapping[str, Requirements], build: Requirements) -> dict[str, Requirements]:
    """Return the contents of the files, given all packages of each extra.

    The other extras extend server.txt. torch.txt and cuda.txt are apart from worker.txt: whether
    PyTorch needs CUDA is known only once it is installed.
    """
    everything = {name: text for extra in resolved.values() for name, text in extra.items()}
    apart = {
        "build": build,
        "server": resolved["server"],
        "torch": {"torch": everything["torch"]},
        "torch-cpu": {"torch": cpu_torch()},
        "cuda": {name: text for name, text in everything.items() if CUDA.match(name)},
    }
    # a package that the server needs on fewer platforms is repeated
    known = {text for requirements in apart.values() for text in requirements.values()}
    others = {
        extra: {name: text for name, text in requirements.items() if text not in known}
        for extra, requirements in resolved.items()
        if extra not in apart
    }
    return apart | {extra: requirements for extra, requirements in others.items() if requirements}


def cpu_torch() -> str:
    """Return the requirement of PyTorch's build for the CPU."""
    [version] = {wheel.split("-")[1] for wheel in CPU_WHEELS}
    digests = "".join(f" \\\n    --hash={digest}" for digest in CPU_WHEELS.values())
    return f"torch=={version}{digests}\n"


def _write_pins(folder: Path, extras: Sequence[str]) -> None:
    """Resolve the extras together; pins that are in constraints.txt already are preferred."""
    new = folder / "constraints.txt"
    if PINS.exists():
        new.write_bytes(PINS.read_bytes())
    _compile(["pyproject.toml", *(f"--extra={extra}" for extra in extras), f"--output-file={new}"])
    PINS.write_bytes(new.read_bytes())


def _locked(sources: list[str], text: str = "") -> Requirements:
    """Return the pinned packages with the digests of their wheels, by name and marker."""
    output = _compile([*sources, f"--constraints={PINS}", "--generate-hashes"], text)
    entries = re.findall(r"^([\w.-]+)(==.*\n(?:    .*\n)*)", output, re.MULTILINE)
    locked: Requirements = {}
    for name, rest in entries:
        locked[name] = locked.get(name, "") + name + rest
    return locked


def _compile(arguments: list[str], text: str = "") -> str:
    """Run uv: for all platforms and Python versions, wheels only."""
    command = ["uv", "pip", "compile", "--universal", "--quiet", "--no-header", "--no-annotate"]
    command += ["--only-binary=:all:", *arguments]
    run = subprocess.run(
        command, input=text, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    return run.stdout


if __name__ == "__main__":
    main()
