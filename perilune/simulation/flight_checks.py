"""What flight software's figures make impossible: loops that do not hold and phases that are never reached."""

import numpy as np

from perilune.flight.guidance.laws import BRAKING, DESCENT, GuidanceLaw
from perilune.world.state import AFTER_CONTACT

from .mission import Mission

Rules = tuple[tuple[bool, str], ...]


def attitude_modes(mission: Mission) -> np.ndarray:
    """Eigenvalues of the attitude loop about one axis, sampled once a cycle of T s.

    Pointing error ε, rate ω, the rate read (the mean of the last cycle) and the integral I, thrusters unlimited:
    α = k_r (k_a ε − ω_read) + I, I ← I + k_i T ε, ε ← ε − T ω − T²/2 α, ω ← ω + T α, ω_read ← ω + T/2 α.
    """
    control, step = mission.flight.control, mission.flight.period_s
    own, rate, slow = control.attitude_gain_per_s, control.rate_gain_per_s, control.integral_gain_per_s2
    turn = np.array([rate * own + slow * step, 0.0, -rate, 1.0])  # α of (ε, ω, ω_read, I)
    loop = np.array(
        [
            [1.0, -step, 0.0, 0.0] - 0.5 * step**2 * turn,
            [0.0, 1.0, 0.0, 0.0] + step * turn,
            [0.0, 1.0, 0.0, 0.0] + 0.5 * step * turn,
            [slow * step, 0.0, 0.0, 1.0],
        ]
    )
    return np.linalg.eigvals(loop)


def guidance_modes(mission: Mission, speed_gain: float, place_gain: float) -> np.ndarray:
    """Roots of a guidance loop over the attitude loop: x with the wish −k_v ẋ − k_p x, tilted to by an attitude of second order,
    s² (s²/(k_a k_r) + s/k_a + 1) + k_v s + k_p = 0."""
    control = mission.flight.control
    own, rate = control.attitude_gain_per_s, control.rate_gain_per_s
    return np.roots([1.0 / (own * rate), 1.0 / own, 1.0, speed_gain, place_gain])


def loop_rules(mission: Mission) -> Rules:
    """Gains whose loops grow, each with its sentence."""
    guidance, control, step = mission.flight.guidance, mission.flight.control, mission.flight.period_s
    largest = float(np.max(np.abs(attitude_modes(mission))))
    across = guidance_modes(mission, guidance.horizontal_gain_per_s, guidance.horizontal_gain_per_s * guidance.site_gain_per_s)
    along = guidance_modes(mission, guidance.rate_gain_per_s, guidance.height_gain_per_s2)
    grows = [float(np.max(np.real(roots))) for roots in (across, along)]
    return (
        (
            largest >= 1.0,
            f"flight.control: attitude_gain_per_s = {control.attitude_gain_per_s:g}, rate_gain_per_s = "
            f"{control.rate_gain_per_s:g} and integral_gain_per_s2 = {control.integral_gain_per_s2:g} are not stable at "
            f"{1.0 / step:g} Hz: an attitude error grows {largest:.3g} times a cycle; lower the gains, or fly shorter cycles",
        ),
        (
            guidance.terminal_rate_gain_per_s * step >= 2.0,
            f"flight.guidance.terminal_rate_gain_per_s = {guidance.terminal_rate_gain_per_s:g} asks within one cycle of "
            f"{step:g} s for more than twice the error of the descent rate: the rate would swing; lower the gain",
        ),
        (
            grows[0] >= 0.0,
            f"flight.guidance: horizontal_gain_per_s = {guidance.horizontal_gain_per_s:g} with site_gain_per_s = "
            f"{guidance.site_gain_per_s:g} is not stable over an attitude loop of {control.attitude_gain_per_s:g} /s: the way "
            "to the "
            "site would swing up; lower them, or raise flight.control.attitude_gain_per_s",
        ),
        (
            grows[1] >= 0.0,
            f"flight.guidance: rate_gain_per_s = {guidance.rate_gain_per_s:g} with height_gain_per_s2 = "
            f"{guidance.height_gain_per_s2:g} "
            f"is not stable over an attitude loop of {control.attitude_gain_per_s:g} /s: the height in braking would swing up; "
            "lower "
            "them, or raise flight.control.attitude_gain_per_s",
        ),
    )


