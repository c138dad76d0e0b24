"""Machine code for lanes against JAX: operation by operation, formula by formula, and a whole cycle of the flight."""

import ctypes
import sys
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
from jax import lax

from perilune.foundation.randomness import standard_normals, uniforms
from perilune.lanes import WIDTH, Step, builder, given, layout_of, room, tick_given, write
from perilune.simulation import lane_flight
from perilune.simulation.lane_flight import ByLanes, ByXla, take_off
from perilune.telemetry.recorder import BATCH_CHANNELS, recorder

LANES = 11  # a block and a part of one


def by_lanes(function, *arguments, tick: int | None = None) -> Any:
    """A function of one lane, of arguments with lanes first, and of the cycle's number if it is given."""
    one = tuple(jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape[1:], x.dtype), arguments))
    shapes = one if tick is None else (*one, jax.ShapeDtypeStruct((), jnp.int32))
    taken, made = layout_of(one), layout_of(jax.eval_shape(function, *shapes))
    places = given("S", taken) if tick is None else [*given("S", taken), tick_given()]
    step = Step(write("tried", function, shapes, places, {"O": made}))
    call = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 7, ctypes.c_int32)(step.address)
    blocks = -(-LANES // WIDTH)
    before, after, work = taken.pack(arguments, blocks), room(blocks, made.size), room(1, step.workspace + 64)
    for k in range(blocks):
        call(None, before[k].ctypes.data, None, after[k].ctypes.data, None, work.ctypes.data, None, tick or 0)
    return made.unpack(after, LANES)


def alike(function, *arguments, rtol=1e-14):
    """Whether a function gives JAX's results; 1e-14: some roundings, for products and sums may be joined here and there."""
    mine, others = by_lanes(function, *arguments), jax.vmap(function)(*arguments)
    for a, b in zip(jax.tree.leaves(mine), jax.tree.leaves(others), strict=True):
        assert a.dtype == b.dtype and a.shape == b.shape
        np.testing.assert_allclose(np.asarray(a, float), np.asarray(b, float), rtol=rtol, atol=rtol)


DRAWN = np.random.default_rng(5)
X = jnp.asarray(2.0 * DRAWN.normal(size=(LANES, 3)))
M = jnp.asarray(DRAWN.normal(size=(LANES, 9, 9)))  # 81 numbers: long enough to lie in memory
K = jnp.asarray(DRAWN.integers(0, 9, size=(LANES, 4)), jnp.int32)
LINE = np.linspace(0.0, 1.0, 300)


def masked(x):
    """Choices, comparisons and flags."""
    is_up = x > 0.0
    kinds = jnp.where(is_up, x, -x), is_up & (x < 1.0) | ~is_up, jnp.any(is_up), jnp.all(is_up), x == x[0], x != x[0]
    turned = jnp.maximum(is_up, x < 1.0), jnp.minimum(is_up, x < 1.0), is_up < (x < 1.0), is_up >= (x < 1.0), jnp.max(is_up)
    return kinds, turned, lax.select_n(jnp.asarray([0, 1, 2]), x, 2.0 * x, 3.0 * x), jnp.isfinite(x / 0.0)


def whole_numbers(k):
    """Integers: sums, remainders, shifts, conversions there and back."""
    u = k.astype(jnp.uint32)
    sums = k + 3 * k - 7, k % 3, k // 2, -k, jnp.sign(k - 4), jnp.abs(k - 4), jnp.maximum(k, 3), jnp.sum(k.astype(jnp.int64))
    bits = (
        u << 3,
        u >> 1,
        u ^ jnp.uint32(5),
        ~u,
        k & 1,
        k.astype(float),
        (k > 2).astype(int),
        lax.bitcast_convert_type(u, jnp.int32),
    )
    none = k % (k - k), lax.div(k, k - 4), lax.shift_left(u, u + 30), lax.shift_right_arithmetic(k - 4, k + 30)
    return none, sums, bits


def rounded(x):
    """Whole numbers from fractions; out of range they stop at the ends."""
    far = jnp.concatenate([x, 1e12 * x, jnp.asarray([jnp.nan])])
    return (
        jnp.floor(x),
        jnp.ceil(x),
        jnp.round(x),
        jnp.clip(x, -1.0, 1.0),
        far.astype(jnp.int32),
        x.astype(jnp.float32),
        jnp.sign(x),
    )


def extremes(x, m):
    """Larger and smaller, of no number too."""
    none = jnp.asarray([jnp.nan, 1.0, -1.0])
    pairs = jnp.maximum(x, none), jnp.maximum(none, x), jnp.minimum(x, none), jnp.minimum(none, x), jnp.maximum(1.0, none)
    where = jnp.argmax(m, axis=1), jnp.argmin(m), jnp.argmax(none), jnp.argmax(m > 1.0, axis=0)
    return pairs, where, jnp.max(m), jnp.min(m, axis=0), jnp.max(x), jnp.prod(x)


def shapes(x, m):
    """What only moves numbers."""
    moved = m.T[2:5, ::2], m[::-1], m.reshape(3, 27)[1], jnp.stack([m, m.T])[:, 1], jnp.concatenate([m, x[None, :].repeat(3, 1)])
    short = x[::-1], jnp.stack([x, x]).T, jnp.concatenate([x, x[:1]]), x[:, None] * x[None, :], jnp.broadcast_to(x[1], (2, 3))
    return moved, short, jnp.broadcast_to(x[:, None], (3, 30)) * 2.0, lax.dynamic_update_slice(m, m[3:6] * 2.0, (2, 0))


def look_ups(x, m, k):
    """Places that are worked out, of each lane its own or the same for all."""
    line = jnp.asarray(LINE)
    places = k[0], jnp.clip(k, 0, 2)
    ours = m[places[0], 1], m[k[1]], x[places[1]], line[10 * k], line[k[0] * 30 + 5], x.at[k[2] % 3].set(7.0)
    beyond = line.at[jnp.asarray([500])].get(mode="clip"), lax.dynamic_slice(line, (k[3] * 100,), (20,))
    return ours, beyond, m[jnp.arange(9), jnp.arange(9)], m > 0.0


def loops(x, m):
    """Scans forth and back, whiles whose lanes end at different turns, loops in loops."""
    forth = lax.scan(lambda c, row: (0.5 * c + row, c[0] + row), jnp.zeros(9) + x[0], m)
    back = lax.scan(lambda c, row: (c - row, c), jnp.zeros(9), m, reverse=True)
    swapped = lax.fori_loop(0, 5, lambda i, c: (c[1] + i, c[0]), (x[0], x[1]))
    turns = lax.while_loop(lambda c: c[0] < jnp.floor(5 * jnp.abs(x[0])), lambda c: (c[0] + 1, 1.5 * c[1] + x), (0.0 * x[0], x))
    inner = lax.fori_loop(0, 3, lambda i, c: lax.fori_loop(0, i + 1, lambda j, d: d + m[j, i], c), 0.0)
    turned = lax.fori_loop(0, 3, lambda i, c: c.T + 1.0, m)
    round_about = lax.fori_loop(0, 3, lambda i, c: c[::-1] + 0.0 * i, m.reshape(81))
    return round_about, forth, back, swapped, turns, inner, turned, lax.scan(lambda c, row: (c + row, c), x[0], x)


def branches(x, m):
    """A branch that lanes take differently, one that all take, in and out of a loop."""
    differs = lax.cond(x[0] > 0.0, lambda: (2.0 * m, x), lambda: (m - 1.0, -x))
    together = lax.cond(jnp.asarray(3) > 2, lambda: m.T, lambda: m)
    looped = lax.fori_loop(0, 4, lambda i, c: lax.cond(i % 2 == 0, lambda: c + x[0], lambda: 2.0 * c), 1.0)
    return differs, together, looped


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (lambda x, m: ((2.0 * m + m.T)[2:5].sum(0) * m.sum() - m.mean(1), x**3 / (x**2 + 1.0) - jnp.sqrt(jnp.abs(x))), (X, M)),
        (masked, (X,)),
        (whole_numbers, (K,)),
        (rounded, (X,)),
        (extremes, (X, M)),
        (shapes, (X, M)),
        (look_ups, (X, M, K)),
        (loops, (X, M)),
        (branches, (X, M)),
    ],
)
def test_operations_are_those_of_jax(function, arguments):
    alike(function, *arguments)


