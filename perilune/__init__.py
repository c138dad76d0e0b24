"""Perilune: will a lunar lander land, and if not, why not, and what would have saved it?

`perilune.fly` flies a mission closed loop; `perilune.load` reads and checks one. Importing the package imports
neither JAX nor matplotlib: public names load when they are first used.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

PUBLIC = {
    "fly": "perilune.command_line.entry",
    "load": "perilune.simulation.load",
    "read_flight": "perilune.command_line.entry",
    "fly_campaign": "perilune.command_line.campaign_entry",
    "Batch": "perilune.campaign.batch",
    "Evidence": "perilune.campaign.evidence",
    "Flight": "perilune.assessment.flight",
    "UserError": "perilune.foundation.errors",
}
__all__ = sorted(PUBLIC)


def __getattr__(name: str) -> Any:
    if name == "campaign":
        return import_module("perilune.campaign")
    if name in PUBLIC:
        return getattr(import_module(PUBLIC[name]), name)
    raise AttributeError(f"module 'perilune' has no attribute {name!r}")
