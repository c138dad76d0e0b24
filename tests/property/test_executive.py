"""Cut-off over all sequences of signs, the book of the propellant over many loads, health of units, contingencies' figures."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perilune.flight import modes
from perilune.flight.executive import contingency, cut_off, health, outlook, propellant
from perilune.flight.settings import ContingencySettings, CutOffSettings, GuidanceSettings, PropellantSettings
from perilune.interface.measurements import nothing_measured
from perilune.simulation.build_software import design
from perilune.simulation.load import load
from perilune.simulation.numbers import numbers_of
from tests.settings import filled

STEP = 0.1  # s
LOW, HIGH = 0.2, 5.0  # m of the feet, below and above the threshold
CYCLES = 40
EVER, NEVER = np.ones(CYCLES, bool), np.zeros(CYCLES, bool)


def array(value):
    return jnp.asarray(value, float)


@jax.jit
def cut(by, contact_time, height_time, says, heights, is_armed, is_landing):
    """Whether the flight has been ended, after each cycle of a sequence."""
    chosen = CutOffSettings(by, contact_time, array(0.5), height_time)

    def one(signs, now):
        says, height, is_armed, is_landing = now
        signs, counts = cut_off.felt_ground(signs, says, is_armed, chosen, array(STEP))
        signs, is_low = cut_off.reached_ground(signs, height, is_landing, chosen, array(STEP))
        return signs, counts | is_low

    return jax.lax.scan(one, cut_off.no_signs(), (says, heights, is_armed, is_landing))[1]


def ended(by: str, says, is_low, contact_cycles=0, height_cycles=0, is_armed=EVER, is_landing=EVER):
    """The same from words and cycles."""
    heights = np.where(np.asarray(is_low, bool), LOW, HIGH)
    times = array(STEP * contact_cycles), array(STEP * height_cycles)
    return np.asarray(
        cut(array(cut_off.NAMES.index(by)), *times, jnp.asarray(says, bool), jnp.asarray(heights), is_armed, is_landing)
    )


def run_of(flags, k: int) -> int:
    """How many cycles up to the k-th in a row a flag has been up."""
    count = 0
    while k - count >= 0 and flags[k - count]:
        count += 1
    return count


signs = st.lists(st.booleans(), min_size=CYCLES, max_size=CYCLES)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(cut_off.NAMES), signs, signs, st.integers(0, 4), st.integers(0, 4))
def test_cut_off_is_what_its_name_says(by, says, low, contact_cycles, height_cycles):
    """Against the rule in plain words: a sign counts from the cycle in which it has been there for longer than so many cycles."""
    found = ended(by, says, low, contact_cycles, height_cycles)
    for k in range(CYCLES):
        contact = run_of(says, k) > contact_cycles
        height, height_before = (run_of(low, at) > height_cycles for at in (k, k - 1))
        wanted = {
            "contact": contact,
            "height": height,
            "contact_or_height": contact or height,
            "contact_and_height": contact and height_before,  # the height of the cycle before
        }
        assert found[k] == wanted[by], k


def test_signs_before_their_phase_do_not_count():
    assert not ended("contact", EVER, NEVER, is_armed=NEVER).any()
    assert not ended("height", NEVER, EVER, is_landing=NEVER).any()
    late = np.arange(CYCLES) >= 20  # from there on powered descent, and terminal descent
    assert np.flatnonzero(ended("contact", EVER, NEVER, contact_cycles=2, is_armed=late))[0] == 22
    assert np.flatnonzero(ended("height", NEVER, EVER, height_cycles=2, is_landing=late))[0] == 22


def test_every_mode_is_reached_and_left():
    """From coast all modes are reached by the table's transitions, and the engines-off mode from all that burn."""
    reached, ends = {modes.COAST}, {modes.OFF}
    for _ in modes.NAMES:
        reached |= {after for before, _, after in modes.TRANSITIONS if before in reached}
        ends |= {before for before, _, after in modes.TRANSITIONS if after in ends}
    assert reached == ends == set(range(len(modes.NAMES)))


BOOK = PropellantSettings(*(array(x) for x in (6.0, 0.005, 3.0, 4.0, 4.0)))
LOADED, READINGS, RUNS = 400.0, 300, 500


