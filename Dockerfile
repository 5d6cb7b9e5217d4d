# Two images from one file: `web` without PyTorch, `worker` with it.

FROM python:3.11-slim AS web-packages
ENV PATH=/venv/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
COPY pyproject.toml constraints.txt ./
# The packages alone, so that a change of the source does not install them again.
RUN python -m venv /venv \
 && python -c "import tomllib; p = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
open('web.txt', 'w').write('\n'.join(p['dependencies'])); \
open('worker.txt', 'w').write('\n'.join(p['optional-dependencies']['worker']))" \
 && pip install -c constraints.txt -r web.txt

FROM web-packages AS worker-packages
RUN pip install -c constraints.txt -r worker.txt

FROM python:3.11-slim AS base
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN useradd --create-home lab
WORKDIR /home/lab
COPY backend backend
COPY frontend frontend

FROM base AS web
COPY --from=web-packages /venv /venv
USER lab
EXPOSE 8000
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s \
  CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/healthz')"]
CMD ["uvicorn", "backend.main:create_app", "--factory", "--host", "0.0.0.0", "--port", "8000", \
     "--timeout-graceful-shutdown", "1", "--no-server-header", "--no-access-log"]

FROM base AS worker
COPY --from=worker-packages /venv /venv
COPY worker worker
USER lab
CMD ["celery", "-A", "worker.app", "worker", "--pool", "solo", "--loglevel", "INFO", \
     "--without-gossip", "--without-mingle", "--without-heartbeat"]
