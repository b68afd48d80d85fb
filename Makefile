# cascade-monitor. Every target uses the environment that `make install` makes in .venv.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCK := deploy/requirements-dev.txt
STAMP := $(VENV)/.installed
DEPLOY_LOCK := deploy/requirements-deploy.txt
DEPLOY_STAMP := $(VENV)/.installed-deploy
# What `make test-deploy` installs, as root, on Debian 12.
DEBIAN := aardvark-dns buildah chromium dbus debootstrap fonts-dejavu-core fuse-overlayfs iptables \
  netavark podman prometheus prometheus-alertmanager runc systemd systemd-container uidmap
# A command starts in two thirds of the time where its modules are kept compiled, and tests start
# hundreds. Images and editors like to forbid that.
unexport PYTHONDONTWRITEBYTECODE
DEVNET := PYTHONPATH=deploy:tests $(BIN)/python -m
SEED ?= $(shell date +%s)
ACTIONS ?= 400
# Tests of the whole wait for blocks more than they compute. A file runs in one worker: the longest
# begin first, or one of them is run alone at the end.
WORKERS ?= 3
LONGEST := $(patsubst %,tests/chain/test_%.py,fuzz fidelity store_commands torture store_outages bad_input loops)
SOAK_SECONDS ?= 300
KILLS ?= 20
WORLDS ?= 2
# Unless told, the seed decides whether two daemons share a Redis.
PAIR_FLAG = $(if $(PAIR),$(if $(filter 0,$(PAIR)),--no-pair,--pair))

.PHONY: pictures dashboards options recordings help install redis devnet demo test test-deploy debian gate lint types format bench fuzz torture loops fidelity hysteresis clean lock

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) ## the environment in .venv, from hashed locks

$(STAMP): $(LOCK) pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "cascade-monitor needs Python >= 3.11; $(PYTHON) is $$($(PYTHON) --version)." \
	    "Name another with PYTHON=..."; exit 69; }
	@echo "installing the Python environment (about a minute) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(LOCK)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
	  --no-build-isolation --editable .
	@touch $@

redis: install
	@$(BIN)/python -c 'from monitor.store.server_binary import find_server; find_server(0)' || \
	  { echo "no redis-server here: PyPI has one for Python 3.11 and 3.12 on x86-64 Linux only." \
	    "Install Redis >= 6.2, or name such a Python with PYTHON=..."; exit 69; }

devnet: redis ## the local chain: anvil and real contracts, compiled once
	@$(DEVNET) devnet.install

demo: devnet ## a market crash on real contracts, and the alert before it
	@$(DEVNET) devnet.demo

test: devnet ## everything: lint, types, unit, property, real Redis, real anvil
	@$(MAKE) --no-print-directory lint types
	@$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder \
	  $(LONGEST) tests/chain tests --ignore=tests/deploy --ignore=tests/browser

test-deploy: devnet $(DEPLOY_STAMP) debian ## unit, image, rules, dashboards, page: as root, on Debian 12
	@$(BIN)/python -m pytest --numprocesses 2 --dist loadfile tests/deploy
	@$(BIN)/python -m pytest tests/browser

$(DEPLOY_STAMP): $(STAMP) $(DEPLOY_LOCK)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes \
	  -r $(DEPLOY_LOCK)
	@touch $@

pictures: devnet $(DEPLOY_STAMP) debian ## the page as it trips, in Chromium, to deploy/pictures
	@$(DEVNET) picturing

dashboards: $(DEPLOY_STAMP) ## the Grafana dashboards, from deploy/grafana
	@PYTHONPATH=deploy $(BIN)/python -m grafana.build

debian:
	@found=$$(dpkg-query --show --showformat '$${db:Status-Status}\n' $(DEBIAN) 2>/dev/null) && \
	  [ "$$(sort -u <<<"$$found")" = installed ] || { \
	  [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null || { \
	    echo "make test-deploy installs Debian packages: run it as root on Debian 12, or install" \
	      "them first: $(DEBIAN)"; exit 69; }; \
	  echo "installing Debian packages (about a minute) ..."; \
	  export DEBIAN_FRONTEND=noninteractive; \
	  apt-get -qq update && apt-get -o DPkg::Lock::Timeout=180 -qq --yes \
	    --no-install-recommends install $(DEBIAN) >/dev/null; }

gate: install ## the fast part, without chain or Redis: < 30 s
	@$(MAKE) --no-print-directory lint types
	@$(BIN)/python -m pytest -q tests/unit tests/property tests/architecture tests/golden

lint: install ## ruff
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: install ## mypy --strict
	@$(BIN)/mypy

format: install ## ruff, writing
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

torture: devnet ## kill -9, reorganisations and faults at random points: KILLS=n SEED=s PAIR=0|1
	@$(DEVNET) torture --kills $(KILLS) --seed $(SEED) $(PAIR_FLAG)

fuzz: devnet ## random real actions against the contracts' views: ACTIONS=n SEED=s FLAGS=--no-shrink
	@$(DEVNET) fuzz --actions $(ACTIONS) --seed $(SEED) $(FLAGS)

loops: devnet ## labelled loops and decoys on real contracts: WORLDS=n SEED=s
	@$(DEVNET) loops --worlds $(WORLDS) --seed $(SEED)

fidelity: devnet ## cascades projected, then played for real, in random worlds: WORLDS=n SEED=s
	@$(DEVNET) fidelity --worlds $(WORLDS) --seed $(SEED) $(FLAGS)

recordings: devnet ## what the demo's world answers in a crash, a flash crash and a depeg, as files
	@$(DEVNET) devnet.recordings

hysteresis: install ## the shipped breakers under every round of two feeds (needs CASCADE_MONITOR_DATA)
	@$(DEVNET) hysteresis

bench: devnet ## what the daemon costs, beside plain ways to do the same: SOAK_SECONDS=n
	@$(DEVNET) benchmarks --soak-seconds $(SOAK_SECONDS)

options: install ## deploy/OPTIONS.md, from the settings
	@$(BIN)/python -m monitor.option_table > deploy/OPTIONS.md

lock: install ## renew the hashed locks from pyproject.toml
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==0.13.8
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate \
	  --python-version 3.11 --extra embedded -o deploy/requirements.txt pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate \
	  --python-version 3.11 --extra embedded --extra dev --group build \
	  -o deploy/requirements-dev.txt pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate \
	  --python-version 3.11 --group build -c deploy/requirements-dev.txt \
	  -o deploy/requirements-build.txt
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate \
	  --python-version 3.11 --extra embedded --extra dev --group build --group deploy \
	  -c deploy/requirements-dev.txt -o deploy/requirements-deploy.txt pyproject.toml

clean: ## remove what was installed and cached here
	rm -rf $(VENV) deploy/devnet/.cache tests/deploy/.cache .mypy_cache .ruff_cache .pytest_cache .hypothesis dist
