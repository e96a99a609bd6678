# `make demo` does the main job, `make test` checks everything; each sets up .venv first, once.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test test-all lint format lock clean

demo: $(READY)
	@$(BIN)/python tools/demo.py $(DEMO_ARGS)

# Each test in one process, two at a time; torch is held to one thread in each, see tests/conftest.py.
test: $(READY) lint
	@$(BIN)/python -m pytest -q -n 2 --dist loadgroup -m "not slow and not gpu"

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

$(READY): setup.py constraints.txt tools/install_detectron2.py requirements-detectron2.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python %d.%d found, 3.10 or newer expected; try: make PYTHON=python3.11" % sys.version_info[:2])'
	@echo "setting up $(VENV): a few minutes and about 6 GB, once"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt setuptools
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --no-build-isolation -e '.[detectron2,dev]'
	$(BIN)/python tools/install_detectron2.py
	@touch $@

# Choose new versions for constraints.txt, for all Python versions and systems at once.
lock: $(READY)
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile setup.py --extra detectron2 --extra dev --universal --python-version 3.10 --no-header --no-annotate \
		--constraint constraints.in --output-file constraints.txt

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
