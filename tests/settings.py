"""Modules of figures, filled with one value but for those given."""

import dataclasses
from collections.abc import Callable
from typing import Any


def filled(kind: type, value) -> Callable[..., Any]:
    """What makes a module of `kind` with `value` in every field that is not given."""

    def make(**given):
        return kind(**({field.name: value for field in dataclasses.fields(kind)} | given))

    return make
