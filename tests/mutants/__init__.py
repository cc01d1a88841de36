"""Small breakages of the pure packages, and whether the quick tests notice each.

`make mutants`, or `python -m tests.mutants [NAME…]`: `table.py` has the breakages.
"""
