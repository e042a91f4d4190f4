# `make` lists the targets. The first one used creates .venv and installs into it what constraints.txt names;
# a stamp file keeps later runs from installing again until pyproject.toml or constraints.txt changes.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
UV := $(shell command -v uv 2>/dev/null)
VENV ?= .venv
BIN := $(VENV)/bin
PYTEST_ARGS ?=
CONTAINER ?= $(shell command -v docker 2>/dev/null || command -v podman 2>/dev/null)
IMAGE_ARGS ?=
WORKERS ?= auto

.DEFAULT_GOAL := help
.PHONY: help setup nets image demo test check docs notebook package bench tools clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: $(VENV)/.installed  ## create .venv and install Vesalius and its tools into it

nets: $(VENV)/.nets  ## add torch and everything that models need to .venv

image:  ## build the container image `vesalius` for the CPU, where docker or podman is; IMAGE_ARGS goes to its build
	@test -n "$(CONTAINER)" || { echo "neither docker nor podman is here; install one of them" >&2; exit 2; }
	$(CONTAINER) build -t vesalius $(IMAGE_ARGS) .

demo: setup  ## compress real scans that come with the dependencies; writes demo/report.html
	$(BIN)/vesalius demo -o demo --force

test: $(VENV)/.nets  ## run the tests (all but those marked slow or gpu); VESALIUS_DATA names the real data, if there is any
	$(BIN)/python -m pytest -n $(WORKERS) --maxprocesses 8 --dist worksteal $(PYTEST_ARGS)

check: $(VENV)/.nets  ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

docs: setup  ## build the documentation into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

notebook: $(VENV)/.nets  ## run the notebooks in docs/notebooks again and keep their outputs
	$(BIN)/python docs/make_notebook.py

package: setup  ## build the wheel into dist/
	rm -rf dist
ifneq ($(UV),)
	uv build --quiet --wheel --python $(BIN)/python --out-dir dist .
else
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist .
endif

BENCHES := first_use manifest_scale loading codec auto detect

bench: $(VENV)/.nets  ## run the benchmarks that need no arguments; the others in bench/ train models
	@set -e; for name in $(BENCHES); do echo "== bench/$$name.py"; $(BIN)/python "bench/$$name.py"; done

tools:  ## install dcmdump and chromium, which a few tests use and skip without (needs root and apt-get)
	@{ command -v dcmdump && command -v chromium; } > /dev/null || { apt-get update -qq && \
		DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends dcmtk chromium; }

clean:  ## remove everything that make made
	rm -rf $(VENV) build demo dist site .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/.nets: $(VENV)/.installed  # torch is large; the demo does not need it
	@echo "installing torch and what nets need into $(VENV)"
ifneq ($(UV),)
	uv pip install --quiet --python $(BIN)/python -c constraints.txt -e '.[dev,nets,diffusion,text,app,features,onnx,dicom,search,project]'
else
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,nets,diffusion,text,app,features,onnx,dicom,search,project]'
endif
	@touch $@

$(VENV)/.created:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; name it with: make PYTHON=/path/to/python" >&2; exit 2; }
	rm -rf $(VENV)
ifneq ($(UV),)
	uv venv --quiet --python $(PYTHON) $(VENV)
else
	$(PYTHON) -m venv $(VENV)
endif
	@touch $@

$(VENV)/.installed: $(VENV)/.created pyproject.toml constraints.txt
	@echo "installing into $(VENV)"
ifneq ($(UV),)
	uv pip install --quiet --python $(BIN)/python -c constraints.txt -e '.[dev]'
else
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
endif
	@touch $@
