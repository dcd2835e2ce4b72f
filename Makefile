# Every target makes and uses .venv; nothing else need be installed than Python 3.11 or later.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

LOCKED := --generate-hashes --no-emit-index-url --no-header --python-version 3.11

SEEDS ?= 1000
SAMPLE ?= 0
SEED ?= 1
CONTENDERS ?=
REPS ?= 3
TIMES ?= 20
KILLS ?= 30
MINUTES ?= 60
VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
# Tests wait, for servers most of all: more processes than the two cores they were timed on. A quick one takes little.
PROCESSES ?= 4
QUICK_PROCESSES ?= 5

# What `make tools` brings is found by every target.
export PATH := $(CURDIR)/.tools/bin:$(PATH)

.DEFAULT_GOAL := help
.PHONY: help install compile wheel test-compiled test-long tools demo play test quick lint check format lock soak \
	soak-faults soak-desk soak-ledger soak-receiver soak-watchdog simulate \
	bench fuzz bench-quick bench-ledger dashboards diagrams mutants screenshots pictures \
	site chart image artifacts release clean

help: ## what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

install: $(READY) ## make .venv from the lock

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "ronde needs Python 3.11 or later")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@{ $(BIN)/python -m pip install --disable-pip-version-check --progress-bar off --require-hashes \
		-r requirements.lock 2>&1; echo "exit $$?"; } | sh deploy/install_progress.sh "$$(grep -c == requirements.lock)" $(VENV)/lib
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

tools: $(READY) ## what the tests of the chart and its alerts run, into .tools: helm, promtool and others
	$(BIN)/python -m tests.deploy.install

compile: $(READY) ## compile what is hot into .compiled; needs a C compiler, and half a minute
	$(BIN)/python -m compiling

# The two tests left out put another function in the place of one of the core's, which compiled code does not look up.
test-compiled: compile ## the tests of the core, the timelines and the stages on the compiled form
	$(BIN)/python -m streams.runtime.native_form pytest -q -m "not server" tests/escalation tests/timelines tests/schemas tests/streams \
		tests/service/test_rfc3339.py tests/cli/test_simulate.py \
		--deselect tests/streams/test_simulation.py::test_an_input_on_which_the_core_fails_leaves_its_site_as_it_was \
		--deselect tests/streams/test_simulation.py::test_a_site_record_on_which_the_core_fails_does_not_come_into_force
	$(BIN)/python -m streams.runtime.native_form tests.escalation.seeds $(SEEDS)

wheel: $(READY) ## a wheel for this Python and machine, the hot modules compiled in it, into dist
	HATCH_BUILD_HOOK_ENABLE_CUSTOM=true $(BIN)/python -m hatchling build --target wheel

demo: $(READY) ## a real Kafka and PostgreSQL, panels, a receiver, a worker, a sink, a portal, a desk, a telephony, a partner, thirteen stories
	$(BIN)/ronde demo

play: $(READY) ## everything up, nobody at the telephone but you: prints where to press a panel's button and take the call
	$(BIN)/ronde play

test: lint check ## everything that decides whether a change may land

# Tests start hundreds of processes: each would compile all modules, where the environment forbids to keep bytecode.
quick: $(READY) ## what needs no Kafka and no PostgreSQL: half a minute on 2 cores
	PYTHONDONTWRITEBYTECODE= TEST_RONDE_PURE=1 TEST_RONDE_QUICK=1 $(BIN)/python -m tests.quick $(QUICK_PROCESSES)

lint: $(READY) ## style, types, and who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: $(READY) ## the tests, on real brokers, in PROCESSES processes (4)
	PYTHONDONTWRITEBYTECODE= TEST_RONDE_PURE=1 $(BIN)/python -m pytest -n $(PROCESSES) -m "not soak and not long"

test-long: $(READY) ## what repeats tests of `make test`: in a second language, by another signal, with more seeds, as a whole night
	PYTHONDONTWRITEBYTECODE= TEST_RONDE_PURE=1 $(BIN)/python -m pytest -n $(PROCESSES) -m "long and not soak"

soak: $(READY) ## the kill, two-worker and catch-up tests, receivers, desks and relays killed, TIMES in a row (20)
	$(BIN)/python -m pytest -m soak --times $(TIMES) tests/kafka tests/edges/receiver tests/edges/desk tests/edges/portal

soak-receiver: $(READY) ## receivers killed between signal, alert and ACK, KILLS times (30); takes 3 minutes, 200 kills 20
	$(BIN)/python -m pytest -m soak --times $$(( ($(KILLS) + 4) / 5 )) tests/edges/receiver/test_kills.py

soak-desk: $(READY) ## a shift of 200 incidents worked by scripted browsers, compared with `ronde simulate`; needs `make tools`
	$(BIN)/python -m pytest -m soak tests/edges/desk/test_shift.py

soak-ledger: $(READY) ## PostgreSQL away for a minute; a sink asleep in a transaction; brokers killed at assignments
	$(BIN)/python -m pytest -m soak tests/sinks

