"""Invariants of the executive, allocation, guidance and the gate, over all states or many random ones."""

import itertools

import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from perilune.flight import modes
from perilune.flight.control.allocation import pulse_pairs
from perilune.flight.control.attitude import pointing_error
from perilune.foundation.rotation import from_rotation_vector, normalised, rotate

EXAMPLES = 40


def test_executive_over_all_states_and_conditions():
    """From every mode under every set of conditions: only listed transitions, never backwards, off is for ever."""
    listed = {(a, c): b for a, c, b in modes.TRANSITIONS}
    for mode in range(len(modes.NAMES)):
        for holds in itertools.product((False, True), repeat=len(modes.CONDITIONS)):
            after = int(modes.next_mode(jnp.asarray(mode, jnp.int32), jnp.asarray(holds)))
            true = [c for c, h in zip(modes.CONDITIONS, holds, strict=True) if h]
            allowed = {listed[(mode, c)] for c in true if (mode, c) in listed} or {mode}
            assert after in allowed
            assert after >= mode
            if "cut_off_due" in true and mode not in (modes.COAST,):
                assert after == modes.OFF


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.floats(-5, 20), st.floats(-5, 5))
def test_pulses_stay_inside_the_cycle_and_owe_what_they_do_not_give(wanted, owed):
    pairs, left = pulse_pairs(jnp.asarray(wanted), jnp.asarray(owed), jnp.asarray(5.0), jnp.asarray(2.0), jnp.asarray(3.0))
    pairs = np.asarray(pairs)
    assert set(pairs) <= {0.0, 2.0, 3.0, 4.0, 5.0}
    assert np.sum((pairs > 0) & (pairs < 5)) <= 1
    assert abs(float(left)) <= 5.0


def test_mean_thrust_is_what_was_asked():
    """Sigma-delta: over 200 cycles the mean of the pulses is within half a step of any demand above the minimum."""
    for wanted in np.linspace(0.0, 15.0, 16):
        owed, total = jnp.asarray(0.0), 0.0
        for _ in range(200):
            pairs, owed = pulse_pairs(jnp.asarray(wanted), owed, jnp.asarray(5.0), jnp.asarray(2.0), jnp.asarray(3.0))
            total += float(jnp.sum(pairs))
        assert abs(total / 200 - wanted) < 5.0 / 200 + 1e-9  # at most one cycle's worth is still owed


vectors = st.tuples(*[st.floats(-3, 3)] * 3).map(np.array)


@settings(max_examples=EXAMPLES, deadline=None)
@given(vectors)
def test_quaternions_stay_unit_and_keep_lengths(angle):
    q = from_rotation_vector(jnp.asarray(angle))
    assert abs(float(jnp.sum(q * q)) - 1.0) < 1e-14  # rounding
    v = jnp.asarray([0.3, -1.2, 2.0])
    assert abs(float(jnp.linalg.norm(rotate(q, v)) - jnp.linalg.norm(v))) < 1e-14  # rounding


@settings(max_examples=EXAMPLES, deadline=None)
@given(vectors, vectors)
def test_pointing_error_turns_towards_the_wish(angle, wish):
    """A small turn along the error brings Z nearer to the wanted direction."""
    if np.linalg.norm(wish) < 0.1:
        return
    attitude_IB = from_rotation_vector(jnp.asarray(angle))
    thrust_I = jnp.asarray(wish / np.linalg.norm(wish))
    forward = np.cross(wish, [0.31, -0.5, 0.8])
    if np.linalg.norm(forward) < 0.05:
        return
    error = pointing_error(attitude_IB, thrust_I, jnp.asarray(forward / np.linalg.norm(forward)))
    assert np.all(np.isfinite(error))
    z = jnp.asarray([0.0, 0.0, 1.0])
    before = float(jnp.dot(rotate(attitude_IB, z), thrust_I))
    if before > 0.999999 or before < -0.999:
        return
    tip = jnp.asarray([error[0], error[1], 0.0]) * 0.01
    from perilune.foundation.rotation import compose

    after = float(jnp.dot(rotate(normalised(compose(attitude_IB, from_rotation_vector(tip))), z), thrust_I))
    assert after > before
