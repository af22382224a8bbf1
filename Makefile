# `make help` lists the targets. The first one that needs .venv makes it.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
# The lock names every file: nothing is resolved, and what has no wheel is built with the tools that are locked too.
LOCKED := $(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation
# Checks pages for barriers, in the browser tests only.
AXE := $(CURDIR)/.tools/node_modules/axe-core/axe.min.js

.PHONY: help setup demo up test test-deps faults mutants lint audit bench requirements

help: ## List these targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(INSTALLED) ## Make .venv with every package, and .venv/bin/safegrid

$(INSTALLED): requirements-build.txt requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "safegrid: Python 3.11 or newer is needed; name one with: make PYTHON=python3.12 ..." >&2; exit 1; }
	@echo "Installing into .venv; this takes a minute" >&2
	@$(PYTHON) -m venv .venv
	@$(LOCKED) --require-hashes -r requirements-build.txt >&2
	@$(LOCKED) --require-hashes -r requirements-dev.txt >&2
	@$(LOCKED) -e . >&2
	@$(BIN)/python -m pip check --disable-pip-version-check >&2
	@touch $@

demo: setup ## Run everything on made-up data, until Ctrl-C. PORT=8010; DATA=zip, CLIMBING=folder: real data; ONCE=1: stop after the jobs
	@$(BIN)/python -m tests.demo $(foreach path,$(DATA),--data $(path)) $(if $(CLIMBING),--climbing $(CLIMBING)) $(if $(ONCE),--once)

up: setup ## Run everything on the real police service, until Ctrl-C
	@$(BIN)/safegrid up

test: export PYTHONDONTWRITEBYTECODE := # where it is set, every process of the tests would compile all anew
test: setup ## Run all tests in random order, and name those skipped. SEED=1 repeats an order, ARGS="tests/web -k limits" selects some
	@TIMEFORMAT='%0R s of wall time, %0U + %0S s of CPU time (%P %%)'; seed=$${SEED:-$$RANDOM}; \
		time AXE_CORE=$(AXE) $(BIN)/python -m pytest -n auto --maxschedchunk 1 \
		--randomly-seed=$$seed --hypothesis-seed=$$seed $(ARGS)

test-deps: ## Install what some tests need: PostGIS, PgBouncer, nginx, promtool, Chromium and more (Debian, as root)
	@for package in postgresql-15-postgis-3 postgresql-15-pgrouting pgbouncer nginx-light iproute2 iptables prometheus chromium systemd; do \
		dpkg -s $$package >/dev/null 2>&1 || missing="$$missing $$package"; done; \
	command -v npm >/dev/null || missing="$$missing npm"; \
	if [ -n "$$missing" ]; then apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; fi; \
	case "$$missing" in *prometheus*) ! command -v systemctl >/dev/null || systemctl disable -q --now prometheus || true;; esac
	@test -f $(AXE) || npm install --silent --no-save --prefix .tools axe-core@4.14.1

faults: setup ## Disturb real processes N=200 times by SEED=1, and fail if a run is lost or done twice. SIMULATE=5000: simulated
	$(BIN)/python -m tests.faults --seed $(or $(SEED),1) $(if $(SIMULATE),--simulate $(SIMULATE),--disturbances $(or $(N),200))

mutants: setup ## Put MUTANTS=60 small faults into ledger, grid and risk by SEED=1, within MINUTES=60, and name those no test notices
	@$(BIN)/python -m tests.mutants --seed $(or $(SEED),1) --mutants $(or $(MUTANTS),60) --minutes $(or $(MINUTES),60) \
		$(if $(ONLY),--only $(ONLY))

lint: setup ## Check style, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

audit: setup ## Look for known vulnerabilities and for secrets. UNLESS_AWAY=1: do not fail if OSV cannot be reached
	@$(BIN)/python -m tests.audit $(if $(UNLESS_AWAY),--unless-away)

bench: setup ## Measure, and write docs/measurements.md. ONLY=name selects one; CHECK=1 fails if a goal is missed; PAGE=1: only write
	@$(BIN)/python -m bench $(if $(ONLY),--only $(ONLY)) $(if $(CHECK),--check) $(if $(PAGE),--page)

# A wheel for everything but crontab, which has none: so nobody's build tools are needed beside those that are locked.
LOCK := uv pip compile --quiet --generate-hashes --universal --no-strip-extras --python-version 3.11 --no-header \
	--only-binary :all: --no-binary crontab
BUILD_NEEDS := import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")

requirements: ## Compile the exact versions again (needs uv)
	$(PYTHON) -c '$(BUILD_NEEDS)' | $(LOCK) - -o requirements-build.txt
	$(LOCK) --extra archive --extra oidc pyproject.toml -o requirements.txt
	$(LOCK) -c requirements.txt --extra embedded --extra archive --extra parquet --extra pmtiles --extra oidc --extra bench --extra dev pyproject.toml -o requirements-dev.txt
