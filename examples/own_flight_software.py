"""Flight software of one's own: a plain one that lands, in one file, written against perilune's contract alone.

    perilune fly resilience --healthy --flight-software examples/own_flight_software.py:PlainDescent

Navigation is dead reckoning with fixed gains: the IMU's increments under the Moon's central and zonal gravity, the attitude drawn
to the star tracker, the ground's radius to the range finder, the velocity to the velocimeter. Braking is constant thrust, begun
where the stopping distance is the distance to go, along a height that ends at a gate (E-guidance, Cherry 1964); then vertical
descent at v = √(v₀² + 2 a h). Attitude is a proportional-derivative law on the quaternion error. Valves owe to the next cycle
what their grid could not give. There is no covariance, no gate but a bound on each correction, no map and no fault handling.
"""

import equinox as eqx
import jax
import jax.numpy as jnp

from perilune.foundation.frames import fixed_to_inertial, surface_velocity
from perilune.foundation.gravity import acceleration, zonal_field
from perilune.foundation.moon import GM
from perilune.foundation.quantities import Attitude, Count, Direction, Mass, Position, Scalar, Vector, Velocity
from perilune.foundation.rotation import compose, from_axes, from_rotation_vector, inverse, normalised, rotate, to_rotation_vector
from perilune.foundation.vectors import cross, dot, norm, unit
from perilune.interface.commands import Commands
from perilune.interface.design import ENGINES, engine_slice
from perilune.interface.flight_computer import Briefing, FlightComputer, Report, raised
from perilune.interface.measurements import Measurements

MAIN, ASSIST, ATTITUDE = engine_slice("main"), engine_slice("assist"), engine_slice("attitude")
COAST, BRAKING, DESCENT, DOWN = 0, 1, 4, 6  # the numbers by which the built-in executive calls the same
STEPS = 16  # of the stopping distance, in speed
GRAVITY = zonal_field()


class Memory(eqx.Module):
    """What is remembered from cycle to cycle."""

    brief: Briefing
    position_I: Position
    velocity_I: Velocity
    attitude_IB: Attitude
    ground: Scalar  # m, radius of the ground under the lander
    mode: Count
    propellant: Mass  # kg
    left_I: Direction  # across the ground track, held when there is hardly any
    owed: jax.Array  # (engines,) valve steps


class Place(eqx.Module):
    """The estimate as guidance thinks of it; velocities over the turning ground."""

    up_I: Direction
    along_I: Direction  # of the ground track
    left_I: Direction
    flat_I: Velocity  # horizontal part
    radius: Scalar  # m
    speed: Scalar  # m/s, horizontal
    climb: Scalar  # m/s
    foot_height: Scalar  # m over the ground
    site_I: Position
    site_radius: Scalar  # m
    mass: Mass


def place(memory: Memory, clock: Scalar) -> Place:
    """Where the lander believes to be at `clock` (s)."""
    position_I, radius = memory.position_I, norm(memory.position_I)
    up_I = position_I / radius
    over_I = memory.velocity_I - surface_velocity(position_I)
    climb = dot(over_I, up_I)
    flat_I = over_I - climb * up_I
    left_I = jnp.where(norm(flat_I) > 50.0, unit(cross(up_I, flat_I)), memory.left_I)
    return Place(
        up_I=up_I,
        along_I=unit(cross(left_I, up_I)),
        left_I=left_I,
        flat_I=flat_I,
        radius=radius,
        speed=norm(flat_I),
        climb=climb,
        foot_height=radius - memory.ground - memory.brief.design.foot_height,
        site_I=fixed_to_inertial(memory.brief.site_M, clock),
        site_radius=norm(memory.brief.site_M),
        mass=memory.brief.design.dry_mass + memory.propellant,
    )


