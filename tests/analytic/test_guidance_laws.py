"""Guidance laws against closed forms, polynomial roots and SciPy's integrator."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp
from scipy.optimize import minimize_scalar

from perilune.campaign.batch import Batch
from perilune.flight.guidance.geometry import Geometry
from perilune.flight.guidance.laws import (
    BRAKING,
    DESCENT,
    Fall,
    Situation,
    apollo_quadratic,
    dsouza,
    gravity_turn,
    zem_zev,
)
from perilune.flight.guidance.laws.steering import run_on
from perilune.flight.guidance.thrust import exhaust_flow, full_thrust
from perilune.foundation.moon import GM
from perilune.foundation.vectors import cross, dot, norm, unit
from perilune.simulation.load import load
from perilune.simulation.scenario import lane_axes

SLOW = 0.5  # s between plans, as flown
GRAVITY = 1.62
RNG = np.random.default_rng(3)


@pytest.fixture(scope="module")
def plan(batch):
    """Settings and lander as drawn of the built-in mission, and where its braking begins."""
    scenarios, _, _ = batch.start([0])
    software = jax.tree.map(
        lambda x, axis: x if axis is None else x[0], scenarios, lane_axes(scenarios), is_leaf=lambda x: x is None
    ).flight_software
    return software.settings.guidance, software.design


def place(position_M, velocity_M, settings) -> Geometry:
    """Geometry over a Moon that does not turn, its ground at the site's radius."""
    radius, site_radius = norm(position_M), norm(settings.site_M)
    up_M, to_site = position_M / radius, settings.site_M / site_radius
    climb = dot(velocity_M, up_M)
    along_M = unit(velocity_M - climb * up_M)
    left_M = cross(up_M, along_M)
    return Geometry(
        up_M=up_M,
        along_M=along_M,
        left_M=left_M,
        velocity_M=velocity_M,
        radius=radius,
        height_above_site=radius - site_radius,
        height_above_terrain=radius - site_radius,
        climb_rate=climb,
        horizontal_speed=norm(velocity_M - climb * up_M),
        distance_along=site_radius * jnp.arctan2(dot(to_site, along_M), dot(to_site, up_M)),
        distance_left=site_radius * dot(to_site, left_M),
        site_radius=site_radius,
    )


def situation(state, plan, throttle, time_to_go, note) -> Situation:
    """Position, velocity and mass in one array of 7, with what was aimed last."""
    settings, drawn = plan
    return Situation(place(state[:3], state[3:6], settings), state[6], throttle, time_to_go, note, settings, drawn)


def beginning(plan, aside: float = 0.0) -> np.ndarray:
    """Level at 20 km and 1,690 m/s, 640 km before the site and somewhat to one side."""
    settings, drawn = plan
    site = np.asarray(settings.site_M)
    up = site / np.linalg.norm(site)
    forward = np.cross([0.0, 0.0, 1.0], up)
    forward /= np.linalg.norm(forward)
    angle, height = 640e3 / np.linalg.norm(site), float(settings.start_height)
    there, along = np.cos(angle) * up - np.sin(angle) * forward, np.sin(angle) * up + np.cos(angle) * forward
    position = (np.linalg.norm(site) + height) * there + aside * np.cross(there, along)
    return np.array([*position, *(1690.0 * along), float(drawn.dry_mass + drawn.propellant_mass)])


