"""The loops that `perilune check` judges, against the loops themselves stepped in time."""

import numpy as np
import pytest

from perilune.simulation.flight_checks import attitude_modes, guidance_modes
from perilune.simulation.load import load


def with_control(**gains):
    mission = load("resilience")
    control = mission.flight.control.model_copy(update=gains)
    return mission.model_copy(update={"flight": mission.flight.model_copy(update={"control": control})})


@pytest.mark.parametrize(("rate_gain", "integral_gain"), [(1.6, 0.15), (18.0, 0.1), (19.5, 0.1), (1.6, 2.0)])
def test_attitude_loop_grows_when_its_modes_say_so(rate_gain, integral_gain):
    """One axis flown by flight software's own law, between two of its cycles in closed form; growth over 400 cycles."""
    import jax.numpy as jnp

    from perilune.flight.control.attitude import attitude_control
    from perilune.flight.settings import ControlSettings

    mission = with_control(rate_gain_per_s=rate_gain, integral_gain_per_s2=integral_gain)
    largest = np.max(np.abs(attitude_modes(mission)))
    figures = (mission.flight.control.attitude_gain_per_s, rate_gain, integral_gain, 1e3, 1.0, 0.0, 1.0)
    settings = ControlSettings(*(jnp.asarray(x) for x in figures))
    step = mission.flight.period_s
    error, rate, read, integral = 1e-3, 0.0, 0.0, jnp.zeros(3)
    sizes = []
    for _ in range(400):
        axis = jnp.asarray([1.0, 0.0, 0.0])
        torque, integral = attitude_control(error * axis, read * axis, integral, jnp.ones(3), step, settings)
        turn = float(torque[0])
        error, read = error - step * rate - 0.5 * step**2 * turn, rate + 0.5 * step * turn
        rate = rate + step * turn
        sizes.append(np.hypot(error, rate))
        if not 1e-12 < sizes[-1] < 0.09:  # where the integral rests, and rounding
            break
    grown = (max(sizes[-20:]) / max(sizes[len(sizes) // 2 : len(sizes) // 2 + 20])) ** (1.0 / (len(sizes) - len(sizes) // 2))
    assert (grown > 1.0) == (largest > 1.0)
    assert grown == pytest.approx(largest, abs=0.02)  # two modes of nearly one size beat


def test_guidance_over_attitude_by_routh():
    """With an attitude of first order (rate gain without end) the loop holds while site gain < attitude gain."""
    mission = with_control(attitude_gain_per_s=0.5, rate_gain_per_s=1e6)
    for site, holds in ((0.49, True), (0.51, False)):
        slow = guidance_modes(mission, 0.1, 0.1 * site)
        assert (np.max(np.real(slow)) < 0.0) == holds
