# Needs Python 3.11+ and make (and Node 20 for the tests that run generated code).
# Each target makes .venv from requirements/dev.txt first, when that is out of date; the tests, node_modules too.
# ARGS goes to pytest, tests.soak, benchmarks and the demo:  make test ARGS="-k parser"

PYTHON ?= python3
UV     ?= uv
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.stamp
LOCK   := requirements/dev.txt
LAMBDA_LOCK := policyengine/runtime/authorizer/requirements.txt
MODULES := node_modules/.stamp
ARGS   ?=

.DEFAULT_GOAL := help
.PHONY: help prove demo demo-keys demo-authorizer demo-resolvers test check soak golden bench lock clean

help:
	@echo "make demo    run examples/demo.py"
	@echo "make demo-keys  the documents for AWS, proved, and then broken in front of you"
	@echo "make demo-authorizer  the authorizer's function at work, in AWS's own runtime client"
	@echo "make demo-resolvers   rows, lists and a share between two organizations, on moto"
	@echo "make prove   prove what holds of all requests to Studio"
	@echo "make test    run the tests, without the soak tests"
	@echo "make check   formatting, lint, types, import contracts"
	@echo "make soak    run the long randomized tests"
	@echo "make golden  rewrite the files under tests/golden from what the code does now"
	@echo "make bench   run the benchmarks"
	@echo "make lock    remake $(LOCK) (needs uv; UPGRADE=1 takes the newest versions)"
	@echo "make clean   remove .venv, caches and build products"

demo: $(STAMP)
	@$(BIN)/python examples/demo.py $(ARGS)

prove: $(STAMP)
	@$(BIN)/python -m policyengine prove $(ARGS)

demo-keys: $(STAMP)
	@$(BIN)/python examples/demo_keys.py $(ARGS)

demo-authorizer: $(STAMP)
	@$(BIN)/python -m examples.demo_authorizer $(ARGS)

demo-resolvers: $(STAMP)
	@$(BIN)/python -m examples.demo_resolvers $(ARGS)

test: $(STAMP) $(MODULES)
	@$(BIN)/python -m pytest -n 2 -m "not soak" $(ARGS)

check: $(STAMP)
	@$(BIN)/python -m ruff format --quiet --check .
	@$(BIN)/python -m ruff check --quiet .
	@$(BIN)/python -m mypy --no-error-summary
	@out=$$($(BIN)/lint-imports --no-logo 2>&1) || { printf '%s\n' "$$out"; exit 1; }
	@echo "check: ok"

soak: $(STAMP) $(MODULES)
	@$(BIN)/python -m pytest -n 2 -m soak
	@$(BIN)/python -m tests.soak $(ARGS)
	@$(BIN)/python -m pytest -n 2 -m soak

golden: $(STAMP) $(MODULES)
	@POLICYENGINE_GOLDEN=1 $(BIN)/python -m pytest -n 0 -m "not soak" $(ARGS)

bench: $(STAMP)
	@$(BIN)/python -m benchmarks $(ARGS)

$(STAMP): $(LOCK) pyproject.toml
	@echo "setting up $(VENV)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r $(LOCK)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# Exact versions with hashes; nothing that a package brings along is run.
$(MODULES): package-lock.json
	@echo "setting up node_modules"
	@npm ci --ignore-scripts --no-audit --no-fund --silent
	@touch $@

# Pins already in the lock are kept as long as they satisfy pyproject.toml.
lock:
	@$(UV) pip compile pyproject.toml --quiet --extra prove --extra authorizer --extra dev \
		--universal --python-version 3.11 --generate-hashes --no-header \
		$(if $(UPGRADE),--upgrade) --output-file $(LOCK)
	@python3 -c 'import tomllib; print("\n".join(tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["authorizer"]))' \
		| $(UV) pip compile - --quiet --constraint $(LOCK) --no-annotate \
		--universal --python-version 3.11 --generate-hashes --no-header --output-file $(LAMBDA_LOCK)

clean:
	@rm -rf $(VENV) node_modules build dist *.egg-info .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@find . -name .git -prune -o -type d -name __pycache__ -prune -exec rm -rf {} +