def braked(law, plan, aside: float):
    """SciPy's flight of a point mass under a law: state, the least and most throttle between ignition and the last seconds."""
    settings, drawn = plan
    full, flow = float(full_thrust(drawn)), float(exhaust_flow(drawn))

    @jax.jit
    def aim(state, *last):
        said = law.aim(situation(state, plan, *last))
        speed = place(state[:3], state[3:6], settings).horizontal_speed
        return jnp.stack([said.throttle, said.time_to_go, said.distance_in_hand, speed]), said.note

    @jax.jit
    def push(state, *last):
        said = law.push(situation(state, plan, *last))
        return jnp.concatenate([unit(said.wanted_M), said.force[None]])

    state, note, throttle, to_go = beginning(plan, aside), jnp.zeros(2), settings.ignition_throttle, jnp.asarray(700.0)
    is_lit, throttles = False, []
    for _ in range(2000):
        (aimed, to_go, in_hand, speed), note = aim(state, throttle, to_go, note)
        is_lit |= bool(in_hand <= 0.0)
        throttle = aimed if is_lit else throttle
        if speed < settings.braking_end_speed:
            break

        def motion(t, x, throttle=throttle, to_go=to_go, note=note, is_lit=is_lit):
            *direction, force = np.asarray(push(jnp.asarray(x), throttle, to_go - t, note)) if is_lit else np.zeros(4)
            force = min(force, full)
            pull = -float(GM) * x[:3] / np.linalg.norm(x[:3]) ** 3
            return np.concatenate([x[3:6], pull + force / x[6] * np.asarray(direction), [-flow * force / full]])

        state = solve_ivp(motion, (0.0, SLOW), state, rtol=1e-6, atol=1e-3).y[:, -1]
        if is_lit and to_go > 12.0:
            throttles.append(float(throttle))
    return place(jnp.asarray(state[:3]), jnp.asarray(state[3:6]), settings), min(throttles), max(throttles)


@pytest.mark.parametrize("name", BRAKING)
def test_a_braking_law_ends_over_the_site_at_the_gate(plan, name):
    """From 640 km before the site and 2 km beside its plane, by ignition that the law itself times."""
    end, least, most = braked(BRAKING[name], plan, 2000.0)
    settings = plan[0]
    wanted = float(run_on(settings))
    assert float(end.distance_along) == pytest.approx(wanted, abs=30.0)  # m: two plans at 14 m/s, and the frozen last 12 s
    assert float(end.distance_left) == pytest.approx(0.0, abs=30.0)  # m, likewise
    assert float(end.height_above_site) == pytest.approx(float(settings.gate_height), abs=50.0)  # m: a second at the gate's rate
    assert -1.2 * settings.constant_rate < end.climb_rate < -0.4 * settings.constant_rate  # a turn's rate is what it makes it
    assert settings.throttle_floor <= least
    assert most < 1.0  # ignition was not too late


@pytest.mark.parametrize("seed", range(20))
def test_polynomial_commands_meet_their_ends(seed):
    """The command is the acceleration, now, of the polynomial that a linear system of its end conditions gives."""
    rng = np.random.default_rng(seed)
    offset, rate, end_rate, end = rng.normal(size=4) * [1e4, 300.0, 50.0, 2.0]
    t = rng.uniform(20.0, 700.0)
    # r(τ) = Σ c_k τ^k from now on: r, v now; r, v (and a) at T.
    rows = [[0.0**k for k in range(5)], [k * 0.0 ** max(k - 1, 0) for k in range(5)], [t**k for k in range(5)]]
    rows += [[k * t ** (k - 1) if k else 0.0 for k in range(5)], [k * (k - 1) * t ** (k - 2) if k > 1 else 0.0 for k in range(5)]]
    quartic = np.linalg.solve(np.array(rows), [offset, rate, 0.0, end_rate, end])
    cubic = np.linalg.solve(np.array(rows)[:4, :4], [offset, rate, 0.0, end_rate])
    found = apollo_quadratic.quadratic(*(jnp.asarray(x) for x in (offset, rate, end_rate, end, t)))
    assert float(found) == pytest.approx(2.0 * quartic[2], rel=1e-6)  # conditioning of the system
    found = dsouza.linear(*(jnp.asarray(x) for x in (offset, rate, end_rate, t)))
    assert float(found) == pytest.approx(2.0 * cubic[2], rel=1e-6)


def arrays_of(*vectors) -> Any:
    """Vectors as tuples of arrays."""
    return [tuple(jnp.asarray(x) for x in vector) for vector in vectors]


def least_positive(coefficients) -> float:
    """The least positive real root of a polynomial, by eigenvalues."""
    roots = np.roots(coefficients)
    real = roots[(np.abs(roots.imag) < 1e-6 * np.abs(roots)) & (roots.real > 0.0)].real
    return float(real.min())


