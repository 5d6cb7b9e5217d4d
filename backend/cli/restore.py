"""lab restore: fill an empty database from a backup."""

from argparse import Namespace

from backend.cli.configuration import configured
from backend.operations.migration import opened
from backend.store import restore


def run(options: Namespace) -> int:
    """Restore and say what there is now."""
    with opened(configured(options, "data_dir")) as database:
        rows = restore.read(options.file, database)
    print(f"Restored {rows['experiments']:,} experiments and {rows['runs']:,} runs.")
    return 0
