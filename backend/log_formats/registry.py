"""All formats of logs, in the order in which they are tried. docs/formats.md is made from them."""

from backend.log_formats import csv_logs, json_logs, tensorboard, tensorboard_folders
from backend.log_formats.log_format import FileFormat, FolderFormat, LogFormat

FOLDER_FORMATS: tuple[FolderFormat, ...] = (tensorboard_folders.FORMAT,)

FILE_FORMATS: tuple[FileFormat, ...] = (
    tensorboard.FORMAT,
    json_logs.FORMAT,
    csv_logs.FORMAT,
)

FORMATS: tuple[LogFormat, ...] = (*FILE_FORMATS, *FOLDER_FORMATS)
