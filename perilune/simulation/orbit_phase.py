"""From the parking orbit to mission time 0: the truth and what navigation makes of it, in a loop of their own.

Coasts go in steps of about a second, the burn in flight cycles. What comes out is an `Arrival`: where the landing begins.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from perilune.flight.guidance.descent_burn import valve_time
from perilune.flight.navigation.orbit import (
    ORBIT_STATES,
    OrbitEstimate,
    OrbitSettings,
    Stretch,
    advance,
    propagate_orbit_covariance,
)
from perilune.foundation.kepler import apsides
from perilune.foundation.local_gravity import LocalGravity, local_gravity
from perilune.foundation.moon import RADIUS
from perilune.foundation.quantities import Flag, Position, Scalar, Vector, Velocity
from perilune.foundation.randomness import orbit_key, standard_normals
from perilune.foundation.rotation import compose, from_rotation_vector, rotate, to_matrix
from perilune.foundation.vectors import dot, norm
from perilune.interface.design import engine_slice
from perilune.world.orbit import Burning, burn_cycle, coast

from .arrival import Arrival, BurnFigures, Impact, OrbitRow
from .orbit_model import OrbitModel
from .orbit_plan import COAST_STEPS, PARKING_STEPS, ROW, SETTLE, OrbitPlan
from .own_software import AnySoftware
from .start import orbit_axes
from .units import MICRO_G

BLOCKS = 64  # rows of the record in the burn's window
Z_B = (0.0, 0.0, 1.0)


class Body(eqx.Module):
    """The truth in a coast; it stops where it hits."""

    position_I: Position
    velocity_I: Velocity
    impact: Impact


def turned_into(axes: Float[Array, "3 3"], block: Float[Array, "6 6"]) -> Float[Array, "6 6"]:
    """A covariance of position and velocity along the rows of `axes`, in the components that `axes` are given in."""

    def turn(rows):  # axesᵀ on the first and last three rows, by component
        return jnp.concatenate(
            [sum(axes[k][:, None] * rows[first + k][None, :] for k in range(3)) for first in (0, 3)]  # type: ignore[misc]
        )

    return turn(turn(block).T)


def orbit_covariance(n) -> Float[Array, "6 6"]:
    """Of the orbit determination, radial, along-track and cross-track, m and m/s."""
    sigma = jnp.concatenate([n["orbit.position_sigma_rtn_m"], n["orbit.velocity_sigma_rtn_mps"]])
    return sigma[:, None] * n["orbit.correlation_rtn"] * sigma[None, :]


def orbit_error(n, key) -> Float[Array, "6"]:
    """Truth minus estimate of the orbit determination in this run, radial, along-track and cross-track."""
    drawn = jax.random.normal(orbit_key(key, 0), (6,), jnp.float64)
    return jnp.sum(jnp.linalg.cholesky(orbit_covariance(n)) * drawn[None, :], axis=1)


def along_axes(axes: Float[Array, "3 3"], parts: Vector) -> Vector:
    """Components along the rows of `axes`, put together."""
    return parts[0] * axes[0] + parts[1] * axes[1] + parts[2] * axes[2]


def first_estimate(n, plan: OrbitPlan, software: AnySoftware) -> OrbitEstimate:
    """What navigation starts with: the orbit that the burn was planned for, and how sure the ground was of it."""
    s = software.settings.navigation
    covariance = jnp.zeros((ORBIT_STATES, ORBIT_STATES))
    axes = orbit_axes(plan.position_I, plan.velocity_I)
    covariance = covariance.at[0:6, 0:6].set(turned_into(axes, orbit_covariance(n)))
    ones = jnp.ones(3)
    own = [ones * s.attitude_sigma**2, ones * s.accelerometer_bias_sigma**2, s.accelerometer_scale_sigma[None] ** 2]
    return OrbitEstimate(plan.position_I, plan.velocity_I, covariance.at[6:, 6:].set(jnp.diag(jnp.concatenate(own))))


def row_of(time: Scalar, position_I: Position, velocity_I: Velocity, estimate: OrbitEstimate) -> OrbitRow:
    """The record of an instant."""
    axes = orbit_axes(estimate.position_I, estimate.velocity_I)
    variances = [
        jnp.sum(axes[k][:, None] * estimate.covariance[first : first + 3, first : first + 3] * axes[k][None, :])
        for first in (0, 3)
        for k in range(3)
    ]
    sigma = jnp.sqrt(jnp.maximum(jnp.stack(variances), 0.0))
    return OrbitRow(time, position_I, velocity_I, estimate.position_I, estimate.velocity_I, sigma)


def coast_on(
    model: OrbitModel, settings: OrbitSettings, body: Body, estimate: OrbitEstimate, start: Scalar, stop: Scalar, steps: int,
    floor: Scalar,
):  # fmt: skip
    """Body and estimate at mission time `stop` (s), and a row every `ROW` steps. Below `floor` (m from the centre) it has hit."""
    step, still = (stop - start) / steps, jnp.zeros(3)

    def stretch(at, row):
        body, estimate = at
        first = row * ROW
        begun = start + first.astype(jnp.float64) * step
        real = local_gravity(model.world, body.position_I, body.velocity_I, begun, ROW * step)
        believed = local_gravity(model.onboard, estimate.position_I, estimate.velocity_I, begun, ROW * step)

        def one(k, at):
            body, position_I, velocity_I = at
            time = start + k.astype(jnp.float64) * step
            fell_I, speed_I = coast(real, body.position_I, body.velocity_I, time, step, 1)
            moved = advance(believed, position_I, velocity_I, still, time, step)
            return fallen(body, fell_I, speed_I, time, step, floor), *moved

        body, position_I, velocity_I = lax.fori_loop(
            first, first + ROW, one, (body, estimate.position_I, estimate.velocity_I)
        )  # fmt: skip
        middle_I = 0.5 * (estimate.position_I + position_I)
        axes = orbit_axes(position_I, velocity_I)
        quiet = Stretch(middle_I, still, jnp.eye(3), axes, ROW * step, jnp.zeros_like(step))
        estimate = OrbitEstimate(position_I, velocity_I, propagate_orbit_covariance(estimate.covariance, quiet, settings))
        time = start + (first + ROW).astype(jnp.float64) * step
        return (body, estimate), row_of(time, body.position_I, body.velocity_I, estimate)

    (body, estimate), rows = lax.scan(stretch, (body, estimate), jnp.arange(steps // ROW, dtype=jnp.int32))
    return body, estimate, rows


def fallen(body: Body, position_I: Position, velocity_I: Velocity, time: Scalar, step: Scalar, floor: Scalar) -> Body:
    """The body one step later, or still where it hit: linear inside the step, 2 m off at 40 m/s of fall and 1.6 m/s²."""
    before, after = norm(body.position_I), norm(position_I)
    hits = (after < floor) & ~body.impact.has_hit
    share = jnp.clip((before - floor) / jnp.maximum(before - after, 1e-9), 0.0, 1.0)
    place_I = body.position_I + share * (position_I - body.position_I)
    speed_I = body.velocity_I + share * (velocity_I - body.velocity_I)
    found = Impact(jnp.ones((), bool), time + share * step, place_I, speed_I)
    impact = jax.tree.map(lambda new, old: jnp.where(hits, new, old), found, body.impact)
    return Body(
        jnp.where(impact.has_hit, impact.position_I, position_I), jnp.where(impact.has_hit, impact.velocity_I, velocity_I), impact
    )


class InBurn(eqx.Module):
    """What the burn's cycles carry."""

    truth: Burning
    position_I: Position  # estimate
    velocity_I: Velocity
    felt: Scalar  # m/s along Z of B, by the accelerometers
    flown_B: Vector  # m/s, true
    open_for: Scalar  # s that the valve has been commanded open
    since_cut_off: Scalar  # s
    is_over: Flag


