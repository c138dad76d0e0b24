"""The tables of a mission file that describe a lander's sensors, and what stands in for those that it does not carry."""

from typing import Annotated

import pydantic
from pydantic import AfterValidator, Field

from perilune.interface.design import BEAMS

from .table_words import Finite, NotNegative, Parts, Positive, Share, Table, Three, Two, filled_in


def of_unit_length(direction: Three) -> Three:
    """A direction, to half a per cent."""
    if not 0.99 < sum(x * x for x in direction) < 1.01:
        raise ValueError("a direction is a unit vector")
    return direction


Direction = Annotated[Three, AfterValidator(of_unit_length)]
Angle = Annotated[float, Field(gt=0, le=180)]
LEAST_DETERMINANT = 1e-3  # of Σ u uᵀ over Doppler beams: three beams 10° off one axis have 6e-3
Latency = Annotated[float, Field(ge=0, le=2)]


class ImuErrorTable(Table):
    """What an inertial unit does beyond constant bias, scale and white noise; zero leaves a thing out."""

    accelerometer_misalignment_mrad: Three = (0.0, 0.0, 0.0)  # turn of the three axes together
    accelerometer_skew_mrad: Three = (0.0, 0.0, 0.0)  # y to x, z to x, z to y
    accelerometer_instability_ug: NotNegative = 0.0
    accelerometer_correlation_s: Positive = 100.0
    accelerometer_walk_ug_per_rts: NotNegative = 0.0
    accelerometer_quantum_mmps: NotNegative = 0.0
    accelerometer_limit_mps2: NotNegative = 0.0
    gyro_misalignment_mrad: Three = (0.0, 0.0, 0.0)
    gyro_skew_mrad: Three = (0.0, 0.0, 0.0)
    gyro_instability_deg_per_h: NotNegative = 0.0
    gyro_correlation_s: Positive = 100.0
    gyro_walk_deg_per_h_per_rts: NotNegative = 0.0
    gyro_quantum_arcsec: NotNegative = 0.0
    gyro_limit_deg_per_s: NotNegative = 0.0


class ImuTable(Table):
    accelerometer_bias_ug: Three
    accelerometer_scale_ppm: Three
    accelerometer_noise_ug_per_rthz: NotNegative
    gyro_bias_deg_per_h: Three
    gyro_scale_ppm: Three
    gyro_noise_deg_per_rth: NotNegative
    errors: ImuErrorTable | None = None


class BlindingTable(Table):
    """What takes the stars from a tracker."""

    boresight: Direction
    sun_exclusion_deg: Angle
    limb_exclusion_deg: Annotated[float, Field(ge=0, le=180)]  # from the lit Moon


class StarTrackerTable(Table):
    noise_arcsec: tuple[NotNegative, NotNegative, NotNegative]
    alignment_error_mrad: Three
    rate_limit_deg_per_s: Positive
    blinding: BlindingTable | None = None


class FootprintTable(Table):
    """The beam as wide as it is, for a range finder that is to tell mixed echoes from clean ones."""

    is_gaussian: Annotated[float, Field(ge=0, le=1)]  # 1: divergence is that at 1/e²; 0: a top hat's
    gate_m: Positive  # returns nearer together make one echo
    wants_last: Annotated[float, Field(ge=0, le=1)]  # 1: the last echo counts; 0: the first


class RangeFinderTable(Table):
    place_m: Three | None = None  # where it looks out of the body; the middle of its bottom, if not given
    boresight_cant_deg: Annotated[float, Field(ge=0, le=80)]
    boresight_error_mrad: Two = (0.0, 0.0)  # about X and Y of B
    pulse_energy_mj: Positive
    pulse_energy_error_percent: Annotated[float, Field(ge=-100, le=100)]
    aperture_diameter_mm: Positive
    beam_divergence_mrad: NotNegative
    efficiency: Annotated[float, Field(gt=0, le=1)]
    noise_energy_aj: Positive
    sun_noise: NotNegative
    detection_threshold: Positive
    closing_speed_scale_mps: Positive
    noise_floor_m: NotNegative
    noise_weak_m: NotNegative
    bias_m: Finite
    quantum_m: Positive
    window_m: Positive
    false_probability: Share
    dropout_probability: Share
    return_loss_db: Annotated[float, Field(ge=0, le=120)]
    latency_s: Annotated[float, Field(ge=0, le=2)]
    valid_count: Annotated[int, Field(ge=1, le=16)]
    valid_window: Annotated[int, Field(ge=1, le=16)]
    footprint: FootprintTable | None = None


class VelocimeterTable(Table):
    is_fitted: Annotated[float, Field(ge=0, le=1)]
    ceiling_m: Positive
    speed_limit_mps: Positive
    scale_error_ppm: Finite
    noise_mps: NotNegative


class InstrumentTable(Table):
    """What all instruments have that read at intervals of their own."""

    interval_s: Positive  # a whole number of the flight software's slow steps
    latency_s: Latency


class DopplerBeamsTable(InstrumentTable):
    """A Doppler lidar or a landing radar: up to four beams; its velocity is the velocimeter's."""

    place_m: Three | None = None
    direction: Annotated[tuple[Direction, ...], Field(min_length=3, max_length=BEAMS)]  # in B
    divergence_mrad: NotNegative
    range_noise_m: NotNegative
    range_noise_percent: NotNegative
    range_scale_ppm: Finite = 0.0
    range_bias_m: Parts = ()
    speed_noise_mps: NotNegative
    speed_noise_percent: NotNegative
    speed_scale_ppm: Finite = 0.0
    speed_bias_mps: Parts = ()
    reach_m: Positive
    speed_limit_mps: Positive
    incidence_limit_deg: Annotated[float, Field(gt=0, lt=90)]
    dropout_probability: Share = 0.0

    @pydantic.model_validator(mode="after")
    def each_of_them(self):
        """Biases of every beam or of none."""
        filled_in(self, ("range_bias_m", "speed_bias_mps"), len(self.direction), "beams")
        return self


