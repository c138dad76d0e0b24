"""The orbit phase against SciPy, against finer steps and against the rocket equation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from perilune.foundation.moon import RADIUS
from perilune.simulation.build_world import engines as build_engines
from perilune.simulation.build_world import structure
from perilune.simulation.orbit_plan import COAST_STEPS, coasted
from perilune.simulation.start import perilune_state
from perilune.world.orbit import Burning, burn_cycle, coast, open_time
from validation.orbit import closure


def test_planned_flight_ends_in_the_planned_perilune_state(from_orbit):
    metres, speed, kilograms = closure(from_orbit)
    assert metres < 1.0  # a few would do
    assert speed < 1e-3  # m/s
    assert kilograms < 1e-6  # what is planned to be on board at mission time 0


def test_one_second_steps_and_two_looks_at_the_field_are_fine_enough(from_orbit):
    """The coast as flown against every harmonic in every stage of steps ten times finer, over the whole way down."""
    world, state = from_orbit.orbit.world, jax.jit(perilune_state)(from_orbit.numbers)
    far, zero = jnp.asarray(-3400.0), jnp.asarray(0.0)
    flown = jax.jit(coasted, static_argnums=4)(world, state, zero, far, COAST_STEPS)
    fine = jax.jit(coast, static_argnums=5)(world, *state, zero, jnp.asarray(-0.1), 34000)
    assert np.linalg.norm(flown[0] - fine[0]) < 1e-3  # m
    assert np.linalg.norm(flown[1] - fine[1]) < 1e-6  # m/s


def test_burn_is_the_rocket_equation(from_orbit):
    """Velocity gained and mass left of a burn of 30.05 s, its edges inside cycles, against Tsiolkovsky's equation."""
    numbers = from_orbit.numbers
    engines = jax.jit(build_engines)(numbers)
    mass = jax.jit(structure)(numbers)
    period, attitude = jnp.asarray(0.1), jnp.asarray([1.0, 0.0, 0.0, 0.0])
    place = jnp.asarray([RADIUS + 100e3, 0.0, 0.0])
    begun = Burning(place, jnp.asarray([0.0, 1633.0, 0.0]), jnp.asarray(424.0), jnp.asarray(0.0))

    def one(k, carry):
        state, gained = carry
        on_time = jnp.clip(30.05 - k * period, 0.0, period)
        state, more = burn_cycle(from_orbit.orbit.world, engines, mass, attitude, state, on_time, k * period, period)
        return state, gained + more

    state, gained = jax.jit(lambda s: jax.lax.fori_loop(0, 340, one, (s, jnp.zeros(3))))(begun)
    flow, force = float(engines.output[0, 6]), np.linalg.norm(engines.output[0, :3])
    first = float(mass.dry_mass) + 424.0
    burnt = flow * 30.05  # rise and decay cancel: what the valve was open for, to e^(−26)
    assert float(begun.propellant - state.propellant) == pytest.approx(burnt, rel=1e-9)
    assert np.linalg.norm(gained) == pytest.approx(force / flow * np.log(first / (first - burnt)), rel=1e-9)


def test_open_time_is_the_integral_of_a_first_order_lag():
    """Against SciPy, from a half-risen engine through a valve that shuts inside the cycle."""
    opened, share = open_time(*(jnp.asarray(x) for x in (0.5, 0.06, 0.15, 0.1)))
    risen = solve_ivp(lambda t, y: [(1.0 - y[0]) / 0.15, y[0]], (0, 0.06), [0.5, 0.0], rtol=1e-11, atol=1e-13).y[:, -1]
    fallen = solve_ivp(lambda t, y: [-y[0] / 0.15, y[0]], (0, 0.04), risen, rtol=1e-11, atol=1e-13).y[:, -1]
    assert float(opened) == pytest.approx(fallen[1], rel=1e-9)
    assert float(share) == pytest.approx(fallen[0], rel=1e-9)
