"""Bad input becomes one sentence: what, where, what to do."""

import pytest

from perilune.foundation.errors import UserError
from perilune.simulation.load import load


def changed(row: int, column: int, value: float) -> list[list[float]]:
    """Six independent errors but for one entry of their correlations."""
    rows = [[float(i == j) for j in range(6)] for i in range(6)]
    rows[row][column] = value
    return rows


CASES = {
    "negative mass": ({"lander.dry_mass_kg": -3.0}, "lander.dry_mass_kg = -3.0"),
    "propellant heavier than the lander carries": ({"lander.propellant_mass_kg": 1e5}, "four times"),
    "not a number": ({"lander.dry_mass_kg": "heavy"}, "lander.dry_mass_kg = 'heavy'"),
    "latitude": ({"site.latitude_deg": 95.0}, "less than or equal to 89"),
    "nan": ({"lander.dry_mass_kg": float("nan")}, "finite"),
    "moment without zone": ({"site.planned_touchdown_utc": "2025-06-05T19:17:00"}, "time zone"),
    "misspelt key": ({"lander.dry_mas_kg": 340.0}, "Did you mean “dry_mass_kg”"),
    "misspelt table": ({"landr.dry_mass_kg": 340.0}, "Did you mean “lander”"),
    "m of n": ({"lander.sensors.range_finder.valid_count": 9}, "exceeds valid_window"),
    "tank larger than the lander": ({"lander.tanks.radius_m": [0.9, 0.31, 0.31, 0.31]}, "reaches out of lander.hull"),
    "tank too small for its load": ({"lander.tanks.radius_m": [0.2] * 4}, "less than its load_share"),
    "thrusters in a line": (
        {
            "lander.engines.attitude.place_m": [[1.0, 0.0, 1.0], [0.0, 0.0, 1.0], [-1.0, 0.0, 1.0]],
            "lander.engines.attitude.direction": [[0.0, 0.0, 1.0]] * 3,
        },
        "no torque about +x",
    ),
    "legs to one side": (
        {"lander.legs.foot_m": [[1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [1.2, -1.0, 0.0]]},
        "do not surround the centre of mass",
    ),
    "assist engines without pairs": (
        {
            "lander.engines.assist.place_m": [[0.75, 0.0, 0.3]],
            "lander.engines.assist.direction": [[0.0, 0.0, 1.0]],
            "lander.engines.assist.thrust_n": 2000.0,
        },
        "opposite pairs",
    ),
    "shares of the load": ({"lander.tanks.load_share": [0.5, 0.1, 0.1, 0.1]}, "adds up to 0.8"),
    "direction of no unit length": ({"lander.engines.main.direction": [[0.0, 0.0, 2.0]]}, "unit vector"),
    "too weak": ({"lander.engines.assist.thrust_n": 10.0}, "less than the lander's lunar weight"),
    "truth steps between valve steps": ({"flight.truth_substeps": 2}, "valve_step_s"),
    "attitude gains that grow": ({"flight.control.rate_gain_per_s": 25.0}, "not stable at 10 Hz"),
    "descent gain of more than a cycle": ({"flight.guidance.terminal_rate_gain_per_s": 25.0}, "the rate would swing"),
    "a lag shorter than the engines": (
        {"flight.control.thrust_loss_share": 0.8, "flight.control.thrust_loss_time_s": 0.3},
        "healthy engines would count as weak",
    ),
    "liquid faster than the truth": ({"lander.tanks.slosh_hold_rad_per_s": [30.0] * 4}, "too long for liquid"),
    "site gain over the attitude's": ({"flight.guidance.site_gain_per_s": 5.0}, "the way to the site would swing up"),
    "height gain over the attitude's": ({"flight.guidance.height_gain_per_s2": 3.0}, "height in braking would swing up"),
    "a range that is confirmed too late": ({"flight.guidance.range_confirmation_s": 1e4}, "can never begin"),
    "final metres above the gate": ({"flight.guidance.main_off_height_m": 1e5}, "over before it began"),
    "a touchdown as fast as the hold": ({"flight.guidance.touchdown_rate_mps": 1e3}, "nothing to slow down from"),
    "braking that ends at once": ({"flight.guidance.braking_end_speed_mps": 1700.0}, "near orbital speed"),
    "profile": ({"flight.guidance.constant_rate_time_s": 400.0}, "constant-rate leg"),
    "cycle that does not divide a second": ({"flight.period_s": 0.03, "flight.truth_substeps": 3}, "over a whole number"),
    "path through a number": ({"lander.dry_mass_kg.foo.bar": 3}, "no table “foo”"),
    "parking orbit upside down": ({"orbit.perilune_height_above_sphere_m": 2e5}, "is above orbit.apolune_height"),
    "descent orbit beside the parking orbit": (
        {"orbit.perilune_height_above_sphere_m": 4e4, "orbit.apolune_height_above_sphere_m": 5e4},
        "must begin on it",
    ),
    "correlation with itself": ({"orbit.correlation_rtn": changed(3, 3, 0.5)}, "the diagonal holds ones"),
    "correlation one way": ({"orbit.correlation_rtn": changed(0, 1, 0.5)}, "radial and along-track differ"),
    "correlations that contradict": ({"orbit.correlation_rtn": [[1.0] * 6] * 6}, "contradict each other"),
    "correlation of five": ({"orbit.correlation_rtn": [[1.0] * 5] * 5}, "orbit.correlation_rtn"),
    "determination without error": ({"orbit.position_sigma_rtn_m": [0.0, 1.0, 1.0]}, "greater than 0"),
    "no timer": ({"orbit.burn_time_limit_s": 0.0}, "greater than 0"),
    "misspelt orbit key": ({"orbit.before_burn": 600.0}, "Did you mean “before_burn_s”"),
    "unknown policy": ({"flight.monitoring.policy": "reject_for_ever"}, "reject_until_consistent"),
    "policy by number": ({"flight.monitoring.policy": 1}, "flight.monitoring.policy"),
    "unknown braking law": ({"flight.guidance.braking_law": "gravity_turns"}, "Did you mean “gravity_turn”"),
    "unknown descent law": ({"flight.guidance.descent_law": "zemzev"}, "Did you mean “zem_zev”"),
    "braking law by number": ({"flight.guidance.braking_law": 1}, "flight.guidance.braking_law"),
    "a law whose sensor is not carried": (
        {"flight.guidance.braking_law": "gravity_turn", "lander.sensors.velocimeter.is_fitted": 0.0},
        "needs one of velocimeter, doppler_beams",
    ),
    "no patience": ({"flight.monitoring.patience_s": 0.0}, "greater than 0"),
    "patience beyond any flight": ({"flight.monitoring.patience_s": 1e9}, "less than or equal to 3600"),
    "a reset that opens nothing": ({"flight.monitoring.reset_sigma_m": 0.0}, "greater than 0"),
    "a gate of zero": ({"flight.navigation.range_gate_sigma": 0.0}, "greater than 0"),
    "cut-off by what there is not": ({"flight.cut_off.by": "radar"}, "contact_or_height"),
    "cut-off after a negative time": ({"flight.cut_off.contact_time_s": -0.1}, "greater than or equal to 0"),
    "a height for a negative time": ({"flight.cut_off.height_time_s": -1.0}, "greater than or equal to 0"),
    "hovering for a negative time": ({"flight.contingency.reserve_s": -1.0}, "greater than or equal to 0"),
    "cut-off by a height that nothing measures": (
        {"flight.cut_off.by": "height", "lander.sensors.range_finder.dropout_probability": 1.0},
        "nothing on the lander measures one",
    ),
    "cut-off before the final metres": (
        {"flight.cut_off.by": "contact_or_height", "flight.cut_off.height_m": 12.0},
        "would never be reached",
    ),
    "contact felt after the end": ({"flight.cut_off.contact_time_s": 0.6}, "is not simulated"),
    "hovering on the ground": ({"flight.contingency.without_range": "hover"}, "needs a height to hover at"),
    "hovering above the gate": (
        {"flight.contingency.without_range": "hover", "flight.contingency.hover_height_m": 5000.0},
        "where the descent that it ends has not begun",
    ),
    "a last rate as fast as the hold": ({"flight.contingency.rate_mps": 66.0}, "nothing to slow down from"),
    "a last rate that crashes": ({"flight.contingency.rate_mps": 6.5}, "crash as planned"),
    "a gauge without noise": ({"flight.propellant.gauge_noise_kg": 0.0}, "greater than 0"),
    "level ground in orbit": ({"site.onboard_flat_above_site_m": 1e7}, "less than or equal to 10000"),
    "a key that is not there": ({"flight.monitoring.patience": 1.0}, "patience_s"),
    "wrong count of parts": ({"lander.dry_centre_m": [0.0, 1.0]}, "lander.dry_centre_m"),
}


@pytest.mark.parametrize("name", CASES)
def test_bad_values(name):
    overrides, words = CASES[name]
    with pytest.raises(UserError) as caught:
        load("resilience", overrides)
    text = str(caught.value)
    assert words in text, text
    assert "\n" not in text


def test_unknown_mission_suggests():
    with pytest.raises(UserError, match="Did you mean “resilience”"):
        load("resiliense")


def test_file_that_is_not_toml(tmp_path):
    bad = tmp_path / "m.toml"
    bad.write_text("name = = 3")
    with pytest.raises(UserError, match="not valid TOML"):
        load(str(bad))
    with pytest.raises(UserError, match="does not exist"):
        load(str(tmp_path / "absent.toml"))


def test_unknown_fault_and_dispersion(tmp_path):
    from importlib import resources

    text = resources.files("perilune.missions").joinpath("resilience.toml").read_text()
    own = tmp_path / "own.toml"
    own.write_text(text.replace('range_finder.weak_return_db"\nmagnitude', 'range_finder.weak_retrun_db"\nmagnitude'))
    with pytest.raises(UserError, match=r"Did you mean “range_finder\.weak_return_db”"):
        load(str(own))
    own.write_text(text.replace('path = "site.reflectance_1064nm"', 'path = "site.reflectance"'))
    with pytest.raises(UserError, match="dispersion of unknown number"):
        load(str(own))
    own.write_text(text.replace('path = "site.reflectance_1064nm"', 'path = "flight.guidance.hold_rate_mps"'))
    with pytest.raises(UserError, match="flies as drawn"):
        load(str(own))
    own.write_text(text.replace("sigma = [100.0, 250.0, 150.0]", "sigma = [100.0, 250.0]"))
    with pytest.raises(UserError, match="2 figures for 3 parts"):
        load(str(own))
