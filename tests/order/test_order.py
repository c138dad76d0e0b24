"""Errors shrink as theory says."""

import jax.numpy as jnp
import numpy as np
import pytest

from perilune.foundation.moon import GM
from tests.analytic.test_motion import fly, moving, steady
from validation.bodies import loaded, one_tank


@pytest.mark.parametrize("share", [0.0, 1.0], ids=["liquid frozen", "liquid swinging"])
def test_rk4_is_of_fourth_order(share):
    """Tumbling under thrust: halving the step divides the error by 2⁴, ±0.2 in the exponent."""
    mass = loaded(one_tank(radius=1.1, density=1000.0, slosh_share=share, damping=0.01))
    start = moving(rate_B=jnp.asarray([0.5, 0.3, 0.8]), velocity_I=jnp.asarray([0.0, 1690.0, 0.0]))
    push = steady([30.0, 0, 1600.0, 2.0, -1.0, 0.5, 0.5])
    flown = [fly(start, push, mass, n, GM, 8.0 / n) for n in (40, 80, 160, 320)]
    for part in ("position_I", "rate_B", "slosh") if share else ("position_I",):
        ends = [np.asarray(getattr(end, part)) for end in flown]
        errors = [np.linalg.norm(end - ends[-1]) for end in ends[:3]]
        assert np.log2(errors[0] / errors[1]) == pytest.approx(4.0, abs=0.2), part
        assert np.log2(errors[1] / errors[2]) == pytest.approx(4.0, abs=0.2), part  # 160 stands for the limit: +0.1


def test_predictor_converges():
    """The braking predictor with 16 steps is within 400 m of its own limit over 600 km: far below its correction."""
    import jax

    from perilune.flight.guidance.laws import constant_descent_rate as braking
    from perilune.simulation.build_software import design, guidance_settings
    from perilune.simulation.load import load
    from perilune.simulation.scenario import mission_numbers, read_maps

    mission = load("resilience")
    maps = read_maps(mission)
    n = {k: jnp.asarray(v) for k, v in mission_numbers(mission, maps).items()}
    settings, drawn = guidance_settings(n, maps.onboard), design(n, maps.sights)

    def distance(steps):
        before, braking.PREDICTOR_STEPS = braking.PREDICTOR_STEPS, steps
        try:
            speed, throttle, to_go, mass = (jnp.asarray(x) for x in (1690.0, 0.97, 660.0, 760.0))
            return float(jax.jit(braking.predict_stop)(speed, throttle, to_go, mass, settings, drawn)[0])
        finally:
            braking.PREDICTOR_STEPS = before

    fine = distance(512)
    assert abs(distance(16) - fine) < 400.0  # m of 600 km; the throttle loop corrects kilometres
    assert abs(distance(256) - fine) < 60.0  # first order in the kinks of the plan: a sixteenth of the step, a sixth
