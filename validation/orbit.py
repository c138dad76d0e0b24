"""From orbit: does the plan close, is navigation as sure as it should be at ignition, do landings fare as from perilune."""

import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.integrate import solve_ivp
from scipy.stats import chi2

from perilune.assessment.orbit import axes_of
from perilune.campaign.batch import Batch
from perilune.campaign.statistics import clopper_pearson
from perilune.foundation.moon import STANDARD_GRAVITY
from perilune.foundation.rotation import rotate
from perilune.simulation.load import load
from perilune.simulation.orbit_plan import COAST_STEPS, coasted, plan_orbit
from perilune.simulation.start import perilune_state

from .flights import column, fly_seeds
from .report import Claim, Section, spread

WIDTH = 128
WAYS = ("radial", "along", "across")


def closure(batch: Batch) -> tuple[float, float, float]:
    """How far (m, m/s, kg) the planned flight ends from the planned perilune state, flown forward by SciPy with thrust as force
    over mass, where the plan was worked back by Runge-Kutta with the rocket equation."""
    assert batch.orbit is not None
    n, gravity = batch.numbers, batch.orbit.onboard
    plan = jax.device_get(jax.jit(plan_orbit)(n, gravity))
    pull, burn = jax.jit(lambda place, when: gravity.acceleration(place, when)), plan.burn
    exhaust = STANDARD_GRAVITY * n["lander.engines.main.specific_impulse_s"]
    flow, rise = n["lander.engines.main.thrust_n"] / exhaust, n["lander.engines.main.rise_time_s"]
    along = np.asarray(rotate(jnp.asarray(burn.attitude_IB), jnp.asarray([0.0, 0.0, 1.0])))
    shut = burn.ignition + plan.duration
    after = float(n["lander.dry_mass_kg"] + n["lander.propellant_mass_kg"])

    def rate(when, y):
        share = 0.0
        if when >= burn.ignition:
            share = (1.0 - np.exp(-(min(when, shut) - burn.ignition) / rise)) * np.exp(-max(when - shut, 0.0) / rise)
        push = share * flow * exhaust / y[6] * along
        return np.concatenate([y[3:6], np.asarray(pull(y[:3], jnp.asarray(when))) + push, [-flow * share]])

    y = np.concatenate([plan.position_I, plan.velocity_I, [after * np.exp(burn.delta_velocity / exhaust)]])
    for start, stop in ((plan.start, burn.ignition), (burn.ignition, shut), (shut, shut + 3.0), (shut + 3.0, 0.0)):
        y = solve_ivp(rate, (start, stop), y, method="DOP853", rtol=1e-11, atol=1e-6).y[:, -1]
    position, velocity = (np.asarray(x) for x in jax.jit(perilune_state)(n))
    return float(np.linalg.norm(y[:3] - position)), float(np.linalg.norm(y[3:6] - velocity)), float(abs(y[6] - after))


def lanes_of(batch: Batch) -> Callable:
    """Flies orbit phases: seeds, faults, changed numbers → what the lanes arrive with, and their rows."""

    def fly(seeds, faults: dict[str, Any] | None = None, changes: dict[str, Any] | None = None):
        wide = {path: np.broadcast_to(value, (len(seeds),)) for path, value in (changes or {}).items()}
        return jax.device_get(batch.prepare(*batch.arguments(seeds, faults, wide))[3])

    return fly


def tracks(rng: np.random.Generator, count: int) -> dict[str, np.ndarray]:
    """Sites and approaches all round the Moon."""
    return {
        "site.latitude_deg": np.degrees(np.arcsin(rng.uniform(-0.95, 0.95, count))),
        "site.longitude_deg": rng.uniform(-180.0, 180.0, count),
        "start.approach_azimuth_deg": rng.uniform(-180.0, 180.0, count),
    }


def errors_of(arrival) -> tuple[np.ndarray, np.ndarray]:
    """Truth minus estimate at mission time 0 along the estimate's orbit axes, (lanes, 6), and its covariance as believed."""
    estimate = arrival.estimate
    off, believed = [], []
    for k in range(len(estimate.position_I)):
        turn = np.kron(np.eye(2), axes_of(estimate.position_I[k], estimate.velocity_I[k]))
        gap = [arrival.position_I[k] - estimate.position_I[k], arrival.velocity_I[k] - estimate.velocity_I[k]]
        off.append(turn @ np.concatenate(gap))
        believed.append(turn @ estimate.covariance[k, :6, :6] @ turn.T)
    return np.stack(off), np.stack(believed)


def nees(off: np.ndarray, believed: np.ndarray, part: slice = slice(0, 6)) -> np.ndarray:
    """Normalised error squared of each lane."""
    x, p = off[:, part], believed[:, part, part]
    return np.einsum("ki,ki->k", x, np.linalg.solve(p, x[:, :, None])[:, :, 0])


def field_error(batch: Batch) -> np.ndarray:
    """What the field that is not on board does from the burn to mission time 0 along the mission's own orbit, (6,) m and m/s."""
    assert batch.orbit is not None
    state, zero, far = jax.jit(perilune_state)(batch.numbers), jnp.asarray(0.0), jnp.asarray(-3400.0)
    way = jax.jit(coasted, static_argnums=4)
    up = way(batch.orbit.onboard, state, zero, far, COAST_STEPS)
    gap = [np.asarray(a - b) for a, b in zip(way(batch.orbit.world, up, far, zero, COAST_STEPS), state, strict=True)]
    axes = axes_of(*(np.asarray(x) for x in state))
    return np.concatenate([axes @ part for part in gap])


