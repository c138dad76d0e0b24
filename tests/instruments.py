"""A lander that carries every instrument there is, for the tests: figures as from data sheets of their kind."""

from typing import Any

from perilune.world.faults import FaultKind
from perilune.world.faults.kinds import UNITS

CAMERA = {
    "interval_s": 1.0, "latency_s": 0.1, "boresight": [0.0, 0.0, -1.0], "least_height_m": 20.0, "most_height_m": 8000.0,
    "least_sun_deg": 3.0, "most_sun_deg": 80.0, "tilt_limit_deg": 40.0, "rate_limit_deg_per_s": 10.0,
}  # fmt: skip
EVERYTHING: dict[str, Any] = {
    "lander.sensors.imu.errors": {
        "gyro_instability_deg_per_h": 0.5, "accelerometer_instability_ug": 30.0, "gyro_quantum_arcsec": 0.4,
        "accelerometer_quantum_mmps": 0.06, "gyro_limit_deg_per_s": 1000.0, "accelerometer_limit_mps2": 390.0,
    },
    "lander.sensors.star_tracker.blinding": {
        "boresight": [0.0, -1.0, 0.0], "sun_exclusion_deg": 30.0, "limb_exclusion_deg": 10.0,
    },
    "lander.sensors.range_finder.footprint": {"is_gaussian": 1.0, "gate_m": 3.0, "wants_last": 0.0},
    "lander.sensors.velocimeter.is_fitted": 0.0,
    "lander.sensors.doppler_beams": {
        "interval_s": 0.5, "latency_s": 0.05, "divergence_mrad": 0.1, "range_noise_m": 2.0, "range_noise_percent": 0.0,
        "speed_noise_mps": 0.02, "speed_noise_percent": 0.0, "reach_m": 4000.0, "speed_limit_mps": 200.0,
        "incidence_limit_deg": 60.0,
        "direction": [[0.3827, 0.0, -0.9239], [-0.1913, 0.3314, -0.9239], [-0.1913, -0.3314, -0.9239]],
    },
    "lander.sensors.terrain_camera": {
        **CAMERA, "pixel_mrad": 0.5, "match_pixels": 1.0, "match_up_pixels": 3.0, "match_floor_m": 1.0, "false_distance_m": 500.0,
    },
    "lander.sensors.optical_flow": {
        **CAMERA, "interval_s": 0.5, "across": [1.0, 0.0, 0.0], "noise_mrad_per_s": 0.1, "flow_limit_mrad_per_s": 500.0,
    },
    "lander.sensors.hazard_lidar": {
        "interval_s": 5.0, "latency_s": 0.0, "boresight": [0.0, 0.0, -1.0], "field_deg": 20.0, "width_m": 50.0, "noise_m": 0.02,
        "least_share": 0.8, "most_height_m": 800.0, "tilt_limit_deg": 20.0,
    },
    "lander.sensors.propellant_gauge": {"interval_s": 1.0, "latency_s": 0.0, "noise_kg": 1.0, "slosh_kg_per_mps2": 2.0},
}  # fmt: skip


def is_of_instruments(kind: FaultKind) -> bool:
    """Whether a fault strikes what the built-in lander does not carry."""
    return kind.target in UNITS[3:] or kind.name.startswith("velocimeter.beam")
