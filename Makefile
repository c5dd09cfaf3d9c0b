# `make run` and `make test` are what people type; they need a Python from 3.10 on, and nothing else prepared.

VENV := .venv
BIN := $(VENV)/bin
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# The first Python that is new enough and can make environments (Debian keeps that in the package python3-venv).
find_python = for name in python3 python3.14 python3.13 python3.12 python3.11 python3.10; do \
		if "$$name" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then echo "$$name"; exit 0; fi; \
	done; \
	echo "No Python from 3.10 on that has the modules venv and ensurepip; on Debian: apt-get install python3-venv" >&2; exit 1

.PHONY: help
help:
	@echo 'make run           start pipetwist on etc/pipetwist.json'
	@echo 'make test          everything that is checked'
	@echo 'make test-all      the tests on every Python from 3.10 on that is here, and on the lowest versions of the dependencies'
	@echo 'make coverage      which lines the tests reach that need no real programs'
	@echo 'make test-hard     the tests three times: idle, on one processor that another program uses up, and in random order (40 minutes)'
	@echo 'make test-pythons  what may depend on the Python, on the newest one and on the lowest versions of the dependencies'
	@echo 'make test-landing  make test and make test-pythons, and make run in a fresh clone'
	@echo 'make bench         measure pipetwist beside the relays that are installed, and write docs/performance.md (28 minutes)'
	@echo 'make proto         generate the modules of pipetwist/api/wire from proto/'
	@echo 'make man           make the manual pages in man/ from docs/, and the schema in etc/'
	@echo 'make picture       take the picture of the page that the documents show (needs Chromium)'
	@echo 'make docs          write the documentation to build/site/, the reference of the modules in it'
	@echo 'make clean         remove what these made, and the environment'

$(BIN)/python:
	@python=$$($(find_python)); echo "Making the environment $(VENV) with $$("$$python" --version); the first time takes a minute"; "$$python" -m venv $(VENV)

$(VENV)/.run: $(BIN)/python setup.cfg setup.py pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.test: $(BIN)/python setup.cfg setup.py pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,dev]'
	@touch $@ $(VENV)/.run

.PHONY: run
run: $(VENV)/.run
	@echo 'pipetwist listens on etc/pipetwist.sock and answers with what it is told. In another terminal, try:'
	@echo
	@echo '    printf "hello\n" | nc -N -U etc/pipetwist.sock'
	@echo '    ncat -U etc/pipetwist.sock'
	@echo '    $(BIN)/pipetwist stats'
	@echo '    $(BIN)/pipetwist top'
	@echo '    a browser at http://127.0.0.1:9105/'
	@echo
	@echo 'Ctrl-C stops it.'
	@echo
	@exec $(BIN)/twistd --nodaemon --pidfile= pipetwist --config etc/pipetwist.json

# What starts daemons by the hundred would compile all modules for each of them.
unexport PYTHONDONTWRITEBYTECODE

trials = trial-others trial-relay trial-interop trial-long
checks = docs types lint proto-check man-check news

# Several at once, since tests wait a good deal; the longest first, so that the end is short.
.PHONY: test
test: $(VENV)/.test
	@$(MAKE) --no-print-directory --output-sync=target --jobs=4 $(trials) $(checks)

# What .ci/run runs. All of it at once, since two processors are idle in the end of each part.
.PHONY: test-landing test-run
test-landing: $(VENV)/.test
	@$(MAKE) --no-print-directory --output-sync=target --jobs=6 $(trials) test-newest test-lowest test-run $(checks)

test-run:
	.ci/try-run

.PHONY: lint types proto-check man-check news trial $(trials) coverage
lint: $(VENV)/.test
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(VENV)/.test
	$(BIN)/mypy

proto-check: $(VENV)/.test
	$(BIN)/python proto/generate.py --check

man-check: $(VENV)/.test
	$(BIN)/python man/generate.py --check

news: $(VENV)/.test
	$(BIN)/towncrier build --draft --version unreleased > /dev/null

trial: $(VENV)/.test
	@$(MAKE) --no-print-directory --output-sync=target --jobs=4 $(trials)

# All tests, in processes that take about as long: of real programs the longest and the rest, of the others what relays and the rest.
long = $(addprefix tests.interop.test_,cookbook $(patsubst tests/interop/test_%.py,%,$(wildcard tests/interop/test_page*.py)) reloading wall_clock)
relay = $(addprefix tests.,behaviour connection inbounds kernel datagram process transfer)

interop = $(filter-out $(long),$(subst /,.,$(patsubst %.py,%,$(wildcard tests/interop/test_*.py))))
all_others = $(filter-out tests.interop,$(subst /,.,$(patsubst %/__init__.py,%,$(wildcard tests/*/__init__.py)) $(patsubst %.py,%,$(wildcard tests/test_*.py))))
others = $(filter-out $(relay),$(all_others))

$(trials): trial-%: $(VENV)/.test
	$(BIN)/python -m twisted.trial --temp-directory=_trial_temp-$* $($*)

coverage: $(VENV)/.test
	$(BIN)/coverage erase
	$(BIN)/coverage run -m twisted.trial --temp-directory=_trial_temp-others $(all_others)
	$(BIN)/coverage report

# The commands of pyenv run only the versions that are chosen: all of them, where it is used.
nox = PYENV_VERSION=$$(pyenv versions --bare 2>/dev/null | paste -s -d :) $(BIN)/nox

# Says which tests did not pass each time.
.PHONY: test-hard
test-hard: $(VENV)/.test
	PIPETWIST_REQUIRE_PEERS=1 $(BIN)/python -m tests.hard

.PHONY: test-all test-pythons test-newest test-lowest
test-all: $(VENV)/.test
	$(nox)

# Both at once: each waits a good deal.
test-pythons: $(VENV)/.test
	@$(MAKE) --no-print-directory --output-sync=target --jobs=2 test-newest test-lowest

test-newest test-lowest: test-%: $(VENV)/.test
	$(nox) --sessions $*

$(VENV)/.bench: $(BIN)/python setup.cfg setup.py pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	@touch $@ $(VENV)/.run

.PHONY: bench
bench: $(VENV)/.bench
	$(BIN)/python -m bench --document
	$(BIN)/python -m bench.limits

.PHONY: proto
proto: $(VENV)/.test
	$(BIN)/python proto/generate.py

.PHONY: man
man: $(VENV)/.test
	$(BIN)/python man/generate.py

.PHONY: picture
picture: $(VENV)/.test
	$(BIN)/python -m tests.interop.picture

.PHONY: docs
docs: $(VENV)/.test
	rm -rf build/site
	$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet --fresh-env --doctree-dir build/doctrees --conf-dir docs . build/site

.PHONY: clean
clean:
	rm -rf $(VENV) .nox .coverage* .mypy_cache .ruff_cache .hypothesis _trial_temp* build dist *.egg-info
	find pipetwist tests bench twisted proto -name __pycache__ -prune -exec rm -rf {} +
	rm -f twisted/plugins/dropin.cache
