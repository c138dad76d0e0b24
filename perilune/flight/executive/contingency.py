"""What is done while terminal descent is due and no range is confirmed: wait, hover, or descend; and on what else to go by.

`wait`: the descent rate of the leg before is held until a range is confirmed. `hover`: the lander comes to rest at
`hover_height` over the ground as it believes it, and waits there until one is confirmed, or until propellant is left for no more
than `reserve` s of hovering: then it descends. `descend`: terminal descent follows the estimate at once. On the estimate alone
the last rate is `rate`, from `height` down: a lander whose height is wrong by less than that meets the ground no faster.

Ranges of Doppler beams that have been taken for as long confirm like the range finder's: the other sensor needs no switch.
"""

import equinox as eqx
import jax.numpy as jnp

from perilune.foundation.quantities import Flag, Scalar

from ..settings import ContingencySettings, GuidanceSettings

NAMES = ("wait", "hover", "descend")
WAIT, HOVER, DESCEND = range(3)


def hovers(settings: ContingencySettings) -> Flag:
    """Whether the lander stops over the ground to wait for a range."""
    return settings.without_range == HOVER


def descends(settings: ContingencySettings, hover_time: Scalar) -> Flag:
    """Whether terminal descent begins without a range; `hover_time`: s of hovering that propellant is left for."""
    return (settings.without_range == DESCEND) | (hovers(settings) & (hover_time < settings.reserve))


def guided(guidance: GuidanceSettings, settings: ContingencySettings, is_blind: Flag, is_waiting: Flag) -> GuidanceSettings:
    """The descent's figures. `is_blind`: no range has been taken for a while; `is_waiting`: terminal descent has not begun."""
    stops = is_waiting & hovers(settings)
    slow = jnp.where(settings.rate > 0.0, settings.rate, guidance.touchdown_rate)
    rate = jnp.where(is_blind, slow, guidance.touchdown_rate)
    rate = jnp.where(stops, 0.0, rate)
    above = jnp.where(stops, settings.hover_height, jnp.where(is_blind, settings.height, 0.0))
    height = jnp.maximum(guidance.constant_final_height, above)
    return eqx.tree_at(lambda g: (g.touchdown_rate, g.constant_final_height), guidance, (rate, height))
