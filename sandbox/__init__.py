"""A container engine and a registry for this checkout, on a machine without them.

`python3 -m sandbox up` uses the machine's engine, or starts one from unpacked distribution
packages; `env` prints shell code for `eval`; `down` stops it. It runs before there is a virtual
environment: only the standard library, Python 3.9 or later.
"""
