# Two images: `web` without PyTorch, `worker` with it. Neither runs as root or writes to its own
# file system.

# docs/compose.md explains how to pin it to an exact version or digest
ARG PYTHON_IMAGE=python:3.11-slim

FROM ${PYTHON_IMAGE} AS web-packages
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_PYTHON=/venv/bin/python
WORKDIR /build
COPY constraints.txt ./
COPY requirements requirements
# Only the packages, so that a change of the source does not reinstall them. pip is not copied on.
# It compares the digest of every file.
RUN python -m venv --without-pip /venv \
 && pip install --require-hashes --only-binary :all: -r requirements/server.txt \
 && find /venv -type d -name tests -prune -exec rm -r {} +

FROM web-packages AS worker-packages
# Index with PyTorch without CUDA, a tenth of the size. Empty: pip's usual index, with CUDA.
ARG TORCH_INDEX=""
# Not empty: do not compare the digest of PyTorch, for a build whose digest is unknown.
ARG TORCH_UNVERIFIED=""
RUN if [ -n "$TORCH_UNVERIFIED" ]; then torch="-c constraints.txt torch"; \
    else torch="--require-hashes -r requirements/torch${TORCH_INDEX:+-cpu}.txt"; fi \
 && pip install ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} --no-deps $torch \
 && pip install --require-hashes --only-binary :all: -r requirements/worker.txt \
    $(/venv/bin/python requirements/cuda.py) \
 && cd /venv/lib/python*/site-packages && rm -rf torch/include torch/test torch/bin/*[Tt]est* \
 && find . -type d -name tests -prune -exec rm -r {} +

FROM ${PYTHON_IMAGE} AS base
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 LAB_DATA_DIR=/var/lib/lab
RUN useradd --uid 10001 --no-create-home --home-dir /tmp lab \
 && install --directory --owner lab /run/lab \
 && install --directory --owner lab --mode 700 /var/lib/lab
WORKDIR /app
COPY backend backend
COPY frontend frontend

FROM base AS web
# the documentation, which the app shows
COPY docs docs
COPY --from=web-packages /venv /venv
RUN python -m compileall -q .
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=5s --timeout=10s --start-period=60s \
  CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/healthz')"]
CMD ["python", "-m", "backend.cli", "serve", "--host", "0.0.0.0"]

FROM base AS worker
COPY --from=worker-packages /venv /venv
COPY worker worker
RUN python -m compileall -q .
USER 10001
HEALTHCHECK --interval=10s --timeout=20s --start-period=60s CMD ["python", "-m", "worker.health"]
CMD ["celery", "--quiet", "-A", "worker.app", "worker", "--pool", "solo", "--loglevel", "INFO", \
     "--without-gossip", "--without-mingle", "--without-heartbeat"]
