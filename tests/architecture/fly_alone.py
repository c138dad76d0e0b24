"""Run where only foundation, interface and flight exist: build a flight software and step it."""

import dataclasses

import jax
import jax.numpy as jnp

from perilune.flight import memory as m
from perilune.flight.control.effectiveness import Watch
from perilune.flight.executive.cut_off import no_signs
from perilune.flight.executive.health import unheard
from perilune.flight.executive.propellant import first_page
from perilune.flight.monitoring.monitors import quiet
from perilune.flight.navigation.onboard_map import OnboardModel
from perilune.flight.settings import (
    ContingencySettings,
    ControlSettings,
    CutOffSettings,
    FlightSettings,
    GuidanceSettings,
    MonitoringSettings,
    NavigationSettings,
    PropellantSettings,
)
from perilune.flight.software import FlightSoftware
from perilune.foundation.corridor import Corridor
from perilune.foundation.gravity import zonal_field
from perilune.foundation.grid import height_map
from perilune.interface.design import ENGINES, LanderDesign, SightsDesign
from perilune.interface.events import ONBOARD
from perilune.interface.measurements import Measurements, nothing_sighted

VECTORS = {
    "position_sigma",
    "velocity_sigma",
    "tracker_sigma",
    "inertia_dry",
    "inertia_per_propellant",
    "couple_torque",
}


def filled(kind, **given):
    """A settings module with every figure 1.0 unless given."""
    values = {f.name: jnp.ones(3) if f.name in VECTORS else jnp.asarray(1.0) for f in dataclasses.fields(kind)}
    return kind(**(values | given))


unit_z = jnp.asarray([0.0, 0.0, 1.0])
one, zero = jnp.asarray(1.0), jnp.asarray(0.0)
no = jnp.zeros((), bool)
design = filled(
    LanderDesign,
    engine_thrust=100.0 * jnp.ones(ENGINES),
    engine_push=100.0 * jnp.ones(ENGINES),
    attitude_torque=jnp.ones((16, 3)),
    attitude_duty=jnp.ones((6, 16)),
    specific_impulse=300.0 * jnp.ones(3),
    dry_mass=jnp.asarray(300.0),
    propellant_mass=jnp.asarray(300.0),
    valve_step=jnp.asarray(0.02),
    range_boresight_B=-unit_z,
    sights=filled(
        SightsDesign,
        is_carried=jnp.ones(3, bool),
        beams_B=jnp.tile(-unit_z, (4, 1)),
        flow_boresight_B=-unit_z,
        flow_across_B=unit_z[::-1],
    ),
)
guidance = filled(GuidanceSettings, site_M=1737.4e3 * unit_z[::-1], start_height=jnp.asarray(2e4), constant_rate_time=one)
settings = FlightSettings(
    filled(NavigationSettings),
    filled(MonitoringSettings, window_limit=jnp.ones(6)),
    guidance,
    filled(ControlSettings),
    filled(CutOffSettings),
    filled(ContingencySettings),
    filled(PropellantSettings),
    jnp.asarray(0.1),
    slow_every=5,
    agree_count=2,
    agree_window=3,
)
table = Corridor(jnp.zeros((2, 2, 2, 3), jnp.float32), jnp.eye(3), jnp.zeros(3), jnp.ones(3))
onboard = OnboardModel(height_map(jnp.zeros((4, 4)), -0.1, -0.1, 0.1), zonal_field(), table)
software = FlightSoftware(design, settings, onboard)
state = m.NavigationState(
    position_I=jnp.asarray([1757e3, 0.0, 0.0]),
    velocity_I=jnp.asarray([0.0, 1600.0, 0.0]),
    attitude_IB=jnp.asarray([1.0, 0.0, 0.0, 0.0]),
    accelerometer_bias_B=jnp.zeros(3),
    gyro_bias_B=jnp.zeros(3),
    accelerometer_scale=zero,
    gyro_scale=jnp.zeros(3),
    tracker_alignment_B=jnp.zeros(3),
    terrain_bias=zero,
    terrain_relief=zero,
    terrain_below=zero,
    terrain_slope=zero,
    velocimeter_scale=zero,
    fix_tie_M=jnp.zeros(3),
)
memory = m.FlightMemory(
    navigation=state,
    covariance=jnp.eye(m.STATES),
    delta_velocity_I=jnp.zeros(3),
    delta_velocity_along=zero,
    delta_angle_B=jnp.zeros(3),
    ground_point_M=jnp.zeros(3),
    rate_B=jnp.zeros(3),
    gravity_rest_I=jnp.zeros(3),
    innovations=m.Innovations(jnp.zeros(7), jnp.ones(7), jnp.zeros(7, bool), jnp.zeros(7, bool)),
    sighted=m.Innovations(jnp.zeros(9), jnp.ones(9), jnp.zeros(9, bool), jnp.zeros(9, bool)),
    acquisition=m.Acquisition(jnp.zeros(3), jnp.zeros(3, bool), one, zero, zero, zero, jnp.asarray(False), jnp.asarray(False)),
    monitors=quiet(one),
    mode=jnp.asarray(0, jnp.int32),
    seen=jnp.zeros(len(ONBOARD), bool),
    throttle=one,
    time_to_go=jnp.asarray(600.0),
    distance_in_hand=jnp.asarray(1e6),
    law_note=jnp.zeros(2),
    forward_I=jnp.asarray([0.0, 1.0, 0.0]),
    cosine_of_pointing=zero,
    propellant=jnp.asarray(300.0),
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
    book=first_page(settings.propellant),
    health=unheard(),
)
measured = Measurements(
    jnp.zeros(3),
    jnp.zeros(3),
    state.attitude_IB,
    no,
    zero,
    zero,
    no,
    no,
    jnp.zeros(3),
    no,
    nothing_sighted(),
    no,
    zero,
    jnp.asarray(0.1),
)
step = jax.jit(lambda memory, tick: software.step(memory, measured, tick))
memory, commands, events = step(memory, jnp.asarray(0, jnp.int32))
for tick in range(1, 11):
    memory, commands, events = step(memory, jnp.asarray(tick, jnp.int32))
assert commands.on_time.shape == (ENGINES,)
print("stepped")
