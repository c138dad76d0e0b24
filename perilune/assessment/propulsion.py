"""What pulsing cost: effective throttle, torque ripple and loss of specific impulse of a flight."""

from typing import Any

import numpy as np

from perilune.flight.modes import BRAKING, FINAL, HOLD, TERMINAL
from perilune.foundation.moon import STANDARD_GRAVITY

from .flight import Flight

PHASES = {"braking": (BRAKING,), "vertical descent": (HOLD, TERMINAL, FINAL)}


def full_thrust(numbers: dict[str, Any]) -> float:
    """Main and assist engines together, N, from a flight's numbers."""
    engines = (f"lander.engines.{name}" for name in ("main", "assist"))
    return float(sum(np.asarray(numbers[f"{path}.thrust_n"]) * np.sum(numbers[f"{path}.is_there"]) for path in engines))


def propulsion_figures(flight: Flight) -> dict[str, Any]:
    """By phase: mean thrust over full thrust, its standard deviation, and that of the engines' torque (N m).

    And over the flight: propellant lost in starts (kg), and what that share of all propellant used costs of the assist
    engines' steady specific impulse (s).
    """
    c, mode = flight.channels, flight.channels["executive/mode"]
    numbers = flight.resolved
    full = full_thrust(numbers)
    found: dict[str, Any] = {"phases": {}}
    torque = np.hypot(c["truth/engine_torque_B_x_nm"], c["truth/engine_torque_B_y_nm"])
    for name, modes in PHASES.items():
        inside = np.isin(mode, modes) & (c["truth/foot_height_m"] > 0)
        if inside.sum() < 10:
            continue
        found["phases"][name] = {
            "effective_throttle": float(np.mean(c["truth/thrust_n"][inside]) / full),
            "throttle_ripple": float(np.std(c["truth/thrust_n"][inside]) / full),
            "torque_mean_nm": float(np.mean(torque[inside])),
            "torque_ripple_nm": float(np.std(torque[inside])),
        }
    lost = float(c["truth/start_loss_kg"][-1])
    used = float(c["truth/propellant_kg"][0] - c["truth/propellant_kg"][-1])
    pulsed = "assist" if np.sum(numbers["lander.engines.assist.is_there"]) > 0 else "main"
    steady = numbers[f"lander.engines.{pulsed}.specific_impulse_s"]
    found["start_loss_kg"] = lost
    found["specific_impulse_loss_s"] = float(steady * lost / used) if used > 0 else 0.0
    found["exhaust_speed_loss_mps"] = found["specific_impulse_loss_s"] * STANDARD_GRAVITY
    return found
