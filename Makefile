# Everything starts from Python >= 3.11 and make: each target sets up what it needs, once.
#   make demo    execute the quickstart notebook, without any key, and say where to look
#   make test    everything quick       make soak    the long figures
#   make lint    make types    make bench    make picture

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
VENV ?= .venv
PY := $(VENV)/bin/python
# Two set-ups in one environment: what runs a notebook, and everything that tests and checks.
RUN := $(VENV)/.installed-to-run
STAMP := $(VENV)/.installed-to-test
# Without bytecode of all that is installed: most of it is never imported, and the rest is compiled as it is.
INSTALL := $(PY) -m pip install --quiet --disable-pip-version-check --no-compile --editable
# Where it is set, each process compiles every module again that an editable install and the above leave as source.
unexport PYTHONDONTWRITEBYTECODE
# Where the browser tests find axe-core: beside them when npm is there, else they say why they skip.
AXE := node_modules/axe-core/axe.min.js
NPM := $(shell command -v npm 2>/dev/null)
# Two workers even on one core: most of a browser or kernel test is waiting. A file stays in one worker, so that its
# kernel, server or browser starts once; in their order, so that the slow ones are not the last.
WORKERS ?= 2
PYTEST := $(PY) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder
ARGS ?=

.PHONY: setup demo test unit soak lint types format bench picture clean
.DEFAULT_GOAL := test

setup: $(STAMP)

$(PY):
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed, and none was found on PATH."; exit 1; }
	$(PYTHON) -m venv $(VENV) || { echo "No virtual environment: on Debian, apt-get install python3-venv."; exit 1; }

SOURCES := pyproject.toml $(wildcard jupyter-config/*)
$(RUN): $(SOURCES) | $(PY)
	$(INSTALL) '.[lab]'
	@touch $@

$(STAMP): $(SOURCES) | $(PY)
	$(INSTALL) '.[test,lint]'
	@touch $@ $(RUN)

# axe is one dependency-free file, outside of what Python packages; a machine without npm goes on without it.
$(AXE):
	@$(if $(NPM),$(NPM) install --silent --no-save --no-package-lock --no-audit --no-fund axe-core@4 || echo "axe-core was not installed; its tests say so.",:)

demo: $(RUN)
	$(PY) tools/demo.py

test: $(STAMP) $(AXE)
	$(PYTEST) -m "not soak" $(ARGS)

# What needs neither a browser nor a Docker engine: the part that runs on every Python version.
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

# Ratios within one run; each file says what it measures. drain3 and polars stand beside ours where they install.
BENCHMARKS ?= load_ext skill_discovery live_bytes output_memory rounds streaming concurrent_turns backend_calls \
	log_analyzer_scores
bench: $(STAMP)
	$(INSTALL) '.[test,bench]'
	@failed=; for name in $(BENCHMARKS); do printf '\n== %s\n' $$name; \
		PYTHONPATH=.:benchmarks $(PY) benchmarks/$$name.py $(ARGS) || failed="$$failed $$name"; done; \
		test -z "$$failed" || { echo "over its bound, or broken:$$failed"; exit 1; }

# README's picture: the quickstart in JupyterLab, as the browser tests see it.
picture: $(STAMP)
	$(PY) tools/picture.py docs/quickstart.png

clean:
	rm -rf demo node_modules build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
