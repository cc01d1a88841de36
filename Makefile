# The two commands, and an example of wiring the tasks into a Makefile of one's own.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
SANDBOX := $(PYTHON) -m sandbox
# Tests at once: four on two cores met races of the engine that two do not.
WORKERS ?= 2
# What the engine and the registry of the sandbox want in the environment.
IN_SANDBOX := eval "$$($(SANDBOX) env)" &&

# What was tested, and no other file of that name: wheels alone, since what builds a package would be
# fetched without a hash. Our own build tool is in the lists too.
INSTALL    := $(BIN)/pip install --quiet --require-hashes --no-deps --only-binary :all:
INSTALL_US := $(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
# As pip does with a wheel: Invoke writes no bytecode, and each run would compile all that it imports.
COMPILE_US := $(BIN)/python -m compileall -q pipeline fly_image_pipeline
# Renovate reads these commands at the head of each list, and runs them too.
COMPILE := $(BIN)/uv pip compile --quiet

# What takes too long for every run: each has a sample in `make test`. CONTRIBUTING says what it is.
CAMPAIGNS := proof faults kills thousand
BENCHMARKS := bench-fingerprint bench-exists bench-promote bench-start

.PHONY: help demo demo-down test sandbox-up test-quick mutants lint fuzz audit requirements images deploy $(CAMPAIGNS) $(BENCHMARKS)
.DEFAULT_GOAL := help

help: ## Show what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'

demo: $(VENV)/.runtime ## Build, push and deploy the sample images on this machine, twice
	$(SANDBOX) up
	@$(IN_SANDBOX) $(BIN)/invoke build-all --profile local
	@$(IN_SANDBOX) $(BIN)/invoke deploy-all --profile local
	@echo; echo "Again, with nothing changed:"
	@$(IN_SANDBOX) $(BIN)/invoke build-all --profile local
	@$(SANDBOX) status
	@echo; echo "Stop it all with: make demo-down"

demo-down: ## Stop what the demo started, containers included
	-@$(IN_SANDBOX) $(BIN)/python -m pipeline.deploy.docker.down
	$(SANDBOX) down

test: $(VENV)/.dev ## Everything: lint, types, tests on a real engine and registry
	@$(MAKE) --no-print-directory --jobs=2 lint sandbox-up
	@$(IN_SANDBOX) $(BIN)/pytest -n $(WORKERS) --no-loadscope-reorder

sandbox-up:
	$(SANDBOX) up

test-quick: $(VENV)/.dev ## What needs neither engine nor registry
	$(BIN)/pytest -m "not engine and not registry" -n $(WORKERS)

mutants: $(VENV)/.dev ## Break the pure packages in many small ways: does test-quick notice each?
	@$(BIN)/python -m tests.mutants $(ARGS)

$(CAMPAIGNS): $(VENV)/.dev
	$(SANDBOX) up
	@$(IN_SANDBOX) $(BIN)/python -m tests.$@ $(ARGS)

$(BENCHMARKS): bench-%: $(VENV)/.dev
	$(SANDBOX) up
	@$(IN_SANDBOX) $(BIN)/python -m benchmarks.$*

lint: $(VENV)/.dev ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fuzz: $(VENV)/.tools ## Inputs that nobody wrote: ARGS="dockerfile --minutes 10", all targets without
	@$(BIN)/python -m tests.fuzz $(ARGS)

audit: $(VENV)/.tools ## Ask the public databases for known weaknesses of what is installed
	$(BIN)/pip-audit --strict --require-hashes --disable-pip --requirement requirements/dev.txt

requirements: $(VENV)/.tools ## Write requirements/*.txt anew; ARGS=--upgrade for newer versions
	$(COMPILE) $(ARGS) --output-file=requirements/dev.txt --extra=dev pyproject.toml requirements/build.in
	$(COMPILE) --constraints=requirements/dev.txt --output-file=requirements/run.txt pyproject.toml requirements/build.in
	$(COMPILE) $(ARGS) --constraints=requirements/dev.txt --output-file=requirements/tools.txt requirements/tools.in

images: ## Build and push what is missing: what your own Makefile would say
	$(BIN)/invoke build-all

deploy: images ## Deploy what does not run its image yet
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