def seconds_a_lane(beginning: str) -> float:
    """Preparing a batch of lanes, compiled: s a lane."""
    batch = Batch(load("resilience"), beginning)
    arguments = batch.arguments(range(WIDTH))
    jax.block_until_ready(batch.prepare(*arguments))
    began = time.perf_counter()
    jax.block_until_ready(batch.prepare(*arguments))
    return (time.perf_counter() - began) / WIDTH


def gathered(fly: Callable, seeds: int, changes: Callable[[int], dict[str, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Errors and covariances of many seeds."""
    parts = [errors_of(fly(range(k, k + WIDTH), None, changes(WIDTH))[0]) for k in range(0, seeds, WIDTH)]
    return np.concatenate([off for off, _ in parts]), np.concatenate([believed for _, believed in parts])


def consistency_claims(everywhere, here, missing: np.ndarray) -> list[Claim]:
    """NEES over ground tracks and along the mission's own orbit."""
    claims = []
    for text, (off, believed), judged in (
        ("NEES of position and velocity at mission time 0, ground tracks all round the Moon", everywhere, True),
        ("the same along the mission's own orbit, where the field's error is the same in every flight", here, False),
    ):
        value, count = float(nees(off, believed).mean()), len(off)
        low, high = chi2.ppf([0.025, 0.975], 6 * count) / count
        claims.append(
            Claim(f"{text} ({count} flights)", f"{value:.2f}", f"{low:.2f} … {high:.2f}", "chi-square, 95 %",
                  low < value < high if judged else None)
        )  # fmt: skip
    said = ", ".join(f"{x:+.0f} m {way}" for x, way in zip(missing, WAYS, strict=False))
    claims.append(
        Claim("what the omitted field does to that orbit from burn to perilune", said, "printed", "degree 8, Earth, Sun")
    )
    return claims


def landing_claims(seeds: int) -> tuple[list[Claim], list[list[str]]]:
    """Landings from orbit and from powered descent initiation."""
    claims, table = [], []
    for beginning in ("pdi", "orbit"):
        rows = fly_seeds("resilience", range(seeds), values=(("detail", None),), beginning=beginning)
        count = sum(row["is_within_requirements"] for row in rows)
        low, high = clopper_pearson(count, seeds)
        measured = f"{count}/{seeds} = {count / seeds:.3f} ({low:.3f} … {high:.3f})"
        claims.append(Claim(f"P(landed within requirements and 1 km) from {beginning}, on the map's ground", measured, "≥ 0.95",
                            "Clopper-Pearson 95 %", count >= 0.95 * seeds))  # fmt: skip
        names = ("powered_descent_initiation_s", "miss_distance_m", "propellant_kg", "horizontal_speed_mps")
        table.append([beginning, *(spread(column(rows, name)) for name in names)])
    return claims, table


def study(seeds: int = 256) -> Section:
    """All of it."""
    batch = Batch(load("resilience"), "orbit")
    fly, rng = lanes_of(batch), np.random.default_rng(1)
    home = {path: batch.numbers[path] for path in tracks(rng, 1)}
    everywhere = gathered(fly, 2 * seeds, lambda count: tracks(rng, count))
    here = gathered(fly, seeds, lambda _: home)
    metres, speed, kilograms = closure(batch)
    believed = np.sqrt(np.mean(np.stack([np.diag(p) for p in here[1]]), axis=0))
    errors = [
        [f"{way}, {unit}", f"{here[0][:, k].mean():+.3g}", f"{here[0][:, k].std():.3g}",
         f"{np.sqrt(np.mean(everywhere[0][:, k] ** 2)):.3g}", f"{believed[k]:.3g}"]
        for k, (way, unit) in enumerate([(w, u) for u in ("m", "m/s") for w in WAYS])
    ]  # fmt: skip
    landing, landings = landing_claims(seeds)
    cost = {beginning: seconds_a_lane(beginning) for beginning in ("pdi", "orbit")}
    return Section(
        "From orbit",
        words=[
            "The lander starts in its parking orbit with the error of its determination, burns on the main engine until its "
            "accelerometers have felt the planned velocity, and coasts half a revolution. Navigation does the same with its own "
            "lower degree of the field and what it felt. Along one orbit the field's omitted degrees make the same error in "
            "every flight, which no covariance describes; the noise that stands for them was fitted to 1,024 ground tracks all "
            "round the Moon (seed 5; those below are others), and consistency is judged over such tracks.",
            f"The orbit phase costs {1e3 * (cost['orbit'] - cost['pdi']):.0f} ms a landing on this machine, compiled, in "
            f"batches of {WIDTH}.",
        ],
        claims=[
            Claim("planned flight ends in the planned perilune state (SciPy, forward)",
                  f"{metres:.3f} m, {1e3 * speed:.3f} mm/s, {kilograms:.1g} kg", "≤ 5 m", "DOP853", metres <= 5.0),
            *consistency_claims(everywhere, here, field_error(batch)),
            *landing,
        ],
        tables=[
            (["truth − estimate at mission time 0", "mean, one orbit", "sigma, one orbit", "rms, all tracks", "sigma believed"],
             errors),
            (["from", "ignition, s", "miss distance, m", "propellant, kg", "horizontal speed, m/s"], landings),
        ],
    )  # fmt: skip
