# The front door. Every target does its own set-up; none needs another to have been run before.

PREFIX  ?= /usr/local
DESTDIR ?=

.PHONY: help build demo test test-long bench bench-check bench-python experiments wheel format install clean

help:
	@echo 'make demo         a cache, a value, a short benchmark'
	@echo 'make test         all tests, plain and sanitized'
	@echo 'make build        build/release/mayfly and libmayfly'
	@echo 'make bench        side by side with Redis and gRPC; GROUP=throughput|peers|memory|connections|flush|store|collections|topics|freeing|size|networks|tuning|truth for one part'
	@echo 'make bench-check  the throughput, peers and collections parts, failing below the floors in bench/floors'
	@echo 'make experiments  the experiments on tuning, with the official client and ours: report.html; NAME=loops for one of them'
	@echo 'make bench-python the Python client side by side with others; ARGS="--group clients --points 50" and so on'
	@echo 'make wheel        build/wheel/: the Python package with all that it needs'
	@echo 'make test-long    long fuzzing and soaking'
	@echo 'make format       lay the code out'
	@echo 'make install      to PREFIX=$(PREFIX)'

build:
	@scripts/setup build
	@mkdir -p build
	@cmake --preset release -DMAYFLY_TESTS=OFF -DMAYFLY_PYTHON=OFF -DCMAKE_INSTALL_PREFIX='$(PREFIX)' > build/configure-release.log \
		|| { cat build/configure-release.log; exit 1; }
	@cmake --build --preset release

demo: build
	@scripts/demo

test:
	@scripts/setup test
	@scripts/test

test-long:
	@scripts/setup test
	@scripts/test long

bench: build
	@scripts/setup bench
	@/usr/bin/python3 bench/run.py $(if $(GROUP),--group $(GROUP))

bench-check: build
	@scripts/setup bench
	@/usr/bin/python3 bench/run.py --group throughput --group peers --group collections --check bench/floors

bench-python: build
	@scripts/setup bench-python
	@/usr/bin/python3 bench/python_clients.py $(ARGS)

experiments: build
	@scripts/setup experiments
	@build/release/mayfly experiment $(or $(NAME),all) --python .venv/bin/python --report report.html

wheel:
	@scripts/setup python
	@scripts/wheel

format:
	@scripts/setup test
	@git ls-files '*.c' '*.h' | xargs clang-format -i

install: build
	@DESTDIR='$(DESTDIR)' cmake --install build/release

clean:
	rm -rf build
