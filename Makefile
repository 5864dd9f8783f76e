# Commands for developers and operators; `make` lists them.

PYTHON ?= python3
PORT ?= 8000
BIND ?= 127.0.0.1
WORKERS ?= 4
THREADS ?= 64
ARGS ?=

VENV := .venv
PY := $(VENV)/bin/python
MANAGE := $(PY) manage.py
# Each lock is complete: --no-deps keeps pip from looking for newer versions of extras.
PIP := $(PY) -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps
COMPILE := "$(CURDIR)/$(PY)" -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
           --no-header --no-emit-index-url
LOCKS := base production dev audit
# Checks do not depend on a developer's own settings.
CLEAN_ENVIRONMENT := env -i PATH="$$PATH" HOME="$$HOME" ENV_FILE= DATABASE_URL=sqlite:///:memory:

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help install run serve test check e2e lint security templates types imports settings migrations locks format \
        lock private torture proxy pgbouncer bench schema clean

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' Makefile

install: $(VENV)/.base  ## Create .venv with what running needs

run: $(VENV)/.base  ## Serve on 127.0.0.1:$(PORT) with demo data and a worker, and reload when code changes
	@$(MANAGE) migrate --verbosity 0
	@$(MANAGE) load_demo --if-empty
	@$(MANAGE) welcome --port $(PORT)
	@$(MANAGE) worker & worker=$$!; trap 'kill $$worker; wait $$worker' EXIT; trap exit INT TERM HUP; \
		$(MANAGE) runserver 127.0.0.1:$(PORT)

serve: export DJANGO_SETTINGS_MODULE := config.settings.production
serve: export WEB_CONCURRENCY := $(WORKERS)
serve: $(VENV)/.production  ## Run the production server: PORT, BIND, WORKERS, THREADS; ARGS=--access-log logs each request
	@$(MANAGE) check --deploy --fail-level ERROR
	@$(MANAGE) migrate --verbosity 0
	@$(MANAGE) collectstatic --no-input --verbosity 0
	@echo "Beside the server: DJANGO_SETTINGS_MODULE=$$DJANGO_SETTINGS_MODULE $(MANAGE) worker"
	@exec $(MANAGE) serve --bind $(BIND) --port $(PORT) --workers $(WORKERS) --threads $(THREADS) $(ARGS)

test: $(VENV)/.dev  ## Run all tests on PostgreSQL and the core tests on SQLite; ARGS="-k name" selects tests
	@echo "== Tests"
	@$(PY) -m config.tests.harness.both --quiet --numprocesses auto --maxprocesses 8 --dist loadgroup $(ARGS)

check: export QUICK := 1
check: lint security templates types imports settings migrations locks torture proxy test  ## Run all checks, then the tests

e2e: $(VENV)/.dev  ## Test the back office in a real browser, and renew docs/screenshots
	@echo "== Journeys"
	@$(PY) -m config.tests.e2e --quiet $(ARGS)

lint: $(VENV)/.dev  ## Check the code for errors and its format
	@echo "== Lint"
	@$(PY) -m ruff check --quiet .
	@$(PY) -m ruff format --check --quiet .

security: $(VENV)/.dev  ## Search for unsafe code, and for secrets in the git history
	@echo "== Security"
	@$(VENV)/bin/bandit --quiet --configfile pyproject.toml --recursive manage.py config venues events ticket_types bookings
	@$(PY) -m config.tests.harness.secret_scan

templates: $(VENV)/.dev  ## Check the format of the templates
	@echo "== Templates"
	@find . -path './$(VENV)' -prune -o -path '*/templates/*' -name '*.html' -exec $(VENV)/bin/djade \
		--check --target-version 5.2 {} +

types: $(VENV)/.dev  ## Check the type annotations
	@echo "== Types"
	@$(PY) -m mypy --no-error-summary .

imports: $(VENV)/.dev  ## Check the import contract
	@echo "== Imports"
	@$(VENV)/bin/lint-imports --no-logo > $(VENV)/imports.log || { cat $(VENV)/imports.log; exit 1; }

settings: $(VENV)/.dev  ## Check the production settings
	@echo "== Production settings"
	@$(CLEAN_ENVIRONMENT) DJANGO_SETTINGS_MODULE=config.settings.production ALLOWED_HOSTS=tickets.example.com \
		SECRET_KEY="$$($(PY) -c 'import secrets; print(secrets.token_urlsafe(64))')" \
		$(MANAGE) check --deploy --fail-level WARNING

