"""The truth's equations of motion against closed forms."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perilune.foundation.moon import GM, STANDARD_GRAVITY
from perilune.foundation.randomness import WIDTH
from perilune.interface.commands import Commands
from perilune.interface.design import ENGINES, TANKS
from perilune.simulation.scenario import lane_axes
from perilune.world.dynamics import Pull, rk4
from perilune.world.faults import unbroken
from perilune.world.state import EngineState, Motion
from perilune.world.vehicle.engines import EMPTY, Engines, Push, through_step
from validation.bodies import loaded, one_tank

STEP = 0.02
NO_GRAVITY, CENTRAL = jnp.zeros((3, 3)), jnp.zeros((3, 3))


def body():
    return loaded(one_tank())


def lagging(output, rise, fall=None, loss=0.0):
    """Engines of these outputs whose classes all lag alike."""
    one, none = jnp.asarray(1.0), jnp.asarray(0.0)
    times = jnp.full(3, rise), jnp.full(3, rise if fall is None else fall)
    return Engines(output, jnp.zeros((2, 3)), *times, jnp.full(ENGINES, loss), jnp.zeros(3), one, one, none, none, none, one)


def moving(**given):
    still = {
        "position_I": jnp.asarray([1757e3, 0.0, 0.0]),
        "velocity_I": jnp.zeros(3),
        "attitude_IB": jnp.asarray([1.0, 0.0, 0.0, 0.0]),
        "rate_B": jnp.zeros(3),
        "propellant": jnp.asarray(400.0),
        "slosh": jnp.zeros((2, TANKS)),
        "slosh_rate": jnp.zeros((2, TANKS)),
        "delta_velocity_B": jnp.zeros(3),
        "delta_angle_B": jnp.zeros(3),
    }
    return Motion(**(still | given))


def steady(output) -> Push:
    output = jnp.asarray(output, float)
    return Push(output, 0.5 * output, output / 6.0)


def fly(motion, push, mass, steps, gm=0.0, step=STEP):
    one = jax.jit(
        lambda m: jax.lax.fori_loop(
            0, steps, lambda _, s: rk4(s, push, mass, Pull(jnp.asarray(gm), CENTRAL, jnp.zeros(3)), jnp.asarray(step)), m
        )
    )
    return one(motion)


def test_free_fall_from_rest():
    """Radial fall from r0 to r: v² = 2 GM (1/r − 1/r0)."""
    end = fly(moving(), steady(jnp.zeros(7)), body(), 3000, GM)
    r = float(end.position_I[0])
    v = -float(end.velocity_I[0])
    assert v == pytest.approx(np.sqrt(2 * GM * (1 / r - 1 / 1757e3)), rel=1e-12)  # RK4 at 0.02 s: rounding level


def test_kepler_orbit_closes():
    """After one period T = 2π √(a³/GM) the body is where it began."""
    r, v = 1757e3, 1690.0
    a = 1 / (2 / r - v**2 / GM)
    period = 2 * np.pi * np.sqrt(a**3 / GM)
    start = moving(velocity_I=jnp.asarray([0.0, v, 0.0]))
    end = fly(start, steady(jnp.zeros(7)), body(), 13000, GM, period / 13000)
    gap = np.linalg.norm(np.asarray(end.position_I - start.position_I))
    assert gap < 1e-5  # m; RK4 at 0.5 s steps and rounding leave 1.6e-7 m (docs/validation.md)


def test_energy_and_momentum_hold_without_forces():
    """Torque-free asymmetric top: |J ω| in I and ½ ωᵀJω stay; linear momentum too."""
    mass = body()
    start = moving(velocity_I=jnp.asarray([3.0, -2.0, 1.0]), rate_B=jnp.asarray([0.4, 0.02, 0.3]))
    end = fly(start, steady(jnp.zeros(7)), mass, 5000)

    def invariants(m):
        h = np.asarray(mass.inertia_whole[:3] * m.rate_B)
        s, u = float(m.attitude_IB[0]), np.asarray(m.attitude_IB[1:])
        h_I = h + 2 * s * np.cross(u, h) + 2 * np.cross(u, np.cross(u, h))
        return h_I, 0.5 * float(np.asarray(m.rate_B) @ h), np.asarray(m.velocity_I)

    (h0, e0, v0), (h1, e1, v1) = invariants(start), invariants(end)
    np.testing.assert_allclose(h1, h0, rtol=1e-9)  # RK4 at 0.4 rad/s and 0.02 s over 100 s: measured 1e-10
    assert e1 == pytest.approx(e0, rel=1e-9)  # likewise
    np.testing.assert_allclose(v1, v0, rtol=1e-14)  # exact but for rounding


def test_rocket_equation_holds():
    """Δv = Isp g0 ln(m0/m1) for steady thrust without gravity."""
    thrust, isp = 1600.0, 320.0
    push = steady([0, 0, thrust, 0, 0, 0, thrust / (isp * STANDARD_GRAVITY)])
    end = fly(moving(), push, body(), 20000)
    ratio = 740.0 / (340.0 + float(end.propellant))
    assert float(end.velocity_I[2]) == pytest.approx(isp * STANDARD_GRAVITY * np.log(ratio), rel=1e-11)  # RK4, smooth
    assert float(end.delta_velocity_B[2]) == pytest.approx(float(end.velocity_I[2]), rel=1e-12)  # same integral


def test_constant_torque_spins_up():
    """θ = ½ (τ/J) t² about a principal axis."""
    push = steady([0, 0, 0, 0, 0, 13.0, 0])
    end = fly(moving(), push, body(), 500)
    assert float(end.rate_B[2]) == pytest.approx(13.0 / 260.0 * 10.0, rel=1e-12)  # exact for constant torque
    assert float(end.delta_angle_B[2]) == pytest.approx(0.5 * 13.0 / 260.0 * 100.0, rel=1e-12)  # likewise


@pytest.mark.parametrize("edges", [1, 5], ids=["an edge a step", "five edges a step"])
@pytest.mark.parametrize("rise", [0.002, 0.015, 0.15])
def test_thrust_pulse_is_exact_however_short_its_transient(rise, edges):
    """One 40 ms pulse: impulse and way gained as the first-order lag gives them, at steps longer than the lag and the pulse."""
    engines = lagging(jnp.zeros((ENGINES, 7)).at[0, 2].set(1000.0), rise)
    mass = body()
    motion, delivered = moving(propellant=jnp.asarray(0.0)), jnp.zeros((3, 7))
    decay = engines.decay(jnp.asarray(STEP))
    whole = jnp.ones(ENGINES), jnp.ones(ENGINES), engines.output[0:2]
    lit = engines.steady(jnp.arange(ENGINES) == 0, *whole)
    targets = jnp.where((jnp.arange(20) < 2)[:, None, None], lit, 0.0).reshape(-1, edges, 3, 7)
    for of_step in targets:
        push, delivered = through_step(delivered, of_step, decay, jnp.asarray(STEP))
        motion = rk4(motion, push, mass, Pull(jnp.asarray(0.0), CENTRAL, jnp.zeros(3)), jnp.asarray(edges * STEP))
    t, on, a = 20 * STEP, 2 * STEP, 1000.0 / 340.0
    lag = rise * (1 - np.exp(-on / rise)) * np.exp(-(t - on) / rise)  # not yet delivered at the end
    assert float(motion.velocity_I[2]) == pytest.approx(a * (on - lag), rel=1e-12)  # closed form of the lag

    def way(since):  # double integral of a unit step through the lag
        return 0.5 * since**2 - rise * since + rise**2 * (1 - np.exp(-since / rise))

    assert float(motion.position_I[2]) == pytest.approx(a * (way(t) - way(t - on)), rel=1e-10)  # closed form of the lag


@pytest.mark.parametrize("rise", [0.015, 0.15])
def test_moments_of_a_pulsed_step(rise):
    """The moments of a step with pulses against SciPy's quadrature of the lag, and those that the stages' samples give with s².

    Relative 1e-10: quad's own tolerance.
    """
    from scipy.integrate import quad

    edges, output = 5, jnp.zeros((ENGINES, 7)).at[2, 2].set(1000.0).at[2, 6].set(0.3)
    engines = lagging(output, rise, fall=2.0 * rise)
    lit = engines.steady(jnp.arange(ENGINES) == 2, jnp.ones(ENGINES), jnp.ones(ENGINES), engines.output[0:2])
    open_ = np.array([1, 1, 0, 1, 0])
    targets = jnp.where(jnp.asarray(open_ > 0)[:, None, None], lit, 0.0)
    push, _ = through_step(jnp.zeros((3, 7)), targets, engines.decay(jnp.asarray(STEP)), jnp.asarray(STEP))
    begun, levels = 0.0, []
    for is_on in open_:
        lag = rise if is_on else 2.0 * rise
        levels.append((begun, 1000.0 * is_on, lag))
        begun = 1000.0 * is_on + (begun - 1000.0 * is_on) * np.exp(-STEP / lag)

    def moment(weight):
        def weighed(s, k):
            begun, settles, lag = levels[k]
            return weight((k + s) / edges) * (settles + (begun - settles) * np.exp(-s * STEP / lag))

        return sum(quad(weighed, 0, 1, args=(k,), epsrel=1e-12)[0] for k in range(edges)) / edges

    found = [float(m[2]) for m in (push.mean, push.early, push.earliest)]
    assert found == pytest.approx([moment(lambda s, k=k: (1 - s) ** k / max(k, 1)) for k in (0, 1, 2)], rel=1e-10)
    first, middle, last = (float(sample[2]) for sample in push.samples())
    assert (first + 4 * middle + last) / 6 == pytest.approx(found[0], rel=1e-12)  # rounding
    assert (middle + last) / 6 == pytest.approx(moment(lambda s: s * s), rel=1e-10)


def test_start_loss_is_counted_once_a_start():
    engines = lagging(jnp.zeros((ENGINES, 7)), 0.05, loss=0.001)
    state = EngineState(jnp.zeros((3, 7)), jnp.ones(()), jnp.zeros(2), jnp.zeros(ENGINES, bool), jnp.zeros(7), jnp.asarray(0.0))
    lost, state = engines.start(state, jnp.arange(ENGINES) < 3)
    assert float(lost) == pytest.approx(0.003, rel=1e-12)  # three starts of a gram
    lost, state = engines.start(state, jnp.arange(ENGINES) < 4)
    assert float(lost) == pytest.approx(0.001, rel=1e-12)  # only the fourth is new
    assert float(state.start_loss) == pytest.approx(0.004, rel=1e-12)  # four in all


def test_dry_tanks_give_nothing(batch):
    """All valves open on the last gram: it gives its own impulse g0 Isp m and no more, and after it there is nothing."""
    left = 1e-3
    scenarios, first, flown = batch.start([0])
    scenario = jax.tree.map(lambda x, a: x if a is None else x[0], scenarios, lane_axes(scenarios), is_leaf=lambda x: x is None)
    truth = jax.tree.map(lambda x: x[0], first).truth
    residual = scenario.world.structure.tanks.residual
    tanks = residual.at[0].add(left)
    truth = eqx.tree_at(lambda t: (t.motion.propellant, t.tanks), truth, (jnp.sum(tanks), tanks))
    # Main engine at full thrust already; no start loss, so that the gram is all there is to burn.
    output = scenario.world.engines.output
    running = jnp.zeros((3, 7)).at[0].set(output[0])
    truth = eqx.tree_at(lambda t: (t.engines.delivered, t.engines.is_open), truth, (running, jnp.arange(ENGINES) == 0))
    open_main = Commands(jnp.where(jnp.arange(ENGINES) == 0, 0.1, 0.0), jnp.ones(()), jnp.zeros(2))
    step = jax.jit(lambda t, k: scenario.world.fly(t, open_main, unbroken(), jnp.zeros(WIDTH), k))
    dry = step(truth, jnp.asarray(0, jnp.int32))
    assert float(dry.motion.propellant - jnp.sum(residual)) < EMPTY
    assert bool(scenario.world.structure.reserve(dry.tanks, unbroken()) > dry.motion.propellant - EMPTY)
    mass = float(flown["lander.dry_mass_kg"][0] + jnp.sum(residual))
    exhaust = float(output[0, 2] / output[0, 6])
    gained = float(dry.motion.delta_velocity_B[2])
    assert gained == pytest.approx(exhaust * np.log(1 + left / mass), rel=1e-5)  # rocket equation; m within 3e-6 in the step
    after = step(dry, jnp.asarray(1, jnp.int32))
    assert abs(float(after.motion.delta_velocity_B[2])) < 1e-9  # m/s: the nanogram that counts as none; liquid swings across
