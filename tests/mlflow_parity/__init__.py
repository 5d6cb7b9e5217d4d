"""Comparison of this service with MLflow's own tracking server, outcome by outcome.

The same requests, and the same calls of MLflow's stock client, are sent to both servers. Values,
order, statuses and error codes must agree. A person runs it; it is not part of `./lab test`:

    python -m venv /tmp/mlflow && /tmp/mlflow/bin/pip install mlflow
    python -m tests.mlflow_parity --python /tmp/mlflow/bin/python
"""
