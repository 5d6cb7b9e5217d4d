"""Every entry point keeps its files from the other users of the machine."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from backend.supervisor import programs
from tests.product import ROOT, Product, run_product

CLI = [sys.executable, "-m", "backend.cli"]
ENTRY_POINTS = {
    "up": [*CLI, "up"],
    "serve": [*CLI, "serve"],
    "migrate": [*CLI, "migrate"],
    "restore": [*CLI, "restore", "backup.db"],
    "web": programs.WEB.command,
    "worker": programs.worker(1).command,
}


@pytest.fixture
def open_umask() -> Iterator[None]:
    """Let new files be readable and writable by everyone, unless the product prevents it."""
    before = os.umask(0)
    yield
    os.umask(before)


def exposed(folder: Path) -> list[Path]:
    """Return the files and folders that other users may open."""
    paths = [folder, *folder.rglob("*")]
    return [path for path in paths if path.lstat().st_mode & 0o077]


@pytest.fixture
def product(tmp_path: Path, open_umask: None) -> Iterator[Product]:
    with run_product(tmp_path / "data", workers="1", local_access="token") as product:
        yield product


def test_everything_that_the_product_writes_is_private(product: Product) -> None:
    names = {path.name for path in product.data_dir.rglob("*")}
    assert {"lab.db", "lab.lock", "lab_token", "valkey.sock", "web.log", "worker1.log"} <= names
    assert exposed(product.data_dir) == []


def test_a_token_can_be_required_on_this_machine(product: Product) -> None:
    assert httpx.get(f"{product.url}/api/experiments").status_code == 401
    printed = re.search(r"http://\S+token=\S+", product.read_output())
    assert printed
    with httpx.Client(follow_redirects=True) as browser:
        assert browser.get(printed[0]).status_code == 200
        assert browser.get(f"{product.url}/api/experiments").status_code == 200


@pytest.mark.parametrize("name", ENTRY_POINTS)
def test_no_entry_point_uses_a_folder_that_others_may_write_to(name: str, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data").chmod(0o777)
    process = subprocess.run(
        ENTRY_POINTS[name],
        cwd=ROOT,
        env={**os.environ, "LAB_DATA_DIR": str(tmp_path / "data")},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert process.returncode != 0
    assert f"chmod 700 {tmp_path / 'data'}" in process.stderr
    assert list((tmp_path / "data").iterdir()) == []


def test_a_backup_is_private(tmp_path: Path, sqlite_url: str, open_umask: None) -> None:
    command = [*CLI, "backup", str(tmp_path / "backup.db")]
    subprocess.run(command, cwd=ROOT, env={**os.environ, "LAB_DATABASE": sqlite_url}, check=True)
    assert (tmp_path / "backup.db").stat().st_mode & 0o077 == 0
