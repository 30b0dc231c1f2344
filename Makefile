# Orizuru: what a person or the CI runs. `make` alone prints the list.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

SWIFT ?= swift
PORT ?= 8080
BUILD := .build
# One scratch path per configuration: switching flags in one folder would rebuild everything each time.
ALL_TRAITS_BUILD := .build/all-traits
VENV := .build/venv
# How long each fuzz target and each long stress run takes, in seconds.
FUZZ_SECONDS ?= 60
STRESS_SECONDS ?= 60
# What of the cache to measure, all by default, e.g. BENCH_CACHE='--only "100k zipf get" --subject borrowed --threads 2'.
BENCH_CACHE ?=

CORE_PACKAGES := libpng-dev libturbojpeg0-dev
# One library for each package trait, by the order of Package.swift.
TRAIT_PACKAGES := libsqlite3-dev libtiff-dev libopenslide-dev libhiredis-dev libjpeg62-turbo-dev
TEST_PACKAGES := $(CORE_PACKAGES) $(TRAIT_PACKAGES) redis-server curl python3-venv chromium chromium-driver gdal-bin nginx-light \
	varnish apache2-utils nghttp2-client wrk slowhttptest libjs-leaflet
STRESS_PACKAGES := $(CORE_PACKAGES) spin gcc
BENCH_PACKAGES := $(CORE_PACKAGES) redis-server nginx-light wrk strace valgrind h2o varnish libhttp-parser-dev linux-perf curl \
	python3-minimal $(TRAIT_PACKAGES) libvips-tools

.PHONY: help serve serve-all build test unit-test core-links sanitizers browser-test interop-test archives-test clients lint format bench \
	bench-render bench-family bench-cache bench-http bench-latency bench-parser bench-bloom bench-shared bench-prewarm profile stress clean \
	sample core-packages trait-packages test-packages bench-eviction bench-lookahead bench-build \
	bench-packages stress-packages bench-disk bench-promises

help: ## print this list
	@grep -hE '^[a-z-]+%?:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 22

# ---------------------------------------------------------------------------------------------------- packages

# Installs what dpkg does not know as installed, and says so; does nothing, and needs no network, when all is there.
define install
	@command -v $(SWIFT) >/dev/null || { echo "Swift 6.3 is needed: https://www.swift.org/install" >&2; exit 1; }
	@missing=; for package in $(1); do \
		dpkg-query -W -f='$${Status}' $$package 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$package"; \
	done; \
	if [ -n "$$missing" ]; then \
		echo "installing:$$missing"; \
		sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; \
		$$sudo apt-get update -qq; \
		DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	fi
endef

core-packages:
	$(call install,$(CORE_PACKAGES))

trait-packages:
	$(call install,$(CORE_PACKAGES) $(TRAIT_PACKAGES))

test-packages:
	$(call install,$(TEST_PACKAGES))

bench-packages:
	$(call install,$(BENCH_PACKAGES))

stress-packages:
	$(call install,$(STRESS_PACKAGES))

# ------------------------------------------------------------------------------------------------------- serve

build: core-packages ## build the release command
	$(SWIFT) build -c release --product orizuru

serve: build ## build a release and serve tiles-sample (PORT=8080)
	@echo "serving tiles-sample on http://127.0.0.1:$(PORT)/ - Ctrl-C ends it"
	@exec $(BUILD)/release/orizuru serve tiles-sample --listen 127.0.0.1:$(PORT)

serve-all: trait-packages ## the same with every optional integration
	$(SWIFT) build -c release --product orizuru --enable-all-traits --scratch-path $(ALL_TRAITS_BUILD)
	@echo "serving tiles-sample on http://127.0.0.1:$(PORT)/ - Ctrl-C ends it"
	@exec $(ALL_TRAITS_BUILD)/release/orizuru serve tiles-sample --listen 127.0.0.1:$(PORT)

sample: build ## write tiles-sample anew
	$(BUILD)/release/orizuru sample --replace tiles-sample

# -------------------------------------------------------------------------------------------------------- test