soak-watchdog: $(READY) ## the watchdog beside a real engine, MINUTES (60) of quiet and as many of storm, restarts and an outage
	SOAK_MINUTES=$(MINUTES) $(BIN)/python -m pytest -m soak tests/edges/watchdog

soak-faults: $(READY) ## every fault at full rate and length, by TIMES seeds; takes hours for 20
	$(BIN)/python -m pytest -m soak --times $(TIMES) tests/faults

fuzz: $(READY) ## any records past all who read them, for MINUTES (60) each in pure Python and compiled
	$(BIN)/python -m tests.faults.fuzz --minutes $(MINUTES) --form pure
	$(MAKE) compile
	$(BIN)/python -m tests.faults.fuzz --minutes $(MINUTES) --form compiled

dashboards: $(READY) ## write the chart's dashboards from deploy/dashboards
	$(BIN)/python -m deploy.dashboards

diagrams: $(READY) ## draw docs/phases.svg from the tables of the procedure
	$(BIN)/python -m tests.timelines.phases

simulate: $(READY) ## SEEDS random worlds around the core (1000)
	$(BIN)/python -m tests.escalation.seeds $(SEEDS)

mutants: $(READY) .tools/mutants/bin/cosmic-ray ## change the core a token at a time: does a test notice? SAMPLE=50 SEED=1 for less
	.tools/mutants/bin/python tests/escalation/mutants/mutations.py streams/escalation > .tools/mutants/mutants.jsonl
	$(BIN)/python -m tests.escalation.mutants .tools/mutants/mutants.jsonl --sample $(SAMPLE) --seed $(SEED)

.tools/mutants/bin/cosmic-ray: tests/escalation/mutants/tools.lock
	$(PYTHON) -m venv .tools/mutants
	.tools/mutants/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	touch $@

bench: $(READY) ## how fast, beside other engines; CONTENDERS=ronde,plain-loop REPS=1 for less
	$(BIN)/python -m benchmarks all --reps $(REPS) $(if $(CONTENDERS),--contenders $(CONTENDERS))

bench-ledger: $(READY) ## rows a second into the ledger, beside executemany and COPY alone; about 3 minutes
	$(BIN)/python -m benchmarks.ledger --kafka

bench-quick: $(READY) ## has the worker become slower? 4 minutes
	$(BIN)/python -m benchmarks quick

format: $(READY) ## let ruff write it
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(READY) ## resolve the dependencies again
	$(BIN)/uv pip compile --quiet --universal --all-extras $(LOCKED) pyproject.toml --output-file requirements.lock
	$(BIN)/uv pip compile --quiet --universal --constraint requirements.lock --extra compiled --extra edges $(LOCKED) pyproject.toml --output-file deploy/image.lock
	$(BIN)/uv pip compile --quiet --universal --constraint requirements.lock $(LOCKED) --group tools --output-file tests/deploy/tools.lock
	$(BIN)/uv pip compile --quiet --universal $(LOCKED) --group site --output-file docs/site.lock
	$(BIN)/uv pip compile --quiet --universal $(LOCKED) --group mutants --output-file tests/escalation/mutants/tools.lock

site: .tools/site/bin/zensical ## the documentation as a site, in .site/html
	rm -rf .site && mkdir -p .site/pages
	git ls-files -z '*.md' '*.svg' '*.png' '*.json' '*.jsonl' | xargs -0 cp --parents -t .site/pages
	.tools/site/bin/zensical build --strict

.tools/site/bin/zensical: docs/site.lock
	$(PYTHON) -m venv .tools/site
	.tools/site/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r docs/site.lock
	touch $@

screenshots: $(READY) ## pictures of the pages and their elements, light and dark, narrow and wide, into dist/screenshots; needs `make tools`
	$(BIN)/python -m tests.edges.web.screenshots
	$(BIN)/python -m tests.edges.portal.screenshots
	$(BIN)/python -m tests.edges.desk.screenshots

pictures: $(READY) ## docs/desk.png, docs/portal.png and docs/guard.png, from `ronde play` as it runs; needs `make tools`
	$(BIN)/python -m tests.play.pictures

chart: ## the chart as a package, in dist
	$(or $(shell command -v helm),.tools/bin/helm) package deploy/helm/ronde --destination dist

image: ## the image; needs podman or docker
	$(or $(shell command -v podman || command -v docker),$(error an image needs podman or docker)) build -f Containerfile -t ronde:$(VERSION) .

artifacts: wheel chart image ## what a release consists of, into dist; the image stays in the engine
	$(BIN)/python -m deploy.release notes > dist/NOTES.md

release: $(READY) ## compare the versions, build wheel, chart and image, and tag
	$(BIN)/python -m deploy.release check
	$(MAKE) artifacts
	git tag --annotate v$(VERSION) --file dist/NOTES.md

clean: ## forget .venv, .tools, what was compiled and what the local servers keep
	rm -rf $(VENV) .tools .ronde .compiled .site .cache dist