def phase_rules(mission: Mission) -> Rules:
    """Phases that could never be reached, or would be left at once, each with its sentence."""
    guidance, finder = mission.flight.guidance, mission.lander.sensors.range_finder
    highest = max(guidance.gate_height_m, finder.window_m)
    longest = highest / guidance.hold_rate_mps
    waits = mission.flight.contingency.without_range == "wait"
    slow_step = mission.flight.period_s * mission.flight.slow_every
    confirmed = guidance.range_confirmation_s + slow_step * mission.flight.navigation.range_agree_count
    return (
        (
            waits and confirmed >= longest,
            f"terminal descent can never begin: a range is confirmed after {confirmed:g} s (flight.guidance.range_confirmation_s "
            f"and the returns that must agree), but from {highest:g} m (gate_height_m, or the range finder's window_m) at "
            f"hold_rate_mps = {guidance.hold_rate_mps:g} the ground comes in {longest:.0f} s",
        ),
        (
            len(mission.lander.engines.assist.place_m) > 0 and guidance.main_off_height_m >= guidance.gate_height_m,
            f"flight.guidance.main_off_height_m = {guidance.main_off_height_m:g} is not below gate_height_m = "
            f"{guidance.gate_height_m:g}: terminal descent would be over before it began",
        ),
        (
            guidance.touchdown_rate_mps >= guidance.hold_rate_mps,
            f"flight.guidance.touchdown_rate_mps = {guidance.touchdown_rate_mps:g} is not below hold_rate_mps = "
            f"{guidance.hold_rate_mps:g}: terminal descent would have nothing to slow down from",
        ),
        (
            guidance.braking_end_speed_mps >= 1500.0,
            f"flight.guidance.braking_end_speed_mps = {guidance.braking_end_speed_mps:g} is near orbital speed: braking would "
            "end as "
            "it began; give the horizontal speed to pitch up at",
        ),
    )


def cut_off_rules(mission: Mission) -> Rules:
    """Inputs of the cut-off that the lander does not have, or that come before their phase."""
    cut_off, guidance, sensors = mission.flight.cut_off, mission.flight.guidance, mission.lander.sensors
    goes_by_height = cut_off.by != "contact"
    sees_height = sensors.range_finder.dropout_probability < 1.0 or sensors.doppler_beams is not None
    has_final = len(mission.lander.engines.assist.place_m) > 0
    flown_on = AFTER_CONTACT * mission.flight.period_s
    return (
        (
            goes_by_height and not sees_height,
            f"flight.cut_off.by = “{cut_off.by}” goes by the height, but nothing on the lander measures one "
            "(lander.sensors.range_finder.dropout_probability = 1, no doppler_beams): cut off by “contact”, or add a sensor",
        ),
        (
            goes_by_height and has_final and cut_off.height_m >= guidance.main_off_height_m,
            f"flight.cut_off.height_m = {cut_off.height_m:g} is not below flight.guidance.main_off_height_m = "
            f"{guidance.main_off_height_m:g}: the final metres on assist engines would never be reached",
        ),
        (
            cut_off.by != "height" and cut_off.contact_time_s > flown_on,
            f"flight.cut_off.contact_time_s = {cut_off.contact_time_s:g} is longer than the {flown_on:g} s that engines are "
            "flown on after contact: what they do later is not simulated; shorten it",
        ),
    )


