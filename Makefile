# All steps from a fresh clone to a deployed function. `make help` lists the targets.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= python3
# The architecture of this computer, because the demo runs the packed function.
ARCH ?= $(if $(filter aarch64 arm64,$(shell uname -m)),arm64,x86_64)
STACK ?= dev
VENV := .venv
ZIP := target/lambda/start-engines-lambda/bootstrap.zip
# Not in cargo's target folder, so that `cargo clean` does not delete the tools.
TOOLS := .tools
CARGO_BLOAT_VERSION := 0.12.1
CARGO_CYCLONEDX_VERSION := 0.5.9
CARGO_DENY_VERSION := 0.20.2
CARGO_FUZZ_VERSION := 0.13.1
CYCLONEDX_NPM_VERSION := 4.2.1
FUZZ_TARGETS := event decision text
# Seconds for each fuzz target.
FUZZ_SECONDS ?= 60
FUZZ := tests/fuzz
LOAD := tests/load
BENCH := tests/bench
# Reproducible builds: the same sources make the same binary in any folder.
REMAP := --remap-path-prefix=$(CURDIR)=. --remap-path-prefix=$(or $(CARGO_HOME),$(HOME)/.cargo)=cargo
# Static, with musl: see "Cold and warm" in docs/performance.md. cargo-lambda has rustup install the target if it is missing.
TARGET := $(if $(filter arm64,$(ARCH)),aarch64,x86_64)-unknown-linux-musl
# cargo-lambda and its linker are in .venv.
PACKER := PATH="$(CURDIR)/$(VENV)/bin:$$PATH"
BENCH_BUILD := cargo build --release --locked --manifest-path $(BENCH)/Cargo.toml --target-dir target/bench
# Built like the function, with the same compilers and linker.
BENCH_PACKED := $(PACKER) CARGO_TARGET_DIR=$(CURDIR)/target/bench RUSTFLAGS="$(REMAP)" cargo lambda build --locked \
	--profile trimmed --output-format binary --target $(TARGET) --manifest-path $(BENCH)/Cargo.toml --lambda-dir $(CURDIR)/target/bench/packed
# Stripped, and without the RPC server of a runtime that is no more, as AWS's guide for Go says.
BENCH_GO := CGO_ENABLED=0 go build -tags lambda.norpc -trimpath -ldflags="-s -w"
# As the SDK's guide for bundles has it: the ES modules of its packages, so that what is not used is left out.
BENCH_JAVASCRIPT := node_modules/.bin/esbuild bootstrap.js --bundle --minify --platform=node --target=node20 --main-fields=module,main
CHOICES := opt-level-3 opt-level-z glibc
CHOICE := $(PACKER) CARGO_TARGET_DIR=$(CURDIR)/target/choices cargo lambda build --release --locked \
	--package start-engines --no-default-features --bin start-engines-lambda --output-format binary --lambda-dir target/choices

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z0-9_-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(VENV)/ready: tests/local/requirements.txt
	@echo "== installing the emulators, the packer and the policy linter into $(VENV)"
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	touch $@

.PHONY: venv
venv: $(VENV)/ready ## install what the demo and the tests need into .venv

.PHONY: package
package: $(VENV)/ready ## build and pack the function for Lambda: target/lambda/.../bootstrap.zip (ARCH=x86_64 or arm64)
	@echo "== building and packing the function ($(ARCH))"
	$(PACKER) RUSTFLAGS="$(REMAP)" cargo lambda build --release --locked \
		--package start-engines --no-default-features --bin start-engines-lambda --output-format binary --target $(TARGET)
	$(VENV)/bin/python pulumi/pack.py $(basename $(ZIP)) $(ZIP)
	@sha256sum $(ZIP)

.PHONY: command
command: ## build the operator's command: target/debug/start-engines
	cargo build --locked --bin start-engines

.PHONY: demo
demo: package command component ## the main job in a local AWS: start, register, answer, status, refuse, stop, and a service that does not get healthy
	$(VENV)/bin/python tests/local/demo.py --zip $(ZIP)

