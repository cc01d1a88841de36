"""The fault campaign: runs of the real thing against a registry whose answers fail at random.

`python -m tests.faults` does 500 of them; a sample is in `make test`.
"""
