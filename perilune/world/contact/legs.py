"""Legs: a massless footpad on a strut with spring, damper, crushable honeycomb, bump stop and a load at which it breaks.

The strut slides along its own axis; loads across it go rigidly into the body. Along it the ground's load on the pad equals

    S = min(k (s − s_p), F_crush) + k_stop (s − s_max)₊ + k_stop min(s, 0) + c ds/dt

with stroke s and s_p what of it the honeycomb has crushed: perfectly plastic, return mapping in closed form (Zupp and Doiron
2001, NASA TP-2001-210369, on Apollo's struts; Simo and Hughes 1998, section 1.2). A pad without mass makes this a first-order
equation for s, stiff where the ground is: it is solved implicitly, with Newton's method on a piecewise linear function.
"""

from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float

from perilune.foundation.quantities import Scalar

from .rows import Line, Rows, along
from .soil import Approach, Footing, Pressed, Print, press

LEGS = 6  # slots, of which `is_there` says how many are used
ROUNDS = 4  # of Newton's method a step: on a plane energy is found again to 2e-5 of it, to 1e-3 of struts without a damper


class Legs(eqx.Module):
    """The legs of a lander, a row a slot."""

    is_there: Float[Array, " legs"]  # 1 or 0
    place_B: Float[Array, "legs 3"]  # m from the datum, of the footpad with its strut unloaded
    axis_B: Float[Array, "legs 3"]  # unit vector from the pad along the strut to the body
    stiffness: Float[Array, " legs"]  # N/m
    damping: Float[Array, " legs"]  # N s/m
    crush_load: Float[Array, " legs"]  # N
    stroke_limit: Float[Array, " legs"]  # m
    stop_stiffness: Float[Array, " legs"]  # N/m
    failure_load: Float[Array, " legs"]  # N
    pad_radius: Float[Array, " legs"]  # m


class Strut(NamedTuple):
    """One leg's figures, SI, as of `Legs`."""

    stiffness: float
    damping: float
    crush_load: float
    stroke_limit: float
    stop_stiffness: float
    failure_load: float
    pad_radius: float


def legs_around(count: int, pad_circle: float, height: float, lean: float, strut: Strut, first_azimuth: float = 0.0) -> Legs:
    """Equal legs evenly around body Z: radius of the circle through the pads and their height over the datum (m), how far
    struts lean inwards from body Z and the first leg's azimuth from body X towards body Y (rad)."""
    azimuth = first_azimuth + 2.0 * np.pi * np.arange(LEGS) / count
    c, s, even = np.cos(azimuth), np.sin(azimuth), np.ones(LEGS)
    place = np.stack([pad_circle * c, pad_circle * s, height * even], axis=1)
    axis = np.stack([-np.sin(lean) * c, -np.sin(lean) * s, np.cos(lean) * even], axis=1)
    is_there = (np.arange(LEGS) < count).astype(float)
    return Legs(jnp.asarray(is_there), jnp.asarray(place), jnp.asarray(axis), *(jnp.asarray(x * even) for x in strut))


class Struts(eqx.Module):
    """What the struts remember."""

    stroke: Float[Array, " legs"]  # m
    crushed: Float[Array, " legs"]  # m
    load: Float[Array, " legs"]  # N, along the strut, compression positive
    is_broken: Bool[Array, " legs"]


def unloaded(legs: Legs) -> Struts:
    """Struts that nothing has touched."""
    none = jnp.zeros_like(legs.stiffness)
    return Struts(none, none, none, jnp.zeros(none.shape, bool))


def carries(legs: Legs, struts: Struts) -> Bool[Array, " legs"]:
    """Which legs are there and whole."""
    return (legs.is_there > 0.0) & ~struts.is_broken


def strut_law(legs: Legs, before: Struts, yielded: Line, step: Scalar) -> tuple[Line, Line, Line]:
    """Load along the struts (N), its slope over the stroke (N/m), and what is crushed (m), after a step (s) of stroke (m)."""
    stroke = before.stroke + yielded
    elastic = legs.stiffness * (stroke - before.crushed)
    is_crushing = elastic > legs.crush_load
    past = jnp.maximum(stroke - legs.stroke_limit, 0.0) + jnp.minimum(stroke, 0.0)
    load = jnp.minimum(elastic, legs.crush_load) + legs.stop_stiffness * past + legs.damping / step * yielded
    slope = jnp.where(is_crushing, 0.0, legs.stiffness) + jnp.where(past != 0.0, legs.stop_stiffness, 0.0) + legs.damping / step
    crushed = jnp.where(is_crushing, stroke - legs.crush_load / legs.stiffness, before.crushed)
    return load, slope, crushed


Under = tuple[Legs, Struts, Footing, Print, Approach, Rows]  # legs, what they and the ground remember, and their axes in L


def yielding(under: Under, step: Scalar) -> Line:
    """How far each strut gives way in this step (m), so that its load is the ground's."""
    legs, struts, footing, before, approach, axis_L = under

    def round_of(_, yielded):
        load, slope, _ = strut_law(legs, struts, yielded, step)
        pressed: Pressed = press(footing, before, approach, yielded, axis_L, step)
        return yielded - (load - along(pressed.force_L, axis_L)) / jnp.maximum(slope + pressed.stiffness, 1e-9)

    # Begun with a pad that stays where it is: there the ground is stiff, and one round from it goes a long way.
    still = jnp.where(struts.load > 0.0, -along(approach.moved_L, axis_L), 0.0)
    # A rolled loop: it keeps XLA from working out the points' places anew in every fusion.
    yielded = lax.fori_loop(0, ROUNDS, round_of, still)
    return jnp.where(struts.is_broken, 0.0, yielded)


def after_step(legs: Legs, struts: Struts, yielded: Line, step: Scalar) -> Struts:
    """The struts after a step; a leg loaded past its failure load carries nothing from the next step on."""
    load, _, crushed = strut_law(legs, struts, yielded, step)
    is_whole = carries(legs, struts)
    load = jnp.where(is_whole, load, 0.0)
    breaks = is_whole & (load > legs.failure_load)
    crushed = jnp.where(is_whole, crushed, struts.crushed)
    return Struts(struts.stroke + yielded, crushed, load, struts.is_broken | breaks)


def stored_in_struts(legs: Legs, struts: Struts) -> Scalar:
    """Energy that springs and bump stops of whole legs would give back, J."""
    stretch = struts.stroke - struts.crushed
    past = jnp.maximum(struts.stroke - legs.stroke_limit, 0.0) + jnp.minimum(struts.stroke, 0.0)
    each = 0.5 * (legs.stiffness * stretch * stretch + legs.stop_stiffness * past * past)
    return jnp.sum(jnp.where(carries(legs, struts), each, 0.0))
