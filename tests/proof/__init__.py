"""The proof: our fingerprint compared with BuildKit's cache, case by case and change by change.

`python -m tests.proof` runs all of it and prints the table; `make test` runs a sample.
"""
