"""What must never change: fingerprints, JSON documents, tasks and their options.

`recorded/` has the results of commit 9f907ce, before the packages were moved. `python -m
tests.unchanged CHECKOUT` records them again with a checkout of that commit.
"""
