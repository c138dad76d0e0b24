"""Figures of the orbit phase: the burn, what navigation knew at mission time 0, and an impact if there was one."""

from typing import Any

import numpy as np

from perilune.foundation.moon import RADIUS, ROTATION_RATE
from perilune.simulation.arrival import Arrival, Impact, OrbitRow


def axes_of(position: np.ndarray, velocity: np.ndarray) -> np.ndarray:
    """(3, 3), rows: radial, along-track, cross-track."""
    radial = position / np.linalg.norm(position)
    momentum = np.cross(position, velocity)
    cross_track = momentum / np.linalg.norm(momentum)
    return np.stack([radial, np.cross(cross_track, radial), cross_track])


def orbit_figures(arrival: Arrival, rows: OrbitRow) -> dict[str, Any]:
    """What `flight.json` holds of one lane under “orbit”. Errors are estimate − truth, along the estimate's orbit axes, at
    mission time 0; none where the lander hit before it."""
    burn, estimate = arrival.burn, arrival.estimate
    figures: dict[str, Any] = {
        "start_s": float(rows.time[0]),
        "burn_start_s": float(burn.ignition),
        "burn_end_s": float(burn.cut_off),
        "delta_velocity_planned_mps": float(burn.delta_velocity_planned),
        "delta_velocity_felt_mps": float(burn.delta_velocity_felt),
        "delta_velocity_flown_mps": float(burn.delta_velocity_flown),
        "perilune_height_above_sphere_m": float(burn.perilune) - RADIUS,
        "propellant_planned_kg": float(burn.propellant_planned),
        "propellant_burnt_kg": float(burn.propellant),
    }
    if bool(arrival.impact.has_hit):
        return figures | {"impact": impact_figures(arrival.impact, float(burn.cut_off))}
    axes = axes_of(np.asarray(estimate.position_I), np.asarray(estimate.velocity_I))
    sigma = np.asarray(rows.sigma_rtn)[-1]
    return figures | {
        "position_error_rtn_m": (axes @ (np.asarray(estimate.position_I) - np.asarray(arrival.position_I))).tolist(),
        "velocity_error_rtn_mps": (axes @ (np.asarray(estimate.velocity_I) - np.asarray(arrival.velocity_I))).tolist(),
        "position_sigma_rtn_m": sigma[:3].tolist(),
        "velocity_sigma_rtn_mps": sigma[3:].tolist(),
        "impact": None,
    }


def impact_figures(impact: Impact, cut_off_s: float) -> dict[str, float]:
    """Where, when and how the sphere of the site's height was met. The speed is over the ground."""
    position, velocity = np.asarray(impact.position_I), np.asarray(impact.velocity_I)
    up = position / np.linalg.norm(position)
    over_ground = velocity - np.cross([0.0, 0.0, ROTATION_RATE], position)
    longitude = np.degrees(np.arctan2(up[1], up[0]) - ROTATION_RATE * float(impact.time))
    return {
        "time_s": float(impact.time),
        "after_burn_s": float(impact.time) - cut_off_s,
        "speed_mps": float(np.linalg.norm(over_ground)),
        "flight_path_angle_deg": float(np.degrees(np.arcsin(over_ground @ up / np.linalg.norm(over_ground)))),
        "latitude_deg": float(np.degrees(np.arcsin(up[2]))),
        "longitude_deg": float((longitude + 180.0) % 360.0 - 180.0),
    }
