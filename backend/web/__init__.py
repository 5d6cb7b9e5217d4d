"""Shared parts of REST endpoints and pages: access, security headers, errors, dependencies."""
