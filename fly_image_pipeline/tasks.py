"""The Invoke tasks, for a `tasks.py` beside a package `pipeline` of the repository's own."""

from __future__ import annotations

from pipeline.tasks import ns

__all__ = ["ns"]
