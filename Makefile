# make run     set everything up, open the window
# make test    set everything up, then ruff, mypy and pytest
# make setup   only set up
# make lint    only ruff and mypy
# PYTHON=/path/to/python chooses the Python that .venv is made with.

PYTHON ?=
export PYTHON

.PHONY: run test setup lint

run:
	@sh scripts/setup.sh --window
	@.venv/bin/python main.py

test: lint
	@.venv/bin/python -m pytest -q

setup:
	@sh scripts/setup.sh

lint: setup
	@.venv/bin/ruff check .
	@.venv/bin/mypy