@pytest.mark.parametrize("seed", range(20))
def test_time_to_go_is_the_least_root(seed):
    """Of D'Souza's quartic and of Klumpp's cubic, from the engines of several landers."""
    rng = np.random.default_rng(seed)
    away, above, speed, climb = rng.uniform([1e4, 1e3, 200.0, -80.0], [6e5, 2e4, 1700.0, 10.0])
    price, end_speed, end_rate = rng.uniform([0.0, 0.0, -70.0], [6.0, 20.0, 0.0])
    r, v, f = np.array([-away, above]), np.array([speed, climb]), np.array([end_speed, end_rate])
    quartic = [price + 0.5 * GRAVITY**2, 0.0, -2.0 * (v @ v + v @ f + f @ f), -12.0 * r @ (v + f), -18.0 * r @ r]
    arrays = arrays_of(r, v, f)
    found = dsouza.optimal_time(arrays[0], arrays[1], arrays[2], jnp.asarray(price), jnp.asarray(GRAVITY))
    assert float(found) == pytest.approx(least_positive(quartic), rel=1e-9)  # bisection to the last digits
    backward, growth = rng.uniform([1.5, 0.0], [4.0, 0.003])
    cubic = [-growth, 6.0 * backward, 18.0 * end_speed + 6.0 * speed, -24.0 * away]
    found = apollo_quadratic.quadratic_time(*(jnp.asarray(x) for x in (away, speed, end_speed, backward, growth)))
    assert float(found) == pytest.approx(least_positive(cubic), rel=1e-9)


@pytest.mark.parametrize("end", [(0.0, 0.0), (14.0, -62.0)], ids=["to rest", "to an end in motion"])
def test_the_quartic_costs_least(end):
    """Γ T + ½∫a·a dt of the linear acceleration, integrated by SciPy, is least at the root; also for an end that moves."""
    r, v, f, price = np.array([-3e5, 9e3]), np.array([1200.0, -10.0]), np.array(end), 2.5
    pull = np.array([0.0, -GRAVITY])

    def cost(t):
        first = -6.0 * r / t**2 - (4.0 * v + 2.0 * f) / t
        last = 6.0 * r / t**2 + (2.0 * v + 4.0 * f) / t

        def square(s):
            thrust = first + (last - first) * s / t - pull
            return thrust @ thrust

        return price * t + 0.5 * quad(square, 0.0, t)[0]

    arrays = arrays_of(r, v, f)
    found = float(dsouza.optimal_time(arrays[0], arrays[1], arrays[2], jnp.asarray(price), jnp.asarray(GRAVITY)))
    best: Any = minimize_scalar(cost, bounds=(0.7 * found, 1.3 * found), method="bounded", options={"xatol": 1e-6})
    assert found == pytest.approx(best.x, rel=1e-5)  # the minimum is flat: half the digits
    assert cost(found) < 0.999 * min(cost(0.8 * found), cost(1.2 * found))


def test_ignition_distances_are_those_of_their_profiles():
    """Distance and time of the quadratic and the linear deceleration, against their integral by SciPy."""
    now, speed, end_speed, backward, growth = 2.04, 1690.0, 14.0, 3.2, 0.0026
    distance, time = apollo_quadratic.needed_distance(*(jnp.asarray(x) for x in (now, speed, end_speed, backward, growth)))
    t = float(time)
    snap = 2.0 * (now - backward + growth * t) / t**2

    def slowed(s, y):
        left = t - s
        return [y[1], -(backward - growth * left + 0.5 * snap * left**2)]

    flown = solve_ivp(slowed, (0.0, t), [0.0, speed], rtol=1e-10, atol=1e-6).y[:, -1]
    assert flown == pytest.approx([float(distance), end_speed], rel=1e-6)
    distance = dsouza.needed_distance(*(jnp.asarray(x) for x in (now, speed, end_speed, backward)))
    t = 2.0 * (speed - end_speed) / (now + backward)
    flown = solve_ivp(lambda s, y: [y[1], -(now + (backward - now) * s / t)], (0.0, t), [0.0, speed], rtol=1e-10, atol=1e-6)
    assert flown.y[:, -1] == pytest.approx([float(distance), end_speed], rel=1e-6)


