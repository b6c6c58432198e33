# `make` alone says what there is. The first use of a target creates the virtual environment it
# needs and installs into it; later uses start at once.

VENV := .venv
VENV_JAX := .venv-jax
WORKERS := 2
CHROMIUM := chromium

PY := $(VENV)/bin/python
PY_JAX := $(VENV_JAX)/bin/python
INSTALLED := $(VENV)/.installed
INSTALLED_JAX := $(VENV_JAX)/.installed

# TensorFlow's start-up messages say nothing about the work that follows.
export TF_CPP_MIN_LOG_LEVEL ?= 3

PYTEST := -m pytest -n $(WORKERS) --dist loadfile
# The programs and their tests belong to the TensorFlow set of requirements.txt.
CORE_TESTS := tests --ignore=tests/tasks --ignore=tests/benchmarks
# JAX spends most of these tests on compiling; what it compiled once, in any process, it takes again.
KEEP_COMPILED := JAX_COMPILATION_CACHE_DIR=$(CURDIR)/$(VENV_JAX)/compiled \
	JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS=0 JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES=-1
# What no backend changes: pages, reports, counts of large networks.
ANYWHERE := --ignore=tests/reporting --ignore=tests/test_docs.py \
	--deselect=tests/test_profile.py::test_resnet_rows_of_the_logs_as_networks

.DEFAULT_GOAL := help
.PHONY: help quickstart test test-slow test-jax lint format build-file pages picture clean

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## ?/\t/' | expand -t 16

quickstart: $(INSTALLED)  ## train, prune, fine-tune and export a VGG-16 on small digit images
	$(PY) -m tasks.cifar_vgg16 --flagfile=tasks/flagfiles/quickstart.flags $(FLAGS)

test: $(INSTALLED)  ## all but the slow tests; ARGS="-k name" picks some
	$(PY) $(PYTEST) -m "not slow" $(ARGS)

test-slow: $(INSTALLED)  ## the slow tests
	$(PY) $(PYTEST) -m slow $(ARGS)

test-slice: $(INSTALLED)  ## the slow tests but for the longest: what CI runs of them
	$(PY) $(PYTEST) -m "slow and not long" $(ARGS)

test-jax: $(INSTALLED_JAX)  ## the library's tests on JAX, with TensorFlow absent
	KERAS_BACKEND=jax $(KEEP_COMPILED) $(PY_JAX) $(PYTEST) -m "not slow" $(CORE_TESTS) $(ANYWHERE) $(ARGS)

lint: $(INSTALLED)  ## ruff and mypy
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

format: $(INSTALLED)  ## sort imports and lay out the code
	$(PY) -m ruff check --select I --fix .
	$(PY) -m ruff format .

build-file: $(INSTALLED)  ## write the Bazel targets in BUILD from the sources' imports
	$(PY) .ci/build_file.py --write

pages: $(INSTALLED)  ## write the generated pages of docs/ anew
	$(PY) .ci/applications_table.py --write
	$(PY) .ci/coverage_table.py --write
	$(PY) .ci/criteria_table.py --write

picture: quickstart  ## draw docs/images/report.png from the quick start's report, with Chromium
	$(CHROMIUM) --headless --no-sandbox --hide-scrollbars --disable-gpu --window-size=1100,1255 \
		--screenshot=docs/images/report.png out/quickstart/report.html

clean:  ## remove caches and build outputs; virtual environments and results stay
	rm -rf .hypothesis .mypy_cache .pytest_cache .ruff_cache dist *.egg-info
	find . -maxdepth 1 -type d -name build -exec rm -rf {} +  # BUILD is a file to keep
	find . -name __pycache__ -not -path './.venv*' -prune -exec rm -rf {} +

$(INSTALLED): requirements.txt .ci/create_venv
	.ci/create_venv $(VENV)
	$(PY) -m pip install --disable-pip-version-check -r requirements.txt
	@touch $@

$(INSTALLED_JAX): pyproject.toml .ci/create_venv
	.ci/create_venv $(VENV_JAX)
	$(PY_JAX) -m pip install --disable-pip-version-check -e '.[jax,test]'
	@touch $@
