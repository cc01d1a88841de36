"""Adopt an existing repository: find how its images are built, and write the smallest settings."""

from .proposal import Proposal, Question
from .propose import propose

__all__ = ["Proposal", "Question", "propose"]