migrations: $(VENV)/.dev  ## Check that migrations match the models, and can run while the previous release serves
	@echo "== Migrations"
	@$(CLEAN_ENVIRONMENT) $(MANAGE) makemigrations --check --dry-run
	@$(CLEAN_ENVIRONMENT) $(PY) -m config.tests.harness.migrations

locks: $(VENV)/.dev  ## Check that requirements/*.txt match requirements/*.in
	@echo "== Locks"
	@rm -rf $(VENV)/locks && mkdir $(VENV)/locks && cp requirements/*.in requirements/*.txt $(VENV)/locks
	@cd $(VENV)/locks && for name in $(LOCKS); do \
		$(COMPILE) $$name.in -o $$name.txt > uv.log 2>&1 \
			|| { cat uv.log; echo "Locks not checked: uv cannot compile $$name.in, or reach the package index." >&2; exit 1; }; \
		diff ../../requirements/$$name.txt $$name.txt \
			|| { echo "requirements/$$name.txt is not what $$name.in gives: run make lock." >&2; exit 1; }; \
	done

format: $(VENV)/.dev  ## Format the code
	@$(PY) -m ruff check --fix --quiet . ; $(PY) -m ruff format .

lock: $(VENV)/.dev  ## Write requirements/*.txt from requirements/*.in; ARGS=--upgrade takes the newest versions
	@cd requirements && for name in $(LOCKS); do $(COMPILE) $(ARGS) $$name.in -o $$name.txt || exit 1; done

private: $(VENV)/.dev  ## List the private names of libraries that the code uses
	@$(PY) -m config.tests.harness.private

torture: $(VENV)/.dev  ## Check the promises under load, faults and attacks, for an hour or two; QUICK=1: one minute
	@echo "== Torture"
	@$(PY) -m benchmarks.torture $(ARGS)
	@test -n "$(QUICK)$(ARGS)" || $(PY) -m benchmarks.torture --database postgresql --proxy
	@test -n "$(QUICK)" || FUZZ_EXAMPLES=400 SWEEP_VALUES=all TRANSPORT_ROUNDS=5 TORTURE_EXAMPLES=1000 \
		$(PY) -m config.tests.harness.both --all --quiet config/tests/test_api_sweep.py config/tests/test_api_transport.py \
		config/tests/test_api_fuzz.py bookings/tests/test_state_machine.py

proxy: $(VENV)/.dev  ## Test deploy/nginx.conf on a real nginx: slow requests, broken requests, the cache
	@echo "== Proxy"
	@$(CLEAN_ENVIRONMENT) NEEDS_NGINX="$$NEEDS_NGINX" $(PY) -m config.tests.proxy --quiet $(ARGS)

pgbouncer: $(VENV)/.dev  ## Run the scenarios through PgBouncer in transaction mode, which must be installed
	@echo "== PgBouncer"
	@$(PY) -m benchmarks.torture --database pgbouncer $(ARGS)

bench: $(VENV)/.dev  ## Measure the speed of the production server; ARGS="proxy booking" chooses steps, QUICK=1: two minutes
	@WORKERS=$(WORKERS) THREADS=$(THREADS) $(PY) -m benchmarks.bench $(ARGS)

schema: $(VENV)/.base  ## Write docs/openapi.json; refuses changes that break clients
	@$(CLEAN_ENVIRONMENT) $(PY) -m config.tests.harness.schema $(ARGS)

clean:  ## Remove generated files, but no data
	@rm -rf $(VENV) staticfiles .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -prune -exec rm -rf {} +

# A stamp for each installed lock; each lock contains the one before it.

$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null \
		|| { echo "Python 3.11 or newer is needed and $(PYTHON) is not: try make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "Making $(VENV)"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/.base: requirements/base.txt | $(PY)
	@echo "Installing requirements/base.txt"
	@$(PIP) -r $<
	@touch $@

$(VENV)/.production: requirements/production.txt | $(PY)
	@echo "Installing requirements/production.txt"
	@$(PIP) -r $<
	@touch $(VENV)/.base $@

$(VENV)/.dev: requirements/dev.txt | $(PY)
	@echo "Installing requirements/dev.txt"
	@$(PIP) -r $<
	@touch $(VENV)/.base $(VENV)/.production $@
