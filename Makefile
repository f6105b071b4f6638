# `make help` lists what can be made.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# What to pass on: make run ARGS="model=ae data=digits"
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup run test test-long faults check bench tensorboard clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(VENV)/.ready ## Create .venv and install the package with what it needs

$(VENV)/.ready: pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v <= (3, 13) else f"latentclust needs Python 3.11 to 3.13, this is {v[0]}.{v[1]}: make setup PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@

run: setup ## Train VaDE on MNIST and print the result table (ARGS="model=ae ..." for another run)
	$(BIN)/python -m latentclust $(ARGS)

test: setup ## Run the tests, all but the long ones
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 $(ARGS)

test-long: setup ## Run the long tests: further whole runs, several processes, the real MNIST digits
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --long $(ARGS)

faults: setup ## Kill, starve and fool it: tests/faults and every other test marked `faults`
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --faults $(ARGS)

check: setup ## Lint, check formatting and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

bench: setup ## Measure speed against a plain loop, ClustPy and the hardware's limit; times and memory
	$(BIN)/python -m pip install --quiet --editable '.[bench]'
	$(BIN)/python benchmarks/throughput.py $(ARGS)
	$(BIN)/python benchmarks/resources.py $(ARGS)

tensorboard: setup ## Watch the runs under outputs/ at http://localhost:6006
	$(BIN)/tensorboard --logdir outputs/tensorboard $(ARGS)

clean: ## Remove .venv and all caches; data/ and outputs/ stay
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
