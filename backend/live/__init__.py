"""Live updates: notifications between processes, and the broadcaster that wakes event streams."""
