"""Pure training: run specifications in, metrics and weights out. No SQL and no Celery."""
