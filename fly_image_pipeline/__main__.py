"""The console program `fip`, also as `python -m fly_image_pipeline`.

A repository may have a package `pipeline` of its own: the import of this package takes ours.
"""

from __future__ import annotations

from pipeline.tasks._program import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
