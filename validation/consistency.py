"""Is the filter as sure as it should be? NEES by block at five instants, NIS by sensor with its whiteness."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from scipy.stats import chi2

from perilune.campaign.batch import Batch
from perilune.flight.memory import SENSOR_ROWS
from perilune.foundation.frames import fixed_to_inertial, inertial_to_fixed, local_axes
from perilune.foundation.rotation import compose, inverse, to_rotation_vector
from perilune.foundation.ticks import seconds
from perilune.foundation.vectors import times_rows, unit
from perilune.interface.events import INDEX

EVERY = 5  # cycles: each filter update once
BLOCKS = {
    "vertical": [2, 5],
    "horizontal": [0, 1, 3, 4],
    "attitude": [6, 7, 8],
    "biases": list(range(9, 23)),
    "total": list(range(23)),
}
INSTANTS = ("ignition", "10 km", "first range", "+30 s", "touchdown")


def error_state(scenario, snapshot):
    """Truth minus estimate (23: the map's error left out) with position and velocity along east, north, up; and P.

    Products by component: a matrix product inside a batch would go to XLA's thread pool, which can lock up when the
    loop around it runs on the same pool (seen on two cores with jaxlib 0.10.2).
    """
    truth, memory = snapshot.truth.motion, snapshot.memory
    belief = memory.navigation
    time = seconds(snapshot.tick, scenario.world.period)
    axes_M = local_axes(unit(inertial_to_fixed(belief.position_I, time)))
    axes_I = jnp.stack([fixed_to_inertial(axis, time) for axis in axes_M])
    turn = to_rotation_vector(compose(truth.attitude_IB, inverse(belief.attitude_IB)))
    imu, tracker = scenario.world.imu, scenario.world.star_tracker
    error = jnp.concatenate(
        [
            along(axes_I, truth.position_I - belief.position_I),
            along(axes_I, truth.velocity_I - belief.velocity_I),
            turn,
            imu.accelerometer_bias_B - belief.accelerometer_bias_B,
            imu.gyro_bias_B - belief.gyro_bias_B,
            (imu.accelerometer_scale[2] - belief.accelerometer_scale)[None],
            imu.gyro_scale - belief.gyro_scale,
            tracker.alignment_B - belief.tracker_alignment_B,
            (scenario.world.velocimeter.scale_error - belief.velocimeter_scale)[None],
        ]
    )

    def mixed(rows):
        return jnp.concatenate([times_rows(axes_I, rows[0:3]), times_rows(axes_I, rows[3:6]), rows[6:]])

    covariance = mixed(mixed(memory.covariance).T)
    kept = jnp.asarray([*range(22), 25])
    return error, covariance[kept][:, kept]


def along(axes, vector):
    """Components of a vector along the rows of `axes`."""
    return jnp.stack([jnp.sum(axes[i] * vector) for i in range(3)])


def squared_error(error: np.ndarray, covariance: np.ndarray, rows: list[int]) -> float:
    """eᵀ P⁻¹ e of some rows, scaled to correlations first for the sake of conditioning."""
    sigma = np.sqrt(np.diagonal(covariance)[rows])
    scaled = error[rows] / sigma
    correlation = covariance[np.ix_(rows, rows)] / np.outer(sigma, sigma)
    return float(scaled @ np.linalg.solve(correlation, scaled))


HEAD = 2  # figures before the error state: time and foot height
ERRORS = 23
TRIANGLE = np.triu_indices(ERRORS)


def record(scenario, snapshot):
    """Time, foot height, error state, upper triangle of its covariance, and the innovations."""
    error, covariance = error_state(scenario, snapshot)
    innovations = snapshot.memory.innovations
    normalised = innovations.residual / jnp.sqrt(innovations.variance)
    return jnp.concatenate(
        [
            jnp.stack([seconds(snapshot.tick, scenario.world.period), snapshot.truth.foot_height]),
            error,
            covariance[TRIANGLE],
            normalised,
            innovations.is_offered.astype(float),
            innovations.is_accepted.astype(float),
        ]
    )


class Consistency(NamedTuple):
    """Samples of many flights: NEES (instant, block, flight), radial sigma (instant, flight), innovations by sensor."""

    nees: np.ndarray
    radial_sigma: np.ndarray
    innovations: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]  # normalised, offered, accepted (time, row·flight)


def sample(batch: Batch, seeds) -> Consistency:
    """Fly healthy seeds and keep what the tables need."""
    flown = batch.fly(seeds, record, EVERY)
    log = np.asarray(flown.last.log.tick)
    data = flown.records
    rows, lanes = len(SENSOR_ROWS), data.shape[1]
    nees = np.full((len(INSTANTS), len(BLOCKS), lanes), np.nan)
    radial = np.full((len(INSTANTS), lanes), np.nan)
    start = HEAD + ERRORS + len(TRIANGLE[0])
    for lane in range(lanes):
        for place, at in enumerate(instants(log[lane], data[:, lane])):
            if at is None:
                continue
            error = data[at, lane, HEAD : HEAD + ERRORS]
            covariance = np.zeros((ERRORS, ERRORS))
            covariance[TRIANGLE] = data[at, lane, HEAD + ERRORS : start]
            covariance = covariance + np.triu(covariance, 1).T
            nees[place, :, lane] = [squared_error(error, covariance, members) for members in BLOCKS.values()]
            radial[place, lane] = np.sqrt(covariance[2, 2])
    ended = np.arange(data.shape[0])[:, None] * EVERY + EVERY >= log[:, INDEX["touchdown"]][None, :]
    found = {}
    for sensor in ("tracker", "velocimeter", "range"):
        which = [i for i, name in enumerate(SENSOR_ROWS) if name == sensor]
        parts = []
        for offset in (0, rows, 2 * rows):
            block = data[:, :, [start + offset + i for i in which]]
            parts.append(block.reshape(block.shape[0], -1))
        offered = (parts[1] > 0) & ~np.repeat(ended, len(which), axis=1)
        found[sensor] = (parts[0], offered, (parts[2] > 0) & offered)
    return Consistency(nees, radial, found)


def instants(log: np.ndarray, data: np.ndarray) -> list[int | None]:
    """Record indices of the five instants of one flight: the last record before each."""

    def before(tick):
        return None if tick < 0 else max((int(tick) - 1) // EVERY - 1, 0)

    below = np.flatnonzero(data[:, 1] < 10e3)
    first = int(log[INDEX["range_accepted"]])
    return [
        before(log[INDEX["powered_descent_initiation"]]),
        int(below[0]) if below.size else None,
        before(first),
        None if first < 0 else before(first + 300),
        before(log[INDEX["touchdown"]]),
    ]


def merge(parts: list[Consistency]) -> Consistency:
    """Samples of several batches as one."""
    steps = min(part.innovations["range"][0].shape[0] for part in parts)
    innovations = {
        sensor: tuple(np.concatenate([p.innovations[sensor][k][:steps] for p in parts], axis=1) for k in range(3))
        for sensor in parts[0].innovations
    }
    return Consistency(
        np.concatenate([p.nees for p in parts], axis=2),
        np.concatenate([p.radial_sigma for p in parts], axis=1),
        innovations,  # type: ignore[arg-type]
    )


def bounds(freedom: int, flights: int) -> tuple[float, float]:
    """95 % bounds of the mean NEES over independent flights (Bar-Shalom, Li & Kirubarajan 2001, §5.4.2)."""
    low, high = chi2.ppf([0.025, 0.975], freedom * flights) / flights
    return float(low), float(high)


def nees_rows(found: Consistency) -> list[list[str]]:
    """Instant · block · mean NEES · 95 % bounds · verdict."""
    rows = []
    for i, instant in enumerate(INSTANTS):
        for j, (block, members) in enumerate(BLOCKS.items()):
            values = found.nees[i, j][np.isfinite(found.nees[i, j])]
            if not values.size:
                continue
            low, high = bounds(len(members), len(values))
            mean = float(np.mean(values))
            verdict = "inside" if low <= mean <= high else "above" if mean > high else "below"
            median = float(np.median(values)) / chi2.median(len(members))
            rows.append([instant, block, str(len(members)), f"{mean:.2f}", f"{low:.2f} … {high:.2f}", f"{median:.2f}", verdict])
    return rows


def lag_one(values: np.ndarray, taken: np.ndarray) -> tuple[float, int]:
    """Lag-1 correlation of normalised innovations over neighbouring updates, and how many pairs."""
    both = taken[1:] & taken[:-1]
    first, second = values[:-1][both], values[1:][both]
    if first.size < 2:
        return float("nan"), 0
    return float(np.mean(first * second) / np.sqrt(np.mean(first**2) * np.mean(second**2))), int(first.size)


def nis_rows(found: Consistency) -> list[list[str]]:
    """Sensor · all or gated · mean NIS (1 expected a row) · lag-1 · its 95 % bound · updates."""
    rows = []
    for sensor, (values, offered, accepted) in found.innovations.items():
        for name, chosen in (("all offered", offered), ("accepted by the gate", accepted)):
            if not chosen.any():
                continue
            correlation, pairs = lag_one(values, chosen)
            rows.append(
                [
                    sensor,
                    name,
                    f"{float(np.mean(values[chosen] ** 2)):.3f}",
                    f"{correlation:+.3f}",
                    f"±{1.96 / max(pairs, 1) ** 0.5:.3f}",
                    str(int(chosen.sum())),
                ]
            )
    return rows
