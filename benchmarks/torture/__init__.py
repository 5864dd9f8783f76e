"""Checks the promises under load and faults: `python -m benchmarks.torture --help`."""
