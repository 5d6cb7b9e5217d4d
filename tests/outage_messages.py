"""Messages that the service shows while a part is unreachable, by the path that shows them.

The fault suite waits for them, and fast tests compare them with the service, so that a reworded
message is noticed without an hour of faults.
"""

from collections.abc import Mapping

Messages = Mapping[str, str]

BROKER_UNREACHABLE = {
    "/readyz": "the broker does not answer",
    "/api/health": '"broker":false',
    "/status": "The message broker is unreachable. Runs wait in the database until it is back.",
}
DATABASE_UNREACHABLE = {
    "/readyz": "the database does not answer",
    "/api/health": "The database cannot be reached; try again.",
    "/status": "The database cannot be reached; try again.",
}
READ_ONLY = {
    "/readyz": "the database is read-only",
    "/api/health": '"read_only":true',
    "/status": "The database is read-only. Workers keep their results until they can be recorded.",
}
DISK_FULL = {
    "/readyz": "the disk of the data folder is full",
    "/api/health": '"disk_full":true',
    "/status": "The disk is full. Nothing can be recorded until there is space;",
}
WRITE_REFUSED = "The database is read-only at the moment; try again."
QUEUED_WITHOUT_BROKER = "The message broker is unreachable. Waiting runs start when it is back."
"""On the page of an experiment with queued runs."""
