# make run    play the rendered sample (or SOURCE=clip.mp4, SOURCE=rtsp://…, SOURCE=0) with the dashboard
# make test   every test; installs what it needs
# make check  format, lint, types, import rules
# make bench  speed and bytes against peers, printed as ratios
# make audit  attack what leaves the darkroom, and fail where a leak grew (ten minutes)
# make setup  only fill .venv, so that .venv/bin/mizaru works

PYTHON ?= python3
SOURCE ?= examples/sample/restroom.mp4
ARGS   ?=

VENV := .venv
BIN  := $(VENV)/bin
PIP  := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
WEB  := src/mizaru/cloud/dashboard/index.html
WEB_SOURCES := $(shell find web -name node_modules -prune -o -name dist -prune -o -type f -print 2>/dev/null)

.PHONY: run test check bench audit setup web models system-packages clean

run: setup
	@$(BIN)/mizaru run "$(SOURCE)" --serve $(ARGS)

setup: $(VENV)/.installed $(WEB) models

test: setup $(VENV)/.installed-dev system-packages
	$(BIN)/python -m pytest $(ARGS)
	npm --prefix web run --silent check
	npm --prefix web test --silent

check: $(VENV)/.installed-dev web/node_modules/.installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	npm --prefix web run --silent check

bench: setup $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks $(ARGS)

# After a change that is meant to move a figure: cp build/audit/results.json docs/audit/baseline-quick.json
audit: setup $(VENV)/.installed-dev system-packages
	$(BIN)/mizaru audit run --out build/audit $(ARGS)
	$(BIN)/mizaru audit gate build/audit --baseline docs/audit/baseline-quick.json

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Mizaru needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 …" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "installing edge and cloud into $(VENV) …" >&2
	$(PIP) -e '.[edge,cloud]'
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "installing lab and test tools into $(VENV) …" >&2
	$(PIP) -e '.[edge,cloud,lab,keypoint,dev]'
	@touch $@

web/node_modules/.installed: web/package.json web/package-lock.json
	@command -v npm >/dev/null || { echo "the dashboard needs Node 20 or newer with npm: install it and run make again" >&2; exit 1; }
	npm --prefix web ci --silent --no-audit --no-fund
	@touch $@

$(WEB): web/node_modules/.installed $(WEB_SOURCES)
	npm --prefix web run --silent build
	@touch $@

models: $(VENV)/.installed
	@$(BIN)/mizaru models verify --quiet 2>/dev/null || $(BIN)/mizaru models pull

# Chromium shows the dashboard to the end-to-end tests, OSMesa renders the sim. Without them
# those tests are skipped and say so.
system-packages:
	@missing=""; \
	command -v chromium >/dev/null || command -v google-chrome >/dev/null || missing="$$missing chromium"; \
	ldconfig -p 2>/dev/null | grep -q libOSMesa || missing="$$missing libosmesa6"; \
	if [ -n "$$missing" ]; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "installing$$missing through apt …" >&2; \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	  else \
	    echo "for all tests install:$$missing (apt-get install$$missing); until then the dashboard and sim tests that need them are skipped" >&2; \
	  fi; \
	fi

clean:
	rm -rf $(VENV) web/node_modules src/mizaru/cloud/dashboard .mypy_cache .ruff_cache .pytest_cache
