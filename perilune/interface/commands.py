"""What flight software asks of the lander for one cycle."""

import equinox as eqx
from jaxtyping import Array, Float


class Commands(eqx.Module):
    """Open time of every engine valve from the start of the coming cycle, s; order as in `design.ENGINE_CLASSES`."""

    on_time: Float[Array, " engines"]
