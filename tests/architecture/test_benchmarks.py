"""What the measurements of speed switch off or time is there, and what they count is counted right."""

import importlib
import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from benchmarks.flops import of_cycle
from benchmarks.overhead import PARTS
from benchmarks.rooms import MODELS


@pytest.mark.parametrize("model", MODELS)
def test_stand_ins_take_the_place_of_something(model):
    place, name, stand_in = MODELS[model]
    real = getattr(importlib.import_module(place) if isinstance(place, str) else place, name)
    assert list(inspect.signature(real).parameters) == list(inspect.signature(stand_in).parameters)


@pytest.mark.parametrize(("place", "name"), PARTS)
def test_parts_of_a_campaign_are_there_to_be_timed(place, name):
    assert callable(getattr(place, name))


@pytest.mark.parametrize(("tick", "operations"), [(1, 3), (5, 5 * 3 + 3)])  # five rounds of three products where it is due
def test_operations_are_those_of_the_branch_taken_as_often_as_it_runs(tick, operations):
    def step(x, tick):
        return lax.cond(tick % 5 == 0, lambda: lax.fori_loop(0, 5, lambda _, y: y * x, x), lambda: x) + x

    arguments = [jax.ShapeDtypeStruct((3,), jnp.float64), jax.ShapeDtypeStruct((), jnp.int32)]
    found = of_cycle(jax.make_jaxpr(step)(*arguments), arguments, [None, np.int32(tick)])
    assert found["arithmetic"] == operations
    assert found["by XLA"] >= operations


def test_a_loop_of_unknown_length_counts_once_as_it_does_with_xla():
    arguments = [jax.ShapeDtypeStruct((), jnp.float64)]
    program = jax.make_jaxpr(lambda x: lax.while_loop(lambda y: y < 9.0, lambda y: y * y + y, x))(*arguments)
    assert of_cycle(program, arguments, [None])["arithmetic"] == 2


def test_a_branch_that_cannot_be_told_beforehand_is_not_guessed():
    arguments = [jax.ShapeDtypeStruct((), jnp.float64)]
    program = jax.make_jaxpr(lambda x: lax.cond(x > 0.0, lambda: x, lambda: -x))(*arguments)
    with pytest.raises(RuntimeError, match="branch"):
        of_cycle(program, arguments, [None])
