"""What the tables of a mission file are made of."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
Two = tuple[Finite, Finite]
Three = tuple[Finite, Finite, Finite]
ThreePositive = tuple[Positive, Positive, Positive]


class Table(BaseModel):
    """A table of the mission file. Unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


Rows = tuple[Three, ...]
Parts = tuple[Finite, ...]


def filled_in(table: Table, names: tuple[str, ...], count: int, parts: str) -> None:
    """Lists with a figure for each of `count` parts, or none at all, which is zero for each. Raises ValueError in words."""
    for name in names:
        if len(getattr(table, name)) not in (0, count):
            raise ValueError(f"{name} has {len(getattr(table, name))} figures for {count} {parts}")
        if not getattr(table, name):
            object.__setattr__(table, name, (0.0,) * count)
