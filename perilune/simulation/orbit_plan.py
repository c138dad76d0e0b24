"""The planned way from the parking orbit to the planned perilune state, worked back from there under the onboard field."""

import equinox as eqx
import jax.numpy as jnp
from jax import lax

from perilune.flight.guidance.descent_burn import BurnPlan
from perilune.flight.navigation.orbit import OrbitGravity, advance
from perilune.foundation.kepler import half_revolution
from perilune.foundation.local_gravity import Field, local_gravity
from perilune.foundation.moon import GM, RADIUS, STANDARD_GRAVITY
from perilune.foundation.quantities import Attitude, Direction, Mass, Position, Scalar, Velocity
from perilune.foundation.rotation import from_axes
from perilune.foundation.stepping import runge_kutta
from perilune.foundation.vectors import cross, dot, norm, unit

from .start import perilune_state

COAST_STEPS = 3600  # from burn to perilune: 0.9 to 1.1 s each for apolunes up to 300 km
PARKING_STEPS = 600  # before the burn: 1 s each for 10 min
BURN_STEPS = 250  # 0.15 s for 40 s; at the valve's edges, 0.1 a h² = 1 mm
ROW = 10  # steps for which the field is looked up at once
SETTLE = 2.0  # s after cut-off for which the accelerometers are still listened to: a dozen rise times


class OrbitPlan(eqx.Module):
    """The plan in mission time (s) and I: where the flight begins, and the burn."""

    start: Scalar  # s
    position_I: Position  # at `start`
    velocity_I: Velocity
    burn: BurnPlan
    duration: Scalar  # s, valve open
    propellant: Mass  # that the burn takes, its start included


