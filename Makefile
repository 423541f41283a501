# Two commands: `make demo` (install, do the main job) and `make test` (install, pass the tests).
# Everything lives in $(VENV); each target can be run again and does only what is missing.

VENV   ?= .venv
JOBS   ?= 2
MINUTES ?= 2
SEED   ?= 0
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
BIN    := $(VENV)/bin
SAY    := @printf '\n\033[1m== %s\033[0m\n'
# uv installs where it is there, pip elsewhere; both hold every file to the hash in the lock.
UV     ?= $(shell command -v uv)
INSTALL = @UV="$(UV)" $(BIN)/python requirements/install.py $(VENV)
OURS    = @$(if $(UV),$(UV) pip install --quiet --python $(BIN)/python,$(BIN)/python -m pip install --disable-pip-version-check --quiet) --no-deps --editable .

.PHONY: help demo test test-wheel dist picture test-slow test-parity stress test-gpu lint format check site serve selftest bench lighthouse catalog lock clean container apptainer FORCE
.DEFAULT_GOAL := help

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sort | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

demo: $(VENV)/.reproduce ## install everything, check the registry, run the self-test, build README tables and site
	$(SAY) "1/3  checking the registry: a few seconds (sam4mis check)"
	$(BIN)/sam4mis check
	$(SAY) "2/3  the offline self-test of the harness, half a minute: download, load, prompt, score, verdict (sam4mis reproduce selftest)"
	$(BIN)/sam4mis reproduce selftest
	$(SAY) "3/3  writing README tables and the website, half a minute (sam4mis build)"
	$(BIN)/sam4mis build
	@printf '\n\033[1mDone. What there is to look at:\033[0m\n'
	@printf '  the website        %s/sam4mis serve      opens on this machine; the files are in build/site\n' "$(BIN)"
	@printf '  a checked number   %s/sam4mis reproduce show lwnet\n' "$(BIN)"
	@printf '  why numbers differ %s/sam4mis reproduce explain lwnet/validation-dice\n' "$(BIN)"
	@printf '  find a method      %s/sam4mis search medsam\n' "$(BIN)"
	@printf '  add your paper     %s/sam4mis add - --dry-run   paste BibTeX or RIS, then Ctrl-D\n\n' "$(BIN)"

test: $(VENV)/.dev ## install everything with the test tools and pass the tests
	$(SAY) "running the tests: 5 to 10 minutes on two cores; what was skipped, and why, stands at the end"
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder --durations=20

test-wheel: $(VENV)/.dev ## build source distribution and wheel, install and use them in an empty folder
	$(BIN)/python -m pytest -m "slow or not slow" tests/test_package.py

dist: $(VENV)/.dev ## source distribution and wheel, with their sha256, into dist/
	rm -rf dist
	$(BIN)/python -m hatchling build
	cd dist && $(abspath $(BIN))/python -c 'import hashlib, pathlib; [print(hashlib.sha256(f.read_bytes()).hexdigest(), "", f.name) for f in sorted(pathlib.Path(".").glob("sam4mis-*"))]' > SHA256SUMS

picture: $(VENV)/.catalog ## take the picture of the README again (needs chromium)
	$(BIN)/sam4mis build
	$(BIN)/python site/picture.py

test-slow: $(VENV)/.dev ## the tests that take longer than the suite's budget
	$(BIN)/python -m pytest -m slow --timeout 3600 --durations=10

test-parity: $(VENV)/.dev ## adapters at full size against the authors' code (SAM4MIS_PEERS) or recorded probes of it
	$(BIN)/python -m pytest -m parity --timeout 3600 --durations=10

stress: $(VENV)/.dev ## attack it for a while: make stress MINUTES=10 SEED=1 (each prints tried, held, broke)
	$(BIN)/python -m tests.stress all --seed $(SEED) --minutes $(MINUTES)

test-gpu: $(VENV)/.dev ## the tests that need a CUDA device
	$(BIN)/python -m pytest -m gpu --timeout 1800

lint: $(VENV)/.dev ## ruff and strict types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.dev ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

