# `make demo` does the main job, `make test` checks everything; each sets up the part of .venv
# that it needs, once: a splash takes 0.6 GB, training and tests 6 GB.
PYTHON ?= python3
# A test that hangs ends its process with the stacks of all threads; the others run on in a new one.
QUICK := -q -n 2 --dist worksteal --timeout 300 --timeout-method thread -m "not slow and not gpu"
VENV := .venv
BIN := $(VENV)/bin
SPLASHES := $(VENV)/.splashes
READY := $(VENV)/.ready

.PHONY: demo train notebooks test test-all batch lint format coverage mutation audit lock clean

demo: $(SPLASHES)
	@$(BIN)/python tools/demo.py $(DEMO_ARGS)

# The whole journey instead: train a small model, evaluate it, and splash with it.
train: $(READY)
	@$(BIN)/python tools/demo.py --train $(DEMO_ARGS)

# Opens the notebooks in a browser; they run as they are, with the model that ships.
notebooks: $(READY)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'jupyterlab>=4,<5'
	@$(BIN)/jupyter lab notebooks

# Two processes run the tests, each with one thread of torch, see tests/conftest.py. If one dies, pytest-xdist 3.8 starts
# another with `worksteal`; with `loadgroup` it waits for ever.
# Ray's own processes need a core, and what it leaves in the process of a test is kept from all others. The campaigns of
# fuzzing fork: a process that has run hundreds of tests before died of it, on a machine with AVX2 alone.
test: $(READY) lint
	@$(BIN)/python -m pytest $(QUICK) tests/fuzz
	@$(BIN)/python -m pytest $(QUICK) --ignore tests/batch --ignore tests/fuzz
	@$(BIN)/python -m pytest $(QUICK) -n 0 tests/batch

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

# Share of faults planted in the data reader, the matte and the checkpoint code that the tests notice (mutmut).
mutation: $(READY)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'mutmut>=3.8,<4'
	@$(BIN)/python -m tests.campaigns.mutation $(MUTATION_ARGS)

# Known vulnerabilities of the packages in requirements-train.lock; fails if the service that knows them is out of reach.
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
	@echo "adding the packages for training and tests to $(VENV): a few minutes and about 5 GB, once"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-train.lock
	$(BIN)/python tools/install_detectron2.py
	@touch $@

# Adds Ray and a server that speaks S3, for the tests of a batch, which are skipped without.
batch: $(VENV)/.batch

$(VENV)/.batch: $(READY) requirements-batch.lock
	@echo "adding Ray and its tests' packages to $(VENV): a minute and about 0.5 GB, once"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-batch.lock
	@touch $@

# Choose new versions, for all Python versions and systems at once: with hashes for the set-ups here, without for
# `pip -c`, which accepts neither hashes nor extras. The files with hashes name the extras: pip before 23.3 takes
# `coverage[toml]` for another package than `coverage`, and refuses it as soon as a newer release is out.
lock: $(READY)
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile $(LOCKED) $(ALL) --extra batch-dev --constraint constraints.in --upgrade --output-file constraints.txt
	$(BIN)/uv pip compile $(LOCKED) --extra checkout $(BY_HASH) --output-file requirements.lock
	$(BIN)/uv pip compile $(LOCKED) --extra checkout --extra serve $(BY_HASH) --output-file requirements-serve.lock
	$(BIN)/uv pip compile $(LOCKED) $(ALL) $(BY_HASH) --output-file requirements-train.lock
	$(BIN)/uv pip compile $(LOCKED) --extra batch-dev $(BY_HASH) --output-file requirements-batch.lock

LOCKED := setup.py --universal --python-version 3.10 --no-header --no-annotate
ALL := --extra checkout --extra train --extra dev
BY_HASH := --constraint constraints.txt --generate-hashes --no-strip-extras

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .coverage