def test_random_words_are_those_of_jax():
    keys = jax.random.split(jax.random.key(3), LANES)

    def drawn(key):
        other = jax.random.fold_in(key, 5)
        return jax.random.bits(other, (70,), jnp.uint32), uniforms(key, (63,)), jax.random.key_data(other)

    mine, others = by_lanes(lambda k: drawn(k)[:2], keys), jax.vmap(drawn)(keys)
    assert all(np.array_equal(a, b) for a, b in zip(mine, others[:2], strict=True))
    alike(lambda k: standard_normals(k, 63), keys)
    # JAX's own in float32 is 5e-6 off where x is nearly one; by lanes it is worked out in float64, then rounded twice.
    normal = by_lanes(lambda k: jax.random.normal(k, (63,), jnp.float32), keys)
    wanted = np.sqrt(2.0) * scipy.special.erfinv(np.asarray(mine[1]))
    np.testing.assert_allclose(np.asarray(normal), wanted, rtol=2e-7)


def left_out(x, m, tick):
    """Whole functions that are left out, in one another, of numbers from before them and with results that others ask for."""
    before, shared = jnp.sin(x) + m[:3, 0], jnp.sum(m[:, :, None] * m[None], axis=1)

    def even():
        inner = lax.cond(tick % 3 == 0, lambda: loops(x + before, m)[1][0], lambda: m[2] * before[0])
        return shared.T + inner[0], jnp.exp(-jnp.abs(before)) * inner[:3], inner

    def odd():
        return m - shared, before * x[::-1], lax.cond(tick % 5 == 0, lambda: m[1] / 3.0, lambda: 2.0 * m[0])

    first, second, third = lax.cond(tick % 2 == 0, even, odd)
    return first, second, third[:3] * before, shared[0] + third


