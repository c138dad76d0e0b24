# Two targets do everything on a fresh machine: `make fly` (the main job) and `make test`.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: fly test setup check validate bench bench-peers clean

fly: setup
	$(BIN)/perilune fly resilience

test: setup
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

validate: setup
	$(BIN)/python -m validation

bench: setup
	$(BIN)/python -m benchmarks

# Beside Basilisk, which lives in an environment of its own: make bench-peers PEER_PYTHON=/path/to/its/python
bench-peers: setup
	$(BIN)/python -m benchmarks.peers $(if $(PEER_PYTHON),--peer-python $(PEER_PYTHON))

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[dev]"
	touch $(STAMP)

clean:
	rm -rf .venv out build *.egg-info
