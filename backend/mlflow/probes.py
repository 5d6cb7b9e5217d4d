"""Answers to what clients ask about the server itself."""

from backend.mlflow import bodies
from backend.mlflow.endpoint import get
from backend.mlflow.service import Service
from backend.specification.params import JsonObject

VERSION = "3.17.2"
"""The version of MLflow whose server this one was compared with."""


def server_info(service: Service, body: bodies.Nothing) -> JsonObject:  # noqa: ARG001
    """Return which optional parts of the protocol this server has: none of them."""
    return {
        "store_type": "SqlStore",
        "workspaces_enabled": False,
        "trace_archival_enabled": False,
        "multipart_uploads_enabled": False,
        "multipart_downloads_enabled": False,
        "presigned_upload_run_id_supported": False,
        "presigned_upload_model_id_supported": False,
    }


ENDPOINTS = (get("server-info", bodies.Nothing, server_info),)
