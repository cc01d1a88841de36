"""The fault campaign: runs of the pipeline against a registry with random faults.

`python -m tests.faults` does 500 of them; a sample is in `make test`.
"""