@jax.jit
@jax.vmap
def booked(flow_error, readings):
    """Believed mass, its variance and the share of readings taken in over a burn of 300 kg; the book's flow is off by a share."""
    used = 300.0 / READINGS

    def one(carry, reading):
        book, mass = carry
        mass = mass - used * (1.0 - flow_error)
        book, mass = propellant.gauged(book, mass, reading, jnp.ones((), bool), array(LOADED), BOOK)
        return (book, mass), (mass, book.variance, book.is_taken)

    return jax.lax.scan(one, (propellant.first_page(BOOK), array(LOADED)), readings)[1]


@pytest.fixture(scope="module")
def burns():
    """Errors at the end with the gauge as its sheet says, the book's own, and of a gauge that reads 60 kg long."""
    rng = np.random.default_rng(5)
    load, flow, bias = (sigma * rng.standard_normal(RUNS) for sigma in (6.0, 0.005, 4.0))
    left = LOADED + load[:, None] - 300.0 / READINGS * np.arange(1, READINGS + 1)
    noise = 3.0 * rng.standard_normal((RUNS, READINGS))
    good, wrong = (booked(array(flow), jnp.asarray(left + bias[:, None] + noise + more)) for more in (0.0, 60.0))
    book_alone = LOADED - 300.0 * (1.0 - flow) - left[:, -1]
    return np.asarray(good[0][:, -1]) - left[:, -1], np.sqrt(good[1][:, -1]), book_alone, wrong


def test_the_gauge_corrects_the_book_as_sure_as_it_says(burns):
    """NEES of 500 burns inside the 99.9 % bounds of its χ² (0.80 to 1.22); better than the book, and than the gauge, alone."""
    error, sigma, book_alone, _ = burns
    assert 0.80 < np.mean((error / sigma) ** 2) < 1.22
    assert np.std(error) < 0.75 * np.std(book_alone)  # 6.2 kg against √(6.2² 4²/(6.2² + 4²)) = 3.4
    assert np.std(error) < 4.0  # kg, the gauge's constant error


def test_a_gauge_that_is_wrong_is_refused(burns):
    """60 kg is 8 σ of the first difference (√(6² + 4² + 3²) = 7.8): no reading is taken, and the book is what it was alone."""
    *_, book_alone, (_, _, taken) = burns
    wrong = np.asarray(burns[3][0])[:, -1]
    assert np.mean(np.asarray(taken)) < 0.01  # loads that are 4 σ off
    assert np.std(wrong) < 1.3 * np.std(book_alone)


def test_one_reading_inside_the_gate_does_not_clear_a_gauge():
    """60 kg long all along, but for one reading that noise brings to 5 kg; and the same reading of a gauge that is right."""
    after = {}
    for bias in (60.0, 0.0):
        readings = np.full((1, READINGS), LOADED + bias) - 300.0 / READINGS * np.arange(1, READINGS + 1)
        readings[0, 100] += 5.0 - bias
        after[bias] = bool(booked(array([0.0]), jnp.asarray(readings))[2][0, 100])
    assert after == {60.0: False, 0.0: True}


def test_a_gate_of_zero_looks_at_no_gauge():
    """The same reading with the gate open is taken."""
    taken = {}
    for gate in (0.0, 4.0):
        chosen = eqx.tree_at(lambda s: s.gauge_gate, BOOK, array(gate))
        page = eqx.tree_at(lambda b: b.heard, propellant.first_page(chosen), array(50.0))
        reading = array(LOADED + 3.0), jnp.ones((), bool)
        book, mass = propellant.gauged(page, array(LOADED), *reading, array(LOADED), chosen)
        taken[gate] = bool(book.is_taken), float(mass) != LOADED
    assert taken == {0.0: (False, False), 4.0: (True, True)}


def test_a_gauge_at_its_stop_is_not_read():
    """35 kg are left, well inside the gate of a book that knows its load to 10 kg."""
    wide = eqx.tree_at(lambda s: s.load_sigma, BOOK, array(10.0))
    page = eqx.tree_at(lambda b: b.heard, propellant.first_page(wide), array(50.0))
    taken = []
    for reading in (0.0, 5.0):
        book, _ = propellant.gauged(page, array(35.0), array(reading), jnp.ones((), bool), array(35.0), wide)
        taken.append(bool(book.is_taken))
    assert taken == [False, True]


