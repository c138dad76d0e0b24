"""What can be broken: one table of faults, each a change of one number of the world.

A fault is data. What its magnitude departs from neutral is added to a number of the mission, so the same compiled
program flies every fault, and a fault at its neutral magnitude is bit for bit no fault. Flight software is
built from the undamaged numbers and never hears of it.
"""

from typing import NamedTuple


class FaultKind(NamedTuple):
    """A way to fail: its name, the mission number it moves, neutral and extreme magnitudes, and what it means."""

    name: str
    path: str
    neutral: float
    lower: float
    upper: float
    text: str


CATALOGUE = {
    kind.name: kind
    for kind in (
        FaultKind(
            "range_finder.weak_return_db",
            "lander.sensors.range_finder.return_loss_db",
            0.0,
            0.0,
            120.0,
            "The range finder's return is weaker than designed, by a factor in dB of power.",
        ),
        FaultKind(
            "range_finder.bias_m",
            "lander.sensors.range_finder.bias_m",
            0.0,
            -5000.0,
            5000.0,
            "The range finder reads long (positive) or short by a constant.",
        ),
        FaultKind(
            "range_finder.dropout_probability",
            "lander.sensors.range_finder.dropout_probability",
            0.0,
            0.0,
            1.0,
            "Each shot of the range finder is lost with this probability.",
        ),
        FaultKind(
            "range_finder.false_probability",
            "lander.sensors.range_finder.false_probability",
            0.0,
            0.0,
            1.0,
            "Each shot of the range finder gives a false return anywhere in its window with this probability.",
        ),
        FaultKind(
            "main_engine.thrust_error_percent",
            "lander.engines.main.thrust_error_percent",
            0.0,
            -100.0,
            50.0,
            "The main engine gives more (positive) or less thrust than designed.",
        ),
        FaultKind(
            "velocimeter.fitted",
            "lander.sensors.velocimeter.is_fitted",
            1.0,
            0.0,
            1.0,
            "The velocimeter works (1) or gives nothing (0).",
        ),
        FaultKind(
            "orbit.accelerometer_on",
            "orbit.accelerometer_is_on",
            1.0,
            0.0,
            1.0,
            "From orbit: the accelerometers are on in the burn (1), or off (0), so that only the timer ends it.",
        ),
    )
}
