"""The service: specification, analysis, store, queue, live stream, REST and command line.

Imports run one way: errors, settings <- spec, analysis <- store <- queue, live <- api <- main, cli.
"""

__version__ = "0.1.0"
