"""Where a flight begins: on the descent orbit, a little before perilune; the truth off by the orbit's uncertainty."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Key

from perilune.flight.control.effectiveness import Watch
from perilune.flight.executive.cut_off import no_signs
from perilune.flight.executive.health import unheard
from perilune.flight.executive.propellant import first_page
from perilune.flight.memory import (
    ACCELEROMETER_BIAS,
    ACCELEROMETER_SCALE,
    SENSOR_ROWS,
    SIGHT_ROWS,
    STATES,
    Acquisition,
    FlightMemory,
    Innovations,
    NavigationState,
)
from perilune.flight.modes import COAST
from perilune.flight.monitoring.monitors import quiet
from perilune.foundation.frames import direction_to, fixed_to_inertial, local_axes
from perilune.foundation.moon import GM, RADIUS
from perilune.foundation.quantities import Attitude, Mass, Position, Velocity
from perilune.foundation.randomness import IMU_START, sensor_key
from perilune.foundation.rotation import compose, from_axes, from_rotation_vector
from perilune.foundation.vectors import cross, dot, norm, unit
from perilune.interface.commands import Commands
from perilune.interface.design import ENGINES, FEET, TANKS
from perilune.interface.events import ONBOARD
from perilune.world.faults import untouched
from perilune.world.state import AFTER_CONTACT, EngineState, Motion, Touchdown, TruthState
from perilune.world.world import World

from .arrival import Arrival
from .own_software import AnySoftware
from .units import DEGREE

KEPLER_STEPS = 6  # of Newton; at e = 0.02 and seconds from perilune the first is already exact to 1e-12


def perilune_state(n) -> tuple[Position, Velocity]:
    """Planned state in I at mission time 0, `start.lead_time_s` before perilune.

    The perilune lies up-range of where the site will be at the planned touchdown, on the great circle that passes the
    site at the approach azimuth; from there back along the Kepler orbit (Vallado 2013, §2.2, elliptical case).
    """
    latitude, longitude = DEGREE * n["site.latitude_deg"], DEGREE * n["site.longitude_deg"]
    azimuth = DEGREE * n["start.approach_azimuth_deg"]
    site_M = direction_to(latitude, longitude)
    east, north, _ = local_axes(site_M)
    heading_M = jnp.cos(azimuth) * north + jnp.sin(azimuth) * east
    arrival = n["start.flight_time_s"]
    site_I, heading_I = fixed_to_inertial(site_M, arrival), fixed_to_inertial(heading_M, arrival)
    angle = n["start.perilune_downrange_m"] / RADIUS
    towards_I = jnp.cos(angle) * site_I - jnp.sin(angle) * heading_I
    along_I = jnp.sin(angle) * site_I + jnp.cos(angle) * heading_I

    perilune = RADIUS + n["site.height_m"] + n["start.perilune_height_above_site_m"]
    apolune = RADIUS + n["start.apolune_height_above_sphere_m"]
    axis, eccentricity = 0.5 * (perilune + apolune), (apolune - perilune) / (apolune + perilune)
    mean = -n["start.lead_time_s"] * jnp.sqrt(GM / axis**3)

    def newton(_, anomaly):
        return anomaly - (anomaly - eccentricity * jnp.sin(anomaly) - mean) / (1.0 - eccentricity * jnp.cos(anomaly))

    anomaly = lax.fori_loop(0, KEPLER_STEPS, newton, mean)
    minor = axis * jnp.sqrt(1.0 - eccentricity**2)
    radius = axis * (1.0 - eccentricity * jnp.cos(anomaly))
    speed = jnp.sqrt(GM * axis) / radius
    position_I = axis * (jnp.cos(anomaly) - eccentricity) * towards_I + minor * jnp.sin(anomaly) * along_I
    velocity_I = speed * (-jnp.sin(anomaly) * towards_I + (minor / axis) * jnp.cos(anomaly) * along_I)
    return position_I, velocity_I


def orbit_axes(position_I: Position, velocity_I: Velocity) -> Float[Array, "3 3"]:
    """Rows: radial, along-track and cross-track unit vectors in I."""
    radial = unit(position_I)
    cross_track = unit(cross(position_I, velocity_I))
    return jnp.stack([radial, cross(cross_track, radial), cross_track])


def planned_attitude(position_I: Position, velocity_I: Velocity):
    """attitude_IB for the start of braking: thrust against the velocity, X up."""
    z = -unit(velocity_I - dot(velocity_I, unit(position_I)) * unit(position_I))
    x = unit(position_I)
    return from_axes(x, cross(z, x), z)


def initial_truth(n, world: World, key: Key[Array, ""]) -> TruthState:
    """Truth at mission time 0."""
    position_I, velocity_I = perilune_state(n)
    axes = orbit_axes(position_I, velocity_I)

    def off(errors):
        return errors[0] * axes[0] + errors[1] * axes[1] + errors[2] * axes[2]

    attitude_IB = planned_attitude(position_I, velocity_I)
    return truth_with(
        n,
        world,
        key,
        position_I + off(n["start.position_error_rtn_m"]),
        velocity_I + off(n["start.velocity_error_rtn_mps"]),
        attitude_IB,
        n["lander.propellant_mass_kg"] + n["lander.propellant_load_error_kg"],
    )


def truth_with(
    n, world: World, key: Key[Array, ""], position_I: Position, velocity_I: Velocity, attitude_IB: Attitude, propellant: Mass
) -> TruthState:
    """Truth at mission time 0 with engines off; the attitude (`attitude_IB` as believed) off by `start.attitude_error_mrad`. The
    IMU's drifting biases are drawn under the run's key."""
    error_BB = from_rotation_vector(1e-3 * n["start.attitude_error_mrad"])
    zero = jnp.zeros_like(n["lander.propellant_mass_kg"])
    no = jnp.zeros((), bool)
    motion = Motion(
        position_I=position_I,
        velocity_I=velocity_I,
        attitude_IB=compose(attitude_IB, error_BB),
        rate_B=jnp.zeros(3),
        propellant=propellant,
        slosh=jnp.zeros((2, TANKS)),
        slosh_rate=jnp.zeros((2, TANKS)),
        delta_velocity_B=jnp.zeros(3),
        delta_angle_B=jnp.zeros(3),
    )
    tanks = propellant * world.structure.tanks.load_share
    clearance, slope = world.feet_over_ground(motion, tanks, zero)
    touchdown = Touchdown(zero, motion.position_I, motion.velocity_I, motion.attitude_IB, motion.propellant, slope)
    return TruthState(
        motion=motion,
        tanks=tanks,
        engines=EngineState(jnp.zeros((3, 7)), zero + 1.0, jnp.zeros(2), jnp.zeros(ENGINES, bool), jnp.zeros(7), zero),
        imu=world.imu_errors.initial(jax.random.normal(sensor_key(key, IMU_START, 0), (6,), jnp.float64)),
        sensed=zero,
        range_hits=jnp.zeros(world.range_finder.valid_window, bool),
        touchdown=touchdown,
        faults=untouched(),
        aftermath=jnp.zeros((AFTER_CONTACT + 1, 6)),
        foot_height=jnp.min(clearance),
        is_down=jnp.zeros(FEET, bool),
        has_contact=no,
        has_diverged=no,
        is_dry=no,
    )


def arrived_truth(n, world: World, key: Key[Array, ""], arrival: Arrival) -> TruthState:
    """Truth at mission time 0 after an orbit phase. A lander that hit on the way lies where it fell, the Moon's turn since then
    included, and its touchdown is the impact."""
    hit = arrival.impact
    attitude_IB = planned_attitude(arrival.estimate.position_I, arrival.estimate.velocity_I)

    def carried(vector_I):
        return fixed_to_inertial(vector_I, -hit.time)

    position_I = jnp.where(hit.has_hit, carried(hit.position_I), arrival.position_I)
    velocity_I = jnp.where(hit.has_hit, carried(hit.velocity_I), arrival.velocity_I)
    truth = truth_with(n, world, key, position_I, velocity_I, attitude_IB, arrival.propellant)
    touch = truth.touchdown
    fell = (hit.time, hit.position_I, hit.velocity_I)
    stood = (touch.time, touch.position_I, touch.velocity_I)
    return eqx.tree_at(
        lambda t: (t.touchdown.time, t.touchdown.position_I, t.touchdown.velocity_I, t.has_contact),
        truth,
        (*(jnp.where(hit.has_hit, new, old) for new, old in zip(fell, stood, strict=True)), hit.has_hit),
    )


def turned(axes, sigma) -> Float[Array, "3 3"]:
    """Covariance in I of independent errors of `sigma` (3,) along the rows of `axes`."""
    return sum(sigma[k] ** 2 * axes[k][:, None] * axes[k][None, :] for k in range(3))  # type: ignore[return-value]


LEAST_TIE = 1e-3  # m: keeps the covariance positive definite where no tie is believed in


def initial_covariance(axes, software: AnySoftware) -> Float[Array, "29 29"]:
    """Start covariance of the error state, from the settings' sigmas; position and velocity along the orbit's axes."""
    s = software.settings.navigation
    attitude = jnp.ones(3) * s.attitude_sigma**2
    tail = jnp.concatenate(
        [
            attitude,
            jnp.ones(3) * s.accelerometer_bias_sigma**2,
            jnp.ones(3) * s.gyro_bias_sigma**2,
            s.accelerometer_scale_sigma[None] ** 2,
            jnp.ones(3) * s.gyro_scale_sigma**2,
            jnp.ones(3) * s.tracker_alignment_sigma**2,
            s.terrain_sigma[None] ** 2,
            (s.terrain_sigma / s.terrain_length)[None] ** 2,
            s.terrain_roughness[None] ** 2,
            s.velocimeter_scale_sigma[None] ** 2,
            jnp.ones(3) * jnp.maximum(s.fix_tie_sigma, LEAST_TIE) ** 2,
        ]
    )
    covariance = jnp.zeros((STATES, STATES))
    covariance = covariance.at[0:3, 0:3].set(turned(axes, s.position_sigma))
    covariance = covariance.at[3:6, 3:6].set(turned(axes, s.velocity_sigma))
    return covariance.at[6:, 6:].set(jnp.diag(tail))


def none_of(rows: int) -> Innovations:
    """Innovations of so many rows before the first update."""
    return Innovations(jnp.zeros(rows), jnp.ones(rows), jnp.zeros(rows, bool), jnp.zeros(rows, bool))


def no_returns(window: int) -> Acquisition:
    """How ranges have fared before the first."""
    zero, no = jnp.zeros(()), jnp.zeros((), bool)
    return Acquisition(jnp.zeros(window), jnp.zeros(window, bool), zero + 1e6, zero, zero, zero, no, no)


def initial_memory(n, software: AnySoftware) -> FlightMemory:
    """What flight software starts with: the planned state and how sure it is of it."""
    position_I, velocity_I = perilune_state(n)
    axes = orbit_axes(position_I, velocity_I)
    zero = jnp.zeros_like(norm(position_I))
    return FlightMemory(
        navigation=NavigationState(
            position_I=position_I,
            velocity_I=velocity_I,
            attitude_IB=planned_attitude(position_I, velocity_I),
            accelerometer_bias_B=jnp.zeros(3),
            gyro_bias_B=jnp.zeros(3),
            accelerometer_scale=zero,
            gyro_scale=jnp.zeros(3),
            tracker_alignment_B=jnp.zeros(3),
            terrain_bias=zero,
            terrain_slope=zero,
            terrain_relief=zero,
            terrain_below=zero,
            velocimeter_scale=zero,
            fix_tie_M=jnp.zeros(3),
        ),
        covariance=initial_covariance(axes, software),
        delta_velocity_I=jnp.zeros(3),
        delta_velocity_along=zero,
        delta_angle_B=jnp.zeros(3),
        ground_point_M=position_I,
        rate_B=jnp.zeros(3),
        gravity_rest_I=jnp.zeros(3),  # until the first slow step, half a second on
        innovations=none_of(len(SENSOR_ROWS)),
        sighted=none_of(len(SIGHT_ROWS)),
        acquisition=no_returns(software.settings.agree_window),
        monitors=quiet(software.settings.monitoring.reset_sigma),
        mode=jnp.asarray(COAST, jnp.int32),
        seen=jnp.zeros(len(ONBOARD), bool),
        throttle=software.settings.guidance.ignition_throttle,
        time_to_go=n["start.flight_time_s"],
        distance_in_hand=zero + 1e6,
        law_note=jnp.zeros(2),
        forward_I=unit(velocity_I),
        cosine_of_pointing=zero,
        propellant=software.design.propellant_mass,
        assist_residual=zero,
        torque_owed=jnp.zeros(3),
        attitude_integral=jnp.zeros(3),
        thrust_demand=zero,
        clock=zero,
        beam_time=zero,
        felt=zero,
        turn_B=jnp.zeros(3),
        thrust_given=zero,
        torque_given=jnp.zeros(3),
        watch=Watch(zero, zero, zero, jnp.zeros(3), jnp.zeros(3), zero),
        signs=no_signs(),
        book=first_page(software.settings.propellant),
        health=unheard(),
    )


def arrived_memory(n, software: AnySoftware, arrival: Arrival) -> FlightMemory:
    """What flight software starts with after an orbit phase: its own estimate, and its covariance in place of the settings'
    sigmas, with what the burn made of accelerometer bias and scale. The burn's attitude error is another than the start's."""
    memory, estimate = initial_memory(n, software), arrival.estimate
    covariance, flown = memory.covariance, estimate.covariance
    covariance = covariance.at[0:6, 0:6].set(flown[0:6, 0:6])
    for here, there in ((ACCELEROMETER_BIAS, slice(9, 12)), (ACCELEROMETER_SCALE, slice(12, 13))):
        covariance = covariance.at[0:6, here].set(flown[0:6, there]).at[here, 0:6].set(flown[there, 0:6])
    return eqx.tree_at(
        lambda m: (
            m.navigation.position_I,
            m.navigation.velocity_I,
            m.navigation.attitude_IB,
            m.covariance,
            m.ground_point_M,
            m.forward_I,
            m.propellant,
        ),
        memory,
        (
            estimate.position_I,
            estimate.velocity_I,
            planned_attitude(estimate.position_I, estimate.velocity_I),
            covariance,
            estimate.position_I,
            unit(estimate.velocity_I),
            arrival.booked,
        ),
    )


def no_commands() -> Commands:
    """All valves shut."""
    return Commands(jnp.zeros(ENGINES), jnp.ones(()), jnp.zeros(2))