.PHONY: demo-buffered
demo-buffered: package command component ## the same in buffered mode: dozens of tasks, and a poisoned message
	$(VENV)/bin/python tests/local/demo.py --zip $(ZIP) --buffered

# First of all it says what is wrong with FAULT, before anything is built: also with -j.
.PHONY: playground
playground: playground-fault ## the demo's stack left running, for start-engines (FAULT=rule-off, health-check or image)
	@$(MAKE) --no-print-directory package command component
	@$(VENV)/bin/python tests/local/playground.py --zip $(ZIP) $(if $(FAULT),--fault '$(FAULT)')

.PHONY: playground-fault
playground-fault:
	@$(PYTHON) tests/local/faults.py '$(FAULT)'

.PHONY: test
test: package component ## all tests: units, fixtures, the wire, two emulators, the demo, the Pulumi program
	cargo test --locked
	$(MAKE) budget
	$(MAKE) test-pulumi
	$(MAKE) test-local
	$(PYTHON) -m unittest discover -s tests/engines/tests -t tests/engines

# First of all it says what is missing, before anything is built: also with -j.
.PHONY: test-engines
test-engines: engines-prerequisites ## other people's engines: Pulumi's, Lambda's emulator, EventBridge's matcher (needs Go, a JDK, Maven)
	@$(MAKE) --no-print-directory package command component
	$(VENV)/bin/python tests/engines/run.py

.PHONY: engines-prerequisites
engines-prerequisites:
	@$(PYTHON) tests/engines/prerequisites.py

# In Debian's package qemu-user-static. Set EMULATOR= on an arm64 computer.
EMULATOR ?= qemu-aarch64-static
.PHONY: test-arm64
test-arm64: ## tests of the arm64 package, emulated: a task's life over TLS, 4,000 events with faults (needs qemu-user)
	$(MAKE) package ARCH=arm64
	FUNCTION_RUNNER="$(EMULATOR)" SOAK_EVENTS=4000 cargo test --locked --test it -- \
		--ignored --exact --nocapture --test-threads=1 packed::the_packed_function_serves_a_life_over_tls packed::soak::soak
	# Other targets expect the package for this computer's architecture.
	$(MAKE) package

# Needs the operator's command, which validates the program's output by the function's own rules.
.PHONY: test-pulumi
test-pulumi: command component ## the tests of the Pulumi program
	cd pulumi && npm test
	$(PYTHON) -m unittest discover -s pulumi/tests

.PHONY: test-local
test-local: $(VENV)/ready package command component ## a day of an operator, the deployment on the emulator, and the emitted IAM documents
	$(VENV)/bin/python -m unittest discover -s tests/local/tests -t tests/local

.PHONY: node_modules
node_modules: pulumi/node_modules/.package-lock.json ## install what the Pulumi program needs into pulumi/node_modules

pulumi/node_modules/.package-lock.json: pulumi/package-lock.json pulumi/.npmrc
	@echo "== installing what the Pulumi program needs into pulumi/node_modules"
	cd pulumi && npm ci
	touch $@

# Compiled anew when a source was changed, added or removed.
COMPONENT := pulumi/component/lib/index.js
PLUGIN := pulumi/plugin/lib/main.js
.PHONY: component
component: $(COMPONENT) $(PLUGIN) ## compile the Pulumi component and its plugin: pulumi/component/lib, pulumi/plugin/lib

$(COMPONENT): pulumi/node_modules/.package-lock.json pulumi/tsconfig.json pulumi/component/tsconfig.json $(shell find pulumi/component/src)
	@echo "== compiling the Pulumi component"
	cd pulumi && npm run --silent --workspace component build

$(PLUGIN): $(COMPONENT) pulumi/component/package.json pulumi/plugin/build.mjs $(shell find pulumi/plugin/src)
	@echo "== bundling the Pulumi component's plugin"
	cd pulumi && npm run --silent --workspace plugin build

