# The commands people run; CI calls the same ones. `make` lists them.
.DEFAULT_GOAL := help
.PHONY: help run build bench bench-full simulator services test lint unit chaos docs fmt torture clock fuzz-api integrators \
	ui ui-check ui-smoke ui-e2e ui-million ui-shots alerts-check alerts deploy-check operator upgrade audit package image

CARGO ?= cargo
# The version of Cargo.toml. A tag is that version with a v.
VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
TAG ?= v$(VERSION)
IMAGE ?= sms-server
# Everything that is tested: the simulator, the fault tools, every adapter.
FULL = sms-smsru/simulator,sms-testkit/services,sms-queue-redis/sentinel,sms-queue-redis/cluster,sms-server/full

help: ## List the targets
	@grep -E '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## (.*)/\1\t\2/' | expand -t 14

run: ## Serve on 127.0.0.1:8080 with SQLite and the sandbox, data in ./data
	$(CARGO) run -p sms-server

build: ## Build the binary that is shipped, with every store and queue: target/dist/sms-server
	$(CARGO) build --profile dist --locked -p sms-server --features full

bench: build ## Measure everything next to the limits of this machine, about ten minutes; target/bench/summary.json
	$(CARGO) build --profile dist --locked -p bench
	eval "$$(scripts/services.sh)" && target/dist/sms-bench

bench-full: build ## The same, four times as long
	$(CARGO) build --profile dist --locked -p bench
	eval "$$(scripts/services.sh)" && target/dist/sms-bench --full

simulator: ## Run a stand-in for sms.ru on 127.0.0.1:9000
	$(CARGO) run -p sms-smsru --features simulator --bin smsru-simulator -- --listen 127.0.0.1:9000

services: ## Make sure that PostgreSQL, Redis and RabbitMQ answer, for the tests
	@scripts/services.sh

test: lint alerts-check ui-check unit ui-smoke fuzz-api integrators chaos docs ## Everything a change must pass: format, lints, tests, documentation

lint: ## Formatting, the rules of the house, and lints with every set of features
	$(CARGO) fmt --all --check
	$(CARGO) test --locked --workspace --features $(FULL) --test house
	$(CARGO) clippy --locked --workspace --all-targets --features $(FULL) -- -D warnings
	$(CARGO) clippy --locked -p sms-smsru -p sms-testkit -- -D warnings
	$(CARGO) clippy --locked -p sms-queue-redis --no-default-features -- -D warnings
	$(CARGO) clippy --locked -p sms-core --no-default-features -- -D warnings
	$(CARGO) clippy --locked -p sms-server --no-default-features --lib -- -D warnings
	$(CARGO) clippy --locked -p sms-server --no-default-features --features sqlite -- -D warnings
	$(CARGO) clippy --locked -p sms-server --no-default-features --features pg -- -D warnings
	$(CARGO) clippy --locked -p sms-server -- -D warnings

unit: ## Unit, conformance, documentation and end-to-end tests; needs the services
	eval "$$(scripts/services.sh)" && $(CARGO) test --locked --workspace --features $(FULL) -- --skip many::chaos

chaos: ## 20,000 messages while everything is killed, on PostgreSQL with Redis and with RabbitMQ; alone, for it measures
	$(CARGO) test --locked -p sms-server --features $(FULL) --test it -- many::chaos --test-threads=1 --nocapture

docs: ## Build the API documentation without warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps --features $(FULL)

fmt: ## Format the code
	$(CARGO) fmt --all

fuzz-api: ## Send generated requests to every operation of the API, by schemathesis; needs Python 3
	$(CARGO) test --locked --workspace --features $(FULL) --no-run
	scripts/fuzz-api.sh target/debug/sms-server

integrators: ## Run the examples in Python and JavaScript against a server; needs Python 3 and Node.js
	$(CARGO) test --locked --workspace --features $(FULL) --no-run
	scripts/integrators.sh target/debug/sms-server

