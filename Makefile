# Everything runs in an environment of its own: .venv, made with PYTHON (3.11 or newer).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := build/demo

.PHONY: demo test lint bench-speed general-model clean

demo: $(VENV)/.installed
	$(BIN)/stockcast train data/GSPC.csv --home $(DEMO)
	$(BIN)/stockcast predict data/GSPC.csv --home $(DEMO)

test: $(VENV)/.test
	$(BIN)/python -m pytest

lint: $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The networks that are shipped, from folders of price files: make general-model PRICES='folder folder'
general-model: $(VENV)/.installed
	$(BIN)/python -m stockcast.pipeline.generalmodel $(PRICES)

bench-speed: $(VENV)/.installed
	$(BIN)/python benchmarks/speed.py

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "stockcast needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -e .
	$(BIN)/python -m compileall -q stockcast
	touch $@

$(VENV)/.test: $(VENV)/.installed
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -e '.[test]'
	touch $@

$(VENV)/.lint: $(VENV)/.test
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -e '.[test,lint]'
	touch $@

clean:
	rm -rf $(VENV) build *.egg-info
