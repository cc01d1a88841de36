"""Random projects and changes: images with the same fingerprint must be equal.

`python -m tests.random_builds` builds them with the real BuildKit; `make test` runs a sample.
"""
