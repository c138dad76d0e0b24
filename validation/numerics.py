"""Integration: the truth step halved, an independent SciPy integration of the same forces, and the closed loop at both."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from scipy.integrate import solve_ivp
from scipy.interpolate import RegularGridInterpolator

from perilune.campaign.batch import Batch
from perilune.foundation.moon import C20, C22, GM, GRAVITY_RADIUS, RADIUS, ROTATION_RATE, S22
from perilune.interface.commands import Commands
from perilune.interface.events import INDEX
from perilune.simulation.load import load
from perilune.simulation.scenario import lane_axes
from perilune.world.faults import unbroken

from .flights import column, fly_seeds
from .report import Claim, Section, spread


def quiet_mission(substeps: int):
    """Resilience without dispersions, and with this many truth steps a cycle."""
    mission = load("resilience", {"flight.truth_substeps": substeps})
    return mission.model_copy(update={"dispersions": (), "faults": ()})


def commands_record(scenario, snapshot):
    """On-times of all engines."""
    return snapshot.commands.on_time


def recorded_commands(batch: Batch) -> tuple[np.ndarray, int]:
    """Valve commands of one undispersed healthy flight, a row a cycle (in force from its tick on), and contact's tick."""
    flown = batch.fly([0], commands_record, 1, {})
    return flown.records[:, 0], int(np.asarray(flown.last.log.tick)[0, INDEX["touchdown"]])


@partial(jax.jit, static_argnames=("cycles",))
def replay(world, truth, on_times, cycles: int):
    """Truth after open-loop cycles of recorded commands. The first row is the command in force at tick 0: none."""

    def one(state, row):
        tick, on_time = row
        return world.advance(state, Commands(on_time), unbroken(), tick), state.foot_height

    return lax.scan(one, truth, (jnp.arange(cycles), on_times[:cycles]))


def world_of(substeps: int):
    """World and first truth of the undispersed flight."""
    batch = Batch(quiet_mission(substeps))
    scenarios, last, _ = batch.start([0])
    axes = lane_axes(scenarios)
    scenario = jax.tree.map(lambda x, a: x if a is None else x[0], scenarios, axes, is_leaf=lambda x: x is None)
    return batch, scenario.world, jax.tree.map(lambda x: x[0], last.truth)