@pytest.mark.parametrize("tick", [0, 1, 2, 5])
def test_what_the_driver_leaves_out(monkeypatch, tick):
    """Branches on the cycle's number, which is one for all lanes, with functions so short that each side has many."""
    monkeypatch.setattr(builder, "PIECE", 40)
    mine, others = by_lanes(left_out, X, M, tick=tick), jax.vmap(left_out, in_axes=(0, 0, None))(X, M, jnp.int32(tick))
    for a, b in zip(jax.tree.leaves(mine), jax.tree.leaves(others), strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-13, atol=1e-13)  # as `alike`, sums of nine products


def test_what_is_written_hangs_on_nobody_who_looks_on(monkeypatch):
    """A profiler that keeps the variables of every call keeps objects alive; the text, and so the bits, stay the same."""
    monkeypatch.setattr(builder, "PIECE", 40)  # many functions, with numbers that later ones ask for
    one = tuple(jax.ShapeDtypeStruct(x.shape[1:], x.dtype) for x in (X, M))

    def everything(x, m):
        first = x[0] * m[0, 1] + x[2]
        return loops(x, m), branches(x, m), shapes(x, m), first * x

    def written():
        made = layout_of(jax.eval_shape(everything, *one))
        return write("tried", everything, one, given("S", layout_of(one)), {"O": made})

    held: list[Any] = []
    alone = written()
    sys.setprofile(lambda frame, event, _: held.append(dict(frame.f_locals)))
    try:
        watched = written()
    finally:
        sys.setprofile(None)
    assert len(held) > 1000 and watched == alone
    assert alone.text.count("define internal") > 10
    alike(everything, X, M)


