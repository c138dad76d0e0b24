"""The mission file: its schema, and reading it with sentences instead of tracebacks."""

import re
import tomllib
from collections.abc import Iterable
from copy import deepcopy
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import pydantic
from pydantic import AfterValidator, Field
from pydantic_core import ErrorDetails

from perilune.flight.guidance.laws import BRAKING, DESCENT
from perilune.foundation.errors import UserError

from .dispersion_tables import CorrelatedGroup, DispersionRow
from .executive_tables import ContingencyTable, CutOffTable, PropellantTable
from .lander_tables import Lander
from .nearest import nearest
from .orbit_table import Orbit
from .table_words import Finite, NotNegative, Positive, Table, Three, ThreePositive

ALTERNATIVE = re.compile(r"constrained-|tuple\[")  # how pydantic names one of the types that a key may have
UNIFORM = "uniform"  # what a mission file says of a ground as bright everywhere as at its site


def with_zone(moment: datetime) -> datetime:
    """A moment must say its time zone."""
    if moment.tzinfo is None:
        raise ValueError("a moment needs its time zone: write 2025-06-05T19:17:00Z")
    return moment


class Site(Table):
    latitude_deg: Annotated[float, Field(ge=-89.0, le=89.0)]
    longitude_deg: Annotated[float, Field(ge=-180.0, le=360.0)]
    planned_touchdown_utc: Annotated[datetime, AfterValidator(with_zone)]
    true_map: str | Annotated[tuple[str, ...], Field(min_length=1)]  # coarse to fine
    onboard_map: str
    onboard_map_tie_error_m: Three
    onboard_flat_above_site_m: Annotated[float, Field(ge=-1e4, le=1e4)] = (
        0.0  # the ground on board is level, so far above the site; 0: it is the map
    )
    slope_east_deg: Annotated[float, Field(ge=-45, le=45)]
    slope_north_deg: Annotated[float, Field(ge=-45, le=45)]
    reflectance_1064nm: Annotated[float, Field(gt=0, le=1)]  # at the site
    reflectance_map: str = UNIFORM  # by path: how it changes along the track
    dust_onset_m_per_rootn: NotNegative = 0.0
    dust_optical_depth: NotNegative = 0.0
    sun_elevation_deg: Annotated[float, Field(ge=-90, le=90)] | None = None  # from the planned touchdown, if not given


class Detail(Table):
    """Ground that no map shows: its seed and its statistics. Shapes the ground when it is built; not dispersed a run."""

    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    hurst_exponent: Annotated[float, Field(gt=0.0, lt=1.0)]
    rms_difference_m: Positive | None = None  # of heights two posts of the finest map apart; measured on the map, if not given
    craters_over_1km_per_km2: Annotated[float, Field(ge=0.0, le=1.0)]
    rocks_over_1m_per_m2: Annotated[float, Field(ge=0.0, le=0.1)]
    rock_exponent: Annotated[float, Field(gt=1.0, lt=4.0)]


class Moon(Table):
    """Which gravity, ephemerides and orientation the world has. Files by path; `package` and `series` need none."""

    gravity: str = "package"
    gravity_degree: Annotated[int, Field(ge=3, le=1000)] = 8
    ephemerides: str = "series"
    orientation: str = "series"

    @pydantic.model_validator(mode="after")
    def both_kernels_or_none(self):
        """Positions and orientation belong together."""
        if (self.ephemerides == "series") != (self.orientation == "series"):
            raise ValueError("name both kernels, ephemerides (SPK) and orientation (binary PCK), or leave both at “series”")
        return self


class Start(Table):
    perilune_height_above_site_m: Positive
    apolune_height_above_sphere_m: Positive
    approach_azimuth_deg: Annotated[float, Field(ge=-180, le=360)]
    perilune_downrange_m: Positive
    lead_time_s: NotNegative
    flight_time_s: Positive
    position_error_rtn_m: Three
    velocity_error_rtn_mps: Three
    attitude_error_mrad: Three
    time_limit_s: Annotated[float, Field(gt=0, le=3600)]