class PlainDescent(FlightComputer):
    """Dead reckoning, constant thrust, a straight fall. Every figure can be set: PlainDescent(gate_height=2000.0)."""

    throttle: float = 0.97  # of full thrust, planned for braking: the rest is for what goes otherwise
    end_speed: float = 14.0  # m/s over ground, at which braking ends
    run_on: float = 120.0  # m that it still goes from there
    gate_height: float = 1500.0  # m over the site at the end of braking ...
    gate_rate: float = 40.0  # ... and descent rate there, m/s
    deceleration: float = 0.8  # m/s², of the vertical descent
    touchdown_rate: float = 0.8  # m/s, over the last `final_height`
    final_height: float = 5.0  # m
    attitude_gain: float = 0.6  # 1/s, from error to rate
    rate_gain: float = 1.6  # 1/s, from rate error to angular acceleration
    slew_rate: float = 0.15  # rad/s
    tracker_gain: float = 0.05
    range_gain: float = 0.3
    velocity_gain: float = 0.3

    def init(self, briefing: Briefing) -> Memory:
        """The planned start; the ground is that of the site until a range is heard."""
        start_I, velocity_I = briefing.position_I, briefing.velocity_I
        return Memory(
            brief=briefing,
            position_I=start_I,
            velocity_I=velocity_I,
            attitude_IB=briefing.attitude_IB,
            ground=norm(briefing.site_M),
            mode=jnp.asarray(COAST, jnp.int32),
            propellant=briefing.propellant,
            left_I=unit(cross(start_I, velocity_I)),
            owed=jnp.zeros(ENGINES),
        )

    def step(self, memory: Memory, measured: Measurements, tick: Count) -> tuple[Memory, Commands, Report]:
        """Know, decide, point and push."""
        memory = self.corrected(self.reckoned(memory, measured), measured)
        at = place(memory, measured.clock)
        distance, time = self.stopping(at, memory)
        to_go = self.to_go(at)
        mode = self.decided(memory.mode, distance >= to_go, at.speed < self.end_speed, measured.has_contact)
        brake_I = self.braking(at, memory, self.throttle * distance / jnp.maximum(to_go, 1.0), time)
        wanted_I = jnp.where(mode == DESCENT, self.falling(at), brake_I)
        torque_B = self.pointed(memory, measured, unit(wanted_I), at.left_I)
        is_lit = (mode == BRAKING) | (mode == DESCENT)
        demand = jnp.where(is_lit, at.mass * norm(wanted_I), 0.0)
        commands, owed = self.valves(memory, demand, torque_B, mode)
        used = jnp.sum(memory.brief.design.engine_flow() * commands.on_time)
        memory = eqx.tree_at(
            lambda m: (m.mode, m.propellant, m.left_I, m.owed),
            memory,
            (mode, jnp.maximum(memory.propellant - used, 0.0), at.left_I, owed),
        )
        return memory, commands, self.report(memory, at, demand, measured)

    def reckoned(self, memory: Memory, measured: Measurements) -> Memory:
        """Moved on by the IMU's increments; on the ground all stays."""
        t, angle_B = measured.elapsed, measured.delta_angle_B
        middle_IB = compose(memory.attitude_IB, from_rotation_vector(0.5 * angle_B))
        attitude_IB = normalised(compose(memory.attitude_IB, from_rotation_vector(angle_B)))
        middle_I = memory.position_I + 0.5 * t * memory.velocity_I
        pull_I = acceleration(GRAVITY.gm, GRAVITY.form(jnp.zeros_like(t)), middle_I)
        change_I = rotate(middle_IB, measured.delta_velocity_B) + t * pull_I
        moved = memory.position_I + t * (memory.velocity_I + 0.5 * change_I), memory.velocity_I + change_I, attitude_IB
        held = memory.position_I, memory.velocity_I, memory.attitude_IB
        is_down = (memory.mode == DOWN) | measured.has_contact
        new = tuple(jnp.where(is_down, old, x) for old, x in zip(held, moved, strict=True))
        return eqx.tree_at(lambda m: (m.position_I, m.velocity_I, m.attitude_IB), memory, new)

    def corrected(self, memory: Memory, measured: Measurements) -> Memory:
        """Drawn a fixed share of the way to what the slow sensors say."""
        aloft = ~measured.has_contact
        off_B = to_rotation_vector(compose(inverse(memory.attitude_IB), measured.tracker_attitude_IB))
        share = jnp.where(measured.tracker_is_valid & aloft, self.tracker_gain, 0.0)
        attitude_IB = normalised(compose(memory.attitude_IB, from_rotation_vector(share * off_B)))

        over_I = memory.velocity_I - surface_velocity(memory.position_I)
        off_I = rotate(attitude_IB, measured.velocity_S) - over_I
        share = jnp.where(measured.velocimeter_is_valid & aloft & (norm(off_I) < 20.0), self.velocity_gain, 0.0)
        velocity_I = memory.velocity_I + share * off_I

        design = memory.brief.design  # a range is one latency old, and so is the place that it was taken from
        beam_I = rotate(attitude_IB, design.range_boresight_B)
        then_I = memory.position_I - design.range_latency * over_I
        height = norm(memory.position_I) - memory.ground
        most = 20.0 + 0.1 * jnp.maximum(height, 0.0)  # a false range must not move the ground by more
        off = jnp.clip(norm(then_I + measured.slant_range * beam_I) - memory.ground, -most, most)
        is_downward = dot(beam_I, unit(memory.position_I)) < -0.3
        share = jnp.where(measured.range_is_valid & aloft & is_downward, self.range_gain, 0.0)
        return eqx.tree_at(
            lambda m: (m.attitude_IB, m.velocity_I, m.ground), memory, (attitude_IB, velocity_I, memory.ground + share * off)
        )

    def thrust(self, memory: Memory) -> tuple[Scalar, Scalar]:
        """Full thrust (N) of main and assist engines, and its mass flow (kg/s)."""
        design = memory.brief.design
        return jnp.sum(design.engine_thrust[: ASSIST.stop]), jnp.sum(design.engine_flow()[: ASSIST.stop])

    def stopping(self, at: Place, memory: Memory) -> tuple[Scalar, Scalar]:
        """Distance over ground (m) and time (s) to the end of braking at the planned throttle: what thrust has left beside the
        weight, summed over the speed."""
        full, flow = self.thrust(memory)
        du = jnp.maximum(at.speed - self.end_speed, 0.0) / STEPS

        def step(i, carry):
            distance, time, mass = carry
            u = at.speed - (i + 0.5) * du
            total, weight = self.throttle * full / mass, GM / at.radius**2 - u**2 / at.radius
            dt = du / jnp.sqrt(jnp.maximum(total**2 - weight**2, 0.01 * total**2))
            return distance + u * dt * at.site_radius / at.radius, time + dt, mass - self.throttle * flow * dt

        zero = jnp.zeros_like(at.speed)
        distance, time, _ = jax.lax.fori_loop(0, STEPS, step, (zero, zero, at.mass))
        return distance, time

    def to_go(self, at: Place) -> Scalar:
        """m over ground to where braking should end."""
        return at.site_radius * jnp.arctan2(dot(at.site_I, at.along_I), dot(at.site_I, at.up_I)) - self.run_on

    def decided(self, mode: Count, is_due, is_slow, has_contact) -> Count:
        """The next mode."""
        onward = jnp.where((mode == COAST) & is_due, BRAKING, jnp.where((mode == BRAKING) & is_slow, DESCENT, mode))
        return jnp.where(has_contact & (mode != COAST), DOWN, onward).astype(jnp.int32)

    def braking(self, at: Place, memory: Memory, throttle: Scalar, time: Scalar) -> Vector:
        """Wanted thrust acceleration in I, m/s²: against the speed, what the height needs taken off, and a little to the side."""
        total = jnp.clip(throttle, 0.6, 1.0) * self.thrust(memory)[0] / at.mass
        left = jnp.maximum(time, 10.0)
        down = self.gate_height - (at.radius - at.site_radius) - at.climb * left
        planned = 6.0 * down / left**2 + 2.0 * (self.gate_rate + at.climb) / left
        up = jnp.clip(planned + GM / at.radius**2 - at.speed**2 / at.radius, -0.3 * total, 0.9 * total)
        across = dot(at.site_I, at.left_I) / jnp.maximum(dot(at.site_I, at.along_I), 1000.0)  # rad, of the site from the heading
        side = jnp.where(time > 10.0, jnp.clip(3.0 * at.speed * across / left, -0.2 * total, 0.2 * total), 0.0)
        back = jnp.sqrt(jnp.maximum(total**2 - up**2 - side**2, 0.0))
        return up * at.up_I - back * at.along_I + side * at.left_I

    def falling(self, at: Place) -> Vector:
        """Wanted thrust acceleration in I, m/s², of the vertical descent."""
        above = jnp.maximum(at.foot_height - self.final_height, 0.0)
        rate = jnp.sqrt(self.touchdown_rate**2 + 2.0 * self.deceleration * above)
        follows = (rate < self.gate_rate) & (above > 0.0)
        rate = jnp.minimum(rate, self.gate_rate)
        brake = jnp.where(follows, self.deceleration * jnp.maximum(-at.climb, 0.0) / rate, 0.0)
        weight = GM / at.radius**2
        up = jnp.maximum(weight + brake - 0.8 * (rate + at.climb), 0.4 * weight)
        to_site_I = at.site_I - dot(at.site_I, at.up_I) * at.up_I
        reach = jnp.clip(0.05 * (at.foot_height - 50.0), 0.0, 6.0)  # m/s, none of it in the last metres
        wish_I = 0.05 * to_site_I
        wish_I = wish_I * jnp.minimum(1.0, reach / jnp.maximum(norm(wish_I), 1e-9))
        side_I = 0.35 * (wish_I - at.flat_I)
        return up * at.up_I + unit(side_I) * jnp.minimum(norm(side_I), 0.2 * up)

    def pointed(self, memory: Memory, measured: Measurements, z_I: Direction, left_I: Direction) -> Vector:
        """Torque (N m) that takes Z of B to the wanted thrust, with Y left of the ground track."""
        x_I = unit(cross(left_I, z_I))
        target_IB = from_axes(x_I, cross(z_I, x_I), z_I)
        error_B = to_rotation_vector(compose(inverse(memory.attitude_IB), target_IB))
        rate_B = self.attitude_gain * error_B
        rate_B = rate_B * jnp.minimum(1.0, self.slew_rate / jnp.maximum(norm(rate_B), 1e-9))
        design = memory.brief.design
        inertia = design.inertia_dry + memory.propellant * design.inertia_per_propellant
        return inertia * self.rate_gain * (rate_B - measured.delta_angle_B / measured.elapsed)

    def valves(self, memory: Memory, demand: Scalar, torque_B: Vector, mode: Count) -> tuple[Commands, jax.Array]:
        """Open times: main engines on while braking and falling, assist engines all alike, thrusters by their torque."""
        design = memory.brief.design
        steps = jnp.round(memory.brief.period / design.valve_step)
        is_lit = (mode == BRAKING) | (mode == DESCENT)
        main, assist = jnp.sum(design.engine_thrust[MAIN]), jnp.sum(design.engine_thrust[ASSIST])
        share = jnp.clip((demand - main) / jnp.maximum(assist, 1.0), 0.0, 1.0)
        signed = jnp.stack([torque_B, -torque_B], axis=1).reshape(6)  # +x, −x, +y, …, as the design's duties
        duty = jnp.sum(jnp.maximum(signed, 0.0)[:, None] * design.attitude_duty, axis=0)
        per_engine = [jnp.ones(MAIN.stop), jnp.full(ASSIST.stop - MAIN.stop, 1.0) * share]
        thrust = jnp.where(is_lit, jnp.concatenate(per_engine), 0.0)
        wanted = steps * jnp.concatenate([thrust, jnp.where(mode == DOWN, 0.0, duty)]) + memory.owed
        given = jnp.clip(jnp.round(wanted), 0.0, steps)
        shortest = jnp.where(jnp.arange(ENGINES) < ATTITUDE.start, design.minimum_on_time / design.valve_step, 1.0)
        given = jnp.where((given + 0.5 < shortest) | (design.engine_thrust <= 0.0), 0.0, given)
        commands = Commands(given * design.valve_step, jnp.ones_like(demand), jnp.zeros(2))
        return commands, jnp.where(mode == DOWN, 0.0, jnp.clip(wanted - given, -steps, steps))

    def report(self, memory: Memory, at: Place, demand: Scalar, measured: Measurements) -> Report:
        """Telemetry."""
        mode, falls = memory.mode, memory.mode == DESCENT
        return Report(
            position_I=memory.position_I,
            velocity_I=memory.velocity_I,
            attitude_IB=memory.attitude_IB,
            height_above_terrain=at.radius - memory.ground,
            mode=mode,
            propellant=memory.propellant,
            thrust_demand=demand,
            events=raised(
                {
                    "powered_descent_initiation": mode >= BRAKING,
                    "braking_end": falls,
                    "range_finder_acquired": measured.range_is_valid,
                    "terminal_descent_start": falls,
                    "contact_sensed": measured.has_contact,
                }
            ),
        )
