"""What no change of the code may change: fingerprints, JSON documents, tasks and their options.

`recorded/` holds what the code of commit 9f907ce said, before the packages were moved.
`python -m tests.unchanged CHECKOUT` records it anew with the code of a checkout of that commit.
"""