class NavigationTable(Table):
    position_sigma_rtn_m: ThreePositive
    velocity_sigma_rtn_mps: ThreePositive
    attitude_sigma_mrad: Positive
    accelerometer_bias_sigma_ug: Positive
    accelerometer_scale_sigma_ppm: Positive
    accelerometer_noise_ug_per_rthz: Positive
    gyro_bias_sigma_deg_per_h: Positive
    gyro_scale_sigma_ppm: Positive
    gyro_noise_deg_per_rth: Positive
    unmodelled_acceleration_ug: NotNegative
    unmodelled_time_s: Positive
    gravity_degree: Annotated[int, Field(ge=2, le=999)]
    tracker_alignment_sigma_mrad: Positive
    tracker_sigma_arcsec: ThreePositive
    tracker_gate_sigma: Positive
    range_sigma_m: Positive
    range_sigma_fraction: NotNegative
    terrain_roughness_m: NotNegative
    terrain_roughness_length_m: Positive
    range_gate_sigma: Positive
    range_gap_s: Positive
    range_agree_count: Annotated[int, Field(ge=1, le=16)]
    range_agree_window: Annotated[int, Field(ge=1, le=16)]
    range_consistency_m: Positive
    range_underweight: NotNegative
    terrain_sigma_m: Positive
    terrain_length_m: Positive
    velocimeter_sigma_mps: Positive
    velocimeter_scale_sigma_ppm: Positive
    velocimeter_gate_sigma: Positive
    beam_gate_sigma: Positive = 5.0  # of a Doppler beam's range
    fix_gate_sigma: Positive = 5.0
    fix_tie_sigma_m: NotNegative = 0.0  # of the camera's map against the Moon's axes
    flow_gate_sigma: Positive = 5.0
    flow_sigma_fraction: NotNegative = 0.05  # of the flow: relief under the picture


class MonitoringTable(Table):
    """What is done about a range finder that does not fit (`perilune/flight/monitoring/recovery`)."""

    policy: Literal[
        "reject_until_consistent",
        "reject_forever",
        "covariance_reset",
        "inflate_and_accept",
        "switch_to_alternate",
        "multiple_model",
    ] = "reject_until_consistent"
    patience_s: Annotated[float, Field(gt=0, le=3600)] = 2.0  # of reject_forever, covariance_reset and switch_to_alternate
    reset_sigma_m: Positive = 1000.0  # of covariance_reset, and of multiple_model
    belief: Annotated[float, Field(ge=0.5, lt=1)] = 0.99  # of multiple_model
    window_s: Annotated[float, Field(ge=1, le=600)] = 5.0  # of the monitors
    window_false_alarm: Annotated[float, Field(ge=1e-12, le=0.1)] = 1e-9  # of one unit, at a look, were it white
    window_share: Annotated[float, Field(gt=0, lt=1)] = 0.5  # of refusals and contradictions in it


def one_of(names: Iterable[str]) -> Any:
    """A word of a list; any other is refused with the nearest."""
    known = list(names)

    def checked(word: str) -> str:
        if word not in known:
            raise ValueError(f"there is none of that name.{nearest(word, known)} There are {', '.join(known)}")
        return word

    schema: Any = {"enum": known}
    return Annotated[str, AfterValidator(checked), Field(json_schema_extra=schema)]


class GuidanceTable(Table):
    braking_law: one_of(BRAKING) = "constant_descent_rate"  # type: ignore[valid-type]
    descent_law: one_of(DESCENT) = "rate_schedule"  # type: ignore[valid-type]
    ignition_throttle: Annotated[float, Field(gt=0.25, le=1)]
    throttle_floor: Annotated[float, Field(gt=0.25, le=1)]
    gate_height_m: Positive
    constant_rate_mps: Positive
    hold_rate_mps: Positive
    constant_rate_time_s: Positive
    height_gain_per_s2: Positive
    rate_gain_per_s: Positive
    braking_end_speed_mps: Positive
    terminal_deceleration_mps2: Positive
    touchdown_rate_mps: Positive
    constant_final_height_m: NotNegative
    terminal_rate_gain_per_s: Positive
    horizontal_gain_per_s: Positive
    horizontal_speed_limit_mps: NotNegative
    site_gain_per_s: NotNegative
    tilt_limit_deg: Annotated[float, Field(gt=0, le=60)]
    final_tilt_limit_deg: Annotated[float, Field(gt=0, le=60)]
    range_confirmation_s: NotNegative
    main_off_height_m: NotNegative


