"""Tests of the service as it is deployed; only `make test-deploy` runs them."""
