"""From a mission's numbers to the flight software: the lander as drawn, the team's settings, the onboard map."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.scipy.special import ndtri
from jaxtyping import Array, Bool

from perilune.flight.guidance.laws import BRAKING, DESCENT, BrakingLaw, DescentLaw, GuidanceLaw
from perilune.flight.monitoring.monitors import ROWS_OF_UNIT
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
from perilune.foundation.frames import direction_to
from perilune.foundation.gravity import zonal_field
from perilune.foundation.grid import HeightMap
from perilune.foundation.moon import RADIUS
from perilune.foundation.vectors import cross, unit
from perilune.interface.design import ENGINE_CLASSES, TANKS, LanderDesign, SightsDesign

from .build_sensors import boresight, doppler_beams, values
from .build_world import by_class, structure
from .mission import Mission
from .units import ARCSECOND, DEGREE, DEGREE_PER_HOUR, DEGREE_PER_ROOT_HOUR, MICRO_G


def design(n, is_carried: Bool[Array, "3"]) -> LanderDesign:
    """The lander as drawn, with these of its sights. Its principal moments are taken to grow in proportion to the propellant,
    from dry to loaded."""
    drawn, load = structure(n), n["lander.propellant_mass_kg"] * n["lander.tanks.load_share"]
    dry, half, full = (drawn.at(share * load, jnp.zeros((2, TANKS))) for share in (0.0, 0.5, 1.0))
    grown = (full.inertia_whole - dry.inertia_whole)[0:3] / n["lander.propellant_mass_kg"]
    attitude, main, feet = (f"lander.{what}" for what in ("engines.attitude", "engines.main", "legs"))
    thruster = n[f"{attitude}.thrust_n"] * n[f"{attitude}.direction"] * n[f"{attitude}.is_there"][:, None]
    arms = n[f"{attitude}.place_m"] - half.centre_B[None, :]
    duty = n[f"{attitude}.duty_per_nm"]
    couples = 1.0 / jnp.maximum(jnp.max(duty, axis=1), 1e-9)
    foot_z = jnp.sum(n[f"{feet}.foot_m"][:, 2] * n[f"{feet}.is_there"]) / jnp.sum(n[f"{feet}.is_there"])
    thrusts = [n[f"lander.engines.{name}.thrust_n"] * n[f"lander.engines.{name}.is_there"] for name in ENGINE_CLASSES]
    along = [n[f"lander.engines.{name}.direction"][:, 2] for name in ENGINE_CLASSES]
    pushes = [thrust * z for thrust, z in zip(thrusts, along, strict=True)]
    return LanderDesign(
        dry_mass=n["lander.dry_mass_kg"],
        propellant_mass=n["lander.propellant_mass_kg"],
        inertia_dry=dry.inertia_whole[0:3],
        inertia_per_propellant=grown,
        engine_thrust=jnp.concatenate(thrusts),
        engine_push=jnp.concatenate(pushes),
        engine_rise=jnp.maximum(*(n[f"lander.engines.{name}.rise_time_s"] for name in ("main", "assist"))),
        specific_impulse=by_class(n, "specific_impulse_s"),
        throttle_floor=n[f"{main}.throttle_floor"],
        gimbal_limit=DEGREE * n[f"{main}.gimbal_limit_deg"],
        gimbal_arm=half.centre_B[2] - n[f"{main}.place_m"][0, 2],
        assist_pairs=0.5 * jnp.sum(n["lander.engines.assist.is_there"]),
        attitude_torque=jax.vmap(cross)(arms, thruster),
        attitude_duty=duty,
        couple_torque=jnp.minimum(couples[0::2], couples[1::2]),
        valve_step=n[f"{attitude}.valve_step_s"],
        minimum_on_time=n["lander.engines.assist.minimum_on_time_s"],
        foot_height=n["lander.dry_centre_m"][2] - foot_z,
        range_boresight_B=boresight(DEGREE * n["lander.sensors.range_finder.boresight_cant_deg"]),
        range_latency=n["lander.sensors.range_finder.latency_s"],
        sights=sights_design(n, is_carried),
    )


def navigation_settings(n) -> NavigationSettings:
    """Filter beliefs in SI."""

    def value(key):
        return n[f"flight.navigation.{key}"]

    return NavigationSettings(
        position_sigma=value("position_sigma_rtn_m"),
        velocity_sigma=value("velocity_sigma_rtn_mps"),
        attitude_sigma=1e-3 * value("attitude_sigma_mrad"),
        accelerometer_bias_sigma=MICRO_G * value("accelerometer_bias_sigma_ug"),
        accelerometer_scale_sigma=1e-6 * value("accelerometer_scale_sigma_ppm"),
        velocity_random_walk=MICRO_G * value("accelerometer_noise_ug_per_rthz"),
        gyro_bias_sigma=DEGREE_PER_HOUR * value("gyro_bias_sigma_deg_per_h"),
        gyro_scale_sigma=1e-6 * value("gyro_scale_sigma_ppm"),
        angle_random_walk=DEGREE_PER_ROOT_HOUR * value("gyro_noise_deg_per_rth"),
        unmodelled_acceleration=MICRO_G * value("unmodelled_acceleration_ug"),
        unmodelled_time=value("unmodelled_time_s"),
        tracker_alignment_sigma=1e-3 * value("tracker_alignment_sigma_mrad"),
        tracker_sigma=ARCSECOND * value("tracker_sigma_arcsec"),
        tracker_gate=value("tracker_gate_sigma"),
        range_sigma=value("range_sigma_m"),
        range_sigma_fraction=value("range_sigma_fraction"),
        terrain_roughness=value("terrain_roughness_m"),
        terrain_roughness_length=value("terrain_roughness_length_m"),
        range_gate=value("range_gate_sigma"),
        range_gap=value("range_gap_s"),
        range_consistency=value("range_consistency_m"),
        range_underweight=value("range_underweight"),
        terrain_sigma=value("terrain_sigma_m"),
        terrain_length=value("terrain_length_m"),
        velocimeter_sigma=value("velocimeter_sigma_mps"),
        velocimeter_scale_sigma=1e-6 * value("velocimeter_scale_sigma_ppm"),
        velocimeter_gate=value("velocimeter_gate_sigma"),
        beam_gate=value("beam_gate_sigma"),
        fix_gate=value("fix_gate_sigma"),
        fix_tie_sigma=value("fix_tie_sigma_m"),
        flow_gate=value("flow_gate_sigma"),
        flow_sigma_fraction=value("flow_sigma_fraction"),
    )


def monitoring_settings(n, slow_period) -> MonitoringSettings:
    """The recovery policy and the monitors; `slow_period`: s.

    A mean of n squared innovations of k rows exceeds its limit by chance with the probability asked for, if they are white: χ² of
    n k degrees by Wilson and Hilferty (1931), ν (1 − 2/(9 ν) + z √(2/(9 ν)))³; from ν = 10 no lower than χ² itself and at most
    5 % higher, to a probability of 1e-9.
    """

    def value(key):
        return n[f"flight.monitoring.{key}"]

    steps = jnp.maximum(value("window_s") / slow_period, 1.0)
    degrees = steps * jnp.asarray([float(len(rows)) for rows in ROWS_OF_UNIT.values()])
    spread = 2.0 / (9.0 * degrees)
    return MonitoringSettings(
        policy=value("policy"),
        patience=value("patience_s"),
        reset_sigma=value("reset_sigma_m"),
        window_keep=(steps - 1.0) / (steps + 1.0),
        window_limit=(1.0 - spread - ndtri(value("window_false_alarm")) * jnp.sqrt(spread)) ** 3,
        window_share=value("window_share"),
        belief=value("belief"),
    )


def executive_settings(n) -> tuple[CutOffSettings, ContingencySettings, PropellantSettings]:
    """What ends powered flight, what is done without a range, and what is believed of the propellant; SI."""

    def of(table: str, *keys: str):
        return (n[f"flight.{table}.{key}"] for key in keys)

    load, flow, noise, bias, gate = of(
        "propellant", "load_sigma_kg", "flow_sigma_percent", "gauge_noise_kg", "gauge_bias_sigma_kg", "gauge_gate_sigma"
    )
    return (
        CutOffSettings(*of("cut_off", "by", "contact_time_s", "height_m", "height_time_s")),
        ContingencySettings(*of("contingency", "without_range", "hover_height_m", "height_m", "rate_mps", "reserve_s")),
        PropellantSettings(load, 0.01 * flow, noise, bias, gate),
    )


def planned_ground(n, onboard_map: HeightMap) -> HeightMap:
    """The ground that flight was planned over: the onboard map, or a level so far above the site on it."""
    above = n["site.onboard_flat_above_site_m"]
    is_level = above != 0.0
    return eqx.tree_at(
        lambda m: (m.relief, m.shift_up),
        onboard_map,
        (jnp.where(is_level, jnp.zeros_like(above), 1.0), jnp.where(is_level, n["site.height_m"] + above, 0.0)),
    )


def guidance_settings(n, onboard_map: HeightMap) -> GuidanceSettings:
    """Planned profile in SI. The aimed point lies on the onboard map, for that is the ground the planners knew."""

    def value(key):
        return n[f"flight.guidance.{key}"]

    latitude, longitude = DEGREE * n["site.latitude_deg"], DEGREE * n["site.longitude_deg"]
    site_height = planned_ground(n, onboard_map).height(latitude, longitude)
    site_M = (RADIUS + site_height) * direction_to(latitude, longitude)
    return GuidanceSettings(
        site_M=site_M,
        ignition_throttle=value("ignition_throttle"),
        throttle_floor=value("throttle_floor"),
        gate_height=value("gate_height_m"),
        constant_rate=value("constant_rate_mps"),
        hold_rate=value("hold_rate_mps"),
        constant_rate_time=value("constant_rate_time_s"),
        start_height=n["start.perilune_height_above_site_m"] + n["site.height_m"] - site_height,  # the orbit is what it is
        height_gain=value("height_gain_per_s2"),
        rate_gain=value("rate_gain_per_s"),
        braking_end_speed=value("braking_end_speed_mps"),
        terminal_deceleration=value("terminal_deceleration_mps2"),
        touchdown_rate=value("touchdown_rate_mps"),
        constant_final_height=value("constant_final_height_m"),
        terminal_rate_gain=value("terminal_rate_gain_per_s"),
        horizontal_gain=value("horizontal_gain_per_s"),
        horizontal_speed_limit=value("horizontal_speed_limit_mps"),
        site_gain=value("site_gain_per_s"),
        tilt_limit=DEGREE * value("tilt_limit_deg"),
        final_tilt_limit=DEGREE * value("final_tilt_limit_deg"),
        range_confirmation=value("range_confirmation_s"),
        main_off_height=value("main_off_height_m"),
    )


def sights_design(n, is_carried: Bool[Array, "3"]) -> SightsDesign:
    """What is drawn of the instruments that not every lander carries. A Doppler beam that there is not looks straight down."""
    beams, camera, flow = (values(n, name) for name in ("doppler_beams", "terrain_camera", "optical_flow"))
    there = beams("is_there")[:, None] > 0.5
    matched = 1e-3 * camera("pixel_mrad") * camera("map_quality")
    return SightsDesign(
        is_carried=is_carried,
        beams_B=jnp.where(there, doppler_beams(n).directions_B, -jnp.eye(3)[2]),
        beams_latency=beams("latency_s"),
        beams_sigma=beams("range_noise_m"),
        beams_fraction=0.01 * beams("range_noise_percent"),
        fix_latency=camera("latency_s"),
        fix_angle=matched * camera("match_pixels"),
        fix_up_angle=matched * camera("match_up_pixels"),
        fix_floor=camera("match_floor_m"),
        flow_boresight_B=unit(flow("boresight")),
        flow_across_B=unit(flow("across")),
        flow_latency=flow("latency_s"),
        flow_sigma=1e-3 * flow("noise_mrad_per_s"),
    )


def build_software(n, tie_error_m, mission: Mission, maps, own_law: GuidanceLaw | None = None) -> FlightSoftware:
    """Flight software from the numbers as drawn, the onboard map and gravity of `maps`, what instruments it is built for and
    which guidance laws; `own_law` in the place of one. The map is loaded with the tie error it really has, unknown to all."""
    onboard_map, laws = maps.onboard, mission.flight.guidance

    def value(key):
        return n[f"flight.control.{key}"]

    latitude, planned = DEGREE * n["site.latitude_deg"], planned_ground(n, onboard_map)
    cut_off, contingency, propellant = executive_settings(n)
    shifted = eqx.tree_at(
        lambda m: (m.shift_east, m.shift_north, m.shift_up),
        planned,
        (tie_error_m[0] / (RADIUS * jnp.cos(latitude)), tie_error_m[1] / RADIUS, planned.shift_up + tie_error_m[2]),
    )
    return FlightSoftware(
        design=design(n, maps.sights),
        settings=FlightSettings(
            navigation=navigation_settings(n),
            monitoring=monitoring_settings(n, mission.flight.slow_every * n["flight.period_s"]),
            guidance=guidance_settings(n, onboard_map),
            control=ControlSettings(
                attitude_gain=value("attitude_gain_per_s"),
                rate_gain=value("rate_gain_per_s"),
                integral_gain=value("integral_gain_per_s2"),
                slew_rate=DEGREE * value("slew_rate_deg_per_s"),
                upright_angle=DEGREE * value("upright_angle_deg"),
                thrust_loss_share=value("thrust_loss_share"),
                thrust_loss_time=value("thrust_loss_time_s"),
            ),
            cut_off=cut_off,
            contingency=contingency,
            propellant=propellant,
            period=n["flight.period_s"],
            slow_every=mission.flight.slow_every,
            agree_count=mission.flight.navigation.range_agree_count,
            agree_window=mission.flight.navigation.range_agree_window,
        ),
        onboard=OnboardModel(shifted, zonal_field(), maps.onboard_gravity),
        braking=own_law if isinstance(own_law, BrakingLaw) else BRAKING[laws.braking_law],
        descent=own_law if isinstance(own_law, DescentLaw) else DESCENT[laws.descent_law],
    )
