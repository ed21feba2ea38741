# The commands people run; CI calls the same ones. `make` lists them.
.DEFAULT_GOAL := help
.PHONY: help run build simulator services test lint unit docs fmt torture

CARGO ?= cargo
SIMULATOR = sms-smsru/simulator

help: ## List the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1\t\2/' | expand -t 12

run: ## Serve on 127.0.0.1:8080 with SQLite and the sandbox, data in ./data
	$(CARGO) run --release -p sms-server

build: ## Build the release binary, target/release/sms-server
	$(CARGO) build --release --locked -p sms-server

simulator: ## Run a stand-in for sms.ru on 127.0.0.1:9000
	$(CARGO) run --release -p sms-smsru --features simulator --bin smsru-simulator -- --listen 127.0.0.1:9000

services: ## Make sure that PostgreSQL, Redis and RabbitMQ answer, for the tests
	@scripts/services.sh

test: lint unit docs ## Everything a change must pass: format, lints, tests, documentation

lint: ## Formatting and lints, with every set of features
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets --features $(SIMULATOR) -- -D warnings
	$(CARGO) clippy --locked -p sms-smsru -- -D warnings
	$(CARGO) clippy --locked -p sms-core --no-default-features -- -D warnings
	$(CARGO) clippy --locked -p sms-server --no-default-features --features sqlite -- -D warnings
	$(CARGO) clippy --locked -p sms-server -- -D warnings

unit: ## Unit, conformance, documentation and end-to-end tests
	$(CARGO) test --locked --workspace --features $(SIMULATOR)

docs: ## Build the API documentation without warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps --features $(SIMULATOR)

fmt: ## Format the code
	$(CARGO) fmt --all

torture: ## The long versions of the randomised tests: 100,000 seeds and sequences; hours
	SMS_TEST_SEEDS=100000 $(CARGO) test --locked --release -p sms-core --test it simulation
	SMS_TEST_CASES=100000 $(CARGO) test --locked --release -p sms-testkit -p sms-store-sqlite --test it model
