"""What main and assist engines give together, as drawn."""

import jax.numpy as jnp

from perilune.foundation.moon import STANDARD_GRAVITY
from perilune.foundation.quantities import Scalar
from perilune.interface.design import LanderDesign, engine_slice


def exhaust_flow(design: LanderDesign) -> Scalar:
    """Mass flow of main and assist engines at full thrust, kg/s."""
    main = jnp.sum(design.engine_thrust[engine_slice("main")]) / design.specific_impulse[0]
    assist = jnp.sum(design.engine_thrust[engine_slice("assist")]) / design.specific_impulse[1]
    return (main + assist) / STANDARD_GRAVITY


def full_thrust(design: LanderDesign) -> Scalar:
    """Main and assist engines together, N."""
    return jnp.sum(design.engine_thrust[engine_slice("main")]) + jnp.sum(design.engine_thrust[engine_slice("assist")])
