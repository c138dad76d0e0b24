"""What the flight software team chose: every figure is a leaf, so that it can be varied without a new program."""

import equinox as eqx
from jaxtyping import Array, Float

from perilune.foundation.quantities import Position, Scalar, Vector


class NavigationSettings(eqx.Module):
    """What the filter believes about its start and its sensors (1 sigma, SI) and how it decides."""

    position_sigma: Vector  # m; radial, along, cross track
    velocity_sigma: Vector  # m/s
    attitude_sigma: Scalar  # rad
    accelerometer_bias_sigma: Scalar  # m/s²
    accelerometer_scale_sigma: Scalar
    velocity_random_walk: Scalar  # m/s/√s
    gyro_bias_sigma: Scalar  # rad/s
    gyro_scale_sigma: Scalar
    angle_random_walk: Scalar  # rad/√s
    unmodelled_acceleration: Scalar  # m/s², of the onboard gravity model
    unmodelled_time: Scalar  # s, over which that error keeps its sign
    tracker_alignment_sigma: Scalar  # rad
    tracker_sigma: Vector  # rad, about the B axes
    tracker_gate: Scalar  # sigmas
    range_sigma: Scalar  # m
    range_sigma_fraction: Scalar  # of the range
    terrain_roughness: Scalar  # m, of the ground about the onboard map and its smooth error
    terrain_roughness_length: Scalar  # m of ground over which that relief changes
    range_gate: Scalar  # sigmas
    range_gap: Scalar  # s without an accepted range, after which ranges count as new
    range_consistency: Scalar  # m, how far innovations may differ and still agree
    range_underweight: Scalar  # extra share of HPHᵀ in the first updates (Lear 1985)
    terrain_sigma: Scalar  # m, of the onboard map against the ground
    terrain_length: Scalar  # m of ground track over which that error changes
    velocimeter_sigma: Scalar  # m/s
    velocimeter_scale_sigma: Scalar
    velocimeter_gate: Scalar  # sigmas
    beam_gate: Scalar  # sigmas, of a Doppler beam's range
    fix_gate: Scalar  # sigmas
    fix_tie_sigma: Scalar  # m, of the camera's map against the Moon's axes
    flow_gate: Scalar  # sigmas
    flow_sigma_fraction: Scalar  # of the flow: relief under the picture


class MonitoringSettings(eqx.Module):
    """What is done about a range finder that does not fit."""

    policy: Scalar  # which of `monitoring.recovery.POLICIES`
    patience: Scalar  # s of refusals alone, after which a policy that waits for that acts
    reset_sigma: Scalar  # m, by which a reset opens the lander's height and the ground's; what a bank takes them to be off by
    window_keep: Scalar  # what is left of the monitors' fading means from one slow step to the next
    window_limit: Float[Array, "6"]  # mean of squared innovations over variance, over which a unit is in alarm
    window_share: Scalar  # of refusals and contradictions in the window, over which there is an alarm
    belief: Scalar  # probability from which an account of the bank is acted on


class GuidanceSettings(eqx.Module):
    """The planned profile and the gains that hold it."""

    site_M: Position  # m, the aimed point on the ground
    ignition_throttle: Scalar  # share of full thrust that ignition is timed for
    throttle_floor: Scalar
    gate_height: Scalar  # m above the site radius, end of the constant-rate leg
    constant_rate: Scalar  # m/s, descent rate of that leg
    hold_rate: Scalar  # m/s, descent rate held below the gate until terminal descent
    constant_rate_time: Scalar  # s, length of the constant-rate leg
    start_height: Scalar  # m above the site radius, height of the level leg
    height_gain: Scalar  # 1/s²
    rate_gain: Scalar  # 1/s
    braking_end_speed: Scalar  # m/s, horizontal
    terminal_deceleration: Scalar  # m/s², of the planned v = √(2 a h)
    touchdown_rate: Scalar  # m/s
    constant_final_height: Scalar  # m above ground, from which the touchdown rate is held
    terminal_rate_gain: Scalar  # 1/s
    horizontal_gain: Scalar  # 1/s
    horizontal_speed_limit: Scalar  # m/s, while closing on the site
    site_gain: Scalar  # 1/s
    tilt_limit: Scalar  # rad, in vertical descent
    final_tilt_limit: Scalar  # rad, in the last metres
    range_confirmation: Scalar  # s of accepted ranges before terminal descent may begin
    main_off_height: Scalar  # m above ground


class ControlSettings(eqx.Module):
    """Attitude loop."""

    attitude_gain: Scalar  # 1/s
    rate_gain: Scalar  # 1/s
    integral_gain: Scalar  # 1/s²
    slew_rate: Scalar  # rad/s
    upright_angle: Scalar  # rad, below which pitch-up is over
    thrust_loss_share: Scalar  # of the thrust asked for, below which what is missing is made up for; 0: never
    thrust_loss_time: Scalar  # s, over which that is felt


class CutOffSettings(eqx.Module):
    """What ends powered flight."""

    by: Scalar  # which of `executive.cut_off.NAMES`
    contact_time: Scalar  # s for which a switch must say contact without a break
    height: Scalar  # m of the feet above the ground believed under them
    height_time: Scalar  # s for which they must be believed no higher


class ContingencySettings(eqx.Module):
    """What is done while no range is confirmed."""

    without_range: Scalar  # which of `executive.contingency.NAMES`
    hover_height: Scalar  # m above ground
    height: Scalar  # m above ground, from which the last rate is held on the estimate alone
    rate: Scalar  # m/s, that rate; 0: the touchdown rate
    reserve: Scalar  # s of hovering left, at which hovering ends


class PropellantSettings(eqx.Module):
    """What is believed of the bookkeeping of propellant and of its gauge (1 sigma)."""

    load_sigma: Scalar  # kg, of what was loaded
    flow_share: Scalar  # of what was burned
    gauge_noise: Scalar  # kg
    gauge_bias: Scalar  # kg
    gauge_gate: Scalar  # sigmas; 0: the gauge is not looked at


class FlightSettings(eqx.Module):
    """All of it, with the schedule's static integers."""

    navigation: NavigationSettings
    monitoring: MonitoringSettings
    guidance: GuidanceSettings
    control: ControlSettings
    cut_off: CutOffSettings
    contingency: ContingencySettings
    propellant: PropellantSettings
    period: Scalar  # s, of one cycle
    slow_every: int = eqx.field(static=True)  # cycles between filter updates
    agree_count: int = eqx.field(static=True)  # m of ...
    agree_window: int = eqx.field(static=True)  # ... n returns that must agree after a gap
