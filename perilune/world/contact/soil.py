"""How the ground answers a pad: pressure and sinkage, and friction by bristles.

Loading: p = (k_c/b + k_φ) z, Bekker's law with exponent n = 1 (Mitchell et al. 1972, Apollo soil mechanics S-200; Carrier,
Olhoeft and Mendell 1991, Lunar Sourcebook, section 9.1.7: k_c = 1.4 kN/m², k_φ = 820 kN/m³). Unloading and reloading go
along a steeper line, so that sinkage stays; return mapping in closed form (Simo and Hughes 1998, section 1.2). Sinkage z is
taken along up, and the load W that answers it acts on a pad as W (−∂h/∂x, −∂h/∂y, 1): normal to the ground, and W dz is its
work whatever the ground's shape, so that uneven ground makes no energy. Friction: a spring along the ground (the bristle)
whose pull is mapped back onto Coulomb's cone |T| ≤ μ N; it holds on a slope without creep.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from perilune.foundation.quantities import Scalar

from .rows import Line, Rows, along, length, minus, plus, times


class Soil(eqx.Module):
    """The ground's mechanical figures."""

    cohesive_modulus: Scalar  # N/m², k_c
    frictional_modulus: Scalar  # N/m³, k_φ
    unloading_ratio: Scalar  # stiffness along the unloading line over that of loading; 1 is elastic ground
    shear_ratio: Scalar  # stiffness of the bristle over that of unloading
    retardation: Scalar  # s, damping over stiffness (Kelvin-Voigt), of unloading line and bristle alike
    friction: Scalar  # coefficient


def regolith(friction: float = 0.6) -> Soil:
    """Lunar regolith as of the Lunar Sourcebook; what it does not give is marked M (memory or judgement).

    Unloading ratio 10 (M: plate tests on dry sand give 5 to 20), shear ratio 0.5 (M), retardation 5 ms (M), friction 0.6 (M:
    metal on regolith; soil on soil is tan 35–45°, Lunar Sourcebook table 9.12).
    """
    return Soil(*(jnp.asarray(x, float) for x in (1.4e3, 820e3, 10.0, 0.5, 5e-3, friction)))


class Footing(eqx.Module):
    """The ground as each point feels it, a number a point."""

    loading: Line  # N/m
    unloading: Line  # N/m
    damping: Line  # N s/m
    shear: Line  # N/m
    shear_damping: Line  # N s/m
    friction: Line


def footing_of(soil: Soil, radius: Float[Array, " points"]) -> Footing:
    """Round plates of a radius (m) on a soil: W = π r² (k_c/r + k_φ) z."""
    loading = jnp.pi * radius * (soil.cohesive_modulus + radius * soil.frictional_modulus)
    unloading = soil.unloading_ratio * loading
    shear = soil.shear_ratio * unloading
    return Footing(
        loading, unloading, soil.retardation * unloading, shear, soil.retardation * shear, soil.friction * jnp.ones_like(radius)
    )


class Print(eqx.Module):
    """What the ground under each point remembers."""

    depth: Line  # m, of the point below the untouched ground; negative above it
    sunk: Line  # m, sinkage that would stay
    bristle_L: Rows  # m, stretch of the bristle


class Approach(eqx.Module):
    """Where points have come to in a step, before struts yield: depth, ground slope, way made since the step before."""

    depth: Line  # m
    to_east: Line  # m/m
    to_north: Line  # m/m
    moved_L: Rows  # m


class Pressed(eqx.Module):
    """The ground's answer."""

    print: Print
    force_L: Rows  # N, on the point
    stiffness: Line  # N/m, how fast the force along the strut falls as the strut yields


def press(footing: Footing, before: Print, approach: Approach, yielded: Line, axis_L: Rows, step: Scalar) -> Pressed:
    """The ground's answer to points whose struts have yielded by some way (m) along their axes in this step (s)."""
    normal = (-approach.to_east, -approach.to_north, jnp.ones_like(approach.depth))  # times 1/|normal|, the unit normal
    square = along(normal, normal)
    lift = along(axis_L, normal)
    depth = approach.depth - yielded * lift
    elastic = footing.unloading * (depth - before.sunk)
    virgin = footing.loading * depth
    is_virgin = elastic > virgin
    held = jnp.maximum(jnp.minimum(elastic, virgin), 0.0)
    # Damping counts the way made in touch alone: the load stays continuous at first touch, and Newton's method finds its root.
    pressing = jnp.maximum(depth, before.sunk) - jnp.maximum(before.depth, before.sunk)
    load = jnp.maximum(held + footing.damping / step * pressing, 0.0)
    # In the air the slope is given as if in touch: Newton's method then steps short instead of far past the lift-off.
    in_touch = (load > 0.0) & (depth > before.sunk)
    tangent = jnp.where(
        in_touch, jnp.where(is_virgin, footing.loading, footing.unloading) + footing.damping / step, footing.unloading
    )
    sunk = jnp.where(depth > 0.0, jnp.where(is_virgin, depth - held / footing.unloading, before.sunk), 0.0)

    def in_plane(a: Rows) -> Rows:
        return minus(a, times(along(a, normal) / square, normal))

    slid = in_plane(plus(approach.moved_L, times(yielded, axis_L)))
    stretch = plus(in_plane(before.bristle_L), slid)
    grip = footing.friction * load * jnp.sqrt(square)
    kept = jnp.minimum(1.0, grip / (footing.shear * length(stretch)))
    bristle = times(kept, stretch)
    wanted = plus(times(-footing.shear, bristle), times(-footing.shear_damping / step, slid))
    pull = length(wanted)
    share = jnp.minimum(1.0, grip / pull)
    drag = times(share, wanted)
    sticks = (kept >= 1.0) & (share >= 1.0)
    flat = along(axis_L, axis_L) - lift * lift / square
    slips = lift * footing.friction * jnp.sqrt(square) * tangent * along(wanted, axis_L) / pull
    stiffness = lift * lift * tangent + jnp.where(sticks, (footing.shear + footing.shear_damping / step) * flat, slips)
    return Pressed(Print(depth, sunk, bristle), plus(times(load, normal), drag), jnp.maximum(stiffness, 0.0))


def stored_in_ground(footing: Footing, memory: Print) -> Scalar:
    """Energy that the ground would give back, J: of the unloading line and of the bristles."""
    held = jnp.minimum(footing.unloading * (memory.depth - memory.sunk), footing.loading * memory.depth)
    held = jnp.maximum(held, 0.0)
    stretch = along(memory.bristle_L, memory.bristle_L)
    return 0.5 * jnp.sum(held * held / footing.unloading + footing.shear * stretch)
