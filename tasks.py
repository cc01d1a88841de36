"""The tasks of this repository. In your own, this file is the same single line."""

from pipeline.tasks import ns

__all__ = ["ns"]
