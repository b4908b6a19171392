# make demo   set up everything, run both nodes on real images, write out/demo/index.html
# make test   set up everything, lint, run the tests
# make bench  cost of the stereo node; make bench-network: of the network (BENCH_ARGS="--backbone g")
# make bench-matchers  time and memory of all matchers (BENCH_ARGS="--stream --json out/bench.json")
PYTHON ?= python3
SHELL := /bin/bash
ACTIVATE := source tools/activate.sh

.PHONY: help setup demo test lint bench bench-network bench-matchers clean

help:
	@sed -n 's/^# //p' Makefile

setup:
	@$(PYTHON) tools/bootstrap.py

demo: setup
	@$(ACTIVATE) && panmatch demo --out out/demo

test: setup lint
	@$(ACTIVATE) && pytest $(PYTEST_ARGS)

lint:
	@$(ACTIVATE) && ruff check . && mypy

bench: setup
	@$(ACTIVATE) && python benchmarks/node_overhead.py

bench-network: setup
	@$(ACTIVATE) && python benchmarks/panmatch_stages.py $(BENCH_ARGS)

bench-matchers: setup
	@$(ACTIVATE) && panmatch benchmark $(BENCH_ARGS)

clean:
	rm -rf .venv build install log out .pytest_cache .mypy_cache .ruff_cache