AXIS = np.concatenate([-np.geomspace(1e-12, 30.0, 4000)[::-1], np.geomspace(1e-12, 30.0, 4000)])
NEAR = np.clip(AXIS, -30.0, 3.0)
EDGE = 1.0 - np.geomspace(1e-15, 0.1, 500)
UNIT = np.concatenate([np.linspace(-1.0, 1.0, 3001)[1:-1], EDGE, -EDGE])
POSITIVE = np.geomspace(1e-300, 1e300, 4001)
FORMULAS = {  # JAX's function, points, the figure of NumPy or SciPy, and how many units in the last place it may be off
    "sin": (jnp.sin, AXIS, np.sin, 2), "cos": (jnp.cos, AXIS, np.cos, 2), "tan": (jnp.tan, AXIS, np.tan, 4),
    "exp": (jnp.exp, AXIS * 20.0, np.exp, 2), "expm1": (jnp.expm1, AXIS, np.expm1, 4), "log": (jnp.log, POSITIVE, np.log, 2),
    "log1p": (jnp.log1p, np.abs(AXIS) - 0.5, np.log1p, 4), "tanh": (jnp.tanh, AXIS, np.tanh, 4),
    "atan2": (lambda x: jnp.arctan2(x, 1.0 - x), AXIS, lambda x: np.arctan2(x, 1.0 - x), 4),
    "asin": (jnp.arcsin, UNIT, np.arcsin, 4), "acos": (jnp.arccos, UNIT, np.arccos, 8),
    "erf": (jax.scipy.special.erf, AXIS, scipy.special.erf, 8), "erfc": (jax.scipy.special.erfc, NEAR, scipy.special.erfc, 16),
    "erf_inv": (jax.scipy.special.erfinv, UNIT, scipy.special.erfinv, 64),
    "pow": (lambda x: x**0.3, POSITIVE, lambda x: x**0.3, 4),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMULAS)