check: $(VENV)/.catalog ## check the registry and everything generated from it
	$(BIN)/sam4mis check
	$(BIN)/sam4mis build --check

site: $(VENV)/.catalog ## build the website into build/site
	$(BIN)/sam4mis build

serve: $(VENV)/.catalog ## build the website and serve it on this machine
	$(BIN)/sam4mis serve

selftest: $(VENV)/.reproduce ## the offline self-test of the harness
	$(BIN)/sam4mis reproduce selftest

bench: $(VENV)/.dev ## measure against peers in the same run; a table with medians and ratios
	$(BIN)/python -m benchmarks

lighthouse: $(VENV)/.dev ## Lighthouse over the built site (needs node and chromium)
	$(BIN)/python -m benchmarks.lighthouse

catalog: $(VENV)/.catalog ## install the catalog alone (no torch)

$(BIN)/python:
	$(SAY) "creating $(VENV) with $(PYTHON)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "sam4mis needs Python 3.11 or later, $(PYTHON) is older; try: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 3; }
	$(PYTHON) -m venv $(VENV)

# Each lock holds the ones above it; a stamp says what is installed already.
$(VENV)/.catalog: requirements/catalog.lock pyproject.toml | $(BIN)/python
	$(SAY) "installing the catalog: under a minute (requirements/catalog.lock)"
	$(INSTALL) $<
	$(OURS)
	@touch $@

$(VENV)/.reproduce: requirements/reproduce.lock pyproject.toml | $(BIN)/python
	$(SAY) "installing the catalog and the harness: torch is large, some 5 GB; $(TAKES) (requirements/reproduce.lock)"
	$(INSTALL) $<
	$(OURS)
	@touch $@ $(VENV)/.catalog

$(VENV)/.dev: requirements/dev.lock pyproject.toml | $(BIN)/python
	$(SAY) "installing everything and the test tools: torch is large, some 5 GB; $(TAKES) (requirements/dev.lock)"
	$(INSTALL) $<
	$(OURS)
	@touch $@ $(VENV)/.reproduce $(VENV)/.catalog

# Measured on two cores: uv 61 s the first time and 13 s from its cache, pip 7 to 10 minutes beside other work.
, := ,
TAKES = $(if $(UV),a minute or two$(,) seconds from a cache,some minutes with pip (with uv about one))

COMPILE  = $(or $(UV),uv) pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --quiet

lock: ## write the lock files again (needs uv)
	$(COMPILE) --extra reproduce --group dev -o requirements/dev.lock
	$(COMPILE) --extra reproduce -c requirements/dev.lock -o requirements/reproduce.lock
	$(COMPILE) -c requirements/dev.lock -o requirements/catalog.lock

# Images are built from a clone of the last commit, so that a result names the commit it came from.
BUILDER ?= $(firstword $(foreach program,docker podman buildah,$(if $(shell command -v $(program)),$(program))))
BASE    ?= docker.io/library/python:3.11-slim-bookworm
IMAGE    = build/image

$(IMAGE): FORCE
	rm -rf $@
	git clone --quiet --depth 1 "file://$(CURDIR)" $@

FORCE:

container: $(IMAGE) ## build the container image sam4mis (docker, podman or buildah: BUILDER=...)
	@[ -n "$(BUILDER)" ] || { echo "no docker, podman or buildah here: install one, or name yours with BUILDER=..."; exit 3; }
	$(BUILDER) build $(BUILD_OPTIONS) --build-arg BASE=$(BASE) --tag sam4mis $(IMAGE)

apptainer: $(IMAGE) ## build build/sam4mis.sif for a cluster (needs apptainer)
	@command -v apptainer >/dev/null || { echo "no apptainer here: build it where there is one, or make container"; exit 3; }
	cd $(IMAGE) && apptainer build --force $(CURDIR)/build/sam4mis.sif Apptainer.def

clean: ## remove what was built (not the environment)
	rm -rf build .pytest_cache .mypy_cache .ruff_cache .hypothesis