test: test-packages lint unit-test core-links sanitizers clients browser-test interop-test archives-test ## install what is missing and run everything
	@echo "make test: everything passed"

unit-test: trait-packages ## build and run the tests of every module, every trait on, and of the built command
	$(SWIFT) build --build-tests --enable-all-traits --scratch-path $(ALL_TRAITS_BUILD)
	@# The last lines of a failed run name what failed.
	@mkdir -p $(BUILD) && { $(SWIFT) test --skip-build --enable-all-traits --scratch-path $(ALL_TRAITS_BUILD) 2>&1 | tee $(BUILD)/unit-test.log; } \
		|| { echo "unit-test: what failed:" >&2; grep -aE '✘ .*(recorded an issue|failed after)|↳ ' $(BUILD)/unit-test.log | tail -n 60 >&2; exit 1; }

core-links: build ## check that the core links no third-party library but libpng, zlib and libturbojpeg
	@extra=$$(ldd $(BUILD)/release/orizuru | awk '{print $$1}' \
		| grep -vE '^(linux-vdso|/lib64/ld-linux|lib(c|m|dl|pthread|rt|stdc\+\+|gcc_s|png16|z|turbojpeg)\.so)' \
		| grep -vE '^lib(swift|Foundation|_Foundation|dispatch|BlocksRuntime)' || true); \
	if [ -n "$$extra" ]; then echo "the core links more than it may: $$extra" >&2; exit 1; fi
	@echo "core-links: libpng, zlib and libturbojpeg only"

sanitizers: core-packages ## short stress runs: resident size, the thread and the address sanitizer, the canary
	Tests/Stress/run short

clients: build ## ab, h2load, curl, wrk and slowhttptest against the server
	Tests/orizuruTests/clients $(BUILD)/release/orizuru

browser-test: build $(VENV)/packages-are-there ## the pages in headless Chromium
	Tests/Browser/run $(VENV)/bin/python $(BUILD)/release/orizuru

interop-test: build $(VENV)/packages-are-there ## validators, GDAL and Python libraries ask a running server
	Tests/Interop/run $(VENV)/bin/python $(BUILD)/release/orizuru

PYTHON_PACKAGES := $(addprefix Tests/,Browser/requirements.txt Interop/requirements.txt Archives/requirements.txt)

$(VENV)/packages-are-there: $(PYTHON_PACKAGES)
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check $(addprefix --requirement ,$(PYTHON_PACKAGES))
	@touch $@

archives-test: test-packages $(VENV)/packages-are-there ## the shared maps, served and exported, against other readers
	$(SWIFT) build --product orizuru --enable-all-traits --scratch-path $(ALL_TRAITS_BUILD)
	Tests/Archives/run $(VENV)/bin/python $(ALL_TRAITS_BUILD)/debug/orizuru

stress: stress-packages ## the long runs: sanitizers, models, every fuzz target (STRESS_SECONDS, FUZZ_SECONDS)
	Tests/Stress/run long $(STRESS_SECONDS)
	Tests/Fuzz/run $(FUZZ_SECONDS)

# ------------------------------------------------------------------------------------------------- benchmarks

bench: bench-render bench-family bench-cache bench-disk bench-promises bench-http bench-latency bench-parser bench-bloom bench-shared bench-eviction bench-lookahead bench-prewarm bench-build ## run every benchmark

bench-render: core-packages ## a family's cost next to the codec's own
	$(SWIFT) build -c release --product bench-render
	$(BUILD)/release/bench-render

bench-build: bench-packages ## builds next to vips dzsave, and what residuals lose at which size
	$(SWIFT) build -c release --product orizuru --enable-all-traits --scratch-path $(ALL_TRAITS_BUILD)
	$(SWIFT) build -c release --product bench-build --enable-all-traits --scratch-path $(ALL_TRAITS_BUILD)
	$(ALL_TRAITS_BUILD)/release/bench-build

bench-family: build ## a cold family as clients see it, and what a tile costs at saturation
	$(SWIFT) build -c release --product bench-family
	$(BUILD)/release/bench-family

