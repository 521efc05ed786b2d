# `make rehearse` and `make test` are all that a newcomer needs; `make help` lists the rest.

CARGO ?= cargo
# Arguments for the rehearsal, e.g. make rehearse ARGS='--fault writer --pg-version 16'
ARGS ?=
# `make rehearse PROFILE=dev` builds in less time and runs slower.
PROFILE ?= release

.DEFAULT_GOAL := help
.PHONY: help rehearse build test check fmt clippy doc screenshots bless bench bench-console bench-static

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

rehearse: ## Roll the sample out on a throwaway PostgreSQL: a console on a terminal, else headless
	@$(CARGO) build --profile $(PROFILE) --locked
	@$(CARGO) run --profile $(PROFILE) --locked --quiet -- rehearse --fetch $(ARGS)

build: ## Build the release binary
	$(CARGO) build --release --locked

test: ## Run every test, on real servers and in a real terminal
	@scripts/test-prerequisites
	$(CARGO) test --locked --no-fail-fast

check: fmt clippy doc test ## What a change must pass: format, lints, API documentation, tests, generated files in sync

fmt: ## Check the format
	$(CARGO) fmt --check

clippy: ## Lints; warnings are errors
	$(CARGO) clippy --locked --all-targets -- -D warnings

doc: ## Build the API documentation; warnings are errors
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --locked --no-deps --document-private-items

screenshots: ## Draw every screen of the console anew into docs/screens
	CICERONE_BLESS=1 $(CARGO) test --locked --lib screenshot

bless: ## Rewrite schemas, tables and pictures that are generated from the code
	CICERONE_BLESS=1 $(CARGO) test --locked --lib --test it

bench: ## The sample rollout side by side with a loop of psql
	bench/rollout

bench-console: ## Bytes, processor, memory and delays of the console, beside monitors that are installed
	bench/console

bench-static: ## An audit of a large dump beside a linter that is installed: time, start, memory
	bench/static
