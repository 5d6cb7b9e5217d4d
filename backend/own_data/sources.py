"""Let specifications refer to the data sets that people have added."""

from backend.datasets.column_files import COLUMN_FOLDER
from backend.settings import Settings
from backend.specification.data_sources import SOURCES, Source
from backend.store import Database
from backend.store.dataset_sources import find_source

FOLDER = "datasets"
"""The folder of the column files, below the data folder."""


def install(settings: Settings, database: Database) -> None:
    """Let specifications in this process refer to the data sets in a database."""
    folder = settings.data_dir.resolve() / FOLDER
    COLUMN_FOLDER.path = lambda: folder

    def find(name: str) -> Source | None:
        with database.read() as session:
            return find_source(session, name)

    SOURCES.find_table = find
