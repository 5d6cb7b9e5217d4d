"""An experiment taken out of the service: its runs and metrics as tables, packed as a folder."""

from backend.export.archive import archive
from backend.export.folder import Kind, members

__all__ = ["Kind", "archive", "members"]
