# The production server in a container. Build it with `docker build -t ticket-booking .`; compose.yaml and
# docs/deployment.md say how to run it. Settings and secrets come from the environment or from files; the image has none.

FROM python:3.13-slim-bookworm@sha256:67a1e1f215ccda113cfc024e8639049257e88f273898f595b61476d128d387e8 AS build
WORKDIR /app
RUN python -m venv /venv
COPY requirements/production.txt requirements/
RUN /venv/bin/python -m pip install --no-cache-dir --disable-pip-version-check --require-hashes --no-deps --no-compile \
        --only-binary :all: -r requirements/production.txt \
    && /venv/bin/python -m pip uninstall --yes --quiet pip
COPY . .
# Production settings do not load without these three; they are used for this step only.
RUN SECRET_KEY=build ALLOWED_HOSTS=build DATABASE_URL=sqlite:///:memory: DJANGO_SETTINGS_MODULE=config.settings.production \
        /venv/bin/python manage.py collectstatic --no-input --verbosity 0 \
    && /venv/bin/python -m compileall -q -j 0 /venv/lib /app

FROM python:3.13-slim-bookworm@sha256:67a1e1f215ccda113cfc024e8639049257e88f273898f595b61476d128d387e8
RUN useradd --system --uid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin tickets
COPY --from=build /venv /venv
COPY --from=build /app /app
WORKDIR /app
ENV PATH="/venv/bin:$PATH" \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=config.settings.production \
    WEB_CONCURRENCY=4
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/health', timeout=4)"]
# As `make serve` does, with WEB_CONCURRENCY workers.
CMD ["python", "manage.py", "serve", "--bind", "0.0.0.0"]
