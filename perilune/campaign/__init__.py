"""Many flights: dispersions, batches, campaigns, statistics.

The room can be called: `perilune.campaign("resilience", runs=1024)` is `perilune.fly_campaign(…)`."""

import sys
from types import ModuleType
from typing import Any


class Room(ModuleType):
    """A package whose name is also what people call."""

    def __call__(self, *args: Any, **options: Any) -> Any:
        """`perilune.fly_campaign`, which says what it takes."""
        return sys.modules["perilune"].fly_campaign(*args, **options)


sys.modules[__name__].__class__ = Room
