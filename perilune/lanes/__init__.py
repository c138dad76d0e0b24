"""Many lanes on one core: a function of one lander, traced by JAX, as machine code that works on eight landers at once.

XLA makes a small loop over all lanes of nearly every operation, some three thousand a cycle, and what passes between them
goes through memory. Here the whole cycle is written out number by number, each number a vector of eight lanes, and numbers stay
in registers. The models are not touched: what is compiled is JAX's own account of them (a jaxpr), and tests hold both ways
against each other.
"""

from .layout import Layout, given, given_to_all, layout_of, room, tick_given
from .program import Written, write
from .stretches import Blocks, Step, Stretches
from .values import WIDTH

__all__ = [
    "WIDTH", "Blocks", "Layout", "Step", "Stretches", "Written", "given", "given_to_all", "layout_of", "room", "tick_given",
    "write",
]  # fmt: skip
