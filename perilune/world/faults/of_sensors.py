"""How sensors fail. Precedents from memory are marked (M); the others stand in published sources."""

from perilune.interface.design import BEAMS

from .kinds import FAST, SLOW, UNITS, FaultKind

AXES = ("x", "y", "z")
WAYS = ("east", "north", "up")
BEAM = tuple(str(k + 1) for k in range(BEAMS))
FIX, FLOW = SLOW.index("fix east"), SLOW.index("flow x")
PROPELLANT, PATCH = SLOW.index("propellant"), SLOW.index("patch")
ACCELEROMETER, GYRO = FAST.index("accelerometer x"), FAST.index("gyro x")
TRACKER, RANGE, VELOCITY = SLOW.index("star tracker x"), SLOW.index("range"), SLOW.index("velocity x")
FEET = ("1", "2", "3", "4", "5", "6")
SCHIAPARELLI = "Schiaparelli 2016: the IMU's rates saturated under the parachute (M)"
BERESHEET = "Beresheet 2019: one IMU failed and its restart stopped the other's data (M)"
RESILIENCE = "ispace Mission 2, 2025: first valid range at 893 m instead of above 3 km"
ODYSSEUS = "IM-1 2024: range finders never enabled, the Doppler lidar's valid flag left unset"
RADAR_LOCK = "Surveyor 3, 1967: the radar lost lock near the ground and the engines burned on (M)"
DUST_RETURNS = "Mars Science Laboratory's radar: errors from dust raised by the plume"
POLAR_LANDER = "Mars Polar Lander 1999: legs unfolding were taken for touchdown (M)"

IMU = (
    FaultKind("imu.accelerometer_bias_ug", "The accelerometers read too much by a constant.", -1e6, 1e6, 2000.0,
              "fast_bias", ACCELEROMETER, AXES, path="lander.sensors.imu.accelerometer_bias_ug"),
    FaultKind("imu.accelerometer_drift_ug_per_s", "The accelerometers' bias grows.", -1e5, 1e5, 20.0,
              "fast_drift", ACCELEROMETER, AXES),
    FaultKind("imu.accelerometer_scale_ppm", "The accelerometers read too much by a share.", -1e6, 1e6, 2000.0,
              "fast_scale", ACCELEROMETER, AXES, path="lander.sensors.imu.accelerometer_scale_ppm"),
    FaultKind("imu.accelerometer_noise_ug_per_rthz", "The accelerometers are noisier.", 0.0, 1e7, 5000.0,
              "fast_noise", ACCELEROMETER, AXES),
    FaultKind("imu.accelerometer_limit_mps2", "The accelerometers saturate at this acceleration; 0: they do not.", 0.0, 1000.0,
              1.5, "fast_limit", ACCELEROMETER, AXES),
    FaultKind("imu.accelerometer_stuck", "The accelerometers repeat their last increment.", 0.0, 1.0, 1.0,
              "fast_stuck", ACCELEROMETER, AXES),
    FaultKind("imu.gyro_bias_deg_per_h", "The gyros read too much by a constant.", -1e6, 1e6, 200.0, "fast_bias", GYRO, AXES),
    FaultKind("imu.gyro_drift_deg_per_h_per_s", "The gyros' bias grows.", -1e5, 1e5, 2.0, "fast_drift", GYRO, AXES),
    FaultKind("imu.gyro_scale_ppm", "The gyros read too much by a share.", -1e6, 1e6, 20000.0, "fast_scale", GYRO, AXES),
    FaultKind("imu.gyro_noise_deg_per_rth", "The gyros are noisier.", 0.0, 1e4, 5.0, "fast_noise", GYRO, AXES),
    FaultKind("imu.gyro_limit_deg_per_s", "The gyros saturate at this rate; 0: they do not.", 0.0, 1000.0, 1.0,
              "fast_limit", GYRO, AXES, precedents=(SCHIAPARELLI,)),
    FaultKind("imu.gyro_stuck", "The gyros repeat their last increment.", 0.0, 1.0, 1.0, "fast_stuck", GYRO, AXES),
    FaultKind("imu.off", "The IMU gives increments of zero, as while it restarts; what was not measured is lost.", 0.0, 1.0, 1.0,
              "imu_off", precedents=(BERESHEET,)),
)  # fmt: skip