OTHER_ARCH := $(if $(filter arm64,$(ARCH)),x86_64,arm64)
FUNCTIONS := target/functions/$(ARCH).zip target/functions/$(OTHER_ARCH).zip
.PHONY: functions
functions: ## build and pack the function for both architectures: target/functions/*.zip
	mkdir -p target/functions
	$(MAKE) package ARCH=$(OTHER_ARCH)
	cp $(ZIP) target/functions/$(OTHER_ARCH).zip
	# Last, since other targets expect the package for this computer's architecture.
	$(MAKE) package ARCH=$(ARCH)
	cp $(ZIP) target/functions/$(ARCH).zip

.PHONY: npm-package
npm-package: component functions ## pack the npm package start-engines, with the function for both architectures: target/npm/*.tgz
	rm -rf target/npm
	mkdir -p target/npm
	$(PYTHON) pulumi/stage.py package target/npm/package $(FUNCTIONS)
	cd target/npm && npm pack --silent ./package

# As Pulumi names systems; on each of them the content is the same.
PLUGIN_SYSTEMS := linux-amd64 linux-arm64 darwin-amd64 darwin-arm64
VERSION := $(shell sed -n 's/^  "version": "\(.*\)",$$/\1/p' pulumi/component/package.json)
.PHONY: plugin
plugin: component functions ## pack the plugin for Pulumi programs in other languages: target/plugin/*.tar.gz
	rm -rf target/plugin
	mkdir -p target/plugin
	$(PYTHON) pulumi/stage.py plugin target/plugin/folder $(FUNCTIONS)
	$(PYTHON) pulumi/archive.py target/plugin/folder \
		$(PLUGIN_SYSTEMS:%=target/plugin/pulumi-resource-start-engines-v$(VERSION)-%.tar.gz)

# Static, so that it runs on every Linux.
COMMANDS := target/commands
.PHONY: commands
commands: $(VENV)/ready ## build the operator's command for Linux, static, for both architectures: target/commands/*/start-engines
	for arch in x86_64 aarch64; do \
		$(PACKER) RUSTFLAGS="$(REMAP)" cargo lambda build --release --locked --package start-engines --bin start-engines \
			--output-format binary --target $$arch-unknown-linux-musl --lambda-dir $(COMMANDS)/built/$$arch; \
		$(PYTHON) pulumi/static.py $$arch $(COMMANDS)/built/$$arch/start-engines/bootstrap; \
		mkdir -p $(COMMANDS)/$$arch; \
		cp $(COMMANDS)/built/$$arch/start-engines/bootstrap $(COMMANDS)/$$arch/start-engines; \
		cp LICENSE docs/command.md $(COMMANDS)/$$arch/; \
	done

$(TOOLS)/bin/cargo-cyclonedx:
	@echo "== installing cargo-cyclonedx $(CARGO_CYCLONEDX_VERSION)"
	cargo install --quiet --locked --root $(TOOLS) cargo-cyclonedx --version $(CARGO_CYCLONEDX_VERSION)

CYCLONEDX_NPM := $(TOOLS)/cyclonedx-npm/node_modules/.bin/cyclonedx-npm
$(CYCLONEDX_NPM):
	@echo "== installing cyclonedx-npm $(CYCLONEDX_NPM_VERSION)"
	npm install --silent --omit=optional --ignore-scripts --prefix $(TOOLS)/cyclonedx-npm @cyclonedx/cyclonedx-npm@$(CYCLONEDX_NPM_VERSION)

