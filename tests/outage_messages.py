"""Messages that the service shows while a part is unreachable, by the path that shows them.

The fault suite waits for them, and fast tests compare them with the service, so that a reworded
message is noticed without an hour of faults.
"""

from collections.abc import Mapping

Messages = Mapping[str, str]

BROKER_UNREACHABLE = {
    "/readyz": "the broker does not answer",
    "/api/health": '"broker":false',
    "/health": "The broker does not answer: runs wait in the database until it does.",
}
DATABASE_UNREACHABLE = {
    "/readyz": "the database does not answer",
    "/api/health": "The database cannot be reached; try again.",
    "/health": "The database cannot be reached; try again.",
}
READ_ONLY = {
    "/readyz": "the database is read-only",
    "/api/health": '"read_only":true',
    "/health": "The database takes no writes: what is trained waits until it does.",
}
DISK_FULL = {
    "/readyz": "the disk of the data folder is full",
    "/api/health": '"disk_full":true',
    "/health": "The disk is full: nothing can be recorded until there is room.",
}
WRITE_REFUSED = "The database is read-only at the moment; try again."
QUEUED_WITHOUT_BROKER = "The broker cannot be reached: what waits is sent once it can."
"""On the page of an experiment with queued runs."""
