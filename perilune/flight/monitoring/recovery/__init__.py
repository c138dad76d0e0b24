"""What is done about a range that does not fit: one policy a file, all of one form, chosen by a number of the mission."""

from .base import Answer, Evidence
from .table import NAMES, POLICIES, answer

__all__ = ["NAMES", "POLICIES", "Answer", "Evidence", "answer"]
