"""Operations: health checks, Prometheus metrics, disk space, secrets, migration and the doctor."""
