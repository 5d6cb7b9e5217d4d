"""Limits of a table that a person adds, each with its reason."""

from typing import Final

MAX_ROWS: Final = 10_000_000
MAX_COLUMNS: Final = 5_000  # each is an input, and becomes a line of the page
MAX_CELLS: Final = 500_000_000  # 2 GB on disk
MAX_NAME_CHARACTERS: Final = 80  # of a data set
MAX_COLUMN_CHARACTERS: Final = 200  # of the name of a column
MAX_CLASSES: Final = 200
MAX_LABELS: Final = 1_000  # categories of a column of which the names are kept
MAX_LABEL_CHARACTERS: Final = 100

# What allocators reserve counts too, so this is more than the memory that a file of 1 GiB takes.
PARSE_MEMORY_BYTES: Final = 4 << 30
PARSE_SECONDS: Final = 600
COLUMN_MEMORY_BYTES: Final = 1 << 30  # text of one column, which is in memory as a whole