# cargo-cyclonedx writes beside each manifest: into a copy.
SBOM := target/sbom
CYCLONEDX := PATH="$(CURDIR)/$(TOOLS)/bin:$$PATH" cargo cyclonedx --quiet --format json --describe binaries --spec-version 1.5
.PHONY: sbom
sbom: $(TOOLS)/bin/cargo-cyclonedx $(CYCLONEDX_NPM) pulumi/node_modules/.package-lock.json ## what the function, the command and the plugin are made of: target/sbom/*.cdx.json (CycloneDX)
	rm -rf $(SBOM)
	mkdir -p $(SBOM)/copy
	git ls-files -z Cargo.toml Cargo.lock src tests | xargs -0 cp --parents -t $(SBOM)/copy
	cd $(SBOM)/copy && $(CYCLONEDX) --no-default-features --target x86_64-unknown-linux-musl
	$(PYTHON) pulumi/sbom.py $(SBOM)/copy $(SBOM)/copy/start-engines-lambda_bin.cdx.json $(SBOM)/function.cdx.json
	cd $(SBOM)/copy && $(CYCLONEDX) --target x86_64-unknown-linux-musl
	$(PYTHON) pulumi/sbom.py $(SBOM)/copy $(SBOM)/copy/start-engines_bin.cdx.json $(SBOM)/command.cdx.json
	# The bundle leaves out what it does not use of them.
	cd pulumi && ../$(CYCLONEDX_NPM) --workspace start-engines-plugin --omit dev --flatten-components --output-reproducible \
		--mc-type application --output-file ../$(SBOM)/npm.json
	$(PYTHON) pulumi/sbom.py . $(SBOM)/npm.json $(SBOM)/plugin.cdx.json
	rm -rf $(SBOM)/copy $(SBOM)/npm.json