@pytest.mark.parametrize("thrust_over_weight", [1.6, 2.5])
def test_a_gravity_turn_is_the_closed_form(plan, thrust_over_weight):
    """Fall, way and time of a turn from 100 m/s level to 1 m/s across, constant T/m over a flat Moon (McInnes 2003):
    V = C q^(N−1) (1 + q²), dt = −V dq/(g q), q the tangent of half the angle from the vertical."""
    settings, drawn = plan
    n, q = thrust_over_weight, (1.0 / 100.0) ** (1.0 / thrust_over_weight)
    site = np.asarray(settings.site_M)
    radius = np.linalg.norm(site) + float(settings.gate_height) + 3000.0
    g, mass = float(GM) / radius**2, 1000.0
    settings = eqx.tree_at(lambda s: s.braking_end_speed, settings, jnp.asarray(1.0))
    thrust = drawn.engine_thrust * n * g * mass / full_thrust(drawn)
    drawn = eqx.tree_at(lambda d: (d.engine_thrust, d.specific_impulse), drawn, (thrust, jnp.full(3, 1e12)))  # nothing is used up
    up = site / np.linalg.norm(site)
    along = np.cross([0.0, 0.0, 1.0], up)
    state = jnp.asarray([*(radius * up), *(100.0 * along / np.linalg.norm(along)), mass])
    asked = situation(state, (settings, drawn), jnp.asarray(1.0), jnp.asarray(100.0), jnp.zeros(2))
    distance, time, fall = gravity_turn.predicted(asked, jnp.asarray(1.0), jnp.asarray(1e3))
    c = 50.0
    wanted = (
        2.0 * c**2 / g * ((1.0 - q ** (2 * n - 1)) / (2 * n - 1) + (1.0 - q ** (2 * n + 1)) / (2 * n + 1)),
        c / g * ((1.0 - q ** (n - 1)) / (n - 1) + (1.0 - q ** (n + 1)) / (n + 1)),
        c**2 / g * ((1.0 - q ** (2 * n - 2)) / (2 * n - 2) - (1.0 - q ** (2 * n + 2)) / (2 * n + 2)),
    )
    found = [float(distance) * radius / np.linalg.norm(site), float(time), float(fall)]
    assert found == pytest.approx(wanted, rel=0.02)  # 24 steps 0.5 %, the round Moon 0.4 % of g at 100 m/s, steep end a little


def test_zem_zev_costs_what_the_least_norm_costs():
    """∫a² of the closed loop under gravity, against the least-norm control of the discretised double integrator."""
    height, rate, end_rate, t = 900.0, -60.0, -1.0, 35.0
    steps = np.linspace(0.0, t, 4001)
    middle, dt = 0.5 * (steps[1:] + steps[:-1]), steps[1] - steps[0]
    constraints = np.stack([np.full(4000, dt), (t - middle) * dt])  # velocity and place that a thrust of 1 makes
    missed = np.array([end_rate - (rate - GRAVITY * t), -(height + rate * t - 0.5 * GRAVITY * t**2)])
    best = np.linalg.lstsq(constraints, missed, rcond=None)[0]
    command = jax.jit(zem_zev.command)

    def closed(s, y):
        left = max(t - s, 1e-3)
        miss, late = -y[0] - y[1] * left + 0.5 * GRAVITY * left**2, end_rate - y[1] + GRAVITY * left
        a = float(command(jnp.asarray(miss), jnp.asarray(late), jnp.asarray(left)))
        return [y[1], a - GRAVITY, a * a]

    flown = solve_ivp(closed, (0.0, t - 0.01), [height, rate, 0.0], rtol=1e-8, atol=1e-8, max_step=0.5).y[:, -1]
    assert flown[:2] == pytest.approx([0.01, end_rate], abs=0.05)  # 0.01 s before the end, at a metre a second
    assert flown[2] == pytest.approx(float(best @ best) * dt, rel=2e-3)  # 0.01 s of 35


