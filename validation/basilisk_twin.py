"""The same lander twice: ours, flown by `World.fly` as any flight is, and one of Basilisk's parts with the same numbers."""

from dataclasses import dataclass, replace
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from perilune.foundation.randomness import WIDTH
from perilune.foundation.rotation import to_matrix
from perilune.interface.commands import Commands
from perilune.interface.design import ENGINES, TANKS
from perilune.world.faults import unbroken

from .basilisk_craft import Bowl, Craft, History

CHUNK = 100  # cycles a call of the one program that flies all cases
CORNER_I = np.array([1757e3, 0.0, 0.0])  # m


@dataclass(frozen=True)
class Case:
    """What both are to fly."""

    force_B: tuple[float, float, float] = (0.0, 0.0, 0.0)  # N, at the datum
    torque_B: tuple[float, float, float] = (0.0, 0.0, 0.0)  # N m, about the datum
    flow: float = 0.0  # kg/s
    rate_B: tuple[float, float, float] = (0.0, 0.0, 0.0)  # rad/s
    velocity_I: tuple[float, float, float] = (0.0, 0.0, 0.0)  # m/s, of the centre of mass
    displaced: tuple[tuple[float, float], ...] = ((0.0, 0.0),) * TANKS  # m
    over_moon: bool = False
    period: float = 0.1  # s, of our cycle of five truth steps


def uneven(structure):
    """A structure with three unlike moments of inertia, products of inertia and its centre off the axis."""
    return eqx.tree_at(
        lambda s: (s.inertia_dry, s.dry_centre_B),
        structure,
        (jnp.asarray([210.0, 250.0, 290.0, -8.0, 5.0, 3.0]), jnp.asarray([0.02, -0.01, 1.1])),
    )


def free(structure, damping: float):
    """Tanks without diaphragms, so that thrust alone holds the liquid, and without residuals."""
    tanks = structure.tanks
    return eqx.tree_at(
        lambda s: (s.tanks.hold, s.tanks.damping, s.tanks.residual),
        structure,
        (jnp.zeros(TANKS), jnp.full(TANKS, damping), 0.0 * tanks.residual),
    )


def pans(structure, slosh_share: float, damping: float):
    """Tanks whose liquid keeps its place, its pendulum's length and its share that swings as they drain: pans of 5 cm with a
    millimetre of liquid however much they hold. Basilisk's tanks and pendulums keep theirs."""
    tanks = structure.tanks
    return eqx.tree_at(
        lambda s: (s.tanks.radius, s.tanks.density, s.tanks.slosh_share),
        free(structure, damping),
        (jnp.full(TANKS, 0.05), jnp.full(TANKS, 1e9), jnp.full(TANKS, slosh_share) + 0.0 * tanks.radius),
    )


def world_with(world, structure, case: Case):
    """The world with another structure, one engine slot that pushes as the case says, and the Moon's degree-2 field or none."""
    pushed = jnp.asarray([*case.force_B, *case.torque_B, case.flow])
    output = jnp.zeros((ENGINES, 7)).at[0].set(pushed)
    keep = 1.0 if case.over_moon else 0.0
    return eqx.tree_at(
        lambda w: (w.structure, w.engines.output, w.gravity.gm, w.gravity_table.nodes, w.period),
        world,
        (structure, output, keep * world.gravity.gm, jnp.zeros_like(world.gravity_table.nodes), jnp.asarray(case.period)),
    )


def truth_with(truth, world, case: Case):
    """The first truth: full tanks, engines already running, B along I."""
    pushed = world.engines.output[0]
    running = jnp.zeros_like(truth.engines.delivered).at[0].set(pushed)
    return eqx.tree_at(
        lambda t: (
            t.motion.position_I, t.motion.velocity_I, t.motion.attitude_IB, t.motion.rate_B, t.motion.slosh, t.motion.slosh_rate,
            t.engines.delivered, t.engines.is_open,
        ),
        truth,
        (
            jnp.asarray(CORNER_I), jnp.asarray(case.velocity_I), jnp.asarray([1.0, 0.0, 0.0, 0.0]), jnp.asarray(case.rate_B),
            jnp.asarray(case.displaced).T, jnp.zeros((2, TANKS)), running, jnp.arange(ENGINES) == 0,
        ),
    )  # fmt: skip


@jax.jit
def chunk(world, truth, first):
    """`CHUNK` cycles of the truth with the first engine open, and motion and tanks after each."""
    commands = Commands(jnp.where(jnp.arange(ENGINES) == 0, world.period, 0.0), jnp.ones(()), jnp.zeros(2))

    def one(state, k):
        moved = world.fly(state, commands, unbroken(), jnp.zeros(WIDTH), first + k)
        return moved, (moved.motion, moved.tanks)

    return lax.scan(one, truth, jnp.arange(CHUNK, dtype=jnp.int32))


def sway(mass, displacement, total):
    """How far (m, B) liquid off its rest (m, one a tank) moves the centre of mass."""
    x, y = (jnp.sum(mass.slosh.mass * displacement[k]) for k in (0, 1))
    return jnp.stack([x, y, jnp.zeros_like(x)]) / total


