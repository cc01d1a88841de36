"""A container engine and an image registry of the checkout's own, on a machine that has neither.

`python3 -m sandbox up` uses the engine that answers, or starts one from unpacked distribution
packages; `env` prints what to `eval`; `down` stops it. It runs before any virtual environment
exists: the standard library only, Python 3.9 or newer.
"""
