"""How the clock, the flight computer, its map and its settings are wrong. Precedents from memory are marked (M)."""

from .kinds import FaultKind

TRUSTED = "ispace Mission 1, 2023: a range that was right was taken for wrong at a crater's rim"
ATLAS = "ispace Mission 1, 2023: the site was moved after the review, and the simulations did not cover the new terrain"
ALARMS = "Apollo 11, 1969: the computer ran out of time and restarted, five times in the descent (M)"
LUNA_25 = "Luna-25 2023: accelerometers not powered in the burn that lowered the orbit"
STARLINER = "Starliner 2019: the mission clock was eleven hours off (M)"

ON_BOARD = (
    FaultKind("clock.jump_s", "The onboard clock jumps; navigation turns the Moon with it.", -1e5, 1e5, 100.0, "clock_jump",
              precedents=(STARLINER,)),
    FaultKind("clock.drift_ppm", "The onboard clock runs fast; a cycle is taken for longer than it is.", -1e6, 1e6, 1000.0,
              "clock_drift"),
    FaultKind("computer.off", "The flight computer stands still: no cycle runs, all valves close, memory is kept.", 0.0, 1.0, 1.0,
              "computer_off", precedents=(ALARMS,)),
    FaultKind("computer.missed_cycle_probability", "Each cycle is missed with this probability; valves repeat the last command.",
              0.0, 1.0, 0.05, "computer_missed", precedents=(ALARMS,)),
)  # fmt: skip

MAP = (
    *(FaultKind(f"onboard_map.shift_{way}_m", f"The onboard map stands too far {where}.", -5e4, 5e4, 300.0,
              path="site.onboard_map_tie_error_m", part=part, precedents=(ATLAS,) if way == "up" else ())
    for part, (way, where) in enumerate((("east", "east"), ("north", "north"), ("up", "up")))),
    FaultKind("onboard_map.flat_above_site_m", "The ground on board is level, so far above the site; the descent is planned over "
              "it.", -1e4, 1e4, 1000.0, path="software:site.onboard_flat_above_site_m", precedents=(ATLAS,)),
)  # fmt: skip

SETTINGS = (
    FaultKind("software.site_latitude_error_deg", "The site on board lies too far north.", -5.0, 5.0, 0.05,
              path="software:site.latitude_deg", precedents=(ATLAS,)),
    FaultKind("software.site_longitude_error_deg", "The site on board lies too far east.", -5.0, 5.0, 0.05,
              path="software:site.longitude_deg", precedents=(ATLAS,)),
    FaultKind("software.range_gate_error_percent", "The gate on the range is wider (positive) or tighter than designed.", -99.0,
              1e4, -90.0, path="software:flight.navigation.range_gate_sigma", is_relative=True, precedents=(TRUSTED,)),
    FaultKind("software.terrain_sigma_error_percent", "Navigation trusts its map less (positive) or more than designed.", -99.0,
              1e4, -90.0, path="software:flight.navigation.terrain_sigma_m", is_relative=True, precedents=(TRUSTED,)),
    FaultKind("software.gate_height_error_m", "Braking is planned to end higher than designed.", -2000.0, 5000.0, 500.0,
              path="software:flight.guidance.gate_height_m"),
    FaultKind("software.terminal_deceleration_error_percent", "Terminal descent is planned with more deceleration than "
              "designed.", -90.0, 300.0, 50.0, path="software:flight.guidance.terminal_deceleration_mps2", is_relative=True),
    FaultKind("software.main_off_height_error_m", "The main engine is told to stop higher than designed.", -12.0, 2000.0, 100.0,
              path="software:flight.guidance.main_off_height_m"),
    FaultKind("software.dry_mass_error_percent", "The lander is heavier on board than it is.", -50.0, 100.0, 20.0,
              path="software:lander.dry_mass_kg", is_relative=True),
    FaultKind("software.control_gain_error_percent", "Attitude control turns with more gain than designed.", -99.0, 1e4, 400.0,
              path="software:flight.control.attitude_gain_per_s", is_relative=True),
)  # fmt: skip

ORBIT = (
    FaultKind("orbit.accelerometer_off", "From orbit: the accelerometers are off in the burn, so that only the timer ends it.",
              0.0, 1.0, 1.0, path="orbit.accelerometer_is_on", factor=-1.0, precedents=(LUNA_25,)),
)  # fmt: skip

SOFTWARE = (*ON_BOARD, *MAP, *SETTINGS, *ORBIT)