def burn_through(n, model: OrbitModel, scenario, plan: OrbitPlan, state: Burning, estimate: OrbitEstimate, cycles):
    """The burn's window: `BLOCKS` × `cycles` flight cycles from ignition. Its end, the estimate, and a row a block."""
    world, software = scenario.world, scenario.flight_software
    period, z = world.period, jnp.asarray(Z_B)
    settings = orbit_settings(n, software)
    attitude_IB, design = plan.burn.attitude_IB, software.design
    real_IB = compose(attitude_IB, from_rotation_vector(1e-3 * n["orbit.attitude_error_mrad"]))
    main_flow = jnp.sum(design.engine_flow()[engine_slice("main")])
    booked = design.propellant_mass + plan.propellant

    def one(k, at: InBurn, real: LocalGravity, believed: LocalGravity) -> InBurn:
        elapsed = k.astype(jnp.float64) * period
        time = plan.burn.ignition + elapsed
        left = booked - at.open_for * main_flow
        on_time, is_over = valve_time(plan.burn, design, at.felt, left, elapsed, at.is_over, period)
        truth, gained_B = burn_cycle(real, world.engines, world.structure, real_IB, at.truth, on_time, time, period)
        noise = standard_normals(orbit_key(scenario.run_key, k + 1), 3)
        imu = world.imu
        read_B = (1.0 + imu.accelerometer_scale) * gained_B + imu.accelerometer_bias_B * period
        read_B = (read_B + imu.velocity_random_walk * jnp.sqrt(period) * noise) * n["orbit.accelerometer_is_on"]
        read_B = jnp.where(at.since_cut_off < SETTLE, read_B, 0.0)  # later it would be bias alone
        push_I = rotate(attitude_IB, read_B) / period
        position_I, velocity_I = advance(believed, at.position_I, at.velocity_I, push_I, time, period)
        return InBurn(
            truth=truth,
            position_I=position_I,
            velocity_I=velocity_I,
            felt=at.felt + dot(read_B, z),
            flown_B=at.flown_B + gained_B,
            open_for=at.open_for + on_time,
            since_cut_off=at.since_cut_off + jnp.where(at.is_over, period, 0.0),
            is_over=is_over,
        )

    def block(carry, number):
        at, covariance = carry
        first = number * cycles
        begun, span = plan.burn.ignition + first.astype(jnp.float64) * period, cycles.astype(jnp.float64) * period
        real = local_gravity(model.world, at.truth.position_I, at.truth.velocity_I, begun, span)
        believed = local_gravity(model.onboard, at.position_I, at.velocity_I, begun, span)
        after = lax.fori_loop(first, first + cycles, lambda k, at: one(k, at, real, believed), at)
        stretch = Stretch(
            0.5 * (at.position_I + after.position_I),
            rotate(attitude_IB, z) * (after.felt - at.felt),
            to_matrix(attitude_IB),
            orbit_axes(after.position_I, after.velocity_I),
            span,
            jnp.where(at.since_cut_off < SETTLE, span, 0.0) * n["orbit.accelerometer_is_on"],
        )
        covariance = propagate_orbit_covariance(covariance, stretch, settings)
        time = begun + span
        estimate = OrbitEstimate(after.position_I, after.velocity_I, covariance)
        return (after, covariance), row_of(time, after.truth.position_I, after.truth.velocity_I, estimate)

    zero = jnp.zeros_like(period)
    begun = InBurn(state, estimate.position_I, estimate.velocity_I, zero, jnp.zeros(3), zero, zero, jnp.zeros((), bool))
    (end, covariance), rows = lax.scan(block, (begun, estimate.covariance), jnp.arange(BLOCKS, dtype=jnp.int32))
    return end, OrbitEstimate(end.position_I, end.velocity_I, covariance), rows


