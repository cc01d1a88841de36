"""Small code changes (mutants) in the pure packages that the quick tests must notice.

Run `make mutants`, or `python -m tests.mutants [NAME…]`; `table.py` lists the changes.
"""