@pytest.mark.parametrize(("room", "rate"), [(2000.0, 66.0), (1300.0, 66.0), (900.0, 50.0), (3000.0, 40.0)])
def test_the_time_of_a_fall_keeps_within_the_engines(room, rate):
    """No first deceleration beyond the limit where even deceleration is within it, and the wanted end otherwise."""
    end_rate, end, most = 1.0, 1.2, 1.9
    t = float(zem_zev.fall_time(*(jnp.asarray(x) for x in (room, rate, end_rate, end, most))))
    first = (4.0 * rate + 2.0 * end_rate) / t - 6.0 * room / t**2
    last = 6.0 * room / t**2 - (2.0 * rate + 4.0 * end_rate) / t
    assert (rate**2 - end_rate**2) / (2.0 * room) < most  # else nothing could be kept
    assert first <= most * (1.0 + 1e-9)
    assert (
        last == pytest.approx(end, rel=1e-9) or first == pytest.approx(most, rel=1e-9) or last == pytest.approx(first, rel=1e-9)
    )


@pytest.mark.parametrize("seed", range(10))
def test_a_site_out_of_reach_is_not_leant_to(seed):
    """Of any site and speed the law asks for no more across than the limit, if braking evenly to rest does not."""
    rng = np.random.default_rng(seed)
    way, speed = jnp.asarray([*rng.normal(size=2) * 2000.0, 0.0]), jnp.asarray([*rng.normal(size=2) * 4.0, 0.0])
    t, most = jnp.asarray(rng.uniform(25.0, 60.0)), jnp.asarray(0.7)
    near = zem_zev.within_reach(way, speed, t, most)
    first, last = 6.0 * near / t**2 - 4.0 * speed / t, 2.0 * speed / t - 6.0 * near / t**2
    assert max(np.linalg.norm(first), np.linalg.norm(last)) <= 0.7 * (1.0 + 1e-9)
    inside = zem_zev.within_reach(0.5 * t * speed, speed, t, most)
    assert np.asarray(inside) == pytest.approx(np.asarray(0.5 * t * speed), rel=1e-12)


def everywhere(plan):
    """States that a law is asked about and not heard: over the site, at rest, on the ground, climbing, nearly empty."""
    start = beginning(plan)
    site = np.asarray(plan[0].site_M)
    up = site / np.linalg.norm(site)
    for height in (0.0, -50.0, 1.0, 2e4):
        for velocity in (np.zeros(3), -60.0 * up, 500.0 * up, np.array([0.0, 0.0, 1e-9]), start[3:6]):
            for mass in (345.0, 760.0):
                yield np.array([*(site + height * up), *velocity, mass])


def test_no_law_ever_answers_what_is_no_number(plan):
    settings, drawn = plan

    @jax.jit
    def asked(state, throttle, to_go, note):
        at = situation(state, plan, throttle, to_go, note)
        fall = Fall(at.geometry, at.mass, at.geometry.height_above_site, to_go > 1.0, to_go > 100.0, settings, drawn)
        return [(law.aim(at), law.push(at)) for law in BRAKING.values()], [law.acceleration(fall) for law in DESCENT.values()]

    for state in everywhere(plan):
        for to_go in (0.0, -5.0, 50.0, 700.0):
            for note in (jnp.zeros(2), jnp.asarray([3.0, 0.003]), jnp.asarray([600.0, 0.1])):
                answers = jax.tree.leaves(asked(jnp.asarray(state), jnp.asarray(0.9), jnp.asarray(to_go), note))
                assert all(np.isfinite(x).all() for x in answers), (state, to_go)


def test_the_law_that_the_mission_names_is_the_one_that_flies(batch):
    """And the others are no part of the program: structure, not numbers."""
    figures = {"flight.guidance.braking_law": "dsouza", "flight.guidance.descent_law": "zem_zev"}
    for mission, braking, descent in (
        (batch, "constant_descent_rate", "rate_schedule"),
        (Batch(load("resilience", figures)), *figures.values()),
    ):
        scenarios, *_ = jax.eval_shape(mission.scenarios, *mission.arguments([0]))
        assert type(scenarios.flight_software.braking) is type(BRAKING[braking])
        assert type(scenarios.flight_software.descent) is type(DESCENT[descent])