class ControlTable(Table):
    attitude_gain_per_s: Positive
    rate_gain_per_s: Positive
    integral_gain_per_s2: NotNegative
    slew_rate_deg_per_s: Positive
    upright_angle_deg: Positive
    thrust_loss_share: Annotated[float, Field(ge=0, le=0.95)] = 0.0  # of the thrust asked for, below which more is asked for
    thrust_loss_time_s: Annotated[float, Field(ge=0.2, le=60)] = 1.0


class Flight(Table):
    period_s: Annotated[float, Field(gt=0, le=0.1)]
    slow_every: Annotated[int, Field(ge=1, le=100)]
    truth_substeps: Annotated[int, Field(ge=1, le=100)]
    navigation: NavigationTable
    monitoring: MonitoringTable = MonitoringTable()
    guidance: GuidanceTable
    control: ControlTable
    cut_off: CutOffTable = CutOffTable()
    contingency: ContingencyTable = ContingencyTable()
    propellant: PropellantTable = PropellantTable()


class SoilTable(Table):
    """How the ground bears: lunar regolith (Lunar Sourcebook, 1991, section 9.1.7), with what it does not give from judgement."""

    cohesive_modulus_npm2: NotNegative = 1.4e3
    frictional_modulus_npm3: Positive = 820e3
    unloading_ratio: Annotated[float, Field(ge=1)] = 10.0
    shear_ratio: Positive = 0.5
    retardation_s: Positive = 5e-3
    friction: Annotated[float, Field(ge=0, le=2)] = 0.6


class Requirements(Table):
    vertical_speed_mps: Positive
    horizontal_speed_mps: Positive
    tilt_deg: Positive
    miss_distance_m: Positive
    crash_speed_mps: Positive
    tip_over_tilt_deg: Positive


class FaultRow(Table):
    """A fault: which kind, which part of it (none: all), how much, and when: one of a mission time, a height above the ground,
    an event or the beginning of a phase; from the start, if nothing is said. Rows with the same cause share a trigger."""

    kind: str
    part: str = ""
    magnitude: Finite
    start_s: Finite | None = None
    below_m: Positive | None = None
    event: str = ""
    phase: str = ""
    delay_s: NotNegative = 0.0
    duration_s: Positive | None = None
    cause: str = ""
    text: str = ""

    @property
    def name(self) -> str:
        """Kind and part, as faults are named elsewhere."""
        return f"{self.kind}.{self.part}" if self.part else self.kind

    def table(self) -> dict[str, Any]:
        """What is said of it."""
        return self.model_dump(exclude={"kind", "part", "text"}, exclude_none=True)


class Reference(Table):
    """What was published of the real flight, to be drawn over ours."""

    readouts: str
    credit: str