ui: ## Build the web UI into sms-server/ui/dist, which is committed; needs Node.js
	cd sms-server/ui && npm ci --no-audit --no-fund && npm run types && npm run build

ui-check: ## Lints and unit tests of the web UI, and whether the committed build is that of its sources; needs Node.js
	scripts/ui.sh check

ui-smoke: ## Open the pages of the web UI in Chromium: sign-in, policy, events, accessibility; needs Node.js
	$(CARGO) test --locked --workspace --features $(FULL) --no-run
	scripts/ui.sh e2e target/debug/sms-server smoke

ui-e2e: ## Walk through every page of the web UI in Chromium, about ten minutes; needs Node.js
	$(CARGO) test --locked --workspace --features $(FULL) --no-run
	scripts/ui.sh e2e target/debug/sms-server

ui-million: build ## Open every page of the web UI over a million stored messages, for some minutes; needs Node.js and Python 3
	scripts/ui.sh million target/dist/sms-server

ui-shots: ## Pictures of every page of the web UI in both languages and themes: target/ui-shots
	$(CARGO) test --locked --workspace --features $(FULL) --no-run
	scripts/ui.sh shots target/debug/sms-server target/ui-shots

alerts-check: ## Check alert rules, their tests and the dashboard against the lists of metrics and alerts, in seconds; needs Python 3
	scripts/check-alerts.sh

alerts: ## Make each alert fire by a real fault, with a real Prometheus, about five minutes; needs the services, psql and Python 3
	$(CARGO) test --locked --workspace --features $(FULL) --no-run
	scripts/check-alerts.sh
	eval "$$(scripts/services.sh)" && scripts/alerts.py target/debug/sms-server target/debug/smsru-simulator

deploy-check: ## Check everything in deploy/ and the workflows, and run nginx and Caddy in front of a server; needs Python 3
	$(CARGO) test --locked --workspace --features $(FULL) --no-run
	scripts/check-deploy.sh target/debug/sms-server

operator: ## Do what docs/OPERATIONS.md says with the real program, on SQLite and on PostgreSQL with Redis; needs the services
	$(CARGO) test --locked --workspace --features $(FULL) --no-run
	eval "$$(scripts/services.sh)" && scripts/operator.sh target/debug/sms-server target/debug/smsru-simulator

upgrade: ## Run the program of the last release, or REVISION=…, on the new schema and next to this one; needs the services and the history
	$(CARGO) test --locked --workspace --features $(FULL) --no-run
	eval "$$(scripts/services.sh)" && scripts/upgrade.sh target/debug/sms-server target/debug/smsru-simulator $(REVISION)

audit: ## Check dependencies for known defects, licenses and sources, with cargo-deny
	@command -v cargo-deny >/dev/null || $(CARGO) install --locked --root target/tools cargo-deny@0.20.2
	PATH="$$PWD/target/tools/bin:$$PATH" cargo-deny --locked check

package: build ## Pack the shipped program with its documents and checksums: target/package
	scripts/package.sh target/dist/sms-server $(TAG)

image: ## Build the container image; needs Docker
	@[ "$(TAG)" = "v$(VERSION)" ] || { echo "the tag $(TAG) is not that of version $(VERSION)" >&2; exit 1; }
	DOCKER_BUILDKIT=1 docker build -f deploy/Dockerfile -t $(IMAGE):$(VERSION) \
		--build-arg VERSION=$(VERSION) --build-arg REVISION="$$(git rev-parse HEAD)" .

clock: ## Set the clock of the program and of a PostgreSQL by an hour and back; needs libfaketime (Debian: faketime)
	$(CARGO) build --locked -p sms-server --features full
	scripts/clock.sh target/debug/sms-server

torture: ## The long versions of the randomised tests: 100,000 seeds and sequences; hours
	SMS_TEST_SEEDS=100000 $(CARGO) test --locked --release -p sms-core --test it simulation
	SMS_TEST_CASES=100000 $(CARGO) test --locked --release -p sms-testkit -p sms-store-sqlite -p sms-store-pg --test it model
