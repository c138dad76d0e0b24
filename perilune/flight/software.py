"""The flight software: one step a cycle, from measurements to valve commands."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool

from perilune.foundation.frames import fixed_to_inertial
from perilune.foundation.quantities import Position, Scalar, Vector
from perilune.foundation.rotation import rotate, to_matrix
from perilune.foundation.vectors import dot, norm, unit
from perilune.interface.commands import Commands
from perilune.interface.design import BEAMS, ENGINES, LanderDesign, engine_slice
from perilune.interface.events import ONBOARD
from perilune.interface.measurements import Measurements

from . import modes
from .control.allocation import allocate
from .control.attitude import attitude_control, pointing_error
from .control.effectiveness import Shortfall, Watch, counted, given, kept_up, shortfall, watched
from .executive import rounds
from .executive.contingency import DESCEND
from .guidance.geometry import Geometry, geometry
from .guidance.laws import BrakingLaw, DescentLaw, Fall, Situation
from .guidance.laws.constant_descent_rate import ConstantDescentRate
from .guidance.laws.rate_schedule import RateSchedule, descent_rate
from .guidance.thrust import full_thrust
from .memory import FlightMemory, Innovations
from .monitoring.acquisition import account, remember
from .monitoring.inspection import asked, decision_on, kept, look_of, reading_of
from .monitoring.monitors import alarmed, monitored
from .monitoring.recovery import Answer
from .navigation.onboard_map import OnboardModel
from .navigation.prediction import predict
from .navigation.propagation import Interval, gravity_rest, propagate, propagate_covariance
from .navigation.relief import ground_below, moved_on
from .navigation.sights import take_sights
from .navigation.update import Offer, corrected, inner, opened, update
from .settings import FlightSettings, GuidanceSettings, NavigationSettings

MAIN = engine_slice("main")


def grounded(measured: Measurements) -> Measurements:
    """The measurements with every flag down once a footpad has touched: the filter's models end there."""
    aloft = ~measured.has_contact
    return eqx.tree_at(
        lambda m: (m.tracker_is_valid, m.range_is_valid, m.velocimeter_is_valid),
        measured,
        (measured.tracker_is_valid & aloft, measured.range_is_valid & aloft, measured.velocimeter_is_valid & aloft),
    )


def offered(measured: Measurements, recovery: Answer, settings: NavigationSettings) -> Offer:
    """Which rows the filter is offered, and how: tracker and velocimeter behind their gates, ranges as the policy says."""
    three, zeros, no = jnp.ones(3, bool), jnp.zeros(6), jnp.zeros(6, bool)
    ranges = measured.range_is_valid & recovery.offers
    gates = [jnp.ones(3) * settings.tracker_gate, jnp.ones(3) * settings.velocimeter_gate, recovery.gate[None]]
    return Offer(
        is_offered=jnp.concatenate([three & measured.tracker_is_valid, three & measured.velocimeter_is_valid, ranges[None]]),
        gate=jnp.concatenate(gates),
        underweight=jnp.concatenate([zeros, recovery.underweight[None]]),
        inflates=jnp.concatenate([no, recovery.inflates[None]]),
    )


def quiet_step(memory: FlightMemory, period: Scalar) -> FlightMemory:
    """The cycles between updates: nothing is offered to the filter; time-to-go runs down."""
    off, unseen = (jnp.zeros_like(each.is_offered) for each in (memory.innovations, memory.sighted))
    running = jnp.where(memory.mode == modes.BRAKING, period, 0.0)
    rows, sighted = memory.innovations, memory.sighted
    return eqx.tree_at(
        lambda m: (m.innovations, m.sighted, m.time_to_go),
        memory,
        (
            Innovations(rows.residual, rows.variance, off, off),
            Innovations(sighted.residual, sighted.variance, unseen, unseen),
            memory.time_to_go - running,
        ),
    )


def interval_of(
    memory: FlightMemory, ground_point_M: Position, elapsed: Scalar, gm: Scalar, settings: NavigationSettings
) -> Interval:
    """What the covariance step needs to know of the time since the last one."""
    axes_IB, way = to_matrix(memory.navigation.attitude_IB), norm(ground_point_M - memory.ground_point_M)
    return Interval(
        position_I=memory.navigation.position_I,
        gained_I=memory.delta_velocity_I,
        along_I=axes_IB[:, 2] * memory.delta_velocity_along,
        angle_B=memory.delta_angle_B,
        axes_IB=axes_IB,
        gm=gm,
        elapsed=elapsed,
        over_ground=way / settings.terrain_length,
        length=settings.terrain_length,
        relief_left=jnp.exp(-way / settings.terrain_roughness_length),
    )