class Mission(Table):
    """A whole mission file."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
    title: str
    site: Site
    soil: SoilTable = SoilTable()
    detail: Detail | None = None
    moon: Moon = Moon()
    start: Start
    orbit: Orbit | None = None
    lander: Lander
    flight: Flight
    requirements: Requirements
    reference: Reference | None = None
    faults: tuple[FaultRow, ...] = ()
    dispersions: tuple[DispersionRow, ...] = ()
    correlated: tuple[CorrelatedGroup, ...] = ()
    sources: dict[str, str] = Field(default_factory=dict)


def built_in() -> list[str]:
    """Names of the missions that ship with the package."""
    folder = resources.files("perilune.missions")
    return sorted(entry.name[:-5] for entry in folder.iterdir() if entry.name.endswith(".toml"))


def read_table(name_or_path: str) -> tuple[dict[str, Any], str]:
    """The TOML table of a built-in mission or a file, and what to call it in messages."""
    path = Path(name_or_path)
    if len(path.name) > 255:
        raise UserError(f"“{name_or_path[:40]}…” is too long for the name of a mission or file.")
    if name_or_path in built_in():
        text = resources.files("perilune.missions").joinpath(f"{name_or_path}.toml").read_text(encoding="utf-8")
    elif path.suffix == ".toml" or path.exists():
        if not path.is_file():
            raise UserError(f"Mission file {path} does not exist: give a path to a TOML file, or one of {built_in()}.")
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as problem:
            raise UserError(f"Mission file {path} cannot be read: {problem}.") from problem
    else:
        hint = nearest(name_or_path, built_in())
        raise UserError(
            f"There is no mission “{name_or_path}”.{hint} Built in: {', '.join(built_in())}; or give the path of a TOML file."
        )
    try:
        return tomllib.loads(text), name_or_path
    except tomllib.TOMLDecodeError as problem:
        raise UserError(f"{name_or_path} is not valid TOML: {problem}.") from problem


def key_of(error: ErrorDetails) -> str:
    """The dotted key of one error of a validation."""
    return ".".join(str(part) for part in error["loc"] if not ALTERNATIVE.match(str(part)))


def sentence(problem: pydantic.ValidationError, where: str) -> str:
    """The first error of a validation as one sentence: file, key, what was found, what is accepted."""
    first = problem.errors()[0]
    key = key_of(first)
    others = {key_of(error) for error in problem.errors()} - {key}
    more = f" ({len(others)} more after it)" if others else ""
    if first["type"] == "extra_forbidden":
        table: Any = Mission
        for part in (part for part in first["loc"][:-1] if isinstance(part, str)):
            table = table_below(table, part)
        hint = nearest(str(first["loc"][-1]), getattr(table, "model_fields", {}))
        return f"{where}: unknown key {key}.{hint}{more}"
    if first["type"] == "missing":
        return f"{where}: key {key} is missing; `perilune schema` lists what a mission file holds.{more}"
    accepted = first["msg"].removeprefix("Value error, ").removeprefix("Input ")
    found = first.get("input")
    return f"{where}: {key} = {found!r}: {accepted}.{more}"


def parse(table: dict[str, Any], where: str) -> Mission:
    """A mission that fits the schema; raises UserError with one sentence. `checks.check_mission` does the rest."""
    try:
        return Mission.model_validate(table)
    except pydantic.ValidationError as problem:
        raise UserError(sentence(problem, where)) from None


def table_below(table: Any, key: str) -> Any:
    """What the schema says a key of a table holds, an optional table without its None; None for an unknown key."""
    field = getattr(table, "model_fields", {}).get(key)
    if field is None:
        return None
    options = [option for option in get_args(field.annotation) if hasattr(option, "model_fields")]
    return options[0] if options else field.annotation


def known_by_the_schema(parts: list[str]) -> bool:
    """Whether the schema has a key of this path, be it in the file or left at its default."""
    table: Any = Mission
    for part in parts:
        table = table_below(table, part)
        if table is None:
            return False
    return True


def assign(table: dict[str, Any], path: str, value: Any, where: str) -> None:
    """Set a dotted path of a mission table in place; the path must exist in the file or the schema."""
    *parents, last = path.split(".")
    may_be_new = known_by_the_schema([*parents, last])
    node: Any = table
    schema: Any = Mission
    for part in parents:
        schema = table_below(schema, part)
        if isinstance(node, dict) and part not in node and (may_be_new or hasattr(schema, "model_fields")):
            node[part] = {}  # a table that the file leaves at its defaults
        if not isinstance(node, dict) or part not in node:
            raise UserError(
                f"{where}: no table “{part}” on the path {path}.{nearest(part, node if isinstance(node, dict) else {})}"
            )
        node = node[part]
    if not isinstance(node, dict) or (last not in node and not may_be_new):
        known = {**getattr(schema, "model_fields", {}), **(node if isinstance(node, dict) else {})}
        raise UserError(f"{where}: no key {path}.{nearest(last, known)}")
    node[last] = deepcopy(value)  # a later path may go into it
