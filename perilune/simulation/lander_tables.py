"""The tables of a mission file that describe the lander as drawn."""

from typing import Annotated

import pydantic
from pydantic import AfterValidator, Field

from perilune.interface.design import ENGINE_CLASSES, FEET, TANKS

from .sensor_tables import SensorTables
from .table_words import Finite, NotNegative, Parts, Positive, Rows, Share, Table, Three, ThreePositive, filled_in


class EngineTable(Table):
    """What all classes of engines have: as many engines as places. Errors are given for each engine, or for none."""

    thrust_n: Positive  # of one
    specific_impulse_s: Positive
    place_m: Rows
    direction: Rows  # of thrust
    rise_time_s: Positive
    fall_time_s: Positive | None = None  # as the rise, if not given
    start_loss_ms: NotNegative = 0.0
    thrust_noise_percent: Annotated[float, Field(ge=0, le=30)] = 0.0  # of one cycle
    thrust_error_percent: tuple[Annotated[float, Field(ge=-100, le=100)], ...] = ()
    misalignment_east_mrad: Parts = ()
    misalignment_north_mrad: Parts = ()

    @pydantic.model_validator(mode="after")
    def each_of_them(self):
        """Every list speaks of every engine; what is not said is none."""
        count = len(self.place_m)
        if len(self.direction) != count:
            raise ValueError(f"{count} places and {len(self.direction)} directions: every engine needs both")
        if any(not 0.99 < sum(x * x for x in direction) < 1.01 for direction in self.direction):
            raise ValueError("every direction is a unit vector")
        filled_in(self, ("thrust_error_percent", "misalignment_east_mrad", "misalignment_north_mrad"), count, "engines")
        if self.fall_time_s is None:
            object.__setattr__(self, "fall_time_s", self.rise_time_s)
        return self


def fits(name: str):
    """No more engines than slots."""

    def check(rows: Rows) -> Rows:
        most = ENGINE_CLASSES[name][1]
        if len(rows) > most:
            raise ValueError(f"{len(rows)} engines: at most {most} are {name} engines")
        return rows

    return AfterValidator(check)


class MainEngine(EngineTable):
    """One or two engines with one throttle and one gimbal; a floor of 1 is on or off, a limit of 0 is fixed."""

    place_m: Annotated[Rows, Field(min_length=1), fits("main")]
    throttle_floor: Annotated[float, Field(gt=0, le=1)] = 1.0
    throttle_rate_per_s: Positive = 10.0
    throttle_dead_band: Annotated[float, Field(ge=0, le=0.2)] = 0.0
    specific_impulse_loss_percent: Annotated[float, Field(ge=0, le=50)] = 0.0  # of it, per full throttle taken off
    gimbal_limit_deg: Annotated[float, Field(ge=0, le=20)] = 0.0
    gimbal_rate_deg_per_s: Positive = 10.0


class AssistEngines(EngineTable):
    """An even number of engines, or none: the k-th of n and the (k + n/2)-th are pulsed together and make no torque."""

    place_m: Annotated[Rows, fits("assist")]
    minimum_on_time_s: Positive


class AttitudeEngines(EngineTable):
    place_m: Annotated[Rows, Field(min_length=1), fits("attitude")]
    valve_step_s: Positive


NO_ASSIST = AssistEngines(
    thrust_n=1.0, specific_impulse_s=300.0, place_m=(), direction=(), rise_time_s=0.05, minimum_on_time_s=0.02
)


class EngineTables(Table):
    main: MainEngine
    assist: AssistEngines = NO_ASSIST
    attitude: AttitudeEngines


class TankTables(Table):
    """Upright cylinders, a figure for each."""

    place_m: Annotated[Rows, Field(min_length=1, max_length=TANKS)]  # of their middles
    radius_m: tuple[Positive, ...]
    height_m: tuple[Positive, ...]
    density_kgpm3: tuple[Positive, ...]
    load_share: tuple[Share, ...]
    residual_kg: tuple[NotNegative, ...]  # that cannot be drawn
    slosh_damping: tuple[Annotated[float, Field(ge=0, le=1)], ...]
    slosh_hold_rad_per_s: tuple[NotNegative, ...]  # what a diaphragm or vanes give without thrust
    slosh_share: tuple[Share, ...]  # of the swinging mass that is free to: baffles hold the rest

    @pydantic.model_validator(mode="after")
    def each_of_them(self):
        """Every list speaks of every tank, and the shares are all of the load."""
        for name in type(self).model_fields:
            if len(getattr(self, name)) != len(self.place_m):
                raise ValueError(f"{name} has {len(getattr(self, name))} figures for {len(self.place_m)} tanks")
        if abs(sum(self.load_share) - 1.0) > 1e-6:
            raise ValueError(f"load_share adds up to {sum(self.load_share):g}, not 1")
        return self


class Legs(Table):
    """Three legs or more, all alike but for where their feet are and what is wrong with them."""

    foot_m: Annotated[Rows, Field(min_length=3, max_length=FEET)]
    lean_deg: Annotated[float, Field(ge=0, le=70)]  # of the strut, from the pad inwards
    stiffness_npm: Positive  # of the strut, along itself
    damping_nspm: Positive
    crush_load_n: Positive  # of its honeycomb
    stroke_limit_m: Positive
    stop_stiffness_npm: Positive  # beyond it
    failure_load_n: Positive  # that breaks it
    pad_radius_m: Positive
    strength_error_percent: tuple[Annotated[float, Field(ge=-99, le=100)], ...] = ()  # of crush and failure load, a leg
    damping_error_percent: tuple[Annotated[float, Field(ge=-100, le=100)], ...] = ()

    @pydantic.model_validator(mode="after")
    def each_of_them(self):
        """Errors of every leg or of none."""
        filled_in(self, ("strength_error_percent", "damping_error_percent"), len(self.foot_m), "legs")
        return self


class Hull(Table):
    """The body as a box."""

    half_width_m: Positive  # in X and in Y
    bottom_m: Finite
    top_m: Finite


class Lander(Table):
    dry_mass_kg: Positive
    propellant_mass_kg: Positive
    propellant_load_error_kg: Finite
    dry_centre_m: Three
    centre_error_mm: Three
    inertia_dry_kgm2: ThreePositive
    products_of_inertia_kgm2: Three = (0.0, 0.0, 0.0)  # ∫ xy dm, ∫ xz dm, ∫ yz dm
    hull: Hull
    tanks: TankTables
    legs: Legs
    engines: EngineTables
    sensors: SensorTables