@jax.jit
def datum_of(structure, motion, held):
    """Place (m) and velocity (m/s) of the datum in I, attitude as a matrix, of one row. The centre of mass is moved by liquid off
    its rest, and moves in B as that swings."""
    matrix_IB = to_matrix(motion.attitude_IB)
    mass = structure.at(held, motion.slosh)
    total = mass.total(mass.propellant)
    centre_B = structure.centre(held) + sway(mass, motion.slosh, total)
    carried_B = jnp.cross(motion.rate_B, centre_B) + sway(mass, motion.slosh_rate, total)
    return motion.position_I - matrix_IB @ centre_B, motion.velocity_I - matrix_IB @ carried_B, matrix_IB


def ours(world, truth, case: Case, seconds: float, every: float = 0.1) -> History:
    """Our history, a sample `every` so many s."""
    rows, cycles = [], round(seconds / case.period)
    for first in range(0, cycles, CHUNK):
        truth, row = chunk(world, truth, jnp.asarray(first, jnp.int32))
        rows.append(row)
    motion, held = jax.tree.map(lambda *x: jnp.concatenate(x), *rows)
    stride = round(every / case.period)
    motion, held = jax.tree.map(lambda x: x[stride - 1 : cycles : stride], (motion, held))
    position_I, velocity_I, matrix_IB = jax.vmap(partial(datum_of, world.structure))(motion, held)
    swings = world.structure.tanks.slosh_share > 0.0
    parts = (
        position_I,
        velocity_I,
        matrix_IB,
        motion.rate_B,
        held,
        jnp.where(swings[None, :, None], jnp.swapaxes(motion.slosh, 1, 2), 0.0),
    )
    return History(*(np.asarray(x) for x in parts))


def craft_of(world, truth, case: Case) -> Craft:
    """Basilisk's parts with the numbers of our structure: rigid liquid, what swings, pendulum lengths, damping."""
    structure, held = world.structure, truth.tanks
    liquid = structure.tanks.liquid(held)
    xx, yy, zz, xy, xz, yz = (float(x) for x in structure.inertia_dry)
    total = float(structure.total(liquid.total()))
    axial = max(case.force_B[2], 0.0) / total
    bowls = []
    for k in range(TANKS):
        mass, swings, length = float(liquid.mass[k]), float(liquid.swings[k]), 1.0 / float(liquid.per_length[k])
        x, y = float(liquid.place_B[k, 0]), float(liquid.place_B[k, 1])
        rigid, radius = float(liquid.frozen[k]), float(structure.tanks.radius[k])
        bowls.append(
            Bowl(
                rigid=rigid,
                place_B=np.array([x, y, float(liquid.frozen_z[k])]),
                radius=radius,
                height=float(np.sqrt(max(12.0 * float(liquid.frozen_across[k]) / rigid - 3.0 * radius**2, 0.0))),
                flow=case.flow * mass / float(liquid.total()),
                swings=swings,
                swings_B=(x, y, float(liquid.swings_z[k])),
                length=length,
                drag=2.0 * float(structure.tanks.damping[k]) * np.sqrt(axial / length) * swings,
                displaced=case.displaced[k],
            )
        )
    position_I, velocity_I, _ = datum_of(structure, truth.motion, held)
    return Craft(
        dry_mass=float(structure.dry_mass),
        dry_centre_B=np.asarray(structure.dry_centre_B),
        dry_inertia_B=np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]),
        bowls=tuple(bowls),
        force_B=np.array(case.force_B),
        torque_B=np.array(case.torque_B),
        position_I=np.asarray(position_I),
        velocity_I=np.asarray(velocity_I),
        rate_B=np.array(case.rate_B),
        over_moon=case.over_moon,
    )


@dataclass(frozen=True)
class Apart:
    """The most that two histories differ by."""

    position: float  # m
    velocity: float  # m/s
    attitude: float  # rad
    rate: float  # rad/s
    held: float  # kg
    displaced: float  # m


def apart(one: History, other: History) -> Apart:
    """How far two histories are from each other at their worst sample."""

    def most(a, b):
        return float(np.max(np.linalg.norm((a - b).reshape(len(a), -1), axis=1)))

    turned = np.linalg.norm((one.attitude_IB - other.attitude_IB).reshape(len(one.rate_B), -1), axis=1) / np.sqrt(2.0)
    return Apart(
        position=most(one.position_I, other.position_I),
        velocity=most(one.velocity_I, other.velocity_I),
        attitude=float(np.max(turned)),
        rate=most(one.rate_B, other.rate_B),
        held=most(one.held, other.held),
        displaced=most(one.displaced, other.displaced),
    )


def with_drift(history: History, structure, every: float = 0.1) -> History:
    """Our history with the centre of mass's motion ċ in B put in, which comes of draining. Our centre of mass moves with momentum
    over mass and Basilisk's datum with the hub, so that theirs gains C ω × ċ and goes C ċ further."""
    centres_B = np.asarray(jax.vmap(structure.centre)(jnp.asarray(history.held)))
    drift_B = np.gradient(centres_B, every, axis=0)
    turned_I = np.einsum("nij,nj->ni", history.attitude_IB, np.cross(history.rate_B, drift_B))
    gained_I = every * np.cumsum(turned_I, axis=0)
    moved_I = every * np.cumsum(np.einsum("nij,nj->ni", history.attitude_IB, drift_B) + gained_I, axis=0)
    return replace(history, velocity_I=history.velocity_I + gained_I, position_I=history.position_I + moved_I)
