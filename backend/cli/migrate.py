"""lab migrate: bring the database to the newest schema."""

from argparse import Namespace

from backend.cli.configuration import configured
from backend.operations.migration import migrate


def run(options: Namespace) -> int:
    """Migrate and say so."""
    migrate(configured(options, "data_dir"))
    print("The database has the newest schema.")
    return 0