def test_formulas_are_right_to_the_last_places(name):
    """Against NumPy and SciPy, which are themselves off by a unit or two."""
    function, points, truth, units = FORMULAS[name]
    rows = np.resize(points, (LANES, -(-len(points) // LANES)))
    mine = np.asarray(by_lanes(lambda x: lax.map(function, x), jnp.asarray(rows)))
    right = truth(rows)
    scale = np.maximum(np.spacing(np.abs(right)), 1e-308)
    assert np.max(np.abs(mine - right) / scale) <= units


def test_the_tail_of_erfc():
    """By mpmath with 30 digits; SciPy's own is off by 400 units there, for it rounds x²."""
    points = [10.0, 23.042896970223172, 25.291730888446605, 26.0]
    right = [2.088487583762544757e-45, 6.1506878601625252431e-233, 3.4852930597087807433e-280, 5.6631924088561428465e-296]
    mine = np.asarray(by_lanes(jax.scipy.special.erfc, jnp.asarray([points] * LANES)))
    np.testing.assert_allclose(mine, [right] * LANES, rtol=1e-15)


def test_formulas_at_the_ends():
    ends = jnp.asarray([[0.0, -0.0, jnp.inf, -jnp.inf, jnp.nan, 1e300, -1e300, 709.7, 1e6]] * LANES)
    for function in (
        jnp.sin,
        jnp.tan,
        jnp.arctan,
        jnp.exp,
        jnp.expm1,
        jnp.tanh,
        jax.scipy.special.erf,
        jax.scipy.special.erfc,
        jnp.log,
        jnp.log1p,
    ):
        mine, others = np.asarray(by_lanes(function, ends)), np.asarray(function(ends))
        np.testing.assert_allclose(mine, others, rtol=1e-15, err_msg=str(function))  # the same where it is a number
    pairs = jnp.asarray([[0.0, 0.0, 1.0, -1.0, -0.0, -1e-300]] * LANES), jnp.asarray([[0.0, -1.0, 0.0, 0.0, -1.0, -1.0]] * LANES)
    mine, others = by_lanes(jnp.arctan2, *pairs), jnp.arctan2(*pairs)
    np.testing.assert_allclose(np.asarray(mine)[:, 1:], np.asarray(others)[:, 1:], rtol=1e-15)  # a quarter turn, rounded alike
    assert not np.any(np.asarray(mine)[:, 0])
    assert np.all(np.isposinf(by_lanes(jax.scipy.special.erfinv, jnp.ones((LANES, 1)))))


def test_what_has_no_rule_is_said():
    with pytest.raises(NotImplementedError, match="the primitive sort"):
        by_lanes(jnp.sort, X)


TRACE = recorder(("truth/speed_mps", "executive/thrust_demand_n", "navigation/climb_rate_mps"))


@pytest.fixture(scope="module")
def under_thrust(batch):
    """Scenarios and first snapshots of eight lanes whose engines light at once."""
    scenarios, last, _ = batch.start(range(8), None, {"start.lead_time_s": 0.0})
    return scenarios, last, recorder(BATCH_CHANNELS, True)


def test_without_a_rule_xla_flies(under_thrust, monkeypatch):
    def refuse(*_):
        raise NotImplementedError("the primitive sort")

    assert isinstance(take_off(*under_thrust), ByLanes)
    monkeypatch.setattr(lane_flight, "program", refuse)
    with pytest.warns(UserWarning, match="no rule for the primitive sort"):
        assert isinstance(take_off(*under_thrust), ByXla)


def test_the_flight_is_that_of_xla(under_thrust):
    """5 s under thrust, slow sensors and filter among them, by both compilers: every figure of every snapshot."""
    scenarios, last, record = under_thrust
    lanes = take_off(scenarios, last, record, trace=TRACE)
    xla = ByXla(scenarios, jax.tree.map(jnp.copy, last), record, trace=TRACE)
    mine, others = lanes.advance(50, 10), xla.advance(50, 10)
    np.testing.assert_allclose(mine.records, others.records, rtol=1e-5, atol=1e-5)  # float32
    np.testing.assert_allclose(mine.traces, others.traces, rtol=1e-9, atol=1e-9)  # as snapshots below
    named = jax.tree_util.tree_leaves_with_path(xla.last())
    for a, (path, b) in zip(jax.tree.leaves(lanes.last()), named, strict=True):
        a, b = np.asarray(a, float), np.asarray(b, float)
        # Rounding of 1.8e6 m, 2e-10 of them a time, over 50 cycles; a lander on its side has feet nearly in a line, seen from
        # above, and a slope between them that is worth less
        near = 1e-7 if "slope" in jax.tree_util.keystr(path) else 1e-9
        assert np.all(np.isclose(a, b, rtol=1e-9, atol=near, equal_nan=True)), (jax.tree_util.keystr(path), np.max(np.abs(a - b)))


def test_a_trace_is_the_record_of_every_cycle(under_thrust):
    """To the bit, and it leaves no mark on records and snapshots."""
    scenarios, last, record = under_thrust
    every, plain = take_off(scenarios, last, TRACE), take_off(scenarios, last, record)
    traced = take_off(scenarios, last, record, trace=TRACE)
    records, traces = traced.advance(50, 10)
    assert traces.shape == (50, 8, 4)
    assert np.array_equal(traces, every.advance(50, 1).records)
    assert np.array_equal(records, plain.advance(50, 10).records)
    assert jax.tree.all(jax.tree.map(lambda a, b: np.array_equal(a, b, equal_nan=True), traced.last(), plain.last()))


def test_ended_blocks_stand_still(under_thrust):
    """Of sixteen lanes the first eight end after a second: their records and snapshots stay, and the others fly as ever."""
    scenarios, last, record = under_thrust
    lanes = take_off(scenarios, last, record)
    before = lanes.advance(50, 10).records
    assert lanes.is_anyone_alive()
    limit = jnp.full_like(last.time_limit, 1.0)
    ended = take_off(scenarios, eqx.tree_at(lambda s: s.time_limit, last, limit), record)
    first = ended.advance(50, 10).records
    assert not ended.is_anyone_alive()
    second = ended.advance(50, 10).records
    assert np.array_equal(first[-1], second[0]) and np.array_equal(second[0], second[-1])
    assert np.array_equal(before[0], first[0])  # the first second is the same
    assert set(np.asarray(ended.last().tick).tolist()) == {10}
