"""How much of the thrust and torque that is asked for comes: felt by the IMU, and made up for where it falls short.

Felt force (specific force along Z of B times the mass believed) and given thrust (what the commands of that cycle ask of main and
assist engines on average, through the engines' rise) go through the same first-order lag, so that pulses fall out of their
ratio. Felt torque (J ω̇ + ω × J ω) and given torque likewise, and their difference is what else turns the lander. Nothing is done
until the ratio has been below the mission's `thrust_loss_share` for the lag's time: a lander whose engines work flies as if this
were not here.

No engine is told apart from the others. Where one of several has failed, the others turn the lander the more the harder they
push: attitude comes first, so thrust is held to what attitude thrusters can hold against, with a margin.
"""

import equinox as eqx
import jax.numpy as jnp

from perilune.foundation.quantities import Flag, Mass, Rate, Scalar, Torque, Vector
from perilune.foundation.vectors import cross
from perilune.interface.commands import Commands
from perilune.interface.design import ENGINE_CLASSES, ENGINES, LanderDesign, engine_slice

from ..settings import ControlSettings

PUSHERS, TURNERS = slice(engine_slice("main").start, engine_slice("assist").stop), engine_slice("attitude")
LEAST_SHARE = 0.2  # of thrust: beyond a factor of five there is nothing to be made up for
LEAST_GIVEN = 0.05  # of full thrust: below it the ratio is noise
GAP = 1.5  # cycles between two that are in a row; after a longer gap what was felt is not what was asked for
LARGE_TORQUE = 0.4  # of what attitude thrusters give about an axis: misaligned engines of all landers here turn by less
HELD_TORQUE = 0.85  # of the same, that thrust may be held against; the rest is for steering


class Watch(eqx.Module):
    """What is felt and what was given, lagged."""

    rising: Scalar  # N, given, through the engines' own rise and not lagged further
    force: Scalar  # N, felt along Z of B
    thrust: Scalar  # N, given
    turning_B: Torque  # N m, felt
    torque_B: Torque  # N m, given
    short_time: Scalar  # s for which the thrust has fallen short


class Shortfall(eqx.Module):
    """What is to be made up for; neutral while all is well."""

    share: Scalar  # of the thrust asked for, that comes
    torque_B: Torque  # N m, that nobody asked for
    most: Scalar  # N, of thrust that attitude thrusters can hold against
    is_short: Flag


def given(commands: Commands, period: Scalar, design: LanderDesign) -> tuple[Scalar, Torque]:
    """Mean thrust (N) of main and assist engines and torque (N m) of attitude thrusters and gimbal that commands ask for."""
    duty = commands.on_time / period
    share = jnp.where(jnp.arange(ENGINES) < engine_slice("main").stop, commands.throttle, 1.0)
    thrust = design.engine_push * share * duty
    lever = design.gimbal_arm * jnp.sum(thrust[engine_slice("main")])
    turners = duty[TURNERS]
    torque_B = sum(turners[k] * design.attitude_torque[k] for k in range(ENGINE_CLASSES["attitude"][1]))
    return jnp.sum(thrust[PUSHERS]), torque_B - lever * jnp.concatenate([commands.gimbal, jnp.zeros(1)])


def watched(
    watch: Watch,
    felt: tuple[Scalar, Rate, Vector],
    asked: tuple[Scalar, Torque],
    mass: Mass,
    inertia: Vector,
    lag: Scalar,
    rise: Scalar,
) -> Watch:
    """One cycle on. `felt`: specific force along Z of B (m/s²), rate and angular acceleration in the cycle that `asked` (N, N m)
    was asked for; `inertia`: principal moments, kg m²; `lag`: a cycle over the time constant; `rise`: what is left of an old
    command after a cycle of the engines' rise."""
    force, rate_B, turn_B = felt
    turning_B = inertia * turn_B + cross(rate_B, inertia * rate_B)
    rising = asked[0] + rise * (watch.rising - asked[0])
    keep = jnp.exp(-lag)
    new = mass * force, rising, turning_B, asked[1]
    old = parts(watch)[1:5]
    force, thrust, turning_B, torque_B = (keep * was + (1.0 - keep) * now for was, now in zip(old, new, strict=True))
    return Watch(rising, force, thrust, turning_B, torque_B, watch.short_time)


def parts(watch: Watch):
    """Its fields in order."""
    return watch.rising, watch.force, watch.thrust, watch.turning_B, watch.torque_B, watch.short_time


def kept_up(watch: Watch, after: Watch, gap: Scalar, is_felt: Flag) -> Watch:
    """The watch one cycle on; begun anew after a gap (cycles) in which the flight computer stood still, and held while the IMU
    gives nothing at all."""
    begun = Watch(watch.rising, watch.thrust, watch.thrust, watch.torque_B, watch.torque_B, jnp.zeros_like(watch.rising))
    is_on = gap <= GAP
    pairs = zip(parts(watch), parts(after), parts(begun), strict=True)
    return Watch(*(jnp.where(is_on, jnp.where(is_felt, new, old), anew) for old, new, anew in pairs))


def share_of(watch: Watch) -> Scalar:
    """Of the thrust asked for, that comes."""
    return jnp.clip(watch.force / jnp.maximum(watch.thrust, 1e-9), LEAST_SHARE, 1.0)


def counted(watch: Watch, period: Scalar, settings: ControlSettings, design: LanderDesign) -> Watch:
    """With the time for which thrust has fallen short: throttles and what a start loses make it short for a moment too."""
    least = LEAST_GIVEN * jnp.sum(design.engine_push[PUSHERS])
    is_short = (watch.thrust > least) & (share_of(watch) < settings.thrust_loss_share)
    since = jnp.where(is_short, watch.short_time + period, 0.0)
    return Watch(*parts(watch)[:5], since)


def shortfall(watch: Watch, settings: ControlSettings, design: LanderDesign) -> Shortfall:
    """What of thrust and torque is to be made up for."""
    least = LEAST_GIVEN * jnp.sum(design.engine_push[PUSHERS])
    share, is_weak = share_of(watch), watch.short_time >= settings.thrust_loss_time
    extra_B = watch.turning_B - watch.torque_B
    part = jnp.abs(extra_B) / jnp.maximum(design.couple_torque, 1e-9)
    largest = jnp.maximum(jnp.maximum(part[0], part[1]), part[2])
    is_turned = is_weak & (largest > LARGE_TORQUE)
    return Shortfall(
        share=jnp.where(is_weak, share, 1.0),
        torque_B=jnp.where(is_turned, extra_B, 0.0),
        most=jnp.where(is_turned, jnp.maximum(watch.force, least) * HELD_TORQUE / jnp.maximum(largest, 1e-9), jnp.inf),
        is_short=is_weak,
    )
