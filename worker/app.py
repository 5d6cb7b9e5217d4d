"""What `celery -A worker.app worker --pool solo` loads: one process that trains.

The solo pool, as a process forked after CUDA was initialised cannot use it; more workers are
more processes.
"""

from backend.queue import make_celery
from backend.settings import Settings
from worker.tasks import register

_settings = Settings()
app = make_celery(_settings)
register(app, _settings)