def of_unit(unit: str, what: str, example_s: float) -> tuple[FaultKind, ...]:
    """What every slow unit can do."""
    k = UNITS.index(unit)
    return (
        FaultKind(f"{unit}.off", f"{what} gives nothing: never switched on, lost, or blinded.", 0.0, 1.0, 1.0, "unit_off", k,
                  precedents={"range_finder": (ODYSSEUS,), "velocimeter": (ODYSSEUS, RADAR_LOCK)}.get(unit, ())),
        FaultKind(f"{unit}.dropout_probability", f"{what} loses each reading with this probability.", 0.0, 1.0, 0.9,
                  "unit_dropout", k),
        FaultKind(f"{unit}.stuck", f"{what} repeats its last reading.", 0.0, 1.0, 1.0, "unit_stuck", k),
        FaultKind(f"{unit}.said_valid", f"{what} says that its reading is valid, whatever it is.", 0.0, 1.0, 1.0,
                  "unit_said_valid", k),
        FaultKind(f"{unit}.said_invalid", f"{what} says that its reading is not valid, though it is.", 0.0, 1.0, 1.0,
                  "unit_said_invalid", k, precedents=(ODYSSEUS,) if unit == "velocimeter" else ()),
        FaultKind(f"{unit}.latency_s", f"{what} reports later than it should, and nobody knows.", 0.0, 2.0, example_s,
                  "unit_latency", k),
    )  # fmt: skip


STAR_TRACKER = (
    FaultKind("star_tracker.bias_arcsec", "The star tracker's attitude is turned about the body's axes.", -6e5, 6e5, 600.0,
              "slow_bias", TRACKER, AXES),
    FaultKind("star_tracker.drift_arcsec_per_s", "The star tracker's attitude turns away.", -1e5, 1e5, 5.0,
              "slow_drift", TRACKER, AXES),
    FaultKind("star_tracker.noise_arcsec", "The star tracker is noisier.", 0.0, 6e5, 600.0, "slow_noise", TRACKER, AXES),
    *of_unit("star_tracker", "The star tracker", 2.0),
)  # fmt: skip

RANGE_FINDER = (
    FaultKind("range_finder.weak_return_db", "The range finder's return is weaker than designed: weak pulse, dark or tilted "
              "ground, loss in the optics.", 0.0, 120.0, 21.53, "range_loss", precedents=(RESILIENCE,)),
    FaultKind("range_finder.bias_m", "The range finder reads long by a constant.", -5000.0, 5000.0, 100.0, "slow_bias", RANGE),
    FaultKind("range_finder.drift_mps", "The range finder reads longer and longer.", -1000.0, 1000.0, 5.0, "slow_drift", RANGE),
    FaultKind("range_finder.scale_percent", "The range finder reads long by a share.", -100.0, 1000.0, 5.0, "slow_scale", RANGE),
    FaultKind("range_finder.noise_m", "The range finder is noisier.", 0.0, 5000.0, 30.0, "slow_noise", RANGE),
    FaultKind("range_finder.near_noise_m", "The range finder's noise rises near the ground to this at contact, e-fold in 50 m.",
              0.0, 1000.0, 10.0, "range_near_noise", precedents=(DUST_RETURNS,)),
    FaultKind("range_finder.false_probability", "Each shot of the range finder gives a false return anywhere in its window with "
              "this probability more.", 0.0, 1.0, 0.5, "range_false"),
    FaultKind("range_finder.boresight_mrad", "The beam points off where it should, about the body's x and y axes.", -1500.0,
              1500.0, 100.0, "range_boresight", 0, ("x", "y")),
    *of_unit("range_finder", "The range finder", 1.0),
)  # fmt: skip

VELOCIMETER = (
    FaultKind("velocimeter.bias_mps", "The velocimeter reads too much by a constant.", -1000.0, 1000.0, 2.0, "slow_bias",
              VELOCITY, AXES),
    FaultKind("velocimeter.drift_mps2", "The velocimeter's bias grows.", -100.0, 100.0, 0.05, "slow_drift", VELOCITY, AXES),
    FaultKind("velocimeter.scale_percent", "The velocimeter reads too much by a share.", -100.0, 1000.0, 5.0, "slow_scale",
              VELOCITY, AXES),
    FaultKind("velocimeter.noise_mps", "The velocimeter is noisier.", 0.0, 1000.0, 2.0, "slow_noise", VELOCITY, AXES),
    *of_unit("velocimeter", "The velocimeter", 1.0),
    FaultKind("velocimeter.beam_lost", "A beam of the Doppler lidar or radar has no lock.", 0.0, 1.0, 1.0, "beam_lost",
              elements=BEAM, precedents=(RADAR_LOCK,)),
    FaultKind("velocimeter.beam_bias_mps", "A beam of the Doppler lidar or radar reads too much speed.", -1000.0, 1000.0, 2.0,
              "beam_bias", elements=BEAM),
)  # fmt: skip

