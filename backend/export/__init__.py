"""Exports of an experiment: its runs and metrics as tables in a ZIP file, its specification."""

from backend.export.archive import TableFormat, archive_members, zip_stream

__all__ = ["TableFormat", "archive_members", "zip_stream"]
