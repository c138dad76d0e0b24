"""What a channel is."""

from collections.abc import Callable
from typing import NamedTuple

from .view import View


class Channel(NamedTuple):
    """One column of an archive. `unit` is SI or degrees; `read` takes a view and gives a scalar."""

    name: str
    unit: str
    text: str
    read: Callable[[View], object]
