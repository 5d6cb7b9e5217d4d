"""Access to the service: scopes, the decision to start, and the strength of tokens."""
