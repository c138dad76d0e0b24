"""The faults of one flight: magnitudes and triggers as leaves, so that one program flies every fault and none.

A trigger waits for a mission time, a height above the ground on the way down, or an event, and goes off once; what hangs on
it is active for its duration, a delay later. Faults that share a trigger share a cause. An inactive fault has
magnitude zero, and so has one that was asked for at zero: the same bits.
"""

from functools import reduce
from operator import or_

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from perilune.foundation.quantities import Flag, Scalar
from perilune.interface.events import ALL

from .kinds import BLOCKS, FAST, FIRST, ROWS, SLOW, UNITS

SLOTS = 12  # triggers of one flight; the first is the beginning of the flight
HELD = 14  # readings that a stuck slow unit repeats: attitude (4), range, velocity (3), fix (3), flow (2), propellant


class Struck(eqx.Module):
    """Magnitudes that are in force now, SI; zero for everything that is whole."""

    value: Float[Array, " rows"]

    def of(self, block: str) -> Float[Array, " n"]:
        """The magnitudes of a block."""
        return self.value[FIRST[block] : FIRST[block] + BLOCKS[block]]

    def one(self, block: str, which: int = 0) -> Scalar:
        """One of them."""
        return self.value[FIRST[block] + which]

    def has(self, block: str, which: int = 0) -> Flag:
        """Whether a switch of a block is thrown."""
        return self.one(block, which) > 0.5


class FaultState(eqx.Module):
    """What faults remember: when each trigger went off (s; infinite: not yet), how far drifts have come, last whole readings."""

    since: Float[Array, " slots"]
    fast_drift: Float[Array, " fast"]
    slow_drift: Float[Array, " slow"]
    fast_held: Float[Array, " fast"]  # the last increments that the IMU reported
    slow_held: Float[Array, " held"]  # the last readings of the slow units
    slow_had: Bool[Array, " units"]  # which of them have had one
    main_asked: Scalar  # s, since when the main engine is asked to burn; infinite: it is not
    main_released: Scalar  # s, when it last stopped being asked to, having been lit
    clock_error: Scalar  # s, by which the onboard clock has drifted


class FaultTable(eqx.Module):
    """All magnitudes (SI), the trigger that each hangs on (as a bit), and the triggers."""

    magnitude: Float[Array, " rows"]
    bit: Int[Array, " rows"]
    moment: Float[Array, " slots"]  # s of mission time; infinite: not by time
    below: Float[Array, " slots"]  # m of the feet above the ground; −infinite: not by height
    event: Int[Array, " slots"]  # the event's bit; 0: not by event
    delay: Float[Array, " slots"]  # s
    duration: Float[Array, " slots"]  # s

    def strike(
        self, state: FaultState, time: Scalar, foot_height: Scalar, happened: Bool[Array, " events"]
    ) -> tuple[FaultState, Struck]:
        """Triggers that go off at `time` (s) with the feet at a height (m) after these events, and what is in force then."""
        seen = as_bits(happened, len(ALL))
        is_due = (time >= self.moment) | (foot_height < self.below) | ((self.event & seen) != 0)
        since = jnp.where(is_due & (state.since > time), time, state.since)
        return eqx.tree_at(lambda s: s.since, state, since), self.in_force(since, time)

    def in_force(self, since: Float[Array, " slots"], time: Scalar) -> Struck:
        """What is in force at `time` (s) where triggers went off then."""
        is_active = (time >= since + self.delay) & (time < since + self.delay + self.duration)
        return Struck(jnp.where((self.bit & as_bits(is_active, SLOTS)) != 0, self.magnitude, 0.0))


def unbroken() -> Struck:
    """Nothing is in force."""
    return Struck(jnp.zeros(ROWS))


def as_bits(flags: Bool[Array, " n"], count: int) -> Int[Array, ""]:
    """Flags packed into one number. One by one: a reduction over a short axis costs several times as much."""
    return reduce(or_, (jnp.where(flags[k], jnp.asarray(1 << k, jnp.int32), 0) for k in range(count)))


def untouched() -> FaultState:
    """What faults remember before the first cycle."""
    zero = jnp.zeros(())
    return FaultState(
        since=zero + jnp.full(SLOTS, jnp.inf),
        fast_drift=jnp.zeros(len(FAST)),
        slow_drift=jnp.zeros(len(SLOW)),
        fast_held=jnp.zeros(len(FAST)),
        slow_held=jnp.zeros(HELD).at[0].set(1.0),
        slow_had=jnp.zeros(len(UNITS), bool),
        main_asked=zero + jnp.inf,
        main_released=zero - jnp.inf,
        clock_error=zero,
    )
