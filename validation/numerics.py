"""Integration: a fifth of the truth step, an independent SciPy integration of the same forces, and the closed loop at both."""

from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from perilune.campaign.batch import Batch
from perilune.foundation.moon import ROTATION_RATE
from perilune.foundation.randomness import WIDTH
from perilune.interface.commands import Commands
from perilune.interface.design import ENGINES
from perilune.interface.events import INDEX
from perilune.simulation.load import load
from perilune.simulation.scenario import lane_axes
from perilune.world.faults import unbroken

from .flights import column, fly_seeds
from .independent import Independent
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
        commands = Commands(on_time, jnp.ones(()), jnp.zeros(2))
        return world.advance(state, commands, unbroken(), jnp.zeros(WIDTH), tick), state.foot_height

    return lax.scan(one, truth, (jnp.arange(cycles), on_times[:cycles]))


def world_of(substeps: int):
    """World and first truth of the undispersed flight."""
    batch = Batch(quiet_mission(substeps))
    scenarios, last, _ = batch.start([0])
    axes = lane_axes(scenarios)
    scenario = jax.tree.map(lambda x, a: x if a is None else x[0], scenarios, axes, is_leaf=lambda x: x is None)
    return batch, scenario.world, jax.tree.map(lambda x: x[0], last.truth)


def truth_vector(truth) -> np.ndarray:
    """Position and velocity of a truth state."""
    return np.concatenate([np.asarray(truth.motion.position_I), np.asarray(truth.motion.velocity_I)])


def against_scipy(world, truth, on_times, reached, cycles: int) -> tuple[float, float, float]:
    """How far (m, m/s, rad) our truth after `cycles` is from the independent one."""
    ours, other = truth_vector(reached), Independent(world).fly(truth, np.asarray(on_times), cycles)
    apart = ours - other[:6]
    turned = 2.0 * np.linalg.norm(np.asarray(reached.motion.attitude_IB) - other[6:10] / np.linalg.norm(other[6:10]))
    return float(np.linalg.norm(apart[:3])), float(np.linalg.norm(apart[3:])), float(turned)


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
    other = fly_seeds("resilience", range(seeds), values=(*values, ("flight.truth_substeps", 5)))
    return rows, other, sum(a["outcome"] == b["outcome"] for a, b in zip(rows, other, strict=True))


def study(seeds: int = 256, dop_cycles: int | None = None) -> Section:
    """All of it."""
    batch, world, truth = world_of(1)
    commands, contact = recorded_commands(batch)
    shifted = jnp.asarray(np.concatenate([np.zeros((1, ENGINES)), commands]))[:-1]
    cycles = contact - 1
    coarse, _ = replay(world, truth, shifted, cycles)
    _, fine_world, fine_truth = world_of(5)
    fine, _ = replay(fine_world, fine_truth, shifted, cycles)
    step = truth_vector(coarse) - truth_vector(fine)
    held = jnp.repeat(shifted[contact - 1 : contact], 60, axis=0)  # both meet the ground under these
    longer = jnp.concatenate([shifted[:contact], held])
    touch = [replay(*pair, longer, contact + 30)[0].touchdown for pair in ((world, truth), (fine_world, fine_truth))]
    moved_m, later_s = touchdown_shift(touch[0], touch[1])
    flown = dop_cycles or cycles
    reached, _ = replay(world, truth, shifted, flown)
    apart = against_scipy(world, truth, shifted, reached, flown)
    frozen = eqx.tree_at(lambda w: w.structure.tanks.slosh_share, world, 0.0 * world.structure.tanks.slosh_share)
    apart_frozen = against_scipy(frozen, truth, shifted, replay(frozen, truth, shifted, flown)[0], flown)
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
            "edge to valve edge. Closed loop: the same seeds at 10 Hz and 50 Hz truth; a difference within its own "
            "95 % noise cannot be told from none.",
        ],
        claims=[
            Claim(
                f"a fifth of the truth step moves the touchdown after {cycles / 10:.0f} s by",
                f"{1000 * moved_m:.2f} mm, {1000 * later_s:.2f} ms",
                "< 10 mm",
                "RK4 at 10 and 50 Hz",
                bool(moved_m < 0.01),
            ),
            Claim(
                "and the state a cycle before it, at equal times, by",
                f"{1000 * np.linalg.norm(step[:3]):.2f} mm, {1000 * np.linalg.norm(step[3:]):.4f} mm/s",
                "printed",
                "likewise, at equal times",
            ),
            Claim(
                f"SciPy DOP853 after {flown / 10:.0f} s of the same forces is apart by, liquid frozen",
                f"{apart_frozen[0]:.2e} m, {apart_frozen[1]:.2e} m/s",
                "< 1 m, < 1 mm/s",
                "independent implementation",
                bool(apart_frozen[0] < 1.0 and apart_frozen[1] < 1e-3),
            ),
            Claim(
                "the same with liquid swinging, bodies of their own there (open loop: attitude's error grows to way)",
                f"{apart[2]:.1e} rad, {apart[0]:.2g} m, {apart[1]:.2g} m/s",
                "< 1 mrad",
                "independent implementation",
                bool(apart[2] < 1e-3),
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
                ["touchdown figure", "10 Hz", "50 Hz", "mean difference", "95 % noise of it"],
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