def coasted(gravity: Field, state, start: Scalar, stop: Scalar, steps: int):
    """Position and velocity at mission time `stop` (s), either way in time."""
    step, still = (stop - start) / steps, jnp.zeros(3)

    def stretch(row, at):
        first = row * ROW
        local = local_gravity(gravity, at[0], at[1], start + first.astype(jnp.float64) * step, ROW * step)

        def one(k, at):
            return advance(local, at[0], at[1], still, start + k.astype(jnp.float64) * step, step)

        return lax.fori_loop(first, first + ROW, one, at)

    return lax.fori_loop(0, steps // ROW, stretch, state)


def burn_attitude(thrust_I: Direction, position_I: Position) -> Attitude:
    """attitude_IB with the thrust axis along `thrust_I` and X as near to up as that leaves."""
    y = unit(cross(thrust_I, position_I))
    return from_axes(cross(y, thrust_I), y, thrust_I)


class Thrust(eqx.Module):
    """The burn as planned: rocket equation with a first-order rise and decay."""

    along_I: Direction
    exhaust: Scalar  # m/s
    flow: Scalar  # kg/s
    rise: Scalar  # s
    mass: Mass  # at ignition, the start's loss gone
    duration: Scalar  # s, valve open

    def gained(self, elapsed: Scalar) -> Scalar:
        """m/s since the valve opened, `elapsed` s ago."""
        on, off = jnp.minimum(elapsed, self.duration), jnp.maximum(elapsed - self.duration, 0.0)
        opened = on - self.rise * (1.0 - jnp.exp(-on / self.rise))
        delivered = 1.0 - jnp.exp(-on / self.rise)
        opened = opened + delivered * self.rise * (1.0 - jnp.exp(-off / self.rise))
        return -self.exhaust * jnp.log1p(-self.flow * opened / self.mass)

    def flown(self, gravity: OrbitGravity, state, start: Scalar, stop: Scalar, ignition: Scalar):
        """Position and velocity at `stop` (s), either way in time. What is integrated is the velocity without the thrust's:
        no jump at the valve's edges reaches Runge-Kutta but in the second derivative of the way."""
        step = (stop - start) / BURN_STEPS

        def stretch(row, at):
            position_I, rest_I = at
            begun = start + row.astype(jnp.float64) * (ROW * step)
            local = local_gravity(
                gravity, position_I, rest_I + self.gained(begun - ignition) * self.along_I, begun, ROW * step
            )  # fmt: skip

            def rate(at, when):
                position, rest = at
                return rest + self.gained(when - ignition) * self.along_I, local.acceleration(position, when)

            return lax.fori_loop(
                0, ROW, lambda k, at: runge_kutta(rate, at, begun + k.astype(jnp.float64) * step, step), at
            )  # fmt: skip

        position_I, velocity_I = state
        first = velocity_I - self.gained(start - ignition) * self.along_I
        position_I, rest_I = lax.fori_loop(0, BURN_STEPS // ROW, stretch, (position_I, first))
        return position_I, rest_I + self.gained(stop - ignition) * self.along_I


def planned_thrust(n, delta_I: Velocity) -> tuple[Thrust, Mass]:
    """The burn that gives `delta_I` (m/s) and leaves `lander.propellant_mass_kg`, and the propellant that it takes."""
    exhaust = STANDARD_GRAVITY * n["lander.engines.main.specific_impulse_s"]
    flow = n["lander.engines.main.thrust_n"] * jnp.sum(n["lander.engines.main.is_there"]) / exhaust
    after = n["lander.dry_mass_kg"] + n["lander.propellant_mass_kg"]
    before = after * jnp.exp(norm(delta_I) / exhaust)
    burned = before - after
    lost = 1e-3 * n["lander.engines.main.start_loss_ms"] * flow
    return Thrust(unit(delta_I), exhaust, flow, n["lander.engines.main.rise_time_s"], before, burned / flow), burned + lost


def parking_velocity(n, position_I: Position, velocity_I: Velocity) -> Velocity:
    """Velocity of the parking orbit where the descent orbit (`velocity_I`) leaves it: at one of its apsides, in the same plane.

    The speed is that of the given apsides' semi-major axis there (vis-viva). A real field leaves the descent orbit's apolune
    some hundred metres off its Kepler height, and the parking orbit's other apsis takes that up.
    """
    perilune, apolune = (RADIUS + n[f"orbit.{which}_height_above_sphere_m"] for which in ("perilune", "apolune"))
    up_I, radius = unit(position_I), norm(position_I)
    speed = jnp.sqrt(GM * (2.0 / radius - 2.0 / (perilune + apolune)))
    return speed * unit(velocity_I - dot(velocity_I, up_I) * up_I)


def plan_orbit(n, gravity: OrbitGravity) -> OrbitPlan:
    """The plan from the numbers as drawn. Traceable.

    Half a Kepler revolution before the planned perilune lies the burn's middle. The coast back to there says what change of
    velocity the parking orbit asks for; the burn that gives it, of finite length, is then flown backward between that coast
    and the parking orbit, so that the planned flight ends in the planned perilune state to rounding.
    """
    zero = jnp.zeros_like(n["start.lead_time_s"])
    low = RADIUS + n["site.height_m"] + n["start.perilune_height_above_site_m"]
    high = RADIUS + n["start.apolune_height_above_sphere_m"]
    middle = n["start.lead_time_s"] - half_revolution(low, high)
    position_I, velocity_I = coasted(gravity, perilune_state(n), zero, middle, COAST_STEPS)
    parked_I = parking_velocity(n, position_I, velocity_I)
    thrust, propellant = planned_thrust(n, velocity_I - parked_I)
    ignition = middle - 0.5 * thrust.duration - thrust.rise  # a first-order rise delays the middle of the burn by itself
    tail_end = ignition + thrust.duration + SETTLE
    state = coasted(gravity, (position_I, velocity_I), middle, tail_end, BURN_STEPS)
    state = thrust.flown(gravity, state, tail_end, ignition + thrust.duration, ignition)
    state = thrust.flown(gravity, state, ignition + thrust.duration, ignition, ignition)
    start = ignition - n["orbit.before_burn_s"]
    position_0, velocity_0 = coasted(gravity, state, ignition, start, PARKING_STEPS)
    return OrbitPlan(
        start=start,
        position_I=position_0,
        velocity_I=velocity_0,
        burn=BurnPlan(
            ignition=ignition,
            delta_velocity=norm(velocity_I - parked_I),
            attitude_IB=burn_attitude(thrust.along_I, position_I),
            tail=thrust.rise,
            limit=n["orbit.burn_time_limit_s"],
        ),
        duration=thrust.duration,
        propellant=propellant,
    )
