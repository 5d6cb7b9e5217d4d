"""lab export: write an experiment to files."""

import shutil
import tempfile
from argparse import Namespace
from pathlib import Path
from zipfile import ZipFile

from backend.cli.service import Service
from backend.errors import InvalidInput

SUFFIX = {"html": ".html", "spec": ".yaml", "csv": "", "parquet": ""}


def run(options: Namespace) -> int:
    """Write the export and print where it is. A path that exists is left as it is."""
    service = Service.named(options)
    out = options.out or Path(f"experiment-{options.id}{SUFFIX[options.format]}")
    if out.exists():
        raise InvalidInput(f"{out} exists; name another path by --out.")
    try:
        with tempfile.TemporaryDirectory(dir=_parent(out), prefix=".lab-export-") as folder:
            _write(service, options, Path(folder), out)
    except OSError as error:
        raise InvalidInput(f"{out} cannot be written: {error.strerror}.") from error
    print(out)
    return 0


def _write(service: Service, options: Namespace, folder: Path, out: Path) -> None:
    """Fetch into a folder beside `out` and move there what is whole."""
    fetched = folder / "fetched"
    path = f"/api/experiments/{options.id}/export"
    service.download(path, fetched, format=options.format)
    if options.format in ("csv", "parquet") and out.suffix != ".zip":
        with ZipFile(fetched) as file:
            file.extractall(folder / "unpacked")
        [fetched] = (folder / "unpacked").iterdir()
    shutil.move(fetched, out)


def _parent(out: Path) -> Path:
    if not out.parent.is_dir():
        raise InvalidInput(f"{out.parent} is not a folder.")
    return out.parent