bench-lookahead: build ## recorded viewers in real time, with and without look-ahead: who waits, and what it costs
	$(SWIFT) build -c release --product bench-family
	$(BUILD)/release/bench-family --look-ahead

bench-prewarm: build ## a pre-warm of 10,000 families: requests, memory, who works, and who waits
	$(SWIFT) build -c release --product bench-prewarm
	$(BUILD)/release/bench-prewarm

bench-cache: core-packages ## the memory cache next to locked ones, and to DashMap where cargo and Debian's packages are
	$(SWIFT) build -c release --product bench-cache
	Tests/Benchmarks/Cache/dashmap/build $(BUILD)/bench/dashmap || [ $$? = 3 ]
	$(BUILD)/release/bench-cache $(BENCH_CACHE)

bench-disk: trait-packages ## the disk tier next to SQLite, a start with a million tiles, hits beside a disk that stands still
	$(SWIFT) build -c release --product orizuru --enable-all-traits --scratch-path $(ALL_TRAITS_BUILD)
	$(SWIFT) build -c release --product delayed-disk --enable-all-traits --scratch-path $(ALL_TRAITS_BUILD)
	$(SWIFT) build -c release --product bench-disk --enable-all-traits --scratch-path $(ALL_TRAITS_BUILD)
	$(ALL_TRAITS_BUILD)/release/bench-disk

bench-promises: build ## what older designs promised, beside what is
	$(SWIFT) build -c release --product bench-promises
	$(BUILD)/release/bench-promises

bench-eviction: core-packages ## hit ratios of the memory cache's policy next to others', on recorded and generated traces
	$(SWIFT) build -c release --product bench-eviction
	$(BUILD)/release/bench-eviction

bench-http: bench-packages build ## a hot tile next to nginx, h2o and varnish
	$(SWIFT) build -c release --product bench-http
	$(SWIFT) build -c release --product allocation-counter
	$(SWIFT) build -c release --product hello-server
	$(SWIFT) build -c release --product bare-loop
	$(BUILD)/release/bench-http --path /dzi/tissue_files/12/5_3.jpg -- orizuru serve tiles-sample --no-disk-cache --listen 127.0.0.1:0 \
		--http-connections 12000

bench-latency: bench-packages build $(BUILD)/bench/large-slide ## who waits for whom: slow clients, busy workers, busy reactors
	$(SWIFT) build -c release --product bench-latency
	$(BUILD)/release/bench-latency

# A slide whose tiles are never all in a small memory.
$(BUILD)/bench/large-slide: | build
	mkdir -p $(BUILD)/bench
	$(BUILD)/release/orizuru sample --size 8192x8192 $@

bench-parser: bench-packages ## instructions per request, next to libhttp-parser's
	$(SWIFT) build -c release --product bench-parser
	Tests/Benchmarks/Parser/run $(BUILD)/release/bench-parser

bench-bloom: core-packages ## the Bloom filter next to one of 16 shards with a shared counter
	$(SWIFT) build -c release --product bench-bloom
	$(BUILD)/release/bench-bloom

bench-shared: bench-packages trait-packages ## the shared tier: round trips, and latency while it hangs
	$(SWIFT) build -c release --product orizuru --enable-all-traits --scratch-path $(ALL_TRAITS_BUILD)
	$(SWIFT) build -c release --product bench-shared --enable-all-traits --scratch-path $(ALL_TRAITS_BUILD)
	$(ALL_TRAITS_BUILD)/release/bench-shared --server $(ALL_TRAITS_BUILD)/release/orizuru

profile: bench-packages build ## a flame graph of a run of hits, in .build/profile
	Tests/Benchmarks/HTTP/profile $(BUILD)/release/orizuru

# ------------------------------------------------------------------------------------------------------- code

lint: ## check the format of every Swift file, warnings are errors
	$(SWIFT) format lint --strict --parallel --recursive Package.swift Sources Tests docs

format: ## format every Swift file in place
	$(SWIFT) format --in-place --parallel --recursive Package.swift Sources Tests docs

clean: ## remove everything that was built
	rm -rf .build
