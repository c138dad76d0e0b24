"""Words that every floor shares: quantities, frames, rotations, the Moon's constants, maps, random numbers.

Importing this room switches JAX to 64-bit floats: a landing is twelve minutes of integration from 1.7 km/s,
and single precision loses metres of it.
"""

import jax

jax.config.update("jax_enable_x64", True)