def orbit_settings(n, software: AnySoftware) -> OrbitSettings:
    """Navigation's beliefs in orbit, SI."""
    return OrbitSettings(
        MICRO_G * n["orbit.unmodelled_acceleration_rtn_ug"],
        n["orbit.unmodelled_time_s"],
        software.settings.navigation.velocity_random_walk,
    )


def fly_orbit(n, scenario, plan: OrbitPlan, model: OrbitModel) -> tuple[Arrival, OrbitRow]:
    """From the parking orbit to mission time 0: what the landing begins with, and the record, rows first.

    `n`: the numbers as flown. `lander.propellant_mass_kg` stays what is planned to be on board at mission time 0: the burn's
    planned propellant comes on top, and only what the flown burn takes more or less than that changes what is left.
    """
    software, world, key = scenario.flight_software, scenario.world, scenario.run_key
    settings = orbit_settings(n, software)
    estimate = first_estimate(n, plan, software)
    axes, error = orbit_axes(plan.position_I, plan.velocity_I), orbit_error(n, key)
    position_I = plan.position_I + along_axes(axes, error[0:3])
    velocity_I = plan.velocity_I + along_axes(axes, error[3:6])
    floor = RADIUS + n["site.height_m"]
    zero, no = jnp.zeros_like(floor), jnp.zeros((), bool)
    body = Body(position_I, velocity_I, Impact(no, zero, jnp.zeros(3), jnp.zeros(3)))
    first = jax.tree.map(lambda x: x[None], row_of(plan.start, position_I, velocity_I, estimate))
    body, estimate, parking = coast_on(
        model, settings, body, estimate, plan.start, plan.burn.ignition, PARKING_STEPS, zero
    )  # fmt: skip

    loaded = n["lander.propellant_mass_kg"] + n["lander.propellant_load_error_kg"] + plan.propellant
    state = Burning(body.position_I, body.velocity_I, loaded - world.engines.start_loss[0], zero)
    cycles = jnp.ceil((plan.burn.limit + 2.0 * SETTLE) / world.period / BLOCKS).astype(jnp.int32)
    end, estimate, burning = burn_through(n, model, scenario, plan, state, estimate, cycles)
    ended = plan.burn.ignition + (BLOCKS * cycles).astype(jnp.float64) * world.period
    body = Body(end.truth.position_I, end.truth.velocity_I, body.impact)
    body, estimate, coasting = coast_on(model, settings, body, estimate, ended, zero, COAST_STEPS, floor)

    figures = BurnFigures(
        ignition=plan.burn.ignition,
        cut_off=plan.burn.ignition + end.open_for,
        delta_velocity_planned=plan.burn.delta_velocity,
        delta_velocity_felt=end.felt,
        delta_velocity_flown=norm(end.flown_B),
        perilune=apsides(end.truth.position_I, end.truth.velocity_I)[0],
        propellant=loaded - end.truth.propellant,
        propellant_planned=plan.propellant,
    )
    design = software.design
    main_flow = jnp.sum(design.engine_flow()[engine_slice("main")])
    lost = plan.propellant - plan.duration * main_flow  # the start's, as drawn
    booked = design.propellant_mass + plan.propellant - lost - end.open_for * main_flow
    arrival = Arrival(body.position_I, body.velocity_I, end.truth.propellant, estimate, booked, body.impact, figures)
    return arrival, jax.tree.map(lambda *parts: jnp.concatenate(parts), first, parking, burning, coasting)
