"""What training needs of the world."""

from dataclasses import dataclass, field

import torch

from backend.hints import Hints
from backend.settings import Settings
from backend.store import Database
from worker.stopping import Stopping


@dataclass
class Tally:
    """What this worker has done since it started."""

    epochs: int = 0  # that are in the database


@dataclass(frozen=True)
class Services:
    """Settings, connections, the device to train on, and whether to stop."""

    settings: Settings
    database: Database
    hints: Hints
    device: torch.device
    stopping: Stopping
    tally: Tally = field(default_factory=Tally)