class Independent:
    """The same forces written again in NumPy: thrust lags as differential equations, gravity from the potential's
    harmonics term by term, quaternion and Euler equations by matrices."""

    def __init__(self, world):
        self.output = np.asarray(world.engines.output)
        self.rise = np.repeat(np.asarray(world.engines.rise_time), (1, 6, 12))
        self.loss = np.asarray(world.engines.start_loss)
        self.mass = world.mass
        self.dry, self.centre_dry = float(world.mass.dry_mass), np.asarray(world.mass.dry_centre_B)
        self.centre_propellant = np.asarray(world.mass.propellant_centre_B)
        self.inertia_dry = np.asarray(world.mass.inertia_dry)
        self.inertia_propellant = np.asarray(world.mass.inertia_per_propellant)
        table = world.gravity_table
        self.axes = np.asarray(table.axes_M)
        ticks = [
            float(table.lowest[k]) + float(table.step[k]) * np.arange(count) for k, count in enumerate(table.nodes.shape[:3])
        ]
        self.rest = RegularGridInterpolator(ticks, np.asarray(table.nodes, np.float64))

    def gravity(self, r: np.ndarray, time: float) -> np.ndarray:
        """Gradient of GM/r + GM R²/r³ [C20 P20 + (C22 cos 2λ + S22 sin 2λ) P22] in Cartesian form, turned with the Moon."""
        angle = ROTATION_RATE * time
        turn = np.array([[np.cos(angle), np.sin(angle), 0], [-np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
        x, y, z = turn @ r
        n = np.sqrt(x * x + y * y + z * z)
        k = GM * GRAVITY_RADIUS**2
        a = -GM * np.array([x, y, z]) / n**3
        zonal = 1.5 * k * C20 / n**5
        a += zonal * np.array([x * (1 - 5 * z * z / n**2), y * (1 - 5 * z * z / n**2), z * (3 - 5 * z * z / n**2)])
        a += (
            3
            * k
            * C22
            / n**5
            * np.array(
                [
                    2 * x - 5 * x * (x * x - y * y) / n**2,
                    -2 * y - 5 * y * (x * x - y * y) / n**2,
                    -5 * z * (x * x - y * y) / n**2,
                ]
            )
        )
        a += 6 * k * S22 / n**5 * np.array([y - 5 * x * x * y / n**2, x - 5 * x * y * y / n**2, -5 * x * y * z / n**2])
        u = self.axes @ turn @ r
        place = [n - RADIUS, np.arcsin(u[2] / n), np.arctan2(u[1], u[0])]
        return turn.T @ (a + self.rest(place)[0])

    def derivative(self, t, s, open_):
        """State: r, v, q, ω, propellant, thrust shares (19)."""
        r, v, q, w, m, share = s[0:3], s[3:6], s[6:10], s[10:13], s[13], s[14:]
        total = self.output.T @ share
        mass = self.dry + m
        centre = self.centre_dry + (m / mass) * (self.centre_propellant - self.centre_dry)
        q0, q1, q2, q3 = q
        attitude = np.array(
            [
                [q0 * q0 + q1 * q1 - q2 * q2 - q3 * q3, 2 * (q1 * q2 - q0 * q3), 2 * (q1 * q3 + q0 * q2)],
                [2 * (q1 * q2 + q0 * q3), q0 * q0 - q1 * q1 + q2 * q2 - q3 * q3, 2 * (q2 * q3 - q0 * q1)],
                [2 * (q1 * q3 - q0 * q2), 2 * (q2 * q3 + q0 * q1), q0 * q0 - q1 * q1 - q2 * q2 + q3 * q3],
            ]
        ) / (q @ q)
        spin = np.array([[0, -w[0], -w[1], -w[2]], [w[0], 0, w[2], -w[1]], [w[1], -w[2], 0, w[0]], [w[2], w[1], -w[0], 0]])
        inertia = self.inertia_dry + m * self.inertia_propellant
        torque = total[3:6] - np.cross(centre, total[0:3])
        return np.concatenate(
            [
                v,
                self.gravity(r, t) + attitude @ (total[0:3] / mass),
                0.5 * spin @ q,
                (torque - np.cross(w, inertia * w)) / inertia,
                [-total[6]],
                (open_ - share) / self.rise,
            ]
        )

    def fly(self, truth, on_times: np.ndarray, cycles: int, period: float = 0.1, edge: float = 0.02) -> np.ndarray:
        """DOP853 (rtol 1e-11) from valve edge to valve edge; the state after `cycles`."""
        motion = truth.motion
        s = np.concatenate(
            [*(np.asarray(x) for x in (motion.position_I, motion.velocity_I, motion.attitude_IB, motion.rate_B)),
             [float(motion.propellant)], np.zeros(19)]
        )  # fmt: skip
        was = np.zeros(19, bool)
        steps = round(period / edge)
        for cycle in range(cycles):
            pattern = [on_times[cycle] > (j + 0.5) * edge for j in range(steps)]
            j = 0
            while j < steps:
                started = pattern[j] & ~was
                k = j + 1
                while k < steps and np.array_equal(pattern[k], pattern[j]):
                    k += 1
                s[13] -= float(self.loss[started].sum())
                t0, t1 = cycle * period + j * edge, cycle * period + k * edge
                solved = solve_ivp(
                    self.derivative, (t0, t1), s, method="DOP853", rtol=1e-11, atol=1e-9, first_step=(t1 - t0) / 2,
                    args=(pattern[j].astype(float),),
                )  # fmt: skip
                s, was, j = solved.y[:, -1], pattern[j], k
        return s


def truth_vector(truth) -> np.ndarray:
    """Position and velocity of a truth state."""
    return np.concatenate([np.asarray(truth.motion.position_I), np.asarray(truth.motion.velocity_I)])


def touchdown_shift(one, other) -> tuple[float, float]:
    """How far apart two touchdowns are on the ground of M (m) and in time (s)."""
    places = []
    for touch in (one, other):
        angle = ROTATION_RATE * float(touch.time)
        turn = np.array([[np.cos(angle), np.sin(angle), 0], [-np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
        places.append(turn @ np.asarray(touch.position_I))
    return float(np.linalg.norm(places[0] - places[1])), abs(float(one.time) - float(other.time))


def both_steps(seeds: int, values: tuple[tuple[str, Any], ...]):
    """Rows of the same seeds flown at both truth steps, and how many met the same outcome."""
    rows = fly_seeds("resilience", range(seeds), values=values)
    other = fly_seeds("resilience", range(seeds), values=(*values, ("flight.truth_substeps", 10)))
    return rows, other, sum(a["outcome"] == b["outcome"] for a, b in zip(rows, other, strict=True))


def study(seeds: int = 256, dop_cycles: int | None = None) -> Section:
    """All of it."""
    batch, world, truth = world_of(5)
    commands, contact = recorded_commands(batch)
    shifted = jnp.asarray(np.concatenate([np.zeros((1, 19)), commands]))[:-1]
    cycles = contact - 1
    coarse, _ = replay(world, truth, shifted, cycles)
    _, fine_world, fine_truth = world_of(10)
    fine, _ = replay(fine_world, fine_truth, shifted, cycles)
    step = truth_vector(coarse) - truth_vector(fine)
    held = jnp.repeat(shifted[contact - 1 : contact], 60, axis=0)  # both meet the ground under these
    longer = jnp.concatenate([shifted[:contact], held])
    touch = [replay(*pair, longer, contact + 30)[0].touchdown for pair in ((world, truth), (fine_world, fine_truth))]
    moved_m, later_s = touchdown_shift(touch[0], touch[1])
    flown = dop_cycles or cycles
    reached, _ = replay(world, truth, shifted, flown)
    independent = Independent(world).fly(truth, np.asarray(shifted), flown)
    apart = truth_vector(reached) - independent[:6]
    rows, other, agree = both_steps(seeds, (("detail", None),))
    _, _, agree_on_craters = both_steps(seeds, ())
    moved, noise = {}, {}
    for name in ("vertical_speed_mps", "horizontal_speed_mps", "miss_distance_m", "propellant_kg"):
        difference = column(rows, name) - column(other, name)
        moved[name] = float(np.mean(difference))
        noise[name] = float(1.96 * np.std(difference) / np.sqrt(seeds))
    worst = max(((name, 1.96 * abs(moved[name]) / noise[name]) for name in moved), key=lambda pair: pair[1])
    return Section(
        "Numerics",
        words=[
            "Touchdown is where and when the first foot meets the ground; the state at equal times stands beside it. "
            "Recorded valve commands of one undispersed, healthy flight, replayed without flight software or noise.",
            "Independent run: NumPy forces, thrust lags as differential equations, SciPy DOP853 at rtol 1e-11 from valve "
            "edge to valve edge. Closed loop: the same seeds at 50 Hz and 100 Hz truth; a difference within its own "
            "95 % noise cannot be told from none.",
        ],
        claims=[
            Claim(
                f"halving the truth step moves the touchdown after {cycles / 10:.0f} s by",
                f"{1000 * moved_m:.2f} mm, {1000 * later_s:.2f} ms",
                "< 10 mm",
                "RK4 at 50 and 100 Hz",
                bool(moved_m < 0.01),
            ),
            Claim(
                "and the state a cycle before it, at equal times, by",
                f"{1000 * np.linalg.norm(step[:3]):.2f} mm, {1000 * np.linalg.norm(step[3:]):.4f} mm/s",
                "printed",
                "likewise, at equal times",
            ),
            Claim(
                f"SciPy DOP853 after {flown / 10:.0f} s of the same forces is apart by",
                f"{np.linalg.norm(apart[:3]):.2e} m, {np.linalg.norm(apart[3:]):.2e} m/s",
                "< 1 m, < 1 mm/s",
                "independent implementation",
                bool(np.linalg.norm(apart[:3]) < 1.0 and np.linalg.norm(apart[3:]) < 1e-3),
            ),
            Claim(
                f"closed loop at both steps, {seeds} paired seeds on the map's ground: equal outcomes",
                f"{agree} of {seeds}",
                "all",
                "paired",
                agree == seeds,
            ),
            Claim(
                "the same with craters, where a metre aside is another slope between the feet",
                f"{agree_on_craters} of {seeds}",
                "printed",
                "paired",
            ),
            Claim(
                "closed loop, the touchdown figure whose mean moves most, in standard errors",
                f"{worst[1]:.1f} ({worst[0]})",
                "≤ 2.5",
                "95 % for the four figures together",
                worst[1] <= 2.5,
            ),
        ],
        tables=[
            (
                ["touchdown figure", "50 Hz", "100 Hz", "mean difference", "95 % noise of it"],
                [
                    [
                        name,
                        spread(column(rows, name)),
                        spread(column(other, name)),
                        f"{moved[name]:+.2g}",
                        f"±{noise[name]:.2g}",
                    ]
                    for name in moved
                ],
            )
        ],
    )
