# Verbs of the project. `make run` and `make test` need nothing but Python 3.11 or later on Debian or Ubuntu.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input -q
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1

.PHONY: run test lint types cover bench docs install install-dev

run: install
	@exec $(BIN)/offhook serve

test: install-dev
	@$(MAKE) --no-print-directory lint types
	$(BIN)/python -m pytest

lint: install-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo

types: install-dev
	$(BIN)/mypy

cover: install-dev
	$(BIN)/python -m pytest --cov=offhook --cov-report=term-missing:skip-covered --cov-report=html

bench: install
	$(BIN)/offhook bench --calls 1,32,100 --seconds 10 --json bench-plumbing.json
	$(BIN)/offhook bench --calls 1,32,100 --seconds 10 --vad --json bench-vad.json
	$(BIN)/offhook bench --calls 1,8 --engine local --scenario examples/scenarios/receptionist.toml --json bench-local.json
	$(BIN)/offhook bench --calls 8,32 --engine cloud --seconds 5 --json bench-cloud.json
	$(BIN)/offhook bench --calls 8,50 --engine realtime --seconds 10 --json bench-realtime.json

docs: install-dev
	$(BIN)/python -m pytest -q tests/test_docs.py

install: $(VENV)/.installed
install-dev: $(VENV)/.installed-dev

# A bare Debian has python3 without venv; put the package there where we may.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or later is needed: set PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
		echo "Installing python3-venv"; \
		sudo=$$([ "$$(id -u)" = 0 ] || echo sudo); \
		$$sudo apt-get -qq update && $$sudo apt-get -qq install -y python3-venv; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install -c constraints.txt -e '.[local,mcp,tunnel]'
	$(BIN)/offhook models fetch
	@touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install -c constraints.txt -e '.[local,mcp,tunnel,dev]'
	$(BIN)/offhook models fetch
	@touch $@ $(VENV)/.installed
