# One Makefile for people and for CI. `make` alone lists what there is.
#
# Stamps in .venv/stamps remember what is done, so that a repeated call is instant and a changed source is rebuilt; they
# vanish together with the .venv that they vouch for.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := help

# Without bytecode each process that the tests start would compile all of the host again.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
LISTEN ?= 127.0.0.1:8080
PYTEST_ARGS ?=
BENCH_ARGS ?=
VERSIONS ?=
PYTHONS ?=
FRAMEWORKS ?=

# Of the packages in pyproject.toml, with their versions, those that a host imports that serves a file.
SERVING_PACKAGES := $(shell sed -n 's/^    "\(\(cffi\|uvloop\|httptools\|prometheus-client\|cramjam\|lz4\)[>=].*\)",$$/'"'\\1'"'/p' pyproject.toml)

BIN := .venv/bin
# Bytecode is written when a module is first imported; of what the packages bring, most never is. To compile all of it
# takes 20 s of CPU time.
PIP_INSTALL := $(BIN)/pip install -q --no-compile
# What each start of Python runs for setuptools, protobuf and coloredlogs, a third of the start: it is there for packages
# that import distutils without setuptools, for Python 2, and for a variable that nobody sets. The tests start thousands.
RUN_AT_EACH_START := .venv/lib/python3.*/site-packages/{distutils-precedence,protobuf-*-nspkg,coloredlogs}.pth
STAMPS := .venv/stamps
NATIVE_SOURCES := $(wildcard native/*.py native/src/*.h native/src/*.cc native/src/*.c native/src/*.S native/runtime.map native/include/eas/*.h native/worker/*.cc native/guardian/*.cc native/symbolizer/*.cc native/memory_check/*.h native/memory_check/*.cc)
JAVA_SOURCES := $(wildcard java/*.py java/native/*.cc java/native/*.h) $(shell find java/src -name '*.java' 2>/dev/null)
LINT_READY := setup $(STAMPS)/lint-extra $(STAMPS)/test-extra
FORMATTED := $(shell find examples bench tests java -name '*.cc' -o -name '*.c' -o -name '*.h')

## setup: a .venv with what the host needs to run, and the host itself; installs what the system lacks
.PHONY: setup
setup: $(STAMPS)/installed
	@:

$(STAMPS)/venv: scripts/bootstrap.sh
	@PYTHON='$(PYTHON)' scripts/bootstrap.sh
	@echo 'setup: .venv, a virtual environment of $(PYTHON)'
	@'$(PYTHON)' -m venv .venv
	@mkdir -p $(@D) && touch $@

# What a build needs is installed first and used without isolation: the headers of the interpreter that will load it.
# What the host imports to serve a file comes with it; the other packages take longer and are not needed to run it.
$(STAMPS)/packages: $(STAMPS)/venv pyproject.toml
	@echo 'setup: the Python packages that a build needs, and those that serve'
	@$(PIP_INSTALL) 'setuptools>=77' 'setuptools-scm>=8' wheel $(SERVING_PACKAGES)
	@touch $@

$(STAMPS)/native: $(STAMPS)/packages setup.py $(NATIVE_SOURCES)
	@echo "setup: eas-host and its part in C++, compiled on $$(nproc) cores"
	@rm -f host/eas_host/_native*.so  # an older module under another of Python's suffixes would be preferred
	@EAS_HOST_BUILD_JAVA=0 $(BIN)/pip install -q --no-build-isolation --no-deps -e .
	@touch $@

$(STAMPS)/java: $(STAMPS)/native $(JAVA_SOURCES)
	@PYTHON='$(PYTHON)' flock $(STAMPS) scripts/bootstrap.sh java
	@echo 'setup: the Java bridge'
	@$(BIN)/python java/build_java.py host/eas_host/java/eas-host-bridge.jar
	@touch $@

$(STAMPS)/installed: $(STAMPS)/native $(STAMPS)/java pyproject.toml
	@echo 'setup: the other Python packages of eas-host'
	@flock $(STAMPS) $(PIP_INSTALL) eas-host
	@rm -f $(RUN_AT_EACH_START)
	@touch $@

# The packages of an extra in pyproject.toml, for the host that is installed already: it is not built again.
# One pip, and one package manager, after the other, also where make runs several jobs.
$(STAMPS)/examples-extra $(STAMPS)/test-extra $(STAMPS)/lint-extra $(STAMPS)/docs-extra $(STAMPS)/dist-extra $(STAMPS)/versions-extra: $(STAMPS)/%-extra: pyproject.toml | $(STAMPS)/installed
	@echo 'setup: the Python packages of "$*"'
	@flock $(STAMPS) $(PIP_INSTALL) 'eas-host[$*]'
	@rm -f $(RUN_AT_EACH_START)
	@touch $@

$(STAMPS)/test-packages: $(STAMPS)/venv scripts/bootstrap.sh
	@PYTHON='$(PYTHON)' flock $(STAMPS) scripts/bootstrap.sh test bench
	@touch $@

$(STAMPS)/example-packages: $(STAMPS)/venv
	@PYTHON='$(PYTHON)' flock $(STAMPS) scripts/bootstrap.sh examples
	@touch $@

## examples: the processors in examples/, each into its own build/ folder
.PHONY: examples echo echo-cpp
examples: echo $(STAMPS)/example-packages $(STAMPS)/examples-extra
	@$(MAKE) --no-print-directory -C examples/image_classification/cpp
	@# So short a program takes less time where the JVM does not optimise it: two thirds.
	@MAVEN_OPTS='-XX:TieredStopAtLevel=1 -XX:+UseSerialGC' $(MAKE) --no-print-directory -C examples/image_classification/java

echo: echo-cpp $(STAMPS)/java
	@$(MAKE) --no-print-directory -C examples/echo/java

echo-cpp: $(STAMPS)/venv
	@$(MAKE) --no-print-directory -C examples/echo/cpp

## run: serves the C++ echo on LISTEN=127.0.0.1:8080 and prints the curl line to try
.PHONY: run
run: $(if $(wildcard $(STAMPS)/installed),setup,$(STAMPS)/native) echo-cpp
	@exec scripts/run.sh --entry examples/echo/cpp/build/libecho.so --model-entry examples/echo/model --listen '$(LISTEN)'

# None of it waits for what it does not need: packages come while the host is compiled, and the last native tests, which
# mostly wait, run beside the first ones of Python.
## test: the native tests, plain and under each sanitizer, and the Python tests, on all cores (PYTEST_ARGS="-k name")
.PHONY: test test-native test-python test-python-ready
test:
	@$(MAKE) --no-print-directory --jobs=$$(nproc) test-native test-python

test-native: setup $(STAMPS)/test-packages
	@$(MAKE) --no-print-directory -C native test-all

# What the Python tests need, which is made while the native tests run.
test-python-ready: setup examples $(STAMPS)/test-extra $(STAMPS)/test-packages
	@# The tests are compiled once, and not by each process of pytest; what is wrong with them these report.
	@test -d tests/__pycache__ || $(BIN)/pytest --collect-only -q >/dev/null 2>&1 || true

test-python: test-python-ready
	@# Makes that tests start have jobs of their own.
	env -u MAKEFLAGS -u MAKELEVEL $(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

## check: lint, and all tests that start no program; under a minute
.PHONY: check test-quick
check: $(LINT_READY)
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target --keep-going test-quick lint  # the longest one first

test-quick: setup $(STAMPS)/test-extra
	$(BIN)/pytest --quick -q $(PYTEST_ARGS)

# Not a part of `make test`: counting takes as long again, and a test that compares what a process prints cannot pass.
## coverage: which lines the tests run, of Python and C++ (PYTEST_ARGS="tests/contract/test_contract.py")
.PHONY: coverage
coverage: setup examples $(STAMPS)/test-packages
	$(BIN)/python scripts/run_coverage.py $(PYTEST_ARGS)

## test-pythons: processors on each Python that is here, from 3.6 on (PYTHONS="3.6 3.13")
.PHONY: test-pythons
test-pythons: setup $(STAMPS)/test-extra
	$(BIN)/python scripts/run_pythons.py $(PYTHONS)

## test-planes: tests of HTTP, limits and deaths with the other data planes (PLANES="python uvloop")
PLANES ?= python uvloop
.PHONY: test-planes
test-planes: setup examples $(STAMPS)/test-extra $(STAMPS)/test-packages
	set -e; for plane in $(PLANES); do $(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder --data-plane $$plane \
		$(or $(PYTEST_ARGS),tests/front tests/dispatch tests/workers tests/contract); done

# Not a part of `make test`: the longer it runs, the better. CI lets it run for a minute.
## fuzz: streams of bytes for the data plane, under sanitizers, compared with httptools' verdicts (FUZZ_SECONDS=600)
FUZZ_SECONDS ?= 600
.PHONY: fuzz
fuzz: setup $(STAMPS)/test-extra
	$(BIN)/python scripts/run_fuzz.py $(FUZZ_SECONDS) $(FUZZ_SEED)

# Not a part of `make test`: it installs podman, and builds for a minute or two. CI runs it.
## test-container: builds the image of the Containerfile with podman, and processors of all languages in it
.PHONY: test-container
test-container: test-python-ready
	@PYTHON='$(PYTHON)' scripts/bootstrap.sh container || true  # the tests say what is missing
	$(BIN)/pytest --containers --durations=0 --durations-min=1 tests/operations/test_container.py $(PYTEST_ARGS)

# Not a part of `make test`, nor of CI: the programs of a Kubernetes take a quarter of an hour to build, once.
## test-cluster: the commands on services, with a Kubernetes; `tests/cluster/up build` makes its programs before
.PHONY: test-cluster
test-cluster: test-python-ready
	$(BIN)/pytest --cluster -n auto --dist loadfile tests/management $(PYTEST_ARGS)

# Not a part of `make test`, nor of CI: pip downloads some 200 MB for it, and 2.9 GB more for PyTorch.
## test-frameworks: processors with TensorFlow 1 and others, on the Pythons that these need (FRAMEWORKS="pytorch")
.PHONY: test-frameworks
test-frameworks: setup $(STAMPS)/test-extra
	$(BIN)/python scripts/run_frameworks.py $(FRAMEWORKS)

## test-versions: the host on each version of Python that the package claims (VERSIONS="3.12 3.13"), then test-pythons
.PHONY: test-versions
test-versions: $(STAMPS)/versions-extra
	$(BIN)/python scripts/run_versions.py $(VERSIONS)
	@$(MAKE) --no-print-directory test-pythons

## screenshots: pictures of a service's page for the documentation, by the tests of that page, in build/screenshots
.PHONY: screenshots
screenshots: setup $(STAMPS)/test-extra $(STAMPS)/test-packages
	$(BIN)/pytest -q tests/front/ui/test_page.py

## dist: what is released, in dist/: sdist and wheel, each tried in bare environments (VERSIONS="3.12 3.13")
.PHONY: dist
dist: $(STAMPS)/dist-extra
	@$(BIN)/python scripts/make_dist.py $(VERSIONS)

## docs: the documentation as a site, with checked links, in build/site
.PHONY: docs
docs: $(STAMPS)/docs-extra
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	@echo 'docs: build/site/index.html'

## lint: ruff, mypy and clang-format; they only report, `make format` changes
# Each step is a hook of .pre-commit-config.yaml, too.
.PHONY: lint lint-ruff lint-format lint-mypy lint-cpp
lint: lint-ruff lint-format lint-mypy lint-cpp

lint-ruff: $(LINT_READY)
	$(BIN)/ruff check

lint-format: $(LINT_READY)
	$(BIN)/ruff format --check

lint-mypy: $(LINT_READY)
	$(BIN)/mypy

lint-cpp: $(LINT_READY)
	@$(BIN)/clang-format --dry-run --Werror $(FORMATTED)
	@$(MAKE) --no-print-directory -C native format-check

## format: formats the Python and C++ sources
.PHONY: format
format: setup $(STAMPS)/lint-extra
	$(BIN)/ruff check --fix --exit-zero --quiet
	$(BIN)/ruff format
	@$(BIN)/clang-format -i $(FORMATTED)
	@$(MAKE) --no-print-directory -C native format

## bench: requests/s, CPU time and latency beside nginx, a bare loop and other hosts (BENCH_ARGS="--quick" PEERS=mosec)
.PHONY: bench
bench: setup $(STAMPS)/examples-extra
	@PYTHON='$(PYTHON)' scripts/bootstrap.sh bench
	@$(BIN)/python bench/run.py $(if $(PEERS),--peers $(PEERS)) $(BENCH_ARGS)

## bench-plot: draws docs/batching.svg, latency against throughput without batches and with them
.PHONY: bench-plot
bench-plot: setup
	@PYTHON='$(PYTHON)' scripts/bootstrap.sh bench
	@$(BIN)/python bench/batching_plot.py

## clean: removes everything that these targets made
.PHONY: clean
clean:
	rm -rf .venv build dist host/*.egg-info host/eas_host/_version.py host/eas_host/_native*.so host/eas_host/eas-cpp-worker host/eas_host/eas-guardian host/eas_host/eas-symbolizer host/eas_host/*.so host/eas_host/java/*.jar host/eas_host/java/*.so
	rm -rf native/build java/build bench/build examples/*/*/build
	rm -rf .mypy_cache .pytest_cache .ruff_cache
	find host tests bench examples -name __pycache__ -prune -exec rm -rf {} +

.PHONY: help
help:
	@echo 'make TARGET [PYTHON=python3.11] [LISTEN=127.0.0.1:8080]'
	@sed -n 's/^## \([a-z-]*\): /  \1\t/p' $(MAKEFILE_LIST) | expand -t 19
