"""What training needs of the world."""

from dataclasses import dataclass, field

import torch

from backend.live.notifications import Notifier
from backend.settings import Settings
from backend.store import Database
from worker.activity import Activity
from worker.stopping import Stopping


@dataclass(frozen=True)
class Services:
    """Settings, connections, the device to train on, whether to stop, and what is done."""

    settings: Settings
    database: Database
    notifier: Notifier
    device: torch.device
    stopping: Stopping
    activity: Activity = field(default_factory=Activity)
