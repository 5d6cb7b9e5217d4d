"""Every package is pinned, and pip compares the digest of each file that it installs."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tests.make_requirements import CPU_WHEELS, FOLDER, NOT_PINNED, PINS, ROOT, cpu_torch, divide

FILES = sorted(FOLDER.glob("*.txt"))
UPDATE = "run `python -m tests.make_requirements`"
PIN = re.compile(r"^([\w.-]+==[\w.+]+(?: ; [^\\\n]+?)?)(?: \\)?$", re.MULTILINE)


def requirements(path: Path) -> dict[str, list[str]]:
    """Return the digests of each pin of a file."""
    parts = PIN.split(path.read_text())[1:]
    return {
        pin: re.findall(r"--hash=sha256:([0-9a-f]{64})\b", rest)
        for pin, rest in zip(parts[::2], parts[1::2], strict=True)
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_requirement_has_digests(path: Path) -> None:
    found = requirements(path)
    assert found
    assert [pin for pin, digests in found.items() if not digests] == [], UPDATE


def test_every_pin_has_digests_and_every_digest_belongs_to_a_pin() -> None:
    pins = {pin.partition(" ")[0] for pin in PINS.read_text().splitlines()}
    hashed = {pin.partition(" ")[0] for path in FILES for pin in requirements(path)}
    assert hashed - {cpu_torch().split(" ")[0]} == pins, UPDATE


def test_every_dependency_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    pinned_extras = [texts for extra, texts in extras.items() if extra not in NOT_PINNED]
    names = {re.split(r"[\[>=;]", text)[0] for texts in pinned_extras for text in texts}
    names |= set(project["dependencies"])
    pinned = {pin.partition("==")[0] for pin in PINS.read_text().splitlines()}
    assert {name.strip().lower() for name in names} <= pinned, UPDATE


def test_the_build_requirements_are_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["build-system"]["requires"] == list(requirements(FOLDER / "build.txt")), UPDATE


def test_the_build_of_pytorch_for_the_cpu_is_of_the_pinned_version() -> None:
    [torch] = requirements(FOLDER / "torch.txt")
    version = torch.partition("==")[2]
    assert {wheel.split("-")[1] for wheel in CPU_WHEELS} == {f"{version}+cpu"}


def test_a_package_that_the_server_needs_on_fewer_platforms_is_repeated() -> None:
    server = {"a": "a==1\n", "b": "b==1 ; sys_platform == 'win32'\n"}
    test = {"a": "a==1\n", "b": "b==1\n", "c": "c==1\n", "torch": "torch==1\n"}
    files = divide({"server": server, "test": test, "charts": {"a": "a==1\n"}}, build={})
    assert files["test"] == {"b": "b==1\n", "c": "c==1\n"}
    assert "charts" not in files


@pytest.mark.slow
def test_the_bill_of_materials_is_valid_and_lists_every_package(tmp_path: Path) -> None:
    script = "import runpy; runpy.run_path('lab')['write_sbom']([r'{}'])".format(tmp_path / "bom")
    environment = os.environ | {"LAB_VENV": sys.prefix}
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, check=True)
    text = (tmp_path / "bom").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    components = json.loads(text)["components"]
    names = {f"{component['name']}=={component['version']}" for component in components}
    files = ("server", "torch", "cuda", "worker", "embedded")
    pins = {pin for name in files for pin in requirements(FOLDER / f"{name}.txt")}
    assert names == {pin.partition(" ")[0] for pin in pins}