def test_health_tells_the_states_apart():
    """One unit heard and taken, one heard and not taken, one silent since, the others never heard."""
    yes = jnp.ones((), bool)
    whole = nothing_measured(array([1.0, 0.0, 0.0, 0.0]), array(STEP))
    talks = eqx.tree_at(lambda m: (m.tracker_is_valid, m.range_is_valid, m.sights.fix_is_valid), whole, (yes, yes, yes))
    later = eqx.tree_at(lambda m: m.sights.fix_is_valid, talks, ~yes)
    rows = jnp.asarray([True] * 3 + [False] * 4)
    state = health.unheard()
    for measured, steps in ((talks, 1), (later, 20)):
        for _ in range(steps):
            state = health.attended(state, measured, rows, jnp.zeros(9, bool), ~yes, array(0.5))
    found = {
        unit: health.STATES[int(health.state_of(state.heard[k], state.taken[k], array(5.0)))]
        for k, unit in enumerate(health.UNITS)
    }
    assert found == dict.fromkeys(health.UNITS, "never heard") | {
        "star_tracker": "good",
        "range_finder": "refused",
        "terrain_camera": "silent",
    }


GUIDANCE = filled(GuidanceSettings, array(1.0))(
    site_M=jnp.zeros(3),
    touchdown_rate=array(1.0),
    constant_final_height=array(6.0),
    hold_rate=array(66.0),
    terminal_deceleration=array(1.084),
)


@pytest.mark.parametrize("name", contingency.NAMES)
def test_figures_of_the_descent(name):
    """With a range as planned, on the estimate alone slower from higher up, and to a standstill where it hovers."""
    chosen = ContingencySettings(array(contingency.NAMES.index(name)), array(500.0), array(200.0), array(2.5), array(30.0))

    def figures(is_blind, is_waiting):
        given = contingency.guided(GUIDANCE, chosen, jnp.asarray(is_blind), jnp.asarray(is_waiting))
        return float(given.touchdown_rate), float(given.constant_final_height)

    assert figures(False, False) == (1.0, 6.0)
    assert figures(True, False) == (2.5, 200.0)
    assert figures(False, True) == ((0.0, 500.0) if name == "hover" else (1.0, 6.0))
    begins = [bool(contingency.descends(chosen, array(left))) for left in (100.0, 20.0)]
    assert begins == {"wait": [False, False], "hover": [False, True], "descend": [True, True]}[name]


def test_without_figures_of_its_own_the_contingency_flies_the_plan():
    plain = ContingencySettings(*[array(0.0)] * 5)
    given = contingency.guided(GUIDANCE, plain, jnp.asarray(True), jnp.asarray(True))
    assert (float(given.touchdown_rate), float(given.constant_final_height)) == (1.0, 6.0)


def test_time_to_the_ground_is_that_of_the_plan():
    """Against the planned rate summed over 2 m steps from 4 km."""
    heights = np.linspace(0.0, 4000.0, 400_001)
    rate = np.minimum(np.sqrt(1.0 + 2.0 * 1.084 * np.maximum(heights - 6.0, 0.0)), 66.0)
    for start in (3.0, 50.0, 1500.0, 4000.0):
        below = heights <= start
        summed = np.trapezoid(1.0 / rate[below], heights[below])
        assert float(outlook.descent_time(array(start), GUIDANCE)) == pytest.approx(summed, rel=1e-3)


def test_hovering_time_is_that_of_a_lander_that_burns_its_weight():
    """Against the mass equation stepped until it is dry, and the margin against a stop by rocket equation."""
    numbers = {path: jnp.asarray(value) for path, value in numbers_of(load("resilience")).items()}
    drawn = jax.jit(lambda n: design(n, jnp.zeros(3, bool)))(numbers)
    left, dry, speed, time = 60.0, float(drawn.dry_mass), 320.0 * 9.80665, 0.0
    while left > 0.0:
        left, time = left - 0.01 * (dry + left) * 1.6242 / speed, time + 0.01
    assert float(outlook.hover_time(array(60.0), drawn)) == pytest.approx(time, rel=2e-3)  # of g: 1.622 and 1.6242 m/s²
    spent = (dry + 60.0) * (1.0 - np.exp(-100.0 / speed))
    assert float(outlook.margin(array(60.0), array(100.0), array(0.0), drawn)) == pytest.approx(60.0 - spent)
