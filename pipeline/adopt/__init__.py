"""Adopt an existing repository: find how its images are built, and write the smallest settings."""

from .copied_by_mistake import copied_by_mistake
from .proposal import Proposal, Question
from .propose import propose

__all__ = ["Proposal", "Question", "copied_by_mistake", "propose"]
