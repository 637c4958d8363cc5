# make demo   the main job on the sample data
# make test   the whole test suite, offline
# make smoke  the main commands, each once
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin

.PHONY: demo smoke test lint types docs bench clean

demo: $(VENV)/.installed
	@PATH="$(abspath $(BIN)):$$PATH" data/demo.sh demo

smoke: $(VENV)/.installed
	rm -rf out/smoke
	@PATH="$(abspath $(BIN)):$$PATH" data/smoke.sh out/smoke

# One process per core. Modules stay compiled, for the hundreds of processes that tests start.
test: $(VENV)/.installed-dev
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest --numprocesses auto --dist worksteal

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python tests/layers.py

types: $(VENV)/.installed-dev
	$(BIN)/mypy

# The site, from docs/, the docstrings and the commands, without the network. A warning is an error.
docs: $(VENV)/.installed-dev
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet -b html docs build/docs
	@echo "Site: build/docs/index.html"

bench: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks embed data/yard.mp4

clean:
	rm -rf demo build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@ $(VENV)/.installed
