# Everything runs in an environment of its own: VENV, made with PYTHON (3.11 or newer). Each Python has room beside the
# others: make PYTHON=python3.13 VENV=.venv-3.13 test
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DEMO := build/demo
PIP := -m pip install --disable-pip-version-check --quiet

# The oldest releases that pyproject.toml allows, on the oldest Python.
OLDEST := .venv-oldest
OLDEST_PYTHON ?= python3.11

# The wheel, and the environment that holds nothing but it.
DIST := build/dist
INSTALLED := .venv-wheel

# Tenths of the cases that torture has to pass.
SCALE ?= 1

.PHONY: demo test test-oldest coverage goldens layouts torture lint docs wheel bench-speed general-model clean

demo: $(VENV)/.installed
	$(BIN)/stockcast train data/GSPC.csv --home $(DEMO)
	$(BIN)/stockcast predict data/GSPC.csv --home $(DEMO)

test: $(VENV)/.test
	$(BIN)/python -m pytest

test-oldest: $(OLDEST)/.test
	$(OLDEST)/bin/python -m pytest

# Which lines and branches of stockcast the suite runs, in all of its processes. What was measured is shown where a test
# failed, too.
coverage: $(VENV)/.test
	rm -rf build/coverage
	mkdir -p build/coverage
	$(BIN)/python -m coverage run -m pytest; failed=$$?; \
	$(BIN)/python -m coverage combine --quiet && $(BIN)/python -m coverage report; exit $$failed

# What every command says and writes, here and on another commit, in one environment: make goldens BASE=COMMIT
goldens: $(VENV)/.test
	$(BIN)/python -m tests.goldens $(BASE)

# One history in 20,000 layouts, and the reader gives it back, or asks and understands the answer: ten minutes.
layouts: $(VENV)/.test
	STOCKCAST_LAYOUTS=20000 $(BIN)/python -m pytest -n 0 tests/prices/test_layouts.py

# Kills, crowds, damage, odd environments, years of runs: a tenth of every kind's cases in less than half an hour on two
# cores, make torture SCALE=10 all of them. What was played stands in build/torture.jsonl and is not played again; one
# case is, by: python -m tests.torture KIND SEED
torture: $(VENV)/.test
	$(BIN)/python -m tests.torture --scale $(SCALE)

lint: $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python .ci/cycles.py
	$(BIN)/deptry .
	$(BIN)/deptry stockcast --optional-dependencies-dev-groups test,lint,docs

# The pages as a site, in build/docs: strict about links, and complete about options and the Python API.
docs: $(VENV)/.docs
	$(BIN)/python docs/tools/site.py

# Built, installed where nothing else is, and used from another folder. What it depends on may stay there from before; the
# wheel itself is replaced even where its version is the same.
wheel: $(VENV)/.lint $(INSTALLED)/.empty
	rm -rf $(DIST)
	$(BIN)/python -m build --outdir $(DIST)
	$(INSTALLED)/bin/python $(PIP) $(DIST)/*.whl
	$(INSTALLED)/bin/python $(PIP) --force-reinstall --no-deps $(DIST)/*.whl
	$(INSTALLED)/bin/python -m pip check
	$(INSTALLED)/bin/python .ci/wheel.py $(DIST)/*.whl

# The networks that are shipped, from folders of price files and a file of the dates of reports:
# make general-model PRICES='folder folder' EVENTS=file
general-model: $(VENV)/.installed
	$(BIN)/python -m stockcast.pipeline.generalmodel $(PRICES) $(if $(EVENTS),--events $(EVENTS))

bench-speed: $(VENV)/.installed
	$(BIN)/python benchmarks/speed.py

# Where a Python is asked for that did not make the environment, it is made anew; without one, it is used as it is.
ifneq ($(origin PYTHON),file)
ifneq ($(shell { $(PYTHON) -V; } 2>/dev/null),$(shell { $(BIN)/python -V; } 2>/dev/null))
.PHONY: $(BIN)/python
endif
endif

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "stockcast needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv --clear $(VENV)

$(VENV)/.installed: $(BIN)/python pyproject.toml
	$(BIN)/python $(PIP) -e .
	$(BIN)/python -m compileall -q stockcast
	touch $@

$(VENV)/.test: $(VENV)/.installed
	$(BIN)/python $(PIP) -e '.[test]'
	touch $@

$(VENV)/.lint: $(VENV)/.test
	$(BIN)/python $(PIP) -e '.[test,lint]'
	touch $@

$(VENV)/.docs: $(VENV)/.installed
	$(BIN)/python $(PIP) -e '.[docs]'
	touch $@

$(INSTALLED)/.empty: $(BIN)/python pyproject.toml
	$(BIN)/python -m venv --clear $(INSTALLED)
	touch $@

# pip knows no oldest versions; uv takes the lower bound of everything that pyproject.toml names.
$(OLDEST)/.test: pyproject.toml
	$(OLDEST_PYTHON) -m venv --clear $(OLDEST)
	$(OLDEST)/bin/python $(PIP) uv
	$(OLDEST)/bin/uv pip install --quiet --python $(OLDEST)/bin/python --resolution lowest-direct --compile-bytecode -e '.[test]'
	touch $@

clean:
	rm -rf $(VENV) $(OLDEST) $(INSTALLED) build *.egg-info
