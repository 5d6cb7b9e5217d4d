"""What training needs of the world."""

from dataclasses import dataclass

import torch

from backend.hints import Hints
from backend.settings import Settings
from backend.store import Database
from worker.stopping import Stopping


@dataclass(frozen=True)
class Services:
    """Settings, connections, the device to train on, and whether to stop."""

    settings: Settings
    database: Database
    hints: Hints
    device: torch.device
    stopping: Stopping
