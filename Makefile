# Everything the project does, from a fresh clone. `make` alone lists it.
#
# The environment lies in .venv. It is made once, and again when setup.cfg or
# pyproject.toml change; a file inside it marks how far it was installed: the
# demo needs less than the tests.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

# The checker's JavaScript and node come with its packages; it must not look for newer ones.
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test lint types format nox wheel clean

help: ## list what make can do
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 14

demo: $(VENV)/for-demo ## make the environment and run two handlers on one real HTTP stream
	$(BIN)/python examples/quickstart.py

# The tests run last, so that their summary is the last thing said.
test: lint types ## lint, types, and the tests with coverage
	$(BIN)/python -m pytest --cov

lint: $(VENV)/for-dev ## ruff: the rules, and whether the formatter would change anything
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(VENV)/for-dev ## mypy --strict and pyright
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python

format: $(VENV)/for-dev ## let ruff mend and format the code
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

nox: $(VENV)/for-dev ## the tests on every Python from 3.11 that this machine has
	$(BIN)/nox

wheel: $(VENV)/for-dev ## build the source distribution and the wheel into dist/
	$(BIN)/python -m build

clean: ## remove the environment and everything made
	rm -rf $(VENV) .nox build dist *.egg-info .coverage .hypothesis
	rm -rf .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "$(PYTHON) is not Python 3.11 or newer (it says: $$($(PYTHON) --version 2>&1))." >&2; \
	  echo "Name one that is, for example: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; \
	  exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/for-demo: $(VENV)/made setup.cfg pyproject.toml
	$(PIP) install --quiet --editable '.[testing]'
	@touch $@

$(VENV)/for-dev: $(VENV)/made setup.cfg pyproject.toml
	$(PIP) install --quiet --editable '.[dev]'
	@touch $@ $(VENV)/for-demo
