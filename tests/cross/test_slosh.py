"""Swinging liquid against a multi-body derivation in NumPy, closed forms, and what must be conserved."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from perilune.interface.design import TANKS
from perilune.world.dynamics import Pull, rk4
from perilune.world.vehicle.mass import inverse, times
from tests.analytic.test_motion import CENTRAL, STEP, moving, steady
from validation.bodies import loaded, one_tank
from validation.independent import Lander, turning

HELD = np.array([110.0, 60.0, 90.0, 30.0])


def four_tanks():
    """Uneven on purpose: four tanks of different sizes and places, two with damping, and products of inertia."""
    import equinox as eqx

    s = one_tank()
    places = [[0.5, 0.1, -0.2], [-0.4, 0.4, 0.1], [-0.2, -0.5, 0.3], [0.3, -0.4, 0.0]]
    return eqx.tree_at(
        lambda s: (s.inertia_dry, s.dry_centre_B, s.tanks),
        s,
        (
            jnp.asarray([230.0, 240.0, 260.0, -8.0, 5.0, 3.0]),
            jnp.asarray([0.02, -0.01, 0.1]),
            eqx.tree_at(
                lambda t: (t.place_B, t.radius, t.height, t.density, t.damping, t.slosh_share),
                s.tanks,
                (
                    jnp.asarray(places),
                    jnp.asarray([0.3, 0.25, 0.35, 0.2]),
                    jnp.full(TANKS, 0.6),
                    jnp.asarray([1440.0, 880.0, 1200.0, 1000.0]),
                    jnp.asarray([0.0, 0.03, 0.01, 0.0]),
                    jnp.asarray([1.0, 0.8, 1.0, 0.5]),
                ),
            ),
        ),
    )


def fly(motion, push, mass, seconds, step=STEP):
    one = jax.jit(
        lambda m: jax.lax.fori_loop(
            0,
            round(seconds / step),
            lambda _, s: rk4(s, push, mass, Pull(jnp.asarray(0.0), CENTRAL, jnp.zeros(3)), jnp.asarray(step)),
            m,
        )
    )
    return one(motion)


@pytest.mark.parametrize("scale", [0.01, 0.001])
def test_against_bodies_of_their_own(scale):
    """Six seconds of uneven thrust and turning from liquid off its rest, inertia and arms taken once: the model is of first order
    in what the displacements change, so a tenth of them leaves a hundredth of the difference."""
    structure = four_tanks()
    small = 100.0 * scale * np.array([40.0, -25.0, 0.0, 3.0, -5.0, 2.0])
    output = small + np.array([0.0, 0.0, 1500.0, 0.0, 0.0, 0.0])
    centre = np.asarray(structure.centre(jnp.asarray(HELD)))
    output[3:6] += np.cross(centre, [0.0, 0.0, output[2]])  # thrust through the centre of mass, so that all else is small
    start = moving(
        rate_B=jnp.asarray(scale * np.array([2.0, -1.0, 3.0])),
        propellant=jnp.asarray(HELD.sum()),
        slosh=jnp.asarray(scale * np.array([[1.0, 0.0], [0.0, -1.0], [0.5, 0.5], [-1.0, 0.3]]).T),
    )
    mass = structure.at(jnp.asarray(HELD), start.slosh)
    end = fly(start, steady([*output, 0.0]), mass, 6.0)
    lander = Lander(structure)

    def rate(_, s):
        w, d, speed, q = s[0:3], s[3:11].reshape(4, 2), s[11:19].reshape(4, 2), s[19:23]
        turn, moved, _ = lander.accelerations(HELD, output[0:3], output[3:6], w, d, speed)
        return np.concatenate([turn, speed.ravel(), moved.ravel(), turning(q, w)])

    begun = np.concatenate([start.rate_B, np.ravel(start.slosh.T), np.zeros(8), [1.0, 0, 0, 0]])
    exact = solve_ivp(rate, (0, 6.0), begun, method="DOP853", rtol=1e-12, atol=1e-14).y[:, -1]
    assert np.abs(exact[3:11]).max() > 0.2 * scale  # it swings
    assert np.asarray(end.rate_B) == pytest.approx(exact[0:3], abs=4.0 * scale**2)  # rad/s, second order in the displacement (m)
    assert np.asarray(end.slosh.T).ravel() == pytest.approx(exact[3:11], abs=4.0 * scale**2)  # m, likewise


@pytest.mark.parametrize("step", [0.02, 0.1])
def test_frequency_of_one_tank_on_the_axis(step):
    """On an axis through the centre of mass the liquid swings against the rest: ω² = (a/L) M/N for a lander that cannot turn."""
    structure = one_tank(inertia=(1e12, 1e12, 1e12), place=(0.0, 0.0, 0.0), radius=0.4, density=1200.0, slosh_share=1.0)
    mass = loaded(structure)
    thrust, total = 1600.0, 740.0
    swings, length = float(mass.slosh.mass[0]), 1.0 / float(mass.slosh.per_length[0])
    depth = 400.0 / (1200.0 * np.pi * 0.16)
    assert length == pytest.approx(0.4 / (1.8412 * np.tanh(1.8412 * depth / 0.4)), rel=1e-4)  # Abramson's, five digits of ξ
    omega = np.sqrt(thrust / total / length * total / (total - swings))
    start = moving(slosh=jnp.zeros((2, TANKS)).at[0, 0].set(0.05))
    end = fly(start, steady([0, 0, thrust, 0, 0, 0, 0]), mass, 5.0, step)
    phase = omega * 5.0 * (omega * step) ** 4 / 120.0  # rad, by which Runge-Kutta's oscillator lags
    assert phase < 3e-3
    assert float(end.slosh[0, 0]) == pytest.approx(0.05 * np.cos(omega * 5.0), abs=0.05 * phase + 1e-7)  # m
    gives = swings / total * 0.05 * omega * np.sin(omega * 5.0)  # the structure moves against the liquid
    largest = swings / total * 0.05 * omega
    assert float(end.delta_velocity_B[0]) == pytest.approx(gives, abs=largest * phase + 1e-9)  # m/s, likewise
    assert abs(float(end.velocity_I[0])) < 1e-9  # the centre of mass does not, but for 1e12 kg m² that turn a little


def test_momentum_stays_without_thrust():
    """Liquid that drifts free: angular momentum about the centre of mass, the liquid's included, stays to first order."""
    structure = four_tanks()
    mass = structure.at(jnp.asarray(HELD), jnp.zeros((2, TANKS)))
    scale = 1e-4
    rates = scale * np.array([[1.0, 0.0], [0.0, -1.0], [0.5, 0.5], [-1.0, 0.3]]).T
    start = moving(
        propellant=jnp.asarray(HELD.sum()), slosh_rate=jnp.asarray(rates), rate_B=jnp.asarray([scale, 2 * scale, -scale])
    )
    end = fly(start, steady(np.zeros(7)), mass, 10.0)

    def momentum(motion):
        own = np.asarray(times(mass.inertia_whole, motion.rate_B))
        lateral = np.concatenate([np.asarray(motion.slosh_rate).T, np.zeros((4, 1))], axis=1)
        swept = np.cross(np.asarray(mass.slosh.arm).T, lateral) * np.asarray(mass.slosh.mass)[:, None]
        return own + swept.sum(axis=0)

    assert momentum(end) == pytest.approx(momentum(start), rel=2e-3)  # turning of the axes by 2 mrad in the ten seconds


def test_inverse_of_a_symmetric_matrix():
    m = jnp.asarray([3.0, 4.0, 5.0, 0.3, -0.2, 0.5])
    back = [times(inverse(m), times(m, jnp.asarray(e))) for e in np.eye(3)]
    assert np.asarray(back) == pytest.approx(np.eye(3), abs=1e-15)  # rounding
