# Everything a newcomer needs: `make rehearse` and `make test`. `make help` lists the rest.

CARGO ?= cargo
# Arguments for the rehearsal, e.g. make rehearse ARGS='--fault writer --pg-version 16'
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help rehearse test check fmt clippy doc bench build

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

rehearse: ## Rehearse the sample rollout on a throwaway PostgreSQL (a console on a terminal, else headless)
	@$(CARGO) build --release --locked --quiet
	@./target/release/cicerone rehearse --fetch $(ARGS)

build: ## Build the release binary
	$(CARGO) build --release --locked

test: ## Run every test, real servers and a real terminal included
	@scripts/test-prerequisites
	$(CARGO) test --locked

check: fmt clippy doc test ## What a change must pass: format, lints, documentation, tests

fmt: ## Check the format
	$(CARGO) fmt --check

clippy: ## Lints, warnings are errors
	$(CARGO) clippy --locked --all-targets -- -D warnings

doc: ## API documentation, warnings are errors
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --locked --no-deps --document-private-items

bench: ## The sample rollout side by side with a loop of psql
	bench/rollout
