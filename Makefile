# Every target works on a bare machine with Python 3.11+: what it needs, it installs into .venv.
PYTHON ?= python3
BIN := .venv/bin
UV := $(shell command -v uv 2>/dev/null)
ROOMS := tui parsers gpu diagnosis
TERMINAL := tests/tui/test_pty.py tests/tui/test_pty_cli.py

ifdef UV
PIP := uv pip install --quiet --python $(BIN)/python
VENV := uv venv --quiet --allow-existing --python $(PYTHON) .venv
else
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
VENV := $(PYTHON) -m venv .venv
endif

.PHONY: demo test test-real check format bench-self clean

demo: .venv/installed
	@$(BIN)/traintop replay examples/tiny_gpt_cpu.log

# What drives a real terminal waits until it stands still, and has the machine to itself for that.
test: .venv/installed-dev
	@$(BIN)/python -m pytest -n auto --ignore=tests/real $(TERMINAL:%=--ignore=%)
	@$(BIN)/python -m pytest $(TERMINAL)

# What TensorBoard, Lightning, Hugging Face, W&B and MLflow themselves write, read back point for point.
test-real: .venv/installed-real
	@$(BIN)/python -m pytest -n auto tests/real

check: .venv/installed-dev
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/mypy tests benchmarks examples docs
	@$(BIN)/lint-imports --no-logo

format: .venv/installed-dev
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

.venv/installed: pyproject.toml
	@test -x $(BIN)/python || $(VENV)
	@$(PIP) --editable .
	@touch $@

.venv/installed-dev: .venv/installed
	@$(PIP) --editable ".[dev]"
	@touch $@

.venv/installed-real: .venv/installed-dev
	@$(PIP) --editable ".[dev,real]"
	@touch $@

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
