"""The load generator: `python -m mayfly.bench --help`."""
