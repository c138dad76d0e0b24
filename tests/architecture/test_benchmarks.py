"""What the measurements of speed switch off is there to be switched off."""

import importlib
import inspect

import pytest

from benchmarks.rooms import MODELS


@pytest.mark.parametrize("model", MODELS)
def test_stand_ins_take_the_place_of_something(model):
    place, name, stand_in = MODELS[model]
    real = getattr(importlib.import_module(place) if isinstance(place, str) else place, name)
    assert list(inspect.signature(real).parameters) == list(inspect.signature(stand_in).parameters)
