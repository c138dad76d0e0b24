"""How much of the thrust that is asked for comes: felt by the accelerometers, and made up for where it falls short.

Felt force (specific force along Z of B times the mass believed) and given thrust (what the commands of that cycle ask of main and
assist engines, on average) go through the same first-order lag, so that rise and pulses of engines fall out of their ratio.
Nothing is done until the ratio falls below the mission's `thrust_loss_share`: a lander whose engines work flies as if this were
not here. No engine is told apart from the others: the torque of one that fails is left to the attitude loop.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from perilune.foundation.quantities import Flag, Mass, Scalar
from perilune.interface.commands import Commands
from perilune.interface.design import ENGINES, LanderDesign, engine_slice

from ..settings import ControlSettings

PUSHERS = slice(engine_slice("main").start, engine_slice("assist").stop)
LEAST_SHARE = 0.2  # of thrust: beyond a factor of five there is nothing to be made up for
LEAST_GIVEN = 0.05  # of full thrust: below it the ratio is noise


def given_thrust(commands: Commands, period: Scalar, design: LanderDesign) -> Scalar:
    """Mean thrust of a cycle that commands ask of main and assist engines, N."""
    share = jnp.where(jnp.arange(ENGINES) < engine_slice("main").stop, commands.throttle, 1.0)
    thrust = design.engine_thrust * share * commands.on_time / period
    return jnp.sum(thrust[PUSHERS])


def watched(
    watch: Float[Array, "2"], felt: Scalar, mass: Mass, given: Scalar, period: Scalar, settings: ControlSettings
) -> Float[Array, "2"]:
    """Lagged felt force and given thrust (N) one cycle on. `felt`: m/s² along Z of B in the cycle that `given` was asked for."""
    return watch + (1.0 - jnp.exp(-period / settings.thrust_loss_time)) * (jnp.stack([felt * mass, given]) - watch)


def thrust_share(watch: Float[Array, "2"], settings: ControlSettings, design: LanderDesign) -> tuple[Scalar, Flag]:
    """Share of the thrust asked for that comes, 1 unless it has fallen short by more than the mission allows for; whether so."""
    given = watch[1]
    least = LEAST_GIVEN * jnp.sum(design.engine_thrust[PUSHERS])
    share = jnp.clip(watch[0] / jnp.maximum(given, 1e-9), LEAST_SHARE, 1.0)
    is_short = (given > least) & (share < settings.thrust_loss_share)
    return jnp.where(is_short, share, 1.0), is_short
