# ai_dataflow: make help
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Failed partitions are exit code 1, which is as it should be here.
RUN = { env -u DAGSTER_HOME -u AI_DATAFLOW_CONFIG ../$(BIN)/ai-dataflow run; code=$$?; [ $$code -eq 1 ] || exit $$code; \
  echo; echo "Some partitions failed, as they should: the demo's data has defects on purpose."; \
  echo "The mails about it:"; echo; env -u DAGSTER_HOME -u AI_DATAFLOW_CONFIG ../$(BIN)/ai-dataflow notify status; }

.PHONY: help setup demo demo-azure ui services services-stop services-setup test check chaos properties bench lock-peers pictures lint lock clean

help: ## what can be made
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.ready ## .venv with the locked dependencies; then .venv/bin/ai-dataflow is the command

$(VENV)/.ready: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed: make setup PYTHON=python3.12"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q -q --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: setup ## generate a demo project in demo/ and run the main job on it
	@$(BIN)/python examples/generate.py demo
	@cd demo && $(RUN)

demo-azure: setup services-setup ## the same on Azurite and PostgreSQL, in demo-azure/; mails to an inbox page
	@$(BIN)/python -m ai_dataflow_tests.services up >/dev/null
	@. .services/run/environment; $(BIN)/python examples/generate_azure.py demo-azure && cd demo-azure && $(RUN)
	@. .services/run/environment; echo "The inbox page: $$MAIL_INBOX"
	@echo "Its keys are in the environment: . .services/run/environment. Stop the services: make services-stop"

ui: setup ## the Dagster UI on the demo project (run `make demo` first)
	cd demo && DAGSTER_HOME="$$PWD/.dagster" AI_DATAFLOW_CONFIG="$$PWD" ../$(BIN)/dagster dev -m ai_dataflow.definitions

lint: setup ## lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

services-setup: ## install what the tests' Azurite, PostgreSQL, maildev and browser need
	@ai_dataflow_tests/services/setup.sh

services: setup services-setup ## Azurite, PostgreSQL and an inbox page in the background; tells how to use them
	@$(BIN)/python -m ai_dataflow_tests.services up

services-stop: ## stop them
	@[ ! -x $(BIN)/python ] || $(BIN)/python -m ai_dataflow_tests.services down

test: lint services-setup ## everything that CI checks, about 10 minutes on two cores
	$(BIN)/pytest -n 2 --dist loadgroup

check: lint ## lint, types and the tests that need no server, under 3 minutes: while you work
	$(BIN)/pytest -n 2 --dist loadgroup -m "not slow"

chaos: N ?= 1000
chaos: setup services-setup ## kill runs N=1000 times or more, stop and kill them at every call; tables
	$(BIN)/python -m ai_dataflow_tests.chaos $(N)
	$(BIN)/python -m ai_dataflow_tests.paused

properties: N ?= 10000
properties: setup ## random partitions and transforms against oracles, many: make properties N=10000
	AI_DATAFLOW_EXAMPLES=$(N) $(BIN)/pytest -n 2 --timeout 0 \
	  ai_dataflow_tests/partition/test_properties.py ai_dataflow_tests/runs/test_run_properties.py \
	  ai_dataflow_tests/compiler/test_differences.py ai_dataflow_tests/compiler/test_plain_casts.py \
	  ai_dataflow_tests/chaos/test_killed_recasts.py ai_dataflow_tests/partition/test_together.py \
	  ai_dataflow_tests/runs/oracle

bench: setup services-setup ## measure all cases and peers, about two hours; tables, bench/results.json
	$(BIN)/python -m bench

lock-peers: ## compile the environments of the bench's peers anew
	for name in scripts dbt sqlmesh; do $(COMPILE) bench/peers/environments/$$name.in \
	  -o bench/peers/environments/$$name.txt || exit 1; done

pictures: setup services-setup ## take the docs' pictures of Dagster's pages anew
	$(BIN)/python -m ai_dataflow_tests.ui

COMPILE = uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
  --no-emit-find-links --no-header --no-annotate --no-strip-extras --upgrade --quiet
# All but databricks, which holds the same files as spark.
LOCKED = ui azure mssql postgresql spark
lock: ## compile requirements.txt anew from pyproject.toml
	$(COMPILE) pyproject.toml $(addprefix --extra ,$(LOCKED)) --group dev -o requirements.txt

clean: services-stop ## remove what was made
	rm -rf $(VENV) .services .bench demo demo-azure dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
