# make demo: see it work. make test: everything CI checks. Both set up what they need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: setup demo test lint unit bench docs lock browser spark titles clean

setup: $(STAMP)

$(STAMP): requirements/lock.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; name one with make PYTHON=/path/to/python3")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@bash requirements/install.sh $(BIN)/python
	@$(BIN)/python -m pip install --disable-pip-version-check -q --no-deps --no-build-isolation -e .
	@touch $@

demo: setup
	$(BIN)/cw demo $(DEMO)

browser:
	@bash tests/browser/install.sh

spark: $(VENV)/.spark

# Half a gigabyte that nothing needs but `cw examples --spark`: not part of the setup.
$(VENV)/.spark: $(STAMP) requirements/spark.txt
	@bash requirements/install.sh $(BIN)/python spark.txt
	@touch $@

titles: $(VENV)/.titles

# Half a gigabyte for those who train and study title vectors (`cw titles`): not part of the setup.
$(VENV)/.titles: $(STAMP) requirements/titles.txt
	@bash requirements/install.sh $(BIN)/python titles.txt
	@touch $@

lint: setup
	$(BIN)/ruff check .
	$(BIN)/mypy

unit: setup
	$(BIN)/python -m pytest tests/unit tests/contract

test: setup browser spark titles lint
	$(BIN)/python -m pytest tests -n 2 --dist loadfile --no-loadscope-reorder

bench: setup
	PYTHONPATH=tests:tests/support $(BIN)/python -m bench.run $(BENCH)

docs: setup
	$(BIN)/python -m streams.metrics_docs > docs/metrics.md
	$(BIN)/python -m streams.features.page > docs/features.md
	$(BIN)/python docs/tree.py

lock:
	@$(PYTHON) -m venv $(VENV)-lock && $(VENV)-lock/bin/pip install -q uv
	$(VENV)-lock/bin/uv pip compile pyproject.toml requirements/build.in --extra train --extra dev --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header --no-annotate -q -o requirements/lock.txt
	$(VENV)-lock/bin/uv pip compile pyproject.toml --extra spark -c requirements/lock.txt --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header --no-annotate -q -o requirements/spark.txt
	$(VENV)-lock/bin/uv pip compile pyproject.toml --extra titles -c requirements/lock.txt --override requirements/titles.overrides \
	  --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate -q -o requirements/titles.txt
	rm -rf $(VENV)-lock

clean:
	rm -rf $(VENV) .cw build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
