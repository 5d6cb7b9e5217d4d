"""The ways in which a program that trains elsewhere can log here, as Home shows them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class WayToLog:
    """A library that a program may log with, and the lines that make it log to this service."""

    slug: str
    title: str
    about: str
    code: str


def ways_to_log(url: str) -> list[WayToLog]:
    """Return the ways to log to the service at `url`."""
    return [
        WayToLog(
            "mlflow",
            "MLflow, Lightning, Hugging Face",
            "A program that logs with MLflow, its callbacks or autologging needs no change:",
            f"export MLFLOW_TRACKING_URI={url}\npython train.py",
        ),
        WayToLog(
            "trackio",
            "Trackio",
            "A program that logs with Trackio needs no change either:",
            f"export TRACKIO_SERVER_URL={url}\n"
            "export TRACKIO_WRITE_TOKEN=open  # or your token\n"
            "python train.py",
        ),
        WayToLog(
            "python",
            "Python",
            "Ask about a finished training, or log one and stop it when it overfits:",
            "import overfit_lab\n\n"
            "overfit_lab.diagnose(history)\n\n"
            f'run = overfit_lab.init("digits", server="{url}")\n'
            'run.log({"train_loss": 0.41, "val_loss": 0.52})',
        ),
    ]
