"""lab backup: the whole database in one file, while it is used."""

from argparse import Namespace

from backend.cli.configuration import configured
from backend.operations.migration import opened, refuse_missing
from backend.store import backup


def run(options: Namespace) -> int:
    """Write the file and say what is in it."""
    settings = configured(options, "data_dir")
    refuse_missing(settings)
    with opened(settings) as database:
        rows = backup.write(database, options.file)
    size = options.file.stat().st_size / 1e6
    counts = f"{rows['experiments']:,} experiments, {rows['runs']:,} runs"
    print(f"{options.file}: {counts}, {size:.1f} MB.")
    return 0
