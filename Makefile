# ai_dataflow: make help
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Failed partitions are exit code 1, which is as it should be here.
ALONE = env -u DAGSTER_HOME -u AI_DATAFLOW_CONFIG
RUN = { echo; $(ALONE) $(BIN)/ai-dataflow run --config $@; code=$$?; [ $$code -eq 1 ] || exit $$code; } \
  && $(BIN)/python examples/closing.py $@

.PHONY: help setup setup-dev demo demo-azure ui docs services services-stop services-setup test test-all check chaos properties bench lock-peers pictures lint lock clean

help: ## what can be made
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.ready ## .venv with what the product needs; then .venv/bin/ai-dataflow is the command

# Each file of locked requirements has a mark in .venv. requirements-dev.txt has the others' in it, in
# the same versions; so either may come first.
$(VENV)/.ready: requirements.txt pyproject.toml
	@PYTHON="$(PYTHON)" tools/setup.sh requirements.txt

setup-dev: $(VENV)/.ready-dev ## the same and what the tests need: Spark, a browser's driver, ...

$(VENV)/.ready-dev: requirements-dev.txt pyproject.toml
	@PYTHON="$(PYTHON)" tools/setup.sh requirements-dev.txt

demo: setup ## generate a demo project in demo/ and run the main job on it
	@$(BIN)/python examples/generate.py demo
	@$(RUN)

demo-azure: setup-dev services-setup ## the same on Azurite and PostgreSQL, in demo-azure/; mails to an inbox page
	@$(BIN)/python -m ai_dataflow_tests.services up >/dev/null
	@. .services/run/environment; $(BIN)/python examples/generate_azure.py demo-azure && $(RUN)
	@. .services/run/environment; echo "The inbox page: $$MAIL_INBOX"
	@echo "Its keys are in the environment: . .services/run/environment. Stop the services: make services-stop"

ui: setup ## the demo in Dagster's web page: make ui, or make ui PORT=3001 (run `make demo` first)
	@$(ALONE) $(BIN)/python examples/open_ui.py demo $(PORT)

lint: setup-dev ## lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

services-setup: ## install what the tests' Azurite, PostgreSQL, maildev and browser need
	@ai_dataflow_tests/services/setup.sh

services: setup-dev services-setup ## Azurite, PostgreSQL and an inbox page in the background; tells how to use them
	@$(BIN)/python -m ai_dataflow_tests.services up

services-stop: ## stop them
	@[ ! -x $(BIN)/python ] || $(BIN)/python -m ai_dataflow_tests.services down

# Four at once: half of the time tests wait, for servers that are gone or processes that rest, and the
# two cores with them. Tests start Python a few hundred times: without bytecode each start would
# compile the product anew.
TESTS = env -u PYTHONDONTWRITEBYTECODE $(BIN)/pytest
test: lint services-setup ## everything that CI checks, about 15 minutes on two cores
	$(TESTS) -n 4 --dist loadgroup

test-all: lint services-setup ## the same and what is one more of a kind (ai_dataflow_tests/further.py)
	AI_DATAFLOW_ALL_TESTS=1 $(TESTS) -n 4 --dist loadgroup

check: lint ## lint, types and the tests that need no server, under 3 minutes: while you work
	$(TESTS) -n 2 --dist loadgroup -m "not slow"

chaos: N ?= 1000
chaos: setup-dev services-setup ## kill runs N=1000 times or more, stop and kill them at every call; tables
	$(BIN)/python -m ai_dataflow_tests.chaos $(N)
	$(BIN)/python -m ai_dataflow_tests.paused

properties: N ?= 10000
properties: setup-dev ## random partitions, sheets and transforms against oracles, many: make properties N=10000
	AI_DATAFLOW_EXAMPLES=$(N) $(BIN)/pytest -n 2 --timeout 0 \
	  ai_dataflow_tests/partition/test_properties.py ai_dataflow_tests/runs/test_run_properties.py \
	  ai_dataflow_tests/compiler/test_differences.py ai_dataflow_tests/compiler/test_plain_casts.py \
	  ai_dataflow_tests/chaos/test_killed_recasts.py ai_dataflow_tests/partition/test_together.py \
	  ai_dataflow_tests/partition/test_client_splits.py ai_dataflow_tests/partition/test_merge.py \
	  ai_dataflow_tests/partition/test_profiling.py ai_dataflow_tests/partition/test_many_rows.py \
	  ai_dataflow_tests/runs/oracle

bench: setup-dev services-setup ## measure all cases and peers, half an hour to an hour; tables, a plot, bench/results.json
	$(BIN)/python -u -m bench

lock-peers: ## compile the environments of the bench's peers anew
	for name in scripts dbt sqlmesh contracts; do $(COMPILE) --upgrade bench/peers/environments/$$name.in \
	  -o bench/peers/environments/$$name.txt || exit 1; done

docs: .docs/.ready ## build the documentation in site/, to be read in a browser; looks for dead links
	@.docs/bin/python -m ai_dataflow_tests.docs.site

.docs/.ready: requirements-docs.txt ai_dataflow_tests/docs/mermaid.py
	$(PYTHON) -m venv .docs
	.docs/bin/pip install -q -q --disable-pip-version-check --require-hashes -r requirements-docs.txt
	@.docs/bin/python -m ai_dataflow_tests.docs.mermaid
	@touch $@

pictures: setup-dev services-setup ## take the docs' pictures of Dagster's pages anew
	$(BIN)/python -m ai_dataflow_tests.ui

COMPILE = uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
  --no-emit-find-links --no-header --no-annotate --no-strip-extras --quiet
# All but databricks, which holds the same files as spark.
LOCKED = ui azure mssql postgresql spark openlineage kafka mlflow
lock: ## compile the locked requirements anew from pyproject.toml; users' have developers' versions
	$(COMPILE) --upgrade pyproject.toml $(addprefix --extra ,$(LOCKED)) --group dev -o requirements-dev.txt
	$(COMPILE) pyproject.toml --extra ui --group build -c requirements-dev.txt -o requirements.txt
	$(COMPILE) --upgrade --group docs -o requirements-docs.txt

clean: services-stop ## remove what was made
	rm -rf $(VENV) .services .bench .docs site demo demo-azure dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