def contingency_rules(mission: Mission) -> Rules:
    """What is to be done without a range, and cannot."""
    contingency, guidance = mission.flight.contingency, mission.flight.guidance
    hovers = contingency.without_range == "hover"
    highest = max(contingency.hover_height_m, contingency.height_m)
    return (
        (
            hovers and contingency.hover_height_m <= guidance.constant_final_height_m,
            "flight.contingency.without_range = “hover” needs a height to hover at: hover_height_m = "
            f"{contingency.hover_height_m:g} is not above flight.guidance.constant_final_height_m = "
            f"{guidance.constant_final_height_m:g}",
        ),
        (
            highest >= guidance.gate_height_m,
            f"flight.contingency: hover_height_m or height_m, {highest:g}, is not below flight.guidance.gate_height_m = "
            f"{guidance.gate_height_m:g}, where the descent that it ends has not begun",
        ),
        (
            contingency.rate_mps >= guidance.hold_rate_mps,
            f"flight.contingency.rate_mps = {contingency.rate_mps:g} is not below flight.guidance.hold_rate_mps = "
            f"{guidance.hold_rate_mps:g}: there would be nothing to slow down from",
        ),
        (
            contingency.rate_mps > mission.requirements.crash_speed_mps,
            f"flight.contingency.rate_mps = {contingency.rate_mps:g} is above requirements.crash_speed_mps = "
            f"{mission.requirements.crash_speed_mps:g}: without a range the lander would crash as planned",
        ),
    )


def thrust_rules(mission: Mission) -> Rules:
    """A lag too short for how the engines follow."""
    control, main = mission.flight.control, mission.lander.engines.main
    moves = (1.0 - main.throttle_floor) / main.throttle_rate_per_s if main.throttle_floor < 1.0 else 0.0
    slowest = max(moves, 3.0 * main.rise_time_s, 3.0 * mission.lander.engines.assist.rise_time_s)
    return (
        (
            control.thrust_loss_share > 0.0 and control.thrust_loss_time_s < slowest,
            f"flight.control.thrust_loss_time_s = {control.thrust_loss_time_s:g} is shorter than the {slowest:.2g} s in which "
            "engines follow a command (throttle_rate_per_s, three times rise_time_s): healthy engines would count as weak; "
            "lengthen it, or set thrust_loss_share to 0",
        ),
    )


def monitoring_rules(mission: Mission) -> Rules:
    """Policies that need what the lander lacks."""
    monitoring = mission.flight.monitoring
    return (
        (
            monitoring.policy == "switch_to_alternate" and mission.lander.sensors.doppler_beams is None,
            "flight.monitoring.policy = “switch_to_alternate” lets Doppler beams judge the range finder, and this lander carries "
            "none: fit lander.sensors.doppler_beams, or choose another policy",
        ),
    )


def law_rules(mission: Mission) -> Rules:
    """Guidance laws that steer by what no sensor of this lander measures, each with its sentence."""
    guidance, sensors = mission.flight.guidance, mission.lander.sensors
    carried = {name for name in type(sensors).model_fields if getattr(sensors, name) is not None}
    carried -= set() if sensors.velocimeter.is_fitted > 0.5 else {"velocimeter"}
    laws: dict[str, tuple[str, GuidanceLaw]] = {
        "braking_law": (guidance.braking_law, BRAKING[guidance.braking_law]),
        "descent_law": (guidance.descent_law, DESCENT[guidance.descent_law]),
    }
    return tuple(
        (
            bool(law.needs) and not carried & set(law.needs),
            f"flight.guidance.{key} = “{name}” needs one of {', '.join(law.needs)}, and this lander has none: give it one in "
            "lander.sensors, or name another law",
        )
        for key, (name, law) in laws.items()
    )


def flight_rules(mission: Mission) -> Rules:
    """All of them."""
    rules = (loop_rules, phase_rules, cut_off_rules, contingency_rules, thrust_rules, monitoring_rules, law_rules)
    return tuple(rule for of_kind in rules for rule in of_kind(mission))
