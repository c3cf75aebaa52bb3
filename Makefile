# Parcours. On a machine with Python 3.11 to 3.13 and make:
#   make demo   set everything up and run the main job on a synthetic programme
#   make test   set everything up and prove the project: style, types, import contracts, tests, coverage

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test lint format docs bench calibrate hooks browser lock clean

VENV := .venv
BIN := $(VENV)/bin
SET_UP := $(VENV)/.set-up
SUITABLE := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input --quiet
# Options for pytest, such as: make test PYTEST="tests/warehouse -x"
PYTEST :=

help:  ## Say what there is to do
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | tr '|' '\t' | expand -t 16

demo: $(SET_UP)  ## Run the main job on a synthetic PACOSME programme; its pages open offline
	@$(BIN)/parcours demo

test: lint browser  ## Prove the project: lint, then all tests with their coverage
	$(BIN)/python -m pytest --numprocesses=auto --dist=loadfile --no-loadscope-reorder --cov --cov-report=term:skip-covered $(PYTEST)

lint: $(SET_UP)  ## Style, format, strict types and import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(SET_UP)  ## Let ruff format the code and mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(SET_UP)  ## Write again what is made from the code: reference pages and module map
	$(BIN)/python docs/generate.py
	$(BIN)/python docs/module_map.py

# Patients, one size or several, and how often each program runs: make bench SIZE="10000 100000" RUNS=5
SIZE := 100000
RUNS := 3
bench: $(SET_UP)  ## Measure speed and memory beside pandas and polars, and check that their figures are equal
	$(BIN)/python -m benchmarks --patients $(SIZE) --runs $(RUNS)

# Programmes drawn at the largest size, of which smaller ones get as many patients: make calibrate PROGRAMMES=200 SIZES="300 1000"
PROGRAMMES := 1000
SIZES := 300 1000 3000
calibrate: $(SET_UP)  ## Simulate programmes with known effects: do the intervals cover, and do the tests stay quiet?
	$(BIN)/python -m benchmarks.calibrate --programmes $(PROGRAMMES) --sizes $(SIZES)

hooks: $(SET_UP)  ## Check style and types before each commit
	$(BIN)/pre-commit install

# The machine's own python3 comes first; PYTHON=... names another. An environment of an unsuitable one is replaced.
$(SET_UP): requirements.lock pyproject.toml
	@python=; for name in $(PYTHON) python3 python3.13 python3.12 python3.11 python; do \
	  if command -v $$name >/dev/null 2>&1 && $$name -c '$(SUITABLE)' >/dev/null 2>&1; then python=$$name; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "make: Parcours needs Python 3.11, 3.12 or 3.13 with its venv and ensurepip modules, found:" >&2; \
	  for name in python3 python3.13 python3.12 python3.11 python; do \
	    if command -v $$name >/dev/null 2>&1; then echo "  $$name: $$($$name --version 2>&1 | head -n 1)" >&2; fi; \
	  done; \
	  echo "  (on Debian: apt-get install python3 python3-venv; or name one: make PYTHON=/path/to/python3.12)" >&2; \
	  exit 1; \
	fi; \
	echo "Setting up $(VENV) with $$($$python --version): some minutes the first time" >&2; \
	$(BIN)/python -c '$(SUITABLE)' >/dev/null 2>&1 || $$python -m venv --clear $(VENV)
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

browser: $(SET_UP)  ## Find a browser for the tests of the pages, or install Debian's
	@for name in $(CHROMIUM) chromium chromium-browser google-chrome; do \
	  if command -v $$name >/dev/null 2>&1; then exit 0; fi; \
	done; \
	if command -v apt-get >/dev/null 2>&1 && [ "$$(id -u)" = 0 ]; then \
	  echo "No browser found: installing Debian's chromium for the tests of the pages" >&2; \
	  if apt-get update -qq >/dev/null 2>&1 && \
	     DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null 2>&1; \
	  then exit 0; fi; \
	fi; \
	echo "NO BROWSER: the tests that open the pages in Chromium will be skipped. Install chromium to run them." >&2

# Needs uv. Exact versions and hashes for Python 3.11 to 3.13, and no address of an index (docs/adr/0006).
lock:  ## Lock the dependencies again, after a change in pyproject.toml
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --no-strip-extras --output-file requirements.lock

clean:  ## Remove what the other targets made; never a parcours-home
	rm -rf $(VENV) parcours-demo build dist .coverage .coverage.* .pytest_cache .mypy_cache .ruff_cache \
	  .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
