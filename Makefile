# `make` lists the targets. `make demo` and `make test` need only Go, git and
# make on a Debian-like machine: hack/setup.sh installs the rest, and says so.

SHELL := /bin/sh
.DEFAULT_GOAL := help

# podman's bindings without its server side: no C libraries. Only the race
# detector needs cgo, and then podman's storage must not look for btrfs' headers.
TAGS := remote containers_image_openpgp exclude_graphdriver_btrfs
export CGO_ENABLED := 0
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
COMMIT := $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
# Where modules come from on machines without go: the go command's own default. What
# this machine is configured for is nobody else's, and may have a password in it.
GOPROXY_DEFAULT := $(shell unset GOPROXY; GOENV=off go env GOPROXY 2>/dev/null)
LDFLAGS := -s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT) -X 'main.goproxy=$(GOPROXY_DEFAULT)'

CACHE := $(or $(LAZYBUILD_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/lazybuild-dev)
# What setup.sh found this host to need, for every command that runs podman.
WITHENV := . '$(CACHE)/env' &&
# Time that `make fuzz` gives each target.
FUZZTIME ?= 60s
# Extra arguments for go test: make e2e ARGS='-run Parity -v'.
ARGS ?=

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build bin/lazybuild, a static binary
	go build -trimpath -tags '$(TAGS)' -ldflags '$(LDFLAGS)' -o bin/lazybuild ./cmd/lazybuild

.PHONY: dist
dist: ## Build the binaries of a release in dist: Linux and macOS, amd64 and arm64
	go run ./hack/dist -tags '$(TAGS)' -ldflags "$(LDFLAGS)" -o dist
	go test -tags '$(TAGS) carry' -count=1 ./pkg/carried

.PHONY: setup
setup: ## Install what tests and demo need (apt-get, needs root or sudo) and make the base image
	./hack/setup.sh

.PHONY: demo
demo: setup build ## Build a small application lazily, three times, against a prefetch
	$(WITHENV) go run -tags '$(TAGS)' ./hack/demo

.PHONY: test
test: setup vet lint unit e2e ## All tests: vet, the linters, unit with the race detector, end to end on real podman

.PHONY: unit
unit: ## Unit tests with the race detector
	$(WITHENV) CGO_ENABLED=1 go test -race -tags '$(TAGS)' $(ARGS) ./cmd/... ./pkg/... ./hack/... ./bench/... ./internal/... ./e2e/prefetch

.PHONY: e2e
e2e: build ## End-to-end tests (after `make setup`)
	$(WITHENV) go test -tags '$(TAGS) e2e' -timeout 30m -count=1 $(ARGS) ./e2e/...

.PHONY: e2e-all
e2e-all: build ## End-to-end tests on every podman: 4.3 and 5.4, rootful, rootless, remote (ARGS='-r TESTS CELL…')
	go test -c -tags '$(TAGS) e2e' -o bin/e2e.test ./e2e/
	./hack/e2e-all.sh $(ARGS)

.PHONY: e2e-dnf5
e2e-dnf5: build ## The end-to-end test with dnf 5, in an image of Debian unstable
	./hack/image-rpm.sh dnf5
	$(WITHENV) LAZYBUILD_E2E_DNF5=1 go test -tags '$(TAGS) e2e' -timeout 30m -count=1 -run Dnf5 $(ARGS) ./e2e/

KILLS ?= 20000
BUILDKILLS ?= 300
.PHONY: torture
torture: build ## Kill writers of the store at KILLS (20000) random steps, and BUILDKILLS (300) builds
	LAZYBUILD_KILLS='$(KILLS)' go test -count=1 -timeout 24h -run TestKillAtRandom -v $(ARGS) ./pkg/store
	$(WITHENV) LAZYBUILD_BUILD_KILLS='$(BUILDKILLS)' go test -tags '$(TAGS) e2e' -timeout 24h -count=1 -run TestKillsAtRandom -v $(ARGS) ./e2e/

SOAK ?= 20m
.PHONY: soak
soak: build ## Sixteen builds at once over a bad network, for SOAK (20m)
	$(WITHENV) LAZYBUILD_SOAK='$(SOAK)' go test -tags '$(TAGS) e2e' -timeout 24h -count=1 -run TestSoak -v $(ARGS) ./e2e/

.PHONY: bench
bench: build ## Builds with lazybuild against all other ways, on three links (40 minutes; ARGS=-quick: three)
	$(WITHENV) go run -tags '$(TAGS)' ./bench $(ARGS)

.PHONY: bench-start
bench-start: build ## Start-up and a rebuild with nothing to do, over plain podman build (five minutes)
	$(WITHENV) go run -tags '$(TAGS)' ./bench/start -out docs/benchmarks/start.md $(ARGS)

.PHONY: bench-read
bench-read: build ## Reading through the mount, against a plain directory (two minutes)
	$(WITHENV) go run -tags '$(TAGS)' ./bench/read -out docs/benchmarks/read.md $(ARGS)

.PHONY: bench-large
bench-large: build ## One file of 1.5 GB, against aria2c (four minutes; needs aria2c)
	$(WITHENV) go run -tags '$(TAGS)' ./bench/large -rounds 3 -out docs/benchmarks/large.md $(ARGS)

.PHONY: bench-go
bench-go: build ## Go benchmarks of the packages
	$(WITHENV) go test -tags '$(TAGS)' -run '^$$' -bench . -benchmem $(ARGS) ./pkg/... ./cmd/...

.PHONY: bench-check
bench-check: ## Go benchmarks against those of the merge base, by ratio
	$(WITHENV) TAGS='$(TAGS)' ./hack/bench-check.sh $(ARGS)

.PHONY: bench-rpm
bench-rpm: build ## Headers against whole packages, for a real lock of 864 RPMs
	$(WITHENV) go run -tags '$(TAGS)' ./bench/rpm $(ARGS)

.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZTIME (60s)
	FUZZTIME='$(FUZZTIME)' TAGS='$(TAGS)' ./hack/fuzz.sh

.PHONY: fuzz-smoke
fuzz-smoke: ## Run the seeds and kept inputs of every fuzz target (so does `make unit`)
	TAGS='$(TAGS)' ./hack/fuzz.sh smoke

.PHONY: vet
vet: ## go vet and gofmt
	@files=$$(gofmt -l cmd pkg internal e2e hack bench); [ -z "$$files" ] || { echo "gofmt would change: $$files" >&2; exit 1; }
	go vet -tags '$(TAGS) e2e' ./...
	GOOS=darwin go vet -tags '$(TAGS)' ./...

.PHONY: lint
lint: vet ## go vet, gofmt and golangci-lint (import rules, staticcheck, …)
	./hack/lint.sh

.PHONY: vuln
vuln: ## Known vulnerabilities in the dependencies (asks the Go vulnerability database)
	TAGS='$(TAGS)' ./hack/vuln.sh

.PHONY: fmt
fmt: ## Format the Go code
	gofmt -w cmd pkg internal e2e hack bench

.PHONY: clean
clean: ## Remove what make built here (the cache outside the repository stays)
	rm -rf bin dist pkg/carried/*.gz
