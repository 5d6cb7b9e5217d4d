"""Scopes of tokens: a ladder of four, each of which includes the scopes below it.

A ladder, not a set: every combination that makes sense is one of its steps. A program that logs
runs also reads them, because the protocols that it speaks do.
"""

from enum import Enum


class Scope(Enum):
    """Rights of a token, from least to most."""

    READ = "read"
    LOG = "log"
    SUBMIT = "submit"
    ADMIN = "admin"

    def includes(self, needed: "Scope") -> bool:
        """Return whether a token with this scope may do what needs `needed`."""
        return _LADDER.index(self) >= _LADDER.index(needed)


_LADDER = list(Scope)

MEANINGS = {
    Scope.READ: "see everything, and check a specification without submitting it",
    Scope.LOG: "also log runs of training elsewhere",
    Scope.SUBMIT: "also submit, cancel, retry, organise and delete",
    Scope.ADMIN: "also manage tokens and browser sessions, and read the audit log",
}
"""What each scope adds to those below it, as part of a sentence."""
