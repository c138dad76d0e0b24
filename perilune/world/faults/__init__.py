"""What can be broken: kinds of faults as data, when each strikes, and what it then does to readings and valves."""

from .catalogue import CATALOGUE
from .kinds import FaultKind
from .table import SLOTS, FaultState, FaultTable, Struck, unbroken, untouched

__all__ = ["CATALOGUE", "SLOTS", "FaultKind", "FaultState", "FaultTable", "Struck", "unbroken", "untouched"]
