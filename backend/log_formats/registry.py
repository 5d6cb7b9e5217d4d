"""All formats of logs, in the order in which they are tried. docs/formats.md is made from them."""

from backend.log_formats import (
    blank_separated,
    catboost_folders,
    delimited,
    epoch_files,
    files_of_series,
    html_pages,
    json_logs,
    mlflow_database,
    mlflow_folders,
    notebooks,
    parquet_tables,
    printed,
    python_literals,
    tensorboard,
    tensorboard_folders,
    yolo_results,
)
from backend.log_formats.log_format import FileFormat, FolderFormat, LogFormat

FOLDER_FORMATS: tuple[FolderFormat, ...] = (
    mlflow_folders.FORMAT,
    catboost_folders.FORMAT,
    epoch_files.FORMAT,
    files_of_series.FORMAT,
    tensorboard_folders.FORMAT,
)

FILE_FORMATS: tuple[FileFormat, ...] = (
    tensorboard.FORMAT,
    mlflow_database.FORMAT,
    parquet_tables.FORMAT,
    notebooks.FORMAT,
    html_pages.FORMAT,
    catboost_folders.TRAINING_FORMAT,
    python_literals.FORMAT,
    json_logs.FORMAT,
    yolo_results.FORMAT,
    delimited.FORMAT,
    blank_separated.FORMAT,
    printed.FORMAT,
)

FORMATS: tuple[LogFormat, ...] = (*FILE_FORMATS, *FOLDER_FORMATS)
