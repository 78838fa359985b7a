# Needs Python >= 3.11 and make. Each target installs its requirements once.
#   make demo    execute the quickstart notebook without a key, and print where to find the result
#   make test    all quick tests        make soak    long-running measurements
#   make lint    make types    make bench    make picture

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
VENV ?= .venv
PY := $(VENV)/bin/python
# Two sets of requirements in one environment: for running notebooks, and for tests and checks.
RUN := $(VENV)/.installed-to-run
STAMP := $(VENV)/.installed-to-test
# Without bytecode: most installed modules are never imported, and the others are compiled on import.
INSTALL := $(PY) -m pip install --quiet --disable-pip-version-check --no-compile --editable
# The scripts of skills are the exception: each command starts them again, and commands write no bytecode.
COMPILE := $(PY) -m compileall -q conjure_magic/skills/bundled
# If it is set, each process compiles again every module that has no bytecode.
unexport PYTHONDONTWRITEBYTECODE
# axe-core for the browser tests, installed if npm is available; otherwise they skip with a reason.
AXE := node_modules/axe-core/axe.min.js
NPM := $(shell command -v npm 2>/dev/null)
# Two workers even on one core: browser and kernel tests mostly wait. Each file runs in one worker, so that its kernel,
# server or browser starts once; the order is kept, so that the slow files do not come last.
WORKERS ?= 2
PYTEST := $(PY) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder
ARGS ?=

.PHONY: setup demo test unit soak lint types format bench picture clean
.DEFAULT_GOAL := test

setup: $(STAMP)

$(PY):
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is required, and none was found on PATH."; exit 1; }
	$(PYTHON) -m venv $(VENV) || { echo "Cannot create a virtual environment. On Debian: apt-get install python3-venv."; exit 1; }

SOURCES := pyproject.toml $(wildcard jupyter-config/*)
$(RUN): $(SOURCES) | $(PY)
	$(INSTALL) '.[lab]'
	$(COMPILE)
	@touch $@

$(STAMP): $(SOURCES) | $(PY)
	$(INSTALL) '.[test,lint]'
	$(COMPILE)
	@touch $@ $(RUN)

# axe-core is a single file without dependencies that PyPI does not offer; without npm it is left out.
$(AXE):
	@$(if $(NPM),$(NPM) install --silent --no-save --no-package-lock --no-audit --no-fund axe-core@4 || echo "axe-core was not installed; its tests will be skipped.",:)

demo: $(RUN)
	$(PY) tools/demo.py

test: $(STAMP) $(AXE)
	$(PYTEST) -m "not soak" $(ARGS)

# Tests that need neither a browser nor a Docker engine; these run on every Python version.
unit: $(STAMP)
	$(PYTEST) -m "not soak and not browser and not docker" $(ARGS)

soak: $(STAMP) $(AXE)
	$(PY) -m pytest -m soak --timeout 3600 $(ARGS)
	PYTHONPATH=. $(PY) benchmarks/output_memory.py --soak

lint: $(STAMP)
	$(PY) -m ruff check
	$(PY) -m ruff format --check

format: $(STAMP)
	$(PY) -m ruff check --fix
	$(PY) -m ruff format

types: $(STAMP)
	$(PY) -m mypy
	cd conjure_magic/skills/bundled/log-analyzer/scripts && $(abspath $(PY)) -m mypy --strict .

# Ratios within one run; each file says what it measures. drain3 and polars are measured too, if installed.
BENCHMARKS ?= load_ext skill_discovery live_bytes output_memory rounds streaming concurrent_turns backend_calls \
	log_analyzer_scores
bench: $(STAMP)
	$(INSTALL) '.[test,bench]'
	@failed=; for name in $(BENCHMARKS); do printf '\n== %s\n' $$name; \
		PYTHONPATH=.:benchmarks $(PY) benchmarks/$$name.py $(ARGS) || failed="$$failed $$name"; done; \
		test -z "$$failed" || { echo "failed or over the limit:$$failed"; exit 1; }

# The picture in the README: the quickstart in JupyterLab.
picture: $(STAMP)
	$(PY) tools/picture.py docs/quickstart.png

clean:
	rm -rf demo node_modules build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