DIST := target/dist
.PHONY: release
release: npm-package plugin commands sbom ## all files of a release, with checksums, reproducibly: target/dist
	rm -rf $(DIST)
	mkdir -p $(DIST)
	for arch in x86_64 arm64; do cp target/functions/$$arch.zip $(DIST)/start-engines-lambda-v$(VERSION)-$$arch.zip; done
	for arch in x86_64 aarch64; do \
		$(PYTHON) pulumi/archive.py $(COMMANDS)/$$arch $(DIST)/start-engines-v$(VERSION)-$$arch-unknown-linux-musl.tar.gz; \
	done
	cp target/npm/*.tgz target/plugin/*.tar.gz $(DIST)/
	for part in function command plugin; do cp $(SBOM)/$$part.cdx.json $(DIST)/start-engines-v$(VERSION)-$$part.cdx.json; done
	cp CHANGELOG.md $(DIST)/
	cd $(DIST) && LC_ALL=C sha256sum -- * > SHA256SUMS
	@cat $(DIST)/SHA256SUMS

.PHONY: bench
bench: package $(BENCH)/peers/javascript/node_modules/.package-lock.json ## compare the packed function with the floor, and with Rust, Python, JavaScript and Go as most write it; ALSO="name=binary ..." for other builds of it
	$(BENCH_PACKED) -p floor
	$(BENCH_PACKED) -p trimmed
	$(BENCH_BUILD) -p default
	$(BENCH_BUILD) -p start-engines-bench
	cd $(BENCH)/peers/javascript && $(BENCH_JAVASCRIPT) --outfile=$(CURDIR)/target/bench/javascript/index.js
	rm -f target/bench/go/bootstrap
	if command -v go; then cd $(BENCH)/peers/go && $(BENCH_GO) -o $(CURDIR)/target/bench/go/bootstrap .; fi
	mkdir -p target/unpacked
	cp $(basename $(ZIP)) target/unpacked/bootstrap
	$(VENV)/bin/python $(BENCH)/pack.py target/bench $(ALSO)
	target/bench/release/start-engines-bench target/bench $(ALSO)

$(BENCH)/peers/javascript/node_modules/.package-lock.json: $(BENCH)/peers/javascript/package-lock.json
	@echo "== installing what the JavaScript peer needs"
	cd $(BENCH)/peers/javascript && npm ci --ignore-scripts
	touch $@

.PHONY: bench-choices
bench-choices: $(VENV)/ready ## the same, with the function in the build variants that were not chosen: six minutes of builds
	CARGO_PROFILE_RELEASE_OPT_LEVEL=3 RUSTFLAGS="$(REMAP)" $(CHOICE)/opt-level-3 --target $(TARGET)
	CARGO_PROFILE_RELEASE_OPT_LEVEL=z RUSTFLAGS="$(REMAP)" $(CHOICE)/opt-level-z --target $(TARGET)
	RUSTFLAGS="$(REMAP)" $(CHOICE)/glibc --target $(subst musl,gnu,$(TARGET))
	$(MAKE) bench ALSO="$(foreach one,$(CHOICES),$(one)=target/choices/$(one)/start-engines-lambda/bootstrap)"

.PHONY: budget
budget: package ## check the limits of zip size, dependencies and, with valgrind, instructions (UPDATE_BUDGET=1 writes them)
	cargo test --locked --test it packed::budget::budget -- --ignored --exact --nocapture

.PHONY: model
model: ## run the largest world of the model checker: many minutes and gigabytes
	cargo test --locked --test model -- --ignored --nocapture

.PHONY: simulate
simulate: ## simulate many starts per second, with stops and reconciles, against AWS's throttling: direct, buffered, polling
	cargo build --release --locked --manifest-path $(LOAD)/Cargo.toml --target-dir target/load
	target/load/release/start-engines-load target/load/figures $(SIMULATE)

.PHONY: fleet
fleet: ## how calls, seconds and memory of an event grow with the number of live tasks (FLEET=100,1000,10000,100000)
	cargo build --release --locked --manifest-path $(LOAD)/Cargo.toml --target-dir target/load
	target/load/release/start-engines-load fleet target/load/figures $(or $(FLEET),100,1000,10000,100000)

.PHONY: command-fleet
command-fleet: ## what `status` and `reconcile` take with 1,000 and 10,000 tasks at 20 ms a call (TASKS=1000,10000)
	cargo build --release --locked --bin start-engines
	COMMAND=$(CURDIR)/target/release/start-engines cargo test --locked --test it command::large::report -- --ignored --exact --nocapture

.PHONY: cost
cost: ## dollars for a million task lives, with the durations that the last `make bench` measured
	@test -f target/bench/bench.json || { echo "cost: target/bench/bench.json does not exist: run make bench" >&2; exit 2; }
	cargo build --release --locked --manifest-path $(LOAD)/Cargo.toml --target-dir target/load
	target/load/release/start-engines-load cost target/bench/bench.json

.PHONY: bloat
bloat: $(TOOLS)/bin/cargo-bloat ## the size of the function's code by crate
	CARGO_PROFILE_RELEASE_STRIP=false PATH="$(CURDIR)/$(TOOLS)/bin:$$PATH" cargo bloat --release --package start-engines --no-default-features \
		--bin start-engines-lambda --target-dir target/bloat --crates

$(TOOLS)/bin/cargo-bloat:
	@echo "== installing cargo-bloat $(CARGO_BLOAT_VERSION)"
	cargo install --quiet --locked --root $(TOOLS) cargo-bloat --version $(CARGO_BLOAT_VERSION)

.PHONY: bench-pure
bench-pure: ## nanoseconds and allocations for an event without AWS: parse, decide, encode
	CRITERION_HOME=$(CURDIR)/target/criterion cargo bench --locked --manifest-path $(LOAD)/Cargo.toml --target-dir target/load --bench pure

.PHONY: seeds
seeds: ## simulate task lives with 1,000 seeds (SEEDS=n), or print the story of one seed (SEED=n)
	$(if $(SEED),,SEEDS=$(or $(SEEDS),1000)) cargo test --locked --test simulation thousands -- --nocapture

.PHONY: soak
soak: package ## 100,000 events with 2 % faults in one process: constant memory, no target left (SOAK_EVENTS=n)
	cargo test --locked --test it packed::soak::soak -- --ignored --nocapture

.PHONY: flood
flood: package ## 100,000 state changes in batches of 1,000 with 2 % faults: none lost, constant memory (FLOOD_EVENTS=n)
	cargo test --locked --test it packed::flood::flood -- --ignored --nocapture

DEPLOY_FLAGS = $(if $(YES),--yes) $(if $(DIFF),--diff) $(if $(REFRESH),--refresh)
.PHONY: deploy
deploy: ## deploy the example stack with pulumi up (STACK=dev; YES=1 DIFF=1 REFRESH=1), or list everything that is missing
	@$(PYTHON) pulumi/deploy.py up $(STACK) $(DEPLOY_FLAGS)

.PHONY: destroy
destroy: ## destroy the example stack (STACK=dev), after a check for tasks that still run
	@$(PYTHON) pulumi/deploy.py destroy $(STACK) $(DEPLOY_FLAGS)

.PHONY: lint
lint: $(FUZZ)/Cargo.lock ## check formatting, lints and documentation, as CI does
	cargo fmt --check --all
	cargo clippy --locked --all-targets -- -D warnings
	cargo fmt --check --manifest-path $(FUZZ)/Cargo.toml
	cargo fmt --check --manifest-path $(LOAD)/Cargo.toml
	cargo fmt --check --all --manifest-path $(BENCH)/Cargo.toml
	cargo clippy --locked --manifest-path $(BENCH)/Cargo.toml --target-dir target -p start-engines-bench -p floor -- -D warnings
	# Only checked, not linked: linking needs a nightly toolchain and libFuzzer.
	CUSTOM_LIBFUZZER_PATH=$(CURDIR)/target/libfuzzer.a cargo clippy --manifest-path $(FUZZ)/Cargo.toml --target-dir target -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps

$(TOOLS)/bin/cargo-fuzz:
	@echo "== installing cargo-fuzz $(CARGO_FUZZ_VERSION)"
	cargo install --quiet --locked --root $(TOOLS) cargo-fuzz --version $(CARGO_FUZZ_VERSION)

# Fuzz with the same versions of dependencies as the product.
$(FUZZ)/Cargo.lock: Cargo.lock
	cp $< $@

.PHONY: fuzz
fuzz: $(TOOLS)/bin/cargo-fuzz $(FUZZ)/Cargo.lock ## fuzz parsers and decisions, starting from the fixtures (FUZZ_SECONDS=60 for each target)
	@cargo +nightly --version >/dev/null 2>&1 || { echo "fuzz: a nightly toolchain is needed: rustup toolchain install nightly" >&2; exit 2; }
	@for target in $(FUZZ_TARGETS); do \
		echo "== fuzzing $$target for $(FUZZ_SECONDS) s"; \
		mkdir -p target/fuzz/corpus/$$target target/fuzz/seeds; \
		cp fixtures/events/*.json target/fuzz/seeds/; \
		PATH="$(CURDIR)/$(TOOLS)/bin:$$PATH" cargo +nightly fuzz run --fuzz-dir $(FUZZ) --target-dir target/fuzz \
			$$target target/fuzz/corpus/$$target target/fuzz/seeds -- \
			-max_total_time=$(FUZZ_SECONDS) -max_len=16384 -timeout=10 -print_final_stats=1 -print_funcs=0 -verbosity=0; \
	done

$(TOOLS)/bin/cargo-deny:
	@echo "== installing cargo-deny $(CARGO_DENY_VERSION)"
	cargo install --quiet --locked --root $(TOOLS) cargo-deny --version $(CARGO_DENY_VERSION)

.PHONY: deny
deny: $(TOOLS)/bin/cargo-deny ## check licenses, sources and banned crates of all dependencies
	$(TOOLS)/bin/cargo-deny --all-features check bans licenses sources

.PHONY: audit
audit: $(TOOLS)/bin/cargo-deny ## check for known vulnerabilities (needs the internet)
	$(TOOLS)/bin/cargo-deny --all-features check advisories

.PHONY: clean
clean: ## remove everything that was built or installed
	rm -rf target $(VENV) $(TOOLS) pulumi/node_modules pulumi/component/lib pulumi/plugin/lib pulumi/tests/consumers/oldest/node_modules $(BENCH)/peers/javascript/node_modules
