# make run: set up on a fresh machine and serve.   make test: set up and test.   Others: make help
PYTHON ?= python3
export WITH_CROWD = false
MAKEFLAGS += --no-print-directory
# Programs of .venv/bin that are scripts remember where the folder was when it was set up; this does not.
PY = .venv/bin/python
# It ends with make, also when that is killed.
SERVE = exec $(PY) -m collector.management.lifeline $$PPID $(PY) serve.py
PIP = $(PY) -m pip --disable-pip-version-check --quiet

.PHONY: run demo test test-long lint words bench bench-peers reliability soak lock help
.DEFAULT_GOAL := help

help: ## what there is
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed 's/:.*## /\t/'

run: .venv/ready staticfiles/ready ## web and workers on PORT (8000); sets up first where needed
	@$(SERVE)

demo: export DADC_LIVE_PREVIEW ?= 1
demo: export DADC_LIMIT_SCALE ?= 1000
demo: export WITH_CROWD = true
demo: .venv/ready staticfiles/ready ## the same, alive without people: a simulated crowd on a database of its own
	@echo "A demo with a simulated crowd: whoever's name ends in -bot is a program. Data in $(or $(strip $(DADC_DATA_DIR)),.data-demo)."
	@$(SERVE)

# CI also says how much of the code the tests run.
test: .venv/ready .venv/ready-dev staticfiles/ready ## the whole suite; says loudly what the machine lacks
	$(PY) $(if $(CI),-m slipcover --immediate --json --out .coverage.json) -m pytest -n 3 --no-loadscope-reorder

test-long: .venv/ready .venv/ready-dev ## the rules on twenty times as many examples, new ones each time
	DADC_TEST_EXAMPLES=many $(PY) -m pytest tests/domain tests/learning -m "not slow" -n 2 --timeout 3600

bench: .venv/ready .venv/ready-dev staticfiles/ready ## the figures of docs/performance.md; wants a quiet machine
	$(PY) -m scripts.bench
	$(PY) -m scripts.bench_lists
	$(PY) -m scripts.bench_page
	$(PY) -m scripts.bench_training
	$(PY) -m scripts.bench_site

bench-peers: .venv/ready .venv/ready-dev .peers/ready staticfiles/ready ## beside Gradio, which it sets up; wants wrk and a quiet machine; WRITE=--write keeps the tables
	$(PY) -m scripts.bench_peers $(WRITE)
	$(PY) -m scripts.bench_peers --database postgres $(WRITE)

reliability: .venv/ready .venv/ready-dev ## the table of docs/reliability.md, from the tests
	$(PY) -m scripts.reliability

soak: .venv/ready .venv/ready-dev staticfiles/ready ## half an hour of load with faults on six machines (root); SOAK_SECONDS shortens it
	$(PY) -m scripts.soak

lint: .venv/ready .venv/ready-dev node_modules/ready ## ruff, mypy, djade; words, which want GNU gettext; biome and tsc, which want Node
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy .
	.venv/bin/djade --target-version 5.2 --check $(shell find templates -name '*.html')
	$(PY) -m scripts.words --check
	npm run --silent lint

words: .venv/ready ## the catalogues of all languages, from what the sources say; wants GNU gettext
	$(PY) -m scripts.words

lock: ## renews the locked requirements after a change of pyproject.toml; UPGRADE=--upgrade takes the newest of all
	PYTHON=$(PYTHON) scripts/lock.sh $(UPGRADE)

.venv/python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed: make PYTHON=…")'
	@echo "Setting up: a virtual environment and the dependencies (a minute or two, once)"
	$(PYTHON) -m venv .venv
	@touch $@

.venv/ready: requirements.txt requirements-torch.txt .venv/python
	$(PIP) install -r requirements.txt
	$(PIP) install -r requirements-torch.txt
	@touch $@

# Nothing that .venv/ready brings too: make -j may set up both at once.
.venv/ready-dev: requirements-dev.txt .venv/python
	$(PIP) install --no-deps -r requirements-dev.txt
	@touch $@

.peers/ready: requirements-peers.txt requirements-torch.txt
	@echo "Setting up Gradio in .peers (minutes, once)"
	$(PYTHON) -m venv .peers
	.peers/bin/python -m pip --disable-pip-version-check --quiet install -r requirements-peers.txt
	.peers/bin/python -m pip --disable-pip-version-check --quiet install -r requirements-torch.txt $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX))
	@touch $@

node_modules/ready: package.json package-lock.json .npmrc
	npm ci --ignore-scripts --silent
	@touch $@

staticfiles/ready: .venv/ready $(shell find static -type f)
	@$(PY) manage.py collectstatic --noinput --clear --verbosity 0 -i redoc -i rest_framework
	@touch $@
