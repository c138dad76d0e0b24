"""The names of what can happen in a flight: one table, from which every story, archive and plot is drawn."""

from typing import NamedTuple


class EventKind(NamedTuple):
    """One kind of event: machine name, severity (info, notice, warning, critical) and a sentence."""

    name: str
    severity: str
    text: str


# Raised by flight software from what it measures.
ONBOARD = (
    EventKind("powered_descent_initiation", "info", "Main and assist engines lit: braking begins."),
    EventKind("braking_end", "info", "Horizontal speed is spent: braking ends, the lander pitches up."),
    EventKind("upright", "info", "Attitude vertical; descent rate held."),
    EventKind("range_finder_acquired", "notice", "The range finder reports its first valid range."),
    EventKind("range_accepted", "notice", "Navigation takes the range in: enough returns agree with each other."),
    EventKind("range_rejected", "warning", "Navigation refuses a valid range: outside the gate."),
    EventKind("terminal_descent_start", "info", "Terminal descent begins: a range is confirmed, or not waited for."),
    EventKind("thrust_saturated", "warning", "Terminal descent asks for more thrust than there is."),
    EventKind("below_gate_without_range", "warning", "Terminal descent is due, but there is no confirmed range."),
    EventKind("main_engine_off", "info", "Main engine off: last metres on the assist engines."),
    EventKind("contact_sensed", "info", "Footpad contact sensed for long enough: all engines commanded off."),
    EventKind("ground_believed_reached", "notice", "The feet are believed on the ground: all engines commanded off by height."),
    EventKind("range_finder_given_up", "critical", "Navigation gives the range finder up: none of its ranges counts any more."),
    EventKind("thrust_lost", "critical", "Less thrust comes than is asked for: flight software asks for more."),
    EventKind("range_window_alarm", "warning", "The range finder's innovations are larger over the window than chance allows."),
    EventKind("range_persistence_alarm", "warning", "Most of the latest ranges were refused."),
    EventKind("range_cross_check_alarm", "warning", "Range finder and Doppler beams see different ground."),
    EventKind("range_plausibility_alarm", "warning", "The ranges mean a ground that the onboard map cannot have."),
    EventKind("star_tracker_alarm", "warning", "The star tracker's innovations are too large, or refused again and again."),
    EventKind("velocimeter_alarm", "warning", "The velocimeter's innovations are too large, or refused again and again."),
    EventKind("doppler_beams_alarm", "warning", "The Doppler beams' innovations are too large, or refused again and again."),
    EventKind("terrain_camera_alarm", "warning", "The terrain camera's fixes are too far off, or refused again and again."),
    EventKind("optical_flow_alarm", "warning", "The optical flow's innovations are too large, or refused again and again."),
)
# Seen from outside, by the simulation.
OUTSIDE = (
    EventKind("first_return", "info", "The range finder counts its first return, echo or false."),
    EventKind("full_thrust", "info", "All engines deliver full thrust in terminal descent."),
    EventKind("propellant_exhausted", "critical", "The tanks are dry: no engine delivers thrust."),
    EventKind("touchdown", "info", "The first footpad meets the ground."),
    EventKind("time_limit", "critical", "The time limit of the flight ran out before the ground came."),
    EventKind("diverged", "critical", "The state of this lane is no longer a finite number; the flight was ended."),
)
ALL = ONBOARD + OUTSIDE
INDEX = {kind.name: index for index, kind in enumerate(ALL)}
