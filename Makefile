# `make demo` does the main job, `make test` checks everything; each sets up the part of .venv
# that it needs, once: a splash takes 0.6 GB, training and tests 6 GB.
PYTHON ?= python3
# A test that hangs ends its process with the stacks of all threads; the others run on in a new one.
QUICK := -q -n 2 --dist worksteal --timeout 300 --timeout-method thread -m "not slow and not gpu"
VENV := .venv
BIN := $(VENV)/bin
SPLASHES := $(VENV)/.splashes
READY := $(VENV)/.ready

.PHONY: demo train test test-all lint format coverage mutation audit lock clean

demo: $(SPLASHES)
	@$(BIN)/python tools/demo.py $(DEMO_ARGS)

# The whole journey instead: train a small model, evaluate it, and splash with it.
train: $(READY)
	@$(BIN)/python tools/demo.py --train $(DEMO_ARGS)

# Two processes, each on its own half of the cores, see tests/conftest.py. Of the ways to distribute tests, pytest-xdist 3.8
# waits for ever after a process that died with `loadgroup`; with `worksteal` it starts another one and reports the test.
test: $(READY) lint
	@$(BIN)/python -m pytest $(QUICK)

# Also the tests that take minutes, and those for a GPU where there is one.
test-all: $(READY) lint
	@$(BIN)/python -m pytest -q

lint: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: $(READY)
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

# Coverage of the package by the tests: at least 90 % of its lines.
coverage: $(READY)
	@$(BIN)/python -m pytest $(QUICK) --cov=balloon_splash --cov-report=term:skip-covered --cov-fail-under=90

# Whether the tests notice faults that are planted in the data reader, the matte and the checkpoint code (mutmut).
mutation: $(READY)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'mutmut>=3.8,<4'
	@$(BIN)/python -m tests.campaigns.mutation $(MUTATION_ARGS)

# Known vulnerabilities of what requirements-train.lock names; fails, too, where the service that knows them is out of reach.
# AUDIT_ARGS="--vulnerability-service osv" asks another one.
audit: $(READY)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'pip-audit>=2.7'
	@$(BIN)/pip-audit --strict --disable-pip --require-hashes -r requirements-train.lock $(AUDIT_ARGS)

$(SPLASHES): setup.py requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python %d.%d found, 3.10 or newer expected; try: make PYTHON=python3.11" % sys.version_info[:2])'
	@test -x $(BIN)/python || echo "setting up $(VENV): half a minute and about 0.6 GB, once"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(READY): $(SPLASHES) requirements-train.lock tools/install_detectron2.py requirements-detectron2.txt
	@echo "adding what training and tests need to $(VENV): a few minutes and about 5 GB, once"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-train.lock
	$(BIN)/python tools/install_detectron2.py
	@touch $@

# Choose new versions, for all Python versions and systems at once: with hashes for the two set-ups here, without them for
# those who install by `pip -c`, which takes no hashes and no extras. By hash the extras are named: pip before 23.3 takes
# `coverage[toml]` for another package than `coverage`, and refuses it as soon as a newer release is out.
lock: $(READY)
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile $(LOCKED) $(ALL) --constraint constraints.in --upgrade --output-file constraints.txt
	$(BIN)/uv pip compile $(LOCKED) --extra checkout $(BY_HASH) --output-file requirements.lock
	$(BIN)/uv pip compile $(LOCKED) $(ALL) $(BY_HASH) --output-file requirements-train.lock

LOCKED := setup.py --universal --python-version 3.10 --no-header --no-annotate
ALL := --extra checkout --extra train --extra dev
BY_HASH := --constraint constraints.txt --generate-hashes --no-strip-extras

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .coverage
