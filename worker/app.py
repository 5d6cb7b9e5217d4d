"""What `celery -A worker.app worker --pool solo` loads: one process that trains.

The solo pool, as a process forked after CUDA was initialised cannot use it; more workers are
more processes.
"""

import sys

from backend import journal
from backend.errors import Unavailable
from backend.queue import make_celery
from backend.settings import Settings
from worker.reconnecting import outlast_the_broker
from worker.tasks import name, register

_settings = Settings()
journal.configure(_settings.log, process="worker", worker=name())
app = make_celery(_settings)
outlast_the_broker(app)
try:
    register(app, _settings)
except Unavailable as error:
    sys.exit(str(error))
