# syntax=docker/dockerfile:1
# Two images: `app` (web server, workers, beat) and `proxy` (TLS, static files, media). docker-compose.yml builds both.

ARG PYTHON=3.11

FROM python:${PYTHON}-slim-bookworm AS packages
ENV PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/venv
WORKDIR /build
COPY requirements.lock .
# The index to take torch from, where the usual one does not have the wanted build (CPU, or a CUDA version).
ARG TORCH_INDEX=
RUN --mount=type=cache,target=/root/.cache/pip \
    /opt/venv/bin/pip install --no-deps ${TORCH_INDEX:+--index-url "${TORCH_INDEX}"} "$(grep '^torch==' requirements.lock)" \
    && /opt/venv/bin/pip install --requirement requirements.lock

FROM python:${PYTHON}-slim-bookworm AS app
RUN groupadd --gid 10001 visionreward \
    && useradd --uid 10001 --gid visionreward --no-create-home --home-dir /srv/home visionreward \
    && install -d -o visionreward -g visionreward /srv/home /srv/media /srv/artifacts /srv/backups /srv/pipelines /srv/vlms /srv/data
COPY --from=packages /opt/venv /opt/venv
WORKDIR /app
COPY manage.py ./
COPY reward_engine reward_engine
COPY annotator annotator
COPY templates templates
COPY static static
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/srv/home \
    DATA_DIR=/srv/data \
    STATIC_ROOT=/srv/static \
    MEDIA_ROOT=/srv/media/files \
    ARTIFACT_ROOT=/srv/artifacts \
    WEB_BIND=0.0.0.0:8000
# Collecting asks no server; these values are for this one command and stay in no layer.
RUN SECRET_KEY=for-the-build DATABASE_URL=postgresql://none CELERY_BROKER_URL=redis://none \
    python manage.py collectstatic --noinput --verbosity 0 \
    && python -m compileall -q annotator reward_engine
USER 10001:10001
EXPOSE 8000
CMD ["gunicorn", "--config", "python:annotator.core.gunicorn_config", "annotator.wsgi"]

FROM caddy:2.10-alpine AS proxy
COPY --from=app /srv/static /srv/static
COPY deploy/Caddyfile /etc/caddy/Caddyfile
RUN install -d -o 10001 -g 10001 /data /config
USER 10001:10001
