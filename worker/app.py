"""The Celery app that `celery -A worker.app worker --pool solo` loads: one training process.

It needs the solo pool, because a process that is forked after CUDA was initialised cannot use CUDA.
More workers are more processes.
"""

import os
import sys

from backend import logging_setup
from backend.errors import InvalidInput, Unavailable
from backend.operations import data_folder
from backend.scheduling.dispatcher import make_celery
from backend.settings import load_settings
from worker.gate import wait_for_gate
from worker.reconnect import install_reconnect
from worker.tasks import name, register

# If memory runs out, safetensors tries to print a backtrace, finds no memory for it, and hangs.
os.environ["RUST_BACKTRACE"] = "0"
try:
    _settings = load_settings()
except InvalidInput as error:
    sys.exit(error.detail)
logging_setup.configure(_settings.log, process="worker", worker=name())
wait_for_gate()
try:
    data_folder.protect(_settings)
except InvalidInput as error:
    sys.exit(error.detail)
app = make_celery(_settings)
install_reconnect(app)
try:
    register(app, _settings)
except Unavailable as error:
    sys.exit(str(error))
