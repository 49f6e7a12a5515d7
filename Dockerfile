# The whole site in one container: docs/deploy.md, and deploy/space.md for a Space.
FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /srv/dadc
RUN python -m venv .venv
COPY requirements.txt ./
RUN .venv/bin/python -m pip install --quiet -r requirements.txt
COPY requirements-release.txt ./
COPY requirements-publish.txt ./
RUN .venv/bin/python -m pip install --quiet -r requirements-release.txt -r requirements-publish.txt
# Where pip finds torch's CPU build, as pytorch.org has it; without it Linux on x86-64 gets the CUDA build, several GB.
ARG TORCH_INDEX=
COPY requirements-torch.txt ./
RUN PIP_INDEX_URL=$TORCH_INDEX .venv/bin/python -m pip install --quiet -r requirements-torch.txt

FROM python:3.11-slim-bookworm
# pg_dump makes the backups; it may be older than no server that it is asked to copy.
RUN apt-get update && apt-get install -y --no-install-recommends postgresql-client && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 1000 --home-dir /data --no-create-home dadc && install -d -m 700 -o dadc -g dadc /data
WORKDIR /srv/dadc
# Before the code: the next version's image shares it, as long as it needs nothing new.
COPY --from=build /srv/dadc/.venv .venv
COPY . .
# A key that nobody uses lies in that folder; it stays in no layer.
RUN DADC_DATA_DIR=/tmp/dadc .venv/bin/python manage.py collectstatic --noinput --verbosity 0 -i redoc -i rest_framework && rm -r /tmp/dadc
RUN .venv/bin/python -m compileall -q collector dadc_site trainer
ENV DADC_DATA_DIR=/data PORT=8000
USER 1000:1000
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD [".venv/bin/python", "deploy/healthy.py"]
CMD [".venv/bin/python", "serve.py"]
