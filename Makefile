# `make` alone lists the targets. Every target that needs something set up runs set-up first; when all is there, that
# takes a second.
SHELL := /bin/bash
NODE = $$(source setup/find-node.sh && find_node $(CURDIR))

.PHONY: help setup demo demo-cutover test proofs up lint bench bench-backlog bench-events judge clean
.DEFAULT_GOAL := help

help:
	@echo 'make setup   install what Rampart needs on this machine'
	@echo 'make demo    warm an address for six weeks in three minutes, against a small internet on loopback'
	@echo 'make demo-cutover  move two pools from Postfix to Rampart in three minutes, one of them twice (root)'
	@echo 'make test    all tests'
	@echo 'make proofs  slow proofs: 50 kills under load, a full disk, whole cutovers with kills (root)'
	@echo 'make up      run Rampart on this machine'
	@echo 'make lint    formatting, lint rules and types'
	@echo 'make bench   throughput compared with Postfix and a bare relay (as root)'
	@echo 'make judge   simulate the gates and their rivals: bench/out/judgement.json, docs/judgement-tables.md'
	@echo 'make clean   remove node_modules, the data and the database of this checkout'

setup:
	@setup/setup.sh

demo:
	@setup/setup.sh --lab
	@./rampart demo

demo-cutover:
	@setup/setup.sh --lab
	@./rampart demo cutover

# What Node compiled is kept: the tests start some thousand processes. The demo's days last seconds and must be sent in
# full: it has the machine for itself.
TEST = NODE_COMPILE_CACHE="$(CURDIR)/.rampart/build/compiled" $(NODE) --disable-warning=ExperimentalWarning
ALONE = test/demo/ten-days.test.ts
PROOFS = test/proofs
test:
	@setup/setup.sh --lab --brokers
	@$(TEST) test/all.ts
	@$(TEST) test/all.ts $(ALONE)

proofs:
	@setup/setup.sh --lab
	@RAMPART_KILLS=50 $(TEST) --test --test-reporter=spec --test-name-pattern='kill -9' test/mta/faults.test.ts
	@$(TEST) --test --test-reporter=spec $$(find $(PROOFS) -name '*.test.ts' | sort)

up:
	@setup/setup.sh
	@./rampart up

lint:
	@setup/setup.sh
	@$(NODE) node_modules/@biomejs/biome/bin/biome check .
	@$(NODE) node_modules/typescript/bin/tsc -p .

# Alone on the machine: ratios between runs that take turns are what counts. BENCH="--runs 5 --bytes 2048" for other runs.
bench:
	@setup/setup.sh --lab
	@$(NODE) --disable-warning=ExperimentalWarning bench/throughput.ts $(BENCH)

# An hour or so; BENCH="--many 200000 --reader 60" is a short one.
bench-backlog:
	@setup/setup.sh
	@$(NODE) --disable-warning=ExperimentalWarning bench/backlog.ts $(BENCH)

# Logs of other engines, read to commit: some three minutes. BENCH="--events 100000 --format postfix" for another.
bench-events:
	@setup/setup.sh
	@$(NODE) --disable-warning=ExperimentalWarning bench/legacy-events.ts $(BENCH)

# Some 15 minutes on two cores; JUDGE="--runs 200 --docs none" is a quick look that leaves the docs alone.
judge:
	@setup/setup.sh
	@$(NODE) --disable-warning=ExperimentalWarning judge/main.ts $(JUDGE)

clean:
	@if [ -d node_modules/pg ] && node=$(NODE); then "$$node" setup/clean.ts; fi
	@rm -rf .rampart node_modules
