# AlphaPulse. `make` alone lists what there is.

SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

MODULES := proto shared services
# Modules of their own, outside go.work: tools and tests whose dependencies
# would clash with those of the services.
APART   := $(patsubst %/go.mod,%,$(wildcard services/internal/*/go.mod))

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
TOOLS   := $(CURDIR)/.tools
GOLANGCI_VERSION := v2.15.0
GOLANGCI := $(TOOLS)/golangci-lint-$(GOLANGCI_VERSION)

# Arguments for `up`: make run ARGS='--http 127.0.0.1:8081'
ARGS ?=
# Arguments for `go test`: make test TESTFLAGS='-run TestClaim'
TESTFLAGS ?=
# How long `make fuzz` tries each target: inputs (1000x) or time (30s)
FUZZTIME ?= 1000000x
# The fault matrix: which fault comes when, for how long, and which of them.
SEED     ?= 1
DURATION ?= 10m
FAULTS   ?= all
# STRICT=1 makes an error of what otherwise is only reported as not run.
STRICT ?=

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: postgres build ## everything on this machine, with a stand-in exchange and a demo account
	@exec bin/alphapulse up --demo $(ARGS)

.PHONY: bench
bench: postgres build ## measure against the limits of this machine: make bench ARGS='burn_down --rounds 3'
	@exec bin/alphapulse bench $(ARGS)

.PHONY: test
test: gcc postgres prometheus ## all tests of all modules, with the race detector, in random order
	go test -race -shuffle=on -count=1 -timeout 15m $(TESTFLAGS) $$(go list work | grep -Ev '/e2e/(years|monitoring)$$')
	@echo "== the points where a test can end a process"
	go test -race -count=1 -tags failpoints $(TESTFLAGS) ./shared/failpoint
	@echo "== a year of history"
	go test -race -shuffle=on -count=1 -timeout 15m $(TESTFLAGS) ./services/internal/e2e/years
	@echo "== alerts and dashboards, by the clock of a real Prometheus"
	go test -race -shuffle=on -count=1 -timeout 15m $(TESTFLAGS) ./services/internal/e2e/monitoring
	@for module in $(APART); do \
		echo "== $$module"; \
		(cd $$module && GOWORK=off go test -race -shuffle=on -count=1 -timeout 10m $(TESTFLAGS) ./...); \
	done

.PHONY: chaos
chaos: postgres ## the fault matrix: make chaos SEED=7 DURATION=10m FAULTS='broker_*,failover' (FAULTS=list names them)
	@cd services/internal/chaos && GOWORK=off go build -o $(CURDIR)/bin/chaos .
	@exec bin/chaos --seed $(SEED) --duration $(DURATION) --faults '$(FAULTS)'

.PHONY: cells
cells: postgres ## each cell of the fault matrix as a test of its own: make cells FAULTS=broker_killed
	cd services/internal/chaos && GOWORK=off FAULTS='$(FAULTS)' go test -tags cells -run TestCell -v -count=1 -timeout 2h $(TESTFLAGS) .

.PHONY: mutations
mutations: gcc postgres ## take away each guard in turn and see the tests go red; writes docs/mutations.md
	go run ./services/internal/mutation

.PHONY: allocations
allocations: postgres ## Go benchmarks of what every job does; fails if one allocates more than is on record
	go run ./services/internal/allocations

.PHONY: outage
outage: postgres ## 100,000 jobs in lane backfill drained beside live work; prints how soon live jobs start
	@cd services/internal/chaos && GOWORK=off go build -o $(CURDIR)/bin/chaos .
	@exec bin/chaos outage

.PHONY: soak
soak: postgres ## ten minutes without faults: what grows? (DURATION=10m)
	@cd services/internal/chaos && GOWORK=off go build -o $(CURDIR)/bin/chaos .
	@exec bin/chaos soak --duration $(DURATION)

.PHONY: fuzz
fuzz: postgres ## a million inputs for each decoder of the exchange's answers, messages and API calls (FUZZTIME=30s)
	@for package in ./services/worker/exchange/bybit ./shared/queue ./services/api ./services/alphapulse; do \
		for target in $$(go test -list '^Fuzz' $$package | grep '^Fuzz'); do \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1x $$package; \
		done; \
	done

.PHONY: build
build: ## bin/alphapulse, a static binary
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/alphapulse ./services/alphapulse

.PHONY: lint
lint: $(GOLANGCI) ## golangci-lint and gofumpt in every module, shellcheck on the scripts
	@$(GOLANGCI) config verify
	@for module in $(MODULES) $(APART); do \
		echo "== $$module"; \
		mode=; case "$$module" in services/internal/*) mode=off;; esac; \
		(cd $$module && export GOWORK=$$mode && \
			$(GOLANGCI) fmt --config $(CURDIR)/.golangci.yml --diff && \
			$(GOLANGCI) run --config $(CURDIR)/.golangci.yml ./...); \
	done
	@if command -v shellcheck >/dev/null; then \
		echo "== shellcheck"; \
		shellcheck .ci/run $$(find deployments proto -name '*.sh'); \
	else \
		echo "NOT RUN: shellcheck is not installed (Debian: apt-get install shellcheck)" >&2; \
		[ -z "$(STRICT)" ]; \
	fi

.PHONY: generate
generate: ## Go from the protocol definitions
	proto/generate.sh

.PHONY: check-generate
check-generate: ## fail if the generated code is not what `make generate` makes
	@copy=$$(mktemp -d); trap 'rm -rf "$$copy"' EXIT; \
	cp -R proto "$$copy/proto"; \
	"$$copy/proto/generate.sh"; \
	diff -r proto "$$copy/proto" || { \
		echo "The generated code is not up to date: run 'make generate' and commit the result." >&2; \
		exit 1; \
	}

.PHONY: boundary
boundary: ## each module alone: builds, vets, has a tidy go.mod; nobody imports against the design
	@for module in $(MODULES) $(APART); do \
		echo "== $$module"; \
		(cd $$module && export GOWORK=off && go build ./... && go vet ./... && go mod tidy -diff); \
	done
	@versions=$$(sed -n 's/^go //p' go.work $(addsuffix /go.mod,$(MODULES) $(APART)) | sort -u); \
	[ "$$(wc -l <<<"$$versions")" = 1 ] || { \
		echo "go.work and the go.mod files name different versions of Go:" $$versions >&2; exit 1; \
	}
	go test -count=1 ./services/internal/boundary

.PHONY: up
up: engine ## the fleet in containers, with the stand-in exchange (docker compose)
	deployments/make-secrets.sh
	docker compose --profile demo up --build --detach --wait
	@echo "The API answers on http://127.0.0.1:$${ALPHAPULSE_PORT:-8080}; the token is in deployments/secrets/api_token."

.PHONY: down
down: engine ## stop the containers; their data stays (docker compose down --volumes removes it)
	docker compose --profile demo down

# What the targets above need.

.PHONY: postgres
postgres:
	@deployments/install-postgres.sh

.PHONY: prometheus
prometheus:
	@deployments/install-prometheus.sh

.PHONY: gcc
gcc:
	@compiler=$$(go env CC); command -v "$${compiler%% *}" >/dev/null || { \
		echo "The race detector needs a C compiler, and $$compiler is not installed." >&2; \
		echo "Debian or Ubuntu: apt-get install -y gcc libc6-dev; macOS: xcode-select --install." >&2; \
		exit 1; \
	}

.PHONY: engine
engine:
	@docker compose version >/dev/null 2>&1 || { \
		echo "docker compose is not installed (https://docs.docker.com/engine/install/)." >&2; \
		echo "'make run' starts the same without containers." >&2; \
		exit 1; \
	}
	@docker info >/dev/null 2>&1 || { \
		echo "There is no Docker engine to talk to: is it running, and may this user use it?" >&2; \
		echo "'make run' starts the same without containers." >&2; \
		exit 1; \
	}

$(GOLANGCI):
	@mkdir -p $(TOOLS)
	GOWORK=off GOBIN=$(TOOLS) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	@mv $(TOOLS)/golangci-lint $@
