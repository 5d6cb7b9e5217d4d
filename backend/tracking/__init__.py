"""Use cases of external runs: other programs train them and log their params, metrics and tags.

Every way in (the MLflow and Trackio protocols, the Python API, imports) calls these functions.
"""