SWITCHES = (
    FaultKind("footpad_switch.early", "A footpad switch says contact before there is any.", 0.0, 1.0, 1.0, "switch_early", 0,
              FEET, precedents=(POLAR_LANDER,)),
    FaultKind("footpad_switch.dead", "A footpad switch never closes; touchdown is not told by it.", 0.0,
              1.0, 1.0, "switch_dead", 0, FEET),
    FaultKind("footpad_switch.chatter_probability", "A footpad switch closes for a cycle with this probability.", 0.0, 1.0, 0.01,
              "switch_chatter", 0, FEET),
)  # fmt: skip

TERRAIN_CAMERA = (
    FaultKind("terrain_camera.bias_m", "The terrain camera's fixes lie too far east, north or up.", -5e4, 5e4, 300.0, "slow_bias",
              FIX, WAYS),
    FaultKind("terrain_camera.drift_mps", "The terrain camera's fixes move away.", -1000.0, 1000.0, 5.0, "slow_drift", FIX, WAYS),
    FaultKind("terrain_camera.noise_m", "The terrain camera's fixes are noisier.", 0.0, 5e4, 50.0, "slow_noise", FIX),
    FaultKind("terrain_camera.false_probability", "Each picture is matched to the wrong place with this probability more.", 0.0,
              1.0, 0.5, "camera_false"),
    *of_unit("terrain_camera", "The terrain camera", 1.0),
)  # fmt: skip

OPTICAL_FLOW = (
    FaultKind("optical_flow.bias_mrad_per_s", "Optical flow reads too much by a constant.", -1e4, 1e4, 5.0, "slow_bias", FLOW,
              ("across", "along")),
    FaultKind("optical_flow.scale_percent", "Optical flow reads too much by a share.", -100.0, 1000.0, 5.0, "slow_scale", FLOW,
              ("across", "along")),
    FaultKind("optical_flow.noise_mrad_per_s", "Optical flow is noisier.", 0.0, 1e4, 5.0, "slow_noise", FLOW),
    *of_unit("optical_flow", "Optical flow", 1.0),
)  # fmt: skip

GAUGE = (
    FaultKind("propellant_gauge.bias_kg", "The gauge reads too much by a constant.", -1e4, 1e4, 20.0, "slow_bias", PROPELLANT),
    FaultKind("propellant_gauge.drift_kgps", "The gauge reads more and more.", -100.0, 100.0, 0.1, "slow_drift", PROPELLANT),
    FaultKind("propellant_gauge.scale_percent", "The gauge reads too much by a share.", -100.0, 1000.0, 10.0, "slow_scale",
              PROPELLANT),
    FaultKind("propellant_gauge.noise_kg", "The gauge is noisier.", 0.0, 1e4, 10.0, "slow_noise", PROPELLANT),
    *of_unit("propellant_gauge", "The propellant gauge", 1.0),
)  # fmt: skip

HAZARD_LIDAR = (
    FaultKind("hazard_lidar.noise_m", "The hazard lidar's heights are noisier.", 0.0, 1000.0, 0.5, "slow_noise", PATCH),
    *(
        kind if not kind.name.endswith("dropout_probability")
        else kind._replace(text="The hazard lidar loses each bin of a scan with this probability.", example=0.1)
        for kind in of_unit("hazard_lidar", "The hazard lidar", 1.0) if not kind.name.endswith(".stuck")
    ),
)  # fmt: skip

SENSORS = (
    *(*IMU, *STAR_TRACKER, *RANGE_FINDER, *VELOCIMETER, *SWITCHES),
    *(*TERRAIN_CAMERA, *OPTICAL_FLOW, *GAUGE, *HAZARD_LIDAR),
)
