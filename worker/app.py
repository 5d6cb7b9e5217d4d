"""What `celery -A worker.app worker --pool solo` loads: one process that trains.

The solo pool, as a process forked after CUDA was initialised cannot use it; more workers are
more processes.
"""

import os
import sys

from backend import logging_setup
from backend.errors import InvalidInput, Unavailable
from backend.scheduling.dispatcher import make_celery
from backend.settings import load_settings
from worker.reconnecting import outlast_the_broker
from worker.tasks import name, register

# safetensors that finds no memory would print where, find none for that, and hang; without, it ends
os.environ["RUST_BACKTRACE"] = "0"
try:
    _settings = load_settings()
except InvalidInput as error:
    sys.exit(error.detail)
logging_setup.configure(_settings.log, process="worker", worker=name())
app = make_celery(_settings)
outlast_the_broker(app)
try:
    register(app, _settings)
except Unavailable as error:
    sys.exit(str(error))