def situation(memory: FlightMemory, where: Geometry, settings: GuidanceSettings, design: LanderDesign) -> Situation:
    """What a braking law works with."""
    mass = design.dry_mass + memory.propellant
    return Situation(where, mass, memory.throttle, memory.time_to_go, memory.law_note, settings, design)


class FlightSoftware(eqx.Module):
    """Everything on board that does not change in flight."""

    design: LanderDesign
    settings: FlightSettings
    onboard: OnboardModel
    braking: BrakingLaw = ConstantDescentRate()
    descent: DescentLaw = RateSchedule()

    def step(self, memory: FlightMemory, measured: Measurements, tick) -> tuple[FlightMemory, Commands, Bool[Array, " e"]]:
        """One cycle. `tick` is the frame counter of the flight computer; returns memory, commands and events raised."""
        clock = measured.clock
        memory, measured = rounds.with_contact(memory, measured, self.settings)
        memory = self.dead_reckon(memory, measured)
        is_due = tick % self.settings.slow_every == 0
        memory = lax.cond(
            is_due, lambda m: self.slow_step(m, measured, clock), lambda m: quiet_step(m, self.settings.period), memory
        )
        where = geometry(memory.navigation, self.onboard, self.settings.guidance.site_M, clock)
        foot_height = where.height_above_terrain - self.design.foot_height
        memory, events = self.decide(memory, measured, where, foot_height)
        memory, commands = self.act(memory, where, foot_height, clock)
        return memory, commands, events

    def dead_reckon(self, memory: FlightMemory, measured: Measurements) -> FlightMemory:
        """Propagate the estimate by one cycle of inertial measurements; on the ground it is held."""
        gravity, rest_I = self.onboard.gravity, memory.gravity_rest_I
        moved, gained_I, along, angle_B = propagate(memory.navigation, measured, gravity, rest_I)
        is_down = (memory.mode == modes.OFF) | measured.has_contact
        x, y, z = measured.delta_velocity_B
        is_silent = (x == 0.0) & (y == 0.0) & (z == 0.0)  # an IMU that gives nothing, which less its bias is not zero
        navigation = jax.tree.map(lambda old, new: jnp.where(is_down, old, new), memory.navigation, moved)
        return eqx.tree_at(
            lambda m: (m.navigation, m.delta_velocity_I, m.delta_velocity_along, m.delta_angle_B, m.rate_B, m.felt, m.turn_B),
            memory,
            (
                navigation,
                memory.delta_velocity_I + gained_I,
                memory.delta_velocity_along + along,
                memory.delta_angle_B + angle_B,
                angle_B / self.settings.period,
                jnp.where(is_silent, 0.0, along / self.settings.period),
                (angle_B / self.settings.period - memory.rate_B) / self.settings.period,
            ),
        )

    def slow_step(self, memory: FlightMemory, measured: Measurements, clock: Scalar) -> FlightMemory:
        """Covariance, measurement updates and the braking predictor."""
        settings = self.settings.navigation
        elapsed = self.settings.slow_every * self.settings.period
        measured = grounded(measured)
        prediction = predict(memory.navigation, memory.rate_B, measured, self.onboard, self.design, settings, clock)
        interval = interval_of(memory, prediction.ground_point_M, elapsed, self.onboard.gravity.gm, settings)
        covariance = propagate_covariance(memory, interval, settings)
        navigation, prediction = moved_on(memory.navigation, interval, prediction)
        acquisition = remember(memory.acquisition, prediction.residual[6], measured.range_is_valid)
        up_I = unit(navigation.position_I)
        reading = reading_of(prediction, covariance, up_I, interval, measured, settings)
        acquisition, recovery, bank = asked(acquisition, reading, memory.monitors, elapsed, self.settings)
        covariance = opened(covariance, up_I, *(jnp.where(reading.is_valid, x, 0.0) for x in recovery.opens))
        correction, covariance, innovations = update(covariance, prediction, offered(measured, recovery, settings))
        height_left = reading.height_residual - reading.cosine * inner(prediction.sensitivity[6], correction)
        acquisition = account(acquisition, innovations.is_offered[6], innovations.is_accepted[6], elapsed, settings)
        navigation = corrected(navigation, correction)
        alternate = memory.beam_time, acquisition.since_accepted >= settings.range_gap
        of_sights = navigation, memory.rate_B, measured, alternate, (self.onboard.ground, self.design.sights), settings
        correction, covariance, sighted, beams = take_sights(covariance, *of_sights)
        look = look_of(reading, height_left, navigation, (innovations, sighted, beams), settings)
        monitors = monitored(memory.monitors, look, self.settings.monitoring)
        monitors = kept(monitors, beams, bank, decision_on(reading, recovery, innovations))
        navigation = corrected(navigation, correction)
        below = ground_below(navigation, prediction.ground_point_M, settings, clock)
        navigation = eqx.tree_at(lambda n: n.terrain_below, navigation, below)
        memory = eqx.tree_at(
            lambda m: (
                m.navigation,
                m.gravity_rest_I,
                m.covariance,
                m.delta_velocity_I,
                m.delta_velocity_along,
                m.delta_angle_B,
                m.ground_point_M,
                m.innovations,
                m.sighted,
                m.beam_time,
                m.acquisition,
                m.monitors,
            ),
            memory,
            (
                navigation,
                gravity_rest(navigation, self.onboard.gravity_table, 0.5 * elapsed, clock),
                covariance,
                jnp.zeros_like(memory.delta_velocity_I),
                jnp.zeros_like(memory.delta_velocity_along),
                jnp.zeros_like(memory.delta_angle_B),
                prediction.ground_point_M,
                innovations,
                sighted,
                jnp.where(jnp.any(sighted.is_accepted[:BEAMS]), memory.beam_time + elapsed, 0.0),
                acquisition,
                monitors,
            ),
        )
        memory = rounds.kept_up(memory, measured, self.settings, self.design)
        return self.replan(memory, clock)

    def replan(self, memory: FlightMemory, clock: Scalar) -> FlightMemory:
        """Throttle, time-to-go and the distance in hand before ignition, from the updated estimate."""
        where = geometry(memory.navigation, self.onboard, self.settings.guidance.site_M, clock)
        aim = self.braking.aim(situation(memory, where, self.settings.guidance, self.design))
        braking = memory.mode == modes.BRAKING
        is_early = memory.mode <= modes.BRAKING
        forward_I = fixed_to_inertial(where.along_M, clock)
        return eqx.tree_at(
            lambda m: (m.throttle, m.time_to_go, m.distance_in_hand, m.law_note, m.forward_I),
            memory,
            (
                jnp.where(braking, aim.throttle, memory.throttle),
                jnp.where(is_early, aim.time_to_go, 0.0),
                aim.distance_in_hand,
                jnp.where(is_early, aim.note, memory.law_note),
                jnp.where(where.horizontal_speed > 50.0, forward_I, memory.forward_I),
            ),
        )

    def decide(self, memory: FlightMemory, measured: Measurements, where: Geometry, foot_height: Scalar):
        """The executive: conditions, next mode, and the events that they raise (each once a flight)."""
        guidance, control = self.settings.guidance, self.settings.control
        has_range = rounds.has_range(memory, self.settings)
        memory, is_low = rounds.near_ground(memory, foot_height, self.settings)
        conditions = jnp.stack(
            [
                memory.distance_in_hand <= 0.0,
                where.horizontal_speed < guidance.braking_end_speed,
                memory.cosine_of_pointing > jnp.cos(control.upright_angle),
                rounds.begins_descent(memory, has_range, self.settings, self.design),
                (foot_height < guidance.main_off_height) & (self.design.assist_pairs > 0.0),  # others land on the main engine
                measured.has_contact | is_low,
            ]
        )
        mode = modes.next_mode(memory.mode, conditions)
        due = where.height_above_site < guidance.gate_height
        waits = (
            (mode == modes.HOLD) & ~has_range & due & (foot_height > 0.0) & (self.settings.contingency.without_range != DESCEND)
        )
        needed = descent_rate(guidance, foot_height) < guidance.hold_rate
        range_row = memory.innovations
        lacking = shortfall(memory.watch, control, self.design)
        saturated = (mode == modes.TERMINAL) & (memory.thrust_demand > full_thrust(self.design))
        raised = {
            "powered_descent_initiation": mode >= modes.BRAKING,
            "braking_end": mode >= modes.PITCH_UP,
            "upright": (mode >= modes.HOLD) & (mode < modes.OFF),
            "range_finder_acquired": measured.range_is_valid,
            "range_accepted": range_row.is_accepted[6],
            "range_rejected": range_row.is_offered[6] & ~range_row.is_accepted[6],
            "terminal_descent_start": (mode == modes.TERMINAL),
            "thrust_saturated": saturated,
            "below_gate_without_range": waits & needed,
            "main_engine_off": (mode == modes.FINAL),
            "contact_sensed": measured.has_contact,
            "ground_believed_reached": is_low,
            "range_finder_given_up": memory.acquisition.is_isolated,
            "thrust_lost": lacking.is_short & (mode < modes.OFF),
            **alarmed(memory.monitors, self.settings.monitoring),
        }
        now = jnp.stack([raised[kind.name] for kind in ONBOARD])
        events = now & ~memory.seen
        memory = eqx.tree_at(lambda m: (m.mode, m.seen), memory, (mode, memory.seen | now))
        return memory, events

    def lacking(self, memory: FlightMemory, mass: Scalar, inertia: Vector, clock: Scalar) -> tuple[Watch, Shortfall]:
        """What has been felt against what was asked for, and what is to be made up for."""
        control, period = self.settings.control, self.settings.period
        felt, asked = (memory.felt, memory.rate_B, memory.turn_B), (memory.thrust_given, memory.torque_given)
        rise = jnp.exp(-period / jnp.maximum(self.design.engine_rise, 1e-3))
        watch = watched(memory.watch, felt, asked, mass, inertia, period / control.thrust_loss_time, rise)
        watch = kept_up(memory.watch, watch, (clock - memory.clock) / period, memory.felt != 0.0)
        watch = counted(watch, period, control, self.design)
        return watch, shortfall(watch, control, self.design)

    def act(self, memory: FlightMemory, where: Geometry, foot_height: Scalar, clock: Scalar):
        """Guidance, attitude control and allocation for the mode in force."""
        design, mode = self.design, memory.mode
        mass = design.dry_mass + memory.propellant
        control, period = self.settings.control, self.settings.period
        guidance, is_terminal = rounds.descent_figures(memory, self.settings)
        brake = self.braking.push(situation(memory, where, guidance, design))
        lands_on_main = is_terminal & (design.assist_pairs == 0.0)  # the last metres are flown upright, on whatever engine
        is_final = (mode == modes.FINAL) | (lands_on_main & (foot_height < guidance.main_off_height))
        fall_M = self.descent.acceleration(Fall(where, mass, foot_height, is_terminal, is_final, guidance, design))
        is_early = mode <= modes.BRAKING
        wanted_M = jnp.where(is_early, brake.wanted_M, fall_M)
        thrust_I = fixed_to_inertial(unit(wanted_M), clock)
        # Thrust that is not yet along the wish is made up for, to a factor of two.
        pointing = dot(rotate(memory.navigation.attitude_IB, jnp.eye(3)[2]), thrust_I)
        push = mass * norm(wanted_M) / jnp.maximum(pointing, 0.5)
        inertia = design.inertia_dry + memory.propellant * design.inertia_per_propellant
        watch, short = self.lacking(memory, mass, inertia, clock)
        demand = jnp.minimum(jnp.where(is_early, brake.force, push), short.most)

        error_B = pointing_error(memory.navigation.attitude_IB, thrust_I, memory.forward_I)
        torque_B, integral = attitude_control(error_B, memory.rate_B, memory.attitude_integral, inertia, period, control)
        is_off = mode == modes.OFF
        torque_B = jnp.where(is_off, 0.0, torque_B - short.torque_B)
        is_powered = (mode >= modes.BRAKING) & ~is_off
        is_main_on = is_powered & (mode != modes.FINAL)
        owed = memory.assist_residual, jnp.where(is_off, 0.0, memory.torque_owed)
        commands, assist_residual, torque_owed = allocate(
            demand / short.share, torque_B, inertia * integral, is_main_on, is_powered, owed, period, design
        )
        share = jnp.where(jnp.arange(ENGINES) < MAIN.stop, commands.throttle, 1.0)
        used = jnp.sum(design.engine_flow() * share * commands.on_time)
        memory = eqx.tree_at(
            lambda m: (
                m.propellant,
                m.assist_residual,
                m.torque_owed,
                m.attitude_integral,
                m.thrust_demand,
                m.cosine_of_pointing,
                m.thrust_given,
                m.torque_given,
                m.watch,
                m.clock,
            ),
            memory,
            (
                jnp.maximum(memory.propellant - used, 0.0),
                assist_residual,
                torque_owed,
                integral,
                jnp.where(is_powered, demand, 0.0),
                pointing,
                *given(commands, period, design),
                watch,
                clock,
            ),
        )
        return memory, commands
