"""The backend: specification, diagnosis, analysis, store, scheduling, live updates, REST and CLI.

Imports run one way: errors and settings <- specification, diagnosis, analysis <- store <- runs,
remedies, scheduling, live, operations <- api <- main, cli.
"""

__version__ = "0.1.0"
