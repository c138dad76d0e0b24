"""The equations of motion against closed forms, printed: what tests/analytic asserts."""

import jax
import jax.numpy as jnp
import numpy as np

from perilune.foundation.moon import GM, STANDARD_GRAVITY
from perilune.interface.design import TANKS
from perilune.world.dynamics import Pull, rk4
from perilune.world.state import Motion
from perilune.world.vehicle.engines import Push

from .bodies import loaded, one_tank
from .report import Claim, Section

BODY = loaded(one_tank())


def fly(velocity, rate, output, steps: int, step: float, gm: float) -> Motion:
    """A body at 1,757 km with 400 kg of propellant under steady engine output."""
    output = jnp.asarray(output, float)
    push = Push(mean=output, early=0.5 * output, earliest=output / 6.0)
    start = Motion(
        jnp.asarray([1757e3, 0.0, 0.0]), jnp.asarray(velocity, float), jnp.asarray([1.0, 0.0, 0.0, 0.0]),
        jnp.asarray(rate, float), jnp.asarray(400.0), jnp.zeros((2, TANKS)), jnp.zeros((2, TANKS)), jnp.zeros(3), jnp.zeros(3),
    )  # fmt: skip
    none = jnp.zeros((3, 3))
    one = jax.jit(
        lambda m: jax.lax.fori_loop(
            0, steps, lambda _, s: rk4(s, push, BODY, Pull(jnp.asarray(gm), none, jnp.zeros(3)), jnp.asarray(step)), m
        )
    )
    return one(start)


def study() -> Section:
    """Kepler, torque-free top, rocket equation."""
    axis = 1 / (2 / 1757e3 - 1690.0**2 / GM)
    period = 2 * np.pi * np.sqrt(axis**3 / GM)
    orbit = fly([0, 1690.0, 0], [0, 0, 0], np.zeros(7), 13000, period / 13000, GM)
    gap = float(np.linalg.norm(np.asarray(orbit.position_I) - [1757e3, 0, 0]))

    rate = np.array([0.4, 0.02, 0.3])
    top = fly([0, 0, 0], rate, np.zeros(7), 5000, 0.02, 0.0)
    inertia = np.asarray(BODY.inertia_whole[:3])
    before, after = inertia * rate, inertia * np.asarray(top.rate_B)
    momentum = abs(float(np.linalg.norm(after) / np.linalg.norm(before)) - 1)
    energy = abs(float(np.asarray(top.rate_B) @ after) / float(rate @ before) - 1)

    flow = 1600.0 / (320.0 * STANDARD_GRAVITY)
    burn = fly([0, 0, 0], [0, 0, 0], [0, 0, 1600.0, 0, 0, 0, flow], 20000, 0.02, 0.0)
    expected = 320.0 * STANDARD_GRAVITY * np.log(740.0 / (340.0 + float(burn.propellant)))
    rocket = abs(float(burn.velocity_I[2]) / float(expected) - 1)
    return Section(
        "Closed forms",
        claims=[
            Claim("a Kepler orbit closes to, m", f"{gap:.1e}", "< 1e-2", "period 2π√(a³/GM), 0.5 s steps", gap < 1e-2),
            Claim("torque-free top, 100 s: angular momentum, relative", f"{momentum:.1e}", "< 1e-9", "Euler", momentum < 1e-9),
            Claim("the same: energy, relative", f"{energy:.1e}", "< 1e-9", "Euler", energy < 1e-9),
            Claim("rocket equation, 400 s burn, relative", f"{rocket:.1e}", "< 1e-11", "Tsiolkovsky", rocket < 1e-11),
        ],
    )
