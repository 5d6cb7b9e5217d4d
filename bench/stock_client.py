"""Logs points with MLflow's own client, in a Python that has it: `PYTHON stock_client.py URL ...`.

Prints the seconds. Nothing of this product is imported, so that any environment can run it.
"""

import sys
import time

from mlflow import MlflowClient
from mlflow.entities import Metric

METRICS = ("train_loss", "val_loss", "train_accuracy", "val_accuracy", "learning_rate")


def main(url: str, count: int, size: int) -> None:
    client = MlflowClient(url)
    experiment = client.create_experiment(f"stock client {time.time_ns()}")
    run_id = client.create_run(experiment).info.run_id
    now = int(time.time() * 1000)
    points = [
        Metric(METRICS[n % len(METRICS)], 1 / (n + 1.37), now + n, n // len(METRICS))
        for n in range(count)
    ]
    client.log_batch(run_id, points[:1])  # the first request opens the connection
    begun = time.perf_counter()
    for start in range(0, count, size):
        client.log_batch(run_id, points[start : start + size])
    print(time.perf_counter() - begun)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
