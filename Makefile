# The two commands of the README, and targets that call the tasks, as in your own Makefile.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
SANDBOX := $(PYTHON) -m sandbox
# Processes that run tests. On two cores, two of them use the engine: see tests/support/scheduler.py.
WORKERS ?= 4
# Sets the environment for the engine and the registry of the sandbox.
IN_SANDBOX := eval "$$($(SANDBOX) env)" &&

# The tested files only. Wheels only, because pip would download the build tools of a source package
# without checking a hash. The build tool of this package is in the lists, too.
INSTALL    := $(BIN)/pip install --quiet --require-hashes --no-deps --only-binary :all:
INSTALL_US := $(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
# As pip does for a wheel. Invoke writes no bytecode, so each run would compile every module again.
COMPILE_US := $(BIN)/python -m compileall -q pipeline fly_image_pipeline
# Where Python writes no bytecode, each process that runs tests would compile all of them.
unexport PYTHONDONTWRITEBYTECODE
# Renovate reads these commands at the top of each list, and runs them.
COMPILE := $(BIN)/uv pip compile --quiet

# Tests that take too long for every run; `make test` runs a sample of each. See CONTRIBUTING.md.
CAMPAIGNS := adopt builders docs-check proof faults kills thousand contract-registries contract-fly random-builds reasons
BENCHMARKS := bench-fingerprint bench-exists bench-promote bench-start bench-peers bench-records

.PHONY: help demo demo-down test sandbox-up test-quick mutants lint docs docs-reference fuzz audit requirements images deploy $(CAMPAIGNS) $(BENCHMARKS)
.DEFAULT_GOAL := help

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'

demo: $(VENV)/.runtime ## Build, push and deploy the sample images on this machine, twice
	$(SANDBOX) up
	@$(IN_SANDBOX) $(BIN)/invoke build-all --profile local
	@$(IN_SANDBOX) $(BIN)/invoke deploy-all --profile local
	@echo; echo "Again, with nothing changed:"
	@$(IN_SANDBOX) $(BIN)/invoke build-all --profile local
	@$(SANDBOX) status
	@echo; echo "Stop it all with: make demo-down"

demo-down: ## Stop everything that the demo started, also containers
	-@$(IN_SANDBOX) $(BIN)/python -m pipeline.deploy.docker.down
	$(SANDBOX) down

test: $(VENV)/.dev ## Run all checks: lint, types, tests with a real engine and registry
	@$(MAKE) --no-print-directory --jobs=2 lint sandbox-up
	@$(IN_SANDBOX) $(BIN)/pytest -n $(WORKERS) --no-loadscope-reorder

sandbox-up:
	$(SANDBOX) up

test-quick: $(VENV)/.dev ## Run the tests that need neither engine nor registry
	$(BIN)/pytest -m "not engine and not registry and not sample" -n $(WORKERS) --no-loadscope-reorder

mutants: $(VENV)/.dev ## Break the pure packages in many small ways: test-quick must notice each
	@$(BIN)/python -m tests.mutants $(ARGS)

$(CAMPAIGNS): $(VENV)/.dev
	$(SANDBOX) up
	@$(IN_SANDBOX) $(BIN)/python -m tests.$(subst -,_,$@) $(ARGS)

adopt: $(VENV)/.tools

random-builds: export BUILDKIT ?= newest

$(BENCHMARKS): bench-%: $(VENV)/.dev
	$(SANDBOX) up
	@$(IN_SANDBOX) $(BIN)/python -m benchmarks.$*

lint: $(VENV)/.dev ## Run ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fuzz: $(VENV)/.tools ## Run readers on generated input: all, or ARGS="dockerfile --minutes 10"
	@$(BIN)/python -m tests.fuzz $(ARGS)

docs: $(VENV)/.tools docs-reference ## Build the site of the documentation in build/site; a broken link is an error
	$(BIN)/zensical build --strict --clean

docs-reference: $(VENV)/.dev
	$(BIN)/python -m tests.docs_check.reference

audit: $(VENV)/.tools ## Look up known vulnerabilities of the installed packages
	$(BIN)/pip-audit --strict --require-hashes --disable-pip --requirement requirements/dev.txt

requirements: $(VENV)/.tools ## Update requirements/*.txt; ARGS=--upgrade for newer versions
	$(COMPILE) $(ARGS) --output-file=requirements/dev.txt --extra=dev pyproject.toml requirements/build.in
	$(COMPILE) --constraints=requirements/dev.txt --output-file=requirements/run.txt pyproject.toml requirements/build.in
	$(COMPILE) $(ARGS) --constraints=requirements/dev.txt --output-file=requirements/tools.txt requirements/tools.in

images: ## Build and push the missing images, as in your own Makefile
	$(BIN)/invoke build-all

deploy: images ## Deploy the apps that do not run their image
	$(BIN)/invoke deploy-all

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: pyproject.toml requirements/run.txt | $(VENV)/bin/python
	$(INSTALL) --requirement requirements/run.txt
	$(INSTALL_US)
	$(COMPILE_US)
	@touch $@

$(VENV)/.dev: pyproject.toml requirements/dev.txt | $(VENV)/bin/python
	$(INSTALL) --requirement requirements/dev.txt
	$(INSTALL_US)
	$(COMPILE_US)
	@touch $@ $(VENV)/.runtime

$(VENV)/.tools: requirements/tools.txt $(VENV)/.dev
	$(INSTALL) --requirement requirements/tools.txt
	@touch $@
