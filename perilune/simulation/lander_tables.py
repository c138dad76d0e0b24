"""The tables of a mission file that describe the lander as drawn, and what all tables are made of."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
Two = tuple[Finite, Finite]
Three = tuple[Finite, Finite, Finite]
ThreePositive = tuple[Positive, Positive, Positive]
Six = tuple[Finite, Finite, Finite, Finite, Finite, Finite]


class Table(BaseModel):
    """A table of the mission file. Unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class MainEngine(Table):
    thrust_n: Positive
    specific_impulse_s: Positive
    height_m: Finite
    rise_time_s: Positive
    start_loss_ms: NotNegative
    thrust_error_percent: Annotated[float, Field(ge=-100, le=100)]
    misalignment_mrad: Two


class AssistEngines(Table):
    thrust_n: Positive
    specific_impulse_s: Positive
    ring_radius_m: Positive
    height_m: Finite
    rise_time_s: Positive
    start_loss_ms: NotNegative
    minimum_on_time_s: Positive
    thrust_error_percent: Six
    misalignment_east_mrad: Six
    misalignment_north_mrad: Six


class AttitudeEngines(Table):
    thrust_n: Positive
    specific_impulse_s: Positive
    arm_m: Positive
    rise_time_s: Positive
    start_loss_ms: NotNegative
    valve_step_s: Positive


class EngineTables(Table):
    main: MainEngine
    assist: AssistEngines
    attitude: AttitudeEngines


class ImuTable(Table):
    accelerometer_bias_ug: Three
    accelerometer_scale_ppm: Three
    accelerometer_noise_ug_per_rthz: NotNegative
    gyro_bias_deg_per_h: Three
    gyro_scale_ppm: Three
    gyro_noise_deg_per_rth: NotNegative


class StarTrackerTable(Table):
    noise_arcsec: tuple[NotNegative, NotNegative, NotNegative]
    alignment_error_mrad: Three
    rate_limit_deg_per_s: Positive


class RangeFinderTable(Table):
    boresight_cant_deg: Annotated[float, Field(ge=0, le=80)]
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


class VelocimeterTable(Table):
    is_fitted: Annotated[float, Field(ge=0, le=1)]
    ceiling_m: Positive
    speed_limit_mps: Positive
    scale_error_ppm: Finite
    noise_mps: NotNegative


class SensorTables(Table):
    imu: ImuTable
    star_tracker: StarTrackerTable
    range_finder: RangeFinderTable
    velocimeter: VelocimeterTable


class Lander(Table):
    dry_mass_kg: Positive
    propellant_mass_kg: Positive
    propellant_load_error_kg: Finite
    dry_centre_m: Three
    propellant_centre_m: Three
    centre_error_mm: Three
    inertia_dry_kgm2: ThreePositive
    inertia_per_propellant_m2: tuple[NotNegative, NotNegative, NotNegative]
    foot_radius_m: Positive
    foot_below_datum_m: Finite
    engines: EngineTables
    sensors: SensorTables
