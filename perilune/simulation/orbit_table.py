"""The table [orbit] of a mission file: the parking orbit, how well it is known, and the burn that leaves it."""

from typing import Annotated

import numpy as np
from pydantic import AfterValidator, Field

from .table_words import Positive, Share, Table, Three, ThreePositive

Row = tuple[float, float, float, float, float, float]
Rows = tuple[Row, Row, Row, Row, Row, Row]
NAMES = ("radial", "along-track", "cross-track", "radial velocity", "along-track velocity", "cross-track velocity")
INDEPENDENT: Rows = tuple(tuple(float(i == j) for j in range(6)) for i in range(6))  # type: ignore[assignment]
LEAST = 1e-9  # smallest eigenvalue of a correlation matrix that Cholesky's factorisation still takes


def correlation(rows: Rows) -> Rows:
    """A matrix of correlations: finite, symmetric, ones on the diagonal, positive definite. Refused in one sentence otherwise."""
    matrix = np.asarray(rows)
    if not np.all(np.isfinite(matrix)):
        raise ValueError("a correlation is not a finite number")
    for i in range(6):
        if matrix[i, i] != 1.0:
            raise ValueError(f"the correlation of {NAMES[i]} with itself is {matrix[i, i]:g}: the diagonal holds ones")
        for j in range(i):
            if matrix[i, j] != matrix[j, i]:
                raise ValueError(f"correlations of {NAMES[j]} and {NAMES[i]} differ, {matrix[j, i]:g} and {matrix[i, j]:g}")
    least = float(np.linalg.eigvalsh(matrix).min())
    if least < LEAST:
        raise ValueError(f"the correlations contradict each other: the matrix has an eigenvalue of {least:.2g}, not above zero")
    return rows


class Orbit(Table):
    """Where a flight from orbit begins. Components are radial, along-track, cross-track."""

    perilune_height_above_sphere_m: Positive
    apolune_height_above_sphere_m: Positive
    before_burn_s: Annotated[float, Field(gt=0, le=1800)]
    position_sigma_rtn_m: ThreePositive
    velocity_sigma_rtn_mps: ThreePositive
    correlation_rtn: Annotated[Rows, AfterValidator(correlation)] = INDEPENDENT
    attitude_error_mrad: Three = (0.0, 0.0, 0.0)
    accelerometer_is_on: Share = 1.0
    burn_time_limit_s: Annotated[float, Field(gt=0, le=600)]
    unmodelled_acceleration_rtn_ug: ThreePositive
    unmodelled_time_s: Positive
