"""What REST endpoints and pages share: access, security headers, errors, dependencies."""
