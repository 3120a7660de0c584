# Everything that tests need is set up here, under target/.
.PHONY: test quick fmt pure lint rust template outside engine release bench model fuzz deny sbom clean-venv help

VENV := target/venv
# A boto3 that knows operations which the one of aws-sam-cli does not.
NEWER_BOTO3 := target/venv-boto3
CARGO := cargo
# sam would ask the network about itself.
export SAM_CLI_TELEMETRY := 0
export RUSTDOCFLAGS := -D warnings

# No snapshot is accepted by itself.
export INSTA_UPDATE := no

help: ## Say what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

test: lint rust template outside ## Run every test, setting up what it needs

# Of the simulation's seeds so many.
quick: export SIMULATION_SEEDS ?= 100
# Some wait for a time to go by, and others work meanwhile.
quick: export RUST_TEST_THREADS ?= 6
quick: fmt ## While you work: format, clippy, and the tests in Rust with few seeds
	$(CARGO) clippy --locked --all-targets -- -D warnings
	$(CARGO) test --locked --lib --bins --tests

fmt: ## Format, differences as errors
	$(CARGO) fmt --all --check
	$(CARGO) fmt --manifest-path fuzz/Cargo.toml --check
	$(CARGO) fmt --manifest-path tests/engine/Cargo.toml --check

pure: ## The pure rooms' own tests, without the AWS SDK
	$(CARGO) test --locked --no-default-features --lib

# The function's own features beside the examples: so tokio and hyper, and with them the AWS SDK, are those of
# the other two.
lint: fmt ## Format, clippy and documentation, warnings as errors
	$(CARGO) clippy --locked --no-default-features --lib --tests -- -D warnings
	$(CARGO) clippy --locked --all-targets -- -D warnings
	$(CARGO) clippy --locked --no-default-features --features aws --lib --bin bootstrap --examples -- -D warnings
	$(CARGO) doc --locked --no-deps --document-private-items

rust: ## Unit tests, vectors, stories, snapshots, properties
	$(CARGO) test --locked

template: $(VENV)/ready ## Check the SAM template
	$(VENV)/bin/sam validate --lint --template template.yaml --region us-east-1

outside: $(VENV)/ready $(NEWER_BOTO3)/ready release engine ## The release binary under the emulator; boto3 against the stand-in
	$(VENV)/bin/python -m pytest tests/outside

# DynamoDB in memory, a package of its own.
engine:
	$(CARGO) build --locked --manifest-path tests/engine/Cargo.toml --target-dir target/engine

release: ## Build the function and the command line
	$(CARGO) build --locked --release --bins

# BASELINE: another build's connect-provisioner, to stand beside ours. BENCH_USERS: a smaller largest roster.
bench: release ## Measure, as ratios in one run; sizes; crates
	$(CARGO) build --locked --release --examples
	$(CARGO) bench --locked --no-default-features --bench pure --bench process
	$(CARGO) bench --locked --bench roster
	$(CARGO) bench --locked --bench serve
	$(CARGO) test --locked --test it -- --nocapture simulation::a_thousand | grep 'in virtual time'
	@python3 benches/size.py

# A crate of its own, and no part of the program.
MODEL := --locked --release --manifest-path model/Cargo.toml

model: ## Search every order of a small model of the protocol
	$(CARGO) fmt --manifest-path model/Cargo.toml --check
	$(CARGO) clippy $(MODEL) --all-targets -- -D warnings
	$(CARGO) test $(MODEL)
	$(CARGO) run $(MODEL)

# Seconds for each target.
FUZZ_SECONDS ?= 60
FUZZ_TARGETS := lambda_event body json scheme filter path patch
CARGO_FUZZ := target/tools/bin/cargo-fuzz

fuzz: $(CARGO_FUZZ) ## Throw bytes at the pure rooms (needs a nightly toolchain)
	for target in $(FUZZ_TARGETS); do \
		mkdir -p fuzz/corpus/$$target && cp events/*.json fuzz/corpus/$$target/ && \
		if [ -d fuzz/seeds/$$target ]; then cp fuzz/seeds/$$target/* fuzz/corpus/$$target/; fi && \
		RUSTUP_TOOLCHAIN=nightly $(CARGO_FUZZ) run $$target -- -max_total_time=$(FUZZ_SECONDS) -print_final_stats=0 -verbosity=0 \
			|| exit 1; \
	done

$(CARGO_FUZZ):
	$(CARGO) install cargo-fuzz --quiet --locked --version 0.13.2 --root target/tools

CARGO_DENY := target/tools/bin/cargo-deny

deny: $(CARGO_DENY) ## Hold the tree to deny.toml by cargo-deny, texts of licences too
	$(CARGO) fetch --locked
	$(CARGO_DENY) --locked --offline check bans licenses sources

$(CARGO_DENY):
	$(CARGO) install cargo-deny --quiet --locked --version 0.20.2 --root target/tools

sbom: ## The function's bill of materials, CycloneDX, as target/sbom.json
	@mkdir -p target
	@python3 scripts/sbom.py $(CARGO) tree --locked --edges normal --no-default-features --features aws \
		--target x86_64-unknown-linux-gnu --prefix depth --format '|{p}|{l}'
	@echo target/sbom.json

$(VENV)/ready: tests/requirements.txt
	python3 -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r tests/requirements.txt
	touch $@

$(NEWER_BOTO3)/ready: tests/requirements-boto3.txt
	python3 -m venv $(NEWER_BOTO3)
	$(NEWER_BOTO3)/bin/python -m pip install --quiet --disable-pip-version-check -r tests/requirements-boto3.txt
	touch $@

clean-venv: ## Forget the Python environments
	rm -rf $(VENV) $(NEWER_BOTO3)