class CameraTable(InstrumentTable):
    """What cameras that look at the ground have in common: when they can see."""

    place_m: Three | None = None
    boresight: Direction
    least_height_m: NotNegative
    most_height_m: Positive
    least_sun_deg: Annotated[float, Field(ge=-90, le=90)]
    most_sun_deg: Annotated[float, Field(ge=-90, le=90)]
    tilt_limit_deg: Angle
    rate_limit_deg_per_s: Positive


class TerrainCameraTable(CameraTable):
    """Terrain-relative navigation: a fix of position."""

    pixel_mrad: Positive
    match_pixels: NotNegative
    match_up_pixels: NotNegative
    match_floor_m: NotNegative = 0.0
    map_quality: Annotated[float, Field(ge=1)] = 1.0
    map_tie_m: Three = (0.0, 0.0, 0.0)  # east, north, up at the site
    miss_probability: Share = 0.0
    false_probability: Share = 0.0
    false_distance_m: Positive = 500.0


class OpticalFlowTable(CameraTable):
    """Optical flow: the angular rate of the ground."""

    across: Direction
    scale_error_ppm: Finite = 0.0
    bias_mrad_per_s: Two = (0.0, 0.0)
    noise_mrad_per_s: NotNegative
    flow_limit_mrad_per_s: Positive
    dropout_probability: Share = 0.0


class HazardLidarTable(InstrumentTable):
    """A scan of a patch of ground about where the boresight meets it."""

    place_m: Three | None = None
    boresight: Direction
    field_deg: Angle
    width_m: Positive
    noise_m: NotNegative
    bias_m: Finite = 0.0
    dropout_probability: Share = 0.0
    least_share: Share
    most_height_m: Positive
    tilt_limit_deg: Annotated[float, Field(gt=0, le=45)]  # of the boresight from nadir


class PropellantGaugeTable(InstrumentTable):
    """One gauge for all tanks."""

    bias_kg: Finite = 0.0
    scale_error_ppm: Finite = 0.0
    noise_kg: NotNegative
    slosh_kg_per_mps2: NotNegative = 0.0
    quantum_kg: NotNegative = 0.0
    settling_mps2: NotNegative = 0.0


class SensorTables(Table):
    imu: ImuTable
    star_tracker: StarTrackerTable
    range_finder: RangeFinderTable
    velocimeter: VelocimeterTable
    doppler_beams: DopplerBeamsTable | None = None
    terrain_camera: TerrainCameraTable | None = None
    optical_flow: OpticalFlowTable | None = None
    hazard_lidar: HazardLidarTable | None = None
    propellant_gauge: PropellantGaugeTable | None = None

    @pydantic.model_validator(mode="after")
    def one_velocity(self):
        """Velocity in body axes comes from one unit."""
        if self.doppler_beams is not None and self.velocimeter.is_fitted > 0.5:
            raise ValueError("doppler_beams gives the velocity that velocimeter would: set velocimeter.is_fitted to 0.0")
        return self


DOWN, AHEAD = (0.0, 0.0, -1.0), (1.0, 0.0, 0.0)
CAMERA = {
    "interval_s": 1.0, "latency_s": 0.0, "boresight": DOWN, "least_height_m": 0.0, "most_height_m": 1.0, "least_sun_deg": 0.0,
    "most_sun_deg": 90.0, "tilt_limit_deg": 1.0, "rate_limit_deg_per_s": 1.0,
}  # fmt: skip
# Figures of what a lander does not carry: of one shape with those of what it does, and never read.
ABSENT: dict[str, Table] = {
    "imu.errors": ImuErrorTable(),
    "star_tracker.blinding": BlindingTable(boresight=AHEAD, sun_exclusion_deg=1.0, limb_exclusion_deg=1.0),
    "range_finder.footprint": FootprintTable(is_gaussian=0.0, gate_m=1.0, wants_last=0.0),
    "doppler_beams": DopplerBeamsTable(
        interval_s=1.0, latency_s=0.0, direction=(DOWN, DOWN, DOWN), divergence_mrad=0.0, range_noise_m=0.0,
        range_noise_percent=0.0, speed_noise_mps=0.0, speed_noise_percent=0.0, reach_m=1.0, speed_limit_mps=1.0,
        incidence_limit_deg=1.0,
    ),
    "terrain_camera": TerrainCameraTable(**CAMERA, pixel_mrad=1.0, match_pixels=0.0, match_up_pixels=0.0),
    "optical_flow": OpticalFlowTable(**CAMERA, across=AHEAD, noise_mrad_per_s=0.0, flow_limit_mrad_per_s=1.0),
    "hazard_lidar": HazardLidarTable(
        interval_s=1.0, latency_s=0.0, boresight=DOWN, field_deg=1.0, width_m=1.0, noise_m=0.0, least_share=1.0,
        most_height_m=1.0, tilt_limit_deg=1.0,
    ),
    "propellant_gauge": PropellantGaugeTable(interval_s=1.0, latency_s=0.0, noise_kg=0.0),
}  # fmt: skip


def table_at(sensors: SensorTables, path: str) -> Table | None:
    """A sensor's table by its path below `lander.sensors`; None for one that is not carried."""
    found = sensors
    for part in path.split("."):
        found = getattr(found, part)
    return found
