# The production server in a container. Build: docker build -t ticket-booking . — run: see compose.yaml, docs/deployment.md.
# Settings and secrets come when it runs, from the environment or from files; the image holds none.

FROM python:3.13-slim-bookworm AS build
WORKDIR /app
RUN python -m venv /venv
COPY requirements/production.txt requirements/
RUN /venv/bin/python -m pip install --no-cache-dir --disable-pip-version-check --require-hashes --no-deps --no-compile \
        --only-binary :all: -r requirements/production.txt \
    && /venv/bin/python -m pip uninstall --yes --quiet pip
COPY . .
# What production asks for before it starts; none of it is used or kept.
RUN SECRET_KEY=build ALLOWED_HOSTS=build DATABASE_URL=sqlite:///:memory: DJANGO_SETTINGS_MODULE=config.settings.production \
        /venv/bin/python manage.py collectstatic --no-input --verbosity 0 \
    && /venv/bin/python -m compileall -q -j 0 /venv/lib /app

FROM python:3.13-slim-bookworm
RUN useradd --system --uid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin tickets
COPY --from=build /venv /venv
COPY --from=build /app /app
WORKDIR /app
ENV PATH="/venv/bin:$PATH" \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=config.settings.production \
    WEB_CONCURRENCY=4 \
    GUNICORN_CMD_ARGS="--bind=0.0.0.0:8000 --threads=8 --worker-tmp-dir=/dev/shm"
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/health', timeout=4)"]
# As `make serve` does; WEB_CONCURRENCY says with how many workers, GUNICORN_CMD_ARGS where it listens.
CMD ["python", "-m", "gunicorn", "config.wsgi", "--no-control-socket", "--worker-class", "config.gunicorn.PatientWorker", "--keep-alive", "15"]
