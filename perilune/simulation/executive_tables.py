"""What a mission file says of the executive: cut-off, contingencies, and what is believed of the propellant."""

from typing import Annotated, Literal

from pydantic import Field

from .table_words import NotNegative, Positive, Table


class CutOffTable(Table):
    """What ends powered flight (`perilune/flight/executive/cut_off.py`)."""

    by: Literal["contact", "height", "contact_or_height", "contact_and_height"] = "contact"
    contact_time_s: Annotated[float, Field(ge=0, le=10)] = 0.0  # for which a switch must say contact without a break
    height_m: Annotated[float, Field(ge=-10, le=100)] = 0.5  # of the feet over the ground, as believed
    height_time_s: Annotated[float, Field(ge=0, le=60)] = 0.5  # for which they must be believed no higher


class ContingencyTable(Table):
    """What is done while no range is confirmed (`perilune/flight/executive/contingency.py`)."""

    without_range: Literal["wait", "hover", "descend"] = "wait"
    hover_height_m: NotNegative = 0.0  # over the ground as believed
    height_m: NotNegative = 0.0  # likewise, from which the last rate is held on the estimate alone
    rate_mps: NotNegative = 0.0  # that rate; 0: the touchdown rate
    reserve_s: NotNegative = 0.0  # of hovering left, at which hovering ends; 0: it ends with the propellant


class PropellantTable(Table):
    """What is believed of the bookkeeping of propellant and of the gauge (`perilune/flight/executive/propellant.py`)."""

    load_sigma_kg: NotNegative = 1.0
    flow_sigma_percent: NotNegative = (
        0.6  # of what was burned: thrust 0.5, specific impulse 0.3 as all landers here disperse them
    )
    gauge_noise_kg: Positive = 4.0
    gauge_bias_sigma_kg: NotNegative = 4.0
    gauge_gate_sigma: NotNegative = 4.0  # 0: the gauge is not looked at
