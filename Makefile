# Everything that tests need is set up here, under target/.
.PHONY: test lint rust template outside release clean-venv help

VENV := target/venv
CARGO := cargo
# sam would ask the network about itself.
export SAM_CLI_TELEMETRY := 0
export RUSTDOCFLAGS := -D warnings

# No snapshot is accepted by itself.
export INSTA_UPDATE := no

help: ## Say what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

test: lint rust template outside ## Run every test, setting up what it needs

lint: ## Format, clippy and documentation, warnings as errors
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	$(CARGO) clippy --locked --no-default-features --features aws -- -D warnings
	$(CARGO) clippy --locked --no-default-features --lib --tests -- -D warnings
	$(CARGO) doc --locked --no-deps --document-private-items

rust: ## Unit tests, vectors, stories, snapshots, properties
	$(CARGO) test --locked

template: $(VENV)/ready ## Check the SAM template
	$(VENV)/bin/sam validate --lint --template template.yaml --region us-east-1

outside: $(VENV)/ready release ## The release binary under the emulator; boto3 against the stand-in
	$(VENV)/bin/python -m pytest tests/outside

release: ## Build the function and the command line
	$(CARGO) build --locked --release --bins

$(VENV)/ready: tests/requirements.txt
	python3 -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r tests/requirements.txt
	touch $@

clean-venv: ## Forget the Python environment
	rm -rf $(VENV)
