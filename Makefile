# `make help` lists the verbs. It works with any make, macOS's 3.81 too.
# Another Python than python3: `make run PYTHON=python3.13`.
# `make run UP='--port 9000 --no-demo'`, `make test TESTS=tests/ledger`, `make bench BENCH=--quick`.

PYTHON = python3
PY = .venv/bin/python
UP =
TESTS =
BENCH =
INSTALL = command -v $(PYTHON) >/dev/null || \
	{ echo 'There is no $(PYTHON): install Python 3.11 or newer.'; exit 1; }; $(PYTHON) install.py
UV_LOCK = $(PY) -m uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-header

.PHONY: help run test check test-kafka bench bench-memory faults docs lock advisories clean

help:
	@echo 'make run           everything on this machine, with a demo, until Ctrl-C'
	@echo 'make test          all that CI runs: style, types, imports, tests (10 minutes at most)'
	@echo 'make check         the part of it that takes seconds'
	@echo 'make bench         measures this machine: a table of ratios and a chart (20 minutes)'
	@echo 'make bench-memory  the memory of each process after 2 and after 10 minutes of load'
	@echo 'make faults        kills everything under load, for a long time, and prints what came of it'
	@echo 'make test-kafka    reads purchases from a real Kafka, which it fetches; needs Java 17 and Maven'
	@echo 'make docs          real answers into the examples of docs/, and the picture of the tables'
	@echo 'make lock          newest versions of all packages into requirements*.txt'
	@echo 'make advisories    known faults of packages, from an export of OSV: OSV=all.zip'
	@echo 'make clean         removes what can be made again; your data in var/ stay'

run: .venv/run.stamp
	@exec $(PY) -m loyalty.cli up $(UP)

# pytest comes last, so that its summary does.
test: style
	$(PY) -m pytest -n 2 $(TESTS)

check: style
	$(PY) -m pytest -n 2 tests/architecture

.PHONY: style
style: .venv/test.stamp
	$(PY) -m ruff format --check
	$(PY) -m ruff check
	$(PY) -m mypy --strict
	.venv/bin/lint-imports

bench: .venv/test.stamp
	$(PY) -m bench $(BENCH)

bench-memory: .venv/test.stamp
	$(PY) -m bench.memory $(BENCH)

faults: .venv/test.stamp
	$(PY) -m pytest -n 0 -s tests/faults/long_round.py

# The extra, and Kafka's server from Maven Central, into var/.
KAFKA = var/kafka
test-kafka: .venv/test.stamp $(KAFKA)/stamp
	@$(INSTALL) requirements-kafka.txt
	$(PY) -m pytest -n 0 tests/streams/with_kafka.py

$(KAFKA)/stamp: tests/streams/pom.xml
	@command -v java >/dev/null && command -v mvn >/dev/null || \
		{ echo 'Kafka needs Java 17 or newer, and Maven to fetch it: install both.'; exit 1; }
	rm -rf $(KAFKA)
	mvn -q -B -ntp -C -f tests/streams/pom.xml \
		org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
		-DincludeScope=runtime -DoutputDirectory=$(CURDIR)/$(KAFKA)
	@touch $@

docs: .venv/test.stamp
	WRITE_DOCS=1 $(PY) -m pytest -n 0 tests/docs

lock: .venv/test.stamp
	$(UV_LOCK) --upgrade requirements.in -o requirements.txt
	$(UV_LOCK) --upgrade requirements-dev.in -o requirements-dev.txt
	$(UV_LOCK) --upgrade requirements-kafka.in -o requirements-kafka.txt

advisories: .venv/test.stamp
	$(PY) -m tests.architecture.advisories $(OSV)

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis bench/out
	find . -name var -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamps are younger than their lock when .venv holds what it says: a second start takes no time.
.venv/run.stamp: requirements.txt install.py .venv/bin/python
	@$(INSTALL) requirements.txt
	@touch $@

.venv/test.stamp: requirements-dev.txt install.py .venv/bin/python
	@$(INSTALL) requirements-dev.txt
	@touch $@

# Made by install.py. A rule without a recipe: when the Python it points to is gone, make again.
.venv/bin/python:
