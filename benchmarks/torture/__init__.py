"""Shows that the box office keeps its promises under load and faults: `python -m benchmarks.torture --help`."""
