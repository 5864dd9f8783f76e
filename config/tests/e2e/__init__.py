"""Tests of the back office in a real browser, on the production server with demo data: `make e2e`."""
