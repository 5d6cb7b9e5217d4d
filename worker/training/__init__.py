"""Pure training: specifications in, curves and weights out. No SQL, no Celery."""
