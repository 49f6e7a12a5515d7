# make run: set up on a fresh machine and serve.   make test: set up and test.   Others: make help
PYTHON ?= python3
export PORT ?= 8000
export DADC_DATA_DIR ?= .data
# supervisord wants to be told that root is meant.
AS_ROOT = $(if $(filter 0,$(shell id -u)),--user root)
PIP = .venv/bin/pip --disable-pip-version-check --quiet

.PHONY: run test lint types help
.DEFAULT_GOAL := help

help: ## what there is
	@grep -hE '^[a-z]+:.*## ' Makefile | sed 's/:.*## /\t/'

run: .venv/ready staticfiles/ready ## web and workers on PORT (8000); sets up first where needed
	@.venv/bin/python manage.py setup --serve-on $(PORT) && exec .venv/bin/supervisord -c supervisord.conf $(AS_ROOT)

test: .venv/ready-dev staticfiles/ready ## the whole suite; says loudly what the machine lacks
	.venv/bin/python -m pytest -n 2 --dist worksteal

lint: .venv/ready-dev ## ruff and mypy
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy .

.venv/python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed: make PYTHON=…")'
	@echo "Setting up: a virtual environment and the dependencies (a minute or two, once)"
	$(PYTHON) -m venv .venv
	@touch $@

.venv/ready: requirements.txt .venv/python
	$(PIP) install -r requirements.txt
	@touch $@

.venv/ready-dev: requirements-dev.txt requirements.txt .venv/ready
	$(PIP) install -r requirements-dev.txt
	@touch $@

staticfiles/ready: .venv/ready $(shell find static -type f)
	@.venv/bin/python manage.py collectstatic --noinput --clear --verbosity 0 -i redoc -i rest_framework
	@touch $@
