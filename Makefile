# Countersign. `make` lists the targets. Only Go is needed for build, run and `go test ./...`;
# make test installs the rest on Debian.

SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
BUILD   ?= build
STEP    := .ci/step

# Packages with goroutines of their own: tested a second time under the race detector. Only those that exist.
CONCURRENT    ?= review/sqlstore notegen adapters api internal/embeddednats internal/workqueue internal/mllp internal/ehrsim internal/keyring internal/smartauth cmd/countersign
RACE_PACKAGES ?= $(foreach p,$(CONCURRENT),$(if $(wildcard $(p)),./$(p)/...))
# Arguments for every go test, such as TESTFLAGS='-run TestRun -v'.
TESTFLAGS ?=
# What `make bench` runs, and with which further arguments.
BENCHES    ?= pipeline
BENCHFLAGS ?=
# For soak and chaos.
MINUTES ?= 30
SEED    ?= $(shell date +%s)
# Arguments of the demo, such as ARGS='--auto --json'.
ARGS ?=
STATICCHECK ?= honnef.co/go/tools/cmd/staticcheck@v0.7.0

.PHONY: help
help: ## list the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## both programs, into build/
	@$(STEP) "build $(VERSION)" env CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o $(BUILD)/ ./cmd/...

.PHONY: run
run: ## the demo: everything embedded, simulated EHRs (ARGS='--auto --json')
	@go run ./cmd/countersign demo $(ARGS)

.PHONY: test
test: export COUNTERSIGN_REQUIRE_POSTGRES = 1
test: export COUNTERSIGN_REQUIRE_PEERS = 1
test: ## everything that CI runs; installs what is missing (Debian)
	@$(STEP) "install what is missing" .ci/install
	@$(STEP) "gofmt" .ci/gofmt
	@$(STEP) "go vet" go vet -tags integration ./...
	@$(STEP) "go test" go test -timeout 20m $(TESTFLAGS) ./...
	@$(STEP) "go test -race, packages with goroutines" go test -race -timeout 20m $(TESTFLAGS) $(RACE_PACKAGES)
	@if compgen -G 'integration-tests/*.go' >/dev/null; then $(STEP) "whole-system tests" go test -tags integration -count=1 -timeout 30m $(TESTFLAGS) ./integration-tests/...; \
	else echo "==> whole-system tests: there are none in integration-tests yet"; fi
	@echo "make test: all passed"

.PHONY: generate
generate: ## write all generated files anew
	@if [ -x internal/tools/proto.sh ]; then $(STEP) "generate from proto" internal/tools/proto.sh; fi
	@$(STEP) "go generate" go generate ./...

.PHONY: verify
verify: ## generate, then fail on any difference
	@MAKE='$(MAKE)' $(STEP) "verify generated files" .ci/verify

.PHONY: lint
lint: ## golangci-lint if it is installed, staticcheck otherwise
	@if command -v golangci-lint >/dev/null; then $(STEP) "golangci-lint" golangci-lint run ./...; \
	else $(STEP) "staticcheck" go run $(STATICCHECK) -tags integration ./...; fi

.PHONY: bench
bench: ## throughput and latency, as ratios to raw limits (BENCHES=… BENCHFLAGS=…)
	@mkdir -p $(BUILD) && go build -o $(BUILD)/ ./cmd/countersign
	@for b in $(BENCHES); do $(STEP) "bench $$b" $(BUILD)/countersign bench $$b $(BENCHFLAGS); done

.PHONY: soak
soak: ## a long steady load (MINUTES=30)
	@COUNTERSIGN_MINUTES=$(MINUTES) $(STEP) "soak, $(MINUTES) minutes" .ci/long '^TestSoak'

.PHONY: chaos
chaos: ## faults at random, repeatable by seed (SEED=… MINUTES=30)
	@COUNTERSIGN_MINUTES=$(MINUTES) COUNTERSIGN_SEED=$(SEED) $(STEP) "chaos, seed $(SEED), $(MINUTES) minutes" .ci/long '^TestChaos'

.PHONY: cover
cover: ## test coverage, per package and as build/cover.html
	@mkdir -p $(BUILD)
	@$(STEP) "go test -cover" go test -coverprofile=$(BUILD)/cover.out $(TESTFLAGS) ./...
	@go tool cover -html=$(BUILD)/cover.out -o $(BUILD)/cover.html
	@go tool cover -func=$(BUILD)/cover.out | tail -1

.PHONY: clean
clean: ## remove what was built here; data of local runs stays
	@rm -rf $(BUILD)
